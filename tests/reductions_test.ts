// What rows of the op table do not reach of reductions, running results and norms: many elements, kinks, refusals.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as pb from "../mod.ts";
import { grad, max, min, ShapeError, type Tensor, tensor } from "../mod.ts";
import { assertNear } from "./derivatives.ts";
import { refuses, untyped } from "./refuses.ts";

/** Numbers in [0, 1) that look random. */
function scattered(n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => (i * 0.6180339887498949) % 1);
}

Deno.test("numerics: ten million equal addends", () => {
  const n = 1e7;
  const addend = Math.fround(0.1);
  const x = pb.full([n], addend);
  const near = (value: number, expected: number, what: string): void =>
    assert(Math.abs(value / expected - 1) <= 1e-6, `${what}: ${value}, not ${expected}`);
  near(pb.sum(x).item() as number, n * addend, "sum");
  near(pb.mean(x).item() as number, addend, "mean");
  near(pb.norm(x).item() as number, Math.sqrt(n) * addend, "norm");
  near(pb.norm(x, { ord: 1 }).item() as number, n * addend, "norm of ord 1");
  const rows = pb.reshape(x, [4, n / 4]);
  for (const value of pb.sum(rows, { axis: 1 }).dataSync()) near(value, n / 4 * addend, "sum of a row");
  const columns = pb.reshape(x, [n / 4, 4]);
  for (const value of pb.sum(columns, { axis: 0 }).dataSync()) near(value, n / 4 * addend, "sum of a column");
  const runningSums = pb.cumsum(pb.slice(x, { stop: [1e6] })).dataSync();
  for (let i = 0; i < runningSums.length; i += 9973) near(runningSums[i]!, (i + 1) * addend, `running sum ${i}`);
});

Deno.test("numerics: the variance of what is far from 0", () => {
  const n = 10_000;
  // Uniform numbers of mean 1e4 and standard deviation 1, as float32 holds them.
  const data = Float32Array.from(scattered(n), (u) => 1e4 + Math.sqrt(12) * (u - 0.5));
  const mean = data.reduce((sum, v) => sum + v, 0) / n;
  const variance = data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n;
  assertAlmostEquals(variance, 1, 1e-2);
  // The mean is off by at most half an ulp of 1e4, 2⁻¹¹, and its square is added.
  const x = tensor(data);
  assertAlmostEquals(pb.variance(x).item() as number, variance, 1e-6);
  assertAlmostEquals(pb.std(x).item() as number, Math.sqrt(variance), 1e-6);
  const slopes = pb.grad((x: Tensor) => pb.variance(x))(x).dataSync();
  for (let i = 0; i < n; i += 97) assertAlmostEquals(slopes[i]!, 2 * (data[i]! - mean) / n, 2 ** -10 / n);
});

/** The derivative by element k of a product of some elements: the product of the others. */
function slopeOfProduct(factors: readonly number[], k: number): number {
  return factors.reduce((product, v, i) => (i === k ? product : product * v), 1);
}

const withZeros = [[2, 3, 4, 5, 6], [2, 0, 4, 5, 6], [0, 3, 4, 0, 6], [0, 0, 0, 5, 6], [0, -0, 0, 0, 0]];

Deno.test("derivatives: products with zeros", () => {
  for (const factors of withZeros) {
    const x = tensor(factors, { dtype: "float64" });
    const slopes = factors.map((_, k) => slopeOfProduct(factors, k));
    assertNear([...pb.grad((x: Tensor) => pb.prod(x))(x).dataSync()], slopes, 0, `prod of ${factors}`);
    const curvatures = factors.flatMap((_, i) =>
      factors.map((_, k) => (i === k ? 0 : factors.reduce((p, v, m) => (m === i || m === k ? p : p * v), 1)))
    );
    assertNear([...pb.hessian((x: Tensor) => pb.prod(x))(x).dataSync()], curvatures, 0, `twice prod of ${factors}`);
  }
});

Deno.test("derivatives: running products with zeros", () => {
  for (const factors of withZeros) {
    for (const reverse of [false, true]) {
      const x = tensor(factors, { dtype: "float64" });
      const expected = factors.flatMap((_, i) => {
        const passed = reverse ? factors.slice(i) : factors.slice(0, i + 1);
        const first = reverse ? i : 0;
        return factors.map((_, k) => k < first || k >= first + passed.length ? 0 : slopeOfProduct(passed, k - first));
      });
      const running = (x: Tensor): Tensor => pb.cumprod(x, { reverse });
      assertNear([...pb.jacrev(running)(x).dataSync()], expected, 0, `jacrev of cumprod of ${factors}`);
      assertNear([...pb.jacfwd(running)(x).dataSync()], expected, 0, `jacfwd of cumprod of ${factors}`);
    }
  }
});

