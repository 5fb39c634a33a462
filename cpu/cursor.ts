/** Reading and writing operands four elements at a time, whatever their dtype and stride. */

import type { FunctionBuilder, Local } from "./assembler.ts";
import { narrowHalves, widenHalves } from "./half.ts";
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

/** `bits16` is float16 that is only moved: four half words side by side. */
export type CursorType = LaneType | "index" | "bits16";

export function cursorsOf(types: readonly CursorType[], walks: readonly Walk[], nest: NestParameters): Cursor[] {
  return types.map((type, n) => ({
    type,
    walk: walks[n]!,
    pointer: nest.pointers[n]!,
    stride: nest.innerStrides[n]!,
  }));
}

/** Elements in memory by their bytes; an `index`, which has no memory, moves by 1. */
const accesses = {
  1: {
    bytes: 1,
    splat: "v128.load8_splat",
    loadFour: "v128.load32_zero",
    loadLane: "v128.load8_lane",
    storeLane: "v128.store8_lane",
  },
  2: {
    bytes: 2,
    splat: "v128.load16_splat",
    loadFour: "v128.load64_zero",
    loadLane: "v128.load16_lane",
    storeLane: "v128.store16_lane",
  },
  4: {
    bytes: 4,
    splat: "v128.load32_splat",
    loadFour: "v128.load",
    loadLane: "v128.load32_lane",
    storeLane: "v128.store32_lane",
  },
} as const;

function accessOf(type: CursorType): (typeof accesses)[1 | 2 | 4] {
  return accesses[elementBytes(type)];
}

export function elementBytes(type: CursorType): 1 | 2 | 4 {
  switch (type) {
    case "bool":
    case "index":
      return 1;
    case "float16":
    case "bits16":
      return 2;
    default:
      return 4;
  }
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
  else v.f.memory(accessOf(type).splat);
  return unpack(v, type, v.take());
}

/** The next four elements; of a contiguous cursor, those that lie `ahead` vectors further on. */
export function load(v: Lanes, cursor: Cursor, ahead = 0): Local {
  const { type, walk, pointer } = cursor;
  if (type === "index") {
    v.f.get(pointer).op("i32x4.splat");
    return v.op("i32x4.add", v.take(), v.words(4 * ahead, 4 * ahead + 1, 4 * ahead + 2, 4 * ahead + 3));
  }
  if (walk === "strided") return loadLanes(v, cursor);
  v.f.get(pointer).memory(accessOf(type).loadFour, 4 * elementBytes(type) * ahead);
  return unpack(v, type, v.take());
}

/** The next elements, as many as the local `count` says: 1 to 3. Reads no others; the lanes beyond are 0. */
export function loadSome(v: Lanes, cursor: Cursor, count: Local): Local {
  return cursor.type === "index" ? load(v, cursor) : loadLanes(v, cursor, count);
}

function loadLanes(v: Lanes, cursor: Cursor, count?: Local): Local {
  const { loadLane } = accessOf(cursor.type);
  const value = v.temporary();
  v.f.get(v.word(0)).set(value);
  forLanes(v.f, cursor, count, (lane, offset) => {
    v.f.get(value).laneMemory(loadLane, lane, offset).set(value);
  });
  return unpack(v, cursor.type, value);
}

/** Writes the next four elements; of a contiguous cursor, those that lie `ahead` vectors further on. */
export function store(v: Lanes, cursor: Cursor, value: Local, ahead = 0): void {
  const { type, walk, pointer } = cursor;
  if (walk === "strided") return storeLanes(v, cursor, value);
  const packed = pack(v, type, value);
  const bytes = elementBytes(type);
  v.f.get(pointer).get(packed);
  if (bytes === 4) v.f.memory("v128.store", 16 * ahead);
  else v.f.laneMemory(bytes === 2 ? "v128.store64_lane" : "v128.store32_lane", 0, 4 * bytes * ahead);
}

/** Writes as many elements as the local `count` says: 1 to 3. */
export function storeSome(v: Lanes, cursor: Cursor, value: Local, count: Local): void {
  storeLanes(v, cursor, value, count);
}

/** Writes the first lane. */
export function storeFirst(v: Lanes, { type, pointer }: Cursor, value: Local): void {
  const packed = pack(v, type, value);
  v.f.get(pointer).get(packed).laneMemory(accessOf(type).storeLane, 0);
}

function storeLanes(v: Lanes, cursor: Cursor, value: Local, count?: Local): void {
  const { storeLane } = accessOf(cursor.type);
  const packed = pack(v, cursor.type, value);
  forLanes(v.f, cursor, count, (lane, offset) => {
    v.f.get(packed).laneMemory(storeLane, lane, offset);
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

/** Elements as memory has them, side by side from the lowest byte on, as lanes. */
function unpack(v: Lanes, type: CursorType, packed: Local): Local {
  return type === "bool" ? widenBools(v, packed) : type === "float16" ? widenHalves(v, packed) : packed;
}

function pack(v: Lanes, type: CursorType, lanes: Local): Local {
  return type === "bool" ? narrowBools(v, lanes) : type === "float16" ? narrowHalves(v, lanes) : lanes;
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
