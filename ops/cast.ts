/** The same values as another dtype, or as constants to differentiation. */

import * as s from "./scalar.ts";
import { toTensor } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { type DType, dtypes, isDType } from "./dtype.ts";
import { describe } from "./errors.ts";
import { perDType } from "./families.ts";
import type { Kernel } from "./kernel.ts";
import { notDifferentiable, type Primitive } from "./primitive.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const stopGradientP: Primitive<null> = {
  name: "stopGradient",
  infer: ([x]) => [x!],
  kernel: () => sameView,
  derivative: notDifferentiable("stopGradient() was asked to stop it"),
  batch(inputs) {
    return [bind1(this, inputs, null)];
  },
};

const sameView: Kernel = { kind: "view", apply: (x) => x };

const castKernel = perDType((from) => perDType((to): Kernel => ({ kind: "map", body: s.cast(s.input(0, from), to) })));

const castP: Primitive<{ readonly dtype: DType }> = {
  name: "cast",
  infer: ([x], { dtype }) => [{ dtype, shape: x!.shape }],
  kernel: ([x], { dtype }) => castKernel(x!.dtype)(dtype),
  derivative: { kind: "linear", linear: [0], transpose: (g, _, __, [x]) => [cast(g, x!.dtype)] },
  batch(inputs, _, params) {
    return [bind1(this, inputs, params)];
  },
};

/**
 * x itself, through which no derivative flows: transforms take it for a constant.
 *
 * @example Usage
 * ```ts
 * import { grad, mul, stopGradient } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * // d/dx of c · x, with c = x held fixed.
 * assertEquals(grad((x: number) => mul(stopGradient(x), x))(3).item(), 3);
 * ```
 */
export function stopGradient(x: TensorLike): Tensor {
  return bind1(stopGradientP, [toTensor("stopGradient", x)], null);
}

/**
 * x as another dtype, of the same shape.
 *
 * Floats become integers by dropping the fraction; what is too large or too small becomes the largest or smallest
 * value, and NaN becomes 0. Integers become other integers by wrapping. Anything but 0 becomes true (NaN included).
 * The derivative is cast back; it is 0 through integers and bools.
 *
 * @throws {TypeError} If the dtype is not one of `float32`, `float64`, `float16`, `int32`, `uint32`, `bool`.
 *
 * @example Usage
 * ```ts
 * import { cast, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cast(tensor([1.9, -1.9, 1e10, NaN]), "int32").arraySync(), [1, -1, 2147483647, 0]);
 * assertEquals(cast(tensor([0, 0.5]), "bool").arraySync(), [false, true]);
 * ```
 */
export function cast(x: TensorLike, dtype: DType): Tensor {
  if (!isDType(dtype)) throw new TypeError(`cast() takes a dtype among ${dtypes.join(", ")}, got ${describe(dtype)}`);
  const t = toTensor("cast", x);
  return t.dtype === dtype ? t : bind1(castP, [t], { dtype });
}
