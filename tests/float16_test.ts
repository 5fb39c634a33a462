// float16 in public: what overflows elsewhere does not, programs equal their operations, draws, optimisers, losses.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import * as pb from "../mod.ts";
import { run } from "../ops/bind.ts";
import { evaluate, trace } from "../ops/program.ts";
import type { ConcreteTensor, Tensor } from "../ops/tensor.ts";
import { ulp } from "./close.ts";
import { inverseErf } from "./erf.ts";
import { bits, type Words } from "./jax.ts";
import { check } from "./property.ts";

const { add, cast, ones, random, tensor } = pb;
const { f16round } = Math;

function half(data: pb.TensorData): Tensor {
  return tensor(data, { dtype: "float16" });
}

Deno.test("float16: storage, reading and printing", async () => {
  const x = tensor(new Float16Array([1, 0.1, 65504]));
  assertEquals(x.type, { dtype: "float16", shape: [3] });
  assertEquals(x.dataSync<Float16Array>(), new Float16Array([1, 0.1, 65504]));
  assertEquals(await x.data<Float16Array>(), new Float16Array([1, 0.1, 65504]));
  assertEquals([half([[0.5], [2]]).arraySync(), half(65519).item(), half(65520).item()], [
    [[0.5], [2]],
    65504,
    Infinity,
  ]);
  assertEquals(String(half([0.1, -2])), "f16[2] [0.1,  -2]");
  // Numbers are rounded once, from what they are.
  assertEquals(half([1 + 2 ** -11 + 2 ** -40]).arraySync(), [1 + 2 ** -10]);
});

Deno.test("float16: arithmetic rounds and overflows, and keeps subnormals", () => {
  assertEquals(add(half([2048, 0.1, 65504, 2 ** -24]), half([1, 0.2, 32, 2 ** -24])).arraySync(), [
    2048,
    f16round(f16round(0.1) + f16round(0.2)),
    Infinity,
    2 ** -23,
  ]);
  assertEquals(pb.mul(half([2 ** -12, -300]), half([2 ** -12, 300])).arraySync(), [2 ** -24, -Infinity]);
  // Bare numbers are float16 beside float16.
  assertEquals(pb.mul(half([10]), 0.1).arraySync(), [f16round(10 * f16round(0.1))]);
  assertEquals(add(half([1]), tensor(1e9)).arraySync(), [1e9]);
});

Deno.test("float16: reductions do not stick or overflow on the way", () => {
  const many = ones([70_000], { dtype: "float16" });
  assertEquals(pb.sum(ones([5000], { dtype: "float16" })).item(), 5000);
  assertEquals(pb.sum(many).item(), Infinity);
  assertEquals([pb.mean(many), pb.std(many), pb.variance(many)].map((y) => y.item()), [1, 0, 0]);
  assertEquals(pb.norm(pb.full([4], 60000, { dtype: "float16" }), { axis: 0, ord: 2 }).item(), Infinity);
  assertEquals(pb.norm(half([3e4, 4e4])).item(), f16round(5e4));
  assertEquals(pb.norm(ones([3000], { dtype: "float16" }), { ord: 3 }).item(), f16round(Math.cbrt(3000)));
  assertEquals(pb.mean(half([60000, 60000])).item(), 60000);
  assertEquals(pb.prod(half([1000, 1000, 0.001, 0.001])).item(), f16round(1e6 * f16round(0.001) ** 2));
  assertEquals(pb.cumsum(half([2048, 1, 1, 1])).arraySync(), [2048, 2048, 2050, 2052]);
  assertEquals(pb.softmax(many).dataSync()[0], f16round(1 / 70_000));
  assertEquals(pb.logSumExp(many).item(), f16round(1 + Math.log(70_000)));
  assertEquals(pb.matmul(ones([1, 5000], { dtype: "float16" }), ones([5000, 1], { dtype: "float16" })).item(), 5000);
  assertEquals(pb.segmentSum(half([2048, 1, 1]), [0, 0, 0], 1).item(), 2050);
  assertEquals(pb.segmentMean(many, pb.zeros([70_000], { dtype: "int32" }), 1).item(), 1);
  assertEquals(pb.indexAdd(half([2048]), [0, 0], half([1, 1])).item(), 2050);
  assertEquals(pb.avgPool(pb.full([1, 4, 1], 60000, { dtype: "float16" }), { window: 4 }).item(), 60000);
  // A gradient shared among more ties than float16 can count.
  const shares = pb.grad((x: Tensor) => pb.max(x))(pb.zeros([70_000], { dtype: "float16" }));
  assertEquals([shares.dtype, shares.dataSync()[0]], ["float16", f16round(1 / 70_000)]);
});

