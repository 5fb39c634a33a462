/** The reference's loops: over the elements of strided arrays, and over the cells of sliding windows. */

import { contiguous, type Shape, sizeOf, type Strided } from "../ops/shape.ts";

/** Called with the offset of the present element in each operand, and its index. Both arrays are reused. */
export type Visit = (offsets: Int32Array, index: Int32Array) => void;

/** Visits the elements of `shape` in row-major order. Only the operands' strides and offsets matter, not their shapes. */
export function forEachElement(shape: Shape, operands: readonly Strided[], visit: Visit): void {
  if (sizeOf(shape) === 0) return;
  const index = new Int32Array(shape.length);
  const offsets = Int32Array.from(operands, (s) => s.offset);
  // What each operand moves by where an axis advances and those after it go back to 0.
  const steps = shape.map((_, axis) =>
    Int32Array.from(operands, ({ strides }) => {
      let step = strides[axis]!;
      for (let later = axis + 1; later < shape.length; later++) step -= (shape[later]! - 1) * strides[later]!;
      return step;
    })
  );
  for (;;) {
    visit(offsets, index);
    let axis = shape.length - 1;
    while (axis >= 0 && ++index[axis]! === shape[axis]) index[axis--] = 0;
    if (axis < 0) return;
    const step = steps[axis]!;
    for (let n = 0; n < step.length; n++) offsets[n]! += step[n]!;
  }
}

/** Windows that slide over the spatial axes of an array `[batch, …spatial, channels]`. */
export interface Windows {
  readonly batch: number;
  /** Sizes of the spatial axes: of the array, of the windows' positions, and of a window. */
  readonly input: Shape;
  readonly output: Shape;
  readonly window: Shape;
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
}

/** What an array is indexed by: the cells under the windows, the windows, or the cells of any one window. */
export type WindowRelation = "input" | "output" | "window";

/** An array `[batch, …, channels]`, or `[…window, …]`. */
export interface Windowed {
  readonly over: WindowRelation;
  readonly source: Strided;
}

/**
 * Visits each cell of each window that is no padding, window by window. The offsets are those of channel 0 of each
 * operand and, last, the cell's row-major position in its window.
 */
export function forEachTap(
  windows: Windows,
  operands: readonly Windowed[],
  visit: (offsets: Int32Array) => void,
): void {
  const { batch, input, output, window, strides, dilation, padding } = windows;
  const rank = window.length;
  const position: Windowed = { over: "window", source: contiguous(window) };
  const walked = [...operands, position].map(({ over, source }): Strided => {
    const still = window.map(() => 0);
    if (over === "window") {
      return { shape: [], strides: [0, ...still, ...source.strides.slice(0, rank)], offset: source.offset };
    }
    const [ofBatch, ...spatial] = source.strides.slice(0, rank + 1) as [number, ...number[]];
    if (over === "output") return { shape: [], strides: [ofBatch, ...spatial, ...still], offset: source.offset };
    return {
      shape: [],
      strides: [ofBatch, ...spatial.map((n, d) => n * strides[d]!), ...spatial.map((n, d) => n * dilation[d]!)],
      offset: spatial.reduce((offset, n, d) => offset - n * padding[d]![0], source.offset),
    };
  });
  forEachElement([batch, ...output, ...window], walked, (offsets, index) => {
    for (let d = 0; d < rank; d++) {
      const at = index[1 + d]! * strides[d]! + index[1 + rank + d]! * dilation[d]! - padding[d]![0];
      if (at < 0 || at >= input[d]!) return;
    }
    visit(offsets);
  });
}
