/** Loss functions, with PyTorch's definitions: the scalar that training makes small. */

import { softplus } from "../ops/activation.ts";
import { onesLike } from "../ops/create.ts";
import { isFloat, kindOf, wideOf } from "../ops/dtype.ts";
import { abs, add, div, maximum, mul, neg, square, sub } from "../ops/arithmetic.ts";
import { cast } from "../ops/cast.ts";
import { log } from "../ops/functions.ts";
import { equal, less, notEqual, where } from "../ops/logic.ts";
import { derived } from "../ops/derived.ts";
import { describe, ShapeError } from "../ops/errors.ts";
import { take, takeAlongAxis } from "../ops/indexing.ts";
import { expandDims, squeeze } from "../ops/movement.ts";
import { mean, sum } from "../ops/reduction.ts";
import { sameShape, typeString } from "../ops/shape.ts";
import { logSoftmax } from "../ops/softmax.ts";
import { Tensor, type TensorLike } from "../ops/tensor.ts";
import { checkOptions, toTensor } from "../ops/arguments.ts";

/** What becomes of the losses of single elements or examples: their mean, their sum, or nothing. */
export type Reduction = "mean" | "sum" | "none";

/** The option of every loss. */
export interface LossOptions {
  /** `"mean"` unless given. */
  readonly reduction?: Reduction | undefined;
}

/** Options of {@linkcode nll}. */
export interface NllOptions extends LossOptions {
  /** A factor for each class, `f32[classes]`. The mean is then weighted: it divides by the sum of the weights used. */
  readonly weight?: Tensor | undefined;
  /** Examples with this label have no loss and do not count in the mean. */
  readonly ignoreIndex?: number | undefined;
}

/** Options of {@linkcode crossEntropy}. */
export interface CrossEntropyOptions extends NllOptions {
  /** The part of each target that is spread evenly over all classes, 0 to 1; 0 unless given. */
  readonly labelSmoothing?: number | undefined;
}

/**
 * The cross entropy −Σ_c t_c log softmax(logits)_c between predicted and true distributions over the last axis.
 *
 * Targets are labels, `f32[…,classes], i32[…] → f32[]`, or probabilities, `f32[…,classes], f32[…,classes] → f32[]`. With
 * labels its gradient by the logits is softmax(logits) − onehot(label), over the number of examples for the mean.
 *
 * A label that is no class gives NaN. For probabilities the mean divides by the number of examples, also with weights.
 *
 * @param logits Unnormalised log-probabilities.
 * @param target Integer labels, or probabilities of the shape of `logits`.
 *
 * @example Labels and probabilities
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const logits = tensor([[0, 0], [Math.log(3), 0]]);
 * const labels = tensor(new Int32Array([1, 0]));
 * assertAlmostEquals(nn.loss.crossEntropy(logits, labels).item() as number, (Math.log(2) - Math.log(0.75)) / 2, 1e-6);
 * const even = tensor([[0.5, 0.5], [0.5, 0.5]]);
 * assertAlmostEquals(nn.loss.crossEntropy(logits, even, { reduction: "sum" }).item() as number, 1.53, 1e-2);
 * ```
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkOptions("crossEntropy", options, ["reduction", "weight", "ignoreIndex", "labelSmoothing"]);
  const { labelSmoothing = 0 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new RangeError(`crossEntropy() needs labelSmoothing between 0 and 1, got ${labelSmoothing}`);
  }
  const scores = checkClasses("crossEntropy", logits, options.weight);
  return target instanceof Tensor && isFloat(target.dtype)
    ? ofProbabilities(scores, target, options, labelSmoothing)
    : ofLabels("crossEntropy", scores, target, options, labelSmoothing);
}

/**
 * The negative log-likelihood −logProbs[label] over the last axis: `f32[…,classes], i32[…] → f32[]`. After `logSoftmax`
 * it is the cross entropy. A label that is no class gives NaN.
 *
 * @example Usage
 * ```ts
 * import { log, nn, tensor } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const logProbs = log(tensor([[0.25, 0.75]]));
 * assertAlmostEquals(nn.loss.nll(logProbs, tensor(new Int32Array([1]))).item() as number, -Math.log(0.75), 1e-6);
 * ```
 */
export function nll(logProbs: Tensor, labels: Tensor, options: NllOptions = {}): Tensor {
  checkOptions("nll", options, ["reduction", "weight", "ignoreIndex"]);
  return ofLabels("nll", checkClasses("nll", logProbs, options.weight), labels, options, 0);
}

