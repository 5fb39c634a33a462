/** Positions of extremes: along the last axis line by line, along others for a whole row of lines at once. */

import type { Implementation, Machine, Operand } from "./machine.ts";
import { elements } from "./reference_reduce.ts";
import { forEachElement } from "./reference_walk.ts";

export const argReduce: Implementation<"argReduce"> = ({ extreme, axis }, inputs, output, machine) => {
  const x = inputs[0]!;
  // The smallest of the negated elements is the largest: one comparison does for both.
  const sign = extreme === "max" ? 1 : -1;
  if (axis === x.shape.length - 1) alongLast(sign, x, output, machine);
  else acrossRows(sign, axis, x, output, machine);
};

function alongLast(sign: 1 | -1, x: Operand, output: Operand, machine: Machine): void {
  const [size, stride] = [x.shape.at(-1)!, x.strides.at(-1)!];
  const [values, out] = [machine.array(x), elements(machine, output)];
  let line = 0;
  forEachElement(x.shape.with(-1, 1), [x], ([start]) => {
    let [best, at] = [sign * values[start!]!, 0];
    // The first NaN wins, and nothing wins over it.
    for (let i = 1; i < size && best === best; i++) {
      const value = sign * values[start! + i * stride]!;
      if (value <= best) continue;
      best = value;
      at = i;
    }
    out[line++] = at;
  });
}

function acrossRows(sign: 1 | -1, axis: number, x: Operand, output: Operand, machine: Machine): void {
  const [size, stride] = [x.shape[axis]!, x.strides[axis]!];
  const [count, step] = [x.shape.at(-1)!, x.strides.at(-1)!];
  const [values, out] = [machine.array(x), elements(machine, output).fill(0)];
  const best = new Float64Array(count);
  let row = 0;
  forEachElement(x.shape.with(axis, 1).with(-1, 1), [x], ([start]) => {
    for (let j = 0; j < count; j++) best[j] = sign * values[start! + j * step]!;
    for (let i = 1; i < size; i++) {
      const from = start! + i * stride;
      for (let j = 0; j < count; j++) {
        const value = sign * values[from + j * step]!;
        if (value <= best[j]! || best[j] !== best[j]) continue;
        best[j] = value;
        out[row + j] = i;
      }
    }
    row += count;
  });
}
