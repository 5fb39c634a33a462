/** A WebAssembly assembler: functions are built instruction by instruction, under the names of the specification. */

import { isShared, maxPages } from "./shared.ts";

/** Value types. */
export const i32 = 0x7f;
export const f32 = 0x7d;
export const f64 = 0x7c;
export const v128 = 0x7b;
export type ValueType = typeof i32 | typeof f32 | typeof f64 | typeof v128;

/** A local variable or parameter, by its index. */
export type Local = number;

/** Instructions without immediates; those above 0xff carry the SIMD prefix. */
const opcodes = {
  "unreachable": 0x00,
  "return": 0x0f,
  "drop": 0x1a,
  "select": 0x1b,
  "i32.eqz": 0x45,
  "i32.eq": 0x46,
  "i32.ne": 0x47,
  "i32.lt_s": 0x48,
  "i32.lt_u": 0x49,
  "i32.gt_s": 0x4a,
  "i32.gt_u": 0x4b,
  "i32.le_s": 0x4c,
  "i32.le_u": 0x4d,
  "i32.ge_s": 0x4e,
  "i32.ge_u": 0x4f,
  "f32.eq": 0x5b,
  "f32.ne": 0x5c,
  "f32.lt": 0x5d,
  "f32.gt": 0x5e,
  "f32.le": 0x5f,
  "f32.ge": 0x60,
  "f64.eq": 0x61,
  "f64.ne": 0x62,
  "f64.lt": 0x63,
  "f64.gt": 0x64,
  "f64.le": 0x65,
  "f64.ge": 0x66,
  "i32.clz": 0x67,
  "i32.ctz": 0x68,
  "i32.add": 0x6a,
  "i32.sub": 0x6b,
  "i32.mul": 0x6c,
  "i32.div_s": 0x6d,
  "i32.div_u": 0x6e,
  "i32.rem_s": 0x6f,
  "i32.rem_u": 0x70,
  "i32.and": 0x71,
  "i32.or": 0x72,
  "i32.xor": 0x73,
  "i32.shl": 0x74,
  "i32.shr_s": 0x75,
  "i32.shr_u": 0x76,
  "f32.abs": 0x8b,
  "f32.neg": 0x8c,
  "f32.ceil": 0x8d,
  "f32.floor": 0x8e,
  "f32.trunc": 0x8f,
  "f32.nearest": 0x90,
  "f32.sqrt": 0x91,
  "f32.add": 0x92,
  "f32.sub": 0x93,
  "f32.mul": 0x94,
  "f32.div": 0x95,
  "f32.min": 0x96,
  "f32.max": 0x97,
  "f64.abs": 0x99,
  "f64.neg": 0x9a,
  "f64.ceil": 0x9b,
  "f64.floor": 0x9c,
  "f64.trunc": 0x9d,
  "f64.nearest": 0x9e,
  "f64.sqrt": 0x9f,
  "f64.add": 0xa0,
  "f64.sub": 0xa1,
  "f64.mul": 0xa2,
  "f64.div": 0xa3,
  "f64.min": 0xa4,
  "f64.max": 0xa5,
  "f32.convert_i32_s": 0xb2,
  "f32.convert_i32_u": 0xb3,
  "f32.demote_f64": 0xb6,
  "f64.convert_i32_s": 0xb7,
  "f64.convert_i32_u": 0xb8,
  "f64.promote_f32": 0xbb,
  "i32.reinterpret_f32": 0xbc,
  "f32.reinterpret_i32": 0xbe,
} as const; // deno-fmt-ignore

