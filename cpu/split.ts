/**
 * Kernels cut into parts, one for each thread. A part is a kernel of the same kind on slices of the operands, so the
 * drivers know nothing of it. Where to cut depends on shapes, layouts and the number of threads alone: results repeat.
 */

import type { Operand } from "./machine.ts";
import { collapse, walkerOf } from "./nest.ts";
import type { Task } from "./record.ts";
import {
  type Context,
  type Cut,
  leastRowBytes,
  parts,
  type Range,
  type Round,
  slice,
  sliceAll,
  slices,
  type TaskOf,
  vectorLanes,
} from "./slices.ts";
import { cutLoop } from "./split_loop.ts";
import { cutConv, cutWindow } from "./split_windows.ts";
import { combine, inStages } from "./stages.ts";
import type { ComputeKind } from "../ops/kernel.ts";
import { bytesPerElement } from "../ops/dtype.ts";
import { topological } from "../ops/scalar.ts";
import { sizeOf } from "../ops/shape.ts";

/** The rounds of a task that is worth cutting, or null. */
export function split(task: Task, context: Context): Round[] | null {
  if ([...task.outputs, ...task.inputs].some(({ shape }) => sizeOf(shape) === 0)) return null;
  const rounds = (cuts[task.kernel.kind] as Cut<ComputeKind>)(task, context);
  // What combines the results of parts may itself be much.
  const last = rounds !== null && rounds.length > 1 ? rounds.at(-1)![0]![0]! : null;
  if (last === null || sizeOf(last.outputs[0]!.shape) < muchToCombine) return rounds;
  return [...rounds!.slice(0, -1), ...split(last, context) ?? rounds!.slice(-1)];
}

/** In elements of the output. */
const muchToCombine = 16384;

/** What is plain TypeScript runs on the main thread. */
const whole = (): null => null;

const cuts: { readonly [K in ComputeKind]: Cut<K> } = {
  map: cutMap,
  reduce: cutReduce,
  loop: cutLoop,
  place: cutPlace,
  matmul: cutMatmul,
  conv: cutConv,
  window: cutWindow,
  gather: cutGather,
  scatter: cutScatter,
  cumulative: cutLines,
  argReduce: cutLines,
  argsort: whole,
};

function cutMap({ kernel, inputs, outputs: [output] }: TaskOf<"map">, { threads }: Context): Round[] | null {
  const indexed = topological(kernel.body).some(({ op }) => op === "index");
  const operands = indexed ? [...inputs, output!] : merged([...inputs, output!]);
  const target = operands.at(-1)!;
  const grain = (axis: number): number => axis === target.shape.length - 1 ? vectorLanes : 1;
  const cut = slices(target.shape, threads, grain);
  if (cut === null) return null;
  return [cut.map((list) =>
    list.map((ranges) => {
      const sliced = operands.map((x) => sliceAll(x, ranges));
      return { kernel, inputs: sliced.slice(0, -1), outputs: sliced.slice(-1) };
    })
  )];
}

/** Operands of one shape with as few axes as they can all be seen with. */
function merged(operands: readonly Operand[]): Operand[] {
  const walkers = operands.map((x) => walkerOf(x, bytesPerElement(x.dtype)));
  const axes = collapse(operands.at(-1)!.shape, walkers);
  const shape = axes.map(({ size }) => size);
  return operands.map((x, n) => ({
    ...x,
    shape,
    strides: axes.map(({ strides }) => strides[n]! / bytesPerElement(x.dtype)),
  }));
}

function one(): number {
  return 1;
}

function cutGather({ kernel, inputs, outputs }: TaskOf<"gather">, { threads }: Context): Round[] | null {
  const [x, indices, output] = [...inputs, ...outputs] as [Operand, Operand, Operand];
  const cut = slices(output.shape.slice(0, 3), threads, one);
  if (cut === null) return null;
  return [cut.map((list) =>
    list.map((ranges) => {
      const ofX = ranges.filter(({ axis }) => axis < 2);
      // Indices have the first and the third of these axes.
      const ofIndices = ranges.flatMap((range) => range.axis === 1 ? [] : [{ ...range, axis: range.axis / 2 }]);
      return {
        kernel,
        inputs: [sliceAll(x, ofX), sliceAll(indices, ofIndices)],
        outputs: [sliceAll(output, ranges)],
      };
    })
  )];
}

function cutScatter({ kernel, inputs, outputs }: TaskOf<"scatter">, { threads }: Context): Round[] | null {
  const [indices, updates, output] = [...inputs, ...outputs] as [Operand, Operand, Operand];
  const cut = slices(output.shape.slice(0, 2), threads, one);
  if (cut === null) return null;
  return [cut.map((list) =>
    list.map((ranges) => ({
      kernel,
      inputs: [sliceAll(indices, ranges.filter(({ axis }) => axis === 0)), sliceAll(updates, ranges)],
      outputs: [sliceAll(output, ranges)],
    }))
  )];
}

