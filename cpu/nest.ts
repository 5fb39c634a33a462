/** Loop nests over strided operands: axes that can be walked as one are merged, and code is written for the rest. */

import { type FunctionBuilder, i32, type Local } from "./assembler.ts";
import type { Operand } from "./machine.ts";

/** An operand as a nest walks it: its first element's address, and bytes from one element to the next along each axis. */
export interface Walker {
  readonly address: number;
  readonly strides: readonly number[];
  readonly elementBytes: number;
}

/** Axes from outermost to innermost, with the operands' strides in bytes. */
export interface NestAxis {
  readonly size: number;
  readonly strides: readonly number[];
}

/** How an operand moves along the innermost axis. */
export type Walk = "contiguous" | "constant" | "strided";

export function walkerOf({ address, offset, strides }: Operand, elementBytes: number): Walker {
  const inBytes = new Array<number>(strides.length);
  for (let axis = 0; axis < strides.length; axis++) inBytes[axis] = strides[axis]! * elementBytes;
  return { address: address + offset * elementBytes, strides: inBytes, elementBytes };
}

/**
 * The axes to walk: those of size 1 are left out, and an axis is merged with the one outside it where every operand goes
 * on at the end of the inner axis as it went along it. There is at least one. `order` lists them, outermost first.
 */
export function collapse(
  sizes: readonly number[],
  walkers: readonly Walker[],
  order: Iterable<number> = sizes.keys(),
): NestAxis[] {
  const axes: NestAxis[] = [];
  for (const axis of order) {
    const size = sizes[axis]!;
    if (size === 1) continue;
    const outer = axes.at(-1);
    const strides: number[] = [];
    let merges = outer !== undefined;
    for (let n = 0; n < walkers.length; n++) {
      const stride = walkers[n]!.strides[axis]!;
      strides.push(stride);
      merges &&= outer!.strides[n] === stride * size;
    }
    if (merges) axes[axes.length - 1] = { size: outer!.size * size, strides };
    else axes.push({ size, strides });
  }
  if (axes.length === 0) axes.push({ size: 1, strides: walkers.map((w) => w.elementBytes) });
  return axes;
}

/** Axes from the largest steps through memory to the smallest. */
export function orderByStride(rank: number, walkers: readonly Walker[]): number[] {
  const order: number[] = [];
  const steps: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    order.push(axis);
    steps.push(walkers.reduce((sum, { strides }) => sum + Math.abs(strides[axis]!), 0));
  }
  return order.sort((a, b) => steps[b]! - steps[a]!);
}

/** How each operand walks along an axis. One step along an axis of size 1 is like any other. */
export function walksAlong({ size, strides }: NestAxis, walkers: readonly Walker[]): Walk[] {
  return walkers.map(({ elementBytes }, n) =>
    size === 1 || strides[n] === elementBytes ? "contiguous" : strides[n] === 0 ? "constant" : "strided"
  );
}

/**
 * The arguments of a function whose parameters are a `NestParameters`. Unless `innerStays`, the code walks the operands
 * along the innermost axis, and the steps of the next one take them back.
 */
export function nestArguments(
  axes: readonly NestAxis[],
  walkers: readonly Walker[],
  walks: readonly Walk[],
  innerStays = false,
): number[] {
  const last = axes.length - 1;
  const inner = axes[last]!;
  const out = walkers.map((w) => w.address);
  out.push(inner.size);
  inner.strides.forEach((stride, n) => walks[n] === "strided" && out.push(stride));
  for (let axis = 0; axis < last; axis++) {
    const within = axes[axis + 1]!;
    const walked = innerStays && axis + 1 === last ? 0 : within.size;
    out.push(axes[axis]!.size);
    for (let n = 0; n < walkers.length; n++) out.push(axes[axis]!.strides[n]! - walked * within.strides[n]!);
  }
  return out;
}

/** An axis of a nest in code: how often it turns, and what each operand then moves by. */
export interface Loop {
  readonly size: Local;
  readonly steps: readonly Local[];
}

/** The parameters of a kernel's function; there are `count` of them. */
export interface NestParameters {
  readonly pointers: readonly Local[];
  readonly innerSize: Local;
  /** Bytes between elements along the innermost axis; a parameter for strided operands alone. */
  readonly innerStrides: readonly (Local | null)[];
  /** All axes but the innermost. */
  readonly outer: readonly Loop[];
  readonly count: number;
}

export function nestParameters(rank: number, walks: readonly Walk[]): NestParameters {
  let count = 0;
  const next = (): Local => count++;
  const pointers = walks.map(next);
  const innerSize = next();
  const innerStrides = walks.map((walk) => walk === "strided" ? next() : null);
  const outer = Array.from({ length: rank - 1 }, () => ({ size: next(), steps: walks.map(next) }));
  return { pointers, innerSize, innerStrides, outer, count };
}

/** Turns all loops, whose sizes are at least 1, outermost first, and moves the pointers by the steps. */
export function writeLoops(
  f: FunctionBuilder,
  loops: readonly Loop[],
  pointers: readonly Local[],
  body: () => void,
): void {
  const [loop, ...within] = loops;
  if (loop === undefined) return body();
  const left = f.local(i32);
  f.get(loop.size).set(left);
  f.loop(() => {
    writeLoops(f, within, pointers, body);
    pointers.forEach((pointer, n) => f.get(pointer).get(loop.steps[n]!).op("i32.add").set(pointer));
    f.get(left).i32(1).op("i32.sub").tee(left).brIf(0);
  });
}