/** SIMD instructions without immediates (prefix 0xfd), relaxed ones included. */
const vectorOpcodes = {
  "i8x16.swizzle": 0x0e, "i8x16.splat": 0x0f, "i32x4.splat": 0x11, "f32x4.splat": 0x13, "f64x2.splat": 0x14,
  "i8x16.eq": 0x23, "i8x16.ne": 0x24,
  "i32x4.eq": 0x37, "i32x4.ne": 0x38, "i32x4.lt_s": 0x39, "i32x4.lt_u": 0x3a, "i32x4.gt_s": 0x3b, "i32x4.gt_u": 0x3c,
  "i32x4.le_s": 0x3d, "i32x4.le_u": 0x3e, "i32x4.ge_s": 0x3f, "i32x4.ge_u": 0x40,
  "f32x4.eq": 0x41, "f32x4.ne": 0x42, "f32x4.lt": 0x43, "f32x4.gt": 0x44, "f32x4.le": 0x45, "f32x4.ge": 0x46,
  "f64x2.eq": 0x47, "f64x2.ne": 0x48, "f64x2.lt": 0x49, "f64x2.gt": 0x4a, "f64x2.le": 0x4b, "f64x2.ge": 0x4c,
  "v128.not": 0x4d, "v128.and": 0x4e, "v128.andnot": 0x4f, "v128.or": 0x50, "v128.xor": 0x51, "v128.bitselect": 0x52,
  "v128.any_true": 0x53, "f32x4.demote_f64x2_zero": 0x5e, "f64x2.promote_low_f32x4": 0x5f,
  "i8x16.narrow_i16x8_s": 0x65, "i8x16.narrow_i16x8_u": 0x66,
  "f32x4.ceil": 0x67, "f32x4.floor": 0x68, "f32x4.trunc": 0x69, "f32x4.nearest": 0x6a,
  "i8x16.add": 0x6e, "f64x2.trunc": 0x7a, "f64x2.nearest": 0x94, "i8x16.min_u": 0x77, "i8x16.max_u": 0x79,
  "i16x8.narrow_i32x4_s": 0x85, "i16x8.narrow_i32x4_u": 0x86, "i16x8.extend_low_i8x16_u": 0x89,
  "i32x4.abs": 0xa0, "i32x4.neg": 0xa1, "i32x4.all_true": 0xa3, "i32x4.bitmask": 0xa4, "i32x4.extend_low_i16x8_s": 0xa7,
  "i32x4.extend_low_i16x8_u": 0xa9,
  "i32x4.shl": 0xab, "i32x4.shr_s": 0xac, "i32x4.shr_u": 0xad, "i32x4.add": 0xae, "i32x4.sub": 0xb1, "i32x4.mul": 0xb5,
  "i32x4.min_s": 0xb6, "i32x4.min_u": 0xb7, "i32x4.max_s": 0xb8, "i32x4.max_u": 0xb9,
  "i64x2.shl": 0xcb, "i64x2.shr_s": 0xcc, "i64x2.shr_u": 0xcd, "i64x2.add": 0xce, "i64x2.sub": 0xd1,
  "f32x4.abs": 0xe0, "f32x4.neg": 0xe1, "f32x4.sqrt": 0xe3, "f32x4.add": 0xe4, "f32x4.sub": 0xe5, "f32x4.mul": 0xe6,
  "f32x4.div": 0xe7, "f32x4.min": 0xe8, "f32x4.max": 0xe9, "f32x4.pmin": 0xea, "f32x4.pmax": 0xeb,
  "f64x2.abs": 0xec, "f64x2.neg": 0xed, "f64x2.sqrt": 0xef, "f64x2.add": 0xf0, "f64x2.sub": 0xf1, "f64x2.mul": 0xf2,
  "f64x2.div": 0xf3, "f64x2.min": 0xf4, "f64x2.max": 0xf5, "f64x2.pmin": 0xf6, "f64x2.pmax": 0xf7,
  "i32x4.trunc_sat_f32x4_s": 0xf8, "i32x4.trunc_sat_f32x4_u": 0xf9, "f32x4.convert_i32x4_s": 0xfa, "f32x4.convert_i32x4_u": 0xfb,
  "f64x2.convert_low_i32x4_s": 0xfe, "f64x2.convert_low_i32x4_u": 0xff,
  "f32x4.relaxed_madd": 0x105, "f32x4.relaxed_nmadd": 0x106, "f64x2.relaxed_madd": 0x107, "f64x2.relaxed_nmadd": 0x108,
} as const; // deno-fmt-ignore

/** Atomic operations on words (prefix 0xfe), whose addresses are multiples of 4. */
const atomicOpcodes = {
  "memory.atomic.notify": 0x00, "memory.atomic.wait32": 0x01, "i32.atomic.load": 0x10, "i32.atomic.rmw.add": 0x1e,
} as const; // deno-fmt-ignore

/** Loads and stores: opcode, and whether it has the SIMD prefix. The alignment hint is always 0: no promise. */
const memoryOpcodes = {
  "i32.load": [0x28], "f32.load": [0x2a], "f64.load": [0x2b], "i32.load8_u": [0x2d],
  "i32.store": [0x36], "f32.store": [0x38], "f64.store": [0x39], "i32.store8": [0x3a],
  "v128.load": [0xfd, 0x00], "v128.load8_splat": [0xfd, 0x07], "v128.load16_splat": [0xfd, 0x08], "v128.load32_splat": [0xfd, 0x09], "v128.load64_splat": [0xfd, 0x0a],
  "v128.store": [0xfd, 0x0b], "v128.load32_zero": [0xfd, 0x5c], "v128.load64_zero": [0xfd, 0x5d],
} as const; // deno-fmt-ignore

