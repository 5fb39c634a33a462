/** Softmax and its logarithm, computed from shifted logits so that nothing overflows. */

import { checkOptions, toFloat } from "./arguments.ts";
import { div, sub } from "./arithmetic.ts";
import { exp, log } from "./functions.ts";
import { derived } from "./derived.ts";
import { largest, sum } from "./reduction.ts";
import { throughFloat32 } from "./rounded_once.ts";
import { normalizeAxes } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Options of {@linkcode softmax} and {@linkcode logSoftmax}. */
export interface SoftmaxOptions {
  /** The axis, or axes, over which the result adds up to 1; the last by default. */
  readonly axis?: number | readonly number[] | undefined;
}

const softmaxOver = derived("softmax", (xs, axes: readonly number[]) =>
  throughFloat32(xs, (x) => {
    const e = exp(sub(x!, largest(x!, axes)));
    return div(e, sum(e, { axis: axes, keepDims: true }));
  }));

const logSoftmaxOver = derived("logSoftmax", (xs, axes: readonly number[]) =>
  throughFloat32(xs, (x) => {
    const shifted = sub(x!, largest(x!, axes));
    return sub(shifted, log(sum(exp(shifted), { axis: axes, keepDims: true })));
  }));

function axesOf(op: string, t: Tensor, options: SoftmaxOptions): number[] {
  checkOptions(op, options, ["axis"]);
  const { axis = t.ndim === 0 ? [] : -1 } = options;
  return normalizeAxes(op, axis, t.ndim);
}

/**
 * Probabilities from logits, e^x / Σ e^x over an axis (the last by default): `f32[n,k] → f32[n,k]`.
 *
 * The largest logit is subtracted first, so that nothing overflows. A logit of −∞ has probability 0; a slice with NaN
 * or ∞, or of −∞ alone, is NaN. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { softmax, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(softmax(tensor([1e4, 1e4])).arraySync(), [0.5, 0.5]);
 * ```
 */
export function softmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  const t = toFloat("softmax", x);
  return softmaxOver([t], axesOf("softmax", t, options));
}

/**
 * The logarithm of {@linkcode softmax}, x − log Σ e^x over an axis (the last by default): `f32[n,k] → f32[n,k]`. It
 * stays finite where the probability itself would underflow to 0. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { logSoftmax, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(logSoftmax(tensor([1e4, -1e4])).arraySync(), [0, -2e4]);
 * ```
 */
export function logSoftmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  const t = toFloat("logSoftmax", x);
  return logSoftmaxOver([t], axesOf("logSoftmax", t, options));
}
