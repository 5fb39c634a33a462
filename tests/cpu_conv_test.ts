// The generated convolution in its three roles: any geometry and layout, block edges and padding, against the reference.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { conv } from "../cpu/conv.ts";
import { convAxes, withThreeAxes } from "../cpu/conv_tables.ts";
import { isPlane } from "../cpu/conv_winograd.ts";
import { reference } from "../cpu/reference.ts";
import type { DType } from "../ops/dtype.ts";
import { contiguous, type Shape, sizeOf } from "../ops/shape.ts";
import { type Case, caseOf, integers, type Role, roles, rows, shapesOf } from "./convolutions.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { type Layout, layouts, placeOperand } from "./views.ts";

const machine = testMachine();

function both(
  role: Role,
  shapes: Case,
  ofFirst: Layout,
  ofSecond: Layout,
  values: readonly number[] = integers,
  dtype: DType = "float32",
  ofSecondOnes: readonly number[] = values,
): { readonly actual: number[]; readonly expected: number[] } {
  machine.reset();
  const [first, second, target] = shapesOf(role, shapes);
  const kernel = { kind: "conv", role, geometry: shapes.geometry } as const;
  const inputs = [
    placeOperand(machine, dtype, values, first, ofFirst),
    placeOperand(machine, dtype, ofSecondOnes, second, ofSecond),
  ];
  const [actual, expected] = [conv, reference.conv].map((implementation) => {
    const output = machine.output(target, dtype);
    implementation(kernel, inputs, output, machine);
    return machine.read(output);
  });
  return { actual: actual!, expected: expected! };
}

function expectSame(shapes: Case, values: readonly number[] = integers, dtype: DType = "float32"): void {
  for (const role of roles) {
    const [first, second] = shapesOf(role, shapes);
    const { actual, expected } = both(role, shapes, rows(first), rows(second, 5), values, dtype);
    assertEquals(actual, expected, `${role} ${JSON.stringify(shapes)}`);
  }
}

const cases = fc.integer({ min: 1, max: 3 }).chain((rank) => {
  const axes = (min: number, max: number) => fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });
  return fc.record({
    batch: fc.nat(3),
    input: axes(0, 6),
    kernel: axes(1, 4),
    strides: axes(1, 3),
    dilation: axes(1, 2),
    padding: fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: rank, maxLength: rank }),
    groups: fc.constantFrom(1, 1, 2, 3),
    channels: fc.constantFrom(1, 2, 3, 5),
    features: fc.constantFrom(1, 2, 6, 9),
  }).map(caseOf);
});

Deno.test("conv: random geometries and layouts", () => {
  for (const role of roles) {
    const drawn = cases.chain((shapes) => {
      const [first, second] = shapesOf(role, shapes);
      return fc.tuple(fc.constant(shapes), layouts(first), layouts(second));
    });
    check(drawn, ([shapes, ofFirst, ofSecond]) => {
      const { actual, expected } = both(role, shapes, ofFirst, ofSecond);
      assertEquals(actual, expected);
    }, { share: 10 });
  }
});

Deno.test("conv: NaN and ∞ do not meet padding", () => {
  const values = [1, NaN, 2, -3, 5, 4, 0, 5, -1, 6, 7, Infinity, 9, 10, 11, 12, 13];
  check(cases, (shapes) => expectSame(shapes, values), { share: 4 });
  const same = caseOf({ batch: 1, input: [3, 3], kernel: [3, 3], padding: [[1, 1], [1, 1]], channels: 1, features: 1 });
  machine.reset();
  const x = placeOperand(machine, "float32", [1], same.x, rows(same.x));
  const w = placeOperand(machine, "float32", [Infinity, 0, 0, 0, 1, 0, 0, 0, 0], same.w, rows(same.w));
  const y = machine.output(same.g, "float32");
  conv({ kind: "conv", role: "output", geometry: same.geometry }, [x, w], y, machine);
  assertEquals(machine.read(y), [1, 1, 1, 1, Infinity, Infinity, 1, Infinity, Infinity]);
});

