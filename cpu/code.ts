/** Compiled kernels: generated once for each structure, and instantiated in the memory they run in. */

import { assemble, FunctionBuilder, type FunctionImport, v128 } from "./assembler.ts";
import type { Lanes } from "./lanes.ts";
import type { Machine, Recorder, Run } from "./machine.ts";
import { importedFunction } from "./vector.ts";

/** A binary, and what it exports in the last memory that it ran in: in practice there is one memory. */
export interface KernelModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imports: readonly FunctionImport[];
  readonly module: WebAssembly.Module;
  memory: WebAssembly.Memory | null;
  exports: Readonly<Record<string, Run>>;
}

export function kernelModule(bytes: Uint8Array<ArrayBuffer>, imports: readonly FunctionImport[] = []): KernelModule {
  return { bytes, imports, module: new WebAssembly.Module(bytes), memory: null, exports: {} };
}

/** The functions of a module in the machine's memory; with a recorder, functions that write down their calls. */
export function functionsOf(module: KernelModule, machine: Machine): Readonly<Record<string, Run>> {
  if (machine.recorder !== null) return recordingFunctions(module, machine.recorder);
  const { memory } = machine;
  if (module.memory !== memory) {
    const functions = Object.fromEntries(module.imports.map(({ name }) => [name, importedFunction(name)]));
    const instance = new WebAssembly.Instance(module.module, { env: { memory, ...functions } });
    module.memory = memory;
    module.exports = instance.exports as Record<string, Run>;
  }
  return module.exports;
}

/** Whether other threads can run it, too: they do not have the JavaScript that some kernels call. */
export function runsAnywhere({ imports }: KernelModule): boolean {
  return imports.length === 0;
}

function recordingFunctions(module: KernelModule, recorder: Recorder): Readonly<Record<string, Run>> {
  const names = WebAssembly.Module.exports(module.module).map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, (...args: number[]) => recorder.call(module, name, args)]));
}

/** The variants of one kernel. */
export type CodeTable = Map<string, KernelModule>;

/** The function for `key`: from the table, or `write` is asked for its code. */
export function codeFor(table: CodeTable, key: string, machine: Machine, write: (relaxed: boolean) => Lanes): Run {
  let module = table.get(key);
  if (module === undefined) {
    const { f, imports } = write(hasRelaxedSimd());
    module = kernelModule(assemble({ run: f }, imports), imports);
    table.set(key, module);
  }
  if (machine.recorder === null && module.memory === machine.memory) return module.exports["run"]!;
  return functionsOf(module, machine)["run"]!;
}

/** Kernels whose plans are kept. More are only met by programs that make new constants all the time. */
const plansKept = 2048;

/** Remembers what `make` returns for a kernel: quickly for the same object, by `keyOf` for one that is equal. */
export function planner<K extends object, P>(keyOf: (kernel: K) => string, make: (kernel: K) => P): (kernel: K) => P {
  const byKernel = new WeakMap<K, P>();
  const byKey = new Map<string, P>();
  return (kernel) => {
    let plan = byKernel.get(kernel);
    if (plan !== undefined) return plan;
    const key = keyOf(kernel);
    plan = byKey.get(key);
    if (plan === undefined) {
      if (byKey.size === plansKept) byKey.clear();
      byKey.set(key, plan = make(kernel));
    }
    byKernel.set(kernel, plan);
    return plan;
  };
}

let relaxedSimd: boolean | undefined;

/** Whether the engine fuses a product and a sum into one operation. */
export function hasRelaxedSimd(): boolean {
  return relaxedSimd ??= WebAssembly.validate(assemble({
    fused: new FunctionBuilder([v128, v128, v128], [v128]).get(0).get(1).get(2).op("f32x4.relaxed_madd"),
  }));
}
