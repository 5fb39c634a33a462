/** Loop kernels whose vectors run along a row: the results of stages are folded from their lanes. */

import { i32, type Local, type Op } from "./assembler.ts";
import { long } from "./body.ts";
import { advance, load, loadConstant, loadSome, store, storeFirst, storeSome } from "./cursor.ts";
import { combineLanes, combineTree, sumLanes } from "./fold.ts";
import type { Pass, StageRoot } from "./loop_plan.ts";
import { type Accumulator, type LoopWriter, turnsInFloat, type Values } from "./loop_writer.ts";
import { atMost, countDown, newLocals } from "./loops.ts";
import { emitNode } from "./vector.ts";

export function writeRow(w: LoopWriter): void {
  const { v, body: { stages, outputs }, starts } = w;
  const values: Values = new Map();
  const read = (n: number): Local => loadConstant(v, { ...starts[n]!, walk: "constant" });
  const accumulators = w.newAccumulators();
  for (const pass of w.form.empty ? [] : w.passes) {
    for (const node of pass.ofRow) w.computeForRow(node, values, read);
    const run = (combining: Combining): void => {
      for (const k of pass.stages) w.clear(k, accumulators[k]!);
      w.alongRow(starts, () => v.scope(() => writeLine(w, pass, new Map(values), combining, accumulators)));
    };
    const quick = pass.stages.filter((k) => isQuick(pass, stages[k]!));
    run(quick.length > 0 ? combineQuickly : combineExactly);
    if (quick.length > 0) ifDoubtful(w, quick.map((k) => accumulators[k]!), () => run(combineExactly));
    for (const k of pass.stages) {
      w.flush(k, accumulators[k]!);
      w.setResult(k, values, () => foldLanes(w, k, accumulators[k]!));
    }
  }
  if (w.form.empty) { for (const k of stages.keys()) w.setResult(k, values, () => w.identity(k)); }
  outputs.forEach(({ node, perRow }, n) => {
    if (!perRow) return;
    w.computeForRow(node, values, read);
    storeFirst(v, w.output(n, starts), values.get(node)!);
  });
}

/** The result of a stage in all lanes. */
function foldLanes(w: LoopWriter, k: number, { partial, low, high }: Accumulator): Local {
  const { fold } = w.body.stages[k]!;
  if (!w.isInDouble(k)) return combineLanes(w.v, fold, partial);
  const sum = sumLanes(w.v, fold, low, high);
  return w.v.shuffle(sum, sum, [0, 0, 0, 0]);
}

/** Goes along the innermost axis of a row, in one pass. */
function writeLine(
  w: LoopWriter,
  pass: Pass,
  values: Values,
  combining: Combining,
  accumulators: readonly Accumulator[],
): void {
  const { v, body: { sources, stages, outputs }, moving } = w;
  const { f } = v;
  const used = w.used(pass);
  // What stands still here, though not along the whole row.
  for (const n of pass.sources) {
    if (moving[n]!.walk === "constant") values.set(sources[n]!.nodes[0]!, loadConstant(v, moving[n]!));
  }
  for (const node of pass.nodes) {
    const isKnown = node.args.every((arg) => values.has(arg));
    if (isKnown && !pass.kept.includes(node)) values.set(node, emitNode(v, node, values));
  }

  function vectors(count: number): void {
    v.scope(() => {
      const computed = Array.from({ length: count }, (_, ahead): Values => {
        const own = new Map(values);
        w.computeForElements(pass, own, ahead, (n) => load(v, moving[n]!, ahead));
        for (const n of pass.outputs) store(v, w.output(n, moving), own.get(outputs[n]!.node)!, ahead);
        return own;
      });
      for (const k of pass.stages) {
        combining(w, pass, k, accumulators[k]!, computed.map((own) => own.get(stages[k]!.node)!));
      }
    });
    advance(f, used, 4 * count);
    w.nextSlots(count);
  }

  const [blocks, left] = newLocals(f, i32, 2);
  const block = vectorsAtOnce(pass);
  f.get(w.nest.innerSize).i32(4 * block).op("i32.div_u").set(blocks);
  f.get(w.nest.innerSize).i32(4 * block).op("i32.rem_u").set(left);
  if (pass.stages.some((k) => w.isInDouble(k))) {
    countDown(f, blocks, () => {
      for (const k of pass.stages) w.flush(k, accumulators[k]!);
      atMost(f, blocks, turnsInFloat);
      f.set(w.turns);
      countDown(f, w.turns, () => vectors(block));
    }, turnsInFloat);
  } else {
    countDown(f, blocks, () => vectors(block));
  }
  if (block > 1) {
    f.block(() => {
      f.get(left).i32(4).op("i32.lt_u").brIf(0);
      f.loop(() => {
        vectors(1);
        f.get(left).i32(4).op("i32.sub").tee(left).i32(4).op("i32.ge_u").brIf(0);
      });
    });
  }
  f.get(left).if(() => {
    v.scope(() => {
      w.computeForElements(pass, values, 0, (n) => loadSome(v, moving[n]!, left));
      for (const n of pass.outputs) storeSome(v, w.output(n, moving), values.get(outputs[n]!.node)!, left);
      f.get(left).op("i32x4.splat");
      const inside = v.op("i32x4.gt_s", v.take(), v.words(0, 1, 2, 3));
      for (const k of pass.stages) {
        const value = v.choose(inside, values.get(stages[k]!.node)!, w.identity(k));
        combining(w, pass, k, accumulators[k]!, [value]);
      }
    });
    advance(f, used, { local: left });
    w.nextSlots(1);
  });
}

