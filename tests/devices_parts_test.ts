// Layers, losses, optimisers, random numbers, data and transforms on one device while new tensors live on another.
import { assertEquals } from "@std/assert";
import { cpu } from "../cpu/device.ts";
import * as p from "../mod.ts";
import { data, nn, optim, random, type Tensor } from "../mod.ts";
import type { Backend } from "../ops/tensor.ts";
import { takeApart } from "../ops/structure.ts";
import { assertNear } from "./derivatives.ts";
import { onDevice } from "./devices.ts";
import { FarDevice } from "./far_device.ts";

const far = new FarDevice("far");

/** What is made first, and what is made of it, under the name of what the library exports. */
interface Case {
  readonly of: string;
  readonly given: readonly (() => Tensor)[];
  run(...given: Tensor[]): unknown;
}

const key = (): Tensor => random.key(7);
const vector = (): Tensor => p.tensor([0.5, -1, 2, 0.25]);
const matrix = (): Tensor => p.tensor([[0.5, -1, 2], [1, 0.25, -0.75]]);
const images = (): Tensor => p.reshape(p.sin(p.arange(2 * 28 * 28, { dtype: "float32" })), [2, 28, 28, 1]);
const labels = (): Tensor => p.tensor([2, 0], { dtype: "int32" });
const chances = (): Tensor => p.tensor([0.25, 0.5, 0.125]);

function one(of: string, given: Case["given"], run: Case["run"]): Case {
  return { of, given, run };
}

const activations = [
  ...["celu", "elu", "gelu", "glu", "hardSigmoid", "hardSwish", "hardTanh", "leakyRelu", "logSigmoid", "mish", "relu"],
  ...["relu6", "selu", "sigmoid", "silu", "softplus", "softsign", "squaredRelu", "tanh"],
] as const;

type Activation = (x: Tensor) => Tensor;

/** The value, the gradient, and the gradient of each example. */
function differentiated(f: (x: Tensor) => Tensor, x: Tensor): Tensor[] {
  const total = (x: Tensor): Tensor => p.sum(f(x));
  return [f(x), p.grad(total)(x), p.vmap(p.grad(total))(p.stack([x, x]))];
}

function trained(layer: nn.Layer<unknown, unknown>, key: Tensor, x: Tensor): unknown {
  const { params, state } = layer.init(key, x.shape.slice(1));
  const apply = (params: unknown): Tensor => p.sum(layer.apply({ params, state }, x, { training: true, key })[0]);
  return [
    params,
    layer.apply({ params, state }, x)[0],
    takeApart("test", params).leaves.length ? p.grad(apply)(params) : 0,
  ];
}

function steps(optimizer: optim.Transform, w: Tensor): unknown {
  let params: unknown = { w, scale: 2 };
  let state = optimizer.init(params);
  for (let i = 0; i < 3; i++) {
    const grads = { w: p.mul(w, i + 1), scale: 0.5 };
    const [updates, next] = optimizer.update(grads, state, params);
    params = optim.applyUpdates(params, updates as never);
    state = next;
  }
  return [params, state];
}

const nnCases: readonly Case[] = [
  ...activations.map((name) => one(name, [vector], (x) => differentiated(nn[name] as Activation, x))),
  one("avgPool", [key, images], (k, x) => trained(nn.avgPool({ window: 2 }), k, x)),
  one("maxPool", [key, images], (k, x) => trained(nn.maxPool({ window: 2, padding: "same" }), k, x)),
  one("flatten", [key, images], (k, x) => trained(nn.flatten(), k, x)),
  one("dropout", [key, images], (k, x) => trained(nn.dropout(0.5), k, x)),
  one("conv", [key, images], (k, x) => trained(nn.conv(3, { kernel: 3, padding: "same", bias: "position" }), k, x)),
  one("dense", [key, matrix], (k, x) => trained(nn.dense(4), k, x)),
  one("sequential", [key, matrix], (k, x) => trained(nn.sequential(nn.dense(4), nn.tanh, nn.dropout(0.25)), k, x)),
  one("models", [key, images], (k, x) => trained(nn.models.lenet5() as nn.Layer<unknown, unknown>, k, x)),
  one("init", [key], (k) => Object.values(nn.init).map((init) => (init as nn.Initializer)(k, [3, 4]))),
  one("countParams", [key], (k) => nn.countParams(nn.dense(2).init(k, [3]).params)),
  one("summary", [key], () => nn.summary(nn.dense(2), [3]).length),
  one("metrics", [matrix, labels], (x, y) => [nn.metrics.accuracy(x, y), nn.metrics.confusionMatrix(x, y)]),
  one("loss", [matrix, labels, chances], (x, y, w) => {
    const { crossEntropy, nll, mse, l1, bce, bceWithLogits, klDiv } = nn.loss;
    const probability = nn.sigmoid(x);
    return [
      ...differentiated((x) => crossEntropy(x, y), x),
      ...differentiated((x) => crossEntropy(x, y, { weight: w, ignoreIndex: 0, labelSmoothing: 0.1 }), x),
      ...differentiated((x) => crossEntropy(x, probability, { labelSmoothing: 0.1, reduction: "sum" }), x),
      ...differentiated((x) => nll(p.logSoftmax(x), y, { reduction: "none" }), x),
      ...differentiated((x) => mse(x, 1), x),
      ...differentiated((x) => l1(x, probability), x),
      ...differentiated((x) => bce(nn.sigmoid(x), 1), x),
      ...differentiated((x) => bceWithLogits(x, probability), x),
      ...differentiated((x) => klDiv(p.logSoftmax(x), probability), x),
    ];
  }),
];