const laneOpcodes = {
  "v128.load8_lane": 0x54, "v128.load16_lane": 0x55, "v128.load32_lane": 0x56, "v128.load64_lane": 0x57,
  "v128.store8_lane": 0x58, "v128.store16_lane": 0x59, "v128.store32_lane": 0x5a, "v128.store64_lane": 0x5b,
} as const; // deno-fmt-ignore

const extractOpcodes = {
  "i32x4.extract_lane": 0x1b, "i32x4.replace_lane": 0x1c, "f32x4.extract_lane": 0x1f, "f32x4.replace_lane": 0x20,
  "f64x2.extract_lane": 0x21, "f64x2.replace_lane": 0x22, "i8x16.extract_lane_u": 0x16, "i8x16.replace_lane": 0x17,
} as const; // deno-fmt-ignore

export type Op = keyof typeof opcodes | keyof typeof vectorOpcodes;
export type MemoryOp = keyof typeof memoryOpcodes;
export type AtomicOp = keyof typeof atomicOpcodes;
export type LaneMemoryOp = keyof typeof laneOpcodes;
export type LaneOp = keyof typeof extractOpcodes;

function unsigned(n: number): number[] {
  const out: number[] = [];
  do {
    const low = n & 0x7f;
    n >>>= 7;
    out.push(n ? low | 0x80 : low);
  } while (n);
  return out;
}

function signed(n: number): number[] {
  const out: number[] = [];
  for (;;) {
    const low = n & 0x7f;
    n >>= 7;
    if ((n === 0 && !(low & 0x40)) || (n === -1 && low & 0x40)) return [...out, low];
    out.push(low | 0x80);
  }
}

function bytesOf(values: Float32Array | Float64Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer);
}

/** A function under construction. Every method returns the builder, so that code reads in stack order. */
export class FunctionBuilder {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly #locals: ValueType[] = [];
  readonly #constants = new Map<string, Local>();
  readonly #prologue: number[] = [];
  readonly #code: number[] = [];

  constructor(params: readonly ValueType[], results: readonly ValueType[] = []) {
    this.params = params;
    this.results = results;
  }

  /** A local that holds these 16 bytes from the start of the function on; equal constants share one. */
  constant(lanes: Float32Array | Float64Array | Int32Array): Local {
    const bytes = bytesOf(lanes);
    const key = bytes.join();
    let local = this.#constants.get(key);
    if (local === undefined) {
      this.#constants.set(key, local = this.local(v128));
      this.#prologue.push(0xfd, 0x0c, ...bytes, 0x21, ...unsigned(local));
    }
    return local;
  }

  /** A local that holds the word at an address, a parameter's, from the start of the function on. */
  loaded(pointer: Local, offset: number): Local {
    const local = this.local(i32);
    this.#prologue.push(0x20, ...unsigned(pointer), ...memoryOpcodes["i32.load"], 0, ...unsigned(offset));
    this.#prologue.push(0x21, ...unsigned(local));
    return local;
  }

  /** Declares a local; it starts at zero. */
  local(type: ValueType): Local {
    this.#locals.push(type);
    return this.params.length + this.#locals.length - 1;
  }

  locals(type: ValueType, n: number): Local[] {
    return Array.from({ length: n }, () => this.local(type));
  }

  get(local: Local): this {
    return this.#emit(0x20, ...unsigned(local));
  }

  set(local: Local): this {
    return this.#emit(0x21, ...unsigned(local));
  }

  tee(local: Local): this {
    return this.#emit(0x22, ...unsigned(local));
  }

  i32(value: number): this {
    return this.#emit(0x41, ...signed(value | 0));
  }

  /** A small integer of 64 bits. */
  i64(value: number): this {
    return this.#emit(0x42, ...signed(value));
  }

  f32(value: number): this {
    return this.#emit(0x43, ...bytesOf(new Float32Array([value])));
  }

  f64(value: number): this {
    return this.#emit(0x44, ...bytesOf(new Float64Array([value])));
  }

  /** A v128 constant with the float in all four lanes. */
  f32x4(value: number): this {
    return this.#emit(0xfd, 0x0c, ...bytesOf(new Float32Array(4).fill(value)));
  }

  /** A v128 constant with the integer in all four lanes. */
  i32x4(value: number): this {
    return this.#emit(0xfd, 0x0c, ...bytesOf(new Int32Array(4).fill(value)));
  }

