/** What the two forms of loop kernels share: operands that are gone along in passes, nodes, and running results. */

import { i32, type Local, v128 } from "./assembler.ts";
import { type Cursor, cursorsOf } from "./cursor.ts";
import { combine, identityLanes, widen } from "./fold.ts";
import { Lanes } from "./lanes.ts";
import { type LoopBody, type Pass, passesOf } from "./loop_plan.ts";
import { newLocals } from "./loops.ts";
import { type NestParameters, nestParameters, type Walk, writeLoops } from "./nest.ts";
import { emitNode } from "./vector.ts";
import type { Scalar } from "../ops/scalar.ts";

/** How a kernel's loops lie; code is written for each combination. */
export interface LoopForm {
  /**
   * Along which axis vectors run: the innermost of a row, or the innermost of those outside, the columns. These are gone
   * down one after another, or all of them together, in a stream through memory.
   */
  readonly lanes: "rows" | "columns" | "stream";
  /** How many rows a stream adds up together. */
  readonly rowsTogether: number;
  /** Loops around rows and along them, without the one that vectors run along. */
  readonly outside: number;
  readonly along: number;
  /** How each source and each output goes on from lane to lane. */
  readonly walks: readonly Walk[];
  /** Which sources are the same all along a row. */
  readonly still: readonly boolean[];
  /** Whether rows have no elements. */
  readonly empty: boolean;
}

/** Turns of a loop whose floats are added up before they go to the double sums. */
export const turnsInFloat = 16;

/** The nodes that are known, in vectors. */
export type Values = Map<Scalar, Local>;

/** Running results of a stage: in one vector, of which those of floats are moved to two of doubles now and then. */
export interface Accumulator {
  readonly partial: Local;
  readonly low: Local;
  readonly high: Local;
}

/** Nodes that are kept for later passes: as many vectors of scratch memory for each vector of a row. */
export function keptNodes(body: LoopBody, form: LoopForm): readonly Scalar[] {
  return passesOf(body, (n) => form.still[n]!).flatMap(({ kept }) => kept);
}

/** A function under construction. One more parameter than the nest's is the address of scratch memory. */
export class LoopWriter {
  readonly v: Lanes;
  readonly body: LoopBody;
  readonly form: LoopForm;
  readonly passes: readonly Pass[];
  readonly nest: NestParameters;
  /** The operands, sources first: at the first element of a row, and as a pass moves them. */
  readonly starts: readonly Cursor[];
  readonly moving: readonly Cursor[];
  /** Turns that may still be added up in floats. */
  readonly turns: Local;
  readonly #kept: readonly Scalar[];
  /** Where the next kept vectors lie. */
  readonly #slot: Local;
  readonly #sourceOf: ReadonlyMap<Scalar, number>;
  /** What stands for the results of stages. */
  readonly #results: ReadonlyMap<number, Scalar>;