/** Vectors that are computed in one turn of a loop, a power of 2. */
function vectorsAtOnce({ nodes, stages }: Pass): number {
  const unroll = nodes.length > 12 || nodes.some(({ op }) => long.has(op)) ? 1 : 4;
  return stages.length > 0 ? 2 * unroll : unroll;
}

/** Combines values, a power of 2 of them, with the running result of stage `k`. */
type Combining = (w: LoopWriter, pass: Pass, k: number, accumulator: Accumulator, values: readonly Local[]) => void;

const combineExactly: Combining = (w, _, k, accumulator, values) => {
  w.add(k, accumulator, combineTree(w.v, w.body.stages[k]!.fold, values.length, (n) => values[n]!));
};

/**
 * Extremes of floats by single instructions, where the exact ones take seven. They may lose a NaN, or the sign of a
 * zero: `low` tells of NaN, which is in the sum of all values then, and the result of zeros.
 */
const combineQuickly: Combining = (w, pass, k, accumulator, values) => {
  const { v, body: { stages } } = w;
  if (!isQuick(pass, stages[k]!)) return combineExactly(w, pass, k, accumulator, values);
  const { partial, low } = accumulator;
  const choose = stages[k]!.fold.combiner === "max" ? "f32x4.pmax" : "f32x4.pmin";
  const sum = joinTree(w, "f32x4.add", values);
  v.f.get(v.op(choose, partial, joinTree(w, choose, values))).set(partial);
  v.f.get(v.op("v128.or", low, v.op("f32x4.ne", sum, sum))).set(low);
};

function joinTree(w: LoopWriter, op: Op, values: readonly Local[]): Local {
  if (values.length === 1) return values[0]!;
  const half = values.length / 2;
  return w.v.op(op, joinTree(w, op, values.slice(0, half)), joinTree(w, op, values.slice(half)));
}

/** Whether a stage is an extreme of floats in a pass so short that it may well be run twice. */
function isQuick({ outputs, nodes }: Pass, { fold, type }: StageRoot): boolean {
  return outputs.length === 0 && nodes.length <= 4 && fold.combiner !== "sum" && type === "float32";
}

function ifDoubtful({ v }: LoopWriter, accumulators: readonly Accumulator[], then: () => void): void {
  v.scope(() => {
    const doubts = accumulators.map(({ partial, low }) => v.op("v128.or", low, v.op("f32x4.eq", partial, v.float(0))));
    v.f.get(doubts.reduce((a, b) => v.op("v128.or", a, b))).op("v128.any_true").if(then);
  });
}