const optimCases: readonly Case[] = [
  one("sgd", [vector], (w) => [
    steps(optim.sgd(), w),
    steps(optim.sgd({ momentum: 0.5, nesterov: true, weightDecay: 0.1 }), w),
  ]),
  one("adam", [vector], (w) => [steps(optim.adam(), w), steps(optim.adam({ weightDecay: 0.1 }), w)]),
  one("chain", [vector], (w) => steps(optim.chain(optim.adam({ learningRate: 1 }), optim.scale(0.5)), w)),
  one("scale", [vector], (w) => steps(optim.scale(-2), w)),
  one("applyUpdates", [vector], (w) => optim.applyUpdates<unknown>({ w, b: 1 }, { w, b: 0.5 })),
  one("cosineDecay", [vector], (w) => steps(optim.sgd({ learningRate: optim.cosineDecay(0.1, 10) }), w)),
  one("warmupCosine", [vector], (w) => steps(optim.adam({ learningRate: optim.warmupCosine(0, 0.1, 2, 9) }), w)),
];

const randomCases: readonly Case[] = [
  one("bernoulli", [key], (k) => [random.bernoulli(k, [4]), random.bernoulli(k, [4], { p: 0.25 })]),
  one("bits", [key], (k) => random.bits(k, [5])),
  one("categorical", [key, matrix], (k, x) => random.categorical(k, x, { shape: [3, 2] })),
  one("choice", [key, vector, chances], (k, x, w) => [
    random.choice(k, x, { shape: [2] }),
    random.choice(k, 3, { shape: [2], p: w }),
    random.choice(k, 3, { shape: [2], p: w, replace: false }),
  ]),
  one("exponential", [key], (k) => random.exponential(k, [4])),
  one("foldIn", [key, labels], (k, n) => [random.foldIn(k, 3), p.vmap((n: Tensor) => random.foldIn(k, n))(n)]),
  one("gumbel", [key], (k) => random.gumbel(k, [4])),
  one("key", [key], (k) => k),
  one("keys", [key], (k) => p.vmap((k: Tensor) => random.uniform(k, [2]))(random.keys(k, 3))),
  one("laplace", [key], (k) => random.laplace(k, [4])),
  one("multinomial", [key, chances], (k, w) => random.multinomial(k, 9, w)),
  one("normal", [key], (k) => [random.normal(k, [4])]),
  one("permutation", [key, matrix], (k, x) => [random.permutation(k, 5), random.permutation(k, x)]),
  one("randint", [key], (k) => random.randint(k, [5], { minval: -3, maxval: 9 })),
  one("split", [key], (k) => random.split(k, 3)),
  one("truncatedNormal", [key], (k) => random.truncatedNormal(k, [4])),
  one("uniform", [key], (k) => [random.uniform(k, [4]), random.uniform(k, [4], { min: -1, max: 3 })]),
];

const dataCases: readonly Case[] = [
  one("augment", [key, images], (k, x) => data.augment(k, x, { shift: 2 })),
  one("batches", [key, images], (k, x) => [...data.batches(k, { x }, { size: 1 })]),
  one("split", [key, images], (k, x) => data.split(k, { x }, 1)),
  one("standardize", [images], (x) => {
    const scaler = data.standardize();
    return scaler.apply(scaler.fit(x), x);
  }),
];

