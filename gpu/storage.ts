/** How elements are stored in buffers, and how they are brought there and back. */

import { allocateArray, type DType, type TypedArray } from "../ops/dtype.ts";

/** Bools are words. Without float16 in shaders, a float16 is stored as the float32 of the same value. */
export interface StorageType {
  readonly wgsl: "f32" | "i32" | "u32" | "f16";
  readonly bytes: number;
}

export function storageType(dtype: DType, hasFloat16: boolean): StorageType {
  switch (dtype) {
    case "float32":
      return { wgsl: "f32", bytes: 4 };
    case "int32":
      return { wgsl: "i32", bytes: 4 };
    case "uint32":
    case "bool":
      return { wgsl: "u32", bytes: 4 };
    case "float16":
      return hasFloat16 ? { wgsl: "f16", bytes: 2 } : { wgsl: "f32", bytes: 4 };
    case "float64":
      throw noFloat64();
  }
}

export function noFloat64(): TypeError {
  return new TypeError(
    'the gpu has no float64: WebGPU computes in float32; cast() to "float32", or compute it on the CPU',
  );
}

/** Elements as they are written to a buffer: whole words. */
export function encode(data: TypedArray, dtype: DType, hasFloat16: boolean): Uint8Array<ArrayBuffer> {
  if (dtype === "float64") throw noFloat64();
  if (dtype === "bool") return bytesOf(Uint32Array.from(data));
  if (dtype !== "float16") return bytesOf(data.slice());
  if (!hasFloat16) return bytesOf(Float32Array.from(data));
  const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return padded;
}

/** Elements read from a buffer, of which `bytes` are a copy. */
export function decode(bytes: ArrayBuffer, dtype: DType, length: number, hasFloat16: boolean): TypedArray {
  const out = allocateArray(dtype, length);
  if (dtype === "bool") out.set(new Uint32Array(bytes, 0, length));
  else if (dtype === "float16" && !hasFloat16) out.set(new Float32Array(bytes, 0, length));
  else new Uint8Array(out.buffer).set(new Uint8Array(bytes, 0, out.byteLength));
  return out;
}

function bytesOf(array: TypedArray): Uint8Array<ArrayBuffer> {
  return new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
}
