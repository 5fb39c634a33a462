/**
 * Reductions in WebAssembly. Axes are walked in the order of their strides, whichever are reduced. Where the innermost
 * axis is reduced, vectors run along it and are folded in the end (rows); where it is kept, vectors hold four kept
 * elements and run across it (columns).
 */

import { analyse, sourceWalkers } from "./body.ts";
import { codeFor, type CodeTable, planner } from "./code.ts";
import { elementBytes } from "./cursor.ts";
import { fill } from "./fill.ts";
import { type Fold, foldOf } from "./fold.ts";
import { loopInto } from "./loop.ts";
import { isWorthStreaming } from "./loop_stream.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import { collapse, nestArguments, type NestAxis, orderByStride, type Walker, walksAlong } from "./nest.ts";
import { scratchBytes, writeColumns } from "./reduce_columns.ts";
import { writeRows } from "./reduce_rows.ts";
import { reference } from "./reference.ts";
import { identityOf } from "./reference_reduce.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { input, scalarKey, substituteLeaves } from "../ops/scalar.ts";
import { dropAxes, sizeOf } from "../ops/shape.ts";

interface Plan {
  readonly fold: Fold;
  readonly table: CodeTable;
}

/** Null if only the reference can run it. */
const planOf: (kernel: KernelOf<"reduce">) => Plan | null = planner(
  ({ combiner, body }) => `${combiner} ${scalarKey(body)}`,
  ({ combiner, body }) => {
    const analysed = analyse(body);
    return analysed && { fold: foldOf(combiner, analysed), table: new Map() };
  },
);

export const reduce: Implementation<"reduce"> = (kernel, inputs, output, machine) => {
  const plan = planOf(kernel);
  if (plan === null) return reference.reduce(kernel, inputs, output, machine);
  if (sizeOf(output.shape) === 0) return;
  const { shape } = inputs[0]!;
  if (shape.includes(0)) {
    return fill(identityOf(kernel.combiner, output.dtype), output, machine);
  }
  const { body } = plan.fold;
  const walkers = sourceWalkers(body, inputs, shape.length, inputs[0]!.origin);
  const order = orderByStride(shape.length, walkers);
  walkers.push(reducedWalker(output, shape.length, kernel.axes, elementBytes(body.type)));
  const axes = collapse(shape, walkers, order);
  const kept = axes.filter((axis) => axis.strides.at(-1) !== 0);
  const reduced = axes.filter((axis) => axis.strides.at(-1) === 0);
  // Reduced axes of size 1 have all been left out, but the code wants one.
  if (reduced.length === 0) reduced.push({ size: 1, strides: walkers.map((w) => w.elementBytes).with(-1, 0) });
  const innermost = axes.at(-1)!;
  // Vectors need four columns.
  if (innermost === kept.at(-1) && innermost.size >= 4) {
    const rows = sizeOf(reduced.map(({ size }) => size));
    // Of a single array several rows at once are few places in memory, too.
    if (body.sources.length > 1 && isWorthStreaming(sizeOf(shape), innermost.size, rows)) {
      return runStream(kernel, inputs, output, machine);
    }
    runColumns(plan, kept, reduced, walkers, machine);
  } else {
    runRows(plan, kept, reduced, walkers, machine);
  }
};

/** The output as the input's axes see it: it stands still along those that are reduced. */
function reducedWalker(output: Operand, rank: number, axes: readonly number[], bytes: number): Walker {
  const strides = new Array<number>(rank).fill(0);
  let kept = 0;
  for (let axis = 0; axis < rank; axis++) {
    if (!axes.includes(axis)) strides[axis] = output.strides[kept++]! * bytes;
  }
  return { address: output.address + output.offset * bytes, strides, elementBytes: bytes };
}

function runRows(
  { table, fold }: Plan,
  kept: readonly NestAxis[],
  reduced: readonly NestAxis[],
  walkers: readonly Walker[],
  machine: Machine,
): void {
  const axes = [...kept, ...reduced];
  const walks = walksAlong(axes.at(-1)!, walkers);
  // The output stands still, also along an axis of size 1.
  walks[walks.length - 1] = "constant";
  const key = `rows ${kept.length} ${reduced.length} ${walks.join(" ")}`;
  const run = codeFor(table, key, machine, (relaxed) => writeRows(fold, kept.length, reduced.length, walks, relaxed));
  run(...nestArguments(axes, walkers, walks));
}

/** The same as a loop kernel, which goes through memory in order. */
function runStream(
  { combiner, axes, body }: KernelOf<"reduce">,
  inputs: readonly Operand[],
  output: Operand,
  machine: Machine,
): void {
  const { shape } = inputs[0]!;
  const element = substituteLeaves(body, (leaf) => leaf.op === "input" ? input(leaf.index + 1, leaf.dtype) : leaf);
  const outputs = [{ body: input(0, body.dtype), perRow: true }];
  const kernel = { kind: "loop", shape, axes, stages: [{ combiner, body: element }], outputs } as const;
  let next = 0;
  const kept = shape.map((_, axis) => axes.includes(axis) ? -1 : next++);
  const whole = {
    ...output,
    shape: dropAxes(shape, axes, true),
    strides: kept.map((axis) => axis < 0 ? 0 : output.strides[axis]!),
  };
  loopInto(kernel, shape, inputs, [whole], machine);
}

/** Columns whose results are held in scratch memory at a time: few enough to stay in the nearest cache. */
const columnsAtOnce = 2048;

function runColumns(
  { table, fold }: Plan,
  kept: readonly NestAxis[],
  reduced: readonly NestAxis[],
  walkers: readonly Walker[],
  machine: Machine,
): void {
  const { size, strides } = kept.at(-1)!;
  const outer = [...kept.slice(0, -1), ...reduced];
  const walks = walksAlong(kept.at(-1)!, walkers);
  const key = `columns ${kept.length} ${reduced.length} ${walks.join(" ")}`;
  const run = codeFor(
    table,
    key,
    machine,
    (relaxed) => writeColumns(fold, kept.length, reduced.length, walks, relaxed),
  );
  const scratch = machine.allocate(scratchBytes(Math.min(size, columnsAtOnce)));
  for (let start = 0; start < size; start += columnsAtOnce) {
    // A last part of fewer than four columns computes some before it again.
    const columns = { size: Math.min(columnsAtOnce, size - start), strides };
    const args = nestArguments([...outer, columns], walkers, walks, true);
    for (let n = 0; n < walkers.length; n++) args[n]! += start * strides[n]!;
    run(...args, scratch);
  }
  machine.free(scratch);
}
