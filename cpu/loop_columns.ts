/** Loop kernels whose vectors hold four rows, neighbours in memory, that are gone along together. */

import { i32, type Local } from "./assembler.ts";
import { type Cursor, load, loadConstant, move, store } from "./cursor.ts";
import { narrow } from "./fold.ts";
import { type LoopBody, type Pass, topologicalOf } from "./loop_plan.ts";
import { type Accumulator, type LoopWriter, turnsInFloat, type Values } from "./loop_writer.ts";
import { newLocals } from "./loops.ts";

/** Vectors that are gone along at once: as many as lie in a line of the cache, if registers do. */
export function columnVectors({ stages, outputs }: LoopBody): number {
  const nodes = topologicalOf([...stages, ...outputs].map(({ node }) => node));
  return nodes.length <= 40 ? 4 : 2;
}

/** One vector of the columns that are gone along together. */
interface Column {
  readonly ahead: number;
  readonly values: Values;
  readonly accumulators: readonly Accumulator[];
}

/** Where the columns are: their first elements, and pointers for accesses that move them. */
export interface Places {
  readonly first: readonly Cursor[];
  readonly aside: readonly Cursor[];
}

/** At least four columns. */
export function writeColumns(w: LoopWriter): void {
  const { v: { f } } = w;
  const places = { first: w.copies(), aside: w.copies() };
  const [left, step] = newLocals(f, i32, 2);
  w.point(places.first, w.starts);
  f.get(w.nest.innerSize).set(left);

  function next(vectors: number): void {
    w.v.scope(() => writeTogether(w, places, vectors));
    f.i32(4 * vectors).set(step);
    move(f, places.first, step);
    f.get(left).get(step).op("i32.sub").set(left);
  }

  const wide = columnVectors(w.body);
  f.block(() => {
    f.loop(() => {
      f.get(left).i32(4 * wide).op("i32.lt_s").brIf(1);
      next(wide);
      f.br(0);
    });
  });
  f.block(() => {
    f.loop(() => {
      f.get(left).i32(0).op("i32.le_s").brIf(1);
      // A last vector that would reach beyond the end starts earlier, and computes some columns again.
      f.get(left).i32(4).op("i32.sub").tee(step).i32(0).op("i32.lt_s").if(() => move(f, places.first, step));
      next(1);
      f.br(0);
    });
  });
}

function writeTogether(w: LoopWriter, places: Places, vectors: number): void {
  const { v, body: { stages, outputs } } = w;
  const columns = Array.from({ length: vectors }, (_, ahead): Column => {
    return { ahead, values: new Map(), accumulators: w.newAccumulators() };
  });
  for (const pass of w.passes) {
    for (const { values, ahead } of columns) {
      for (const node of pass.ofRow) w.computeForRow(node, values, (n) => readFirst(w, places, n, ahead));
    }
    for (const { accumulators } of columns) for (const k of pass.stages) w.clear(k, accumulators[k]!);
    w.alongRow(places.first, () => writeElements(w, places, pass, columns));
    flushAll(w, pass, columns);
    for (const { values, accumulators } of columns) {
      for (const k of pass.stages) {
        const { partial, low, high } = accumulators[k]!;
        const { fold } = stages[k]!;
        w.setResult(k, values, () => fold.inDouble ? narrow(v, fold, low, high) : partial);
      }
    }
  }
  outputs.forEach(({ node, perRow }, n) => {
    if (!perRow) return;
    const output = movable(w, places, w.body.sources.length + n, places.first);
    for (const { values, ahead } of columns) {
      w.computeForRow(node, values, (source) => readFirst(w, places, source, ahead));
      store(v, output, values.get(node)!, ahead);
    }
  });
}

/** The next element of each column. */
function writeElements(w: LoopWriter, places: Places, pass: Pass, columns: readonly Column[]): void {
  const { v, body: { sources, stages, outputs }, moving } = w;
  const at = new Map([...pass.sources, ...pass.outputs.map((n) => sources.length + n)].map((n) => {
    return [n, movable(w, places, n, moving)] as const;
  }));
  for (const { ahead, values, accumulators } of columns) {
    v.scope(() => {
      const own = new Map(values);
      w.computeForElements(pass, own, ahead, (n) => {
        const cursor = at.get(n)!;
        return cursor.walk === "constant" ? loadConstant(v, cursor) : load(v, cursor, ahead);
      });
      for (const n of pass.outputs) store(v, at.get(sources.length + n)!, own.get(outputs[n]!.node)!, ahead);
      for (const k of pass.stages) w.add(k, accumulators[k]!, own.get(stages[k]!.node)!);
    });
  }
  w.nextSlots(columns.length);
  if (!pass.stages.some((k) => w.isInDouble(k))) return;
  v.f.get(w.turns).i32(1).op("i32.sub").tee(w.turns).op("i32.eqz").if(() => {
    flushAll(w, pass, columns);
    v.f.i32(turnsInFloat).set(w.turns);
  });
}

function flushAll(w: LoopWriter, pass: Pass, columns: readonly Column[]): void {
  for (const { accumulators } of columns) for (const k of pass.stages) w.flush(k, accumulators[k]!);
}

/** A cursor for operand `n` that may be moved: strided accesses go on from vector to vector. */
export function movable({ v: { f } }: LoopWriter, { aside }: Places, n: number, cursors: readonly Cursor[]): Cursor {
  const cursor = cursors[n]!;
  if (cursor.walk !== "strided") return cursor;
  f.get(cursor.pointer).set(aside[n]!.pointer);
  return aside[n]!;
}

/** What a source that is the same all along a column has for the vector at `ahead`. */
export function readFirst(w: LoopWriter, places: Places, n: number, ahead: number): Local {
  const { v } = w;
  const cursor = movable(w, places, n, places.first);
  if (cursor.walk === "constant") return loadConstant(v, cursor);
  const { pointer, stride } = cursor;
  if (stride !== null && ahead > 0) {
    v.f.get(pointer).get(stride).i32(4 * ahead).op("i32.mul").op("i32.add").set(pointer);
  }
  return load(v, cursor, ahead);
}
