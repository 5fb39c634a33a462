/** The error function, the gamma function's logarithm and their kin, elementwise, with their derivatives. */

import * as s from "./scalar.ts";
import { add, mul, neg, square } from "./arithmetic.ts";
import { matched } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { keeping, pointwise } from "./families.ts";
import { exp, floatUnary } from "./functions.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const halfRootPi = Math.sqrt(Math.PI) / 2;
const twoOverRootPi = 2 / Math.sqrt(Math.PI);

const erfP = pointwise("erf", (x) => s.unary("erf", x), [
  keeping([0], (g, x) => mul(g, mul(twoOverRootPi, exp(neg(square(x)))))),
]);
const erfcP = pointwise("erfc", (x) => s.unary("erfc", x), [
  keeping([0], (g, x) => mul(g, mul(-twoOverRootPi, exp(neg(square(x)))))),
]);
const erfinvP = pointwise("erfinv", (x) => s.unary("erfinv", x), [
  keeping(["y"], (g, y) => mul(g, mul(halfRootPi, exp(square(y))))),
]);
const lgammaP = pointwise("lgamma", (x) => s.unary("lgamma", x), [keeping([0], (g, x) => mul(g, digamma(x)))]);
const digammaP = pointwise("digamma", (x) => s.unary("digamma", x), [
  keeping([0], (g, x) => mul(g, polygamma(1, x))),
]);
/** Of an order, which is whole and so has no derivative, and x. */
const polygammaP = pointwise("polygamma", (n, x) => s.binary("polygamma", n, x), [
  null,
  keeping([0, 1], (g, n, x) => mul(g, polygamma(add(n, 1), x))),
]);

/** The n-th derivative of digamma. */
function polygamma(n: TensorLike, x: Tensor): Tensor {
  return bind1(polygammaP, matched("polygamma", [n, x]), null);
}

/**
 * The error function 2/√π · ∫₀ˣ e^(−t²) dt, elementwise, from −1 to 1. Integers and bools become float32. The
 * derivative is 2/√π · e^(−x²). The value is within 1 ULP in float32 and 1 in float64.
 *
 * @example Usage
 * ```ts
 * import { erf } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(erf(0.5).item() as number, 0.5204998778, 1e-6);
 * ```
 */
export function erf(x: TensorLike): Tensor {
  return floatUnary(erfP, x);
}

/**
 * The complementary error function 1 − erf(x), elementwise, from 2 to 0, with all its digits also where it is small.
 * Integers and bools become float32. The derivative is −2/√π · e^(−x²). The value is within 1 ULP in float32 and 3 in
 * float64.
 *
 * @example Usage
 * ```ts
 * import { erfc } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(erfc(5).item() as number / 1.5374597944e-12, 1, 1e-6);
 * ```
 */
export function erfc(x: TensorLike): Tensor {
  return floatUnary(erfcP, x);
}

/**
 * The inverse of {@linkcode erf}, elementwise: ±∞ at ±1 and NaN beyond. Integers and bools become float32. The
 * derivative is √π/2 · e^(y²) where y is the result: ∞ at ±1. The value is within 1 ULP in float32 and 3 in float64.
 *
 * @example Usage
 * ```ts
 * import { erf, erfinv } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(erf(erfinv(0.75)).item() as number, 0.75, 1e-6);
 * ```
 */
export function erfinv(x: TensorLike): Tensor {
  return floatUnary(erfinvP, x);
}

/**
 * The logarithm of the absolute value of the gamma function, log |Γ(x)|, elementwise: log (x − 1)! for whole x, and ∞
 * at 0, at negative integers and at ±∞. Integers and bools become float32. The derivative is {@linkcode digamma}. The
 * value is within 1 ULP in float32 and 3 in float64.
 *
 * At negative arguments, where it is a difference, the last place is that of 1 if the result is smaller.
 *
 * @example Usage
 * ```ts
 * import { lgamma } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(lgamma(5).item() as number, Math.log(24), 1e-6);
 * ```
 */
export function lgamma(x: TensorLike): Tensor {
  return floatUnary(lgammaP, x);
}

/**
 * The derivative of {@linkcode lgamma}, elementwise: NaN at 0, at negative integers and at −∞. Integers and bools
 * become float32. It has derivatives of every order, the polygamma functions. The value is within 1 ULP in float32
 * and 5 in float64.
 *
 * At negative arguments, where it is a difference, the last place is that of 1, or of log |x|, if the result is smaller.
 *
 * @example Usage
 * ```ts
 * import { digamma } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const eulersConstant = 0.5772156649;
 * assertAlmostEquals(digamma(1).item() as number, -eulersConstant, 1e-6);
 * ```
 */
export function digamma(x: TensorLike): Tensor {
  return floatUnary(digammaP, x);
}
