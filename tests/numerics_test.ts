// Values and derivatives where naive formulas overflow, cancel or divide 0 by 0, in float32 and float64.
import { assert, assertEquals } from "@std/assert";
import * as pb from "../mod.ts";
import { nn, type Tensor, tensor } from "../mod.ts";
import { assertNear } from "./derivatives.ts";

const dtypes = ["float32", "float64"] as const;

interface Case {
  readonly f: (x: Tensor) => Tensor;
  readonly at: readonly number[];
  readonly value: readonly number[];
  /** Each result by each argument, row after row; of elementwise functions the diagonal alone. */
  readonly slopes: readonly number[];
}

/** Exactly, but for logarithms, which the last place of their dtype may differ in. */
function check(name: string, { f, at, value, slopes }: Case, dtype: "float32" | "float64"): void {
  const x = tensor([...at], { dtype });
  const what = `${name} of ${dtype} ${at}`;
  const error = dtype === "float32" ? 2 ** -22 : 2 ** -51;
  assertNear([...f(x).dataSync()], value, error, what);
  const elementwise = slopes.length === at.length && value.length > 1;
  for (const jacobian of [pb.jacrev(f)(x), pb.jacfwd(f)(x)] as Tensor[]) {
    const all = [...jacobian.dataSync()];
    const own = elementwise ? at.map((_, i) => all[i * (at.length + 1)]!) : all;
    assertNear(own, slopes, error, `the derivative of ${what}`);
  }
}

/** The cross entropy of one example. */
function entropyOf(label: number): (x: Tensor) => Tensor {
  return (x) => nn.loss.crossEntropy(pb.expandDims(x, 0), tensor(new Int32Array([label])));
}

const { LN2 } = Math;
const [far, beyond] = [1e4, Infinity];

