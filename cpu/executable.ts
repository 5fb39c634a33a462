/**
 * The WebAssembly module of a program: for each thread a function that is the list of its calls, with nothing but
 * barriers between them. Addresses are those of a table, which a run is given, plus constants.
 */

import { assemble, FunctionBuilder, type FunctionImport, i32, type Local } from "./assembler.ts";
import { barrier } from "./barrier.ts";
import { functionsOf, type KernelModule } from "./code.ts";
import { extentOf } from "./lower.ts";
import type { KernelTable, Machine, Operand } from "./machine.ts";
import { type Action, runTask, type Task } from "./record.ts";
import type { Item, Schedule } from "./schedule.ts";
import { baseOf, offsetOf } from "./symbols.ts";
import { maySleep } from "./threads.ts";
import { bytesPerElement, viewArray } from "../ops/dtype.ts";

/** A function of a kernel, as the program's module imports it. */
export interface Callee {
  readonly module: KernelModule;
  readonly name: string;
}

export interface Executable {
  readonly schedule: Schedule;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The imports besides memory and `host`: named by their position. */
  readonly callees: readonly Callee[];
  /** Results that could not take over the storage of a donated input, since others held it. */
  readonly counts: { copies: number };
  /** The main thread's part. */
  readonly run: (table: number) => void;
}

/** Writes and instantiates the module. `table` returns the addresses of the present run. */
export function compile(
  schedule: Schedule,
  kernels: KernelTable,
  machine: Machine,
  controlAddress: number,
  addresses: () => Uint32Array,
): Executable {
  const writer = new ModuleWriter(schedule, controlAddress);
  const bytes = writer.assemble();
  const hosts = writer.tasks.map((task) => hostTask(task, schedule, kernels, machine, addresses));
  const imports: Record<string, WebAssembly.ImportValue> = {
    memory: machine.memory,
    host: (n: number): void => hosts[n]!(),
  };
  writer.callees.forEach(({ module, name }, n) => imports[n] = functionsOf(module, machine)[name]!);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: imports });
  return {
    schedule,
    bytes,
    callees: writer.callees,
    counts: { copies: 0 },
    run: exports["run0"] as (table: number) => void,
  };
}

class ModuleWriter {
  readonly callees: Callee[] = [];
  /** What `host` is called for, by number. */
  readonly tasks: Task[] = [];
  readonly #schedule: Schedule;
  readonly #control: number;
  readonly #numbers = new Map<KernelModule, Map<string, number>>();
  readonly #imports: FunctionImport[] = [{ name: "host", params: [i32], results: [] }];

  constructor(schedule: Schedule, control: number) {
    this.#schedule = schedule;
    this.#control = control;
    for (const list of schedule.lists) this.#enter(list);
  }

  assemble(): Uint8Array<ArrayBuffer> {
    const { lists } = this.#schedule;
    const functions: Record<string, FunctionBuilder> = {};
    // Called by their indices, which are the first after the imports.
    const index = this.#imports.length;
    const mainIndex = maySleep() ? index : index + 1;
    if (lists.length > 1) {
      functions["barrier"] = barrier(this.#control, lists.length, true);
      if (mainIndex !== index) functions["mainBarrier"] = barrier(this.#control, lists.length, false);
    }
    lists.forEach((list, thread) => {
      const writer = new ListWriter(this.#schedule, this, thread === 0 ? mainIndex : index);
      functions[`run${thread}`] = writer.write(list);
    });
    return assemble(functions, this.#imports);
  }

  indexOf(module: KernelModule, name: string): number {
    return this.#numbers.get(module)!.get(name)!;
  }

  /** Imports what a list calls. */
  #enter(items: readonly Item[]): void {
    for (const item of items) {
      if (item.kind === "barrier" || item.kind === "host") continue;
      this.#enterCallee(item.module, item.name, item.args.length, item.kind === "choose");
      if (item.kind === "choose") {
        this.#enter(item.onTrue);
        this.#enter(item.onFalse);
      }
    }
  }

  #enterCallee(module: KernelModule, name: string, params: number, answers: boolean): void {
    const names = this.#numbers.get(module) ?? new Map<string, number>();
    this.#numbers.set(module, names);
    if (names.has(name)) return;
    names.set(name, this.#imports.length);
    this.#imports.push({
      name: String(this.callees.length),
      params: new Array(params).fill(i32),
      results: answers ? [i32] : [],
    });
    this.callees.push({ module, name });
  }
}

class ListWriter {
  readonly #f = new FunctionBuilder([i32]);
  readonly #schedule: Schedule;
  readonly #module: ModuleWriter;
  readonly #barrierIndex: number;
  readonly #entries = new Map<number, Local>();
  readonly #variables: Local[] = [];

  constructor(schedule: Schedule, module: ModuleWriter, barrierIndex: number) {
    this.#schedule = schedule;
    this.#module = module;
    this.#barrierIndex = barrierIndex;
  }

