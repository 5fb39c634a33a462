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
export {
  arange,
  diag,
  type DTypeOption,
  eye,
  full,
  fullLike,
  linspace,
  meshgrid,
  type NestedArray,
  oneHot,
  ones,
  onesLike,
  tensor,
  type TensorData,
  type TensorOptions,
  tril,
  triu,
  zeros,
  zerosLike,
} from "./create.ts";
export type { DType, TypedArray } from "./dtype.ts";
export {
  abs,
  add,
  atan2,
  cast,
  ceil,
  clip,
  cos,
  cosh,
  div,
  equal,
  exp,
  exp2,
  expm1,
  floor,
  greater,
  greaterEqual,
  isFinite,
  isInf,
  isNaN,
  less,
  lessEqual,
  log,
  log10,
  log1p,
  log2,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  notEqual,
  pow,
  reciprocal,
  round,
  rsqrt,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  stopGradient,
  sub,
  tan,
  tanh,
  trunc,
  where,
} from "./elementwise.ts";
export { einsum } from "./einsum.ts";
export { ShapeError } from "./errors.ts";
export {
  argsort,
  bincount,
  indexAdd,
  indexUpdate,
  type Indices,
  segmentMax,
  segmentMean,
  segmentMin,
  segmentSum,
  sort,
  type SortOptions,
  take,
  takeAlongAxis,
  topK,
} from "./indexing.ts";
export {
  broadcastTo,
  concatenate,
  expandDims,
  flatten,
  flip,
  moveAxis,
  pad,
  type PadOptions,
  repeat,
  reshape,
  roll,
  slice,
  type SliceOptions,
  split,
  squeeze,
  stack,
  swapAxes,
  tile,
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
