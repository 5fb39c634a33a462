/** Runs programs: compiles them for the layouts of their inputs, finds memory for a run, and wakes the threads. */

import { control } from "./barrier.ts";
import { compile, type Executable } from "./executable.ts";
import type { KernelTable } from "./machine.ts";
import { arrayBytes, type Block, type Memory, type Value } from "./memory.ts";
import { NoWorkers, Pool, threadsHere } from "./pool.ts";
import { platform } from "./threads.ts";
import { NothingToCut, type Result, type Schedule, scheduleOf, worthWaking } from "./schedule.ts";
import { workOf } from "./work.ts";
import { fuse } from "../jit/fuse.ts";
import type { Plan } from "../jit/plan.ts";
import { count } from "../ops/errors.ts";
import type { ComputeKind, KernelOf } from "../ops/kernel.ts";
import type { Program } from "../ops/program.ts";
import type { Backend, ProgramFacts } from "../ops/tensor.ts";
import { scalarKey } from "../ops/scalar.ts";
import { type TensorType, typeString } from "../ops/shape.ts";

/** How a device works; the defaults are for use, other values for tests. */
export interface CpuOptions {
  /** `cpu` unless told. */
  readonly name?: string;
  /** As many as there are cores, unless told. */
  readonly threads?: number;
  /** Kernels of programs that take less are not cut, in nanoseconds: a barrier costs about one microsecond. */
  readonly worthCutting?: number;
}

/** What a CPU tells of a program. */
export interface CpuFacts extends ProgramFacts {
  /** How many share the work. */
  readonly threads: number;
  /** How often threads wait for each other in a run. */
  readonly barriers: number;
}

/** A plan, and what was compiled of it for inputs of some strides. */
interface Compiled {
  readonly plan: Plan;
  readonly variants: Variant[];
}

interface Variant {
  readonly donated: ReadonlySet<number>;
  readonly strides: readonly (readonly number[])[];
  readonly executable: Executable;
}

const nothing: ReadonlySet<number> = new Set();

/** Variants of a plan beyond these are forgotten, the oldest first. */
const variantsKept = 16;
/** Single kernels that threads share, likewise. */
const kernelsKept = 512;

export class Programs {
  readonly #device: Backend;
  #kernels: KernelTable;
  readonly #memory: Memory;
  readonly #constantOf: (value: number, type: TensorType) => Value;
  #compiled = new WeakMap<Program, Compiled>();
  readonly #single = new Map<string, Executable>();
  /** So many share the work of a program once their workers are there. */
  #threads: number;
  #areThere: boolean;
  readonly #worthCutting: number;
  #pool: Pool | null = null;
  /** The control block of the threads, and the table of addresses. */
  #control = -1;
  #table = -1;
  #tableEntries = 0;
  #words: Uint32Array = new Uint32Array(0);

  /** For a device; `constantOf` makes a value of one number, whose block it holds. */
  constructor(
    device: Backend,
    kernels: KernelTable,
    memory: Memory,
    { threads, worthCutting = 15000 }: CpuOptions,
    constantOf: (value: number, type: TensorType) => Value,
  ) {
    this.#device = device;
    this.#kernels = kernels;
    this.#memory = memory;
    this.#constantOf = constantOf;
    this.#threads = threads === 1 ? 1 : threadsHere(threads);
    this.#areThere = platform()?.startsAtOnce ?? true;
    this.#worthCutting = worthCutting;
  }

  /** Has programs compiled with other kernels: what was compiled before is forgotten. */
  useKernels(kernels: KernelTable): void {
    this.#kernels = kernels;
    this.#forget();
  }

  /** How many threads a program gets that is compiled now. */
  get threads(): number {
    return this.#areThere ? this.#threads : 1;
  }

  /**
   * Runs a program; each result holds its block. The storage of inputs at `donated` positions may become that of
   * results, where nobody else holds it: whoever calls gives those inputs up.
   */
  run(program: Program, inputs: readonly Value[], donated: ReadonlySet<number> = nothing): Value[] {
    return this.#execute(this.#executableOf(program, inputs, donated), inputs);
  }

  /** Whether a kernel is so much work that it should be run by `runKernel`. */
  isShared(kernel: KernelOf<ComputeKind>, inputs: readonly Value[], type: TensorType): boolean {
    return this.#threads > 1 && workOf(kernel, inputs, type) >= worthWaking * this.#worthCutting;
  }

