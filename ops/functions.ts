/**
 * Powers, exponentials, logarithms, circular and hyperbolic functions, elementwise, with their derivatives. ULP are units
 * in the last place of the exact value; float16, rounded once more, is within 0.51. tests/ULP.md has what was measured.
 */

import * as s from "./scalar.ts";
import { toFloat } from "./arguments.ts";
import { add, div, floatBinary, mul, neg, square, sub } from "./arithmetic.ts";
import { bind1 } from "./bind.ts";
import { keeping, pointwise } from "./families.ts";
import type { Primitive } from "./primitive.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const sqrtP = pointwise("sqrt", (x) => s.unary("sqrt", x), [keeping(["y"], (g, y) => div(g, mul(2, y)))]);
const rsqrtP = pointwise(
  "rsqrt",
  (x) => s.binary("div", s.constant(1, x.dtype), s.unary("sqrt", x)),
  [keeping([0, "y"], (g, x, y) => mul(mul(g, -0.5), div(y, x)))],
);

const expP = pointwise("exp", (x) => s.unary("exp", x), [keeping(["y"], (g, y) => mul(g, y))]);
const exp2P = pointwise("exp2", (x) => s.unary("exp2", x), [keeping(["y"], (g, y) => mul(g, mul(y, Math.LN2)))]);
const expm1P = pointwise("expm1", (x) => s.unary("expm1", x), [keeping(["y"], (g, y) => mul(g, add(y, 1)))]);
const logP = pointwise("log", (x) => s.unary("log", x), [keeping([0], (g, x) => div(g, x))]);
const log2P = pointwise("log2", (x) => s.unary("log2", x), [keeping([0], (g, x) => div(g, mul(x, Math.LN2)))]);
const log10P = pointwise("log10", (x) => s.unary("log10", x), [keeping([0], (g, x) => div(g, mul(x, Math.LN10)))]);
const log1pP = pointwise("log1p", (x) => s.unary("log1p", x), [keeping([0], (g, x) => div(g, add(x, 1)))]);
const sinP = pointwise("sin", (x) => s.unary("sin", x), [keeping([0], (g, x) => mul(g, cos(x)))]);
const cosP = pointwise("cos", (x) => s.unary("cos", x), [keeping([0], (g, x) => neg(mul(g, sin(x))))]);
const tanP = pointwise("tan", (x) => s.unary("tan", x), [keeping(["y"], (g, y) => mul(g, add(mul(y, y), 1)))]);
const sinhP = pointwise("sinh", (x) => s.unary("sinh", x), [keeping([0], (g, x) => mul(g, cosh(x)))]);
const coshP = pointwise("cosh", (x) => s.unary("cosh", x), [keeping([0], (g, x) => mul(g, sinh(x)))]);
const tanhP = pointwise("tanh", (x) => s.unary("tanh", x), [keeping(["y"], (g, y) => mul(g, sub(1, mul(y, y))))]);
const asinP = pointwise("asin", (x) => s.unary("asin", x), [keeping([0], (g, x) => mul(g, rsqrt(toCircle(x))))]);
const acosP = pointwise("acos", (x) => s.unary("acos", x), [keeping([0], (g, x) => neg(mul(g, rsqrt(toCircle(x)))))]);
const atanP = pointwise("atan", (x) => s.unary("atan", x), [keeping([0], (g, x) => div(g, add(square(x), 1)))]);
const asinhP = pointwise("asinh", (x) => s.unary("asinh", x), [
  keeping([0], (g, x) => mul(g, rsqrt(add(square(x), 1)))),
]);
const acoshP = pointwise("acosh", (x) => s.unary("acosh", x), [
  keeping([0], (g, x) => mul(g, mul(rsqrt(sub(x, 1)), rsqrt(add(x, 1))))),
]);
const atanhP = pointwise("atanh", (x) => s.unary("atanh", x), [keeping([0], (g, x) => div(g, toCircle(x)))]);
const cbrtP = pointwise("cbrt", (x) => s.unary("cbrt", x), [keeping(["y"], (g, y) => div(g, mul(3, square(y))))]);
const atan2P = pointwise("atan2", (a, b) => s.binary("atan2", a, b), [
  keeping([0, 1], (g, a, b) => mul(g, div(b, add(mul(a, a), mul(b, b))))),
  keeping([0, 1], (g, a, b) => neg(mul(g, div(a, add(mul(a, a), mul(b, b)))))),
]);

/** 1 − x², with its digits also where x is near ±1. */
function toCircle(x: Tensor): Tensor {
  return mul(sub(1, x), add(1, x));
}

/** A function of floats; integers and bools become float32. */
export function floatUnary(primitive: Primitive<null>, x: TensorLike): Tensor {
  return bind1(primitive, [toFloat(primitive.name, x)], null);
}

