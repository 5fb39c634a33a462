// Options have the names of the documentation; a program without types that misspells one is told, and told the names.
import { assertEquals, assertThrows } from "@std/assert";
import * as pb from "../mod.ts";
import { refuses, untyped } from "./refuses.ts";

const matrix = pb.ones([3, 4]);
const image = pb.ones([1, 4, 4, 1]);
const key = pb.random.key(0);
const row = pb.ones([3]);
const labels = pb.zeros([3], { dtype: "int32" });

/** What is passed beside the names that every function of some options has. */
type Call = (options: never) => unknown;

const reductions = ["sum", "mean", "prod", "max", "min", "any", "all", "argmax", "argmin", "logSumExp", "countNonzero"];
const running = ["cumsum", "cumprod", "cummax", "cummin"] as const;
const draws = ["normal", "gumbel", "exponential", "laplace"] as const;

const functions: Readonly<Record<string, readonly [Call, ...names: string[]]>> = {
  ...Object.fromEntries(
    [...reductions, "median"].map((name) => [name, [
      (options) => untyped<typeof pb.sum>(pb[name as "sum"])(matrix, options),
      "axis",
      "keepDims",
    ]]),
  ),
  ...Object.fromEntries(running.map((name) => [name, [(options) => pb[name](matrix, options), "axis", "reverse"]])),
  ...Object.fromEntries(draws.map((name) => [name, [(options) => pb.random[name](key, [2], options), "dtype"]])),
  variance: [(options) => pb.variance(matrix, options), "axis", "keepDims", "ddof"],
  std: [(options) => pb.std(matrix, options), "axis", "keepDims", "ddof"],
  norm: [(options) => pb.norm(matrix, options), "axis", "keepDims", "ord"],
  quantile: [(options) => pb.quantile(matrix, 0.5, options), "axis", "keepDims"],
  tensor: [(options) => pb.tensor(1, options), "shape", "dtype"],
  zeros: [(options) => pb.zeros([2], options), "dtype"],
  ones: [(options) => pb.ones([2], options), "dtype"],
  full: [(options) => pb.full([2], 1, options), "dtype"],
  zerosLike: [(options) => pb.zerosLike(row, options), "dtype"],
  onesLike: [(options) => pb.onesLike(row, options), "dtype"],
  fullLike: [(options) => pb.fullLike(row, 1, options), "dtype"],
  arange: [(options) => pb.arange(0, 3, 1, options), "dtype"],
  linspace: [(options) => pb.linspace(0, 1, 3, options), "dtype"],
  eye: [(options) => pb.eye(3, 2, options), "dtype"],
  oneHot: [(options) => pb.oneHot([1], 3, options), "dtype"],
  tril: [(options) => pb.tril(matrix, options), "k"],
  triu: [(options) => pb.triu(matrix, options), "k"],
  meshgrid: [(options) => pb.meshgrid([row, row], options), "indexing"],
  clip: [(options) => pb.clip(row, options), "min", "max"],
  squeeze: [(options) => pb.squeeze(row, options), "axis"],
  concatenate: [(options) => pb.concatenate([row, row], options), "axis"],
  stack: [(options) => pb.stack([row, row], options), "axis"],
  split: [(options) => pb.split(row, 3, options), "axis"],
  pad: [(options) => pb.pad(row, [[1, 1]], options), "mode", "value"],
  flip: [(options) => pb.flip(row, options), "axis"],
  roll: [(options) => pb.roll(row, 1, options), "axis"],
  repeat: [(options) => pb.repeat(row, 2, options), "axis"],
  slice: [(options) => pb.slice(row, options), "start", "stop", "step"],
  take: [(options) => pb.take(row, 0, options), "axis"],
  takeAlongAxis: [(options) => pb.takeAlongAxis(row, [0], options), "axis"],
  indexUpdate: [(options) => pb.indexUpdate(row, 0, 1, options), "axis"],
  indexAdd: [(options) => pb.indexAdd(row, 0, 1, options), "axis"],
  sort: [(options) => pb.sort(row, options), "axis", "descending"],
  argsort: [(options) => pb.argsort(row, options), "axis", "descending"],
  topK: [(options) => pb.topK(row, 1, options), "axis"],
  searchSorted: [(options) => pb.searchSorted(row, 1, options), "side"],
  conv: [
    (options) => pb.conv(image, pb.ones([1, 1, 1, 1]), options),
    "strides",
    "padding",
    "dilation",
    "inputDilation",
    "groups",
  ],
  convTranspose: [
    (options) => pb.convTranspose(image, pb.ones([1, 1, 1, 1]), options),
    "strides",
    "padding",
    "dilation",
    "groups",
  ],
  correlate: [(options) => pb.correlate(row, row, options), "strides", "padding"],
  maxPool: [(options) => pb.maxPool(image, options), "window", "strides", "padding"],
  minPool: [(options) => pb.minPool(image, options), "window", "strides", "padding"],
  avgPool: [(options) => pb.avgPool(image, options), "window", "strides", "padding"],
  reduceWindow: [(options) => pb.reduceWindow(image, options), "kind", "window", "strides", "padding"],
  softmax: [(options) => pb.softmax(row, options), "axis"],
  logSoftmax: [(options) => pb.logSoftmax(row, options), "axis"],
  standardize: [(options) => pb.standardize(row, options), "axis", "epsilon"],
  allClose: [(options) => pb.allClose(row, row, options), "rtol", "atol", "equalNaN"],
  uniform: [(options) => pb.random.uniform(key, [2], options), "min", "max", "dtype"],
  truncatedNormal: [(options) => pb.random.truncatedNormal(key, [2], options), "lower", "upper", "dtype"],
  bernoulli: [(options) => pb.random.bernoulli(key, [2], options), "p"],
  randint: [(options) => pb.random.randint(key, [2], options), "minval", "maxval"],
  categorical: [(options) => pb.random.categorical(key, row, options), "axis", "shape"],
  choice: [(options) => pb.random.choice(key, 3, options), "shape", "p", "replace"],
  grad: [(options) => pb.grad((x: pb.Tensor) => pb.sum(x), options)(row), "argnums", "hasAux"],
  valueAndGrad: [(options) => pb.valueAndGrad((x: pb.Tensor) => pb.sum(x), options)(row), "argnums", "hasAux"],
  jacrev: [(options) => pb.jacrev(pb.sin, options)(row), "argnums"],
  jacfwd: [(options) => pb.jacfwd(pb.sin, options)(row), "argnums"],
  jacobian: [(options) => pb.jacobian(pb.sin, options)(row), "argnums"],
  hessian: [(options) => pb.hessian((x: pb.Tensor) => pb.sum(x), options)(row), "argnums"],
  vmap: [(options) => pb.vmap(pb.sin, options)(row), "inAxes", "outAxes", "size"],
  checkGrads: [(options) => pb.checkGrads(pb.sin, [row], options), "order", "modes", "tolerance"],
  useBlas: [(options) => pb.useBlas(options), "library"],
  // Of the other namespaces.
  dense: [(options) => pb.nn.dense(2, options), "bias", "init"],
  lenet5: [(options) => pb.nn.models.lenet5(options), "classes", "activation", "pool"],
  countParams: [(options) => pb.nn.countParams(row, options), "biases"],
  gelu: [(options) => pb.nn.gelu(row, options), "approximate"],
  elu: [(options) => pb.nn.elu(row, options), "alpha"],
  celu: [(options) => pb.nn.celu(row, options), "alpha"],
  leakyRelu: [(options) => pb.nn.leakyRelu(row, options), "negativeSlope"],
  glu: [(options) => pb.nn.glu(matrix, options), "axis"],
  mse: [(options) => pb.nn.loss.mse(row, row, options), "reduction"],
  l1: [(options) => pb.nn.loss.l1(row, row, options), "reduction"],
  bce: [(options) => pb.nn.loss.bce(row, row, options), "reduction"],
  bceWithLogits: [(options) => pb.nn.loss.bceWithLogits(row, row, options), "reduction"],
  klDiv: [(options) => pb.nn.loss.klDiv(row, row, options), "reduction"],
  nll: [(options) => pb.nn.loss.nll(matrix, labels, options), "reduction", "weight", "ignoreIndex"],
  crossEntropy: [
    (options) => pb.nn.loss.crossEntropy(matrix, labels, options),
    "reduction",
    "weight",
    "ignoreIndex",
    "labelSmoothing",
  ],
  sgd: [(options) => pb.optim.sgd(options), "learningRate", "momentum", "nesterov", "weightDecay"],
  adam: [
    (options) => pb.optim.adam(options),
    "learningRate",
    "b1",
    "b2",
    "epsilon",
    "epsilonInsideRoot",
    "biasCorrection",
    "weightDecay",
  ],
  cosineDecay: [(options) => pb.optim.cosineDecay(1, 2, options), "alpha"],
  warmupCosine: [(options) => pb.optim.warmupCosine(0, 1, 1, 2, options), "end"],
  constant: [(options) => pb.nn.init.constant(key, [2], options), "value", "dtype"],
  heNormal: [(options) => pb.nn.init.heNormal(key, [2, 2], options), "dtype"],
  heUniform: [(options) => pb.nn.init.heUniform(key, [2, 2], options), "dtype"],
  augment: [(options) => pb.data.augment(key, image, options), "shift"],
  batches: [(options) => pb.data.batches(key, row, options), "size", "shuffle", "dropLast"],
};