/** Scores over the classes of the last axis, with a weight for each class if any. */
function checkClasses(op: string, scores: Tensor, weight: Tensor | undefined): Tensor {
  if (!(scores instanceof Tensor) || !isFloat(scores.dtype)) {
    throw new TypeError(`${op}() takes scores as a tensor of floats, got ${show(scores)}`);
  }
  if (scores.ndim === 0) throw new ShapeError(`${op}() needs scores with an axis of classes, got ${show(scores)}`);
  if (weight !== undefined && !sameShape(weight.shape, scores.shape.slice(-1))) {
    throw new ShapeError(`${op}() needs one weight for each class of ${show(scores)}, got ${show(weight)}`);
  }
  return scores;
}

function show(x: unknown): string {
  return x instanceof Tensor ? typeString(x.type) : describe(x);
}

/** What the losses of labels and of probabilities depend on, besides tensors. */
interface Settings {
  readonly op: "crossEntropy" | "nll";
  readonly reduction: Reduction | undefined;
  readonly ignoreIndex: number | undefined;
  readonly smoothing: number;
}

function ofLabels(
  op: Settings["op"],
  scores: Tensor,
  labels: Tensor,
  { reduction, weight, ignoreIndex }: NllOptions,
  smoothing: number,
): Tensor {
  if (!(labels instanceof Tensor) || kindOf(labels.dtype) !== "integer") {
    throw new TypeError(`${op}() takes labels as a tensor of integers, got ${show(labels)}`);
  }
  if (!sameShape(labels.shape, scores.shape.slice(0, -1))) {
    throw new ShapeError(`${op}() needs one label for each row of ${show(scores)}, got ${show(labels)}`);
  }
  const inputs = weight === undefined ? [scores, labels] : [scores, labels, weight];
  return lossOfLabels(inputs, { op, reduction, ignoreIndex, smoothing });
}

const lossOfLabels = derived("crossEntropy", ([scores, labels, weight], settings: Settings) => {
  const { op, reduction, ignoreIndex, smoothing } = settings;
  const logProbs = op === "crossEntropy" ? logSoftmax(scores!) : scores!;
  const classes = logProbs.shape.at(-1)!;
  const given = cast(labels!, "int32");
  const counted = ignoreIndex === undefined ? null : notEqual(given, ignoreIndex);
  const label = counted === null ? given : where(counted, given, 0);
  // A negative index would count from the end; a negative label is no class.
  const at = where(less(label, 0), classes, label);
  const picked = squeeze(takeAlongAxis(logProbs, expandDims(at, -1), { axis: -1 }), { axis: -1 });
  const factor = weight === undefined ? null : take(weight, at, { axis: 0 });
  let losses = neg(factor === null ? picked : mul(factor, picked));
  if (smoothing > 0) {
    const all = neg(sum(weight === undefined ? logProbs : mul(weight, logProbs), { axis: -1 }));
    losses = add(mul(1 - smoothing, losses), mul(smoothing / classes, all));
  }
  if (counted !== null) losses = where(counted, losses, 0);
  if ((reduction ?? "mean") !== "mean" || (factor === null && counted === null)) return reduced(op, losses, reduction);
  const shares = factor ?? onesLike(losses);
  const [total, count] = [losses, counted === null ? shares : where(counted, shares, 0)]
    .map((x) => sum(cast(x, wideOf(x.dtype)))) as [Tensor, Tensor];
  return cast(div(total, count), losses.dtype);
});

function ofProbabilities(
  logits: Tensor,
  target: Tensor,
  { reduction, weight, ignoreIndex }: CrossEntropyOptions,
  smoothing: number,
): Tensor {
  if (ignoreIndex !== undefined) throw new TypeError("crossEntropy() takes ignoreIndex with labels, not probabilities");
  checkPair("crossEntropy", logits, target);
  const inputs = weight === undefined ? [logits, target] : [logits, target, weight];
  return lossOfProbabilities(inputs, { op: "crossEntropy", reduction, ignoreIndex, smoothing });
}

const lossOfProbabilities = derived("crossEntropy", ([logits, target, weight], settings: Settings) => {
  const logProbs = logSoftmax(logits!);
  const { op, reduction, smoothing } = settings;
  const t = smoothing === 0 ? target! : add(mul(1 - smoothing, target!), smoothing / logProbs.shape.at(-1)!);
  const terms = timesLog(t, logProbs);
  return reduced(op, neg(sum(weight ? mul(weight, terms) : terms, { axis: -1 })), reduction);
});

/** p·logQ, and 0 where p is 0 even if logQ is −∞. */
function timesLog(p: Tensor, logQ: Tensor): Tensor {
  return where(equal(p, 0), 0, mul(p, logQ));
}

/**
 * The mean squared error (prediction − target)²: `f32[…], f32[…] → f32[]`.
 *
 * @param target Of the shape of the prediction, or one number.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.loss.mse(tensor([1, 2]), tensor([1, 4])).item(), 2);
 * ```
 */
