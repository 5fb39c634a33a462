/** Activation functions that are primitives, for the sake of what they keep and of exact derivatives. */

import { toFloat } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { zerosLike } from "./create.ts";
import { mul, sub } from "./arithmetic.ts";
import { greater, where } from "./logic.ts";
import { pointwise } from "./families.ts";
import { binary, constant, type Scalar, select, unary } from "./scalar.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const reluP = pointwise("relu", (x) => binary("max", x, constant(0, x.dtype)), [
  { keeps: ["y"], of: (g, y) => where(greater(y!, 0), g, zerosLike(g)) },
]);

/** exp(−|x|), which never overflows. */
function decay(x: Scalar): Scalar {
  return unary("exp", unary("neg", unary("abs", x)));
}

const sigmoidP = pointwise("sigmoid", (x) => {
  const [zero, one] = [constant(0, x.dtype), constant(1, x.dtype)];
  const e = decay(x);
  return binary("div", select(binary("lt", x, zero), e, one), binary("add", one, e));
}, [{ keeps: ["y"], of: (g, y) => mul(g, mul(y!, sub(1, y!))) }]);

// A primitive because as a composition its second derivative would be wrong at 0, where untrained logits are.
const softplusP = pointwise(
  "softplus",
  (x) => binary("add", binary("max", x, constant(0, x.dtype)), unary("log1p", decay(x))),
  [{ keeps: [0], of: (g, x) => mul(g, sigmoid(x!)) }],
);

/**
 * The rectifier max(x, 0), elementwise; NaN stays NaN. Its derivative at 0 is 0.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.relu(tensor([-1, 0, 2])).arraySync(), [0, 0, 2]);
 * ```
 */
export function relu(x: TensorLike): Tensor {
  return bind1(reluP, [toFloat("relu", x)], null);
}

/**
 * The logistic function 1 / (1 + e^−x), elementwise. Its derivative is σ(x)(1 − σ(x)). The value is within 3 ULP in
 * float32 and 2 in float64.
 *
 * @example Usage
 * ```ts
 * import { nn } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.sigmoid(0).item(), 0.5);
 * ```
 */
export function sigmoid(x: TensorLike): Tensor {
  return bind1(sigmoidP, [toFloat("sigmoid", x)], null);
}

/**
 * The smooth rectifier log(1 + e^x), elementwise, right to the last digits for large |x|: it is x at 1e4 and 0 at −1e4.
 * Its derivative is the sigmoid. The value is within 2 ULP in float32 and 2 in float64.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.softplus(tensor([-1e4, 1e4])).arraySync(), [0, 1e4]);
 * ```
 */
export function softplus(x: TensorLike): Tensor {
  return bind1(softplusP, [toFloat("softplus", x)], null);
}