  /** Runs one kernel on all threads; null if it cannot be cut. */
  runKernel(kernel: KernelOf<ComputeKind>, inputs: readonly Value[], type: TensorType): Value | null {
    const key = keyOf(kernel, inputs, type);
    let executable = this.#single.get(key);
    if (executable === undefined) {
      const slots = inputs.map((_, i) => i);
      const step = { kernel, inputs: slots, outputs: [inputs.length], types: [type], lastUses: [] };
      const plan = { steps: [step], constants: [], outputs: [inputs.length] };
      executable = this.#compile(plan, inputs, nothing);
      if (this.#single.size >= kernelsKept) this.#single.delete(this.#single.keys().next().value!);
      this.#single.set(key, executable);
    }
    return executable.schedule.lists.length === 1 ? null : this.#execute(executable, inputs)[0]!;
  }

  /** What was compiled for a program last; null if it has not run. */
  factsOf(program: Program): CpuFacts | null {
    const compiled = this.#compiled.get(program);
    const last = compiled?.variants.at(-1);
    if (compiled === undefined || last === undefined) return null;
    const { schedule: { lists, barriers, arenaBytes, made }, bytes } = last.executable;
    return {
      device: this.#device.name,
      how: `${count(lists.length, "thread")}, ${count(barriers, "barrier")}`,
      threads: lists.length,
      barriers,
      arenaBytes,
      codeBytes: bytes.length,
      reusable: made.flatMap(({ overwrites }) => overwrites < 0 ? [] : [overwrites]),
      copies: compiled.variants.reduce((sum, { executable }) => sum + executable.counts.copies, 0),
    };
  }

  #executableOf(program: Program, inputs: readonly Value[], donated: ReadonlySet<number>): Executable {
    let compiled = this.#compiled.get(program);
    if (compiled === undefined) {
      this.#compiled.set(program, compiled = { plan: fuse(program, this.#device), variants: [] });
    }
    for (const variant of compiled.variants) if (fits(variant, inputs, donated)) return variant.executable;
    const executable = this.#compile(compiled.plan, inputs, donated);
    if (compiled.variants.length >= variantsKept) compiled.variants.shift();
    compiled.variants.push({ donated, strides: inputs.map((x) => x.strides), executable });
    return executable;
  }

  #compile(plan: Plan, inputs: readonly Value[], donated: ReadonlySet<number>): Executable {
    if (this.#control < 0) {
      this.#control = this.#memory.allocate(control.sizeBytes);
      new Uint8Array(this.#memory.memory.buffer, this.#control, control.sizeBytes).fill(0);
    }
    return compile(
      this.#schedule(plan, inputs, donated),
      this.#kernels,
      this.#memory,
      this.#control,
      () => this.#addresses(),
    );
  }

