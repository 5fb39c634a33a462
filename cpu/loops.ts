/** The loops and vector idioms that hand-written kernels are made of. */

import { type FunctionBuilder, i32, type Local, type ValueType } from "./assembler.ts";

type Locals<N extends number, Found extends Local[] = []> = Found["length"] extends N ? Found
  : Locals<N, [...Found, Local]>;

/** The parameters of a function that has `n`, for destructuring. */
export function parameters<N extends number>(n: N): Locals<N> {
  return Array.from({ length: n }, (_, index) => index) as Locals<N>;
}

/** `n` new locals, for destructuring. */
export function newLocals<N extends number>(f: FunctionBuilder, type: ValueType, n: N): Locals<N> {
  return f.locals(type, n) as Locals<N>;
}

/** Repeats the body while the counter, which it consumes, is positive; each turn takes `step` from it. */
export function countDown(f: FunctionBuilder, counter: Local, body: () => void, step = 1): void {
  f.block(() => {
    f.get(counter).i32(0).op("i32.le_s").brIf(0);
    f.loop(() => {
      body();
      f.get(counter).i32(step).op("i32.sub").tee(counter).i32(0).op("i32.gt_s").brIf(0);
    });
  });
}

/** `local += other` */
export function advance(f: FunctionBuilder, local: Local, other: Local): void {
  f.get(local).get(other).op("i32.add").set(local);
}

/** Pushes the smaller of a signed local and a constant. */
export function atMost(f: FunctionBuilder, local: Local, limit: number): void {
  f.get(local).i32(limit).get(local).i32(limit).op("i32.lt_s").op("select");
}

/** `accumulator += a·b`, fused where `relaxed` and the machine can; the one place that knows. */
export function multiplyAdd(f: FunctionBuilder, a: Local, b: Local, accumulator: Local, relaxed: boolean): void {
  if (relaxed) f.get(a).get(b).get(accumulator).op("f32x4.relaxed_madd").set(accumulator);
  else f.get(accumulator).get(a).get(b).op("f32x4.mul").op("f32x4.add").set(accumulator);
}

/** Transposes four vectors in place, as a 4x4 matrix of 32-bit lanes. */
export function transpose4(f: FunctionBuilder, rows: readonly Local[], scratch: readonly Local[]): void {
  const [a, b, c, d] = rows as [Local, Local, Local, Local];
  const [ab, cd] = scratch as [Local, Local];
  f.get(a).get(b).shuffle32([0, 4, 1, 5]).set(ab);
  f.get(c).get(d).shuffle32([0, 4, 1, 5]).set(cd);
  // The high halves before a and c are overwritten.
  f.get(a).get(b).shuffle32([2, 6, 3, 7]).set(b);
  f.get(c).get(d).shuffle32([2, 6, 3, 7]).set(d);
  f.get(ab).get(cd).shuffle32([0, 1, 4, 5]).set(a);
  f.get(ab).get(cd).shuffle32([2, 3, 6, 7]).set(ab);
  f.get(b).get(d).shuffle32([0, 1, 4, 5]).set(c);
  f.get(b).get(d).shuffle32([2, 3, 6, 7]).set(d);
  f.get(ab).set(b);
}

/** So many 32-bit elements in the first lanes of a vector: how they are loaded and stored. */
export interface Width {
  readonly count: number;
  readonly load: (f: FunctionBuilder, offset?: number) => FunctionBuilder;
  readonly store: (f: FunctionBuilder, offset?: number) => FunctionBuilder;
}

export const fourLanes: Width = {
  count: 4,
  load: (f, offset = 0) => f.memory("v128.load", offset),
  store: (f, offset = 0) => f.memory("v128.store", offset),
};
export const twoLanes: Width = {
  count: 2,
  load: (f, offset = 0) => f.memory("v128.load64_zero", offset),
  store: (f, offset = 0) => f.laneMemory("v128.store64_lane", 0, offset),
};
export const oneLane: Width = {
  count: 1,
  load: (f, offset = 0) => f.memory("v128.load32_zero", offset),
  store: (f, offset = 0) => f.laneMemory("v128.store32_lane", 0, offset),
};

/** Neighbouring elements that are handled at once: `vectors × width.count` of them. */
export interface Group {
  readonly width: Width;
  readonly vectors: number;
}

/** Covers `count` elements with groups, widest first; `at` is the byte offset of the group's first element. */
export function forEachGroup(
  f: FunctionBuilder,
  groups: readonly Group[],
  count: Local,
  at: Local,
  body: (group: Group) => void,
): void {
  const left = f.local(i32);
  f.i32(0).set(at);
  groups.forEach((group, i) => {
    const wider = groups[i - 1];
    f.get(count);
    if (wider) f.i32(wider.width.count * wider.vectors).op("i32.rem_u");
    f.i32(group.width.count * group.vectors).op("i32.div_u").set(left);
    countDown(f, left, () => {
      body(group);
      f.increment(at, 4 * group.width.count * group.vectors);
    });
  });
}
