/** What a worker thread does: it runs its part of programs, which reach it through shared memory. */

import type { control } from "./barrier.ts";

/** What a worker is given when it starts. */
export interface WorkerData {
  readonly memory: WebAssembly.Memory;
  /** Of the control block. */
  readonly address: number;
  readonly thread: number;
  readonly workers: number;
  readonly control: typeof control;
  readonly failed: number;
}

/** A kernel that workers do not have yet. */
interface Added {
  readonly id: number;
  readonly sizeBytes: number;
}

/** Says what comes in a message of the command `define`; the binaries follow it, in the order of the list and last the program's. */
export interface Definition {
  readonly program: number;
  readonly programBytes: number;
  readonly kernels: readonly Added[];
  /** What the program imports. */
  readonly callees: readonly (readonly [kernel: number, name: string])[];
  /** Programs that will not be run any more. */
  readonly forget: readonly number[];
}

export const commands = { run: 0, define: 1 } as const;

/** Runs for ever. It can use nothing from outside, since a worker is given its text alone. */
export function work({ memory, address, thread, workers, control, failed }: WorkerData, onStart: () => void): void {
  const words = new Int32Array(memory.buffer, address, control.sizeBytes / 4);
  const at = (field: "job" | "arrived" | "finished" | "command" | "argument" | "table" | "messageBytes"): number =>
    control[field] / 4;
  const kernels = new Map<number, WebAssembly.Exports>();
  const programs = new Map<number, (table: number) => void>();

  function define(address: number, sizeBytes: number): void {
    // A copy: neither decoders nor compilers take shared memory.
    const message = new Uint8Array(memory.buffer, address, sizeBytes).slice();
    const headerBytes = new DataView(message.buffer).getUint32(0, true);
    let end = 4 + headerBytes;
    const { program, programBytes, kernels: added, callees, forget }: Definition = JSON.parse(
      new TextDecoder().decode(message.subarray(4, end)),
    );
    const instance = (bytes: number, functions: WebAssembly.ModuleImports): WebAssembly.Exports => {
      const module = new WebAssembly.Module(message.subarray(end, end += bytes));
      return new WebAssembly.Instance(module, { env: { memory, ...functions } }).exports;
    };
    for (const { id, sizeBytes } of added) kernels.set(id, instance(sizeBytes, {}));
    const functions = Object.fromEntries(callees.map(([kernel, name], n) => [n, kernels.get(kernel)?.[name]]));
    const missing = (): void => {
      throw new Error("called the main thread's JavaScript");
    };
    for (const [name, f] of Object.entries(functions)) functions[name] = f ?? missing;
    const exports = instance(programBytes, { ...functions as WebAssembly.ModuleImports, host: missing });
    programs.set(program, exports[`run${thread}`] as (table: number) => void);
    for (const id of forget) programs.delete(id);
  }

  function fail(error: unknown): void {
    // Who fails because others have has nothing to add.
    const isFirst = (Atomics.or(words, at("arrived"), failed) & failed) === 0;
    if (isFirst) {
      const text = new TextEncoder().encode(`thread ${thread}: ${error}`).slice(0, control.sizeBytes - control.message);
      new Uint8Array(memory.buffer, address + control.message, text.length).set(text);
      words[at("messageBytes")] = text.length;
    }
    Atomics.notify(words, at("arrived"));
  }

  function finish(): void {
    if (Atomics.add(words, at("finished"), 1) + 1 === workers) Atomics.notify(words, at("finished"));
  }

  let done = 0;
  finish();
  onStart();
  for (;;) {
    for (let spins = 50000; Atomics.load(words, at("job")) === done; spins--) {
      if (spins <= 0) Atomics.wait(words, at("job"), done);
    }
    done = Atomics.load(words, at("job"));
    const [argument, table] = [words[at("argument")]!, words[at("table")]!];
    try {
      if (words[at("command")] === 0) programs.get(argument)!(table);
      else define(argument >>> 0, table);
    } catch (error) {
      fail(error);
    }
    finish();
  }
}
