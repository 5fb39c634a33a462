/** Reading and writing operands four elements at a time, whatever their dtype and stride. */

import type { FunctionBuilder, Local } from "./assembler.ts";
import type { Lanes } from "./lanes.ts";
import type { NestParameters, Walk } from "./nest.ts";
import type { LaneType } from "./vector.ts";

/**
 * An operand being walked along the innermost axis. A pseudo-operand of type `index` has no memory: its address is a
 * position along an axis of the output. Strided cursors move as they are read or written; contiguous ones by `advance`.
 */
export interface Cursor {
  readonly type: CursorType;
  readonly walk: Walk;
  readonly pointer: Local;
  /** Bytes between elements, if strided. */
  readonly stride: Local | null;
}

export type CursorType = LaneType | "index";

export function cursorsOf(types: readonly CursorType[], walks: readonly Walk[], nest: NestParameters): Cursor[] {
  return types.map((type, n) => ({
    type,
    walk: walks[n]!,
    pointer: nest.pointers[n]!,
    stride: nest.innerStrides[n]!,
  }));
}

export function elementBytes(type: CursorType): number {
  return type === "bool" || type === "index" ? 1 : 4;
}

/** Moves contiguous cursors on by a number of elements, or by as many as a local says. */
export function advance(
  f: FunctionBuilder,
  cursors: readonly Cursor[],
  elements: number | { readonly local: Local },
): void {
  for (const { type, walk, pointer } of cursors) {
    if (walk !== "contiguous") continue;
    if (typeof elements === "number") f.increment(pointer, elements * elementBytes(type));
    else f.get(pointer).get(elements.local).i32(elementBytes(type)).op("i32.mul").op("i32.add").set(pointer);
  }
}

/** Moves all cursors, but constant ones, by the number of elements in a local, which may be negative. */
export function move(f: FunctionBuilder, cursors: readonly Cursor[], elements: Local): void {
  for (const { type, walk, pointer, stride } of cursors) {
    if (walk === "constant") continue;
    f.get(pointer).get(elements);
    if (stride === null) f.i32(elementBytes(type));
    else f.get(stride);
    f.op("i32.mul").op("i32.add").set(pointer);
  }
}

/** The element of a constant operand in all lanes. */
export function loadConstant(v: Lanes, { type, pointer }: Cursor): Local {
  v.f.get(pointer);
  if (type === "index") v.f.op("i32x4.splat");
  else if (type === "bool") v.f.memory("i32.load8_u").op("i32x4.splat").op("i32x4.neg");
  else v.f.memory("v128.load32_splat");
  return v.take();
}

/** The next four elements; of a contiguous cursor, those that lie `ahead` vectors further on. */
export function load(v: Lanes, cursor: Cursor, ahead = 0): Local {
  const { type, walk, pointer } = cursor;
  if (type === "index") {
    v.f.get(pointer).op("i32x4.splat");
    return v.op("i32x4.add", v.take(), v.words(4 * ahead, 4 * ahead + 1, 4 * ahead + 2, 4 * ahead + 3));
  }
  if (walk === "strided") return loadLanes(v, cursor);
  v.f.get(pointer).memory(type === "bool" ? "v128.load32_zero" : "v128.load", 4 * elementBytes(type) * ahead);
  const value = v.take();
  return type === "bool" ? widenBools(v, value) : value;
}

/** The next elements, as many as the local `count` says: 1 to 3. Reads no others; the lanes beyond are 0. */
export function loadSome(v: Lanes, cursor: Cursor, count: Local): Local {
  return cursor.type === "index" ? load(v, cursor) : loadLanes(v, cursor, count);
}

function loadLanes(v: Lanes, cursor: Cursor, count?: Local): Local {
  const bool = cursor.type === "bool";
  const value = v.temporary();
  v.f.get(v.word(0)).set(value);
  forLanes(v.f, cursor, count, (lane, offset) => {
    v.f.get(value).laneMemory(bool ? "v128.load8_lane" : "v128.load32_lane", lane, offset).set(value);
  });
  return bool ? widenBools(v, value) : value;
}

/** Writes the next four elements; of a contiguous cursor, those that lie `ahead` vectors further on. */
export function store(v: Lanes, cursor: Cursor, value: Local, ahead = 0): void {
  const { type, walk, pointer } = cursor;
  if (walk === "strided") return storeLanes(v, cursor, value);
  const stored = type === "bool" ? narrowBools(v, value) : value;
  v.f.get(pointer).get(stored);
  if (type === "bool") v.f.laneMemory("v128.store32_lane", 0, 4 * ahead);
  else v.f.memory("v128.store", 16 * ahead);
}

/** Writes as many elements as the local `count` says: 1 to 3. */
export function storeSome(v: Lanes, cursor: Cursor, value: Local, count: Local): void {
  storeLanes(v, cursor, value, count);
}

/** Writes the first lane. */
export function storeFirst(v: Lanes, { type, pointer }: Cursor, value: Local): void {
  const stored = type === "bool" ? narrowBools(v, value) : value;
  v.f.get(pointer).get(stored).laneMemory(type === "bool" ? "v128.store8_lane" : "v128.store32_lane", 0);
}

function storeLanes(v: Lanes, cursor: Cursor, value: Local, count?: Local): void {
  const bool = cursor.type === "bool";
  const stored = bool ? narrowBools(v, value) : value;
  forLanes(v.f, cursor, count, (lane, offset) => {
    v.f.get(stored).laneMemory(bool ? "v128.store8_lane" : "v128.store32_lane", lane, offset);
  });
}

/** Runs the body, with the lane's address on the stack, for all four lanes or for the first 1 to 3 that `count` says. */
function forLanes(
  f: FunctionBuilder,
  cursor: Cursor,
  count: Local | undefined,
  body: (lane: number, offset: number) => void,
  lane = 0,
): void {
  const { type, pointer, stride } = cursor;
  f.get(pointer);
  body(lane, stride === null ? lane * elementBytes(type) : 0);
  if (stride !== null) f.get(pointer).get(stride).op("i32.add").set(pointer);
  const rest = () => forLanes(f, cursor, count, body, lane + 1);
  if (count === undefined && lane < 3) rest();
  if (count !== undefined && lane < 2) f.get(count).i32(lane + 1).op("i32.gt_s").if(rest);
}

/** Four bytes 0 or 1 as masks. */
function widenBools(v: Lanes, bytes: Local): Local {
  return v.op("i32x4.neg", v.op("i32x4.extend_low_i16x8_u", v.op("i16x8.extend_low_i8x16_u", bytes)));
}

/** Masks as four bytes 0 or 1. */
function narrowBools(v: Lanes, masks: Local): Local {
  const halves = v.op("i16x8.narrow_i32x4_s", masks, masks);
  return v.op("v128.and", v.op("i8x16.narrow_i16x8_s", halves, halves), v.word(0x01010101));
}
