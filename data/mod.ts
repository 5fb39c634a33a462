/**
 * From data sets in memory to batches: shuffling, splitting, scaling, augmenting, and readers of file formats. Importing
 * this installs the CPU.
 *
 * @module
 */

import "../cpu/install.ts";

export { augment, type AugmentOptions } from "./augment.ts";
export { type Batches, batches, type BatchOptions, split } from "./batches.ts";
export { parseIdx } from "./idx.ts";
export { type Standard, standardize, type StandardizeOptions, type Standardizer } from "./standardize.ts";
