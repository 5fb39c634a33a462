/** Measures of how good predictions are; none has a derivative. */

import { kindOf } from "../ops/dtype.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { cast } from "../ops/cast.ts";
import { equal } from "../ops/logic.ts";
import { describe, ShapeError } from "../ops/errors.ts";
import { bincount } from "../ops/segments.ts";
import { reshape } from "../ops/movement.ts";
import { argmax, mean } from "../ops/reduction.ts";
import { sameShape, typeString } from "../ops/shape.ts";
import { Tensor } from "../ops/tensor.ts";

/**
 * The fraction of rows whose largest score is at the label: `f32[…,classes], i32[…] → f32[]`. The first of equal scores
 * counts.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = tensor([[1, 2], [4, 3]]);
 * assertEquals(nn.metrics.accuracy(logits, tensor(new Int32Array([1, 1]))).item(), 0.5);
 * ```
 */
export function accuracy(logits: Tensor, labels: Tensor): Tensor {
  checkLabels("accuracy", logits, labels);
  return mean(cast(equal(argmax(logits, { axis: -1 }), labels), "float32"));
}

/**
 * How often each label was taken for each class: `f32[…,classes], i32[…] → i32[classes,classes]`. Row i, column j counts
 * the examples of label i whose largest score is at class j.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = tensor([[1, 2], [4, 3], [5, 6]]);
 * assertEquals(nn.metrics.confusionMatrix(logits, tensor(new Int32Array([1, 1, 0]))).arraySync(), [[0, 1], [1, 1]]);
 * ```
 */
export function confusionMatrix(logits: Tensor, labels: Tensor): Tensor {
  checkLabels("confusionMatrix", logits, labels);
  const classes = logits.shape.at(-1)!;
  const cell = add(mul(cast(labels, "int32"), classes), argmax(logits, { axis: -1 }));
  return reshape(bincount(cell, classes * classes), [classes, classes]);
}

function checkLabels(op: string, logits: Tensor, labels: Tensor): void {
  if (!(labels instanceof Tensor) || kindOf(labels.dtype) !== "integer") {
    const came = labels instanceof Tensor ? typeString(labels.type) : describe(labels);
    throw new TypeError(`${op}() takes labels as a tensor of integers, got ${came}`);
  }
  if (logits.ndim === 0 || !sameShape(labels.shape, logits.shape.slice(0, -1))) {
    throw new ShapeError(
      `${op}() needs one label for each row of ${typeString(logits.type)}, got ${typeString(labels.type)}`,
    );
  }
}
