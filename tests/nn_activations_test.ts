/** Activations and initialisers: values, derivatives, extremes, variances (O7, T7). */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  checkGrads,
  grad,
  hvp,
  mean,
  nn,
  ones,
  random,
  ShapeError,
  square,
  sum,
  type Tensor,
  tensor,
  type TensorLike,
  tree,
  variance,
  vmap,
} from "../mod.ts";
import { assertNear } from "./derivatives.ts";

function numbers(x: Tensor): number[] {
  return [...x.dataSync()];
}

/** Slopes of a function of single numbers. */
function slopes(f: (x: Tensor) => Tensor, x: Tensor): number[] {
  return numbers(grad((t: Tensor) => sum(f(t)))(x));
}

// Away from corners, and PyTorch 1.13.1's values there, in float64; those of the exact gelu are mpmath's.
const points = [-5, -1.5, -0.25, 0.25, 1.5, 5];
const golden: readonly (readonly [string, (x: TensorLike) => Tensor, readonly number[]])[] = [
  ["silu", nn.silu, [-0.033464254621, -0.27363828571, -0.109455874779, 0.140544125221, 1.22636171429, 4.966535745379]],
  ["elu", (x) => nn.elu(x, { alpha: 0.5 }), [-0.4966310265, -0.388434919926, -0.110599608464, 0.25, 1.5, 5]],
  ["celu", (x) => nn.celu(x, { alpha: 0.5 }), [-0.499977300035, -0.475106465816, -0.196734670144, 0.25, 1.5, 5]],
  ["selu", nn.selu, [-1.74625336067, -1.365814353367, -0.388890197478, 0.262675246839, 1.576051481033, 5.253504936777]],
  ["leakyRelu", (x) => nn.leakyRelu(x, { negativeSlope: 0.2 }), [-1, -0.3, -0.05, 0.25, 1.5, 5]],
  ["logSigmoid", nn.logSigmoid, [
    -5.006715348489,
    -1.701413277983,
    -0.825939419879,
    -0.575939419879,
    -0.201413277983,
    -0.006715348489,
  ]],
  ["hardSigmoid", nn.hardSigmoid, [0, 0.25, 0.458333333333, 0.541666666667, 0.75, 1]],
  ["hardTanh", nn.hardTanh, [-1, -1, -0.25, 0.25, 1, 1]],
  ["hardSwish", nn.hardSwish, [-0, -0.375, -0.114583333333, 0.135416666667, 1.125, 5]],
  ["mish", nn.mish, [-0.03357623773, -0.298099742167, -0.129926963679, 0.169572409664, 1.403378266396, 4.999552077529]],
  ["softsign", nn.softsign, [-0.833333333333, -0.6, -0.2, 0.2, 0.6, 0.833333333333]],
  ["relu6", nn.relu6, [0, 0, 0, 0.25, 1.5, 5]],
  ["softplus", nn.softplus, [
    0.006715348489,
    0.201413277983,
    0.575939419879,
    0.825939419879,
    1.701413277983,
    5.006715348489,
  ]],
  ["gelu", nn.gelu, [-2.2918e-7, -0.10042842302, -0.100324649298, 0.149675350702, 1.39957157698, 4.99999977082]],
  ["exact gelu", (x) => nn.gelu(x, { approximate: false }), [
    -1.433257859396e-6,
    -0.1002108019033,
    -0.1003234185793,
    0.1496765814207,
    1.399789198097,
    4.999998566742,
  ]],
  ["squaredRelu", nn.squaredRelu, [0, 0, 0, 0.0625, 2.25, 25]],
  ["relu", nn.relu, [0, 0, 0, 0.25, 1.5, 5]],
]; // deno-fmt-ignore

