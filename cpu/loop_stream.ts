/**
 * Loop kernels that need their columns once: rows of elements are added to running results in scratch memory, one after
 * another, so that memory is gone through in its order and once, however many stages there are.
 */

import { i32, type Local } from "./assembler.ts";
import { type Cursor, load, loadConstant, move, store } from "./cursor.ts";
import { combine, narrow, widen } from "./fold.ts";
import { movable, type Places, readFirst } from "./loop_columns.ts";
import type { LoopBody } from "./loop_plan.ts";
import { type LoopWriter, turnsInFloat, type Values } from "./loop_writer.ts";
import { countDown, newLocals } from "./loops.ts";
import { writeLoops } from "./nest.ts";
import { emitNode } from "./vector.ts";
import type { Scalar } from "../ops/scalar.ts";

/** Whether all that a kernel reduces, and writes for each element, is known in one pass. */
export function isOnePass({ passes, stages }: LoopBody): boolean {
  return passes === 1 && stages.length > 0;
}

/** Whether columns come from memory, not from a cache, are more than lie in a line of it, and have some elements each. */
export function isWorthStreaming(elements: number, columns: number, rows: number): boolean {
  return elements > 2 ** 17 && columns > 16 && rows >= 8;
}

/**
 * Rows that are added up together, so that results, and what is the same for all rows, are read and written less often.
 * Where they are long these are several places in memory at a time, which costs more than it saves.
 */
export function rowsTogether(columns: number): number {
  return columns <= 64 ? 2 : 1;
}

/** Columns whose results are held in scratch memory at a time: few enough to stay in the nearest cache. */
export const columnsAtOnce = 8192;

/** Bytes of scratch memory: for each stage a vector of four columns, and behind them those of doubles. */
export function resultBytes({ stages }: LoopBody): number {
  const doubles = stages.filter(({ fold }) => fold.inDouble).length;
  return 4 * columnsAtOnce * (stages.length + 2 * doubles);
}

/** One vector of a row. */
interface Column {
  readonly ahead: number;
  readonly values: Values;
}

