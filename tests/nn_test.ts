/** Layers: shapes, values, keys, and the errors of wrong use. */

import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import {
  add,
  arange,
  cast,
  conv,
  expandDims,
  grad,
  matmul,
  mean,
  mul,
  nn,
  ones,
  random,
  reshape,
  ShapeError,
  squeeze,
  sum,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "../mod.ts";
import { check } from "./property.ts";

const key = random.key(7);

/** What a layer makes of a batch of random examples. */
function applied<P, S>(layer: nn.Layer<P, S>, inputShape: readonly number[], batch: number): {
  readonly params: P;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly outputShape: readonly number[];
} {
  const { params, state, outputShape } = layer.init(key, inputShape);
  const x = random.normal(random.foldIn(key, 99), [batch, ...inputShape]);
  const [y] = layer.apply({ params, state }, x);
  return { params, x, y, outputShape };
}

function assertSame(a: Tensor, b: Tensor): void {
  assertEquals(a.type, b.type);
  assertEquals(a.arraySync(), b.arraySync());
}

function numbers(x: Tensor): number[] {
  return [...x.dataSync()];
}

Deno.test("nn: dense is x W + b, on the last axis of any rank", () => {
  check(
    fc.tuple(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }), fc.integer({ min: 1, max: 5 })),
    (drawn) => {
      const [before, inputs] = drawn;
      const layer = nn.dense(4, { init: nn.init.heNormal });
      const { params, x, y, outputShape } = applied(layer, [...before, inputs], 2);
      assertEquals(params.weight.shape, [inputs, 4]);
      assertEquals(numbers(params.bias!), [0, 0, 0, 0]);
      assertEquals([2, ...outputShape], y.shape);
      const shifted = { weight: params.weight, bias: tensor([1, 2, 3, 4]) };
      const [z] = layer.apply({ params: shifted, state: null }, x);
      assertSame(z, add(reshape(matmul(reshape(x, [-1, inputs]), params.weight), y.shape), shifted.bias));
    },
  );
});

Deno.test("nn: dense without a bias, and with an initialiser", () => {
  const init: nn.Initializer = (_key, shape) => ones(shape, { dtype: "float64" });
  const { params } = nn.dense(2, { bias: false, init }).init(key, [3]);
  assertEquals(Object.keys(params), ["weight"]);
  assertEquals(params.weight.dtype, "float64");
  assertEquals(nn.dense(2, { init }).init(key, [3]).params.bias!.dtype, "float64");
});

