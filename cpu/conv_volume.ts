/** Volumes `[batch, z, y, x, channels]` in WebAssembly memory, and the tables by which the register tiles read them. */

import { isContiguous, rowMajor, sizeOf } from "../ops/shape.ts";
import { type Contraction, contractionOf } from "./contraction.ts";
import type { AxisPlan, GatherAxis } from "./conv_axes.ts";
import { copyStrided } from "./copy.ts";
import type { Machine, Operand } from "./machine.ts";

export type Three<T> = readonly [T, T, T];
export type Allocate = (bytes: number) => number;

/** Channels are contiguous; steps are in bytes. */
export interface Volume {
  readonly address: number;
  readonly batch: number;
  readonly channels: number;
  readonly batchStep: number;
  readonly steps: Three<number>;
}

/** A table of byte offsets to `start`, one for each of `count` rows. */
export interface Rows {
  readonly start: number;
  readonly table: number;
  readonly count: number;
}

/** A table of byte offsets to a row, one for each of its `count` pieces of `run` contiguous floats. */
export interface Pieces {
  readonly table: number;
  readonly count: number;
  readonly run: number;
}

/** The tile for the kernel's gradient reads up to three floats past the end of a run. */
const slackBytes = 16;

/** Axes of size 1 in front of the spatial ones (after `leading` others) until there are three. `trailing` axes follow them. */
export function withThreeAxes(s: Operand, leading: number, trailing: number): Operand {
  const missing = leading + 3 + trailing - s.shape.length;
  const insert = (values: readonly number[], value: number): number[] => [
    ...values.slice(0, leading),
    ...new Array<number>(missing).fill(value),
    ...values.slice(leading),
  ];
  return { ...s, shape: insert(s.shape, 1), strides: insert(s.strides, 0) };
}

export function volumeAt(address: number, shape: readonly number[]): Volume {
  const [batch, , , , channels] = shape as [number, number, number, number, number];
  const [batchStep, z, y, x] = rowMajor(shape).map((stride) => 4 * stride) as [number, number, number, number];
  return { address, batch, channels, batchStep, steps: [z, y, x] };
}

/** The address of the operand's elements in row-major order: its own, or that of a copy. */
export function contiguousAddress(machine: Machine, allocate: Allocate, s: Operand): number {
  const address = s.address + 4 * s.offset;
  if (isContiguous(s)) return address;
  const copy = allocate(4 * sizeOf(s.shape));
  const target = { address: copy, strides: rowMajor(s.shape) };
  copyStrided(contractionOf(machine).copy, s.shape, target, { address, strides: s.strides });
  return copy;
}

/** The source `[batch, z, y, x, channels]` of a gather with the padding it needs; the operand itself where that will do. */
export function paddedVolume(
  machine: Machine,
  kernels: Contraction,
  allocate: Allocate,
  x: Operand,
  plans: Three<AxisPlan>,
): Volume {
  const [batch, , , , channels] = x.shape as [number, number, number, number, number];
  const shape = [batch, ...plans.map(({ low, size, high }) => low + size + high), channels];
  const address = x.address + 4 * x.offset;
  const bytes = 4 * sizeOf(shape);
  const padded = isPadded(plans);
  if (!padded && isContiguous(x) && address + bytes + slackBytes <= machine.memory.buffer.byteLength) {
    return volumeAt(address, shape);
  }
  const volume = volumeAt(allocate(bytes + slackBytes), shape);
  if (padded) kernels.clear(volume.address, bytes / 4);
  const first = plans.reduce((at, { low }, axis) => at + low * volume.steps[axis]!, volume.address);
  copyStrided(kernels.copy, x.shape, { address: first, strides: rowMajor(shape) }, { address, strides: x.strides });
  return volume;
}

export function isPadded(plans: Three<AxisPlan>): boolean {
  return plans.some(({ low, high }) => low + high > 0);
}

/** Where the first tap of each of the target's cells lies in the source. */
export function sourceRows(kernels: Contraction, allocate: Allocate, source: Volume, parts: Three<GatherAxis>): Rows {
  return rowsOf(kernels, allocate, source, parts.map((p) => ({ ...p, first: p.source, step: p.sourceStep })));
}

/** Where the target's cells lie. */
export function targetRows(kernels: Contraction, allocate: Allocate, target: Volume, parts: Three<GatherAxis>): Rows {
  return rowsOf(kernels, allocate, target, parts.map((p) => ({ ...p, first: p.target, step: p.targetStep })));
}

function rowsOf(
  kernels: Contraction,
  allocate: Allocate,
  { address, batch, batchStep, steps }: Volume,
  axes: readonly { readonly count: number; readonly first: number; readonly step: number }[],
): Rows {
  const [z, y, x] = axes.map(({ count }) => count) as [number, number, number];
  const [stepZ, stepY, stepX] = axes.map(({ step }, axis) => step * steps[axis]!) as [number, number, number];
  const count = batch * z * y * x;
  const table = allocate(4 * count);
  kernels.offsets(table, batch, z, y, x, batchStep, stepZ, stepY, stepX);
  return { start: axes.reduce((at, { first }, axis) => at + first * steps[axis]!, address), table, count };
}

/** The taps of a row, each `channels` of the source's channels; neighbours along x are one piece where they touch. */
export function piecesOf(
  kernels: Contraction,
  allocate: Allocate,
  { channels: all, steps }: Volume,
  parts: Three<GatherAxis>,
  channels: number,
): Pieces {
  const [z, y, x] = parts.map(({ positions }) => positions.length) as [number, number, number];
  const [stepZ, stepY, stepX] = parts.map(({ tapStep }, axis) => tapStep * steps[axis]!) as [number, number, number];
  const joined = parts[2].tapStep === 1 && channels === all && x > 0 ? x : 1;
  const count = z * y * (x / joined);
  const table = allocate(4 * count);
  kernels.offsets(table, 1, z, y, x / joined, 0, stepZ, stepY, stepX);
  return { table, count, run: joined * channels };
}
