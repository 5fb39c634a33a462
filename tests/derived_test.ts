// Derived functions on known values: which programs are traced, which are kept, and when the oldest is forgotten.
import { assertEquals } from "@std/assert";
import { mul, ones, type Tensor } from "../mod.ts";
import { derived } from "../ops/derived.ts";

/** A derived function that takes a setting, and how often its body was traced. */
function counted(): { readonly call: (x: Tensor, factor: number) => number; readonly traced: () => number } {
  let traced = 0;
  const f = derived("f", ([x], factor: number) => {
    traced++;
    return mul(x!, factor);
  });
  return { call: (x, factor) => f([x], factor).dataSync()[0]!, traced: () => traced };
}

Deno.test("derived: a program is traced once for each dtype, shape and setting", () => {
  const { call, traced } = counted();
  const kinds: [x: Tensor, factor: number][] = [
    [ones([2]), 2],
    [ones([2], { dtype: "int32" }), 2],
    [ones([1, 2]), 2],
    [ones([2]), 3],
  ];
  for (const calls of [1, 2]) {
    kinds.forEach(([x, factor], i) => {
      assertEquals(call(x, factor), factor);
      assertEquals(traced(), calls === 1 ? i + 1 : kinds.length);
    });
  }
});

Deno.test("derived: of more than 256 programs the oldest is forgotten", () => {
  const { call, traced } = counted();
  const x = ones([1]);
  for (let factor = 0; factor < 256; factor++) call(x, factor);
  assertEquals([call(x, 0), traced()], [0, 256]);
  assertEquals([call(x, 256), traced()], [256, 257]);
  assertEquals([call(x, 1), traced()], [1, 257]);
  assertEquals([call(x, 0), traced()], [0, 258]);
});
