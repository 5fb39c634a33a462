/**
 * Optimisers as pairs of pure functions over trees, and schedules of learning rates. Importing this installs the CPU.
 *
 * @module
 */

import "../cpu/install.ts";

export { adam, type AdamOptions, type AdamState } from "./adam.ts";
export type { LearningRate } from "./parts.ts";
export { cosineDecay, type Schedule, warmupCosine } from "./schedules.ts";
export { sgd, type SgdOptions, type SgdState } from "./sgd.ts";
export { applyUpdates, chain, scale, type StateOf, type Transform } from "./transform.ts";
