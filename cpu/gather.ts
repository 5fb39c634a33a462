/** Reading at computed positions: runs along the last axis are copied whole. */

import type { Implementation, Operand } from "./machine.ts";
import { elements } from "./reference_reduce.ts";
import { isFloat } from "../ops/dtype.ts";

/** From this length on a call that copies is faster than a loop. */
const longRun = 16;

export const gather: Implementation<"gather"> = (_, inputs, output, machine) => {
  const [x, indices] = inputs as readonly [Operand, Operand];
  const [values, positions, out] = [machine.array(x), machine.array(indices), elements(machine, output)];
  const [batch, rows, count, run] = output.shape as [number, number, number, number];
  const [ofBatch, ofRow, ofPosition, ofElement] = x.strides as [number, number, number, number];
  const [indexOfBatch, indexOfCount] = indices.strides as [number, number];
  const size = x.shape[2]!;
  const whole = ofElement === 1 && run >= longRun;
  const missing = isFloat(output.dtype) ? NaN : 0;
  let to = 0;
  for (let b = 0; b < batch; b++) {
    for (let p = 0; p < rows; p++) {
      for (let i = 0; i < count; i++) {
        const position = positions[indices.offset + b * indexOfBatch + i * indexOfCount]!;
        const from = x.offset + b * ofBatch + p * ofRow + position * ofPosition;
        if (position < 0 || position >= size) out.fill(missing, to, to + run);
        else if (whole) out.set(values.subarray(from, from + run), to);
        else for (let j = 0; j < run; j++) out[to + j] = values[from + j * ofElement]!;
        to += run;
      }
    }
  }
};