/** Kernels along one axis are cut at those before it. */
function cutLines(
  { kernel, inputs: [x], outputs: [output] }: TaskOf<"cumulative"> | TaskOf<"argReduce">,
  { threads }: Context,
): Round[] | null {
  const cut = slices(x!.shape.slice(0, kernel.axis), threads, one);
  if (cut === null) return null;
  return [
    cut.map((list) =>
      list.map((ranges) => ({ kernel, inputs: [sliceAll(x!, ranges)], outputs: [sliceAll(output!, ranges)] }))
    ),
  ];
}

function cutReduce(task: TaskOf<"reduce">, context: Context): Round[] | null {
  const { kernel, inputs } = task;
  const output = task.outputs[0]!;
  const { axes } = kernel;
  const { shape } = inputs[0]!;
  const kept = [...shape.keys()].filter((axis) => !axes.includes(axis));
  const wide = (axis: number): number => {
    const step = Math.min(
      ...inputs.map((x) => x.strides[kept[axis]!] === 0 ? Infinity : Math.abs(x.strides[kept[axis]!]!)),
    );
    return Math.max(1, Math.min(1024, Math.ceil(leastRowBytes / 4 / step)));
  };
  const cut = slices(output.shape, context.threads, wide);
  if (cut !== null) {
    return [cut.map((list) =>
      list.map((ranges) => {
        const ofInput = ranges.map((range) => ({ ...range, axis: kept[range.axis]! }));
        return { kernel, inputs: inputs.map((x) => sliceAll(x, ofInput)), outputs: [sliceAll(output, ranges)] };
      })
    )];
  }
  const axis = axes.reduce((best, axis) => shape[axis]! > shape[best]! ? axis : best, axes[0] ?? 0);
  if (axes.length === 0 || shape[axis]! < 2 * context.threads) return null;
  const grain = shape[axis]! >= 2 * context.threads * vectorLanes ? vectorLanes : 1;
  const ranges = parts(axis, shape[axis]!, context.threads, grain);
  return inStages(
    output,
    context,
    (range, part) => ({ kernel, inputs: inputs.map((x) => slice(x, range)), outputs: [part] }),
    ranges,
    (results) => combine(kernel.combiner, results, output),
  );
}

function cutMatmul({ kernel, inputs, outputs }: TaskOf<"matmul">, { threads }: Context): Round[] | null {
  const [a, b, ...others] = inputs as [Operand, Operand, ...Operand[]];
  const output = outputs[0]!;
  const rank = output.shape.length;
  const [row, column] = [rank - 2, rank - 1];
  const [m, n] = [output.shape[row]!, output.shape[column]!];
  const part = (ranges: readonly Range[]): Task => {
    const ofA = ranges.filter(({ axis }) => axis !== column);
    const ofB = ranges.filter(({ axis }) => axis !== row);
    const parts = others.map((x) => sliceAll(x, ranges));
    return { kernel, inputs: [sliceAll(a, ofA), sliceAll(b, ofB), ...parts], outputs: [sliceAll(output, ranges)] };
  };
  // Threads that share rows of A pack the same A, if it needs packing; those that share columns of B the same B.
  const packedA = a.strides[column] === 1 ? m / 16 : m;
  const byColumns = sizeOf(output.shape) === m * n && n >= 16 * threads && (packedA <= n || m < 12 * threads);
  if (byColumns) return [parts(column, n, threads, 8).map((range) => [part([range])])];
  const cut = slices(output.shape.slice(0, -1), threads, (axis) => axis === row ? 6 : 1);
  return cut && [cut.map((list) => list.map(part))];
}

function cutPlace(task: TaskOf<"place">, { threads }: Context): Round[] | null {
  const cut = slices(task.outputs[0]!.shape, threads, () => 1);
  if (cut === null) return null;
  return [cut.map((list) => list.map((ranges) => ranges.reduce(slicePlace, task)))];
}

/** What is placed into a part of the output. */
function slicePlace(
  { kernel, inputs, outputs }: TaskOf<"place">,
  range: Range,
): TaskOf<"place"> {
  const { axis, start: from, size } = range;
  const placed = inputs.map((x, n) => {
    const { start, step } = kernel.at[n]!;
    const clip = (i: number): number => Math.min(x.shape[axis]!, Math.max(0, i));
    const first = clip(Math.ceil((from - start[axis]!) / step[axis]!));
    const end = clip(Math.ceil((from + size - start[axis]!) / step[axis]!));
    const at = { start: start.with(axis, start[axis]! + first * step[axis]! - from), step };
    return { at, input: slice(x, { axis, start: first, size: end - first }) };
  });
  return {
    kernel: { ...kernel, at: placed.map(({ at }) => at) },
    inputs: placed.map(({ input }) => input),
    outputs: [slice(outputs[0]!, range)],
  };
}