  #schedule(plan: Plan, inputs: readonly Value[], donated: ReadonlySet<number>): Schedule {
    if (this.#threads > 1) {
      try {
        const schedule = scheduleOf(this.#kernels, plan, inputs, donated, this.#threads, this.#worthCutting);
        this.#pool ??= this.#startPool();
        if (this.#areThere) return schedule;
      } catch (error) {
        if (error instanceof NoWorkers) this.#threads = 1;
        else if (!(error instanceof NothingToCut)) throw error;
      }
    }
    return scheduleOf(this.#kernels, plan, inputs, donated, 1, 0);
  }

  #execute(executable: Executable, inputs: readonly Value[]): Value[] {
    const { schedule } = executable;
    const { constants, made, firstMade, arenaBytes } = schedule;
    const memory = this.#memory;
    const isShared = schedule.lists.length > 1;
    this.#reserveTable(firstMade + made.length);
    const pinned: Block[] = [];
    const blocks: Block[] = [];
    let arena = -1;
    let done = false;
    try {
      for (let i = 0; i < inputs.length; i++) {
        memory.pin(inputs[i]!.block);
        pinned.push(inputs[i]!.block);
      }
      for (let i = 0; i < constants.length; i++) {
        const block = constants[i]!.value.storage as Block;
        memory.pin(block);
        pinned.push(block);
      }
      for (let i = 0; i < made.length; i++) {
        const { sizeBytes, overwrites } = made[i]!;
        const reused = overwrites >= 0 && isSole(inputs[overwrites]!, sizeBytes);
        const block = reused ? inputs[overwrites]!.block : memory.create(sizeBytes);
        if (reused) memory.hold(block);
        else if (overwrites >= 0) executable.counts.copies++;
        blocks.push(block);
        memory.pin(block);
        pinned.push(block);
      }
      if (arenaBytes > 0) arena = memory.allocate(arenaBytes);
      // Nothing moves any more.
      const words = this.#addresses();
      words[0] = arena;
      let entry = 1;
      for (let i = 0; i < inputs.length; i++) {
        const { type, block, offset } = inputs[i]!;
        words[entry++] = block.address + arrayBytes(type.dtype, offset);
      }
      for (let i = 0; i < constants.length; i++) {
        const { value } = constants[i]!;
        words[entry++] = (value.storage as Block).address + arrayBytes(value.dtype, value.offset);
      }
      for (let i = 0; i < blocks.length; i++) words[entry++] = blocks[i]!.address;
      if (isShared) this.#pool!.run(executable, this.#table);
      else executable.run(this.#table);
      done = true;
    } finally {
      if (arena >= 0) memory.free(arena);
      for (let i = 0; i < pinned.length; i++) memory.unpin(pinned[i]!);
      if (!done) { for (const block of blocks) memory.drop(block); }
    }
    return this.#results(schedule, inputs, blocks);
  }

  #results({ results, constants, firstMade }: Schedule, inputs: readonly Value[], blocks: readonly Block[]): Value[] {
    const values: Value[] = [];
    for (let i = 0; i < results.length; i++) {
      values.push(this.#valueOf(results[i]!, constants, firstMade, inputs, blocks));
    }
    // Each new block was held from the start: now each of its results does.
    for (let i = 0; i < blocks.length; i++) this.#memory.drop(blocks[i]!);
    return values;
  }

  #valueOf(
    { type, shape, strides, offset, storage, entry }: Result,
    constants: Schedule["constants"],
    firstMade: number,
    inputs: readonly Value[],
    blocks: readonly Block[],
  ): Value {
    switch (storage.kind) {
      case "literal":
        return this.#constantOf(storage.value, type);
      case "made": {
        const block = blocks[entry - firstMade]!;
        this.#memory.hold(block);
        return { type, block, shape, strides, offset };
      }
      default: {
        const source = storage.kind === "input" ? inputs[storage.index]! : constants[storage.index]!.value;
        const block = "block" in source ? source.block : source.storage as Block;
        this.#memory.hold(block);
        return { type, block, shape, strides, offset: source.offset + offset };
      }
    }
  }

  #startPool(): Pool {
    const memory = this.#memory;
    return new Pool(
      memory.memory,
      this.#threads,
      this.#control,
      (bytes) => memory.allocate(bytes),
      (address) => memory.free(address),
      () => {
        // What was compiled for one thread until now is compiled anew.
        this.#areThere = true;
        this.#forget();
      },
      () => this.#threads = 1,
    );
  }

  #forget(): void {
    this.#compiled = new WeakMap();
    this.#single.clear();
  }

  #reserveTable(entries: number): void {
    if (entries <= this.#tableEntries) return;
    if (this.#table >= 0) this.#memory.free(this.#table);
    this.#tableEntries = Math.max(256, 2 * entries);
    this.#table = this.#memory.allocate(4 * this.#tableEntries);
    this.#words = new Uint32Array(0);
  }

  /** The table; taken anew where memory that is not shared has grown. */
  #addresses(): Uint32Array {
    if (this.#words.length === 0) {
      this.#words = new Uint32Array(this.#memory.memory.buffer, this.#table, this.#tableEntries);
    }
    return this.#words;
  }
}

function fits({ strides, donated }: Variant, inputs: readonly Value[], wanted: ReadonlySet<number>): boolean {
  if (donated !== wanted && (donated.size !== wanted.size || !donated.isSubsetOf(wanted))) return false;
  for (let i = 0; i < inputs.length; i++) {
    const [known, { strides: actual }] = [strides[i]!, inputs[i]!];
    if (known === actual) continue;
    for (let axis = 0; axis < known.length; axis++) if (known[axis] !== actual[axis]) return false;
  }
  return true;
}

/** Whether a pinned input alone holds its block, is all of it, and the block is in use for nothing else. */
function isSole({ block, offset }: Value, sizeBytes: number): boolean {
  return block.holders.count === 1 && block.pins === 1 && block.sizeBytes === sizeBytes && offset === 0;
}

function keyOf(kernel: KernelOf<ComputeKind>, inputs: readonly Value[], type: TensorType): string {
  let key = typeString(type);
  if (kernel.kind === "map") key += scalarKey(kernel.body);
  else if (kernel.kind === "reduce") key += `${kernel.combiner} ${kernel.axes} ${scalarKey(kernel.body)}`;
  else key += JSON.stringify(kernel);
  for (const x of inputs) key += `;${typeString(x.type)}${x.strides}`;
  return key;
}
