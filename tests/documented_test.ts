// What the documentation of each operation says of NaN, ±∞, −0, overflow, ties, empty axes and positions out of range.
import { assertEquals } from "@std/assert";
import { softplus } from "../ops/activation.ts";
import * as pb from "../mod.ts";
import type { NestedArray, Tensor, TensorLike } from "../mod.ts";
import { onReference } from "./devices.ts";
import { table } from "./op_table.ts";

const { tensor, grad, sum, zeros } = pb;
const [inf, nan] = [Infinity, NaN];

function ints(data: NestedArray): Tensor {
  return tensor(data, { dtype: "int32" });
}

function unsigned(data: NestedArray): Tensor {
  return tensor(data, { dtype: "uint32" });
}

function image(data: NestedArray): Tensor {
  const x = tensor(data);
  return pb.reshape(x, [1, ...x.shape, 1]);
}

/** The derivative of the sum of f's results. */
function slopes(f: (x: Tensor) => TensorLike, at: NestedArray | Tensor): Tensor {
  return grad((x: Tensor) => sum(f(x)))(at instanceof pb.Tensor ? at : tensor(at));
}

/** Slopes by two operands, one beside the other. */
function bothSlopes(f: (a: Tensor, b: Tensor) => Tensor, a: NestedArray, b: NestedArray): Tensor {
  return pb.stack(grad((a: Tensor, b: Tensor) => sum(f(a, b)), { argnums: [0, 1] })(tensor(a), tensor(b)));
}

type Statement = readonly [what: string, actual: () => Tensor, expected: unknown];

const [least, most, mostUnsigned] = [-(2 ** 31), 2 ** 31 - 1, 2 ** 32 - 1];

const ieee = "each is IEEE 754's, and its row compares every special number";
const moves = "it moves or repeats elements and looks at none";
const elsewhere = "tests/special_functions_test.ts";
const sumsOfProducts = "products and sums are IEEE 754's, and integers wrap as in matmul";

