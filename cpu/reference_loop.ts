/** The reference's loops around rows: stage after stage over all rows, then output after output. */

import { allocateArray } from "../ops/dtype.ts";
import { contiguous, dropAxes, type Shape, sizeOf, type Strided } from "../ops/shape.ts";
import type { LoopImplementation } from "./machine.ts";
import { elements, totalsOf } from "./reference_reduce.ts";
import { compileScalar } from "./reference_scalar.ts";
import { forEachElement } from "./reference_walk.ts";

export const loop: LoopImplementation = ({ shape, axes, stages, outputs }, inputs, outs, machine) => {
  const kept = dropAxes(shape, axes, true);
  const rows = acrossRows(shape, axes);
  const results = stages.map(({ body: { dtype } }) => allocateArray(dtype, sizeOf(kept)));
  const arrays = [...results, ...inputs.map((x) => machine.array(x))];
  const operands = [...results.map(() => rows), ...inputs];
  stages.forEach(({ combiner, body }, k) => {
    const totals = totalsOf(combiner, body.dtype, sizeOf(kept));
    const evaluate = compileScalar(body, arrays);
    forEachElement(shape, [...operands, rows], (offsets, index) => {
      totals.add(offsets[operands.length]!, evaluate(offsets, index));
    });
    results[k]!.set(totals.finish());
  });
  outputs.forEach(({ body, perRow }, n) => {
    const out = elements(machine, outs[n]!);
    const evaluate = compileScalar(body, arrays);
    let at = 0;
    forEachElement(perRow ? kept : shape, operands, (offsets, index) => {
      out[at++] = evaluate(offsets, index);
    });
  });
};

/** Results of rows as the elements of the domain see them: still along the reduced axes. */
function acrossRows(shape: Shape, axes: readonly number[]): Strided {
  const { strides } = contiguous(dropAxes(shape, axes, true));
  return { shape, strides: strides.map((stride, axis) => axes.includes(axis) ? 0 : stride), offset: 0 };
}
