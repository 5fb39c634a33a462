/**
 * Tensors and what may be done to them: creation, elementwise arithmetic, reductions, movement, indexing, contraction,
 * convolution and pooling. Importing this installs the CPU.
 *
 * @module
 */

import "../cpu/install.ts";

export { allClose, type CloseOptions } from "./compare.ts";
export { dot, matmul, outer, tensordot } from "./contraction.ts";
export { conv, type ConvOptions, correlate, type Padding } from "./convolution.ts";
export { arange, type DTypeOption, full, fullLike, linspace, ones, onesLike, zeros, zerosLike } from "./create.ts";
export { type NestedArray, tensor, type TensorData, type TensorOptions } from "./literal.ts";
export { diag, eye, meshgrid, oneHot, tril, triu } from "./matrices.ts";
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
export {
  atan2,
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
export { einsum } from "./einsum.ts";
export { ShapeError } from "./errors.ts";
export { indexAdd, indexUpdate, type Indices, take, takeAlongAxis } from "./indexing.ts";
export { bincount, segmentMax, segmentMean, segmentMin, segmentSum } from "./segments.ts";
export { argsort, sort, type SortOptions, topK } from "./sorting.ts";
export { concatenate, pad, type PadOptions, repeat, roll, split, stack, tile } from "./joining.ts";
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
export { avgPool, globalAvgPool, globalMaxPool, globalMinPool, maxPool, minPool, type PoolOptions } from "./pooling.ts";
export {
  all,
  any,
  argmax,
  argmin,
  type AxesOptions,
  type AxisOptions,
  cumsum,
  type CumulativeOptions,
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
export type { Shape, TensorType } from "./shape.ts";
export { logSoftmax, softmax, type SoftmaxOptions } from "./softmax.ts";
export { type Device, Tensor, type TensorLike } from "./tensor.ts";
export type { MapLeaves } from "./tree.ts";
