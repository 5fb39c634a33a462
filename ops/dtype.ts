/** Element types: their names, how they promote, and the typed arrays that hold them. */

/**
 * The element type of a tensor.
 *
 * `float16` is stored in 16 bits and computed in float32: every operation rounds its result to nearest, ties to even,
 * once. So sums, products of matrices, convolutions and other operations on many elements are only rounded in the end.
 * From 65520 on it is ∞, and below 2^−14 as fine as 2^−24. Numbers beside it are rounded to float16 first.
 */
export type DType = "float32" | "float64" | "float16" | "int32" | "uint32" | "bool";

/** The typed array that holds elements of some dtype; `bool` is held as bytes 0 and 1. */
export type TypedArray = Float32Array | Float64Array | Float16Array | Int32Array | Uint32Array | Uint8Array;

/** A kind of number, for error messages and for choosing rules. */
export type Kind = "float" | "integer" | "bool";

interface Facts {
  readonly short: string;
  readonly kind: Kind;
  readonly sizeBytes: number;
  readonly array: {
    new (length: number): TypedArray;
    new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
  };
}

const facts: { readonly [D in DType]: Facts } = {
  float32: { short: "f32", kind: "float", sizeBytes: 4, array: Float32Array },
  float64: { short: "f64", kind: "float", sizeBytes: 8, array: Float64Array },
  float16: { short: "f16", kind: "float", sizeBytes: 2, array: Float16Array },
  int32: { short: "i32", kind: "integer", sizeBytes: 4, array: Int32Array },
  uint32: { short: "u32", kind: "integer", sizeBytes: 4, array: Uint32Array },
  bool: { short: "bool", kind: "bool", sizeBytes: 1, array: Uint8Array },
};

/** Every dtype, in one order for all tables. */
export const dtypes: readonly DType[] = ["float32", "float64", "float16", "int32", "uint32", "bool"];

/** The name a type is printed with: `f32`, `i32`, `bool`. */
export function shortName(dtype: DType): string {
  return facts[dtype].short;
}

export function kindOf(dtype: DType): Kind {
  return facts[dtype].kind;
}

export function isFloat(dtype: DType): boolean {
  return facts[dtype].kind === "float";
}

export function bytesPerElement(dtype: DType): number {
  return facts[dtype].sizeBytes;
}

/** A new zeroed typed array for `length` elements. */
export function allocateArray(dtype: DType, length: number): TypedArray {
  return new facts[dtype].array(length);
}

/** A typed array over part of a buffer. */
export function viewArray(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray {
  return new facts[dtype].array(buffer, byteOffset, length);
}

export function isDType(x: unknown): x is DType {
  return typeof x === "string" && Object.hasOwn(facts, x);
}

/**
 * The dtype that two tensors meet in, by JAX's lattice: bool < uint32, int32 < float16 < float32 < float64.
 * `uint32` beside `int32` is `int32`, where JAX would go to int64, which we do not have; with 64-bit types off JAX does the same.
 */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  const order: readonly DType[] = ["bool", "uint32", "int32", "float16", "float32", "float64"];
  return order[Math.max(order.indexOf(a), order.indexOf(b))]!;
}

/** The smallest and largest value of a dtype: the identities of max and min. */
export function lowest(dtype: DType): number {
  return dtype === "int32" ? -2147483648 : kindOf(dtype) === "float" ? -Infinity : 0;
}

export function highest(dtype: DType): number {
  switch (dtype) {
    case "int32":
      return 2147483647;
    case "uint32":
      return 4294967295;
    case "bool":
      return 1;
    default:
      return Infinity;
  }
}

/** Floats of a dtype: significant bits, and the exponent of the least normal number, a power of 2. */
export interface FloatFormat {
  readonly digits: number;
  readonly leastExponent: number;
}

export function floatFormat(dtype: DType): FloatFormat {
  switch (dtype) {
    case "float64":
      return { digits: 53, leastExponent: -1022 };
    case "float16":
      return { digits: 11, leastExponent: -14 };
    default:
      return { digits: 24, leastExponent: -126 };
  }
}

/** What many elements of a dtype are counted and added up in: float32 for float16, which ends at 65504. */
export function wideOf(dtype: DType): DType {
  return dtype === "float16" ? "float32" : dtype;
}

/** Whether a dtype of integers can store a number as it is; floats and bools take every number. */
export function holds(dtype: DType, value: number): boolean {
  return kindOf(dtype) !== "integer" || (Number.isInteger(value) && value >= lowest(dtype) && value <= highest(dtype));
}

/** A JavaScript number as the dtype stores it: rounded, wrapped or made 0 or 1. */
export function toDType(value: number, dtype: DType): number {
  switch (dtype) {
    case "float32":
      return Math.fround(value);
    case "float64":
      return value;
    case "float16":
      return Math.f16round(value);
    case "int32":
      return value | 0;
    case "uint32":
      return value >>> 0;
    case "bool":
      return value !== 0 ? 1 : 0;
  }
}