Deno.test("activations: values are PyTorch's, derivatives are those of differences, batches are loops", () => {
  const x = tensor(Float64Array.from(points));
  for (const [name, f, values] of golden) {
    assertNear(numbers(f(x)), values, 1e-11, name);
    checkGrads(f, [x]);
    assertEquals(vmap((v: Tensor) => f(v))(x).arraySync(), f(x).arraySync(), name);
    // Bare numbers and integers are float32.
    assertEquals(f(0.5).dtype, "float32");
    assertAlmostEquals(f(tensor(new Int32Array([5]))).item() as number, values[5]!, 1e-5);
  }
});

Deno.test("activations: finite values and slopes at ±1e4 in float32", () => {
  const x = tensor([-1e4, 1e4]);
  for (const [name, f] of golden) {
    assert(numbers(f(x)).every(Number.isFinite), `${name} is ${numbers(f(x))}`);
    assert(slopes(f, x).every(Number.isFinite), `${name} has slopes ${slopes(f, x)}`);
  }
  assertEquals(numbers(nn.softplus(x)), [0, 1e4]);
  assertEquals(numbers(nn.logSigmoid(x)), [-1e4, 0]);
  assertEquals(numbers(nn.softplus(tensor([-Infinity, Infinity]))), [0, Infinity]);
  assertEquals(slopes(nn.softplus, tensor([-Infinity, Infinity])), [0, 1]);
});

Deno.test("activations: softplus keeps its digits where it is small, and is smooth at 0", () => {
  assertAlmostEquals(nn.softplus(-20).item() as number / Math.log1p(Math.exp(-20)), 1, 1e-6);
  assertEquals(slopes(nn.softplus, tensor([0])), [0.5]);
  // The Hessian of untrained logits, which are 0.
  assertEquals(hvp((z: Tensor) => sum(nn.softplus(z)), tensor([0]), tensor([1])).item(), 0.25);
});

Deno.test("activations: slopes at corners", () => {
  const corners = (f: (x: Tensor) => Tensor, ...at: number[]) => slopes(f, tensor(at));
  assertEquals(corners(nn.relu, 0, NaN), [0, 0]);
  assertEquals(corners(nn.leakyRelu, 0), [1]);
  assertEquals(corners(nn.elu, 0), [1]);
  assertEquals(corners(nn.celu, 0), [1]);
  assertEquals(corners(nn.relu6, 0, 6), [0.5, 0.5]);
  assertEquals(corners(nn.hardTanh, -1, 1), [0.5, 0.5]);
});

Deno.test("activations: O7, the slope of sigmoid is σ(1 − σ), also where it saturates", () => {
  const x = tensor(Float64Array.from(points));
  const s = points.map((v) => 1 / (1 + Math.exp(-v)));
  assertNear(slopes(nn.sigmoid, x), s.map((v) => v * (1 - v)), 1e-12, "sigmoid");
  assertNear(slopes(nn.tanh, x), points.map((v) => 1 - Math.tanh(v) ** 2), 1e-12, "tanh");
  const far = slopes(nn.sigmoid, tensor([-20, 20, -200, 200]));
  assertAlmostEquals(far[0]! / Math.exp(-20), 1, 1e-6);
  assert(far.every((v) => v >= 0), `slopes ${far}`);
});

Deno.test("activations: glu halves an axis", () => {
  const x = tensor([[1, 2, 0, 0], [3, 4, 1e4, -1e4]]);
  assertEquals(nn.glu(x).arraySync(), [[0.5, 1], [3, 0]]);
  assertEquals(nn.glu(x, { axis: 0 }).shape, [1, 4]);
  assertEquals(
    assertThrows(() => nn.glu(ones([2, 3])), ShapeError).message,
    "glu() cannot halve axis 1 of f32[2,3]: its size must be even",
  );
  assertEquals(
    assertThrows(() => nn.gelu(0, { approximate: "tanh" as unknown as true }), TypeError).message,
    'gelu() takes approximate as a boolean, got the string "tanh"',
  );
});

const { init } = nn;

