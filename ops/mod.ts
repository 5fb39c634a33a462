/**
 * Tensors and what may be done to them: creation, elementwise arithmetic, reductions, movement, indexing, contraction,
 * convolution and pooling. Importing this installs the CPU.
 *
 * What the documentation of an operation does not say of special values is what IEEE 754 and limits give: NaN of NaN, ±∞
 * where a result is too large, and subnormal numbers kept; by elementwise operations the sign of zeros, too.
 *
 * @module
 */

import "../cpu/install.ts";

export { allClose, type CloseOptions } from "./compare.ts";
export { dot, inner, matmul, outer, tensordot, vdot } from "./contraction.ts";
export {
  conv,
  type ConvOptions,
  convTranspose,
  type ConvTransposeOptions,
  correlate,
  type Padding,
} from "./convolution.ts";
export { arange, type DTypeOption, full, fullLike, linspace, ones, onesLike, zeros, zerosLike } from "./create.ts";
export { type NestedArray, tensor, type TensorData, type TensorOptions } from "./literal.ts";
export { diag, eye, meshgrid, oneHot, tril, triu } from "./matrices.ts";
export { cummax, cummin, cumprod, cumsum, type CumulativeOptions } from "./cumulative.ts";
export type { DType, TypedArray } from "./dtype.ts";
export {
  abs,
  add,
  ceil,
  clip,
  div,
  floor,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  pow,
  reciprocal,
  round,
  sign,
  square,
  sub,
  trunc,
} from "./arithmetic.ts";
export { cast, stopGradient } from "./cast.ts";
export { bitwiseAnd, bitwiseNot, bitwiseOr, bitwiseXor, leftShift, rightShift } from "./bits.ts";
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  cbrt,
  cos,
  cosh,
  exp,
  exp2,
  expm1,
  log,
  log10,
  log1p,
  log2,
  rsqrt,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
} from "./functions.ts";
export {
  equal,
  greater,
  greaterEqual,
  isFinite,
  isInf,
  isNaN,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  notEqual,
  where,
} from "./logic.ts";
export { dynamicSlice, dynamicUpdateSlice, type Starts } from "./dynamic.ts";
export { einsum } from "./einsum.ts";
export { ShapeError } from "./errors.ts";
export { gatherNd, scatterNd } from "./gather_nd.ts";
export { indexAdd, indexUpdate, type Indices, take, takeAlongAxis } from "./indexing.ts";
export { nonzero, type SearchOptions, searchSorted, unique } from "./searching.ts";
export { bincount, segmentMax, segmentMean, segmentMin, segmentSum } from "./segments.ts";
export { argsort, sort, type SortOptions, topK } from "./sorting.ts";
export { concatenate, pad, type PadMode, type PadOptions, repeat, roll, split, stack, tile } from "./joining.ts";
export {
  broadcastTo,
  expandDims,
  flatten,
  flip,
  moveAxis,
  reshape,
  slice,
  type SliceOptions,
  squeeze,
  swapAxes,
  transpose,
} from "./movement.ts";
export { norm, type NormOptions, type NormOrder } from "./norm.ts";
export {
  avgPool,
  globalAvgPool,
  globalMaxPool,
  globalMinPool,
  maxPool,
  minPool,
  type PoolOptions,
  reduceWindow,
  type ReduceWindowOptions,
} from "./pooling.ts";
export {
  all,
  any,
  argmax,
  argmin,
  type AxesOptions,
  type AxisOptions,
  countNonzero,
  logSumExp,
  max,
  mean,
  min,
  prod,
  std,
  sum,
  variance,
  type VarianceOptions,
} from "./reduction.ts";
export { median, quantile } from "./quantile.ts";
export type { Shape, TensorType } from "./shape.ts";
export { digamma, erf, erfc, erfinv, lgamma } from "./special.ts";
export { logSoftmax, softmax, type SoftmaxOptions } from "./softmax.ts";
export { standardize, type StandardizeOptions } from "./standardize.ts";
export { type Device, Tensor, type TensorLike } from "./tensor.ts";
export type { MapLeaves } from "./tree.ts";
