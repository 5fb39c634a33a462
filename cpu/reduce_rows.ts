/** Reductions along the innermost axis: vectors run along it, and their lanes are folded in the end. */

import { i32, type Local, v128 } from "./assembler.ts";
import { cursorTypes, writeBody, writeInvariants } from "./body.ts";
import { advance, cursorsOf, load, loadSome, storeFirst } from "./cursor.ts";
import { combine, combineLanes, combineTree, type Fold, identityLanes, sumLanes, widen } from "./fold.ts";
import { Lanes } from "./lanes.ts";
import { atMost, countDown, newLocals } from "./loops.ts";
import { nestParameters, type Walk, writeLoops } from "./nest.ts";

/** Turns of the inner loop whose floats are added up before they go to the double sums. */
const turnsInFloat = 16;

/** Code for a nest of `kept` axes around `reduced` ones. */
export function writeRows(fold: Fold, kept: number, reduced: number, walks: readonly Walk[], relaxed: boolean): Lanes {
  const { body, inDouble } = fold;
  const nest = nestParameters(kept + reduced, walks);
  const v = new Lanes(nest.count, relaxed);
  const { f } = v;
  const cursors = cursorsOf(cursorTypes(body), walks, nest);
  const sources = cursors.slice(0, -1);
  const identity = identityLanes(v, fold);
  const [partial, low, high] = newLocals(f, v128, 3);

  function add(value: Local): void {
    f.get(combine(v, fold, partial, value)).set(partial);
  }

  /** Moves the partial sums to the double sums. */
  function flush(): void {
    v.scope(() => {
      const [a, b] = widen(v, partial);
      f.get(low).get(a).op("f64x2.add").set(low).get(high).get(b).op("f64x2.add").set(high).get(identity).set(partial);
    });
  }

  function row(): void {
    const invariants = writeInvariants(v, body, sources);
    const [blocks, turns, left] = newLocals(f, i32, 3);
    const block = 2 * body.unroll;

    function vectors(count: number): void {
      v.scope(() => {
        add(combineTree(v, fold, count, (ahead) => {
          return writeBody(v, body, sources, invariants, (cursor) => load(v, cursor, ahead));
        }));
      });
      advance(f, sources, 4 * count);
    }

    f.get(nest.innerSize).i32(4 * block).op("i32.div_u").set(blocks);
    f.get(nest.innerSize).i32(4 * block).op("i32.rem_u").set(left);
    if (inDouble) {
      countDown(f, blocks, () => {
        flush();
        atMost(f, blocks, turnsInFloat);
        f.set(turns);
        countDown(f, turns, () => vectors(block));
      }, turnsInFloat);
    } else {
      countDown(f, blocks, () => vectors(block));
    }
    f.block(() => {
      f.get(left).i32(4).op("i32.lt_u").brIf(0);
      f.loop(() => {
        vectors(1);
        f.get(left).i32(4).op("i32.sub").tee(left).i32(4).op("i32.ge_u").brIf(0);
      });
    });
    f.get(left).if(() => {
      v.scope(() => {
        const value = writeBody(v, body, sources, invariants, (cursor) => loadSome(v, cursor, left));
        f.get(left).op("i32x4.splat");
        add(v.choose(v.op("i32x4.gt_s", v.take(), v.words(0, 1, 2, 3)), value, identity));
      });
      advance(f, sources, { local: left });
    });
    if (inDouble) flush();
  }

  writeLoops(f, nest.outer.slice(0, kept), nest.pointers, () => {
    f.get(identity).set(partial).get(v.word(0)).tee(low).set(high);
    writeLoops(f, nest.outer.slice(kept), nest.pointers, row);
    v.scope(() =>
      storeFirst(v, cursors.at(-1)!, inDouble ? sumLanes(v, fold, low, high) : combineLanes(v, fold, partial))
    );
  });
  return v;
}
