/**
 * Pullback: functional, immutable tensors for Deno, with composable transforms.
 *
 * @module
 */

export * from "./ops/mod.ts";
export { setDefaultDevice, toDevice } from "./ops/devices.ts";
export type { AsyncDevice } from "./ops/tensor.ts";
export * from "./grad/mod.ts";
export * from "./jit/mod.ts";
export * from "./cpu/mod.ts";
export * from "./gpu/mod.ts";
export * as data from "./data/mod.ts";
export * as nn from "./nn/mod.ts";
export * as optim from "./optim/mod.ts";
export * as random from "./ops/random/mod.ts";
export * as tree from "./ops/tree.ts";