Deno.test("float16: what is made of numbers is rounded once", () => {
  assertEquals(pb.arange(0, 300, 0.1, { dtype: "float16" }).dataSync()[2049], f16round(204.9));
  assertEquals(pb.linspace(0, 1, 4000, { dtype: "float16" }).dataSync()[2999], f16round(2999 / 3999));
  assertEquals(pb.full([2], 0.1, { dtype: "float16" }).arraySync(), [f16round(0.1), f16round(0.1)]);
  assert(pb.allClose(half([1000]), half([1000.5]), { rtol: 1e-3 }));
  // Rounded to float16 the tolerance would be 2^−10.
  assert(!pb.allClose(half([1025]), half([1024]), { rtol: 0.0009764 }));
  const steps = half(Array.from({ length: 2050 }, (_, i) => (i - 1024) / 4));
  const fractions = Array.from({ length: 37 }, (_, i) => i / 36);
  assertEquals(pb.quantile(half([0, 0.7]), fractions).arraySync(), fractions.map((q) => f16round(q * f16round(0.7))));
  assertEquals([pb.median(steps).item(), pb.quantile(steps, half(0.5)).item()], [0.125, 0.125]);
});

Deno.test("float16: an operation made of several is rounded once", () => {
  const x = Float16Array.from({ length: 999 }, (_, i) => (i + 1) / 61);
  const of = (f: (x: Tensor) => Tensor): number[] => [...f(tensor(x)).dataSync()];
  assertEquals(of(pb.rsqrt), [...x].map((v) => f16round(1 / Math.sqrt(v))));
  assertEquals(of(pb.nn.sigmoid), [...x].map((v) => f16round(1 / (1 + Math.exp(-v)))));
  assertEquals(of(pb.nn.softplus), [...x].map((v) => f16round(Math.log1p(Math.exp(v)))));
});

/** Elementwise operations: a function of both operands each. */
const steps: readonly ((x: Tensor, y: Tensor) => Tensor)[] = [
  add,
  pb.sub,
  pb.mul,
  (x, y) => pb.div(x, add(pb.square(y), 1)),
  (x) => pb.mul(x, 0.1),
  pb.exp,
  pb.tanh,
  pb.sin,
  pb.neg,
  (x) => pb.log1p(pb.abs(x)),
  (x) => pb.rsqrt(add(pb.square(x), 0.5)),
  pb.erf,
  pb.maximum,
  pb.mod,
  pb.floor,
  (x, y) => pb.where(pb.less(x, y), x, y),
  (x, y) => cast(pb.mul(cast(x, "float32"), cast(y, "float32")), "float16"),
  (x, y) => pb.pow(add(pb.abs(x), 1), pb.clip(y, { min: -3, max: 3 })),
];

Deno.test("float16: a fused program is its operations one by one, bit for bit", () => {
  const choice = fc.tuple(fc.nat(steps.length - 1), fc.nat(3), fc.nat(3));
  const numbers = fc.array(fc.float({ min: -70000, max: 70000 }), { minLength: 1, maxLength: 23 });
  check(fc.tuple(numbers, fc.array(choice, { minLength: 2, maxLength: 12, size: "max" })), ([data, choices]) => {
    const inputs = [half(data), half(data.map((v) => v / 700))];
    const program = trace("test", (xs) => {
      const values = [...xs];
      for (const [op, a, b] of choices) {
        const recent = (n: number): Tensor => values[values.length - 1 - n % values.length]!;
        values.push(steps[op]!(recent(a), recent(b)));
      }
      return [values.at(-1)!];
    }, inputs.map((x) => x.type));
    const [fused] = run(program, inputs as ConcreteTensor[]);
    const [single] = evaluate(program, inputs);
    assertEquals([...fused!.dataSync()], [...single!.dataSync()]);
  }, { share: 4 });
});

const key = random.key(7);
const words: Words = [0, 7];
const n = 20_000;

Deno.test("float16: uniform is JAX's, k · 2^−10 of the lower 16 bits, and never 1", () => {
  const drawn = random.uniform(key, [n], { dtype: "float16" }).dataSync();
  assertEquals([...drawn], bits("partitionable", words, n).map((word) => ((word & 0xffff) >>> 6) / 1024));
  assertEquals([Math.min(...drawn), Math.max(...drawn)], [0, 1023 / 1024]);
  const between = random.uniform(key, [n], { dtype: "float16", min: -3, max: 5 }).dataSync();
  assertEquals([...between], [...drawn].map((u) => f16round(f16round(u * 8) - 3)));
});

Deno.test("float16: normal is JAX's formula, the inverse error function computed in float32", () => {
  const drawn = random.normal(key, [n], { dtype: "float16" }).dataSync();
  const low = 2 ** -11 - 1;
  bits("partitionable", words, n).forEach((word, i) => {
    const u = f16round(f16round(2 * ((word & 0xffff) >>> 6) / 1024) + low);
    const exact = f16round(Math.SQRT2) * f16round(inverseErf(u));
    // Two roundings; the first is of a number not quite exact.
    assert(Math.abs(drawn[i]! - exact) <= 2 * ulp(exact, "float16"), `${drawn[i]}, not ${exact}`);
  });
});