  f64x2(value: number): this {
    return this.#emit(0xfd, 0x0c, ...bytesOf(new Float64Array(2).fill(value)));
  }

  op(name: Op): this {
    const plain = (opcodes as Partial<Record<Op, number>>)[name];
    if (plain !== undefined) return this.#emit(plain);
    return this.#emit(0xfd, ...unsigned(vectorOpcodes[name as keyof typeof vectorOpcodes]));
  }

  /** A load or store; `offset` is the constant byte offset added to the address on the stack. */
  memory(name: MemoryOp, offset = 0): this {
    return this.#emit(...memoryOpcodes[name], 0, ...unsigned(offset));
  }

  atomic(name: AtomicOp, offset = 0): this {
    return this.#emit(0xfe, atomicOpcodes[name], 2, ...unsigned(offset));
  }

  /** Loads or stores one lane of a vector. */
  laneMemory(name: LaneMemoryOp, lane: number, offset = 0): this {
    return this.#emit(0xfd, laneOpcodes[name], 0, ...unsigned(offset), lane);
  }

  lane(name: LaneOp, lane: number): this {
    return this.#emit(0xfd, extractOpcodes[name], lane);
  }

  /** `i8x16.shuffle` by whole 32-bit lanes: 0–3 of the first vector, 4–7 of the second. */
  shuffle32(lanes: readonly [number, number, number, number]): this {
    return this.#emit(0xfd, 0x0d, ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte)));
  }

  block(body: () => void): this {
    this.#emit(0x02, 0x40);
    body();
    return this.#emit(0x0b);
  }

  /** The body runs once; `br(depth)` to the loop's own depth repeats it. */
  loop(body: () => void): this {
    this.#emit(0x03, 0x40);
    body();
    return this.#emit(0x0b);
  }

  /** Takes the condition from the stack. With a `result` type both branches leave one value. */
  if(then: () => void, otherwise?: () => void, result?: ValueType): this {
    this.#emit(0x04, result ?? 0x40);
    then();
    if (otherwise) {
      this.#emit(0x05);
      otherwise();
    }
    return this.#emit(0x0b);
  }

  br(depth: number): this {
    return this.#emit(0x0c, ...unsigned(depth));
  }

  brIf(depth: number): this {
    return this.#emit(0x0d, ...unsigned(depth));
  }

  /** Calls a function by its index: imports first, then the module's own in order. */
  call(index: number): this {
    return this.#emit(0x10, ...unsigned(index));
  }

  /** `local += amount` */
  increment(local: Local, amount: number): this {
    return this.get(local).i32(amount).op("i32.add").set(local);
  }

  /** The body of the function in the binary format. */
  encode(): number[] {
    const locals = this.#locals.flatMap((type) => [1, type]);
    const body = [...unsigned(this.#locals.length), ...locals];
    const code = this.#prologue.concat(this.#code);
    return [...unsigned(body.length + code.length + 1), ...body, ...code, 0x0b];
  }

  #emit(...bytes: number[]): this {
    for (const byte of bytes) this.#code.push(byte);
    return this;
  }
}

/** What a module imports as functions, under module name `env`. */
export interface FunctionImport {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** The binary of a module that imports `env.memory` and the given functions, and exports `functions` by name. */
export function assemble(
  functions: Readonly<Record<string, FunctionBuilder>>,
  imports: readonly FunctionImport[] = [],
): Uint8Array<ArrayBuffer> {
  const text = (s: string): number[] => [...unsigned(s.length), ...new TextEncoder().encode(s)];
  const section = (id: number, body: readonly number[]): number[] => [id, ...unsigned(body.length), ...body];
  const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
  const own = Object.entries(functions);
  const types = [...imports, ...own.map(([, f]) => f)]
    .map((
      { params, results },
    ) => [0x60, ...unsigned(params.length), ...params, ...unsigned(results.length), ...results]);
  return new Uint8Array([
    0x00,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, vector(types)),
    ...section(
      2,
      vector([
        [...text("env"), ...text("memory"), 2, ...(isShared() ? [3, 1, ...unsigned(maxPages)] : [0, 1])],
        ...imports.map((f, i) => [...text("env"), ...text(f.name), 0, ...unsigned(i)]),
      ]),
    ),
    ...section(3, vector(own.map((_, i) => unsigned(imports.length + i)))),
    ...section(7, vector(own.map(([name], i) => [...text(name), 0, ...unsigned(imports.length + i)]))),
    ...section(10, vector(own.map(([, f]) => f.encode()))),
  ]); // deno-fmt-ignore
}