/** At least four columns, and a loop along them. */
export function writeStream(w: LoopWriter): void {
  const { v, body: { stages, outputs, sources }, nest, form, starts } = w;
  const { f } = v;
  const pass = w.passes[0]!;
  const together = form.rowsTogether;
  const row = w.copies();
  const lines = Array.from({ length: together }, (): Places => ({ first: w.copies(), aside: w.copies() }));
  const places = lines[0]!;
  const rows = nest.outer.at(-1)!;
  const inDouble = [...stages.keys()].filter((k) => w.isInDouble(k));
  const doubles = 4 * columnsAtOnce * stages.length;
  const [left, step, slot, doubleSlot, blocks, rest] = newLocals(f, i32, 6);

  /** Moves cursors along rows, and `slot` along the results; the last four columns may overlap others, but not in these. */
  function forColumns(cursors: readonly Cursor[], known: Values, next: (columns: readonly Column[]) => void): void {
    const some = (vectors: number): void => {
      v.scope(() => next(Array.from({ length: vectors }, (_, ahead) => ({ ahead, values: new Map(known) }))));
      f.i32(4 * vectors).set(step);
      move(f, cursors, step);
      f.increment(slot, 16 * stages.length * vectors);
      if (inDouble.length > 0) f.increment(doubleSlot, 32 * inDouble.length * vectors);
      f.get(left).get(step).op("i32.sub").set(left);
    };
    f.get(nest.count).tee(slot).i32(doubles).op("i32.add").set(doubleSlot).get(nest.innerSize).set(left);
    f.block(() => {
      f.loop(() => {
        f.get(left).i32(16).op("i32.lt_s").brIf(1);
        some(4);
        f.br(0);
      });
    });
    f.block(() => {
      f.loop(() => {
        f.get(left).i32(0).op("i32.le_s").brIf(1);
        f.get(left).i32(4).op("i32.sub").tee(step).i32(0).op("i32.lt_s").if(() => move(f, cursors, step));
        some(1);
        f.br(0);
      });
    });
  }

  function partialOf(k: number, ahead: number): number {
    return 16 * (ahead * stages.length + k);
  }

  function doubleOf(k: number, ahead: number): number {
    return 32 * (ahead * inDouble.length + inDouble.indexOf(k));
  }

  function recall(from: Local, offset: number): Local {
    f.get(from).memory("v128.load", offset);
    return v.take();
  }

  function keep(to: Local, offset: number, value: Local): void {
    f.get(to).get(value).memory("v128.store", offset);
  }

  function clear(): void {
    forColumns([], new Map(), (columns) => {
      for (const { ahead } of columns) {
        for (const k of stages.keys()) keep(slot, partialOf(k, ahead), w.identity(k));
        for (const k of inDouble) for (const half of [0, 16]) keep(doubleSlot, doubleOf(k, ahead) + half, v.word(0));
      }
    });
  }

  /** Moves the sums of some rows to the double sums. */
  function flush(): void {
    forColumns([], new Map(), (columns) => {
      for (const { ahead } of columns) {
        for (const k of inDouble) {
          widen(v, recall(slot, partialOf(k, ahead))).forEach((pair, half) => {
            const at = doubleOf(k, ahead) + 16 * half;
            keep(doubleSlot, at, v.op("f64x2.add", recall(doubleSlot, at), pair));
          });
          keep(slot, partialOf(k, ahead), w.identity(k));
        }
      }
    });
  }

  /** Adds the next rows to the results, and leaves `row` behind them. */
  function addRows(count: number, known: Values): void {
    const ofLines = lines.slice(0, count).map((places) => {
      const { first } = places;
      w.point(first, row);
      row.forEach(({ pointer }, n) => f.get(pointer).get(rows.steps[n]!).op("i32.add").set(pointer));
      const values = new Map(known);
      for (const n of pass.sources) {
        if (first[n]!.walk === "constant") values.set(sources[n]!.nodes[0]!, loadConstant(v, first[n]!));
      }
      for (const node of pass.nodes) {
        if (node.args.every((arg) => values.has(arg))) values.set(node, emitNode(v, node, values));
      }
      return { places, values };
    });
    forColumns(ofLines.flatMap(({ places }) => places.first), known, (columns) => {
      const moved = ofLines.map(({ places, values }) => {
        const used = [...pass.sources, ...pass.outputs.map((n) => sources.length + n)];
        return { values, cursors: new Map(used.map((n) => [n, movable(w, places, n, places.first)] as const)) };
      });
      for (const { ahead, values: ofColumn } of columns) {
        v.scope(() => {
          for (const node of pass.ofRow) w.computeForRow(node, ofColumn, (n) => readFirst(w, places, n, ahead));
          const partials = stages.map((_, k) => recall(slot, partialOf(k, ahead)));
          for (const { values: ofLine, cursors } of moved) {
            v.scope(() => {
              const values = new Map([...ofColumn, ...ofLine]);
              w.computeForElements(pass, values, ahead, (n) => load(v, cursors.get(n)!, ahead));
              for (const n of pass.outputs) {
                store(v, cursors.get(sources.length + n)!, values.get(outputs[n]!.node)!, ahead);
              }
              stages.forEach(({ node, fold }, k) => {
                f.get(combine(v, fold, partials[k]!, values.get(node)!)).set(partials[k]!);
              });
            });
          }
          partials.forEach((partial, k) => keep(slot, partialOf(k, ahead), partial));
        });
      }
    });
  }

  function finish(known: Values): void {
    const { first } = places;
    w.point(first, starts);
    forColumns(first, known, (columns) => {
      for (const { values, ahead } of columns) {
        for (const [k, { fold }] of stages.entries()) {
          w.setResult(k, values, () => {
            const at = doubleOf(k, ahead);
            return fold.inDouble
              ? narrow(v, fold, recall(doubleSlot, at), recall(doubleSlot, at + 16))
              : recall(slot, partialOf(k, ahead));
          });
        }
      }
      outputs.forEach(({ node, perRow }, n) => {
        if (!perRow) return;
        const output = movable(w, places, sources.length + n, first);
        for (const { values, ahead } of columns) {
          w.computeForRow(node, values, (source) => readFirst(w, places, source, ahead));
          store(v, output, values.get(node)!, ahead);
        }
      });
    });
  }

  const known = invariants(w, pass.ofRow);
  clear();
  w.point(row, starts);
  /** So many turns of so many rows. */
  function turns(counter: Local, count: number): void {
    f.i32(turnsInFloat / count).set(w.turns);
    countDown(f, counter, () => {
      v.scope(() => addRows(count, known));
      if (inDouble.length === 0) return;
      f.get(w.turns).i32(1).op("i32.sub").tee(w.turns).op("i32.eqz").if(() => {
        flush();
        f.i32(turnsInFloat / count).set(w.turns);
      });
    });
    if (inDouble.length > 0) flush();
  }
  writeLoops(f, nest.outer.slice(form.outside, -1), row.map(({ pointer }) => pointer), () => {
    f.get(rows.size).i32(together).op("i32.div_u").set(blocks);
    turns(blocks, together);
    if (together === 1) return;
    f.get(rows.size).i32(together).op("i32.rem_u").set(rest);
    f.get(rest).if(() => turns(rest, 1));
  });
  finish(known);
}

/** Those nodes that are the same for all columns of all rows. */
function invariants(w: LoopWriter, nodes: readonly Scalar[]): Values {
  const values: Values = new Map();
  const { sources, stageOf } = w.body;
  const sourceOf = new Map(sources.flatMap(({ nodes }, n) => nodes.map((node) => [node, n] as const)));
  const isSame = (node: Scalar): boolean => {
    const source = sourceOf.get(node);
    if (source !== undefined) return w.starts[source]!.walk === "constant";
    return !stageOf.has(node) && node.args.every(isSame);
  };
  for (const node of nodes) {
    if (isSame(node)) w.computeForRow(node, values, (n) => loadConstant(w.v, w.starts[n]!));
  }
  return values;
}
