/** Tensors out of nothing: from data, constants, counting. */

import { checkOptions, storable, toTensor } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { allocateArray, type DType, dtypes, holds, isDType, isFloat, toDType, type TypedArray } from "./dtype.ts";
import { add, cast, equal, greaterEqual, lessEqual, mul, where } from "./elementwise.ts";
import { describe, ShapeError } from "./errors.ts";
import { broadcastTo, expandDims, reshape, slice } from "./movement.ts";
import { type Indices, inRange, takeAlongAxis } from "./indexing.ts";
import { notDifferentiable, type Primitive } from "./primitive.ts";
import { axisIndex, constant } from "./scalar.ts";
import { checkCount, checkShape, type Shape, sizeOf, type TensorType, typeString } from "./shape.ts";
import { currentDevice, Tensor, type TensorLike } from "./tensor.ts";

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

/** The option of most functions that make tensors. */
export interface DTypeOption {
  /** The dtype of the result. */
  readonly dtype?: DType | undefined;
}

const noInputs = notDifferentiable("it has no inputs");

interface FullParams {
  readonly value: number;
  readonly dtype: DType;
  readonly shape: Shape;
}

const fullP: Primitive<FullParams> = {
  name: "full",
  infer: (_, { dtype, shape }) => [{ dtype, shape }],
  kernel: (_, { value, dtype }) => ({ kind: "map", body: constant(value, dtype) }),
  derivative: noInputs,
  batch: (inputs) => inputs,
};

/** Positions along `axis` as int32. */
const iotaP: Primitive<{ readonly axis: number; readonly shape: Shape }> = {
  name: "iota",
  infer: (_, { shape }) => [{ dtype: "int32", shape }],
  kernel: (_, { axis }) => ({ kind: "map", body: axisIndex(axis) }),
  derivative: noInputs,
  batch: (inputs) => inputs,
};

/** The dtype option, checked; or else what it is by default. */
function dtypeOr(op: string, options: DTypeOption, fallback: DType): DType {
  checkOptions(op, options);
  const { dtype } = options;
  if (dtype === undefined) return fallback;
  if (!isDType(dtype)) throw new TypeError(`${op}() takes a dtype among ${dtypes.join(", ")}, got ${describe(dtype)}`);
  return dtype;
}

/** A constant tensor; `shape` is trusted. */
export function constantOf(value: number, dtype: DType, shape: Shape): Tensor {
  return bind1(fullP, [], { value: toDType(value, dtype), dtype, shape });
}

