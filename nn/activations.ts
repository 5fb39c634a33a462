/** Activation functions that are compositions; on known values each runs as one kernel. */

import { checkOptions, toFloat } from "../ops/arguments.ts";
import { relu, sigmoid, softplus } from "../ops/activation.ts";
import { derived } from "../ops/derived.ts";
import { abs, add, clip, div, mul, neg, square } from "../ops/arithmetic.ts";
import { expm1, tanh as tanhOf } from "../ops/functions.ts";
import { greater, greaterEqual, where } from "../ops/logic.ts";
import { erfc } from "../ops/special.ts";
import { describe, ShapeError } from "../ops/errors.ts";
import { throughFloat32 } from "../ops/rounded_once.ts";
import { split } from "../ops/joining.ts";
import { normalizeAxis, typeString } from "../ops/shape.ts";
import type { Tensor, TensorLike } from "../ops/tensor.ts";

/** A composition with plain settings; float16 is rounded once, in the end. */
function composed<S>(name: string, body: (x: Tensor, settings: S) => Tensor): (x: TensorLike, settings: S) => Tensor {
  const run = derived(name, (xs, settings: S) => throughFloat32(xs, (x) => body(x!, settings)));
  return (x, settings) => run([toFloat(name, x)], settings);
}

/** x above 0, `height`·(e^(x / width) − 1) below. */
function exponentialTail(x: Tensor, height: number, width: number): Tensor {
  const positive = greater(x, 0);
  // The branch that is not chosen must not overflow: its derivative would be 0·∞.
  return where(positive, x, mul(height, expm1(div(where(positive, 0, x), width))));
}

const siluOf = composed("silu", (x) => mul(x, sigmoid(x)));
const geluOf = composed("gelu", (x) => {
  const inner = mul(Math.sqrt(2 / Math.PI), mul(x, add(1, mul(0.044715, square(x)))));
  return mul(mul(0.5, x), add(1, tanhOf(inner)));
});
/** ½·erfc(−x/√2) is Φ(x) with its digits also where it is small. */
const exactGeluOf = composed("gelu", (x) => mul(mul(0.5, x), erfc(mul(-Math.SQRT1_2, x))));
const eluOf = composed("elu", (x, alpha: number) => exponentialTail(x, alpha, 1));
const celuOf = composed("celu", (x, alpha: number) => exponentialTail(x, alpha, alpha));
// The fixed point of mean 0 and variance 1, from the paper.
const seluOf = composed("selu", (x) => mul(1.0507009873554805, exponentialTail(x, 1.6732632423543772, 1)));
const leakyReluOf = composed("leakyRelu", (x, slope: number) => where(greaterEqual(x, 0), x, mul(slope, x)));
const logSigmoidOf = composed("logSigmoid", (x) => neg(softplus(neg(x))));
const hardSigmoidOf = composed("hardSigmoid", (x) => div(clip(add(x, 3), { min: 0, max: 6 }), 6));
const hardSwishOf = composed("hardSwish", (x) => mul(x, div(clip(add(x, 3), { min: 0, max: 6 }), 6)));
const mishOf = composed("mish", (x) => mul(x, tanhOf(softplus(x))));
const softsignOf = composed("softsign", (x) => div(x, add(1, abs(x))));
const squaredReluOf = composed("squaredRelu", (x) => square(relu(x)));

/**
 * The sigmoid-weighted unit x·σ(x), elementwise; also known as swish.
 *
 * @example Usage
 * ```ts
 * import { nn } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.silu(0).item(), 0);
 * ```
 */
export function silu(x: TensorLike): Tensor {
  return siluOf(x, null);
}

/**
 * The Gaussian error unit x·Φ(x), elementwise, where Φ is the distribution function of the standard normal distribution.
 *
 * @param options With `approximate`, the default, ½x(1 + tanh(√(2/π)(x + 0.044715 x³))), which is off by at most 5e-4;
 * else the exact ½x(1 + erf(x/√2)).
 *
 * @example Usage
 * ```ts
 * import { nn } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(nn.gelu(1).item() as number, 0.841192, 1e-6);
 * assertAlmostEquals(nn.gelu(1, { approximate: false }).item() as number, 0.841345, 1e-6);
 * ```
 *
 * Reference: Hendrycks and Gimpel, Gaussian error linear units, arXiv:1606.08415.
 */
export function gelu(x: TensorLike, options: { readonly approximate?: boolean | undefined } = {}): Tensor {
  checkOptions("gelu", options, ["approximate"]);
  const { approximate = true } = options;
  if (typeof approximate !== "boolean") {
    throw new TypeError(`gelu() takes approximate as a boolean, got ${describe(approximate)}`);
  }
  return approximate ? geluOf(x, null) : exactGeluOf(x, null);
}

/**
 * x above 0 and `alpha`·(e^x − 1) below, elementwise. With the default alpha the value is within 2 ULP in float32 and 1
 * in float64.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.elu(tensor([-1e4, 0, 2])).arraySync(), [-1, 0, 2]);
 * ```
 */
