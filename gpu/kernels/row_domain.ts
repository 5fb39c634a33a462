/** Domains whose rows lie along one axis, with all other axes merged where operands allow it. */

import { collapse, indexedAxes, readInputs } from "../nest.ts";
import type { Place } from "../../jit/place.ts";
import type { Scalar } from "../../ops/scalar.ts";
import { dropAxes, rowMajor, type Shape } from "../../ops/shape.ts";

export interface Domain {
  readonly shape: readonly number[];
  /** That of the rows. */
  readonly axis: number;
  /** Of each operand. */
  readonly strides: readonly (readonly number[])[];
  readonly offsets: readonly number[];
  /** For each axis that bodies know: the axis here, or −1 if its size is 1. */
  readonly axisOf: readonly number[];
}

/** Row-major results of rows as their elements see them: still along the reduced axes. */
export function acrossRows(shape: Shape, axes: readonly number[]): number[] {
  return rowMajor(dropAxes(shape, axes, true)).map((stride, axis) => axes.includes(axis) ? 0 : stride);
}

/** Strides along the axes of a domain of what has results of its rows in row-major order. */
export function strideOfRows({ shape, axis }: Pick<Domain, "shape" | "axis">): number[] {
  return acrossRows(shape, [axis]);
}

/**
 * The domain of inputs reduced over axes: its rows lie along the longest of these, and `left` are the others. `further`
 * are strides of outputs.
 */
export function rowDomain(
  shape: Shape,
  axes: readonly number[],
  inputs: readonly Place[],
  bodies: readonly Scalar[],
  further: readonly (readonly number[])[] = [],
): { readonly domain: Domain; readonly left: readonly number[] } {
  const read = readInputs(bodies);
  const still = shape.map(() => 0);
  const own = inputs.map((x, n) => read.has(n) ? x.strides : still);
  const nest = collapse(shape, [...own, ...further, acrossRows(shape, axes)], indexedAxes(bodies));
  const rowAxes = [...nest.shape.keys()].filter((axis) => nest.strides.at(-1)![axis] === 0);
  // Elements that are rows of their own lie along an axis of size 1.
  const isAlone = rowAxes.length === 0;
  const axis = isAlone ? nest.shape.length : rowAxes.reduce((a, b) => nest.shape[b]! >= nest.shape[a]! ? b : a);
  return {
    domain: {
      shape: isAlone ? [...nest.shape, 1] : nest.shape,
      axis,
      strides: nest.strides.slice(0, -1).map((list) => isAlone ? [...list, 0] : list),
      offsets: [...inputs.map((x, n) => read.has(n) ? x.offset : 0), ...further.map(() => 0)],
      axisOf: nest.axisOf,
    },
    left: rowAxes.filter((a) => a !== axis),
  };
}
