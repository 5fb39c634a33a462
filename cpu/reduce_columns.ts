/** Reductions across the innermost axis: vectors hold four kept elements, and rows of them are combined in memory. */

import { i32, type Local } from "./assembler.ts";
import { type Body, cursorTypes, writeBody, writeInvariants } from "./body.ts";
import { advance, type Cursor, cursorsOf, load, move, store } from "./cursor.ts";
import { combine, combineTree, type Fold, identityLanes, narrow, widen } from "./fold.ts";
import { Lanes } from "./lanes.ts";
import { countDown, newLocals } from "./loops.ts";
import { nestParameters, type Walk, writeLoops } from "./nest.ts";

/** Bytes of scratch memory for the running results of so many columns: four of them may be doubles. */
export function scratchBytes(columns: number): number {
  return 32 * Math.ceil(columns / 4);
}

/**
 * Code for a nest of `kept − 1` axes around `reduced` ones around the last kept axis, the columns, of which there are at
 * least four. One more parameter than the nest's is the address of scratch memory.
 */
export function writeColumns(
  fold: Fold,
  kept: number,
  reduced: number,
  walks: readonly Walk[],
  relaxed: boolean,
): Lanes {
  const { body, inDouble } = fold;
  const nest = nestParameters(kept + reduced, walks);
  const scratch = nest.count;
  const v = new Lanes(nest.count + 1, relaxed);
  const { f } = v;
  const cursors = cursorsOf(cursorTypes(body), walks, nest);
  const sources = cursors.slice(0, -1);
  const output = cursors.at(-1)!;
  const rows = nest.outer.at(-1)!;
  const [left, slot, blocks, rest] = newLocals(f, i32, 4);

  /** Four columns at a time, with `moving` at them and `slot` at their results; the last four may overlap others. */
  function forColumns(moving: readonly Cursor[], four: () => void): void {
    f.get(scratch).set(slot).get(nest.innerSize).set(left);
    countDown(f, left, () => {
      const missing = f.local(i32);
      f.get(left).i32(4).op("i32.sub").tee(missing).i32(0).op("i32.lt_s").if(() => move(f, moving, missing));
      v.scope(four);
      advance(f, moving, 4);
      f.increment(slot, inDouble ? 32 : 16);
    }, 4);
  }

  function loadSlot(offset = 0): Local {
    f.get(slot).memory("v128.load", offset);
    return v.take();
  }

  function storeSlot(value: Local, offset = 0): void {
    f.get(slot).get(value).memory("v128.store", offset);
  }

  function clear(): void {
    const identity = identityLanes(v, fold);
    forColumns([], () => {
      storeSlot(identity);
      if (inDouble) storeSlot(identity, 16);
    });
  }

  /** Combines the next rows with the results. Each has its own cursors; those of the nest end up behind the last. */
  function addRows(count: number): void {
    const rowSources = Array.from({ length: count }, () =>
      sources.map((source, n) => {
        const pointer = f.local(i32);
        f.get(source.pointer).tee(pointer).get(rows.steps[n]!).op("i32.add").set(source.pointer);
        return { ...source, pointer };
      }));
    const invariants = rowSources.map((row) => writeInvariants(v, body, row));
    forColumns(rowSources.flat(), () => {
      const value = combineTree(v, fold, count, (n) => {
        return writeBody(v, body, rowSources[n]!, invariants[n]!, (cursor) => load(v, cursor));
      });
      if (inDouble) {
        widen(v, value).forEach((pair, half) => storeSlot(v.op("f64x2.add", loadSlot(16 * half), pair), 16 * half));
      } else {
        storeSlot(combine(v, fold, loadSlot(), value));
      }
    });
  }

  function storeResults(): void {
    const pointer = f.local(i32);
    f.get(output.pointer).set(pointer);
    const row = { ...output, pointer };
    forColumns([row], () => store(v, row, inDouble ? narrow(v, fold, loadSlot(), loadSlot(16)) : loadSlot()));
  }

  const block = rowsAtOnce(body);
  writeLoops(f, nest.outer.slice(0, kept - 1), nest.pointers, () => {
    clear();
    writeLoops(f, nest.outer.slice(kept - 1, -1), nest.pointers, () => {
      f.get(rows.size).i32(block).op("i32.div_u").set(blocks);
      f.get(rows.size).i32(block).op("i32.rem_u").set(rest);
      countDown(f, blocks, () => addRows(block));
      countDown(f, rest, () => addRows(1));
    });
    storeResults();
  });
  return v;
}

/** Rows that are combined before they go to the results in memory: as many as registers can point at. */
function rowsAtOnce({ sources, unroll }: Body): number {
  return sources.length <= 1 ? 2 * unroll : sources.length === 2 ? unroll : Math.ceil(unroll / 2);
}
