/**
 * Reductions in WebAssembly. Axes are walked in the order of their strides, whichever are reduced. Where the innermost
 * axis is reduced, vectors run along it and are folded in the end (rows); where it is kept, vectors hold four kept
 * elements and run across it (columns).
 */

import { i32, type Local, v128 } from "./assembler.ts";
import { analyse, type Body, sourceWalkers, writeBody, writeInvariants } from "./body.ts";
import { codeFor, type CodeTable } from "./code.ts";
import { advance, type Cursor, cursorsOf, elementBytes, load, loadSome, move, store, storeFirst } from "./cursor.ts";
import { Lanes } from "./lanes.ts";
import { atMost, countDown, newLocals } from "./loops.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import {
  collapse,
  type Loop,
  nestArguments,
  type NestAxis,
  type NestParameters,
  nestParameters,
  type Walk,
  type Walker,
  walksAlong,
  writeLoops,
} from "./nest.ts";
import { reference } from "./reference.ts";
import { elements, identityOf } from "./reference_reduce.ts";
import { applyLanes, constantLanes } from "./vector.ts";
import type { Combiner, KernelOf } from "../ops/kernel.ts";
import { scalarKey } from "../ops/scalar.ts";
import { sizeOf } from "../ops/shape.ts";

interface Plan {
  /** Null if only the reference can run it. */
  readonly body: Body | null;
  readonly combiner: Combiner;
  readonly table: CodeTable;
}

const plansByKernel = new WeakMap<KernelOf<"reduce">, Plan>();
const plansByKey = new Map<string, Plan>();

function planOf(kernel: KernelOf<"reduce">): Plan {
  const { combiner, body } = kernel;
  const key = `${combiner} ${scalarKey(body)}`;
  let plan = plansByKey.get(key);
  if (plan === undefined) {
    plan = { body: analyse(body), combiner, table: new Map() };
    plansByKey.set(key, plan);
  }
  plansByKernel.set(kernel, plan);
  return plan;
}

export const reduce: Implementation<"reduce"> = (kernel, inputs, output, machine) => {
  const plan = plansByKernel.get(kernel) ?? planOf(kernel);
  const { body } = plan;
  if (body === null) return reference.reduce(kernel, inputs, output, machine);
  if (sizeOf(output.shape) === 0) return;
  const { shape } = inputs[0]!;
  if (shape.includes(0)) {
    elements(machine, output).fill(identityOf(kernel.combiner, output.dtype));
    return;
  }
  const walkers = sourceWalkers(body, inputs, shape.length);
  const order = orderByStride(shape.length, walkers);
  walkers.push(reducedWalker(output, shape.length, kernel.axes, elementBytes(body.type)));
  const axes = collapse(shape, walkers, order);
  const kept = axes.filter((axis) => axis.strides.at(-1) !== 0);
  const reduced = axes.filter((axis) => axis.strides.at(-1) === 0);
  if (reduced.length === 0) reduced.push({ size: 1, strides: walkers.map(() => 0) });
  const innermost = axes.at(-1)!;
  const column = kept.at(-1);
  // Vectors of four need four columns; rows of a few elements leave little to do between folds.
  if (column !== undefined && column.size >= 4 && (column === innermost || innermost.size <= 8)) {
    reduceColumns(plan, body, kept, reduced, walkers, machine);
  } else {
    reduceRows(plan, body, kept, reduced, walkers, machine);
  }
};

/** Axes from the largest steps through memory to the smallest. */
function orderByStride(rank: number, walkers: readonly Walker[]): number[] {
  const order: number[] = [];
  const steps: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    order.push(axis);
    steps.push(walkers.reduce((sum, { strides }) => sum + Math.abs(strides[axis]!), 0));
  }
  return order.sort((a, b) => steps[b]! - steps[a]!);
}

/** The output as the input's axes see it: it stands still along those that are reduced. */
function reducedWalker(output: Operand, rank: number, axes: readonly number[], bytes: number): Walker {
  const strides = new Array<number>(rank).fill(0);
  let kept = 0;
  for (let axis = 0; axis < rank; axis++) {
    if (!axes.includes(axis)) strides[axis] = output.strides[kept++]! * bytes;
  }
  return { address: output.address + output.offset * bytes, strides, elementBytes: bytes };
}

/** Whether float32 sums are collected in float64: partial sums then only cover a few hundred elements. */
function sumsInDouble(combiner: Combiner, { type }: Body): boolean {
  return combiner === "sum" && type === "float32";
}

function combine(v: Lanes, combiner: Combiner, { type }: Body, a: Local, b: Local): Local {
  return applyLanes(v, combiner === "sum" ? "add" : combiner, type, [a, b]);
}

/** Combines `count` values, a power of 2, as a balanced tree: independent operations, and small rounding errors. */
function combineTree(
  v: Lanes,
  combiner: Combiner,
  body: Body,
  count: number,
  value: (n: number) => Local,
  first = 0,
): Local {
  if (count === 1) return value(first);
  const half = count / 2;
  const a = combineTree(v, combiner, body, half, value, first);
  return combine(v, combiner, body, a, combineTree(v, combiner, body, half, value, first + half));
}