Deno.test("derivatives: at kinks", () => {
  const slopes = (f: (x: Tensor) => Tensor, at: number[]) =>
    pb.grad((x: Tensor) => pb.sum(f(x)))(tensor(at)).arraySync();
  assertEquals(slopes(pb.abs, [0, -0]), [0, 0]);
  assertEquals(slopes(pb.sqrt, [0, 4]), [Infinity, 0.25]);
  assertEquals(slopes((x) => pb.max(x), [2, 1, 2, 2]), [1 / 3, 0, 1 / 3, 1 / 3].map(Math.fround));
  assertEquals(slopes((x) => pb.maximum(x, 0), [0, 1]), [0.5, 1]);
  assertEquals(slopes((x) => pb.norm(x), [0, 0]), [NaN, NaN]);
  assertEquals(slopes((x) => pb.norm(x), [0, 2]), [0, 1]);
  assertEquals(slopes((x) => pb.norm(x, { ord: 1 }), [0, -2]), [0, -1]);
  assertEquals(slopes((x) => pb.norm(x, { ord: 0 }), [0, -2]), [0, 0]);
  assertEquals(slopes((x) => pb.norm(x, { ord: Infinity }), [2, -2, 1]), [0.5, -0.5, 0]);
  assertEquals(slopes((x) => pb.cummax(x), [1, 1, 0, 1]), [1, 2, 0, 1]);
  assertEquals(slopes((x) => pb.cummin(x, { reverse: true }), [1, 1, 2, 1]), [1, 1, 0, 2]);
  assertEquals(slopes((x) => pb.median(x), [1, 3, 2, 5]), [0, 0.5, 0.5, 0]);
});

Deno.test("norm: neither overflow nor underflow", () => {
  const x = tensor([3e38, 2e38]);
  assertAlmostEquals(pb.norm(tensor([3e37, -4e37])).item() as number, 5e37, 1e31);
  assertEquals(pb.norm(x).item(), Infinity);
  assertEquals(pb.norm(tensor([3e-40, 4e-40])).item(), Math.fround(5e-40));
  assertEquals(pb.norm(pb.zeros([0])).item(), 0);
  assertEquals(pb.norm(pb.zeros([0]), { ord: -1 }).item(), Infinity);
});

Deno.test("quantile: fractions under transforms", () => {
  const x = tensor([4, 1, 3]);
  assertEquals(pb.vmap((q: Tensor) => pb.quantile(x, q))(tensor([0, 0.25, 1])).arraySync(), [1, 2, 4]);
  assertEquals(pb.grad((q: Tensor) => pb.quantile(x, q))(tensor(0.25)).item(), 4);
});

const matrix = pb.ones([2, 3]);

refuses("norms, quantiles, running results and padding", [
  [
    () => pb.norm(matrix, { ord: untyped("nuc") }),
    TypeError,
    'norm() takes an ord that is a number or "fro", got the string "nuc"',
  ],
  [
    () => pb.norm(matrix, { ord: 2 }),
    RangeError,
    'norm() cannot take ord 2 of a matrix: it knows "fro", 1, −1, ∞ and −∞, which need no singular values',
  ],
  [
    () => pb.norm(matrix, { ord: "fro", axis: 0 }),
    RangeError,
    'norm() cannot take ord "fro" over one axis: it is for matrices; ord 2 is the same',
  ],
  [
    () => pb.norm(pb.ones([1, 2, 3]), { ord: 1 }),
    ShapeError,
    "norm() cannot take ord 1 over 3 axes of f32[1,2,3]: give one axis, or two",
  ],
  [
    () => pb.norm(pb.zeros([0]), { ord: Infinity }),
    ShapeError,
    "norm() cannot choose from an empty axis of f32[0] for ord Infinity",
  ],
  [() => pb.quantile(matrix, 1.5), RangeError, "quantile() takes fractions from 0 to 1, got 1.5"],
  [
    () => pb.quantile(matrix, untyped(["a"])),
    TypeError,
    'quantile() takes fractions that are numbers, got the string "a"',
  ],
  [() => pb.median(pb.zeros([2, 0])), ShapeError, "median() cannot choose from an empty axis of f32[2,0]"],
  [
    () => pb.cumprod(matrix, { reverse: untyped("yes") }),
    TypeError,
    'cumprod() takes reverse as true or false, got the string "yes"',
  ],
  [
    () => pb.pad(matrix, [[0, 0], [0, 0]], { mode: untyped("mirror") }),
    TypeError,
    'pad() knows the modes "constant", "edge", "reflect" and "wrap", got the string "mirror"',
  ],
  [
    () => pb.pad(matrix, [[0, 0], [0, 0]], { mode: "edge", value: 1 }),
    TypeError,
    'pad() takes a value in the mode "constant" alone, not in "edge"',
  ],
  [
    () => pb.pad(pb.zeros([0]), [[1, 0]], { mode: "wrap" }),
    ShapeError,
    'pad() cannot continue the empty axis 0 of f32[0] in the mode "wrap"',
  ],
]);

Deno.test("max and min: three that tie get a third each, to the last bit of the dtype", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const x = tensor([2, 2, 2], { dtype });
    const third = dtype === "float32" ? Math.fround(1 / 3) : 1 / 3;
    for (const f of [max, min]) assertEquals(grad((t: Tensor) => f(t))(x).arraySync(), [third, third, third]);
  }
});

Deno.test("prod: over two of three axes, in any order", () => {
  const x = tensor([[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]]);
  const products = [1 * 2 * 7 * 8, 3 * 4 * 9 * 10, 5 * 6 * 11 * 12];
  for (const axis of [[0, 2], [2, 0], [0, -1]]) assertEquals(pb.prod(x, { axis }).arraySync(), products);
  assertEquals(pb.prod(pb.zeros([0, 2]), { axis: 0, keepDims: true }).arraySync(), [[1, 1]]);
});