export function mse(prediction: Tensor, target: TensorLike, options: LossOptions = {}): Tensor {
  checkOptions("mse", options, ["reduction"]);
  return reduced("mse", square(sub(...checkPair("mse", prediction, target))), options.reduction);
}

/**
 * The mean absolute error |prediction − target|: `f32[…], f32[…] → f32[]`. Its derivative where they are equal is 0.
 *
 * @param target Of the shape of the prediction, or one number.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.loss.l1(tensor([1, 2]), tensor([1, 4])).item(), 1);
 * ```
 */
export function l1(prediction: Tensor, target: TensorLike, options: LossOptions = {}): Tensor {
  checkOptions("l1", options, ["reduction"]);
  return reduced("l1", abs(sub(...checkPair("l1", prediction, target))), options.reduction);
}

/**
 * The binary cross entropy −t log p − (1 − t) log(1 − p) of probabilities: `f32[…], f32[…] → f32[]`. Logarithms are at
 * least −100, and where that holds their derivative is 0; to train, use {@linkcode bceWithLogits}.
 *
 * @param probability Of the event, 0 to 1.
 * @param target 0, 1 or a probability; of the same shape, or one number.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * assertAlmostEquals(nn.loss.bce(tensor([0.25]), tensor([1])).item() as number, Math.log(4), 1e-6);
 * assertEquals(nn.loss.bce(tensor([0]), tensor([1])).item(), 100);
 * ```
 */
export function bce(probability: Tensor, target: TensorLike, options: LossOptions = {}): Tensor {
  checkOptions("bce", options, ["reduction"]);
  const [p, t] = checkPair("bce", probability, target);
  const losses = neg(add(mul(t, boundedLog(p)), mul(sub(1, t), boundedLog(sub(1, p)))));
  return reduced("bce", losses, options.reduction);
}

/** max(log p, −100), with derivative 0 at 0. */
function boundedLog(p: Tensor): Tensor {
  const none = equal(p, 0);
  return where(none, -100, maximum(log(where(none, 1, p)), -100));
}

/**
 * The binary cross entropy of p = σ(logit), −t log p − (1 − t) log(1 − p), right for logits of any size:
 * `f32[…], f32[…] → f32[]`. Its derivative by the logit is σ(logit) − t.
 *
 * @param target 0, 1 or a probability; of the same shape, or one number.
 *
 * @example Usage
 * ```ts
 * import { nn, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.loss.bceWithLogits(tensor([-1e4, 1e4]), tensor([1, 1])).item(), 5e3);
 * ```
 */
export function bceWithLogits(logit: Tensor, target: TensorLike, options: LossOptions = {}): Tensor {
  checkOptions("bceWithLogits", options, ["reduction"]);
  const [z, t] = checkPair("bceWithLogits", logit, target);
  const losses = add(mul(t, softplus(neg(z))), mul(sub(1, t), softplus(z)));
  return reduced("bceWithLogits", losses, options.reduction);
}

/**
 * The Kullback–Leibler divergence t (log t − logProbs) of predicted log-probabilities from a target distribution,
 * element by element: `f32[…], f32[…] → f32[]`. Where t is 0 it is 0.
 *
 * The mean is over elements, as PyTorch's "mean"; the divergence of one distribution is the sum over its elements.
 *
 * @example Usage
 * ```ts
 * import { log, nn, tensor } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const divergence = nn.loss.klDiv(log(tensor([0.5, 0.5])), tensor([1, 0]), { reduction: "sum" });
 * assertAlmostEquals(divergence.item() as number, Math.log(2), 1e-6);
 * ```
 */
export function klDiv(logProbs: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions("klDiv", options, ["reduction"]);
  const [q, t] = checkPair("klDiv", logProbs, target);
  const none = equal(t, 0);
  const losses = where(none, 0, mul(t, sub(log(where(none, 1, t)), q)));
  return reduced("klDiv", losses, options.reduction);
}

/** Two tensors of one shape, or a tensor and a number: broadcasting [n, 1] with [n] would hide a mistake. */
function checkPair(op: string, a: Tensor, b: TensorLike): [Tensor, Tensor] {
  const [x, y] = [toTensor(op, a), toTensor(op, b, [a])];
  if (y.ndim > 0 && !sameShape(x.shape, y.shape)) {
    throw new ShapeError(`${op}() needs a target of the shape of the prediction ${show(x)}, got ${show(y)}`);
  }
  return [x, y];
}

function reduced(op: string, losses: Tensor, reduction: Reduction = "mean"): Tensor {
  switch (reduction) {
    case "mean":
      return mean(losses);
    case "sum":
      return sum(losses);
    case "none":
      return losses;
    default:
      throw new TypeError(`${op}() takes the reduction "mean", "sum" or "none", got ${describe(reduction)}`);
  }
}
