/**
 * Neural networks: layers, activations, initialisers, losses, metrics and models. A layer is a pair of pure functions
 * over plain trees of tensors. Importing this installs the CPU.
 *
 * @module
 */

import "../cpu/install.ts";

export { relu, sigmoid, softplus } from "../ops/activation.ts";
export { tanh } from "../ops/functions.ts";
export {
  celu,
  elu,
  gelu,
  glu,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  mish,
  relu6,
  selu,
  silu,
  softsign,
  squaredRelu,
} from "./activations.ts";
export { conv, type ConvLayerOptions } from "./conv.ts";
export { type AffineParams, dense, type DenseOptions } from "./dense.ts";
/** Initialisers: from a key and a shape to the first value of a weight. */
export * as init from "./init.ts";
export type { Initializer, InitOptions } from "./init.ts";
export type { ApplyOptions, Initial, Layer, ParamsOf, Part, StateOf, Variables } from "./layer.ts";
/** Loss functions, with PyTorch's definitions. */
export * as loss from "./loss.ts";
/** Measures of how good predictions are. */
export * as metrics from "./metrics.ts";
/** Whole networks by name. */
export * as models from "./models.ts";
export { avgPool, dropout, flatten, maxPool } from "./plain_layers.ts";
export { type PartsParams, type PartsState, sequential } from "./sequential.ts";
export { countParams, summary } from "./summary.ts";