/**
 * The angle of the point (x, y) from the positive x axis, in radians from −π to π, elementwise. Operands broadcast and
 * promote as in {@linkcode add}; integers and bools become float32. The derivative at (0, 0) is NaN. The value is
 * within 1 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { atan2 } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(atan2(1, -1).item() as number, 3 * Math.PI / 4, 1e-6);
 * ```
 */
export function atan2(y: TensorLike, x: TensorLike): Tensor {
  return floatBinary(atan2P, y, x);
}

/**
 * The exponential e^x, elementwise. Integers and bools become float32. The value is within 2 ULP in float32 and 1 in
 * float64.
 *
 * @example Usage
 * ```ts
 * import { exp, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(exp(tensor([0, -Infinity])).arraySync(), [1, 0]);
 * ```
 */
export function exp(x: TensorLike): Tensor {
  return floatUnary(expP, x);
}

/**
 * The power 2^x, elementwise. Integers and bools become float32. The value is within 2 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { exp2, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(exp2(tensor([0, 1, 10])).arraySync(), [1, 2, 1024]);
 * ```
 */
export function exp2(x: TensorLike): Tensor {
  return floatUnary(exp2P, x);
}

/**
 * e^x − 1, elementwise, right to the last digits also where x is small. Integers and bools become float32. The value is
 * within 2 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { expm1, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(expm1(tensor([1e-12], { dtype: "float64" })).arraySync(), [Math.expm1(1e-12)]);
 * ```
 */
export function expm1(x: TensorLike): Tensor {
  return floatUnary(expm1P, x);
}

/**
 * The natural logarithm, elementwise: −∞ at 0 and NaN below. Integers and bools become float32. The value is within 2
 * ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { log, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(log(tensor([1, 0])).arraySync(), [0, -Infinity]);
 * ```
 */
export function log(x: TensorLike): Tensor {
  return floatUnary(logP, x);
}

/**
 * The logarithm to base 2, elementwise: −∞ at 0 and NaN below. Integers and bools become float32. The value is within 2
 * ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { log2, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(log2(tensor([1, 2, 1024])).arraySync(), [0, 1, 10]);
 * ```
 */
export function log2(x: TensorLike): Tensor {
  return floatUnary(log2P, x);
}

/**
 * The logarithm to base 10, elementwise: −∞ at 0 and NaN below. Integers and bools become float32. The value is within
 * 3 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { allClose, log10, tensor } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * assert(allClose(log10(tensor([1, 10, 1000])), tensor([0, 1, 3])));
 * ```
 */
export function log10(x: TensorLike): Tensor {
  return floatUnary(log10P, x);
}

/**
 * log(1 + x), elementwise, right to the last digits also where x is small: −∞ at −1 and NaN below. Integers and bools
 * become float32. The value is within 3 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { log1p, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(log1p(tensor([1e-12], { dtype: "float64" })).arraySync(), [Math.log1p(1e-12)]);
 * ```
 */
export function log1p(x: TensorLike): Tensor {
  return floatUnary(log1pP, x);
}

/**
 * The square root, elementwise, NaN below 0. Integers and bools become float32. The derivative 1 / (2√x) is ∞ at 0. The
 * value is correctly rounded.
 *
 * @example Usage
 * ```ts
 * import { sqrt, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sqrt(tensor([0, 4, 9])).arraySync(), [0, 2, 3]);
 * ```
 */
export function sqrt(x: TensorLike): Tensor {
  return floatUnary(sqrtP, x);
}

/**
 * One over the square root, 1 / √x, elementwise: ∞ at 0 and NaN below. Integers and bools become float32. The value is
 * within 2 ULP in float32 and 2 in float64.
 *
 * @example Usage
 * ```ts
 * import { rsqrt, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(rsqrt(tensor([0.25, 1, 4])).arraySync(), [2, 1, 0.5]);
 * ```
 */
export function rsqrt(x: TensorLike): Tensor {
  return floatUnary(rsqrtP, x);
}

/**
 * The sine of x in radians, elementwise, NaN at ±∞. Integers and bools become float32. The value is within 2 ULP in
 * float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { sin } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(sin(Math.PI / 6).item() as number, 0.5, 1e-6);
 * ```
 */
export function sin(x: TensorLike): Tensor {
  return floatUnary(sinP, x);
}

/**
 * The cosine of x in radians, elementwise, NaN at ±∞. Integers and bools become float32. The value is within 2 ULP in
 * float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { cos } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(cos(Math.PI / 3).item() as number, 0.5, 1e-6);
 * ```
 */
export function cos(x: TensorLike): Tensor {
  return floatUnary(cosP, x);
}

/**
 * The tangent of x in radians, elementwise, NaN at ±∞. Integers and bools become float32. The value is within 4 ULP in
 * float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { tan } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(tan(Math.PI / 4).item() as number, 1, 1e-6);
 * ```
 */