/** Positions along an axis, as int32. */
export function iota(shape: Shape, axis: number): Tensor {
  return bind1(iotaP, [], { axis, shape });
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
  const { values, shape: natural, dtype: own } = readData(data);
  const dtype = dtypeOr("tensor", options, own);
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
  if (ArrayBuffer.isView(data) && isHeldAs(data, dtype)) return currentDevice().upload(data, type);
  const copy = allocateArray(dtype, values.length);
  for (let i = 0; i < copy.length; i++) copy[i] = toDType(Number(values[i]), dtype);
  return currentDevice().upload(copy, type);
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
  if (data instanceof Uint32Array) return "uint32";
  if (data instanceof Int32Array || data instanceof Int8Array || data instanceof Int16Array) return "int32";
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray || data instanceof Uint16Array) return "int32";
  throw new TypeError(
    `tensor() cannot read ${describe(data)}: use a Float32Array, Float64Array, Int32Array or Uint32Array`,
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

/**
 * A tensor filled with one value: `[shape] → f32[shape]`, or bool for a boolean, or the given dtype.
 *
 * @throws {TypeError} If the dtype is an integer one and the value is no integer.
 * @throws {RangeError} If the dtype cannot hold the value.
 *
 * @example Usage
 * ```ts
 * import { full } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(full([2, 2], 7).arraySync(), [[7, 7], [7, 7]]);
 * assertEquals(full([2], true).dtype, "bool");
 * ```
 */
export function full(shape: Shape, value: number | boolean, options: DTypeOption = {}): Tensor {
  checkShape("full", shape);
  const dtype = dtypeOr("full", options, typeof value === "boolean" ? "bool" : "float32");
  return constantOf(storable("full", value, dtype), dtype, [...shape]);
}

/**
 * A tensor of zeros, float32 unless another dtype is given. The shape `[]` gives a scalar, and sizes may be 0.
 *
 * @example Usage
 * ```ts
 * import { zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(zeros([2, 3]).arraySync(), [[0, 0, 0], [0, 0, 0]]);
 * ```
 */
export function zeros(shape: Shape, options: DTypeOption = {}): Tensor {
  checkShape("zeros", shape);
  return constantOf(0, dtypeOr("zeros", options, "float32"), [...shape]);
}

/**
 * A tensor of ones, float32 unless another dtype is given.
 *
 * @example Usage
 * ```ts
 * import { ones } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ones([2], { dtype: "int32" }).arraySync(), [1, 1]);
 * ```
 */
export function ones(shape: Shape, options: DTypeOption = {}): Tensor {
  checkShape("ones", shape);
  return constantOf(1, dtypeOr("ones", options, "float32"), [...shape]);
}

/**
 * Zeros of the shape and, unless another is given, the dtype of x.
 *
 * @example Usage
 * ```ts
 * import { tensor, zerosLike } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(zerosLike(tensor([1, 2])).arraySync(), [0, 0]);
 * ```
 */
export function zerosLike(x: TensorLike, options: DTypeOption = {}): Tensor {
  return likeOf("zerosLike", x, 0, options);
}

/**
 * Ones of the shape and, unless another is given, the dtype of x.
 *
 * @example Usage
 * ```ts
 * import { onesLike, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(onesLike(tensor([5, 6])).arraySync(), [1, 1]);
 * ```
 */
export function onesLike(x: TensorLike, options: DTypeOption = {}): Tensor {
  return likeOf("onesLike", x, 1, options);
}

/**
 * A tensor filled with one value, of the shape and, unless another is given, the dtype of x.
 *
 * @throws {TypeError} If the dtype is an integer one and the value is no integer.
 * @throws {RangeError} If the dtype cannot hold the value.
 *
 * @example Usage
 * ```ts
 * import { fullLike, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(fullLike(tensor([1, 2]), 7).arraySync(), [7, 7]);
 * ```
 */
export function fullLike(x: TensorLike, value: number | boolean, options: DTypeOption = {}): Tensor {
  const type = x instanceof Tensor ? x.type : toTensor("fullLike", x).type;
  const dtype = dtypeOr("fullLike", options, type.dtype);
  return constantOf(storable("fullLike", value, dtype), dtype, type.shape);
}

function likeOf(op: string, x: TensorLike, value: number, options: DTypeOption): Tensor {
  const type = x instanceof Tensor ? x.type : toTensor(op, x).type;
  return constantOf(value, dtypeOr(op, options, type.dtype), type.shape);
}

/**
 * The integers 0, 1, … below stop, as int32 unless another dtype is given: `→ i32[stop]`.
 *
 * @throws {TypeError} If the stop is no integer and no float dtype is given.
 *
 * @example Usage
 * ```ts
 * import { arange } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(arange(4).arraySync(), [0, 1, 2, 3]);
 * ```
 */
export function arange(stop: number, options?: DTypeOption): Tensor;
/**
 * The numbers start, start + step, … before stop, as int32 unless another dtype is given; none if the step leads away
 * from the stop. The step is 1 unless given, and may be negative.
 *
 * @throws {TypeError} If a number is no integer and no float dtype is given.
 * @throws {RangeError} If the step is 0.
 *
 * @example Usage
 * ```ts
 * import { arange } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(arange(5, 1, -2).arraySync(), [5, 3]);
 * assertEquals(arange(0, 1, 0.25, { dtype: "float32" }).arraySync(), [0, 0.25, 0.5, 0.75]);
 * ```
 */
export function arange(start: number, stop: number, step?: number, options?: DTypeOption): Tensor;
export function arange(
  first: number,
  second?: number | DTypeOption,
  third?: number | DTypeOption,
  fourth: DTypeOption = {},
): Tensor {
  const options = [second, third, fourth].find((x) => typeof x === "object") ?? {};
  const bounds = [first, ...[second, third].filter((x) => x !== undefined && x !== options)];
  bounds.forEach((x) => checkFinite("arange", x));
  const [start, stop, step = 1] = (bounds.length === 1 ? [0, first] : bounds) as [number, number, number?];
  if (step === 0) throw new RangeError("arange() cannot count in steps of 0");
  const dtype = dtypeOr("arange", options as DTypeOption, "int32");
  if (!isFloat(dtype) && ![start, stop, step].every(Number.isInteger)) {
    throw new TypeError(
      `arange() cannot count from ${start} to ${stop} by ${step} in ${dtype}: give { dtype: "float32" }`,
    );
  }
  const n = Math.max(0, Math.ceil((stop - start) / step));
  checkShape("arange", [n]);
  const counts = cast(iota([n], 0), dtype);
  const scaled = step === 1 ? counts : mul(counts, step);
  return start === 0 ? scaled : add(scaled, start);
}

function checkFinite(op: string, x: unknown): void {
  if (typeof x !== "number" || !Number.isFinite(x)) {
    throw new TypeError(`${op}() takes finite numbers, got ${describe(x)}`);
  }
}

/**
 * `num` equally spaced points from start to stop, both included: `→ f32[num]`, or float64. One point is the start.
 *
 * @throws {TypeError} If the dtype is none of floats.
 *
 * @example Usage
 * ```ts
 * import { linspace } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(linspace(0, 1, 5).arraySync(), [0, 0.25, 0.5, 0.75, 1]);
 * ```
 */
export function linspace(start: number, stop: number, num: number, options: DTypeOption = {}): Tensor {
  [start, stop].forEach((x) => checkFinite("linspace", x));
  checkCount("linspace", "num", num);
  const dtype = dtypeOr("linspace", options, "float32");
  if (!isFloat(dtype)) throw new TypeError(`linspace() makes floats, not ${dtype}: cast() the result`);
  if (num < 2) return full([num], start, { dtype });
  // Weighted from both ends, so that the last point is `stop` exactly.
  const t = mul(cast(iota([num], 0), dtype), 1 / (num - 1));
  const last = equal(iota([num], 0), num - 1);
  return where(last, stop, add(mul(t, stop - start), start));
}

/**
 * The matrix with ones on its diagonal and zeros elsewhere: `→ f32[n,m]`. It is square unless m is given.
 *
 * @example Usage
 * ```ts
 * import { eye } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(eye(2, 3).arraySync(), [[1, 0, 0], [0, 1, 0]]);
 * ```
 */
export function eye(n: number, m: number = n, options: DTypeOption = {}): Tensor {
  checkShape("eye", [n, m]);
  return cast(equal(iota([n, m], 0), iota([n, m], 1)), dtypeOr("eye", options, "float32"));
}

/**
 * The lower triangle, with zeros above it: `f32[…,n,m] → f32[…,n,m]`. Diagonal k is the last that is kept: 0 the main
 * one, 1 the one above it.
 *
 * @throws {ShapeError} If x has fewer than two axes.
 *
 * @example Usage
 * ```ts
 * import { ones, tril } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tril(ones([2, 3])).arraySync(), [[1, 0, 0], [1, 1, 0]]);
 * ```
 */
export function tril(x: TensorLike, options: { readonly k?: number | undefined } = {}): Tensor {
  const { t, right, k } = band("tril", x, options);
  return where(lessEqual(right, k), t, zerosLike(t));
}

/**
 * The upper triangle, with zeros below it: `f32[…,n,m] → f32[…,n,m]`. Diagonal k is the first that is kept: 0 the main
 * one, 1 the one above it.
 *
 * @throws {ShapeError} If x has fewer than two axes.
 *
 * @example Usage
 * ```ts
 * import { ones, triu } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(triu(ones([2, 3])).arraySync(), [[1, 1, 1], [0, 1, 1]]);
 * assertEquals(triu(ones([2, 3]), { k: 1 }).arraySync(), [[0, 1, 1], [0, 0, 1]]);
 * ```
 */
export function triu(x: TensorLike, options: { readonly k?: number | undefined } = {}): Tensor {
  const { t, right, k } = band("triu", x, options);
  return where(greaterEqual(right, k), t, zerosLike(t));
}

/** A matrix, how far right of the diagonal each of its cells lies, and how far right the boundary is. */
function band(
  op: string,
  x: TensorLike,
  options: { readonly k?: number | undefined },
): { t: Tensor; right: Tensor; k: number } {
  const t = toTensor(op, x);
  checkOptions(op, options);
  const { k = 0 } = options;
  if (!Number.isInteger(k)) throw new TypeError(`${op}() takes a diagonal k that is an integer, got ${describe(k)}`);
  if (t.ndim < 2) throw new ShapeError(`${op}() needs a matrix, got ${typeString(t.type)}`);
  const shape = t.shape.slice(-2);
  return { t, right: add(iota(shape, 1), mul(iota(shape, 0), -1)), k };
}

/**
 * The square matrix with a vector on its diagonal, or the diagonal of a matrix: `f32[n] → f32[n,n]`, `f32[n,m] →
 * f32[min(n,m)]`.
 *
 * @throws {ShapeError} If x is neither a vector nor a matrix.
 *
 * @example Usage
 * ```ts
 * import { diag, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(diag(tensor([1, 2])).arraySync(), [[1, 0], [0, 2]]);
 * assertEquals(diag(tensor([[1, 2], [3, 4], [5, 6]])).arraySync(), [1, 4]);
 * ```
 */
export function diag(x: TensorLike): Tensor {
  const t = toTensor("diag", x);
  if (t.ndim === 1) {
    const n = t.shape[0]!;
    return where(equal(iota([n, n], 0), iota([n, n], 1)), expandDims(t, 0), zerosLike(t));
  }
  if (t.ndim !== 2) throw new ShapeError(`diag() needs a vector or a matrix, got ${typeString(t.type)}`);
  const n = Math.min(...t.shape);
  return reshape(takeAlongAxis(slice(t, { stop: [n] }), iota([n, 1], 0), { axis: 1 }), [n]);
}

/**
 * For each index a row that is 1 at its position and 0 elsewhere: `i32[n] → f32[n,depth]`, float32 unless another
 * dtype is given. Indices have any shape; the new axis is the last. In a tensor, an index out of range gives a row of
 * zeros.
 *
 * @throws {TypeError} If the indices are no integers.
 * @throws {RangeError} If a number among the indices is out of range.
 *
 * @example Usage
 * ```ts
 * import { oneHot, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const labels = tensor([2, 0], { dtype: "int32" });
 * assertEquals(oneHot(labels, 3).arraySync(), [[0, 0, 1], [1, 0, 0]]);
 * ```
 */
export function oneHot(indices: Indices, depth: number, options: DTypeOption = {}): Tensor {
  checkCount("oneHot", "depth", depth);
  const t = inRange("oneHot", indices, depth);
  const classes = cast(iota([depth], 0), t.dtype);
  return cast(equal(expandDims(t, -1), classes), dtypeOr("oneHot", options, "float32"));
}

/**
 * The coordinates of a grid, one tensor for each vector: `f32[n], f32[m] → [f32[m,n], f32[m,n]]`. With `indexing:
 * "ij"` the axes have the order of the vectors, `[n,m]`; by default, "xy", the first two are swapped, as for images.
 *
 * @example Usage
 * ```ts
 * import { meshgrid, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [x, y] = meshgrid([tensor([1, 2, 3]), tensor([10, 20])]);
 * assertEquals(x!.arraySync(), [[1, 2, 3], [1, 2, 3]]);
 * assertEquals(y!.arraySync(), [[10, 10, 10], [20, 20, 20]]);
 * ```
 */
export function meshgrid(
  xs: readonly Tensor[],
  options: { readonly indexing?: "xy" | "ij" | undefined } = {},
): Tensor[] {
  if (!Array.isArray(xs)) throw new TypeError(`meshgrid() takes an array of vectors, got ${describe(xs)}`);
  for (const x of xs) {
    if (!(x instanceof Tensor)) throw new TypeError(`meshgrid() takes vectors, got ${describe(x)}`);
    if (x.ndim !== 1) throw new ShapeError(`meshgrid() takes vectors, got ${typeString(x.type)}`);
  }
  checkOptions("meshgrid", options);
  const { indexing = "xy" } = options;
  if (indexing !== "xy" && indexing !== "ij") {
    throw new TypeError(`meshgrid() takes indexing "xy" or "ij", got ${describe(indexing)}`);
  }
  const order = xs.map((_, i) => i);
  if (indexing === "xy" && xs.length > 1) order.splice(0, 2, 1, 0);
  const shape = order.map((i) => xs[i]!.size);
  return xs.map((x, i) => {
    const axis = order.indexOf(i);
    return broadcastTo(reshape(x, shape.map((n, k) => (k === axis ? n : 1))), shape);
  });
}
