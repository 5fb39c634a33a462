/** What a device runs: kernels in order, and what each reads and writes. */

import type { Kernel } from "../ops/kernel.ts";
import type { TensorType } from "../ops/shape.ts";
import type { ConcreteTensor } from "../ops/tensor.ts";

/** One kernel of a plan. Slots are the program's, and a few more for views that fusion needs. */
export interface Step {
  readonly kernel: Kernel;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Of the outputs. */
  readonly types: readonly TensorType[];
  /** Slots that no later step reads. */
  readonly lastUses: readonly number[];
}

/** A program as a device runs it. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly constants: readonly { readonly slot: number; readonly value: ConcreteTensor }[];
  readonly outputs: readonly number[];
}
