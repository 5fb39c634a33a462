/** Convolutions and windows cut by images; a few images by rows. */

import type { Operand } from "./machine.ts";
import type { Task } from "./record.ts";
import { type Context, parts, positionsOf, type Range, type Round, slice, type TaskOf } from "./slices.ts";
import { combine, combineAnd, inStages } from "./stages.ts";
import { topological } from "../ops/scalar.ts";

/** Whether parts of the batch keep all threads busy. */
function isBalanced(batch: number, threads: number): boolean {
  return batch >= 2 * threads || (batch > 0 && batch % threads === 0);
}

export function cutConv(task: TaskOf<"conv">, context: Context): Round[] | null {
  const { kernel } = task;
  const [first, second, ...others] = task.inputs as [Operand, Operand, ...Operand[]];
  const output = task.outputs[0]!;
  const batch = first.shape[0]!;
  const { threads } = context;
  if (kernel.role === "output" && !isBalanced(batch, threads)) return cutConvRows(task, threads);
  if (batch < threads) return null;
  const ranges = parts(0, batch, threads, 1);
  if (kernel.role === "kernel") {
    const { epilogue, ...alone } = kernel;
    // Positions would have to be told from those in a list of results.
    if (epilogue && topological(epilogue).some(({ op }) => op === "index")) return null;
    return inStages(
      output,
      context,
      (range, part) => ({ kernel: alone, inputs: [slice(first, range), slice(second, range)], outputs: [part] }),
      ranges,
      (results) => epilogue ? combineAnd(epilogue, results, others, output) : combine("sum", results, output),
    );
  }
  return [ranges.map((range) => {
    const parts = others.map((x) => slice(x, range));
    return [{ kernel, inputs: [slice(first, range), second, ...parts], outputs: [slice(output, range)] }];
  })];
}

function cutConvRows({ kernel, inputs, outputs }: TaskOf<"conv">, threads: number): Round[] | null {
  const [first, second, ...others] = inputs as [Operand, Operand, ...Operand[]];
  const { geometry } = kernel;
  const reach = (second.shape[0]! - 1) * geometry.dilation[0]! + 1;
  return cutRows(outputs[0]!, threads, (image, rows) => {
    const under = rowsUnder(rows, first.shape[1]!, geometry.strides[0]!, reach, geometry.padding[0]![0]);
    if (under === null) return null;
    const padding = geometry.padding.with(0, under.padding);
    const own = (x: Operand): Operand => slice(slice(x, image), rows);
    return {
      kernel: { ...kernel, geometry: { ...geometry, padding } },
      inputs: [slice(slice(first, image), under.rows), second, ...others.map(own)],
      outputs: outputs.map(own),
    };
  });
}

export function cutWindow(task: TaskOf<"window">, { threads }: Context): Round[] | null {
  const { kernel, inputs, outputs } = task;
  const batch = inputs[0]!.shape[0]!;
  const transposed = kernel.role === "spread" || kernel.role === "put";
  if (!transposed && !isBalanced(batch, threads)) return cutWindowRows(task, threads);
  if (batch < threads) return null;
  return [
    parts(0, batch, threads, 1).map((range) => [
      { kernel, inputs: inputs.map((x) => slice(x, range)), outputs: outputs.map((x) => slice(x, range)) },
    ]),
  ];
}

function cutWindowRows({ kernel, inputs, outputs }: TaskOf<"window">, threads: number): Round[] | null {
  const { geometry } = kernel;
  const [first, ...positions] = inputs as [Operand, ...Operand[]];
  return cutRows(outputs[0]!, threads, (image, rows) => {
    const { window, strides } = geometry;
    const under = rowsUnder(rows, first.shape[1]!, strides[0]!, window[0]!, geometry.padding[0]![0]);
    if (under === null) return null;
    const padding = geometry.padding.with(0, under.padding);
    const own = (x: Operand): Operand => slice(slice(x, image), rows);
    return {
      kernel: { ...kernel, geometry: { ...geometry, padding } },
      inputs: [slice(slice(first, image), under.rows), ...positions.map(own)],
      outputs: outputs.map(own),
    };
  });
}

/** Each image by parts of the first spatial axis of the output; null if there are too few, or one cannot be had. */
function cutRows(
  output: Operand,
  threads: number,
  part: (image: Range, rows: Range) => Task | null,
): Round[] | null {
  const [batch, rows] = output.shape as [number, number];
  if (output.shape.length < 3 || rows < 2 * threads || batch > 16) return null;
  const round = parts(1, rows, threads, 1).map((range) => positionsOf([batch]).map(([image]) => part(image!, range)));
  return round.every((tasks) => tasks.every((task) => task !== null)) ? [round as Task[][]] : null;
}

/** The rows of the input that some rows of the output see, and how many of padding; null if they see nothing else. */
function rowsUnder(
  { start, size }: Range,
  input: number,
  stride: number,
  reach: number,
  low: number,
): { readonly rows: Range; readonly padding: readonly [number, number] } | null {
  const [first, end] = [start * stride - low, (start + size - 1) * stride + reach - low];
  const [from, to] = [Math.max(0, first), Math.min(input, end)];
  if (from >= to) return null;
  return { rows: { axis: 1, start: from, size: to - from }, padding: [from - first, end - to] };
}
