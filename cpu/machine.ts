/** What kernels are given: arrays in WebAssembly memory, and the memory itself. */

import type { DType, TypedArray } from "../ops/dtype.ts";
import type { KernelKind, KernelOf } from "../ops/kernel.ts";
import type { Strided } from "../ops/shape.ts";

/** An array in wasm memory: element `i` lies at `address + (offset + Σ i·strides) · bytesPerElement`. */
export interface Operand extends Strided {
  readonly dtype: DType;
  /** Byte address of the storage; a multiple of 16. */
  readonly address: number;
  /** Elements in the whole storage, which views may share. */
  readonly length: number;
}

export interface Machine {
  readonly memory: WebAssembly.Memory;
  /** Bytes of scratch memory at a 16-byte boundary, until `free`. Typed arrays made before may be short or detached after. */
  allocate(bytes: number): number;
  free(address: number): void;
  /** The whole storage of an operand as a typed array; take it anew after every `allocate`. */
  array(operand: Operand): TypedArray;
}

/**
 * Runs one kernel. Inputs may have any strides (0 and negative too); the output is row-major and overlaps no input.
 * Every size may be 0.
 */
export type Implementation<K extends KernelKind> = (
  kernel: KernelOf<K>,
  inputs: readonly Operand[],
  output: Operand,
  machine: Machine,
) => void;

/** Kernels that compute; a `view` moves nothing and is no kernel's business. */
export type ComputeKind = Exclude<KernelKind, "view">;

/** One implementation per kind of kernel: a missing one does not compile. */
export type KernelTable = { readonly [K in ComputeKind]: Implementation<K> };