export function tan(x: TensorLike): Tensor {
  return floatUnary(tanP, x);
}

/**
 * The hyperbolic sine (e^x − e^−x) / 2, elementwise. Integers and bools become float32. The value is within 3 ULP in
 * float32 and 2 in float64.
 *
 * @example Usage
 * ```ts
 * import { sinh } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(sinh(1).item() as number, Math.sinh(1), 1e-6);
 * ```
 */
export function sinh(x: TensorLike): Tensor {
  return floatUnary(sinhP, x);
}

/**
 * The hyperbolic cosine (e^x + e^−x) / 2, elementwise. Integers and bools become float32. The value is within 2 ULP in
 * float32 and 2 in float64.
 *
 * @example Usage
 * ```ts
 * import { cosh } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(cosh(1).item() as number, Math.cosh(1), 1e-6);
 * ```
 */
export function cosh(x: TensorLike): Tensor {
  return floatUnary(coshP, x);
}

/**
 * The hyperbolic tangent, elementwise, from −1 to 1. Integers and bools become float32. The derivative is 1 − tanh² x.
 * The value is within 3 ULP in float32 and 3 in float64.
 *
 * @example Usage
 * ```ts
 * import { tanh, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tanh(tensor([-100, 0, 100])).arraySync(), [-1, 0, 1]);
 * ```
 */
export function tanh(x: TensorLike): Tensor {
  return floatUnary(tanhP, x);
}

/**
 * The angle from −π/2 to π/2 whose sine is x, elementwise: NaN outside [−1, 1]. Integers and bools become float32. The
 * derivative 1 / √(1 − x²) is ∞ at ±1. The value is within 1 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { asin } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(asin(0.5).item() as number, Math.PI / 6, 1e-6);
 * ```
 */
export function asin(x: TensorLike): Tensor {
  return floatUnary(asinP, x);
}

/**
 * The angle from 0 to π whose cosine is x, elementwise: NaN outside [−1, 1]. Integers and bools become float32. The
 * derivative −1 / √(1 − x²) is −∞ at ±1. The value is within 1 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { acos } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(acos(0.5).item() as number, Math.PI / 3, 1e-6);
 * ```
 */
export function acos(x: TensorLike): Tensor {
  return floatUnary(acosP, x);
}

/**
 * The angle from −π/2 to π/2 whose tangent is x, elementwise: the bounds themselves at ±∞. Integers and bools become
 * float32. The derivative is 1 / (1 + x²). The value is within 1 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { atan } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(atan(1).item() as number, Math.PI / 4, 1e-6);
 * ```
 */
export function atan(x: TensorLike): Tensor {
  return floatUnary(atanP, x);
}

/**
 * The number whose hyperbolic sine is x, elementwise: log(x + √(x² + 1)). Integers and bools become float32. The
 * derivative is 1 / √(x² + 1). The value is within 1 ULP in float32 and 2 in float64.
 *
 * @example Usage
 * ```ts
 * import { asinh } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(asinh(1).item() as number, Math.log(1 + Math.SQRT2), 1e-6);
 * ```
 */
export function asinh(x: TensorLike): Tensor {
  return floatUnary(asinhP, x);
}

/**
 * The number from 0 up whose hyperbolic cosine is x, elementwise: log(x + √(x² − 1)), and NaN below 1. Integers and
 * bools become float32. The derivative 1 / √(x² − 1) is ∞ at 1. The value is within 1 ULP in float32 and 2 in
 * float64.
 *
 * @example Usage
 * ```ts
 * import { acosh } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(acosh(2).item() as number, Math.log(2 + Math.sqrt(3)), 1e-6);
 * ```
 */
export function acosh(x: TensorLike): Tensor {
  return floatUnary(acoshP, x);
}

/**
 * The number whose hyperbolic tangent is x, elementwise: ½·log((1 + x) / (1 − x)), ±∞ at ±1, and NaN beyond. Integers
 * and bools become float32. The derivative is 1 / (1 − x²). The value is within 1 ULP in float32 and 2 in float64.
 *
 * @example Usage
 * ```ts
 * import { atanh } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(atanh(0.5).item() as number, Math.log(3) / 2, 1e-6);
 * ```
 */
export function atanh(x: TensorLike): Tensor {
  return floatUnary(atanhP, x);
}

/**
 * The cube root, elementwise, of negative numbers too. Integers and bools become float32. The derivative is ∞ at 0. The
 * value is within 1 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { cbrt, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cbrt(tensor([-8, 0, 27])).arraySync(), [-2, 0, 3]);
 * ```
 */
export function cbrt(x: TensorLike): Tensor {
  return floatUnary(cbrtP, x);
}
