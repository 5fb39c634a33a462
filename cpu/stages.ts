/** Results of parts that are combined in the end, always in the same order. */

import type { Operand } from "./machine.ts";
import type { Task } from "./record.ts";
import type { Context, Range, Round } from "./slices.ts";
import { bytesPerElement } from "../ops/dtype.ts";
import type { Combiner, Kernel } from "../ops/kernel.ts";
import { input, type Scalar, substitute } from "../ops/scalar.ts";
import { contiguous, rowMajor, sizeOf } from "../ops/shape.ts";

/** Each thread computes a result of its own; then these are combined, in order. */
export function inStages(
  output: Operand,
  context: Context,
  part: (range: Range, output: Operand) => Task,
  ranges: readonly Range[],
  combined: (results: Operand) => Task,
): Round[] {
  const { dtype, shape } = output;
  const count = sizeOf(shape);
  const address = context.allocate(ranges.length * count * bytesPerElement(dtype));
  const length = ranges.length * count;
  const results: Operand = { dtype, ...contiguous([ranges.length, ...shape]), address, length };
  const first = ranges.map((range, t) => [
    part(range, { ...output, address, length, offset: t * count, shape, strides: rowMajor(shape) }),
  ]);
  return [first, [[combined(results)]]];
}

/** Reduces over the first axis. */
export function combine(combiner: Combiner, results: Operand, output: Operand): Task {
  const kernel: Kernel = { kind: "reduce", combiner, axes: [0], body: input(0, output.dtype) };
  return { kernel, inputs: [results], outputs: [output] };
}

/** Sums over the first axis, and does elementwise work on the sum and on other inputs of the output's shape. */
export function combineAnd(epilogue: Scalar, results: Operand, others: readonly Operand[], output: Operand): Task {
  const { shape } = results;
  const kernel: Kernel = {
    kind: "loop",
    shape,
    axes: [0],
    stages: [{ combiner: "sum", body: input(1, output.dtype) }],
    // The sum is input 0, as it is for the epilogue; the results come between it and the others.
    outputs: [{ body: substitute(epilogue, (n, dtype) => input(n === 0 ? 0 : n + 1, dtype)), perRow: true }],
  };
  const repeated = others.map((x) => ({ ...x, shape, strides: [0, ...x.strides] }));
  return { kernel, inputs: [results, ...repeated], outputs: [output] };
}
