/**
 * Convolution of every channel with a kernel of its own: no sum over channels, so vectors run along them. Rows and taps
 * are tables of byte offsets, as in tile.ts; weights are `[taps, channels]`.
 */

import { FunctionBuilder, i32, type Local, v128, type ValueType } from "./assembler.ts";
import {
  countDown,
  forEachGroup,
  fourLanes,
  type Group,
  multiplyAdd,
  newLocals,
  oneLane,
  parameters,
} from "./loops.ts";

/** `target[i, c] (+)= Σ_t source[i, t, c]·weights[t, c]` */
export type DepthwiseRows = (
  source: number,
  rows: number,
  rowCount: number,
  taps: number,
  tapCount: number,
  weights: number,
  channels: number,
  target: number,
  targets: number,
  accumulate: number,
) => void;

/** `target[i, t, c] += source[i, c]·weights[t, c]` */
export type DepthwiseSpread = (
  source: number,
  rows: number,
  rowCount: number,
  taps: number,
  tapCount: number,
  weights: number,
  channels: number,
  target: number,
  targets: number,
) => void;

/** `weights[t, c] (+)= Σ_i source[i, t, c]·g[i, c]`, the rows of g one after another. */
export type DepthwiseTaps = (
  source: number,
  rows: number,
  rowCount: number,
  taps: number,
  tapCount: number,
  g: number,
  channels: number,
  weights: number,
  accumulate: number,
) => void;

const groups: readonly Group[] = [
  { width: fourLanes, vectors: 4 },
  { width: fourLanes, vectors: 1 },
  { width: oneLane, vectors: 1 },
];

/** The sums of a group of channels, and one factor. */
function declareSums(f: FunctionBuilder): { readonly sums: readonly Local[]; readonly x: Local; readonly y: Local } {
  return { sums: f.locals(v128, 4), x: f.local(v128), y: f.local(v128) };
}

/** Stores the sums of a group at `pointer`, or adds them to what is there. */
function storeSums(
  f: FunctionBuilder,
  { width, vectors }: Group,
  sums: readonly Local[],
  pointer: Local,
  accumulate: Local,
): void {
  sums.slice(0, vectors).forEach((sum, i) => {
    f.get(accumulate).if(() => width.load(f.get(pointer), 16 * i).get(sum).op("f32x4.add").set(sum));
    width.store(f.get(pointer).get(sum), 16 * i);
  });
}

export function depthwiseRows(relaxed: boolean): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(10).fill(i32));
  const [source, rows, rowCount, taps, tapCount, weights, channels, target, targets, accumulate] = parameters(10);
  const [at, start, tap, left, from, weight, to] = newLocals(f, i32, 7);
  const { sums, x, y } = declareSums(f);
  countDown(f, rowCount, () => {
    forEachGroup(f, groups, channels, at, (group) => {
      const used = sums.slice(0, group.vectors);
      for (const sum of used) f.f32x4(0).set(sum);
      f.get(source).get(rows).memory("i32.load").op("i32.add").get(at).op("i32.add").set(start);
      f.get(weights).get(at).op("i32.add").set(weight).get(taps).set(tap).get(tapCount).set(left);
      countDown(f, left, () => {
        f.get(start).get(tap).memory("i32.load").op("i32.add").set(from);
        used.forEach((sum, i) => {
          group.width.load(f.get(from), 16 * i).set(x);
          group.width.load(f.get(weight), 16 * i).set(y);
          multiplyAdd(f, x, y, sum, relaxed);
        });
        f.increment(tap, 4).get(weight).get(channels).i32(2).op("i32.shl").op("i32.add").set(weight);
      });
      f.get(target).get(targets).memory("i32.load").op("i32.add").get(at).op("i32.add").set(to);
      storeSums(f, group, used, to, accumulate);
    });
    f.increment(rows, 4).increment(targets, 4);
  });
  return f;
}

export function depthwiseSpread(relaxed: boolean): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(9).fill(i32));
  const [source, rows, rowCount, taps, tapCount, weights, channels, target, targets] = parameters(9);
  const [at, from, start, tap, left, weight, to] = newLocals(f, i32, 7);
  const values = f.locals(v128, 4);
  const [weightVector, sum] = newLocals(f, v128, 2);
  countDown(f, rowCount, () => {
    forEachGroup(f, groups, channels, at, ({ width, vectors }) => {
      const used = values.slice(0, vectors);
      f.get(source).get(rows).memory("i32.load").op("i32.add").get(at).op("i32.add").set(from);
      used.forEach((value, i) => width.load(f.get(from), 16 * i).set(value));
      f.get(target).get(targets).memory("i32.load").op("i32.add").get(at).op("i32.add").set(start);
      f.get(weights).get(at).op("i32.add").set(weight).get(taps).set(tap).get(tapCount).set(left);
      countDown(f, left, () => {
        f.get(start).get(tap).memory("i32.load").op("i32.add").set(to);
        used.forEach((value, i) => {
          width.load(f.get(weight), 16 * i).set(weightVector);
          width.load(f.get(to), 16 * i).set(sum);
          multiplyAdd(f, value, weightVector, sum, relaxed);
          width.store(f.get(to).get(sum), 16 * i);
        });
        f.increment(tap, 4).get(weight).get(channels).i32(2).op("i32.shl").op("i32.add").set(weight);
      });
    });
    f.increment(rows, 4).increment(targets, 4);
  });
  return f;
}

export function depthwiseTaps(relaxed: boolean): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(9).fill(i32));
  const [source, rows, rowCount, taps, tapCount, g, channels, weights, accumulate] = parameters(9);
  const [at, start, row, left, from, factor, to] = newLocals(f, i32, 7);
  const { sums, x, y } = declareSums(f);
  countDown(f, tapCount, () => {
    forEachGroup(f, groups, channels, at, (group) => {
      const used = sums.slice(0, group.vectors);
      for (const sum of used) f.f32x4(0).set(sum);
      f.get(source).get(taps).memory("i32.load").op("i32.add").get(at).op("i32.add").set(start);
      f.get(g).get(at).op("i32.add").set(factor).get(rows).set(row).get(rowCount).set(left);
      countDown(f, left, () => {
        f.get(start).get(row).memory("i32.load").op("i32.add").set(from);
        used.forEach((sum, i) => {
          group.width.load(f.get(from), 16 * i).set(x);
          group.width.load(f.get(factor), 16 * i).set(y);
          multiplyAdd(f, x, y, sum, relaxed);
        });
        f.increment(row, 4).get(factor).get(channels).i32(2).op("i32.shl").op("i32.add").set(factor);
      });
      f.get(weights).get(at).op("i32.add").set(to);
      storeSums(f, group, used, to, accumulate);
    });
    f.increment(taps, 4).get(weights).get(channels).i32(2).op("i32.shl").op("i32.add").set(weights);
  });
  return f;
}
