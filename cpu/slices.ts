/** What cuts are made of: parts of axes, slices of operands, and which of them a thread computes. */

import type { Operand } from "./machine.ts";
import type { Task } from "./record.ts";
import type { ComputeKind, KernelOf } from "../ops/kernel.ts";
import type { Shape } from "../ops/shape.ts";

/** What each thread does between two barriers. A single list is for whichever thread comes first. */
export type Round = readonly (readonly Task[])[];

export interface Context {
  readonly threads: number;
  /** Memory that the rounds of a task share: its address. */
  allocate(bytes: number): number;
}

export interface TaskOf<K extends ComputeKind> extends Task {
  readonly kernel: KernelOf<K>;
}

/** Null where a task cannot be cut, or would not gain by it. */
export type Cut<K extends ComputeKind> = (task: TaskOf<K>, context: Context) => Round[] | null;

/** A part of an axis. */
export interface Range {
  readonly axis: number;
  readonly start: number;
  readonly size: number;
}

export function slice(x: Operand, { axis, start, size }: Range): Operand {
  const origin = (x.origin ?? x.shape.map(() => 0)).with(axis, (x.origin?.[axis] ?? 0) + start);
  return { ...x, shape: x.shape.with(axis, size), offset: x.offset + start * x.strides[axis]!, origin };
}

export function sliceAll(x: Operand, ranges: readonly Range[]): Operand {
  return ranges.reduce(slice, x);
}

/** Equal parts of an axis, in multiples of `grain`. */
export function parts(axis: number, size: number, threads: number, grain: number): Range[] {
  const grains = Math.ceil(size / grain);
  const edges = Array.from({ length: threads + 1 }, (_, t) => Math.min(size, Math.round(grains * t / threads) * grain));
  return edges.slice(1).map((end, t) => ({ axis, start: edges[t]!, size: end - edges[t]! }));
}

/**
 * For each thread the slices of a row-major array that it computes, all of them contiguous: a part of the first axis
 * that is large enough, for each position along the axes before it.
 */
export function slices(shape: Shape, threads: number, grains: (axis: number) => number): Range[][][] | null {
  let positions = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    const grain = grains(axis);
    if (shape[axis]! >= 2 * threads * grain || (shape[axis]! % (threads * grain) === 0 && shape[axis]! > 0)) {
      const outer = positionsOf(shape.slice(0, axis));
      return parts(axis, shape[axis]!, threads, grain).map((part) => outer.map((position) => [...position, part]));
    }
    positions *= shape[axis]!;
    if (positions > 16) return null;
  }
  return null;
}

/** Every single position of an array. */
export function positionsOf(shape: Shape): Range[][] {
  return shape.reduce<Range[][]>(
    (before, size, axis) =>
      before.flatMap((position) => Array.from({ length: size }, (_, start) => [...position, { axis, start, size: 1 }])),
    [[]],
  );
}

/** Parts of the innermost axis are multiples of this. */
export const vectorLanes = 16;

/** Narrower parts of rows than this would have several threads read the same lines of the cache. */
export const leastRowBytes = 512;