Deno.test("conv: edges of tiles and blocks", () => {
  const plain = { batch: 1, input: [3, 3], kernel: [2, 2], channels: 1, features: 1 } as const;
  for (const features of [1, 3, 4, 6, 8, 10, 16]) expectSame(caseOf({ ...plain, batch: 3, channels: 5, features }));
  for (const batch of [1, 2, 7, 13]) expectSame(caseOf({ ...plain, batch, input: [13, 11], features: 3 }));
  // Sums of more terms than one block has: in one piece, in several, and over the features.
  expectSame(caseOf({ ...plain, channels: 700, features: 2 }));
  expectSame(caseOf({ ...plain, kernel: [3, 3], channels: 110, features: 2, padding: [[1, 1], [1, 1]] }));
  expectSame(caseOf({ ...plain, channels: 330, features: 2, dilation: [1, 2] }));
  expectSame(caseOf({ ...plain, channels: 2, features: 650 }));
  expectSame(caseOf({ ...plain, batch: 2, input: [9, 9], groups: 3, channels: 7, features: 10 }));
  expectSame(caseOf({ ...plain, input: [5, 5], kernel: [1, 1], strides: [2, 2], channels: 9, features: 9 }));
});

Deno.test("conv: a kernel for each channel", () => {
  for (const groups of [2, 4, 5, 21, 39]) {
    const input = { batch: 2, input: [9, 8], kernel: [3, 2], groups, channels: 1, features: 1 } as const;
    expectSame(caseOf({ ...input, padding: [[1, 1], [0, 1]] }));
    expectSame(caseOf({ ...input, strides: [2, 3], dilation: [2, 1] }));
  }
});

Deno.test("conv: LeNet's layers", () => {
  expectSame(
    caseOf({ batch: 3, input: [28, 28], kernel: [5, 5], padding: [[2, 2], [2, 2]], channels: 1, features: 6 }),
  );
  expectSame(caseOf({ batch: 3, input: [14, 14], kernel: [5, 5], channels: 6, features: 16 }));
});

/** Planes of so many images that they are computed by fewer products. */
function planes(images: number, strides: readonly Shape[], channels: number): fc.Arbitrary<Case> {
  return fc.record({
    batch: fc.integer({ min: images, max: images + 2 }),
    input: fc.tuple(fc.integer({ min: 12, max: 17 }), fc.integer({ min: 13, max: 20 })),
    kernel: fc.constant([3, 3]),
    strides: fc.constantFrom(...strides),
    padding: fc.tuple(...[0, 1].map(() => fc.tuple(fc.nat(3), fc.nat(2)))),
    channels: fc.constantFrom(channels, channels + 4),
    features: fc.constantFrom(channels, channels + 4, channels + 8),
  }).map(caseOf).filter(isOfPlane);
}

function isOfPlane({ geometry, x, w, g }: Case): boolean {
  const operand = (shape: Shape, leading: 0 | 1) =>
    withThreeAxes({ dtype: "float32", ...contiguous(shape), address: 0, length: 0 }, leading);
  const axes = convAxes(geometry, operand(x, 1), operand(w, 0), operand(g, 1));
  return isPlane(axes, geometry.groups, x[0]!, x.at(-1)!, g.at(-1)!);
}

Deno.test("conv: by fewer products", () => {
  const neighbouring = { drawn: planes(1, [[1, 1]], 16), share: 0.75 };
  const apart = { drawn: planes(8, [[2, 2], [1, 2], [2, 1]], 32), share: 0.25 };
  for (const role of roles) {
    for (const { drawn, share } of [neighbouring, apart]) {
      const placed = drawn.chain((shapes) => {
        const [first, second] = shapesOf(role, shapes);
        return fc.tuple(fc.constant(shapes), layouts(first), layouts(second));
      });
      check(placed, ([shapes, ofFirst, ofSecond]) => {
        const { actual, expected } = both(role, shapes, ofFirst, ofSecond);
        assertEquals(actual, expected);
      }, { share });
    }
  }
  // More images than are worked on at a time, and more channels than are summed up at a time.
  const plain = { kernel: [3, 3], padding: [[1, 1], [1, 1]], channels: 16, features: 16 } as const;
  expectSame(caseOf({ ...plain, batch: 13, input: [5, 4] }));
  expectSame(caseOf({ ...plain, batch: 2, input: [8, 8], channels: 652 }));
  expectSame(caseOf({ ...plain, batch: 2, input: [8, 8], features: 652 }));
  // A third axis of one cell, which is the input's or padding.
  const box = {
    batch: 2,
    input: [1, 8, 8],
    kernel: [1, 3, 3],
    channels: 16,
    features: 16,
    strides: [3, 1, 1],
  } as const;
  expectSame(caseOf({ ...box, padding: [[0, 0], [1, 1], [1, 1]] }));
  expectSame(caseOf({ ...box, padding: [[1, 0], [1, 1], [1, 1]] }));
});

