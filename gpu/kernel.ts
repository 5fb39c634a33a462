/** What a kernel becomes: dispatches of WGSL shaders. Generators are given operands in their places, and a machine. */

import type { ComputeKind, KernelOf } from "../ops/kernel.ts";
import type { TensorType } from "../ops/shape.ts";
import type { Place } from "../jit/place.ts";

/** One shader, and what it is run on. */
export interface Dispatch {
  /** For people: it is in messages of the device. */
  readonly label: string;
  /** Its entry point is `main`. */
  readonly code: string;
  /** Storage buffers, by their bindings: the base that each stands for. */
  readonly bindings: readonly Binding[];
  /** The words of one more buffer, which is bound after them; none if it is empty. */
  readonly parameters: readonly number[];
  readonly workgroups: readonly [x: number, y: number, z: number];
}

export interface Binding {
  readonly base: number;
  readonly writes: boolean;
}

/** What generators know of the machine and of how code is to be written. */
export interface Machine {
  /** Whether sizes and strides are arguments, so that few shaders serve all shapes; otherwise they are constants. */
  readonly parametric: boolean;
  /** Whether shaders have float16; otherwise one is stored as float32. */
  readonly hasFloat16: boolean;
  readonly hasSubgroups: boolean;
  /** Whether threads of a workgroup are fast together: barriers and shared memory pay. Not so on a CPU that plays GPU. */
  readonly hasFastBarriers: boolean;
  readonly limits: Limits;
  /** Storage for values between the dispatches of a kernel. */
  temporary(type: TensorType): Place;
}

export interface Limits {
  /** Threads in a workgroup. */
  readonly threads: number;
  /** Bytes that a workgroup shares. */
  readonly sharedBytes: number;
  readonly workgroupsPerDimension: number;
  /** Storage buffers of a shader, besides its parameters. */
  readonly buffers: number;
  /** Of one buffer. */
  readonly bufferBytes: number;
}

/**
 * So many turns do all loops of a thread take together, at the most: Mesa's software adapter ends them after 65,535
 * without a word, and drivers give up on threads that take seconds.
 */
export const mostTurns: number = 2 ** 15;

/** Inputs may have any strides (0 and negative too); outputs are row-major and overlap nothing. Every size may be 0. */
export type Generator<K extends ComputeKind> = (
  kernel: KernelOf<K>,
  inputs: readonly Place[],
  outputs: readonly Place[],
  machine: Machine,
) => readonly Dispatch[];

/** One generator per kind of kernel: a missing one does not compile. */
export type GeneratorTable = { readonly [K in ComputeKind]: Generator<K> };
