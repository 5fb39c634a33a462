/**
 * What each thread does to run a plan: kernels cut into parts, and barriers where one thread needs what another made.
 * It depends on the plan, the inputs' layouts, which of them are donated, and the number of threads alone.
 */

import { planArena, roundUp } from "./arena.ts";
import { runsAnywhere } from "./code.ts";
import { extentOf, lower, overwritable, type Storage } from "./lower.ts";
import type { KernelTable, Operand } from "./machine.ts";
import { type Action, record, type Recording, type Task } from "./record.ts";
import type { Round } from "./slices.ts";
import { split } from "./split.ts";
import { baseOf, highestBase, symbol } from "./symbols.ts";
import { workOf } from "./work.ts";
import type { Layout, Place } from "../jit/place.ts";
import type { Plan } from "../jit/plan.ts";

export type Item = Action | { readonly kind: "barrier" };

/** Where a base lies: so far from the address that a run is told for an entry. */
export interface Location {
  readonly entry: number;
  readonly offset: number;
}

export interface Result extends Place {
  readonly storage: Storage;
  /** The entry of its storage, unless it is a literal. */
  readonly entry: number;
}

/** The address of the arena is entry 0; those of inputs, constants and new storage follow. */
export interface Schedule {
  /** For each thread. */
  readonly lists: readonly (readonly Item[])[];
  readonly locate: (base: number) => Location;
  readonly literals: readonly (Location & Extract<Storage, { kind: "literal" }>)[];
  readonly arenaBytes: number;
  readonly constants: Plan["constants"];
  /** The first entry of new storage; and of each its size, and the input whose storage would do as well, or −1. */
  readonly firstMade: number;
  readonly made: readonly { readonly sizeBytes: number; readonly overwrites: number }[];
  readonly results: readonly Result[];
  readonly barriers: number;
}

/** Threads are woken for so many times the work that is worth cutting: they may be asleep. */
export const worthWaking = 4;

/** So much that is needed no longer makes it worth a barrier to have its place used again. */
const worthReusing = 2 ** 22;

interface Access {
  readonly thread: number;
  readonly first: number;
  readonly end: number;
  readonly writes: boolean;
}

/** A round, and what its tasks do. */
interface Recorded {
  readonly round: Round;
  readonly recordings: readonly (readonly Recording[])[];
}

/** Inputs at `donated` positions may be overwritten. Kernels that take less than `worthCutting` ns are not cut. */
export function scheduleOf(
  kernels: KernelTable,
  plan: Plan,
  inputs: readonly Layout[],
  donated: ReadonlySet<number>,
  threads: number,
  worthCutting: number,
): Schedule {
  return new Writer(kernels, plan, inputs, donated, threads, worthCutting).schedule();
}

class Writer {
  readonly #kernels: KernelTable;
  readonly #plan: Plan;
  readonly #threads: number;
  readonly #worthCutting: number;
  readonly #storages: Storage[];
  readonly #tasks: readonly Task[];
  readonly #results: readonly Place[];
  readonly #inputs: number;
  readonly #donated: ReadonlySet<number>;
  /** The task that uses a base last. */
  readonly #lastUses = new Map<number, number>();
  readonly #isResult: ReadonlySet<number>;
  /** Where a base's storage is that of an earlier one. */
  readonly #sameAs = new Map<number, number>();
  /** The input that new storage may overwrite. */
  readonly #overwrites = new Map<number, number>();
  readonly #lists: Item[][];
  readonly #scratchBytes: number[];
  readonly #moments = new Map<number, { first: number; last: number }>();
  /** What has been touched since the last barrier, by base. */
  readonly #touched = new Map<number, Access[]>();
  #moment = 0;
  /** What can be cut of the work, in nanoseconds. */
  #cutWork = 0;

  constructor(
    kernels: KernelTable,
    plan: Plan,
    inputs: readonly Layout[],
    donated: ReadonlySet<number>,
    threads: number,
    worthCutting: number,
  ) {
    const { storages, tasks, results } = lower(plan, inputs);
    this.#kernels = kernels;
    this.#plan = plan;
    this.#inputs = inputs.length;
    this.#donated = donated;
    this.#threads = threads;
    this.#worthCutting = worthCutting;
    if (2 * storages.length > highestBase) throw new RangeError(`a program of ${tasks.length} kernels is too long`);
    this.#storages = [...storages];
    this.#tasks = tasks;
    this.#results = results;
    this.#isResult = new Set(results.map(({ base }) => base));
    tasks.forEach((task, n) => {
      for (const x of [...task.inputs, ...task.outputs]) this.#lastUses.set(baseOf(x.address), n);
    });
    this.#lists = Array.from({ length: threads }, () => []);
    this.#scratchBytes = new Array<number>(threads).fill(0);
  }