Deno.test("float16: all distributions are finite, within bounds, and have about the right mean", () => {
  const options = { dtype: "float16" } as const;
  const draws: readonly (readonly [Tensor, low: number, high: number, mean: number])[] = [
    [random.normal(key, [n], options), -5, 5, 0],
    [random.truncatedNormal(key, [n], options), -2 + 2 ** -10, 2 - 2 ** -10, 0],
    [random.truncatedNormal(key, [n], { ...options, lower: 0, upper: Infinity }), 2 ** -24, 5, Math.sqrt(2 / Math.PI)],
    [random.exponential(key, [n], options), 0, 10, 1],
    [random.laplace(key, [n], options), -10, 10, 0],
    [random.gumbel(key, [n], options), -3, 10, 0.5772],
  ];
  for (const [x, low, high, mean] of draws) {
    assertEquals(x.dtype, "float16");
    const values = [...x.dataSync()];
    assert(Math.min(...values) >= low && Math.max(...values) <= high, `${Math.min(...values)} ${Math.max(...values)}`);
    // Four standard errors of at most √2 / √20000, and a step of the 1024 probabilities.
    assert(Math.abs(values.reduce((sum, v) => sum + v, 0) / n - mean) < 0.045);
  }
  const p = half([0.5, 0.25, 0.25]);
  const counts = random.multinomial(key, n, p).dataSync();
  [0.5, 0.25, 0.25].forEach((share, i) => assert(Math.abs(counts[i]! / n - share) < 0.015));
  // Running sums of float16 would end before the last of these.
  const rows = random.choice(key, 5000, { shape: [n], p: ones([5000], { dtype: "float16" }) }).dataSync();
  assert(new Set(rows).size > 4800);
  const heads = [...random.bernoulli(key, [n], { p: half(0.25) }).dataSync()].reduce((sum, v) => sum + v, 0);
  assert(Math.abs(heads / n - 0.25) < 0.013);
  assertEquals(random.categorical(key, half([-Infinity, 0, -Infinity])).item(), 1);
});

Deno.test("float16: optimisers remember in float32, and give updates of float16", () => {
  const params = { w: half([1, -2]) };
  // Its square is 0 in float16, and so is adam's ε.
  const grads = { w: half([1e-4, -1e-5]) };
  const adam = pb.optim.adam({ learningRate: 0.125 });
  const state = adam.init(params);
  const [updates, next] = adam.update(grads, state, params);
  assertEquals(updates.w.type, { dtype: "float16", shape: [2] });
  assertEquals((next.m as typeof params).w.dtype, "float32");
  updates.w.dataSync().forEach((u, i) => assert(Math.abs(u - [-0.125, 0.125][i]!) < 1e-3));
  const sgd = pb.optim.sgd({ learningRate: 0.5, momentum: 0.5, weightDecay: 1e-4 });
  const [moves, velocity] = sgd.update(grads, sgd.init(params), params);
  assertEquals([moves.w.dtype, (velocity.velocity as typeof params).w.dtype], ["float16", "float32"]);
  // The decay alone is added before the gradient is rounded to float16.
  const decayed = f16round(f16round(1e-4) + Math.fround(1e-4) * 1);
  assertEquals(moves.w.dataSync()[0], f16round(-0.5 * decayed));
  assertEquals(pb.optim.applyUpdates(params, moves).w.dtype, "float16");
});

Deno.test("float16: losses and activations", () => {
  const probability = half([0, 1, 0.5]);
  const loss = (p: Tensor): Tensor => pb.nn.loss.bce(p, half([1, 0, 1]), { reduction: "sum" });
  assertEquals(loss(probability).item(), f16round(200 + Math.log(2)));
  assertEquals(pb.grad(loss)(probability).arraySync(), [0, 0, -2]);
  assertEquals(pb.jvp(loss, [probability], [half([1, 1, 1])])[1].item(), -2);
  assertEquals(pb.nn.loss.crossEntropy(half([[1e4, -1e4]]), tensor([1], { dtype: "int32" })).item(), f16round(2e4));
  const x = half([-4, -0.3, 0, 2.7]);
  const silu = (v: number): number => v / (1 + Math.exp(-v));
  assertEquals([...pb.nn.silu(x).dataSync()], [...x.dataSync()].map((v) => f16round(silu(v))));
  const w = pb.nn.init.heNormal(key, [64, 64], { dtype: "float16" });
  assertEquals(w.dtype, "float16");
});

Deno.test("float16: derivatives under all transforms are float16", () => {
  const f = (x: Tensor): Tensor => pb.sum(pb.mul(pb.softmax(x), pb.tanh(x)));
  const x = half([0.5, -1, 2]);
  const [value, gradient] = pb.valueAndGrad(f)(x);
  assertEquals([value.dtype, gradient.dtype, pb.vmap(pb.grad(f))(pb.stack([x, x])).dtype], [
    "float16",
    "float16",
    "float16",
  ]);
  assertEquals(pb.jvp(f, [x], [half([1, 0, 0])])[1].dtype, "float16");
  assertEquals(pb.hessian(f)(x).dtype, "float16");
  const exact = pb.grad(f)(cast(x, "float64")).dataSync<Float64Array>();
  // Some ten roundings of numbers of about 1.
  gradient.dataSync().forEach((g, i) => assert(Math.abs(g - exact[i]!) < 10 * 2 ** -11));
  pb.checkGrads(f, [x]);
});