Deno.test("options: a name that a function does not know is an error that lists those it knows", () => {
  for (const [name, [call, ...names]] of Object.entries(functions)) {
    const { message } = assertThrows(() => call(untyped<never>({ [names[0]!]: undefined, axes: 1 })), TypeError);
    assertEquals(message, `${name}() knows no option "axes": it has ${names.join(", ")}`);
  }
});

refuses("options that are no object, or of the wrong kind", [
  [() => pb.softmax(matrix, untyped(null)), TypeError, "softmax() takes its options as an object, got null"],
  [() => pb.conv(image, image, untyped([1])), TypeError, "conv() takes its options as an object, got an array"],
  [
    () => pb.sum(matrix, { keepDims: untyped("no") }),
    TypeError,
    'sum() takes keepDims as true or false, got the string "no"',
  ],
  [
    () => pb.topK(row, 1, untyped({ descending: true })),
    TypeError,
    'topK() knows no option "descending": it has axis',
  ],
  [
    () => pb.sort(row, { descending: untyped(1) }),
    TypeError,
    "sort() takes descending as true or false, got the number 1",
  ],
  [
    () => pb.random.choice(key, 3, { replace: untyped(null) }),
    TypeError,
    "choice() takes replace as true or false, got null",
  ],
  [
    () => pb.nn.conv(2, untyped({ kernel: 3, stride: 2 })),
    TypeError,
    'conv() knows no option "stride": it has kernel, bias, init, strides, padding, dilation, inputDilation, groups',
  ],
  [
    () => pb.nn.init.normal(key, [2], untyped({ stddev: 2 })),
    TypeError,
    'normal() knows no option "stddev": it has mean, std, dtype',
  ],
  [
    () => pb.nn.init.truncatedNormal(key, [2], untyped({ sd: 2 })),
    TypeError,
    'truncatedNormal() knows no option "sd": it has mean, std, lower, upper, dtype',
  ],
  [
    () => pb.nn.init.uniform(key, [2], untyped({ low: 2 })),
    TypeError,
    'uniform() knows no option "low": it has min, max, dtype',
  ],
  [
    () => pb.data.standardize(untyped({ over: 1 })),
    TypeError,
    'standardize() knows no option "over": it has ddof, axis',
  ],
  [
    () => pb.standardize(row, { epsilon: untyped("no") }),
    TypeError,
    'standardize() takes an epsilon that is a number, got the string "no"',
  ],
  [() => pb.clip(row, untyped(row)), TypeError, "clip() takes its options as an object, got a tensor"],
]);
