/** Compiled kernels: generated once for each structure, and instantiated in the memory they run in. */

import { assemble, FunctionBuilder, type FunctionImport, v128 } from "./assembler.ts";
import type { Lanes } from "./lanes.ts";
import type { Machine } from "./machine.ts";
import { importedFunction } from "./vector.ts";

export type Run = (...args: number[]) => void;

/** A module, and its function in the last memory that it ran in: in practice there is one memory. */
interface Code {
  readonly module: WebAssembly.Module;
  readonly imports: readonly FunctionImport[];
  memory: WebAssembly.Memory;
  run: Run;
}

/** The variants of one kernel. */
export type CodeTable = Map<string, Code>;

/** The function for `key`: from the table, or `write` is asked for its code. */
export function codeFor(table: CodeTable, key: string, { memory }: Machine, write: (relaxed: boolean) => Lanes): Run {
  let code = table.get(key);
  if (code === undefined) {
    const { f, imports } = write(hasRelaxedSimd());
    const module = new WebAssembly.Module(assemble({ run: f }, imports));
    code = { module, imports, memory, run: instantiate(module, imports, memory) };
    table.set(key, code);
  } else if (code.memory !== memory) {
    code.memory = memory;
    code.run = instantiate(code.module, code.imports, memory);
  }
  return code.run;
}

function instantiate(module: WebAssembly.Module, imports: readonly FunctionImport[], memory: WebAssembly.Memory): Run {
  const functions = Object.fromEntries(imports.map(({ name }) => [name, importedFunction(name)]));
  return new WebAssembly.Instance(module, { env: { memory, ...functions } }).exports["run"] as Run;
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