Deno.test("conv: fewer products, where one of them is not finite, are as good as all", () => {
  const shapes = caseOf({
    batch: 1,
    input: [12, 12],
    kernel: [3, 3],
    padding: [[1, 1], [1, 1]],
    channels: 16,
    features: 16,
  });
  assert(isOfPlane(shapes));
  const seldom = (value: number): number[] => Array.from({ length: 2309 }, (_, i) => i === 700 ? value : i % 7 - 3);
  for (const value of [NaN, Infinity, -Infinity]) expectSame(shapes, seldom(value));
  // The sum of two such is not finite; with the other factor, none of the terms is large.
  const [huge, tiny] = [seldom(0).map((value) => value > 1 ? 2 ** 127 : value < 0 ? -(2 ** 127) : 0), [2 ** -20, 0, 0]];
  for (const role of roles) {
    const [first, second] = shapesOf(role, shapes).map((shape) => rows(shape)) as [Layout, Layout];
    const values = role === "kernel" ? [tiny, huge] as const : [huge, tiny] as const;
    const { actual, expected } = both(role, shapes, first, second, values[0], "float32", values[1]);
    assert(expected.every(Number.isFinite));
    assertEquals(actual, expected, role);
  }
});

Deno.test("conv: errors of fewer products are in proportion to the largest sums", () => {
  const values = Array.from({ length: 1009 }, (_, i) => Math.sin(i * i));
  const layer = { kernel: [3, 3], padding: [[1, 1], [1, 1]], channels: 32, features: 36 } as const;
  for (
    const { shapes, terms } of [
      { shapes: caseOf({ ...layer, batch: 2, input: [9, 8] }), terms: [9 * 32, 9 * 36, 2 * 9 * 8] },
      { shapes: caseOf({ ...layer, batch: 8, input: [16, 15], strides: [2, 2] }), terms: [9 * 32, 9 * 36, 8 * 8 * 8] },
    ]
  ) {
    assert(isOfPlane(shapes));
    roles.forEach((role, n) => {
      const [first, second] = shapesOf(role, shapes).map((shape) => rows(shape)) as [Layout, Layout];
      const { actual, expected } = both(role, shapes, first, second, values);
      const largest = Math.max(...both(role, shapes, first, second, values.map(Math.abs)).expected);
      // Sums before and after the products make magnitudes up to 3 times as large, along each of two axes; and they are
      // 2 + 2 more roundings along each.
      const bound = 9 * (terms[n]! + 8) * 2 ** -24 * largest;
      const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
      assert(worst > 0 && worst <= bound, `${role} is wrong by ${worst}, more than ${bound}`);
    });
  }
});

Deno.test("conv: errors stay within the bound of sums in any order", () => {
  const values = Array.from({ length: 1009 }, (_, i) => Math.sin(i * i));
  const shapes = caseOf({
    batch: 2,
    input: [9, 7],
    kernel: [3, 3],
    padding: [[1, 1], [1, 1]],
    channels: 20,
    features: 10,
  });
  const terms = { output: 9 * 20, input: 9 * 10, kernel: 2 * 9 * 7 };
  for (const role of roles) {
    const [first, second] = shapesOf(role, shapes).map((shape) => rows(shape)) as [Layout, Layout];
    const { actual, expected } = both(role, shapes, first, second, values);
    const magnitudes = both(role, shapes, first, second, values.map(Math.abs)).expected;
    // So many products and sums, each off by at most half a unit in the last place of the sum of magnitudes, and the
    // rounding of the reference and of the magnitudes.
    const unit = (terms[role] + 2) * 2 ** -24;
    actual.forEach((value, i) => {
      assert(Math.abs(value - expected[i]!) <= unit * magnitudes[i]!, `${role} ${i} is ${value}, not ${expected[i]}`);
    });
  }
});

Deno.test("conv: other dtypes, and nothing to sum", () => {
  const some = { batch: 2, input: [4, 3], kernel: [2, 2], channels: 2, features: 3 } as const;
  for (const dtype of ["float64", "int32", "uint32", "bool"] as const) {
    expectSame(caseOf(some), dtype === "bool" ? [0, 1, 0, 0, 1] : [3, 1, 4, 1, 5, 9, 2], dtype);
  }
  const empty = caseOf({ ...some, input: [0, 3], padding: [[1, 1], [0, 0]] });
  assertEquals(sizeOf(empty.g) > 0, true);
  expectSame(empty);
  expectSame(caseOf({ ...some, batch: 0 }));
  expectSame(caseOf({ ...some, input: [1, 1] }));
});
