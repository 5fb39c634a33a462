/** The threads beside the main one: started when they are first needed, and asleep when there is nothing to do. */

import { type KernelModule, runsAnywhere } from "./code.ts";
import { control, failed } from "./barrier.ts";
import type { Executable } from "./executable.ts";
import { maySleep, platform } from "./threads.ts";
import { commands, type Definition } from "./worker.ts";

/** More than these is not worth it: memory is no faster. */
const mostThreads = 16;

/** How many threads programs get here, as many as there are cores unless told: one without workers or shared memory. */
export function threadsHere(wanted: number = globalThis.navigator?.hardwareConcurrency ?? 1): number {
  return platform() === null ? 1 : Math.max(1, Math.min(mostThreads, wanted));
}

/** How long workers may take to start. */
const patienceMs = 10000;

const spins = 50000;

/** Thrown where workers do not start. */
export class NoWorkers extends Error {}

export class Pool {
  readonly #memory: WebAssembly.Memory;
  readonly #address: number;
  readonly #workers: number;
  readonly #words: Int32Array;
  readonly #allocate: (bytes: number) => number;
  readonly #free: (address: number) => void;
  readonly #kernels = new WeakMap<KernelModule, number>();
  readonly #programs = new WeakMap<Executable, number>();
  readonly #finalizers: FinalizationRegistry<number>;
  #forgotten: number[] = [];
  #ids = 0;

  /**
   * Starts `threads − 1` workers. The control block, of zeros, lies at `address`. Where workers start while this thread
   * waits, it waits for them; elsewhere `onStart` is called when all are there, or `onFailure` if one does not start.
   */
  constructor(
    memory: WebAssembly.Memory,
    threads: number,
    address: number,
    allocate: (bytes: number) => number,
    free: (address: number) => void,
    onStart: () => void,
    onFailure: () => void,
  ) {
    this.#memory = memory;
    this.#address = address;
    this.#workers = threads - 1;
    this.#words = new Int32Array(memory.buffer, address, control.sizeBytes / 4);
    this.#allocate = allocate;
    this.#free = free;
    this.#finalizers = new FinalizationRegistry((id) => this.#forgotten.push(id));
    try {
      const { start, startsAtOnce } = platform()!;
      let missing = this.#workers;
      const onOneStart = (): void => {
        if (--missing === 0) onStart();
      };
      for (let thread = 1; thread < threads; thread++) {
        const data = { memory, address, thread, workers: this.#workers, control, failed };
        start(data, onOneStart, onFailure);
      }
      if (startsAtOnce) this.#join(patienceMs);
    } catch (cause) {
      throw new NoWorkers(`${this.#workers} worker threads did not start`, { cause });
    }
  }

  /** Runs a program on all threads, and returns when it has ended. */
  run(executable: Executable, table: number): void {
    const id = this.#programs.get(executable) ?? this.#define(executable);
    this.#dispatch(commands.run, id, table, () => executable.run(table));
  }

  #define(executable: Executable): number {
    const program = ++this.#ids;
    const added = new Map<KernelModule, number>();
    const callees = executable.callees.map(({ module, name }) => {
      if (!runsAnywhere(module)) return [0, name] as const;
      const id = this.#kernels.get(module) ?? added.get(module) ?? ++this.#ids;
      if (!this.#kernels.has(module)) added.set(module, id);
      return [id, name] as const;
    });
    const definition: Definition = {
      program,
      programBytes: executable.bytes.length,
      kernels: Array.from(added, ([{ bytes }, id]) => ({ id, sizeBytes: bytes.length })),
      callees,
      forget: this.#forgotten,
    };
    const header = new TextEncoder().encode(JSON.stringify(definition));
    const parts = [header, ...Array.from(added.keys(), ({ bytes }) => bytes), executable.bytes];
    const sizeBytes = parts.reduce((sum, { length }) => sum + length, 4);
    const address = this.#allocate(sizeBytes);
    new DataView(this.#memory.buffer).setUint32(address, header.length, true);
    let at = address + 4;
    for (const part of parts) {
      new Uint8Array(this.#memory.buffer, at, part.length).set(part);
      at += part.length;
    }
    try {
      this.#dispatch(commands.define, address, sizeBytes, () => {});
    } finally {
      this.#free(address);
    }
    this.#forgotten = [];
    for (const [module, id] of added) this.#kernels.set(module, id);
    this.#programs.set(executable, program);
    this.#finalizers.register(executable, program);
    return program;
  }

  #dispatch(command: number, argument: number, table: number, own: () => void): void {
    const words = this.#words;
    words[control.command / 4] = command;
    words[control.argument / 4] = argument;
    words[control.table / 4] = table;
    words[control.messageBytes / 4] = 0;
    Atomics.store(words, control.arrived / 4, 0);
    Atomics.store(words, control.finished / 4, 0);
    Atomics.add(words, control.job / 4, 1);
    Atomics.notify(words, control.job / 4);
    let cause: unknown;
    try {
      own();
    } catch (error) {
      cause = error;
      Atomics.or(words, control.arrived / 4, failed);
      Atomics.notify(words, control.arrived / 4);
    }
    this.#join(Infinity);
    if (Atomics.load(words, control.arrived / 4) < failed) return;
    const length = words[control.messageBytes / 4]!;
    if (length === 0) throw cause;
    // A copy: decoders do not take shared memory.
    const message = new Uint8Array(this.#memory.buffer, this.#address + control.message, length).slice();
    throw new Error(`a program failed in ${new TextDecoder().decode(message)}`, { cause });
  }

  /** Waits until all workers have finished what they were given last. */
  #join(patience: number): void {
    const [words, at] = [this.#words, control.finished / 4];
    for (let turns = spins; Atomics.load(words, at) < this.#workers; turns--) {
      if (turns > 0 || !maySleep()) continue;
      const finished = Atomics.load(words, at);
      if (finished < this.#workers && Atomics.wait(words, at, finished, patience) === "timed-out") {
        throw new Error(`waited for ${patience} ms in vain`);
      }
    }
  }
}