const transformCases: readonly Case[] = [
  one("bare numbers beside tensors", [vector], (x) => [
    p.where(p.greater(x, 0), 1, 0),
    p.where(true, x, 0),
    p.clip(x, { min: -0.5, max: 1 }),
    p.logicalAnd(x, true),
    p.take(x, [0, -1]),
    p.take(x, 1),
    p.indexUpdate(x, [0], 5),
    p.gatherNd(x, [[0], [2]]),
    p.scatterNd([[0], [2]], p.slice(x, { stop: [2] }), [3]),
    p.quantile(x, [0.25, 0.5]),
    p.dynamicSlice(x, [1], [2]),
    p.segmentSum(x, [0, 1, 0, 1], 2),
    p.stack([x, x]),
    p.searchSorted(p.sort(x), 0.3),
    p.searchSorted(p.sort(x), x),
    p.tree.map((a, b) => p.add(a, b), { x, s: 1 }, { x: 2, s: x } as never),
    p.fullLike(x, 3),
    p.oneHot(p.cast(p.abs(x), "int32"), 3),
  ]),
  one("bare numbers as arguments", [vector], (x) => {
    const f = (x: Tensor, s: number): Tensor => p.sum(p.mul(p.sin(x), s));
    return [
      p.grad(f, { argnums: [0, 1] })(x, 3),
      p.jvp(f, [x, 3], [x, 1 as never]),
      p.vmap(f, { inAxes: [0, null] })(x, 3),
      p.linearize(f, x, 3)[1](x, 1 as never),
      p.vjp(f, x, 3)[1](2 as never),
      p.jit(f)(x, 3),
      p.grad(p.jit(f))(x, 3),
      p.jacobian(({ x, s }: { x: Tensor; s: number }) => p.mul(x, s))({ x, s: 3 }),
    ];
  }),
  one("what no derivative reaches", [vector, labels], (x, n) => {
    const constant = (x: Tensor): Tensor => p.sum(p.stopGradient(x));
    return [
      p.grad(constant)(x),
      p.grad(p.jit(constant))(x),
      p.jvp(constant, [x], [x]),
      p.linearize(constant, x)[1](x),
      p.jacfwd((x: Tensor) => p.stopGradient(x))(x),
      p.jacrev((x: Tensor) => p.stopGradient(x))(x),
      p.grad((x: Tensor, n: Tensor) => p.sum(p.mul(x, p.sum(n))), { argnums: 0 })(x, n),
      p.vjp((_: Tensor) => 1, x)[0],
      p.vmap((x: Tensor) => p.mul(x, x), { size: 0 })(p.slice(x, { stop: [0] })),
    ];
  }),
  one("second derivatives", [vector], (x) => {
    const f = (x: Tensor): Tensor => p.sum(p.mul(p.sin(x), p.cumsum(x)));
    return [p.hessian(f)(x), p.hvp(f, x, x), p.jacfwd(p.grad(f))(x), p.jit(p.hessian(f))(x)];
  }),
];

/** The tensors of a tree, which must be where its operands are, as numbers. */
function numbersOn(place: Backend, made: unknown): number[] {
  return takeApart("test", made).leaves.flatMap((leaf) => {
    if (typeof leaf !== "object") return [Number(leaf)];
    assertEquals(leaf.device.name, place.name);
    return [...(leaf.device === far ? far.peek(leaf) : leaf.dataSync())];
  });
}

function checkCase({ of, given, run }: Case): void {
  const expected = numbersOn(cpu(), run(...given.map((make) => make())));
  for (const [place, others] of [[far, cpu()], [cpu(), far]] as const) {
    const inputs = onDevice(place, () => given.map((make) => make()));
    const made = onDevice(others, () => run(...inputs));
    // Threads may add up in another order, in float32.
    assertNear(numbersOn(place, made), expected, 1e-5, `${of} on ${place.name}`);
  }
}

const families = { nn: [nn, nnCases], optim: [optim, optimCases], random: [random, randomCases] } as const;

for (const [family, [exported, cases]] of Object.entries(families)) {
  Deno.test(`devices: all of ${family} is where its operands are`, async (t) => {
    const tested = new Set(cases.map(({ of }) => of));
    assertEquals(Object.keys(exported).filter((name) => !tested.has(name)), []);
    for (const one of cases) await t.step(one.of, () => checkCase(one));
  });
}

Deno.test("devices: data sets and their batches are where they were", async (t) => {
  for (const one of dataCases) await t.step(one.of, () => checkCase(one));
});

Deno.test("devices: transforms keep to the device of what they are given", async (t) => {
  for (const one of transformCases) await t.step(one.of, () => checkCase(one));
});