  constructor(body: LoopBody, form: LoopForm, relaxed: boolean) {
    this.body = body;
    this.form = form;
    this.nest = nestParameters(1 + form.outside + form.along, form.walks);
    this.v = new Lanes(this.nest.count + 1, relaxed);
    this.passes = passesOf(body, (n) => form.still[n]!);
    this.#kept = this.passes.flatMap(({ kept }) => kept);
    this.starts = cursorsOf([...body.sources, ...body.outputs].map(({ type }) => type), form.walks, this.nest);
    this.moving = this.copies();
    [this.turns, this.#slot] = newLocals(this.v.f, i32, 2);
    this.#sourceOf = new Map(body.sources.flatMap(({ nodes }, n) => nodes.map((node) => [node, n] as const)));
    this.#results = new Map([...body.stageOf].map(([node, k]) => [k, node]));
  }

  /** Cursors of the same operands with pointers of their own. */
  copies(): readonly Cursor[] {
    return this.starts.map((cursor) => ({ ...cursor, pointer: this.v.f.local(i32) }));
  }

  point(to: readonly Cursor[], from: readonly Cursor[]): void {
    from.forEach(({ pointer }, n) => this.v.f.get(pointer).set(to[n]!.pointer));
  }

  output(n: number, cursors: readonly Cursor[]): Cursor {
    return cursors[this.body.sources.length + n]!;
  }

  /** The cursors that a pass moves. */
  used(pass: Pass): readonly Cursor[] {
    return [...pass.sources.map((n) => this.moving[n]!), ...pass.outputs.map((n) => this.output(n, this.moving))];
  }

  forEachRow(row: () => void): void {
    const loops = this.nest.outer.slice(0, this.form.outside);
    writeLoops(this.v.f, loops, this.nest.pointers, () => this.v.scope(row));
  }

  /** Goes along a row, from `first` on. */
  alongRow(first: readonly Cursor[], element: () => void): void {
    this.point(this.moving, first);
    this.v.f.get(this.nest.count).set(this.#slot).i32(turnsInFloat).set(this.turns);
    const pointers = this.moving.map(({ pointer }) => pointer);
    writeLoops(this.v.f, this.nest.outer.slice(this.form.outside), pointers, element);
  }

  /** Computes a node of the row, and what it needs, unless it is known. */
  computeForRow(node: Scalar, values: Values, read: (source: number) => Local): void {
    if (values.has(node)) return;
    for (const arg of node.args) this.computeForRow(arg, values, read);
    const source = this.#sourceOf.get(node);
    values.set(node, source === undefined ? emitNode(this.v, node, values) : read(source));
  }

  /** Computes the nodes of a pass for one vector; `ahead` tells vectors at the same pointers apart. */
  computeForElements(pass: Pass, values: Values, ahead: number, read: (source: number) => Local): void {
    const { f } = this.v;
    for (const n of pass.sources) {
      const [node] = this.body.sources[n]!.nodes;
      if (!values.has(node!)) values.set(node!, read(n));
    }
    for (const node of pass.recalled) {
      f.get(this.#slot).memory("v128.load", this.#slotOf(node, ahead));
      values.set(node, this.v.take());
    }
    for (const node of pass.nodes) if (!values.has(node)) values.set(node, emitNode(this.v, node, values));
    for (const node of pass.kept) {
      f.get(this.#slot).get(values.get(node)!).memory("v128.store", this.#slotOf(node, ahead));
    }
  }

  #slotOf(node: Scalar, ahead: number): number {
    return 16 * (ahead * this.#kept.length + this.#kept.indexOf(node));
  }

  nextSlots(vectors: number): void {
    if (this.#kept.length > 0) this.v.f.increment(this.#slot, 16 * vectors * this.#kept.length);
  }

  /** One for each stage. */
  newAccumulators(): readonly Accumulator[] {
    return this.body.stages.map(() => {
      const [partial, low, high] = newLocals(this.v.f, v128, 3);
      return { partial, low, high };
    });
  }

  clear(k: number, { partial, low, high }: Accumulator): void {
    this.v.f.get(this.identity(k)).set(partial).get(this.v.word(0)).tee(low).set(high);
  }

  identity(k: number): Local {
    return identityLanes(this.v, this.body.stages[k]!.fold);
  }

  add(k: number, { partial }: Accumulator, value: Local): void {
    this.v.f.get(combine(this.v, this.body.stages[k]!.fold, partial, value)).set(partial);
  }

  isInDouble(k: number): boolean {
    return this.body.stages[k]!.fold.inDouble;
  }

  /** Moves the partial sums to the double sums, if there are such. */
  flush(k: number, { partial, low, high }: Accumulator): void {
    if (!this.isInDouble(k)) return;
    const { v } = this;
    v.scope(() => {
      const [a, b] = widen(v, partial);
      v.f.get(low).get(a).op("f64x2.add").set(low).get(high).get(b).op("f64x2.add").set(high);
      v.f.get(this.identity(k)).set(partial);
    });
  }

  /** Makes the result of a stage known, if anything reads it. */
  setResult(k: number, values: Values, result: () => Local): void {
    const node = this.#results.get(k);
    if (node !== undefined) values.set(node, result());
  }
}