/** The two lower and the two upper floats as doubles. */
function widen(v: Lanes, x: Local): [low: Local, high: Local] {
  return [
    v.op("f64x2.promote_low_f32x4", x),
    v.op("f64x2.promote_low_f32x4", v.shuffle(x, x, [2, 3, 2, 3])),
  ];
}

function reduceRows(
  { table, combiner }: Plan,
  body: Body,
  kept: readonly NestAxis[],
  reduced: readonly NestAxis[],
  walkers: readonly Walker[],
  machine: Machine,
): void {
  const axes = [...kept, ...reduced];
  const walks = walksAlong(axes.at(-1)!, walkers);
  walks[walks.length - 1] = "constant";
  const run = codeFor(
    table,
    `rows ${kept.length} ${reduced.length} ${walks.join(" ")}`,
    machine,
    (relaxed) => writeRows(combiner, body, kept.length, reduced.length, walks, relaxed),
  );
  run(...nestArguments(axes, walkers, walks));
}

/** Vectors that are added up as floats before they go to the double sums. */
const turnsInFloat = 16;

function writeRows(
  combiner: Combiner,
  body: Body,
  kept: number,
  reduced: number,
  walks: readonly Walk[],
  relaxed: boolean,
): Lanes {
  const nest = nestParameters(kept + reduced, walks);
  const v = new Lanes(nest.count, relaxed);
  const { f } = v;
  const cursors = cursorsOf([...body.sources.map(({ type }) => type), body.type], walks, nest);
  const sources = cursors.slice(0, -1);
  const inDouble = sumsInDouble(combiner, body);
  const identity = constantLanes(v, identityOf(combiner, body.type), body.type);
  const [partial, low, high] = newLocals(f, v128, 3);
  const reset = () => f.get(identity).set(partial);
  /** Moves the partial sums, which are floats, to the double sums. */
  const flush = () => {
    v.scope(() => {
      const [a, b] = widen(v, partial);
      f.get(low).get(a).op("f64x2.add").set(low).get(high).get(b).op("f64x2.add").set(high);
    });
    reset();
  };
  const add = (value: Local) => f.get(combine(v, combiner, body, partial, value)).set(partial);

  const row = () => {
    const invariants = writeInvariants(v, body, cursors);
    const vectors = (count: number) => {
      v.scope(() => {
        add(combineTree(v, combiner, body, count, (ahead) => {
          return writeBody(v, body, cursors, invariants, (c) => load(v, c, ahead));
        }));
      });
      advance(f, sources, 4 * count);
    };
    const [blocks, turns, left] = newLocals(f, i32, 3);
    const block = 2 * body.unroll;
    f.get(nest.innerSize).i32(4 * block).op("i32.div_u").set(blocks);
    f.get(nest.innerSize).i32(4 * block).op("i32.rem_u").set(left);
    if (inDouble) {
      f.block(() => {
        f.get(blocks).op("i32.eqz").brIf(0);
        f.loop(() => {
          flush();
          atMost(f, blocks, turnsInFloat);
          f.set(turns).get(blocks).get(turns).op("i32.sub").set(blocks);
          countDown(f, turns, () => vectors(block));
          f.get(blocks).brIf(0);
        });
      });
    } else {
      countDown(f, blocks, () => vectors(block));
    }
    f.block(() => {
      f.get(left).i32(4).op("i32.lt_s").brIf(0);
      f.loop(() => {
        vectors(1);
        f.get(left).i32(4).op("i32.sub").tee(left).i32(4).op("i32.ge_s").brIf(0);
      });
    });
    f.get(left).if(() => {
      v.scope(() => {
        const value = writeBody(v, body, cursors, invariants, (c) => loadSome(v, c, left));
        f.get(left).op("i32x4.splat");
        add(v.choose(v.op("i32x4.gt_s", v.take(), v.words(0, 1, 2, 3)), value, identity));
      });
      advance(f, sources, { local: left });
    });
    if (inDouble) flush();
  };

  writeLoops(f, nest.outer.slice(0, kept), nest.pointers, () => {
    reset();
    f.get(v.word(0)).tee(low).set(high);
    writeLoops(f, nest.outer.slice(kept), nest.pointers, row);
    v.scope(() =>
      storeFirst(v, cursors.at(-1)!, inDouble ? foldDoubles(v, low, high) : fold(v, combiner, body, partial))
    );
  });
  return v;
}

/** The combination of all four lanes, in the first. */
function fold(v: Lanes, combiner: Combiner, body: Body, x: Local): Local {
  const pairs = combine(v, combiner, body, x, v.shuffle(x, x, [2, 3, 0, 1]));
  return combine(v, combiner, body, pairs, v.shuffle(pairs, pairs, [1, 0, 3, 2]));
}

/** The sum of four doubles, as a float in the first lane. */
function foldDoubles(v: Lanes, low: Local, high: Local): Local {
  const pairs = v.op("f64x2.add", low, high);
  return v.op("f32x4.demote_f64x2_zero", v.op("f64x2.add", pairs, v.shuffle(pairs, pairs, [2, 3, 0, 1])));
}