Deno.test("init: T7, variances and bounds by fan-in and fan-out, of dense and convolution weights", () => {
  const uniform = (limit: number) => ({ variance: limit ** 2 / 3, limit });
  const normal = (variance: number) => ({ variance, limit: Infinity });
  const rules: Record<string, (fanIn: number, fanOut: number) => { variance: number; limit: number }> = {
    fanInUniform: (n) => uniform(1 / Math.sqrt(n)),
    fanInNormal: (n) => normal(1 / n),
    lecunUniform: (n) => uniform(Math.sqrt(3 / n)),
    lecunNormal: (n) => normal(1 / n),
    glorotUniform: (n, m) => uniform(Math.sqrt(6 / (n + m))),
    glorotNormal: (n, m) => normal(2 / (n + m)),
    xavierUniform: (n, m) => uniform(Math.sqrt(6 / (n + m))),
    xavierNormal: (n, m) => normal(2 / (n + m)),
    heUniform: (n) => uniform(Math.sqrt(6 / n)),
    heNormal: (n) => normal(2 / n),
    kaimingUniform: (n) => uniform(Math.sqrt(6 / n)),
    kaimingNormal: (n) => normal(2 / n),
  };
  const shapes = [
    { shape: [100, 200], fanIn: 100, fanOut: 200 },
    { shape: [5, 3, 10, 40], fanIn: 150, fanOut: 600 },
  ];
  for (const [name, rule] of Object.entries(rules)) {
    for (const { shape, fanIn, fanOut } of shapes) {
      const x = (init[name as keyof typeof init] as nn.Initializer)(random.key(3), shape);
      const expected = rule(fanIn, fanOut);
      // Within five deviations: the variance of n normal numbers is off by √(2/n), of uniform ones by less.
      assertAlmostEquals(variance(x).item() as number / expected.variance, 1, 5 * Math.sqrt(2 / x.size), name);
      assertAlmostEquals(mean(x).item() as number, 0, 5 * Math.sqrt(expected.variance / x.size), name);
      assert(numbers(x).every((v) => Math.abs(v) <= Math.fround(expected.limit)), name);
      assertEquals(x.shape, shape);
    }
  }
});

Deno.test("init: constants, plain normal and uniform, and weights without two axes", () => {
  const key = random.key(0);
  assertEquals(init.zeros(key, [2]).arraySync(), [0, 0]);
  assertEquals(init.ones(key, [2], { dtype: "float64" }).dtype, "float64");
  assertEquals(init.constant(key, [2], { value: -1.5 }).arraySync(), [-1.5, -1.5]);
  assertEquals(init.glorotUniform(key, [2, 3], { dtype: "float64" }).dtype, "float64");
  const x = init.normal(key, [10_000], { mean: 2, std: 0.5 });
  assertAlmostEquals(mean(x).item() as number, 2, 0.03);
  assertAlmostEquals(variance(x).item() as number, 0.25, 0.02);
  assert(numbers(init.uniform(key, [1000])).every((v) => v >= 0 && v < 0.01));
  assertEquals(
    assertThrows(() => init.heNormal(key, [10]), ShapeError).message,
    "heNormal() needs a weight [...kernel, in, out], got the shape [10]",
  );
});

Deno.test("init: T7, weights of 0 get no gradient in a two-layer net of tanh or relu, and sigmoid gives 0.5", () => {
  for (const activation of [nn.tanh, nn.relu]) {
    const layers = [nn.dense(4, { init: init.zeros }), nn.dense(2, { init: init.zeros })] as const;
    const model = nn.sequential(layers[0], activation, layers[1]);
    const { params, state } = model.init(random.key(0), [3]);
    const x = random.normal(random.key(1), [5, 3]);
    const slope = grad((p: typeof params) => sum(square(nn.loss.mse(model.apply({ params: p, state }, x)[0], 1))))(
      params,
    );
    assertEquals(tree.leaves([slope[0].weight, slope[2].weight]).flatMap(numbers).filter((v) => v !== 0), []);
    assert(numbers(slope[2].bias!).every((v) => v !== 0));
    const squashed = nn.sequential(model, nn.sigmoid);
    const [y] = squashed.apply({ params: [params, null], state: [state, null] }, x);
    assert(numbers(y).every((v) => v === 0.5));
  }
});