Deno.test("nn: the shapes that conv and pools announce are those that they make", () => {
  const geometry = fc.record({
    spatial: fc.array(fc.integer({ min: 4, max: 7 }), { minLength: 1, maxLength: 3 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    strides: fc.integer({ min: 1, max: 3 }),
    padding: fc.constantFrom<"valid" | "same" | "circular" | number>("valid", "same", "circular", 1),
    groups: fc.constantFrom(1, 2),
    bias: fc.constantFrom<boolean | "position">(true, false, "position"),
  });
  check(geometry, ({ spatial, kernel, bias, ...options }) => {
    const layer = nn.conv(4, { kernel, bias, ...options });
    const { params, x, y, outputShape } = applied(layer, [...spatial, 2], 3);
    assertEquals([3, ...outputShape], y.shape);
    assertEquals(params.weight.shape, [...spatial.map(() => kernel), 2 / options.groups, 4]);
    const biasShape = { true: [4], false: undefined, position: outputShape }[String(bias)];
    assertEquals(params.bias?.shape, biasShape);
    assertSame(y, conv(x, params.weight, options));
    if (params.bias) {
      const shifted = { weight: params.weight, bias: random.normal(key, params.bias.shape) };
      assertSame(layer.apply({ params: shifted, state: null }, x)[0], add(y, shifted.bias));
    }
    for (const pool of [nn.maxPool, nn.avgPool]) {
      const pooled = applied(pool({ window: kernel, strides: options.strides }), [...spatial, 2], 3);
      assertEquals([3, ...pooled.outputShape], pooled.y.shape);
    }
  });
});

Deno.test("nn: flatten keeps the batch, also an empty one", () => {
  const { x, y, outputShape } = applied(nn.flatten(), [2, 3, 4], 5);
  assertEquals(outputShape, [24]);
  assertSame(y, reshape(x, [5, 24]));
  const empty = nn.flatten().apply({ params: null, state: null }, zeros([0, 2, 3]))[0];
  assertEquals(empty.shape, [0, 6]);
});

Deno.test("nn: sequential applies its parts in order, part i with the key foldIn(key, i)", () => {
  const model = nn.sequential(
    nn.dense(5),
    nn.tanh,
    nn.sequential(nn.dense(3, { bias: false }), nn.relu),
    (x) => mul(x, 2),
  );
  const { params, state, outputShape } = model.init(key, [4]);
  assertEquals(outputShape, [3]);
  assertEquals(state, [null, null, [null, null], null]);
  assertSame(params[0].weight, nn.init.lecunNormal(random.foldIn(key, 0), [4, 5]));
  assertSame(params[2][0].weight, nn.init.lecunNormal(random.foldIn(random.foldIn(key, 2), 0), [5, 3]));
  const x = random.normal(key, [6, 4]);
  const [y, after] = model.apply({ params, state }, x);
  assertEquals(after, state);
  assertSame(y, mul(nn.relu(matmul(nn.tanh(matmul(x, params[0].weight)), params[2][0].weight)), 2));
});

Deno.test("nn: sequential carries the state of its parts, and gives them their keys in training", () => {
  // A layer that counts its calls and adds noise in training.
  const counter: nn.Layer<null, { calls: Tensor }> = {
    init: (_key, inputShape) => ({ params: null, state: { calls: tensor(0) }, outputShape: inputShape }),
    apply: ({ state }, x, { training = false, key } = {}) => [
      training ? add(x, random.normal(key!, x.shape)) : x,
      { calls: add(state.calls, 1) },
    ],
  };
  const model = nn.sequential(nn.relu, counter);
  const { params, state } = model.init(key, [3]);
  const x = ones([2, 3]);
  const [y, next] = model.apply({ params, state }, x, { training: true, key });
  assertEquals(next[1].calls.item(), 1);
  assertEquals(state[1].calls.item(), 0);
  assertSame(y, add(x, random.normal(random.foldIn(key, 1), [2, 3])));
  assertEquals(model.apply({ params, state: next }, x)[1][1].calls.item(), 2);
});

Deno.test("nn: a model of single examples under vmap is the model of a batch", () => {
  const model = nn.sequential(
    nn.conv(2, { kernel: 2 }),
    nn.relu,
    nn.maxPool({ window: 2 }),
    nn.flatten(),
    nn.dense(3),
  );
  const { params, state } = model.init(key, [5, 5, 1]);
  const x = random.normal(key, [4, 5, 5, 1]);
  const one = (image: Tensor) => squeeze(model.apply({ params, state }, expandDims(image, 0))[0], { axis: 0 });
  const [batch, mapped] = [model.apply({ params, state }, x)[0], vmap(one)(x)];
  // The same sums in another order.
  numbers(batch).forEach((y, i) => assertAlmostEquals(numbers(mapped)[i]!, y, 1e-6));
  // An ensemble: the batch is of parameters.
  const keys = random.keys(key, 3);
  const many = vmap((k: Tensor) => model.init(k, [5, 5, 1]).params)(keys);
  const outputs = vmap((p: typeof params) => model.apply({ params: p, state }, x)[0])(many);
  const [, second] = random.split(key, 3);
  const [y] = model.apply(model.init(second, [5, 5, 1]), x);
  assertEquals(outputs.shape, [3, 4, 3]);
  numbers(y).forEach((v, i) => assertAlmostEquals(numbers(outputs)[12 + i]!, v, 1e-6));
});

Deno.test("nn: dropout changes nothing outside training", () => {
  const x = random.normal(key, [4, 5]);
  const { state } = nn.dropout(0.4).init(key, [5]);
  for (const options of [undefined, {}, { training: false }, { key }]) {
    assertSame(nn.dropout(0.4).apply({ params: null, state }, x, options)[0], x);
  }
});

Deno.test("nn: dropout drops by its rate and keeps every expectation", () => {
  const n = 20_000;
  for (const rate of [0.1, 0.5, 0.9]) {
    const drop = (k: Tensor) =>
      nn.dropout(rate).apply({ params: null, state: null }, ones([n]), { training: true, key: k })[0];
    const y = drop(key);
    const dropped = numbers(y).filter((v) => v === 0).length / n;
    // Five standard deviations of a binomial fraction: a chance of one in 1.7 million for each rate.
    const bound = 5 * Math.sqrt(rate * (1 - rate) / n);
    assertAlmostEquals(dropped, rate, bound);
    assertAlmostEquals(mean(y).item() as number, 1, bound / (1 - rate));
    assert(numbers(y).every((v) => v === 0 || v === Math.fround(1 / (1 - rate))));
    assertSame(y, drop(key));
    assertNotEquals(y.arraySync(), drop(random.foldIn(key, 1)).arraySync());
    // Its derivative is the mask, scaled.
    const slope = grad((x: Tensor) =>
      sum(nn.dropout(rate).apply({ params: null, state: null }, x, { training: true, key })[0])
    );
    assertSame(slope(ones([n])), y);
  }
});

Deno.test("nn: dropout of all and of nothing", () => {
  const apply = (rate: number) =>
    nn.dropout(rate).apply({ params: null, state: null }, ones([3]), { training: true, key })[0].arraySync();
  assertEquals(apply(0), [1, 1, 1]);
  assertEquals(apply(1), [0, 0, 0]);
});

Deno.test("nn: errors name the layer, what came, and the rule", () => {
  const throws = (f: () => unknown, kind: new (message: string) => Error, message: string): void => {
    assertEquals(assertThrows(f, kind).message, message);
  };
  const dense = nn.dense(3);
  const { params, state } = dense.init(key, [4]);
  throws(
    () => dense.apply({ params, state }, ones([2, 5])),
    ShapeError,
    "dense(3) cannot take f32[2,5]: its weight is for 4 inputs",
  );
  throws(() => dense.init(key, []), ShapeError, "dense(3) needs examples of at least one axis, got the shape []");
  throws(() => nn.dense(0), RangeError, "dense() needs a positive integer number of features, got 0");
  throws(() => nn.conv(2.5, { kernel: 3 }), RangeError, "conv() needs a positive integer number of features, got 2.5");
  const conv = nn.conv(4, { kernel: 3, groups: 2 });
  throws(
    () => conv.init(key, [8, 8, 3]),
    ShapeError,
    "conv(4, 3) cannot split the 3 channels of [8,8,3] into 2 groups",
  );
  throws(
    () => conv.init(key, [8]),
    ShapeError,
    "conv(4, 3) needs examples [...spatial, channels] with 1 to 3 spatial axes, got the shape [8]",
  );
  throws(
    () => conv.apply(conv.init(key, [8, 8, 2]), ones([8, 8, 2])),
    ShapeError,
    "conv(4, 3) cannot take f32[8,8,2]: it needs [batch, …spatial, channels] with 2 spatial axes and 2 channels",
  );
  throws(() => nn.dropout(1.5), RangeError, "dropout() needs a rate between 0 and 1, got 1.5");
  throws(
    () => nn.dropout(0.5).apply({ params: null, state: null }, ones([2]), { training: true }),
    TypeError,
    "dropout(0.5) needs a key in training: apply it with { training: true, key }",
  );
  throws(
    () => nn.sequential(nn.dense(2), "relu" as unknown as typeof nn.relu),
    TypeError,
    'sequential() takes layers and functions, got the string "relu" at position 1',
  );
  const two = nn.sequential(nn.dense(2), nn.dense(1));
  throws(
    () => two.apply({ params: [params] as never, state: [null, null] }, ones([1, 4])),
    TypeError,
    "sequential() needs params with one entry for each of its 2 parts, got an array of 1",
  );
  throws(
    () => nn.sequential((x) => sum(x)).init(key, [3]),
    ShapeError,
    "function() makes f32[] of a batch f32[2,3]: the batch axis must stay the first",
  );
});

Deno.test("nn: accuracy and the confusion matrix", () => {
  const logits = tensor([[3, 1, 2], [0, 5, 5], [1, 0, 9], [1, 2, 3]]);
  const labels = tensor(new Int32Array([0, 2, 2, 1]));
  assertEquals(nn.metrics.accuracy(logits, labels).item(), 0.5);
  assertEquals(nn.metrics.confusionMatrix(logits, labels).arraySync(), [[1, 0, 0], [0, 0, 1], [0, 1, 1]]);
  // As rows of a larger batch, too.
  assertEquals(nn.metrics.accuracy(reshape(logits, [2, 2, 3]), reshape(labels, [2, 2])).item(), 0.5);
  assertEquals(
    assertThrows(() => nn.metrics.accuracy(logits, cast(labels, "float32")), TypeError).message,
    "accuracy() takes labels as a tensor of integers, got f32[4]",
  );
  assertEquals(
    assertThrows(() => nn.metrics.confusionMatrix(logits, arange(3)), ShapeError).message,
    "confusionMatrix() needs one label for each row of f32[4,3], got i32[3]",
  );
});

Deno.test("nn: M4, lenet5 has 61,706 parameters, whatever its activation and pool", () => {
  for (const options of [{}, { activation: nn.tanh, pool: "average" as const }]) {
    const model = nn.models.lenet5(options);
    const { params, state, outputShape } = model.init(key, [28, 28, 1]);
    assertEquals(nn.countParams(params), 61_706);
    assertEquals(nn.countParams(params, { biases: false }), 61_470);
    assertEquals(outputShape, [10]);
    assertEquals(model.apply({ params, state }, ones([2, 28, 28, 1]))[0].shape, [2, 10]);
  }
  assertEquals(nn.models.lenet5({ classes: 4 }).init(key, [28, 28, 1]).outputShape, [4]);
  assertEquals(
    assertThrows(() => nn.models.lenet5({ pool: "min" as "max" }), TypeError).message,
    'lenet5() takes the pool "max" or "average", got the string "min"',
  );
});

Deno.test("nn: countParams skips the bias beside a weight alone", () => {
  const params = { first: { weight: zeros([2, 3]), bias: zeros([3]) }, norm: { scale: zeros([3]), bias: zeros([3]) } };
  assertEquals(nn.countParams(params), 15);
  assertEquals(nn.countParams(params, { biases: false }), 12);
  assertEquals(nn.countParams({ weight: zeros([2]), bias: zeros([1]) }, { biases: false }), 2);
  assertEquals(nn.countParams(null), 0);
});

Deno.test("nn: summary lists the parts of nested models without computing anything", () => {
  const block = nn.sequential(nn.conv(8, { kernel: 3, padding: "same" }), nn.relu);
  const own: nn.Layer<Tensor, null> = {
    init: (_key, inputShape) => ({ params: ones(inputShape), state: null, outputShape: inputShape }),
    apply: ({ params }, x) => [mul(x, params), null],
  };
  // 2·10^9 parameters: made, they would take 8 GB.
  const model = nn.sequential(block, own, nn.flatten(), (x) => x, nn.dense(1_000_000));
  const table = [
    "part            output      parameters",
    "                16x16x4               ",
    "conv(8, 3)      16x16x8            296",
    "relu            16x16x8              0",
    "layer           16x16x8          2,048",
    "flatten         2048                 0",
    "function        2048                 0",
    "dense(1000000)  1000000  2,049,000,000",
    "total                    2,049,002,344",
  ];
  assertEquals(nn.summary(model, [16, 16, 4]), table.join("\n"));
});
