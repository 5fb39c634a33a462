/** Tensors out of nothing: constants and counting. */

import { checkOptions, storable, toTensor } from "./arguments.ts";
import { add, mul } from "./arithmetic.ts";
import { bind1 } from "./bind.ts";
import { cast } from "./cast.ts";
import { currentDevice, placeBeside } from "./devices.ts";
import { type DType, dtypes, isDType, isFloat, toDType, wideOf } from "./dtype.ts";
import { describe } from "./errors.ts";
import { equal, where } from "./logic.ts";
import { notDifferentiable, type Primitive } from "./primitive.ts";
import { axisIndex, constant } from "./scalar.ts";
import { checkCount, checkShape, type Shape } from "./shape.ts";
import { type Device, Tensor, type TensorLike } from "./tensor.ts";

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
export function dtypeOr<O extends DTypeOption>(
  op: string,
  options: O,
  fallback: DType,
  known: readonly (keyof O & string)[] = ["dtype"],
): DType {
  checkOptions(op, options, known);
  const { dtype } = options;
  if (dtype === undefined) return fallback;
  if (!isDType(dtype)) throw new TypeError(`${op}() takes a dtype among ${dtypes.join(", ")}, got ${describe(dtype)}`);
  return dtype;
}

/** A constant tensor on a device: that of the tensors which it will meet. `shape` is trusted. */
export function constantOf(value: number, dtype: DType, shape: Shape, device: Device): Tensor {
  return bind1(fullP, [], { value: toDType(value, dtype), dtype, shape }, device);
}

/** Positions along an axis, as int32, on a device: that of the tensors which they will meet. */
export function iota(shape: Shape, axis: number, device: Device): Tensor {
  return bind1(iotaP, [], { axis, shape }, device);
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
  return constantOf(storable("full", value, dtype), dtype, [...shape], currentDevice());
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
  return constantOf(0, dtypeOr("zeros", options, "float32"), [...shape], currentDevice());
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
  return constantOf(1, dtypeOr("ones", options, "float32"), [...shape], currentDevice());
}

/**
 * Zeros of the shape and, unless another is given, the dtype of x, on its device.
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
 * Ones of the shape and, unless another is given, the dtype of x, on its device.
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
 * A tensor filled with one value, of the shape and, unless another is given, the dtype of x, on its device.
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
  return constantOf(storable("fullLike", value, dtype), dtype, type.shape, placeBeside([x]));
}

function likeOf(op: string, x: TensorLike, value: number, options: DTypeOption): Tensor {
  const type = x instanceof Tensor ? x.type : toTensor(op, x).type;
  return constantOf(value, dtypeOr(op, options, type.dtype), type.shape, placeBeside([x]));
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
  const counts = cast(iota([n], 0, currentDevice()), wideOf(dtype));
  return cast(add(mul(counts, step), start), dtype);
}

function checkFinite(op: string, x: unknown): void {
  if (typeof x !== "number" || !Number.isFinite(x)) {
    throw new TypeError(`${op}() takes finite numbers, got ${describe(x)}`);
  }
}

/**
 * `num` equally spaced points from start to stop, both included: `→ f32[num]`, or another float dtype. One point is the start.
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
  const position = iota([num], 0, currentDevice());
  const t = mul(cast(position, wideOf(dtype)), 1 / (num - 1));
  const last = equal(position, num - 1);
  return cast(where(last, stop, add(mul(t, stop - start), start)), dtype);
}