  write(list: readonly Item[]): FunctionBuilder {
    const f = this.#f;
    // Every thread writes them, so none has to wait for them.
    for (const { entry, offset, dtype, value } of this.#schedule.literals) {
      const words = new Uint32Array(2);
      viewArray(dtype, words.buffer, 0, 1)[0] = value;
      words.forEach((word, n) => f.get(this.#entry(entry)).i32(word).memory("i32.store", offset + 4 * n));
    }
    this.#items(list);
    return f;
  }

  #items(items: readonly Item[]): void {
    for (let n = 0; n < items.length;) {
      const { period, count } = repetition(items, n);
      if (count > 1) this.#repeat(items.slice(n, n + 2 * period) as Call[], count);
      else this.#item(items[n]!);
      n += period * count;
    }
  }

  #item(item: Item): void {
    const f = this.#f;
    if (item.kind === "barrier") {
      f.call(this.#barrierIndex);
      return;
    }
    if (item.kind === "host") {
      f.i32(this.#module.tasks.push(item.task) - 1).call(0);
      return;
    }
    for (const arg of item.args) this.#push(arg);
    f.call(this.#module.indexOf(item.module, item.name));
    if (item.kind === "choose") f.if(() => this.#items(item.onTrue), () => this.#items(item.onFalse));
  }

  /** A loop of calls, of which the first two turns are given. */
  #repeat(turns: readonly Call[], count: number): void {
    const f = this.#f;
    const period = turns.length / 2;
    const steps = turns.slice(0, period).map((call, n) => stepsBetween(call, turns[n + period]!));
    const moving = steps.reduce((sum, list) => sum + list.filter((step) => step !== 0).length, 0);
    const [left, ...variables] = this.#takeVariables(1 + moving);
    f.i32(count).set(left!);
    /** Visits the arguments, with the variables of those that move. */
    const forArguments = (visit: (call: Call, n: number, step: number, variable: Local) => void): void => {
      let next = 0;
      steps.forEach((list, c) =>
        list.forEach((step, n) => visit(turns[c]!, n, step, step === 0 ? -1 : variables[next++]!))
      );
    };
    forArguments((call, n, step, variable) => step !== 0 && this.#push(call.args[n]!).set(variable));
    f.loop(() => {
      forArguments((call, n, step, variable) => {
        if (step === 0) this.#push(call.args[n]!);
        else f.get(variable);
        if (n === call.args.length - 1) f.call(this.#module.indexOf(call.module, call.name));
      });
      forArguments((_, __, step, variable) => step !== 0 && f.increment(variable, step));
      f.get(left!).i32(1).op("i32.sub").tee(left!).brIf(0);
    });
  }

  #takeVariables(count: number): Local[] {
    while (this.#variables.length < count) this.#variables.push(this.#f.local(i32));
    return this.#variables.slice(0, count);
  }

  #push(arg: number): FunctionBuilder {
    const f = this.#f;
    const base = baseOf(arg);
    if (base === 0) return f.i32(arg);
    const { entry, offset } = this.#schedule.locate(base);
    f.get(this.#entry(entry));
    const distance = offset + offsetOf(arg);
    return distance === 0 ? f : f.i32(distance).op("i32.add");
  }

  /** The address of an entry of the table, which is loaded when the function begins. */
  #entry(entry: number): Local {
    let local = this.#entries.get(entry);
    if (local === undefined) this.#entries.set(entry, local = this.#f.loaded(0, 4 * entry));
    return local;
  }
}

type Call = Extract<Action, { kind: "call" }>;

/** Loops with more calls than these in a turn are not looked for; nor longer ones, where one takes in so many calls. */
const longestPeriod = 32;
const longLoop = 64;

/**
 * What from `n` on goes on as it begins: so many times so many calls, whose arguments change by the same steps from each
 * turn to the next. A single turn of one item if there is nothing worth a loop.
 */
function repetition(items: readonly Item[], n: number): { readonly period: number; readonly count: number } {
  let best = { period: 1, count: 1 };
  for (let period = 1; period <= longestPeriod && n + 2 * period < items.length; period++) {
    if (items[n + period - 1]!.kind !== "call") break;
    let end = n + period;
    while (end < items.length && goesOn(items, end, period, end - n >= 2 * period)) end++;
    const count = Math.floor((end - n) / period);
    if (count > 2 && (count - 1) * period > (best.count - 1) * best.period + 1) best = { period, count };
    if (best.count * best.period >= longLoop) break;
  }
  return best;
}

/** Whether a call goes on as the one a turn before: by the steps of the turn before that, if there is one. */
function goesOn(items: readonly Item[], at: number, period: number, hasSteps: boolean): boolean {
  const [before, item] = [items[at - period]!, items[at]!];
  if (!isAlike(before, item)) return false;
  const [a, b] = [(before as Call).args, (item as Call).args];
  const earlier = hasSteps ? (items[at - 2 * period] as Call).args : null;
  for (let i = 0; i < b.length; i++) {
    const step = b[i]! - a[i]!;
    // Between addresses of different storage there are no steps.
    if (earlier === null ? baseOf(step) !== 0 : step !== a[i]! - earlier[i]!) return false;
  }
  return true;
}

function isAlike(a: Item, b: Item): boolean {
  return a.kind === "call" && b.kind === "call" && a.module === b.module && a.name === b.name;
}

function stepsBetween(a: Call, b: Call): number[] {
  return a.args.map((arg, n) => b.args[n]! - arg);
}

/** A kernel in JavaScript, on the addresses of the present run. */
function hostTask(
  { kernel, inputs, outputs }: Task,
  { locate }: Schedule,
  kernels: KernelTable,
  machine: Machine,
  addresses: () => Uint32Array,
): () => void {
  const bind = (x: Operand): () => Operand => {
    const { entry, offset } = locate(baseOf(x.address));
    const [first, end] = extentOf(x);
    // The offset of an empty view can lie anywhere.
    if (first === end) return () => ({ ...x, offset: 0, length: 0, address: 0 });
    const bytes = bytesPerElement(x.dtype);
    const length = (end - first) / bytes;
    const start = offset + offsetOf(x.address) + first;
    return () => ({ ...x, offset: x.offset - first / bytes, length, address: addresses()[entry]! + start });
  };
  const [from, to] = [inputs.map(bind), outputs.map(bind)];
  return () => {
    runTask(kernels, { kernel, inputs: from.map((of) => of()), outputs: to.map((of) => of()) }, machine);
  };
}
