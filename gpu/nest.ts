/** Which axes a shader has to tell apart: those that lie behind one another in every operand are one. */

import { type Scalar, topological } from "../ops/scalar.ts";
import type { Shape } from "../ops/shape.ts";

/** A domain, and the strides of operands along its axes. */
export interface Nest {
  readonly shape: Shape;
  /** For each operand. */
  readonly strides: readonly (readonly number[])[];
  /** For each axis that was: the axis of the nest that it is, or −1 if it has size 1 or is a part of one. */
  readonly axisOf: readonly number[];
}

/**
 * The same domain with axes merged where every operand goes on at the end of an axis as it went along it. Axes in `kept`
 * stay as they are; those of size 1 are left out. There is at least one axis.
 */
export function collapse(
  shape: Shape,
  operands: readonly (readonly number[])[],
  kept: ReadonlySet<number> = new Set(),
): Nest {
  const sizes: number[] = [];
  const strides = operands.map((): number[] => []);
  const axisOf = new Array<number>(shape.length).fill(-1);
  let mayMerge = false;
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    const merges = mayMerge && !kept.has(axis) &&
      operands.every((operand, n) => strides[n]![last] === operand[axis]! * size);
    if (merges) {
      sizes[last]! *= size;
      operands.forEach((operand, n) => strides[n]![last] = operand[axis]!);
      const before = axisOf.indexOf(last);
      if (before >= 0) axisOf[before] = -1;
    } else {
      axisOf[axis] = sizes.push(size) - 1;
      operands.forEach((operand, n) => strides[n]!.push(operand[axis]!));
    }
    mayMerge = !kept.has(axis);
  });
  if (sizes.length === 0) {
    sizes.push(1);
    for (const list of strides) list.push(0);
  }
  return { shape: sizes, strides, axisOf };
}

/** The axes along which bodies read positions. */
export function indexedAxes(bodies: readonly Scalar[]): ReadonlySet<number> {
  const axes = new Set<number>();
  for (const body of bodies) for (const node of topological(body)) if (node.op === "index") axes.add(node.axis);
  return axes;
}

/** The inputs that bodies read, by their index. */
export function readInputs(bodies: readonly Scalar[]): ReadonlySet<number> {
  const found = new Set<number>();
  for (const body of bodies) for (const node of topological(body)) if (node.op === "input") found.add(node.index);
  return found;
}

/** Whether rows of the last axis can be taken four elements at once: all start at multiples of four, or stand still. */
export function takesFours({ shape, strides }: Nest, offsets: readonly number[]): boolean {
  if (shape.at(-1)! % 4 !== 0) return false;
  return strides.every((list, n) => {
    if (list.at(-1) === 0) return true;
    return list.at(-1) === 1 && offsets[n]! % 4 === 0 && list.slice(0, -1).every((stride) => stride % 4 === 0);
  });
}
