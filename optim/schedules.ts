/** Learning rates that change: functions of the number of steps taken. */

import { checkOptions } from "../ops/arguments.ts";
import { derived } from "../ops/derived.ts";
import { add, div, minimum, mul, sub } from "../ops/arithmetic.ts";
import { cast } from "../ops/cast.ts";
import { cos } from "../ops/functions.ts";
import { less, where } from "../ops/logic.ts";
import { describe } from "../ops/errors.ts";
import type { Tensor } from "../ops/tensor.ts";

/** From the number of steps taken before, an int32 scalar, to the learning rate. */
export type Schedule = (step: Tensor) => Tensor;

/** `initial`·((1 − alpha)·½(1 + cos(π t)) + alpha), with t from 0 to 1. */
function cosine(step: Tensor, initial: number, steps: number, alpha: number): Tensor {
  const t = minimum(div(step, steps), 1);
  const fallen = mul(0.5, add(1, cos(mul(Math.PI, t))));
  return mul(initial, add(mul(1 - alpha, fallen), alpha));
}

interface Cosine {
  readonly initial: number;
  readonly steps: number;
  readonly alpha: number;
}

const cosineAt = derived("cosineDecay", ([step], { initial, steps, alpha }: Cosine) => {
  return cosine(cast(step!, "float32"), initial, steps, alpha);
});

/**
 * Falls along half a cosine from `initial` at step 0 to `alpha · initial` at step `steps`, and stays there.
 *
 * @param options `alpha` is the part of the rate that is left in the end; 0 unless given.
 *
 * @example Usage
 * ```ts
 * import { cast, optim, tensor } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const rate = optim.cosineDecay(0.1, 100);
 * const at = (step: number) => rate(cast(step, "int32")).item() as number;
 * assertAlmostEquals(at(0), 0.1, 1e-7);
 * assertAlmostEquals(at(50), 0.05, 1e-7);
 * assertAlmostEquals(at(200), 0, 1e-7);
 * ```
 *
 * Reference: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017, without the restarts.
 */
export function cosineDecay(
  initial: number,
  steps: number,
  options: { readonly alpha?: number | undefined } = {},
): Schedule {
  checkOptions("cosineDecay", options, ["alpha"]);
  checkRate("cosineDecay", "an initial rate", initial);
  checkSteps("cosineDecay", "steps", steps, 1);
  const settings = { initial, steps, alpha: options.alpha ?? 0 };
  return (step) => cosineAt([step], settings);
}

interface WarmupCosine {
  readonly initial: number;
  readonly peak: number;
  readonly warmup: number;
  readonly steps: number;
  readonly end: number;
}

const warmupAt = derived("warmupCosine", ([step], { initial, peak, warmup, steps, end }: WarmupCosine) => {
  const t = cast(step!, "float32");
  const rising = add(initial, mul(peak - initial, div(t, Math.max(1, warmup))));
  const falling = cosine(sub(t, warmup), peak - end, steps - warmup, 0);
  return where(less(t, warmup), rising, add(falling, end));
});

/**
 * Rises evenly from `initial` at step 0 to `peak` at step `warmup`, then falls along half a cosine to `end` at step
 * `steps`, and stays there.
 *
 * @param warmup How many steps of `steps` the rise takes.
 * @param steps All steps, those of the rise too.
 * @param options `end` is the last rate; 0 unless given.
 *
 * @example Usage
 * ```ts
 * import { cast, optim } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const rate = optim.warmupCosine(0, 0.1, 10, 110);
 * const at = (step: number) => rate(cast(step, "int32")).item() as number;
 * assertAlmostEquals(at(5), 0.05, 1e-7);
 * assertAlmostEquals(at(10), 0.1, 1e-7);
 * assertAlmostEquals(at(60), 0.05, 1e-7);
 * assertAlmostEquals(at(110), 0, 1e-7);
 * ```
 */
export function warmupCosine(
  initial: number,
  peak: number,
  warmup: number,
  steps: number,
  options: { readonly end?: number | undefined } = {},
): Schedule {
  checkOptions("warmupCosine", options, ["end"]);
  checkRate("warmupCosine", "an initial rate", initial);
  checkRate("warmupCosine", "a peak rate", peak);
  checkSteps("warmupCosine", "warmup", warmup, 0);
  checkSteps("warmupCosine", "steps", steps, warmup + 1);
  const settings = { initial, peak, warmup, steps, end: options.end ?? 0 };
  return (step) => warmupAt([step], settings);
}

function checkRate(op: string, name: string, value: number): void {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new TypeError(`${op}() takes ${name} that is a finite number, got ${describe(value)}`);
  }
}

function checkSteps(op: string, name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`${op}() needs ${name} of at least ${least}, got ${value}`);
  }
}
