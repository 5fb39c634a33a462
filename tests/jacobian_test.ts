// Jacobians of trees of any shapes, against one derivative along each basis direction.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { jacfwd, jacrev, jvp } from "../grad/mod.ts";
import { concatenate, flatten, matmul, mul, reshape, sin } from "../ops/mod.ts";
import type { Tensor } from "../ops/tensor.ts";
import { read } from "./close.ts";
import { assertNear } from "./derivatives.ts";
import { fill, shapes, upload } from "./draw.ts";
import { type Plain, sizeOf } from "./plain.ts";
import { check } from "./property.ts";

interface Pair {
  readonly a: Tensor;
  readonly b: Tensor;
}

const parts = ["a", "b"] as const;

/** Numbers without a pattern that a wrong order of axes would keep. */
function varied(shape: readonly number[]): Plain {
  return fill(shape, "float64", [0.5, -1.25, 2, 0.125, -0.75, 1.5, 0.25, -2, 1, -0.375, 0.875]);
}

Deno.test("jacobian: every block has the result's axes, then the argument's, and is the same in both modes", () => {
  const shape = shapes({ rank: [0, 2], sizes: [0, 3] });
  check(fc.record({ a: shape, b: shape, y: shape, z: shape }), ({ a, b, y, z }) => {
    const [n, m] = [sizeOf(a) + sizeOf(b), sizeOf(y) + sizeOf(z)];
    const weights = upload(varied([m, n]));
    const f = (scale: number, x: Pair): Pair => {
      const all = concatenate([flatten(x.a), flatten(x.b)]);
      const results = matmul(weights, mul(all, sin(mul(all, scale))));
      const part = (start: number, shape: readonly number[]): Tensor =>
        reshape(matmul(selector(start, sizeOf(shape), m), results), shape);
      return { a: part(0, y), b: part(sizeOf(y), z) };
    };
    const at: Pair = { a: upload(varied(a)), b: upload(varied(b)) };
    const inputs = { a, b };
    for (const jacobian of [jacrev, jacfwd]) {
      const blocks = jacobian(f, { argnums: -1 })(0.5, at) as unknown as Record<string, Record<string, Tensor>>;
      for (const by of parts) {
        const columns = Array.from({ length: sizeOf(inputs[by]) }, (_, j) => {
          const along = (part: "a" | "b"): Tensor =>
            upload({
              dtype: "float64",
              shape: inputs[part],
              data: read(at[part]).data.map((_, i) => (part === by && i === j ? 1 : 0)),
            });
          return jvp((x: Pair) => f(0.5, x), [at], [{ a: along("a"), b: along("b") }])[1];
        });
        for (const of of parts) {
          const block = blocks[of]![by]!;
          assertEquals(block.shape, [...(of === "a" ? y : z), ...inputs[by]]);
          const rows = Array.from({ length: sizeOf(of === "a" ? y : z) }, (_, i) => i);
          const expected = rows.flatMap((i) => columns.map((column) => read(column[of]).data[i]!));
          assertNear([...read(block).data], expected, 1e-12, `${jacobian.name} of ${of} by ${by}`);
        }
      }
    }
  });
});

/** The matrix that takes `count` elements from `start` on of a vector of n. */
function selector(start: number, count: number, n: number): Tensor {
  return upload({
    dtype: "float64",
    shape: [count, n],
    data: Array.from({ length: count * n }, (_, k) => (k % n === start + Math.floor(k / n) ? 1 : 0)),
  });
}
