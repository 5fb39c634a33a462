/** Where the cells of a convolution lie: its axes, its volumes in memory, and the tables that the register tiles read. */

import type { ConvGeometry } from "../ops/kernel.ts";
import { isContiguous, rowMajor, sizeOf } from "../ops/shape.ts";
import { type Allocate, type Contraction, contractionOf } from "./contraction.ts";
import { copyStrided, rowMajorWalker } from "./copy.ts";
import type { Machine, Operand } from "./machine.ts";
import { walkerOf } from "./nest.ts";

export type Three<T> = readonly [T, T, T];

/** Output cells and taps along one axis: tap t of cell i is the padded input's cell `i·stride + t·dilation`. */
export interface ConvAxis {
  readonly stride: number;
  readonly dilation: number;
  readonly input: number;
  readonly low: number;
  readonly high: number;
  /** The cells and taps that are meant: how many, and the first. */
  readonly cells: number;
  readonly cell: number;
  readonly taps: number;
  readonly tap: number;
}

/** `[batch, z, y, x, channels]`, row-major; steps are in bytes. */
export interface Volume {
  readonly address: number;
  readonly batch: number;
  readonly channels: number;
  readonly batchStep: number;
  readonly steps: Three<number>;
}

/** A table of byte offsets to `start`. */
export interface Rows {
  readonly start: number;
  readonly table: number;
}

/** A table of byte offsets to a row, one for each of `count` pieces of `run` contiguous floats. */
export interface Pieces {
  readonly table: number;
  readonly count: number;
  readonly run: number;
  /** What the table holds for a piece. */
  readonly offsetOf: (piece: number) => number;
}

/** With axes of size 1 before the spatial ones, which follow `leading` others, until these are three. */
export function withThreeAxes(s: Operand, leading: 0 | 1): Operand {
  // Arrays of cells are [batch, …spatial, channels], kernels [...spatial, channels, features].
  const missing = 5 - s.shape.length;
  const insert = (values: readonly number[], value: number): number[] => [
    ...values.slice(0, leading),
    ...new Array<number>(missing).fill(value),
    ...values.slice(leading),
  ];
  return { ...s, shape: insert(s.shape, 1), strides: insert(s.strides, 0) };
}

export function convAxes(
  { strides, dilation, padding }: ConvGeometry,
  x: Operand,
  w: Operand,
  g: Operand,
): Three<ConvAxis> {
  const missing = 3 - strides.length;
  return map3([0, 1, 2], (axis) => {
    const [low, high] = padding[axis - missing] ?? [0, 0];
    return {
      stride: strides[axis - missing] ?? 1,
      dilation: dilation[axis - missing] ?? 1,
      input: x.shape[1 + axis]!,
      low,
      high,
      cells: g.shape[1 + axis]!,
      cell: 0,
      taps: w.shape[axis]!,
      tap: 0,
    };
  });
}

export function map3<T, R>([z, y, x]: Three<T>, f: (value: T) => R): Three<R> {
  return [f(z), f(y), f(x)];
}

export function isPadded(axes: Three<ConvAxis>): boolean {
  return axes.some(({ low, high }) => low + high > 0);
}

/** Each tap by itself, in order, with those cells alone where it is no padding. */
export function realTaps([z, y, x]: Three<ConvAxis>): Three<ConvAxis>[] {
  return tapsAlong(z).flatMap((a) => tapsAlong(y).flatMap((b) => tapsAlong(x).map((c): Three<ConvAxis> => [a, b, c])));
}

function tapsAlong(axis: ConvAxis): ConvAxis[] {
  return Array.from({ length: axis.taps }, (_, tap) => {
    const firstReal = axis.low - tap * axis.dilation;
    const cell = Math.max(0, Math.ceil(firstReal / axis.stride));
    const end = Math.min(axis.cells, Math.ceil((firstReal + axis.input) / axis.stride));
    return { ...axis, cell, cells: Math.max(0, end - cell), tap, taps: 1 };
  });
}

export function volumeAt(address: number, shape: readonly number[]): Volume {
  const [batch, , , , channels] = shape as [number, number, number, number, number];
  const [batchStep, z, y, x] = rowMajor(shape).map((stride) => 4 * stride) as [number, number, number, number];
  return { address, batch, channels, batchStep, steps: [z, y, x] };
}

/** The shape of x with its padding. */
export function paddedShape(x: Operand, axes: Three<ConvAxis>): number[] {
  return [x.shape[0]!, ...axes.map(({ low, input, high }) => low + input + high), x.shape[4]!];
}