export function elu(x: TensorLike, options: { readonly alpha?: number | undefined } = {}): Tensor {
  checkOptions("elu", options, ["alpha"]);
  return eluOf(x, options.alpha ?? 1);
}

/**
 * x above 0 and `alpha`·(e^(x / alpha) − 1) below, elementwise: its slope at 0 is 1 for every `alpha`.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.celu(tensor([-1e4, 0, 2]), { alpha: 3 }).arraySync(), [-3, 0, 2]);
 * ```
 */
export function celu(x: TensorLike, options: { readonly alpha?: number | undefined } = {}): Tensor {
  checkOptions("celu", options, ["alpha"]);
  return celuOf(x, options.alpha ?? 1);
}

/**
 * The self-normalising unit: 1.0507 times `elu` with alpha 1.6733, elementwise.
 *
 * @example Usage
 * ```ts
 * import { nn } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(nn.selu(1).item() as number, 1.050701, 1e-6);
 * ```
 *
 * Reference: Klambauer et al., Self-normalizing neural networks, NIPS 2017.
 */
export function selu(x: TensorLike): Tensor {
  return seluOf(x, null);
}

/**
 * x from 0 up and `negativeSlope`·x below, elementwise. Its derivative at 0 is 1.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.leakyRelu(tensor([-2, 3]), { negativeSlope: 0.5 }).arraySync(), [-1, 3]);
 * ```
 */
export function leakyRelu(x: TensorLike, options: { readonly negativeSlope?: number | undefined } = {}): Tensor {
  checkOptions("leakyRelu", options, ["negativeSlope"]);
  return leakyReluOf(x, options.negativeSlope ?? 0.01);
}

/**
 * The logarithm of the sigmoid, −log(1 + e^−x), elementwise, right for large |x| where the sigmoid is 0 or 1. The value
 * is within 2 ULP in float32 and 2 in float64.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.logSigmoid(tensor([-1e4, 200])).arraySync(), [-1e4, 0]);
 * ```
 */
export function logSigmoid(x: TensorLike): Tensor {
  return logSigmoidOf(x, null);
}

/**
 * The sigmoid in three straight pieces: (x + 3) / 6 between 0 and 1, elementwise. At a corner its derivative is the mean
 * of both sides.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.hardSigmoid(tensor([-4, 0, 4])).arraySync(), [0, 0.5, 1]);
 * ```
 */
export function hardSigmoid(x: TensorLike): Tensor {
  return hardSigmoidOf(x, null);
}

/**
 * x between −1 and 1, elementwise. At a corner its derivative is ½.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.hardTanh(tensor([-4, 0.5, 4])).arraySync(), [-1, 0.5, 1]);
 * ```
 */
export function hardTanh(x: TensorLike): Tensor {
  return clip(toFloat("hardTanh", x), { min: -1, max: 1 });
}

/**
 * x·hardSigmoid(x), elementwise.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.hardSwish(tensor([-3, 0, 3])).arraySync(), [-0, 0, 3]);
 * ```
 */
export function hardSwish(x: TensorLike): Tensor {
  return hardSwishOf(x, null);
}

/**
 * x·tanh(softplus(x)), elementwise.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.mish(tensor([0, 1e4])).arraySync(), [0, 1e4]);
 * ```
 */
export function mish(x: TensorLike): Tensor {
  return mishOf(x, null);
}

/**
 * x / (1 + |x|), elementwise.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.softsign(tensor([-1, 0, 3])).arraySync(), [-0.5, 0, 0.75]);
 * ```
 */
export function softsign(x: TensorLike): Tensor {
  return softsignOf(x, null);
}

/**
 * x between 0 and 6, elementwise. At a corner its derivative is ½.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.relu6(tensor([-1, 3, 8])).arraySync(), [0, 3, 6]);
 * ```
 */
export function relu6(x: TensorLike): Tensor {
  return clip(toFloat("relu6", x), { min: 0, max: 6 });
}

/**
 * The square of the rectifier, max(x, 0)², elementwise.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.squaredRelu(tensor([-1, 3])).arraySync(), [0, 9]);
 * ```
 */
export function squaredRelu(x: TensorLike): Tensor {
  return squaredReluOf(x, null);
}

/**
 * The gated linear unit a·σ(b), where a and b are the two halves of an axis: `f32[n,2k] → f32[n,k]`.
 *
 * @param options `axis` to halve, the last unless given.
 * @throws {ShapeError} if the axis has an odd size.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.glu(tensor([3, 4, 0, 0])).arraySync(), [1.5, 2]);
 * ```
 *
 * Reference: Dauphin et al., Language modeling with gated convolutional networks, ICML 2017.
 */
export function glu(x: TensorLike, options: { readonly axis?: number | undefined } = {}): Tensor {
  const t = toFloat("glu", x);
  checkOptions("glu", options, ["axis"]);
  const axis = normalizeAxis("glu", options.axis ?? -1, t.ndim);
  if (t.shape[axis]! % 2 !== 0) {
    throw new ShapeError(`glu() cannot halve axis ${axis} of ${typeString(t.type)}: its size must be even`);
  }
  const [a, b] = split(t, 2, { axis });
  return mul(a!, sigmoid(b!));
}