const statements: Readonly<Record<string, readonly Statement[] | string>> = {
  tensor: [
    ["numbers among booleans make numbers", () => tensor([true, 2]), [1, 2]],
    ["8-bit integers become int32", () => pb.add(tensor(new Uint8Array([255])), 1), [256]],
    ["−0 and subnormal numbers are kept", () => tensor([-0, 2 ** -149]), [-0, 2 ** -149]],
  ],
  full: [["a boolean makes a bool", () => pb.full([1], true), [true]]],
  zeros: [["sizes may be 0", () => zeros([2, 0]), [[], []]]],
  ones: moves,
  zerosLike: [["whatever is in it", () => pb.zerosLike(tensor([nan])), [0]]],
  onesLike: [["whatever is in it", () => pb.onesLike(tensor([nan])), [1]]],
  fullLike: [["whatever is in it", () => pb.fullLike(tensor([nan]), 2), [2]]],
  arange: [["none if the step leads away", () => pb.arange(0, 3, -1), []]],
  linspace: [
    ["one point is the start", () => pb.linspace(2, 5, 1), [2]],
    // 0.2 + (0.9 − 0.2) is not 0.9.
    ["both ends are met exactly", () => pb.slice(pb.linspace(0.2, 0.9, 8, { dtype: "float64" }), { step: [7] }), [
      0.2,
      0.9,
    ]],
  ],
  eye: moves,
  oneHot: [["out of range is a row of zeros", () => pb.oneHot(ints([3, -1, 0]), 2), [[0, 0], [0, 0], [1, 0]]]],
  neg: [
    ["integers wrap", () => pb.neg(ints([least])), [least]],
    ["−x of a uint32 is 2³² − x", () => pb.neg(unsigned([1, 0])), [mostUnsigned, 0]],
    ["−0 of 0", () => pb.neg(tensor([0, nan])), [-0, nan]],
  ],
  abs: [
    ["−2³¹ stays", () => pb.abs(ints([least])), [least]],
    ["slope at 0", () => slopes(pb.abs, [0, -0, -2, nan]), [0, -0, -1, nan]],
  ],
  sign: [
    ["−0 and NaN stay", () => pb.sign(tensor([-0, nan, -inf])), [-0, nan, -1]],
    ["slope", () => slopes(pb.sign, [2, 0]), [0, 0]],
  ],
  floor: [["slope", () => slopes(pb.floor, [0.5, 2]), [0, 0]], ["integers", () => pb.floor(ints([most])), [most]]],
  ceil: [["slope", () => slopes(pb.ceil, [0.5, 2]), [0, 0]], ["integers", () => pb.ceil(ints([most])), [most]]],
  trunc: [["slope", () => slopes(pb.trunc, [0.5, 2]), [0, 0]], ["integers", () => pb.trunc(ints([most])), [most]]],
  round: [
    ["of two the even one", () => pb.round(tensor([0.5, 1.5, 2.5, -0.5])), [0, 2, 2, -0]],
    ["slope", () => slopes(pb.round, [0.5, 2]), [0, 0]],
  ],
  square: [["integers wrap", () => pb.square(ints([65536, least])), [0, 0]]],
  sqrt: [
    ["NaN below 0, −0 stays", () => pb.sqrt(tensor([-1, -0])), [nan, -0]],
    ["slope ∞ at 0", () => slopes(pb.sqrt, [0]), [inf]],
  ],
  rsqrt: [["∞ at 0, NaN below", () => pb.rsqrt(tensor([0, -1, inf])), [inf, nan, 0]]],
  reciprocal: [["±∞ at ±0", () => pb.reciprocal(tensor([0, -0])), [inf, -inf]]],
  exp: ieee,
  exp2: ieee,
  expm1: ieee,
  log: [["−∞ at 0, NaN below", () => pb.log(tensor([0, -0, -1])), [-inf, -inf, nan]]],
  log2: [["−∞ at 0, NaN below", () => pb.log2(tensor([0, -1])), [-inf, nan]]],
  log10: [["−∞ at 0, NaN below", () => pb.log10(tensor([0, -1])), [-inf, nan]]],
  log1p: [["−∞ at −1, NaN below", () => pb.log1p(tensor([-1, -2, -0])), [-inf, nan, -0]]],
  sin: [["NaN at ±∞", () => pb.sin(tensor([inf, -inf, -0])), [nan, nan, -0]]],
  cos: [["NaN at ±∞", () => pb.cos(tensor([inf, -inf])), [nan, nan]]],
  tan: [["NaN at ±∞", () => pb.tan(tensor([inf, -inf, -0])), [nan, nan, -0]]],
  sinh: ieee,
  cosh: ieee,
  tanh: [["slope where it is flat", () => slopes(pb.tanh, [inf, -inf, 0]), [0, 0, 1]]],
  asin: elsewhere,
  acos: elsewhere,
  atan: elsewhere,
  asinh: elsewhere,
  acosh: elsewhere,
  atanh: elsewhere,
  cbrt: elsewhere,
  erf: elsewhere,
  erfc: elsewhere,
  erfinv: elsewhere,
  lgamma: elsewhere,
  digamma: elsewhere,
  bitwiseNot: [["−x − 1", () => pb.bitwiseNot(ints([least, 0])), [most, -1]]],
  isNaN: [["integers never", () => pb.isNaN(ints([0])), [false]]],
  isInf: [["integers never", () => pb.isInf(ints([most])), [false]]],
  isFinite: [["integers always", () => pb.isFinite(ints([most])), [true]]],
  logicalNot: [["NaN holds, −0 does not", () => pb.logicalNot(tensor([nan, -0])), [false, true]]],
  stopGradient: [["slope", () => slopes((x) => pb.mul(x, pb.stopGradient(x)), [3]), [3]]],
  relu: [
    ["NaN stays", () => pb.nn.relu(tensor([nan, -inf, inf])), [nan, 0, inf]],
    ["slope at 0", () => slopes(pb.nn.relu, [0, -1, 1]), [0, 0, 1]],
  ],
  sigmoid: [["at ±∞, with slopes", () => slopes(pb.nn.sigmoid, [inf, -inf, 0]), [0, 0, 0.25]]],
  softplus: [
    ["at ±1e4", () => softplus(tensor([-1e4, 1e4, -inf, inf])), [0, 1e4, 0, inf]],
    ["slope at 0", () => slopes(softplus, [0]), [0.5]],
  ],
  add: [["integers wrap", () => pb.add(ints([most]), 1), [least]]],
  sub: [["integers wrap", () => pb.sub(unsigned([0]), 1), [mostUnsigned]]],
  mul: [["integers wrap", () => pb.mul(ints([65536, most]), ints([65536, 2])), [0, -2]]],
  div: [
    ["by 0", () => pb.div(tensor([1, -1, 0]), 0), [inf, -inf, nan]],
    ["integers by 0", () => pb.div(ints([1, 0]), ints([0, 0])), [inf, nan]],
  ],
  mod: [
    ["the divisor's sign", () => pb.mod(tensor([7, -7]), tensor([-3, 3])), [-2, 2]],
    ["by 0", () => pb.mod(tensor([1, 0]), 0), [nan, nan]],
    ["integers by 0", () => pb.mod(ints([7, least]), ints([0, -1])), [0, 0]],
    ["slopes are 1 and −⌊a / b⌋", () => bothSlopes(pb.mod, [7], [-3]), [[1], [3]]],
  ],
  pow: [
    ["to the power 0", () => pb.pow(tensor([0, nan, inf]), 0), [1, 1, 1]],
    ["a negative number", () => pb.pow(tensor([-8, -8]), tensor([0.5, 3])), [nan, -512]],
    ["integers wrap", () => pb.pow(ints([3, 2]), ints([21, 31])), [1870418611, least]],
    ["to a negative power", () => pb.pow(ints([2, 1, -1, 0]), ints([-1, -2, -3, -1])), [0, 1, -1, 0]],
    ["slopes at 0", () => bothSlopes(pb.pow, [0, 0, 0, 2], [0, 1, 2, 0]), [[0, 1, 0, 0], [
      0,
      0,
      0,
      Math.fround(Math.LN2),
    ]]],
  ],
  maximum: [
    ["NaN, and −0 is smaller", () => pb.maximum(tensor([nan, 1, -0, 0]), tensor([1, nan, 0, -0])), [nan, nan, 0, 0]],
    ["slopes where they are equal", () => bothSlopes(pb.maximum, [1, 2], [1, 1]), [[0.5, 1], [0.5, 0]]],
  ],
  minimum: [
    ["NaN, and −0 is smaller", () => pb.minimum(tensor([nan, 1, -0, 0]), tensor([1, nan, 0, -0])), [nan, nan, -0, -0]],
    ["slopes where they are equal", () => bothSlopes(pb.minimum, [1, 2], [1, 1]), [[0.5, 0], [0.5, 1]]],
  ],
  atan2: [
    ["signs of zeros tell the side", () => pb.sign(pb.atan2(tensor([0, -0]), tensor([-0, -1]))), [1, -1]],
    ["slopes at the origin", () => bothSlopes(pb.atan2, [0], [0]), [[nan], [nan]]],
  ],
  bitwiseAnd: [["a bool is one bit", () => pb.bitwiseAnd(tensor([true, true]), tensor([true, false])), [true, false]]],
  bitwiseOr: [["a bool is one bit", () => pb.bitwiseOr(tensor([true, false]), tensor([false, false])), [true, false]]],
  bitwiseXor: [["a bool is one bit", () => pb.bitwiseXor(tensor([true, true]), tensor([true, false])), [false, true]]],
  leftShift: [["far, or backward", () => pb.leftShift(ints([1, 1, 1, 3]), ints([31, 32, -1, 30])), [
    least,
    0,
    0,
    -(2 ** 30),
  ]]],
  rightShift: [["far, or backward", () => pb.rightShift(ints([-8, -8, 8, -8]), ints([1, 32, 32, -1])), [
    -4,
    -1,
    0,
    -1,
  ]]],
  equal: [["NaN and the zeros", () => pb.equal(tensor([nan, -0]), tensor([nan, 0])), [false, true]]],
  notEqual: [["NaN and the zeros", () => pb.notEqual(tensor([nan, -0]), tensor([nan, 0])), [true, false]]],
  less: [
    ["NaN", () => pb.less(tensor([nan, 1, -0]), tensor([1, nan, 0])), [false, false, false]],
    ["false is less than true", () => pb.less(false, tensor([true])), [true]],
  ],
  lessEqual: [["NaN", () => pb.lessEqual(tensor([nan, 1, 0]), tensor([1, nan, -0])), [false, false, true]]],
  greater: [["NaN", () => pb.greater(tensor([nan, 1, 0]), tensor([1, nan, -0])), [false, false, false]]],
  greaterEqual: [["NaN", () => pb.greaterEqual(tensor([nan, 1, -0]), tensor([1, nan, 0])), [false, false, true]]],
  logicalAnd: [["NaN holds, −0 does not", () => pb.logicalAnd(tensor([nan, -0]), true), [true, false]]],
  logicalOr: [["NaN holds, −0 does not", () => pb.logicalOr(tensor([nan, -0]), false), [true, false]]],
  logicalXor: [["NaN holds, −0 does not", () => pb.logicalXor(tensor([nan, -0]), true), [false, true]]],
  where: [
    ["NaN holds, −0 does not", () => pb.where(tensor([nan, -0]), 1, tensor([2, 2])), [1, 2]],
    ["what is not chosen does not show", () => pb.where(tensor([true]), 1, tensor([nan])), [1]],
    ["a harmful branch", () => slopes((x) => pb.where(pb.greater(x, 0), pb.log(x), 0), [0, 2]), [nan, 0.5]],
    [
      "made harmless",
      () => slopes((x) => pb.where(pb.greater(x, 0), pb.log(pb.where(pb.greater(x, 0), x, 1)), 0), [0, 2]),
      [0, 0.5],
    ],
  ],
  clip: [
    ["crossed bounds, NaN", () => pb.clip(tensor([0, nan, inf]), { min: 2, max: 1 }), [1, nan, 1]],
    ["slopes", () => slopes((x) => pb.clip(x, { min: -1, max: 1 }), [-2, -1, 0, 1, 2]), [0, 0.5, 1, 0.5, 0]],
  ],
  cast: [
    ["too large, NaN", () => pb.cast(tensor([1e20, -1e20, nan, -1.9]), "int32"), [most, least, 0, -1]],
    ["unsigned", () => pb.cast(tensor([-1, 1e20, 2.9]), "uint32"), [0, mostUnsigned, 2]],
    ["integers wrap", () => pb.cast(ints([-1]), "uint32"), [mostUnsigned]],
    ["NaN is true, −0 is not", () => pb.cast(tensor([nan, -0]), "bool"), [true, false]],
    ["slope through an integer", () => slopes((x) => pb.cast(pb.cast(x, "int32"), "float32"), [1.5]), [0]],
  ],
  sum: [
    ["nothing", () => sum(zeros([2, 0]), { axis: 1 }), [0, 0]],
    ["bools are counted", () => sum(tensor([true, true])), 2],
    ["integers wrap", () => sum(ints([most, 1])), least],
    ["∞ − ∞", () => sum(tensor([inf, -inf])), nan],
  ],
  mean: [["nothing", () => pb.mean(zeros([2, 0]), { axis: 1 }), [nan, nan]]],
  prod: [
    ["nothing", () => pb.prod(zeros([2, 0]), { axis: 1 }), [1, 1]],
    ["integers wrap", () => pb.prod(ints([65536, 65536])), 0],
    ["slopes with a 0", () => slopes((x) => pb.prod(x), [0, 2, 3]), [6, 0, 0]],
  ],
  max: [
    ["NaN", () => pb.max(tensor([1, nan, inf])), nan],
    ["of bools any", () => pb.max(tensor([false, true])), true],
    ["ties share", () => slopes((x) => pb.max(x), [1, 3, 3]), [0, 0.5, 0.5]],
  ],
  min: [
    ["NaN", () => pb.min(tensor([1, nan, -inf])), nan],
    ["of bools all", () => pb.min(tensor([false, true])), false],
    ["ties share", () => slopes((x) => pb.min(x), [1, 1, 3]), [0.5, 0.5, 0]],
  ],
  countNonzero: [
    ["NaN counts, −0 does not", () => pb.countNonzero(tensor([nan, -0, 2 ** -149])), 2],
    ["nothing", () => pb.countNonzero(zeros([0])), 0],
  ],
  any: [["nothing", () => pb.any(zeros([0])), false], ["NaN", () => pb.any(tensor([nan, 0])), true]],
  all: [["nothing", () => pb.all(zeros([0])), true], ["NaN", () => pb.all(tensor([nan, 1])), true]],
  logSumExp: [
    ["nothing", () => pb.logSumExp(zeros([2, 0]), { axis: 1 }), [-inf, -inf]],
    ["−∞ alone, ∞, NaN", () => pb.logSumExp(tensor([[-inf, -inf], [inf, 1], [nan, 1]]), { axis: 1 }), [-inf, inf, nan]],
    ["no overflow", () => pb.logSumExp(tensor([1e4, -1e4])), 1e4],
  ],
  variance: [
    ["nothing", () => pb.variance(zeros([0])), nan],
    ["n ≤ ddof", () => pb.stack([pb.variance(tensor([1, 2]), { ddof: 2 }), pb.variance(1, { ddof: 3 })]), [inf, nan]],
  ],
  std: [["nothing", () => pb.std(zeros([0])), nan], ["slopes of equals", () => slopes((x) => pb.std(x), [2, 2]), [
    nan,
    nan,
  ]]],
  standardize: [
    ["equals become 0", () => pb.standardize(tensor([3, 3])), [0, 0]],
    ["NaN and ∞ spread", () => pb.standardize(tensor([[nan, 1], [inf, 1]])), [[nan, nan], [nan, nan]]],
  ],
  argmax: [
    ["the first of ties", () => pb.argmax(tensor([1, 5, 5])), 1],
    ["NaN is largest", () => pb.argmax(tensor([inf, nan, nan])), 1],
  ],
  argmin: [
    ["the first of ties", () => pb.argmin(tensor([1, 1, 5])), 0],
    ["NaN is smallest", () => pb.argmin(tensor([-inf, nan, nan])), 1],
  ],
  allClose: [
    ["equal infinities", () => tensor(pb.allClose(tensor([inf, -inf]), tensor([inf, -inf]))), true],
    ["NaN", () => tensor([pb.allClose(nan, nan), pb.allClose(nan, nan, { equalNaN: true })]), [false, true]],
  ],
  cumsum: [
    ["bools are counted", () => pb.cumsum(tensor([true, true])), [1, 2]],
    ["integers wrap", () => pb.cumsum(ints([most, 1])), [most, least]],
  ],
  cumprod: [["slopes with a 0", () => slopes((x) => pb.cumprod(x), [2, 0, 3]), [1, 8, 0]]],
  cummax: [
    ["NaN from the first on", () => pb.cummax(tensor([1, nan, 3])), [1, nan, nan]],
    ["the nearest of ties", () => slopes((x) => pb.cummax(x), [1, 1, 0]), [1, 2, 0]],
    ["of bools any", () => pb.cummax(tensor([false, true, false])), [false, true, true]],
  ],
  cummin: [
    ["NaN from the first on", () => pb.cummin(tensor([1, nan, 0])), [1, nan, nan]],
    ["the nearest of ties", () => slopes((x) => pb.cummin(x), [1, 1, 2]), [1, 2, 0]],
    ["of bools all", () => pb.cummin(tensor([true, false, true])), [true, false, false]],
  ],
  norm: [
    ["nothing", () => pb.stack([pb.norm(zeros([0])), pb.norm(zeros([0]), { ord: -1 })]), [0, inf]],
    ["slopes where all are 0", () => slopes((x) => pb.norm(x), [0, 0]), [nan, nan]],
    ["of |x| at 0", () => slopes((x) => pb.norm(x, { ord: 1 }), [0, -2]), [0, -1]],
    ["ties of ord ∞ share", () => slopes((x) => pb.norm(x, { ord: inf }), [2, -2, 1]), [0.5, -0.5, 0]],
    [
      "neither overflow nor underflow",
      () => pb.norm(tensor([[3e38, 0], [3e-40, 0]]), { axis: 1 }),
      [3e38, 3e-40].map(Math.fround),
    ],
  ],
  quantile: [
    ["NaN", () => pb.quantile(tensor([1, nan]), [0, 1]), [nan, nan]],
    ["a q of a tensor out of range", () => pb.quantile(tensor([1, 2]), tensor([-0.5, 1.5, 0.5])), [nan, nan, 1.5]],
    ["slopes go to both sides", () => slopes((x) => pb.quantile(x, 0.25), [4, 1, 3]), [0, 0.5, 0.5]],
  ],
  median: [
    ["NaN", () => pb.median(tensor([1, nan, 2])), nan],
    ["evenly many", () => pb.median(ints([1, 2, 4, 8])), 3],
  ],
  reshape: moves,
  flatten: [["a scalar", () => pb.flatten(7), [7]]],
  transpose: moves,
  swapAxes: moves,
  moveAxis: moves,
  broadcastTo: moves,
  expandDims: moves,
  squeeze: moves,
  slice: [["beyond the ends", () => pb.slice(pb.arange(3), { start: [-9], stop: [9] }), [0, 1, 2]]],
  pad: [
    ["reflections repeat", () => pb.pad(ints([1, 2, 3]), [[3, 3]], { mode: "reflect" }), [2, 3, 2, 1, 2, 3, 2, 1, 2]],
    ["a single element reflects as itself", () => pb.pad(ints([1]), [[1, 1]], { mode: "reflect" }), [1, 1, 1]],
    ["copies repeat", () => pb.pad(ints([1, 2]), [[3, 0]], { mode: "wrap" }), [2, 1, 2, 1, 2]],
    ["a constant that is no number", () => pb.pad(tensor([1]), [[1, 0]], { value: nan }), [nan, 1]],
  ],
  flip: moves,
  roll: [["without an axis", () => pb.roll(pb.reshape(pb.arange(4), [2, 2]), -1), [[1, 2], [3, 0]]]],
  repeat: [["no times", () => pb.repeat(tensor([1, 2]), [0, 2]), [2, 2]]],
  tile: [["no times", () => pb.tile(tensor([1, 2]), 0), []]],
  tril: [["zeros, whatever was there", () => pb.tril(tensor([[1, nan], [2, 3]])), [[1, 0], [2, 3]]]],
  triu: [["zeros, whatever was there", () => pb.triu(tensor([[1, 2], [inf, 3]])), [[1, 2], [0, 3]]]],
  diag: [["zeros beside NaN", () => pb.diag(tensor([nan, 1])), [[nan, 0], [0, 1]]]],
  meshgrid: moves,
  concatenate: moves,
  stack: moves,
  split: moves,
  take: [
    ["out of range", () => pb.take(tensor([1, 2]), ints([2, -3, -1])), [nan, nan, 2]],
    ["of integers", () => pb.take(ints([1, 2]), ints([2, -3])), [0, 0]],
    ["of bools", () => pb.take(tensor([true]), ints([1])), [false]],
    ["slopes, repeated and out of range", () => slopes((x) => pb.take(x, ints([1, 1, 5])), [3, 4]), [0, 2]],
  ],
  takeAlongAxis: [
    ["out of range", () => pb.takeAlongAxis(tensor([[1, 2]]), ints([[-1, 2]]), { axis: 1 }), [[2, nan]]],
    ["of integers", () => pb.takeAlongAxis(ints([[1, 2]]), ints([[2]]), { axis: 1 }), [[0]]],
  ],
  indexUpdate: [
    ["the last wins", () => pb.indexUpdate(zeros([3]), ints([1, 1, -1]), tensor([5, 6, 7])), [0, 6, 7]],
    ["out of range", () => pb.indexUpdate(zeros([2]), ints([2, -3]), 9), [0, 0]],
    ["slopes of what stays", () => slopes((x) => pb.indexUpdate(x, [0], 9), [1, 2]), [0, 1]],
    [
      "slopes of what is written",
      () => slopes((v) => pb.indexUpdate(zeros([3]), ints([1, 1, 5]), v), [1, 2, 3]),
      [0, 1, 0],
    ],
  ],
  indexAdd: [
    ["all are added", () => pb.indexAdd(zeros([2]), ints([1, 1, 2]), tensor([5, 6, 7])), [0, 11]],
    ["integers wrap", () => pb.indexAdd(ints([most]), [0], 1), [least]],
  ],
  gatherNd: [
    ["out of range", () => pb.gatherNd(tensor([[1, 2]]), ints([[0, 2], [1, 0], [-1, -1]])), [nan, nan, 2]],
    ["of integers", () => pb.gatherNd(ints([1]), ints([[1]])), [0]],
  ],
  scatterNd: [["repeated and out of range", () => pb.scatterNd(ints([[1], [1], [2]]), tensor([1, 2, 3]), [2]), [0, 3]]],
  dynamicSlice: [
    ["moved inside", () => pb.dynamicSlice(pb.arange(5), [ints(9)], [2]), [3, 4]],
    ["from the end", () => pb.dynamicSlice(pb.arange(5), [-3], [2]), [2, 3]],
  ],
  dynamicUpdateSlice: [
    ["moved inside", () => pb.dynamicUpdateSlice(zeros([3]), tensor([1, 2]), [ints(9)]), [0, 1, 2]],
    ["slopes", () => slopes((x) => pb.dynamicUpdateSlice(x, tensor([9]), [1]), [1, 2, 3]), [1, 0, 1]],
  ],
  segmentSum: [
    ["nothing, out of range", () => pb.segmentSum(tensor([1, 2, 4]), ints([0, 0, 7]), 2), [3, 0]],
    ["integers wrap", () => pb.segmentSum(ints([most, 1]), [0, 0], 1), [least]],
  ],
  segmentMax: [
    ["nothing, NaN", () => pb.segmentMax(tensor([1, nan, 4]), ints([0, 0, 7]), 2), [nan, -inf]],
    ["no integers", () => pb.segmentMax(ints([1]), [0], 2), [1, least]],
    ["ties share", () => slopes((x) => pb.segmentMax(x, [0, 0, 0], 1), [2, 2, 1]), [0.5, 0.5, 0]],
  ],
  segmentMin: [
    ["nothing, NaN", () => pb.segmentMin(tensor([1, nan, 4]), ints([0, 0, 7]), 2), [nan, inf]],
    ["no integers", () => pb.segmentMin(unsigned([1]), [0], 2), [1, mostUnsigned]],
    ["ties share", () => slopes((x) => pb.segmentMin(x, [0, 0, 0], 1), [1, 1, 2]), [0.5, 0.5, 0]],
  ],
  segmentMean: [["nothing, out of range", () => pb.segmentMean(ints([1, 2, 4]), ints([0, 0, -1]), 2), [1.5, 0]]],
  sort: [
    ["NaN last", () => pb.sort(tensor([nan, 1, -inf, inf])), [-inf, 1, inf, nan]],
    ["NaN last, descending", () => pb.sort(tensor([nan, 1, 2]), { descending: true }), [2, 1, nan]],
    ["slopes follow", () => slopes((x) => pb.mul(pb.sort(x), tensor([1, 2, 3])), [5, 3, 4]), [3, 1, 2]],
  ],
  argsort: [
    ["equals keep their order", () => pb.argsort(tensor([1, 0, 1, 0])), [1, 3, 0, 2]],
    ["descending, too", () => pb.argsort(tensor([1, 0, 1, nan]), { descending: true }), [0, 2, 1, 3]],
    ["−0 equals 0", () => pb.argsort(tensor([0, -0, 0])), [0, 1, 2]],
  ],
  topK: [
    ["NaN last", () => pb.topK(tensor([nan, 1, 2]), 3).values, [2, 1, nan]],
    ["the first of equals", () => pb.topK(tensor([1, 2, 2]), 2).indices, [1, 2]],
  ],
  bincount: [["other values", () => pb.bincount(ints([0, -1, 9, 0]), 2), [2, 0]]],
  searchSorted: [["NaN is largest, −0 equals 0", () => pb.searchSorted(tensor([0, 1]), tensor([nan, -0])), [2, 0]]],
  unique: [["NaN once, at the end", () => pb.unique(tensor([nan, 1, nan, 0])), [0, 1, nan]]],
  nonzero: [["NaN is not 0, −0 is", () => pb.nonzero(tensor([nan, -0, 1]))[0]!, [0, 2]]],
  matmul: [
    ["nothing to add", () => pb.matmul(zeros([2, 0]), zeros([0, 2])), [[0, 0], [0, 0]]],
    ["integers wrap", () => pb.matmul(ints([[65536, 1]]), ints([[65536], [7]])), [[7]]],
    ["0 · ∞", () => pb.matmul(tensor([[0, 1]]), tensor([[inf], [1]])), [[nan]]],
  ],
  dot: sumsOfProducts,
  inner: sumsOfProducts,
  vdot: [["shapes may differ", () => pb.vdot(tensor([[1, 2]]), tensor([[3], [4]])), 11]],
  outer: sumsOfProducts,
  tensordot: sumsOfProducts,
  einsum: [
    ["the diagonal", () => pb.einsum("ii->i", tensor([[1, 2], [3, 4]])), [1, 4]],
    ["size 1 stretches", () => pb.einsum("ij,ij->ij", tensor([[1, 2]]), tensor([[1], [3]])), [[1, 2], [3, 6]]],
    ["a bare number", () => pb.einsum("i,->i", ints([1, 2]), 3), [3, 6]],
    ["nothing to add", () => pb.einsum("ij->i", zeros([2, 0])), [0, 0]],
  ],
  conv: [
    ["NaN in its windows alone", () => pb.conv(image([nan, 1, 2]), pb.ones([2, 1, 1])), [[[nan], [3]]]],
    [
      "cells around are 0, and 0 · ∞ is not added",
      () => pb.conv(image([1]), tensor([[[inf]], [[2]], [[inf]]]), { padding: "same" }),
      [[[2]]],
    ],
  ],
  convTranspose: sumsOfProducts,
  correlate: [["0 · ∞", () => pb.correlate(tensor([inf, 1, 2]), tensor([0, 1])), [nan, 2]]],
  maxPool: [
    ["NaN wins", () => pb.maxPool(image([1, nan, 3, 2, 9]), { window: 2 }), [[[nan], [3]]]],
    ["the first of ties", () => slopes((x) => pb.maxPool(x, { window: 2 }), image([1, 1])), [[[1], [0]]]],
  ],
  minPool: [
    ["NaN wins", () => pb.minPool(image([1, nan, 3, 2, 9]), { window: 2 }), [[[nan], [2]]]],
    ["the first of ties", () => slopes((x) => pb.minPool(x, { window: 2 }), image([1, 1])), [[[1], [0]]]],
  ],
  avgPool: [["padding does not count", () => pb.avgPool(image([4, 8]), { window: 2, padding: 1 }), [[[4], [8]]]]],
  reduceWindow: [
    [
      "NaN wins, the first of ties",
      () => slopes((x) => pb.reduceWindow(x, { kind: "min", window: 3, strides: 2 }), image([nan, 1, nan, 2, 2])),
      [[[1], [0], [1], [0], [0]]],
    ],
  ],
  globalMaxPool: [
    ["NaN", () => pb.globalMaxPool(image([1, nan])), [[nan]]],
    ["ties share", () => slopes((x) => pb.globalMaxPool(x), image([2, 2])), [[[0.5], [0.5]]]],
  ],
  globalMinPool: [
    ["NaN", () => pb.globalMinPool(image([1, nan])), [[nan]]],
    ["ties share", () => slopes((x) => pb.globalMinPool(x), image([2, 2])), [[[0.5], [0.5]]]],
  ],
  globalAvgPool: [["integers become float32", () => pb.globalAvgPool(pb.reshape(ints([1, 2]), [1, 2, 1])), [[1.5]]]],
  softmax: [
    ["−∞ among others", () => pb.softmax(tensor([-inf, 1e4, 1e4])), [0, 0.5, 0.5]],
    ["NaN, ∞, −∞ alone", () => pb.softmax(tensor([[nan, 0], [inf, 0], [-inf, -inf]])), [[nan, nan], [nan, nan], [
      nan,
      nan,
    ]]],
  ],
  logSoftmax: [["where the probability underflows", () => pb.logSoftmax(tensor([1e4, -1e4])), [0, -2e4]]],
};

Deno.test("documentation: every operation's words on special values are listed, or why there are none", () => {
  assertEquals(table.map(({ name }) => name).filter((name) => !(name in statements)), []);
});

for (const [name, list] of Object.entries(statements)) {
  if (typeof list === "string") continue;
  Deno.test(`documentation: ${name}`, () => {
    const holds = () => {
      for (const [what, actual, expected] of list) assertEquals(actual().arraySync(), expected, `${name}: ${what}`);
    };
    holds();
    onReference(holds);
  });
}
