/** Softmax and its logarithm, computed from shifted logits so that nothing overflows. */

import { checkOptions, toFloat } from "./arguments.ts";
import { div, exp, log, sub } from "./elementwise.ts";
import { derived } from "./derived.ts";
import { finiteMax, sum } from "./reduction.ts";
import { normalizeAxes } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

export interface SoftmaxOptions {
  readonly axis?: number | readonly number[] | undefined;
}

const softmaxOver = derived("softmax", ([x], axes: readonly number[]) => {
  const e = exp(sub(x!, finiteMax(x!, axes)));
  return div(e, sum(e, { axis: axes, keepDims: true }));
});

const logSoftmaxOver = derived("logSoftmax", ([x], axes: readonly number[]) => {
  const shifted = sub(x!, finiteMax(x!, axes));
  return sub(shifted, log(sum(exp(shifted), { axis: axes, keepDims: true })));
});

function axesOf(op: string, t: Tensor, options: SoftmaxOptions): number[] {
  checkOptions(op, options);
  const { axis = t.ndim === 0 ? [] : -1 } = options;
  return normalizeAxes(op, axis, t.ndim);
}

export function softmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  const t = toFloat("softmax", x);
  return softmaxOver([t], axesOf("softmax", t, options));
}

export function logSoftmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  const t = toFloat("logSoftmax", x);
  return logSoftmaxOver([t], axesOf("logSoftmax", t, options));
}
