/** Writing at computed positions: updates are added up, or the largest or smallest kept, slab by slab. */

import { isFloat, type TypedArray } from "../ops/dtype.ts";
import type { Combiner } from "../ops/kernel.ts";
import type { Implementation, Operand } from "./machine.ts";
import { elements, identityOf } from "./reference_reduce.ts";

export const scatter: Implementation<"scatter"> = (kernel, inputs, output, machine) => {
  const [indices, updates] = inputs as readonly [Operand, Operand];
  const [positions, values] = [machine.array(indices), machine.array(updates)];
  const out = elements(machine, output).fill(identityOf(kernel.combiner, output.dtype));
  const [batch, rows, size, run] = output.shape as [number, number, number, number];
  const count = indices.shape[1]!;
  const [ofBatch, ofRow, ofIndex, ofElement] = updates.strides as [number, number, number, number];
  const [indexOfBatch, indexOfCount] = indices.strides as [number, number];
  // The sum of bools is true where one of them is.
  const combiner = output.dtype === "bool" && kernel.combiner === "sum" ? "max" : kernel.combiner;
  // Sums of floats are rounded once, in the end.
  const sums = combiner === "sum" && isFloat(output.dtype) ? new Float64Array(size * run) : null;
  for (let slab = 0; slab < batch * rows; slab++) {
    const [b, p] = [Math.floor(slab / rows), slab % rows];
    const target = sums ?? out.subarray(slab * size * run, (slab + 1) * size * run);
    sums?.fill(0);
    const first = updates.offset + b * ofBatch + p * ofRow;
    for (let i = 0; i < count; i++) {
      const position = positions[indices.offset + b * indexOfBatch + i * indexOfCount]!;
      if (position < 0 || position >= size) continue;
      joinRun(combiner, target, position * run, values, first + i * ofIndex, ofElement, run);
    }
    if (sums !== null) out.set(sums, slab * size * run);
  }
};

/** Combines `run` elements of the target with values. Integers wrap when they are stored. */
function joinRun(
  combiner: Combiner,
  target: TypedArray,
  to: number,
  values: TypedArray,
  from: number,
  step: number,
  run: number,
): void {
  if (combiner === "sum") {
    for (let j = 0; j < run; j++) target[to + j]! += values[from + j * step]!;
  } else if (combiner === "max") {
    for (let j = 0; j < run; j++) target[to + j] = Math.max(target[to + j]!, values[from + j * step]!);
  } else {
    for (let j = 0; j < run; j++) target[to + j] = Math.min(target[to + j]!, values[from + j * step]!);
  }
}
