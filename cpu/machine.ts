/** What kernels are given: arrays in WebAssembly memory, and the memory itself. */

import type { KernelModule } from "./code.ts";
import type { DType, TypedArray } from "../ops/dtype.ts";
import type { ComputeKind, KernelOf } from "../ops/kernel.ts";
import type { Strided } from "../ops/shape.ts";

/** An array in wasm memory: element `i` lies at `address + (offset + Σ i·strides) · bytesPerElement`. */
export interface Operand extends Strided {
  readonly dtype: DType;
  /** Byte address of the storage; a multiple of 16. */
  readonly address: number;
  /** Elements in the whole storage, which views may share. */
  readonly length: number;
  /** Where this is a part of a larger array: the position of its first element, from which a body's indices count. */
  readonly origin?: readonly number[];
}

/** Arguments are constants, addresses and sizes. */
export type Run = (...args: number[]) => void;

/** A machine's memory goes on for at least `slackBytes` after every operand, so that kernels may read a little too far. */
export const slackBytes = 64;

export interface Machine {
  readonly memory: WebAssembly.Memory;
  /** Where calls are written down instead of made; null where they are made. */
  readonly recorder: Recorder | null;
  /** Bytes of scratch memory at a 16-byte boundary, until `free`. Typed arrays made before may be short or detached after. */
  allocate(bytes: number): number;
  free(address: number): void;
  /** The whole storage of an operand as a typed array; take it anew after every `allocate`. */
  array(operand: Operand): TypedArray;
}

/** What takes down the calls of a kernel. Addresses are then symbols (symbols.ts), which can be added to alone. */
export interface Recorder {
  call(module: KernelModule, name: string, args: readonly number[]): void;
  /** Takes down both branches of a choice that is made at run time, by what a function of the module returns. */
  choose(module: KernelModule, name: string, args: readonly number[], onTrue: () => void, onFalse: () => void): void;
}

/**
 * Runs one kernel. Inputs may have any strides (0 and negative too); an output is row-major and overlaps no input.
 * Every size may be 0.
 */
export type Implementation<K extends SingleKind> = (
  kernel: KernelOf<K>,
  inputs: readonly Operand[],
  output: Operand,
  machine: Machine,
) => void;

/** The same for the one kind of kernel that may have several results. */
export type LoopImplementation = (
  kernel: KernelOf<"loop">,
  inputs: readonly Operand[],
  outputs: readonly Operand[],
  machine: Machine,
) => void;

/** Kernels with one result. */
export type SingleKind = Exclude<ComputeKind, "loop">;

/** One implementation per kind of kernel: a missing one does not compile. */
export type KernelTable = { readonly [K in SingleKind]: Implementation<K> } & { readonly loop: LoopImplementation };