// deno-fmt-ignore
const cases: Readonly<Record<string, readonly Case[]>> = {
  softplus: [
    { f: nn.softplus, at: [-far, far], value: [0, far], slopes: [0, 1] },
    { f: nn.softplus, at: [-beyond, beyond], value: [0, beyond], slopes: [0, 1] },
  ],
  logSigmoid: [
    { f: nn.logSigmoid, at: [-far, far], value: [-far, 0], slopes: [1, 0] },
    { f: nn.logSigmoid, at: [-beyond, beyond], value: [-beyond, 0], slopes: [1, 0] },
  ],
  sigmoid: [
    { f: nn.sigmoid, at: [-far, far], value: [0, 1], slopes: [0, 0] },
    { f: nn.sigmoid, at: [-beyond, beyond], value: [0, 1], slopes: [0, 0] },
  ],
  logSumExp: [
    { f: pb.logSumExp, at: [far, -far], value: [far], slopes: [1, 0] },
    { f: pb.logSumExp, at: [far, far], value: [far + LN2], slopes: [0.5, 0.5] },
    { f: pb.logSumExp, at: [-far, -far], value: [-far + LN2], slopes: [0.5, 0.5] },
    { f: pb.logSumExp, at: [0, -beyond], value: [0], slopes: [1, 0] },
    // As in JAX: shares of 0 / 0 and ∞ / ∞ are not numbers.
    { f: pb.logSumExp, at: [-beyond, -beyond], value: [-beyond], slopes: [NaN, NaN] },
    { f: pb.logSumExp, at: [beyond, beyond], value: [beyond], slopes: [NaN, NaN] },
  ],
  softmax: [
    { f: pb.softmax, at: [far, -far], value: [1, 0], slopes: [0, 0, 0, 0] },
    { f: pb.softmax, at: [-far, -far], value: [0.5, 0.5], slopes: [0.25, -0.25, -0.25, 0.25] },
    { f: pb.softmax, at: [0, -beyond], value: [1, 0], slopes: [0, 0, 0, 0] },
    { f: pb.softmax, at: [beyond, 0], value: [NaN, NaN], slopes: [NaN, NaN, NaN, NaN] },
    { f: pb.softmax, at: [-beyond, -beyond], value: [NaN, NaN], slopes: [NaN, NaN, NaN, NaN] },
  ],
  logSoftmax: [
    { f: pb.logSoftmax, at: [far, -far], value: [0, -2 * far], slopes: [0, 0, -1, 1] },
    { f: pb.logSoftmax, at: [-far, -far], value: [-LN2, -LN2], slopes: [0.5, -0.5, -0.5, 0.5] },
    { f: pb.logSoftmax, at: [0, -beyond], value: [0, -beyond], slopes: [0, 0, -1, 1] },
  ],
  crossEntropy: [
    { f: entropyOf(0), at: [far, -far], value: [0], slopes: [0, 0] },
    { f: entropyOf(1), at: [far, -far], value: [2 * far], slopes: [1, -1] },
    { f: entropyOf(0), at: [far, far], value: [LN2], slopes: [-0.5, 0.5] },
    { f: entropyOf(0), at: [0, -beyond], value: [0], slopes: [0, 0] },
    { f: entropyOf(1), at: [0, -beyond], value: [beyond], slopes: [1, -1] },
    { f: entropyOf(0), at: [beyond, 0], value: [NaN], slopes: [NaN, NaN] },
  ],
  sqrt: [{ f: pb.sqrt, at: [0, 4, -1], value: [0, 2, NaN], slopes: [beyond, 0.25, NaN] }],
  abs: [{ f: pb.abs, at: [0, -0, -beyond], value: [0, 0, beyond], slopes: [0, 0, -1] }],
  relu: [{ f: nn.relu, at: [0, -0, -1], value: [0, 0, 0], slopes: [0, 0, 0] }],
  max: [{ f: (x) => pb.max(x), at: [3, 1, 3], value: [3], slopes: [0.5, 0, 0.5] }],
  norm: [
    { f: (x) => pb.norm(x), at: [3, -4], value: [5], slopes: [0.6, -0.8] },
    { f: (x) => pb.norm(x), at: [0, 0], value: [0], slopes: [NaN, NaN] },
  ],
  prod: [
    { f: (x) => pb.prod(x), at: [2, 0, 5], value: [0], slopes: [0, 10, 0] },
    { f: (x) => pb.prod(x), at: [0, 3, 0], value: [0], slopes: [0, 0, 0] },
  ],
  cumprod: [
    { f: (x) => pb.cumprod(x), at: [2, 0, 5], value: [2, 0, 0], slopes: [1, 0, 0, 0, 2, 0, 0, 10, 0] },
    { f: (x) => pb.cumprod(x), at: [0, 3, 0], value: [0, 0, 0], slopes: [1, 0, 0, 3, 0, 0, 0, 0, 0] },
  ],
  "pow by its base at 0": [
    { f: (x) => pb.pow(x, 0), at: [0, -0], value: [1, 1], slopes: [0, 0] },
    { f: (x) => pb.pow(x, 1), at: [0, -0], value: [0, 0], slopes: [1, 1] },
    { f: (x) => pb.pow(x, 2), at: [0, -0], value: [0, 0], slopes: [0, 0] },
    { f: (x) => pb.pow(x, 0.5), at: [0, 4], value: [0, 2], slopes: [beyond, 0.25] },
    { f: (x) => pb.pow(x, -1), at: [0, -0], value: [beyond, -beyond], slopes: [-beyond, -beyond] },
  ],
  "pow by its exponent at a base of 0": [
    { f: (x) => pb.pow(0, x), at: [0, 0.5, 2], value: [1, 0, 0], slopes: [0, 0, 0] },
  ],
};

for (const [name, listed] of Object.entries(cases)) {
  Deno.test(`numerics: ${name} at its edges, and its derivative in both modes`, () => {
    for (const dtype of dtypes) for (const one of listed) check(name, one, dtype);
  });
}