/** Columns whose running results are held in scratch memory at a time: few enough to stay in the nearest cache. */
const columnsAtOnce = 2048;

function reduceColumns(
  { table, combiner }: Plan,
  body: Body,
  kept: readonly NestAxis[],
  reduced: readonly NestAxis[],
  walkers: readonly Walker[],
  machine: Machine,
): void {
  const column = kept.at(-1)!;
  const outer = [...kept.slice(0, -1), ...reduced];
  const walks = walksAlong(column, walkers);
  const run = codeFor(
    table,
    `columns ${kept.length} ${reduced.length} ${walks.join(" ")}`,
    machine,
    (relaxed) => writeColumns(combiner, body, kept.length, reduced.length, walks, relaxed),
  );
  const scratch = machine.allocate(8 * Math.min(column.size + 4, columnsAtOnce));
  for (let start = 0; start < column.size; start += columnsAtOnce) {
    // A last part of fewer than four columns starts earlier, and computes some again.
    const from = Math.max(0, Math.min(start, column.size - 4));
    const size = Math.min(columnsAtOnce, column.size - from);
    const args = nestArguments([...outer, { size, strides: column.strides }], walkers, walks, true);
    for (let n = 0; n < walkers.length; n++) args[n]! += from * column.strides[n]!;
    run(...args, scratch);
  }
  machine.free(scratch);
}

function writeColumns(
  combiner: Combiner,
  body: Body,
  kept: number,
  reduced: number,
  walks: readonly Walk[],
  relaxed: boolean,
): Lanes {
  const nest = nestParameters(kept + reduced, walks);
  const scratch = nest.count;
  const v = new Lanes(nest.count + 1, relaxed);
  const { f } = v;
  const cursors = cursorsOf([...body.sources.map(({ type }) => type), body.type], walks, nest);
  const inDouble = sumsInDouble(combiner, body);
  const slotBytes = inDouble ? 32 : 16;
  const rows = nest.outer.at(-1)!;
  const [left, slot] = newLocals(f, i32, 2);

  /** For every four columns, with `moving` at them; the last four overlap those before if need be. */
  const forColumns = (moving: readonly Cursor[], four: () => void) => {
    f.get(scratch).set(slot).get(nest.innerSize).set(left);
    const back = f.local(i32);
    f.loop(() => {
      f.block(() => {
        f.get(left).i32(4).op("i32.sub").tee(back).i32(0).op("i32.ge_s").brIf(0);
        move(f, moving, back);
      });
      v.scope(four);
      advance(f, moving, 4);
      f.increment(slot, slotBytes);
      f.get(back).tee(left).i32(0).op("i32.gt_s").brIf(0);
    });
  };

  const clear = () => {
    const identity = constantLanes(v, identityOf(combiner, body.type), body.type);
    forColumns([], () => {
      f.get(slot).get(identity).memory("v128.store");
      if (inDouble) f.get(slot).get(identity).memory("v128.store", 16);
    });
  };

  const addRows = (count: number) => {
    // Each row has its own cursors; those of the nest end up behind the last.
    const rowCursors = Array.from({ length: count }, () =>
      cursors.slice(0, -1).map((cursor, n) => {
        const pointer = f.local(i32);
        f.get(cursor.pointer).tee(pointer).get(rows.steps[n]!).op("i32.add").set(cursor.pointer);
        return { ...cursor, pointer };
      }));
    const invariants = rowCursors.map((row) => writeInvariants(v, body, row));
    forColumns(rowCursors.flat(), () => {
      const value = combineTree(v, combiner, body, count, (n) => {
        return writeBody(v, body, rowCursors[n]!, invariants[n]!, (c) => load(v, c));
      });
      f.get(slot).memory("v128.load");
      const first = v.take();
      if (!inDouble) {
        f.get(slot).get(combine(v, combiner, body, first, value)).memory("v128.store");
        return;
      }
      const [low, high] = widen(v, value);
      f.get(slot).memory("v128.load", 16);
      const second = v.take();
      f.get(slot).get(v.op("f64x2.add", first, low)).memory("v128.store");
      f.get(slot).get(v.op("f64x2.add", second, high)).memory("v128.store", 16);
    });
  };

  const storeResults = () => {
    const pointer = f.local(i32);
    const output = { ...cursors.at(-1)!, pointer };
    f.get(cursors.at(-1)!.pointer).set(pointer);
    forColumns([output], () => {
      f.get(slot).memory("v128.load");
      let result = v.take();
      if (inDouble) {
        const low = v.op("f32x4.demote_f64x2_zero", result);
        f.get(slot).memory("v128.load", 16).op("f32x4.demote_f64x2_zero");
        result = v.shuffle(low, v.take(), [0, 1, 4, 5]);
      }
      store(v, output, result);
    });
  };

  const [blocks, rest] = newLocals(f, i32, 2);
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

/** Rows that are combined before they are added to the running results: as many as registers can point at. */
function rowsAtOnce({ sources, unroll }: Body): number {
  return Math.max(1, sources.length <= 1 ? 2 * unroll : sources.length === 2 ? unroll : unroll / 2);
}
