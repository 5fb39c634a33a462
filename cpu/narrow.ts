/** Elementwise work on rows too narrow for vectors, such as pixels of three colours: several rows are seen as one. */

import { withScratch } from "./contraction.ts";
import type { Machine, Operand } from "./machine.ts";
import { bytesPerElement } from "../ops/dtype.ts";
import { contiguous, reshapeView, type Shape, sizeOf } from "../ops/shape.ts";

/** Rows of fewer elements are narrow; wide ones have about so many. */
const [narrow, wide] = [32, 96];
/** For fewer elements it is not worth it. */
const leastElements = 4096;

/**
 * Runs elementwise work on operands of one shape, given to `run` in their order, in wide rows; false if that cannot be or
 * does not pay. What repeats from row to row is repeated in scratch memory by `copy`.
 */
export function inWideRows(
  shape: Shape,
  operands: readonly Operand[],
  machine: Machine,
  copy: (source: Operand, target: Operand) => void,
  run: (operands: readonly Operand[]) => void,
): boolean {
  const width = shape.at(-1) ?? 0;
  if (width < 2 || width >= narrow || width % 4 === 0) return false;
  if (sizeOf(shape) < leastElements) return false;
  const rows = sizeOf(shape) / width;
  const seen: Operand[] = [];
  for (const x of operands) {
    const view = reshapeView(x, [rows, width]);
    if (view === null || !(isRowMajor(view.strides, width) || view.strides[0] === 0)) return false;
    seen.push({ ...x, ...view });
  }
  // As many rows as make whole vectors.
  const whole = width % 2 === 0 ? 2 : 4;
  const together = whole * Math.ceil(wide / (whole * width));
  const count = Math.floor(rows / together);
  withScratch(machine, (allocate) => {
    run(seen.map((x): Operand => {
      const shape = [count, together * width];
      if (isRowMajor(x.strides, width)) return { ...x, ...contiguous(shape, x.offset) };
      if (x.strides[1] === 0) return { ...x, shape, strides: [0, 0] };
      const length = together * width;
      const address = allocate(length * bytesPerElement(x.dtype));
      const repeated = { dtype: x.dtype, address, length, ...contiguous([together, width]) };
      copy({ ...x, shape: [together, width] }, repeated);
      return { ...repeated, shape, strides: [0, 1] };
    }));
  });
  const done = count * together;
  if (done < rows) {
    run(seen.map((x) => ({ ...x, shape: [rows - done, width], offset: x.offset + done * x.strides[0]! })));
  }
  return true;
}

function isRowMajor([ofRow, ofColumn]: readonly number[], width: number): boolean {
  return ofRow === width && ofColumn === 1;
}