  schedule(): Schedule {
    let idleBytes = 0;
    this.#tasks.forEach((task, n) => {
      const rounds = this.#cut(task) ?? [{ round: [[task]], recordings: [[this.#record(task, 0)]] }];
      this.#shareStorage(task, rounds, n);
      if (idleBytes > worthReusing && this.#cutWork > 0) {
        this.#barrier();
        idleBytes = 0;
      }
      for (const { round, recordings } of rounds) {
        this.#begin(round);
        recordings.forEach((list, thread) => list.forEach((recording) => this.#append(thread, recording)));
      }
      if (this.#threads === 1) this.#moment++;
      for (const x of [...task.inputs, ...task.outputs]) {
        const base = baseOf(x.address);
        if (this.#lastUses.get(base) === n) idleBytes += this.#sizeOf(base);
      }
    });
    if (this.#threads > 1 && (this.#cutWork === 0 || this.#cutWork < worthWaking * this.#worthCutting)) {
      throw new NothingToCut();
    }
    return this.#place();
  }

  /** Lets a task overwrite what it is the last to read. */
  #shareStorage(task: Task, rounds: readonly Recorded[], n: number): void {
    const isHost = rounds.some(({ recordings }) =>
      recordings.some((list) => list.some(({ actions }) => actions.some(({ kind }) => kind === "host")))
    );
    if (isHost) return;
    const isFree = (target: number, base: number): boolean => {
      const storage = this.#storages[base - 1]!;
      if (this.#lastUses.get(base) !== n || this.#isResult.has(base)) return false;
      if (storage.kind === "input") {
        return this.#donated.has(storage.index) && this.#isResult.has(target) && !this.#isTaken(storage.index);
      }
      return storage.kind === "made" && storage.sizeBytes === this.#sizeOf(target);
    };
    for (const [output, input] of overwritable(task, isFree)) {
      const [target, base] = [baseOf(task.outputs[output]!.address), baseOf(task.inputs[input]!.address)];
      const storage = this.#storages[base - 1]!;
      if (storage.kind === "input") this.#overwrites.set(target, storage.index);
      this.#sameAs.set(target, base);
    }
  }

  #isTaken(input: number): boolean {
    return [...this.#overwrites.values()].includes(input);
  }

  /** The base that first had the storage of this one. */
  #first(base: number): number {
    let first = base;
    for (let same = this.#sameAs.get(first); same !== undefined; same = this.#sameAs.get(first)) first = same;
    return first;
  }

  /** The rounds of a task that several threads can do, or null. */
  #cut(task: Task): Recorded[] | null {
    if (this.#threads === 1) return null;
    const work = workOf(task.kernel, task.inputs, task.outputs[0]!);
    if (work < this.#worthCutting) return null;
    const entered = this.#storages.length;
    const allocate = (bytes: number): number => symbol(this.#storages.push({ kind: "made", sizeBytes: bytes }));
    const rounds = split(task, { threads: this.#threads, allocate })?.map((round) => ({
      round,
      recordings: round.map((tasks, thread) => tasks.map((part) => this.#record(part, thread))),
    })) ?? null;
    const isPossible = rounds?.every(({ recordings }) =>
      recordings.every((list, thread) => thread === 0 || list.every(({ actions }) => actions.every(isPortable)))
    );
    if (isPossible) {
      this.#cutWork += work;
      return rounds;
    }
    this.#storages.length = entered;
    return null;
  }

  #record(task: Task, thread: number): Recording {
    return record(this.#kernels, task, scratchBase(thread));
  }

  #append(thread: number, { actions, scratchBytes }: Recording): void {
    for (const action of actions) this.#lists[thread]!.push(action);
    this.#scratchBytes[thread] = Math.max(this.#scratchBytes[thread]!, scratchBytes);
  }

  /** Waits for other threads if a round needs them, and notes what it touches. */
  #begin(round: Round): void {
    const touches = round.flatMap((tasks, thread) =>
      tasks.flatMap(({ inputs, outputs }) => [
        ...inputs.map((x) => accessOf(x, thread, false)),
        ...outputs.map((x) => accessOf(x, thread, true)),
      ])
    ).map(({ base, access }) => ({ base: this.#first(base), access }));
    const meets = (a: Access, b: Access): boolean =>
      a.thread !== b.thread && (a.writes || b.writes) && a.first < b.end && b.first < a.end;
    if (touches.some(({ base, access }) => this.#touched.get(base)?.some((other) => meets(access, other)))) {
      this.#barrier();
    }
    for (const { base, access } of touches) {
      const list = this.#touched.get(base);
      if (list) list.push(access);
      else this.#touched.set(base, [access]);
      const moments = this.#moments.get(base);
      if (moments) moments.last = this.#moment;
      else this.#moments.set(base, { first: this.#moment, last: this.#moment });
    }
  }

  #barrier(): void {
    for (const list of this.#lists) list.push({ kind: "barrier" });
    this.#touched.clear();
    this.#moment++;
  }

  /** Gives every base its place. */
  #place(): Schedule {
    const { constants } = this.#plan;
    const firstMade = 1 + this.#inputs + constants.length;
    const made: { sizeBytes: number; overwrites: number }[] = [];
    const locations = new Map<number, Location>();
    this.#storages.forEach((storage, n) => {
      if (storage.kind === "input") locations.set(n + 1, { entry: 1 + storage.index, offset: 0 });
      if (storage.kind === "constant") locations.set(n + 1, { entry: 1 + this.#inputs + storage.index, offset: 0 });
    });
    /** Results in storage of their own, which other values may have had before. */
    for (const base of this.#isResult) {
      const storage = this.#storages[base - 1]!;
      if (storage.kind !== "made") continue;
      const location = { entry: firstMade + made.length, offset: 0 };
      made.push({ sizeBytes: storage.sizeBytes, overwrites: this.#overwrites.get(base) ?? -1 });
      for (let same: number | undefined = base; same !== undefined; same = this.#sameAs.get(same)) {
        if (this.#storages[same - 1]!.kind === "made") locations.set(same, location);
      }
    }
    let fixedBytes = 0;
    const literals: (Location & Extract<Storage, { kind: "literal" }>)[] = [];
    const reserve = (bytes: number): Location => {
      const location = { entry: 0, offset: fixedBytes };
      fixedBytes += bytes;
      return location;
    };
    this.#storages.forEach((storage, n) => {
      if (storage.kind !== "literal" || !this.#lastUses.has(n + 1)) return;
      const location = reserve(literalBytes);
      locations.set(n + 1, location);
      literals.push({ ...storage, ...location });
    });
    fixedBytes = roundUp(fixedBytes);
    const scratch = this.#scratchBytes.map((bytes) => reserve(roundUp(bytes)));
    const moving = [...this.#moments.keys()].filter((base) => !locations.has(base));
    const arena = planArena(moving.map((base) => ({ sizeBytes: this.#sizeOf(base), ...this.#moments.get(base)! })));
    moving.forEach((base, n) => locations.set(base, { entry: 0, offset: fixedBytes + arena.offsets[n]! }));
    return {
      lists: this.#lists,
      locate: (base) => scratch[scratchThread(base)] ?? locations.get(base) ?? locations.get(this.#first(base))!,
      literals,
      arenaBytes: fixedBytes + arena.sizeBytes,
      constants,
      firstMade,
      made,
      results: this.#results.map((place): Result => {
        const storage = this.#storages[place.base - 1]!;
        return { ...place, storage, entry: storage.kind === "literal" ? -1 : locations.get(place.base)!.entry };
      }),
      barriers: this.#lists[0]!.filter(({ kind }) => kind === "barrier").length,
    };
  }

  #sizeOf(base: number): number {
    const storage = this.#storages[base - 1]!;
    return storage.kind === "made" ? storage.sizeBytes : 0;
  }
}

/** Thrown where a plan is not worth several threads. */
export class NothingToCut extends Error {}

/** The scratch memory of the threads has the highest bases. */
function scratchBase(thread: number): number {
  return highestBase - thread;
}

function scratchThread(base: number): number {
  return highestBase - base;
}

const literalBytes = 16;

function accessOf(x: Operand, thread: number, writes: boolean): { base: number; access: Access } {
  const [first, end] = extentOf(x);
  return { base: baseOf(x.address), access: { thread, first, end, writes } };
}

/** Whether any thread can do it. */
function isPortable(action: Action): boolean {
  if (action.kind === "host") return false;
  if (action.kind === "call") return runsAnywhere(action.module);
  return [...action.onTrue, ...action.onFalse].every(isPortable);
}
