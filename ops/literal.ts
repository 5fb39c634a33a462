/** Tensors of data: numbers, nested arrays and typed arrays. */

import { storable } from "./arguments.ts";
import { dtypeOr } from "./create.ts";
import { currentDevice, hostDevice } from "./devices.ts";
import { allocateArray, type DType, holds, toDType, type TypedArray } from "./dtype.ts";
import { describe, ShapeError } from "./errors.ts";
import { checkShape, type Shape, sizeOf, type TensorType } from "./shape.ts";
import { type Backend, type Device, Tensor } from "./tensor.ts";
import { recordingTrace } from "./trace.ts";

/** Nested arrays of numbers or booleans. */
export type NestedArray = number | boolean | readonly NestedArray[];

/** What {@linkcode tensor} makes a tensor of. */
export type TensorData =
  | NestedArray
  | TypedArray
  | Int8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array;

/** Options of {@linkcode tensor}. */
export interface TensorOptions {
  /** How to arrange the elements; as they are nested by default. */
  readonly shape?: Shape | undefined;
  /** The dtype to convert them to. */
  readonly dtype?: DType | undefined;
}

/**
 * A tensor of the given numbers or booleans, which are copied: changing the array later changes no tensor.
 *
 * Numbers become float32 and booleans bool (mixed they are numbers); typed arrays keep their type, and 8- and 16-bit
 * integers become int32. Nested arrays give the shape, a typed array a vector.
 *
 * @param data A number or boolean, nested arrays of them, or a typed array.
 * @param options `shape` arranges the elements in row-major order; `dtype` converts them.
 * @throws {ShapeError} If nested arrays are ragged, or the shape does not hold as many elements.
 * @throws {TypeError} If an element is no number or boolean, or an integer dtype is asked for a number that is none.
 * @throws {RangeError} If an integer dtype is too small for a number.
 *
 * @example Usage
 * ```ts
 * import { tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * assertEquals([x.shape, x.dtype], [[2, 3], "float32"]);
 *
 * const y = tensor(new Uint8Array([7, 8]), { shape: [1, 2] });
 * assertEquals([y.arraySync(), y.dtype], [[[7, 8]], "int32"]);
 * ```
 */
export function tensor(data: TensorData, options: TensorOptions = {}): Tensor {
  return literal(data, options, currentDevice());
}

/** As {@linkcode tensor}, on a device; while a program is traced on the host, as nobody knows yet where it will run. */
export function literal(data: TensorData, options: TensorOptions, device: Device): Tensor {
  const { values, shape: natural, dtype: own } = readData(data);
  const dtype = dtypeOr("tensor", options, own, ["shape", "dtype"]);
  const shape = options.shape ?? natural;
  checkShape("tensor", shape);
  if (sizeOf(shape) !== values.length) {
    throw new ShapeError(
      `tensor() cannot arrange ${values.length} elements as [${shape}], which has ${sizeOf(shape)}`,
    );
  }
  if (own !== dtype) {
    const bad = values.findIndex((v) => !holds(dtype, Number(v)));
    if (bad >= 0) storable("tensor", values[bad], dtype);
  }
  const type: TensorType = { dtype, shape: [...shape] };
  const place = recordingTrace() === null ? device as Backend : hostDevice();
  if (ArrayBuffer.isView(data) && isHeldAs(data, dtype)) return place.upload(data, type);
  const copy = allocateArray(dtype, values.length);
  for (let i = 0; i < copy.length; i++) copy[i] = toDType(Number(values[i]), dtype);
  return place.upload(copy, type);
}

type FlatData = {
  readonly values: ArrayLike<number | boolean> & { findIndex(f: (v: number | boolean) => boolean): number };
  readonly shape: Shape;
  readonly dtype: DType;
};

function readData(data: TensorData): FlatData {
  if (ArrayBuffer.isView(data)) return { values: data, shape: [data.length], dtype: arrayDType(data) };
  const values: (number | boolean)[] = [];
  const shape = nestedShape(data);
  flattenInto(values, data, shape, 0);
  const allBoolean = values.length > 0 && values.every((v) => typeof v === "boolean");
  return { values, shape, dtype: allBoolean ? "bool" : "float32" };
}

function arrayDType(data: Exclude<TensorData, NestedArray>): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Float16Array) return "float16";
  if (data instanceof Uint32Array) return "uint32";
  if (data instanceof Int32Array || data instanceof Int8Array || data instanceof Int16Array) return "int32";
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray || data instanceof Uint16Array) return "int32";
  throw new TypeError(
    `tensor() cannot read ${describe(data)}: use a Float32Array, Float64Array, Float16Array, Int32Array or Uint32Array`,
  );
}

/** Whether a typed array holds elements as storage does. Bytes of a bool must be 0 or 1, so those are not trusted. */
function isHeldAs(data: ArrayBufferView, dtype: DType): data is TypedArray {
  return dtype !== "bool" && data.constructor === allocateArray(dtype, 0).constructor;
}

function nestedShape(data: NestedArray): number[] {
  const shape: number[] = [];
  for (let level: NestedArray | undefined = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  return shape;
}

function flattenInto(values: (number | boolean)[], data: NestedArray, shape: Shape, axis: number): void {
  if (axis === shape.length) {
    if (typeof data !== "number" && typeof data !== "boolean") throw raggedOrWrong(data, axis);
    values.push(data);
    return;
  }
  if (!Array.isArray(data) || data.length !== shape[axis]) throw raggedOrWrong(data, axis, shape[axis]);
  for (const part of data) flattenInto(values, part, shape, axis + 1);
}

function raggedOrWrong(data: unknown, axis: number, size?: number): Error {
  if (Array.isArray(data)) {
    const rule = size === undefined ? "a number was expected" : `${size} were expected`;
    return new ShapeError(`tensor() cannot use ragged data: at depth ${axis} an array of ${data.length} where ${rule}`);
  }
  if (size !== undefined && (typeof data === "number" || typeof data === "boolean")) {
    return new ShapeError(
      `tensor() cannot use ragged data: at depth ${axis} ${describe(data)} where an array of ${size} was expected`,
    );
  }
  const cure = data instanceof Tensor ? ": join tensors with stack() or concatenate()" : "";
  return new TypeError(
    `tensor() takes numbers, booleans, nested arrays of them or a typed array, got ${describe(data)}${cure}`,
  );
}
