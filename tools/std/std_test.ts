// What the tests rely on @std/assert and @std/testing for; holds for the stand-ins and for the real packages alike.
import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertInstanceOf,
  AssertionError,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
} from "@std/assert";
import { assertType, type Has, type IsAny, type IsExact, type IsNever, type IsNullable } from "@std/testing/types";

Deno.test("equal compares structure", () => {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  const other: { self?: unknown } = {};
  other.self = other;
  class Point {
    constructor(readonly x: number) {}
  }
  const equals: [unknown, unknown][] = [
    [NaN, NaN],
    [0, -0],
    [[1, [2, { a: 3 }]], [1, [2, { a: 3 }]]],
    [new Float32Array([1, NaN]), new Float32Array([1, NaN])],
    [new Float32Array([0]), new Float32Array([-0])],
    [new Map([[{ a: 1 }, [2]]]), new Map([[{ a: 1 }, [2]]])],
    [new Set([[1], [2]]), new Set([[2], [1]])],
    [new Date(5), new Date(5)],
    [/a/g, /a/g],
    [loop, other],
    [new Point(1), new Point(1)],
  ];
  for (const [a, b] of equals) assert(equal(a, b), `${Deno.inspect(a)} equals ${Deno.inspect(b)}`);
  const differ: [unknown, unknown][] = [
    [1, "1"],
    [null, undefined],
    [{ a: undefined }, {}],
    [[1, 2], [1, 2, 3]],
    [[1], { 0: 1 }],
    [new Float32Array([1]), new Float64Array([1])],
    [new Float32Array([1]), new Float32Array([2])],
    [new Set([[1]]), new Set([[2]])],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    [new Date(5), new Date(6)],
    [new Point(1), { x: 1 }],
    [new Point(1), new Point(2)],
  ];
  for (const [a, b] of differ) assertFalse(equal(a, b), `${Deno.inspect(a)} differs from ${Deno.inspect(b)}`);
});

Deno.test("a failed assertion throws AssertionError", async () => {
  const failures: (() => void)[] = [
    () => assert(0),
    () => assertFalse(1),
    () => assertEquals([1], [2]),
    () => assertNotEquals([1], [1]),
    () => assertStrictEquals(0, -0),
    () => assertAlmostEquals(1, 1.1),
    () => assertAlmostEquals(NaN, 1, 100),
    () => assertExists(null),
    () => assertStringIncludes("abc", "d"),
    () => assertMatch("abc", /d/),
    () => assertArrayIncludes([1, 2], [3]),
    () => assertInstanceOf([], Date),
    () => assertThrows(() => 1),
    () =>
      assertThrows(() => {
        throw new TypeError("a");
      }, RangeError),
    () =>
      assertThrows(
        () => {
          throw new TypeError("a");
        },
        TypeError,
        "b",
      ),
    () =>
      assertThrows(() => {
        throw "text";
      }, Error),
  ];
  for (const failure of failures) assertInstanceOf(thrownBy(failure), AssertionError, String(failure));
  await assertRejects(() => assertRejects(() => Promise.resolve(1)), AssertionError, "Expected function to reject");
  await assertRejects(
    () =>
      assertRejects(() => {
        throw new Error("now");
      }),
    AssertionError,
    "throws when expected",
  );
});

// Not assertThrows: this is what is being tested.
function thrownBy(fn: () => void): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
}

Deno.test("assertThrows and assertRejects return the error", async () => {
  const error = new RangeError("axis 3 is out of range");
  const fail = () => {
    throw error;
  };
  assertStrictEquals(assertThrows(fail), error);
  assertStrictEquals(assertThrows(fail, RangeError, "axis 3"), error);
  assertStrictEquals(assertThrows(fail, Error), error);
  assertStrictEquals(await assertRejects(() => Promise.reject(error), RangeError, "axis 3"), error);
});

Deno.test("assertAlmostEquals has a relative default", () => {
  assertAlmostEquals(1e6, 1e6 + 0.05);
  assertAlmostEquals(NaN, NaN);
  assertAlmostEquals(Infinity, Infinity);
  assertThrows(() => assertAlmostEquals(0, 1e-9), AssertionError, "to be close to");
});

Deno.test("assertType tells types apart", () => {
  assertType<IsExact<[a: number, b: string], [number, string]>>(true);
  assertType<IsExact<{ a: { b: number } }, { a: { b: string } }>>(false);
  assertType<IsExact<{ a?: 1 }, { a: 1 }>>(false);
  assertType<IsExact<{ a?: 1 }, object>>(false);
  assertType<IsExact<number | null, number>>(false);
  // deno-lint-ignore no-explicit-any -- any is what is being told apart
  assertType<IsExact<{ a: any }, { a: number }>>(false);
  // deno-lint-ignore no-explicit-any -- as above
  assertType<IsAny<any>>(true);
  assertType<IsExact<readonly number[], number[]>>(false);
  assertType<IsExact<(x: number) => string, (x: number) => string>>(true);
  assertType<IsExact<(x: number) => string, (x: string) => string>>(false);
  assertType<IsNever<never>>(true);
  assertType<IsNullable<string | undefined>>(true);
  assertType<Has<string | number, number>>(true);
});