/** The address of the first cell that is no padding. */
export function insidePadding({ address, steps }: Volume, axes: Three<ConvAxis>): number {
  return axes.reduce((at, { low }, axis) => at + low * steps[axis]!, address);
}

/** The input with its padding of zeros: a copy, or the operand itself where that will do. */
export function paddedInput(machine: Machine, allocate: Allocate, x: Operand, axes: Three<ConvAxis>): Volume {
  const shape = paddedShape(x, axes);
  const [address, bytes] = [x.address + 4 * x.offset, 4 * sizeOf(shape)];
  const padded = isPadded(axes);
  if (!padded && isContiguous(x)) return volumeAt(address, shape);
  const { copy, clear } = contractionOf(machine);
  const volume = volumeAt(allocate(bytes), shape);
  if (padded) clear(volume.address, bytes / 4);
  const inside = { ...rowMajorWalker(volume.address, shape), address: insidePadding(volume, axes) };
  copyStrided(copy, x.shape, inside, walkerOf(x, 4));
  return volume;
}

/** The address of the operand's elements in row-major order: its own, or that of a copy. */
export function contiguousAddress(machine: Machine, allocate: Allocate, s: Operand): number {
  if (isContiguous(s)) return s.address + 4 * s.offset;
  const copy = allocate(4 * sizeOf(s.shape));
  copyStrided(contractionOf(machine).copy, s.shape, rowMajorWalker(copy, s.shape), walkerOf(s, 4));
  return copy;
}

/** The number of output cells that are meant. */
export function countRows(batch: number, axes: Three<ConvAxis>): number {
  return axes.reduce((count, { cells }) => count * cells, batch);
}

/**
 * Rows come image by image in row-major order, or `apart`: in an order where the windows of neighbouring rows share no
 * row of the input, which lets them be added to without waiting for one another.
 */
export type Order = "inOrder" | "apart";

/** Where in the padded input the first tap of each output cell lies. */
export function inputRows(
  kernels: Contraction,
  allocate: Allocate,
  x: Volume,
  axes: Three<ConvAxis>,
  order: Order,
): Rows {
  const first = map3(axes, ({ cell, stride, tap, dilation }) => cell * stride + tap * dilation);
  return rowsOf(kernels, allocate, x, axes, order, first, map3(axes, ({ stride }) => stride));
}

/** Where the output cells lie. */
export function outputRows(
  kernels: Contraction,
  allocate: Allocate,
  g: Volume,
  axes: Three<ConvAxis>,
  order: Order,
): Rows {
  return rowsOf(kernels, allocate, g, axes, order, map3(axes, ({ cell }) => cell), [1, 1, 1]);
}

function rowsOf(
  { offsets }: Contraction,
  allocate: Allocate,
  { address, batch, batchStep, steps }: Volume,
  axes: Three<ConvAxis>,
  order: Order,
  first: Three<number>,
  strides: Three<number>,
): Rows {
  const table = allocate(4 * countRows(batch, axes));
  const [z, y, x] = map3(axes, ({ cells }) => cells);
  const [stepZ, stepY, stepX] = [steps[0] * strides[0], steps[1] * strides[1], steps[2] * strides[2]];
  if (order === "inOrder") offsets(table, batch, z, y, x, batchStep, stepZ, stepY, stepX);
  else if (y > 1) offsets(table, batch, z, x, y, batchStep, stepZ, stepX, stepY);
  else offsets(table, z, y, x, batch, stepZ, stepY, stepX, batchStep);
  return { start: address + first[0] * steps[0] + first[1] * steps[1] + first[2] * steps[2], table };
}

/** The taps of a row, each `channels` of the input's channels; neighbours along x are one piece where they touch. */
export function piecesOf(
  { offsets }: Contraction,
  allocate: Allocate,
  { channels: all, steps }: Volume,
  axes: Three<ConvAxis>,
  channels: number,
): Pieces {
  const [z, y, x] = map3(axes, ({ taps }) => taps);
  const [stepZ, stepY, stepX] = axes.map(({ dilation }, axis) => dilation * steps[axis]!) as [number, number, number];
  const joined = axes[2].dilation === 1 && channels === all ? x : 1;
  const count = z * y * (x / joined);
  const table = allocate(4 * count);
  const pieces = x / joined;
  offsets(table, 1, z, y, pieces, 0, stepZ, stepY, stepX);
  const offsetOf = (piece: number): number =>
    Math.floor(piece / (y * pieces)) * stepZ + Math.floor(piece / pieces) % y * stepY + piece % pieces * stepX;
  return { table, count, run: joined * channels, offsetOf };
}
