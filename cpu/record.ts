/** Kernels written down instead of run: the calls that their drivers make, as a list. */

import type { KernelModule } from "./code.ts";
import type { Implementation, KernelTable, Machine, Operand, Recorder, SingleKind } from "./machine.ts";
import { symbol } from "./symbols.ts";
import type { ComputeKind, KernelOf } from "../ops/kernel.ts";

/** One kernel on given operands. Their addresses may be symbols. */
export interface Task {
  readonly kernel: KernelOf<ComputeKind>;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
}

export function runTask(kernels: KernelTable, { kernel, inputs, outputs }: Task, machine: Machine): void {
  if (kernel.kind === "loop") return kernels.loop(kernel, inputs, outputs, machine);
  (kernels[kernel.kind] as Implementation<SingleKind>)(kernel, inputs, outputs[0]!, machine);
}

export type Action =
  | { readonly kind: "call"; readonly module: KernelModule; readonly name: string; readonly args: readonly number[] }
  /** Calls a function, and goes on by what it returns. */
  | {
    readonly kind: "choose";
    readonly module: KernelModule;
    readonly name: string;
    readonly args: readonly number[];
    readonly onTrue: readonly Action[];
    readonly onFalse: readonly Action[];
  }
  /** A kernel that is JavaScript: run as it is, by the main thread. */
  | { readonly kind: "host"; readonly task: Task };

/** What a task does, and the scratch memory that it takes. */
export interface Recording {
  readonly actions: readonly Action[];
  readonly scratchBytes: number;
}

/** Thrown where a driver looks at memory itself. */
class NeedsMemory extends Error {}

/** Writes down what a task does. Scratch addresses are offsets to the base `scratch`. */
export function record(kernels: KernelTable, task: Task, scratch: number): Recording {
  const machine = new RecordingMachine(scratch);
  try {
    runTask(kernels, task, machine);
    return { actions: machine.actions, scratchBytes: machine.scratchBytes };
  } catch (error) {
    if (!(error instanceof NeedsMemory)) throw error;
    return { actions: [{ kind: "host", task }], scratchBytes: 0 };
  }
}

class RecordingMachine implements Machine, Recorder {
  readonly recorder = this;
  /** The list being written: that of a branch, within a choice. */
  actions: Action[] = [];
  scratchBytes = 0;
  readonly #scratch: number;
  /** What is allocated, in order of address. */
  readonly #held: { readonly address: number; readonly end: number; free: boolean }[] = [];

  constructor(scratch: number) {
    this.#scratch = symbol(scratch);
  }

  get memory(): never {
    throw new NeedsMemory();
  }

  array(): never {
    throw new NeedsMemory();
  }

  allocate(bytes: number): number {
    const start = this.#held.at(-1)?.end ?? 0;
    const end = start + Math.ceil(Math.max(bytes, 1) / 64) * 64;
    this.#held.push({ address: this.#scratch + start, end, free: false });
    this.scratchBytes = Math.max(this.scratchBytes, end);
    return this.#scratch + start;
  }

  free(address: number): void {
    for (const held of this.#held) if (held.address === address) held.free = true;
    while (this.#held.at(-1)?.free) this.#held.pop();
  }

  call(module: KernelModule, name: string, args: readonly number[]): void {
    this.actions.push({ kind: "call", module, name, args });
  }

  choose(module: KernelModule, name: string, args: readonly number[], onTrue: () => void, onFalse: () => void): void {
    this.actions.push({
      kind: "choose",
      module,
      name,
      args,
      onTrue: this.#branch(onTrue),
      onFalse: this.#branch(onFalse),
    });
  }

  #branch(body: () => void): readonly Action[] {
    const outer = this.actions;
    this.actions = [];
    body();
    const inner = this.actions;
    this.actions = outer;
    return inner;
  }
}