Deno.test("numerics: variance of mean 1e4 and deviation 1, along rows, columns and all axes", () => {
  const [rows, columns] = [4, 2500];
  for (const dtype of dtypes) {
    const data = Float64Array.from(
      { length: rows * columns },
      (_, i) => 1e4 + Math.sqrt(12) * ((i * 0.6180339887498949) % 1 - 0.5),
    );
    const x = tensor(dtype === "float32" ? Float32Array.from(data) : data);
    const held = [...x.dataSync()];
    const varianceOf = (values: number[]): number => {
      const mean = values.reduce((a, b) => a + b) / values.length;
      return values.reduce((total, v) => total + (v - mean) ** 2, 0) / values.length;
    };
    const matrix = pb.reshape(x, [rows, columns]);
    // The mean is rounded to half a unit of 1e4, which is squared; all else is relative to 1.
    const error = dtype === "float32" ? 2 ** -20 : 1e-12;
    const near = (actual: Tensor, expected: number[], what: string): void =>
      assertNear([...actual.dataSync()], expected, error, `${what} of ${dtype}`);
    near(pb.variance(x), [varianceOf(held)], "variance");
    const ofRows = Array.from({ length: rows }, (_, r) => varianceOf(held.slice(r * columns, (r + 1) * columns)));
    near(pb.variance(matrix, { axis: 1 }), ofRows, "variance of rows");
    near(pb.variance(pb.transpose(matrix), { axis: 0 }), ofRows, "variance of columns");
    near(pb.std(matrix, { axis: 1 }), ofRows.map(Math.sqrt), "standard deviation of rows");
  }
});

Deno.test("numerics: sums of float64 keep what their steps lose", () => {
  const sumOf = (data: number[]): number => pb.sum(tensor(data, { dtype: "float64" })).item() as number;
  assertEquals(sumOf([1, 1e100, 1, -1e100]), 2);
  assertEquals(pb.sum(pb.full([1e5], 0.1, { dtype: "float64" })).item(), 1e4);
  const columns = tensor([[1e100, 1], [1, 1], [-1e100, 1]], { dtype: "float64" });
  assertEquals(pb.sum(columns, { axis: 0 }).arraySync(), [1, 3]);
  assertEquals([sumOf([1, Infinity, 2]), sumOf([Infinity, -Infinity]), sumOf([1, NaN])], [Infinity, NaN, NaN]);
  assertEquals([sumOf([1e308, 1e308]), sumOf([])], [Infinity, 0]);
});

Deno.test("numerics: sums of float32 stay within the stated error, however many addends", () => {
  const n = 1 << 20;
  const data = Float32Array.from({ length: n }, (_, i) => (i * 0.6180339887498949) % 1);
  const exact = data.reduce((sum, v) => sum + v, 0);
  const x = tensor(data);
  // 30 · 2⁻²⁴ of the sum of magnitudes: runs of 16 trees of depth 3, a rest of 8, and the last rounding.
  const near = (actual: number, expected: number): void =>
    assert(Math.abs(actual - expected) <= 30 * 2 ** -24 * expected, `${actual}, not ${expected}`);
  near(pb.sum(x).item() as number, exact);
  near(pb.mean(x).item() as number * n, exact);
  const columns = pb.sum(pb.reshape(x, [n / 8, 8]), { axis: 0 }).dataSync();
  near(columns.reduce((a, b) => a + b), exact);
  const all = pb.sum(pb.transpose(pb.reshape(x, [8, n / 32, 4]), [2, 0, 1]), { axis: [0, 2] }).dataSync();
  near(all.reduce((a, b) => a + b), exact);
  const running = pb.cumsum(x).dataSync();
  // Kept in float64 and rounded once.
  assertEquals(running[n - 1], Math.fround(exact));
});

Deno.test("numerics: the slope of pow where the exponent is 0 is 0, and grows with the exponent by 1 / a", () => {
  const [zero, one] = [tensor(0, { dtype: "float64" }), tensor(1, { dtype: "float64" })];
  const byBase = (a: number) => (b: Tensor): Tensor => pb.grad((x: Tensor) => pb.pow(x, b))(pb.mul(one, a));
  assertEquals([0.5, 2, Infinity].map((a) => byBase(a)(zero).item()), [0, 0, 0]);
  assertEquals([0.5, 2].map((a) => pb.jvp(byBase(a), [zero], [one])[1].item()), [2, 0.5]);
});
