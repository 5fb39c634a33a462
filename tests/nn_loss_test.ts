/** Losses: against PyTorch's numbers, hand formulas and closed-form gradients, and at the edge of float32 (O6, O10). */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import {
  checkGrads,
  full,
  grad,
  log,
  logSoftmax,
  mul,
  nn,
  ones,
  random,
  ShapeError,
  sum,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "../mod.ts";
import { assertNear } from "./derivatives.ts";
import { between } from "./draw.ts";
import { check } from "./property.ts";

const { loss } = nn;

function f64(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return tensor(Float64Array.from(values), { shape });
}

function ints(values: readonly number[]): Tensor {
  return tensor(Int32Array.from(values));
}

function numbers(x: Tensor): number[] {
  return [...x.dataSync<Float64Array>()];
}

// Computed by PyTorch 1.13.1 in float64, twelve digits.
const logits = f64([0.5, -1.25, 2, 1.5, 0.25, -0.75, -2, 0.125, 1, 0, 3, -1], [4, 3]);
const labels = ints([2, 0, 1, 1]);
const weight = f64([0.5, 2, 1.25]);
const targets = f64([0.2, 0.3, 0.5, 1, 0, 0, 0.25, 0.25, 0.5, 0.1, 0.6, 0.3], [4, 3]);
type Reduced = { readonly reduction: nn.loss.Reduction };
const golden:
  readonly (readonly [string, (o: Reduced) => Tensor, mean: number, sum: number, none: readonly number[]])[] = [
    ["labels", (o) => loss.crossEntropy(logits, labels, o), 0.471789690757, 1.887158763028, [
      0.232621983102,
      0.330672609407,
      1.257980266761,
      0.065883903757,
    ]],
    ["weights", (o) => loss.crossEntropy(logits, labels, { ...o, weight }), 0.539798630368, 3.103842124619, [
      0.290777478878,
      0.165336304704,
      2.515960533523,
      0.131767807515,
    ]],
    [
      "smoothing",
      (o) => loss.crossEntropy(logits, labels, { ...o, labelSmoothing: 0.1 }),
      0.609289690757,
      2.437158763028,
      [
        0.390955316435,
        0.447339276074,
        1.299646933428,
        0.299217237091,
      ],
    ],
    ["ignored", (o) => loss.crossEntropy(logits, labels, { ...o, ignoreIndex: 1 }), 0.281647296255, 0.563294592509, [
      0.232621983102,
      0.330672609407,
      0,
      0,
    ]],
    [
      "all options",
      (o) => loss.crossEntropy(logits, labels, { ...o, weight, ignoreIndex: 1, labelSmoothing: 0.1 }),
      0.514093845307,
      0.899664229287,
      [0.532444145544, 0.367220083742, 0, 0],
    ],
    ["probabilities", (o) => loss.crossEntropy(logits, targets, o), 1.188977190757, 4.755908763028, [
      1.507621983102,
      0.330672609407,
      1.351730266761,
      1.565883903757,
    ]],
    [
      "weighted, smoothed probabilities",
      (o) => loss.crossEntropy(logits, targets, { ...o, weight, labelSmoothing: 0.1 }),
      1.482483060953,
      5.929932243813,
      [2.438146129404, 0.367220083742, 1.318308666785, 1.806257363882],
    ],
    ["nll", (o) => loss.nll(logSoftmax(logits), labels, { ...o, weight }), 0.539798630368, 3.103842124619, [
      0.290777478878,
      0.165336304704,
      2.515960533523,
      0.131767807515,
    ]],
    ["klDiv", (o) => loss.klDiv(logSoftmax(logits), targets, o), 0.149049104439, 1.788589253267, [
      0.024636814134,
      0.683594753633,
      -0.230262598729,
      0.330672609407,
      0,
      0,
      0.49917147641,
      -0.03207852359,
      -0.155083456899,
      0.076329881076,
      -0.266965032005,
      0.858573329829,
    ]],
    ["mse", (o) => loss.mse(logits, targets, o), 1.533802083333, 18.405625, [
      0.09,
      2.4025,
      2.25,
      0.25,
      0.0625,
      0.5625,
      5.0625,
      0.015625,
      0.25,
      0.01,
      5.76,
      1.69,
    ]],
    ["l1", (o) => loss.l1(logits, targets, o), 0.960416666667, 11.525, [
      0.3,
      1.55,
      1.5,
      0.5,
      0.25,
      0.75,
      2.25,
      0.125,
      0.5,
      0.1,
      2.4,
      1.3,
    ]],
    ["bce", (o) => loss.bce(nn.sigmoid(logits), targets, o), 0.73030772784, 8.763692734075, [
      0.87407698418,
      0.626929081345,
      1.126928011043,
      0.201413277983,
      0.825939419879,
      0.386871006115,
      0.626928011043,
      0.726349035317,
      0.813261687518,
      0.69314718056,
      1.248587351574,
      0.613261687518,
    ]],
    ["bceWithLogits", (o) => loss.bceWithLogits(logits, targets, o), 0.73030772784, 8.763692734075, [
      0.87407698418,
      0.626929081345,
      1.126928011043,
      0.201413277983,
      0.825939419879,
      0.386871006115,
      0.626928011043,
      0.726349035317,
      0.813261687518,
      0.69314718056,
      1.248587351574,
      0.613261687518,
    ]],
  ]; // deno-fmt-ignore

Deno.test("loss: values and reductions are PyTorch's", () => {
  for (const [name, of, mean, sum, none] of golden) {
    assertNear(numbers(of({ reduction: "mean" })), [mean], 1e-11, `${name}, mean`);
    assertNear(numbers(of({ reduction: "sum" })), [sum], 1e-11, `${name}, sum`);
    assertNear(numbers(of({ reduction: "none" })), none, 1e-11, `${name}, none`);
  }
  // The mean is the default.
  assertNear(numbers(loss.mse(logits, targets)), [1.533802083333], 1e-11, "mse");
});

Deno.test("loss: O10, softmax and cross entropy have the gradient −(e(Y) − f)", () => {
  const drawn = fc.integer({ min: 2, max: 5 }).chain((classes) =>
    fc.record({
      z: fc.array(between(-8, 8), { minLength: classes, maxLength: classes }),
      label: fc.nat(classes - 1),
    })
  );
  check(drawn, ({ z, label }) => {
    const slope = grad((u: Tensor) => loss.crossEntropy(u, ints([label]), { reduction: "sum" }))(f64(z, [1, z.length]));
    const total = z.reduce((s, v) => s + Math.exp(v), 0);
    const closed = z.map((v, c) => Math.exp(v) / total - Number(c === label));
    assertNear(numbers(slope), closed, 1e-12, "gradient");
  });
});

Deno.test("loss: closed-form gradients of the other losses", () => {
  const n = 6;
  const lists = fc.tuple(
    fc.array(between(-4, 4), { minLength: n, maxLength: n }),
    fc.array(between(0.125, 0.875), { minLength: n, maxLength: n }),
  );
  const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
  check(lists, ([z, t]) => {
    const slope = (f: (x: Tensor) => Tensor, x: readonly number[]): number[] => numbers(grad(f)(f64(x)));
    const near = (name: string, got: number[], want: (i: number) => number): void =>
      assertNear(got, z.map((_, i) => want(i) / n), 1e-12, name);
    near("mse", slope((x) => loss.mse(x, f64(t)), z), (i) => 2 * (z[i]! - t[i]!));
    near("l1", slope((x) => loss.l1(x, f64(t)), z), (i) => Math.sign(z[i]! - t[i]!));
    near("bceWithLogits", slope((x) => loss.bceWithLogits(x, f64(t)), z), (i) => sigmoid(z[i]!) - t[i]!);
    const p = z.map(sigmoid);
    near("bce", slope((x) => loss.bce(x, f64(t)), p), (i) => (p[i]! - t[i]!) / (p[i]! * (1 - p[i]!)));
    near("klDiv", slope((x) => loss.klDiv(x, f64(t)), z), (i) => -t[i]!);
    near("klDiv by the target", slope((x) => loss.klDiv(f64(z), x), t), (i) => Math.log(t[i]!) + 1 - z[i]!);
  });
});

Deno.test("loss: derivatives to second order, in both modes, with every option", () => {
  checkGrads((z) => loss.crossEntropy(z, labels, { weight, ignoreIndex: 0, labelSmoothing: 0.2 }), [logits]);
  checkGrads((z, t) => loss.crossEntropy(z, t, { weight, labelSmoothing: 0.2 }), [logits, targets]);
  checkGrads((z) => loss.bceWithLogits(z, targets), [logits]);
});

Deno.test("loss: O6, O10, logits of ±1e4 in float32 give finite values and gradients", () => {
  const z = tensor([[1e4, -1e4, 0], [-1e4, 1e4, 0]]);
  const wrong = ints([1, 1]);
  assertEquals(loss.crossEntropy(z, wrong, { reduction: "none" }).arraySync(), [2e4, 0]);
  const slope = grad((u: Tensor) => loss.crossEntropy(u, wrong, { reduction: "sum" }))(z);
  assertEquals(slope.arraySync(), [[1, -1, 0], [0, 0, 0]]);
  const binary = tensor([1e4, -1e4]);
  assertEquals(loss.bceWithLogits(binary, zeros([2]), { reduction: "none" }).arraySync(), [1e4, 0]);
  assertEquals(loss.bceWithLogits(binary, ones([2]), { reduction: "none" }).arraySync(), [0, 1e4]);
  const both = grad((u: Tensor) => loss.bceWithLogits(u, ones([2]), { reduction: "sum" }))(binary);
  assertEquals(both.arraySync(), [0, -1]);
  // What is left of a confident, right answer keeps its digits.
  assertAlmostEquals(loss.bceWithLogits(tensor([20]), 1).item() as number / Math.exp(-20), 1, 1e-6);
  assertAlmostEquals(loss.bceWithLogits(tensor([-20]), 0).item() as number / Math.exp(-20), 1, 1e-6);
});

Deno.test("loss: classes ruled out by −∞ have no part in loss and gradient", () => {
  const z = tensor([[0, 0, -Infinity]]);
  const target = tensor([[0.5, 0.5, 0]]);
  assertAlmostEquals(loss.crossEntropy(z, target).item() as number, Math.log(2), 1e-6);
  const slope = grad((u: Tensor) => loss.crossEntropy(u, target))(z);
  assertEquals(slope.arraySync(), [[0, 0, 0]]);
  assertAlmostEquals(loss.klDiv(logSoftmax(z), target, { reduction: "sum" }).item() as number, 0, 1e-6);
});

Deno.test("loss: bce bounds its logarithms at −100", () => {
  assertEquals(loss.bce(tensor([0, 1, 0, 1]), tensor([1, 0, 0, 1]), { reduction: "none" }).arraySync(), [
    100,
    100,
    0,
    0,
  ]);
  const slope = grad((p: Tensor) => loss.bce(p, tensor([1, 0, 0, 1]), { reduction: "sum" }))(tensor([0, 1, 0, 1]));
  assertEquals(slope.arraySync(), [0, 0, 1, -1]);
});

Deno.test("loss: a label that is no class gives NaN, and does not count from the end", () => {
  for (const label of [-1, 3, -4]) {
    assert(Number.isNaN(loss.crossEntropy(logits, ints([0, 1, 2, label])).item()));
    assert(Number.isNaN(loss.nll(logits, ints([0, 1, 2, label])).item()));
  }
  assert(Number.isFinite(loss.crossEntropy(logits, ints([0, 1, 2, -1]), { ignoreIndex: -1 }).item()));
});

Deno.test("loss: labels of any rank, and one number for a target", () => {
  const z = random.normal(random.key(0), [2, 3, 4]);
  const y = random.randint(random.key(1), [2, 3], { minval: 0, maxval: 4 });
  const rows = vmap((z: Tensor, y: Tensor) => loss.crossEntropy(z, y))(z, y);
  assertAlmostEquals(loss.crossEntropy(z, y).item() as number, sum(mul(rows, 0.5)).item() as number, 1e-6);
  assertEquals(loss.crossEntropy(z, y, { reduction: "none" }).shape, [2, 3]);
  assertEquals(loss.mse(tensor([1, 3]), 1).item(), 2);
  assertEquals(loss.crossEntropy(tensor([0, 0]), tensor(new Int32Array([1]), { shape: [] })).shape, []);
});

Deno.test("loss: errors say what came and the rule", () => {
  const throws = (f: () => unknown, kind: new (message: string) => Error, message: string): void => {
    assertEquals(assertThrows(f, kind).message, message);
  };
  const z = zeros([4, 3]);
  throws(
    () => loss.crossEntropy(z, ints([1, 2])),
    ShapeError,
    "crossEntropy() needs one label for each row of f32[4,3], got i32[2]",
  );
  throws(
    () => loss.crossEntropy(z, full([4], true)),
    TypeError,
    "crossEntropy() takes labels as a tensor of integers, got bool[4]",
  );
  throws(
    () => loss.crossEntropy(z, zeros([4])),
    ShapeError,
    "crossEntropy() needs a target of the shape of the prediction f32[4,3], got f32[4]",
  );
  throws(
    () => loss.crossEntropy(ints([1]), ints([1])),
    TypeError,
    "crossEntropy() takes scores as a tensor of floats, got i32[1]",
  );
  throws(
    () => loss.crossEntropy(z, labels, { weight: ones([4]) }),
    ShapeError,
    "crossEntropy() needs one weight for each class of f32[4,3], got f32[4]",
  );
  throws(
    () => loss.crossEntropy(z, labels, { labelSmoothing: 2 }),
    RangeError,
    "crossEntropy() needs labelSmoothing between 0 and 1, got 2",
  );
  throws(
    () => loss.crossEntropy(z, z, { ignoreIndex: 0 }),
    TypeError,
    "crossEntropy() takes ignoreIndex with labels, not probabilities",
  );
  throws(() => loss.nll(log(ones([])), ints([1])), ShapeError, "nll() needs scores with an axis of classes, got f32[]");
  throws(
    () => loss.mse(zeros([4, 1]), zeros([4])),
    ShapeError,
    "mse() needs a target of the shape of the prediction f32[4,1], got f32[4]",
  );
  throws(
    () => loss.mse(z, z, { reduction: "average" as "mean" }),
    TypeError,
    'mse() takes the reduction "mean", "sum" or "none", got the string "average"',
  );
});
