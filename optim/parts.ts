/** What optimisers share: the learning rate, weight decay, and the checking of their options. */

import { derived } from "../ops/derived.ts";
import { add, mul, neg } from "../ops/arithmetic.ts";
import { cast } from "../ops/cast.ts";
import { describe } from "../ops/errors.ts";
import { throughFloat32 } from "../ops/rounded_once.ts";
import type { Tensor } from "../ops/tensor.ts";
import { atEachLeaf } from "./leaves.ts";
import type { Schedule } from "./schedules.ts";

/** A number, or a function of the number of steps taken before. */
export type LearningRate = number | Schedule;

/** A rate as a rule is given it: a number is part of its settings, a scheduled rate is one more input. */
export function rateAt(rate: LearningRate, step: Tensor): { readonly fixed: number | null; readonly inputs: Tensor[] } {
  return typeof rate === "number" ? { fixed: rate, inputs: [] } : { fixed: null, inputs: [rate(step)] };
}

/** The update: against the direction, by the rate. */
export function descend(direction: Tensor, scheduled: Tensor | undefined, fixed: number | null): Tensor {
  return mul(direction, scheduled ? neg(cast(scheduled, direction.dtype)) : -fixed!);
}

/** An update computed in float32 from a gradient of float16, in float16 as the parameters are. */
export function likeGradient(update: Tensor, grad: Tensor): Tensor {
  return grad.dtype === "float16" ? cast(update, "float16") : update;
}

const decayed = derived(
  "weightDecay",
  (xs, factor: number) => throughFloat32(xs, (g, p) => add(g!, mul(factor, p!))),
);

/** The gradients of the loss with ½·`factor`·‖params‖² added. */
export function withDecay<G>(op: string, grads: G, params: unknown, factor: number): G {
  if (factor === 0) return grads;
  if (params === undefined) {
    throw new TypeError(`${op}() with weightDecay needs the parameters: call update(grads, state, params)`);
  }
  return atEachLeaf(op, (g, p) => [decayed([g, p!], factor)], grads, [params])[0];
}

export function checkLearningRate(op: string, rate: LearningRate): void {
  if (typeof rate !== "function") checkAtLeastZero(op, "learningRate", rate);
}

export function checkAtLeastZero(op: string, name: string, value: number): void {
  checkNumber(op, name, value);
  if (!(value >= 0 && value < Infinity)) throw new RangeError(`${op}() needs ${name} of 0 or more, got ${value}`);
}

/** Checks a weight of an average: below 1, or nothing would ever be forgotten. */
export function checkFraction(op: string, name: string, value: number): void {
  checkNumber(op, name, value);
  if (!(value >= 0 && value < 1)) throw new RangeError(`${op}() needs ${name} of 0 or more and below 1, got ${value}`);
}

function checkNumber(op: string, name: string, value: unknown): void {
  if (typeof value !== "number") throw new TypeError(`${op}() takes ${name} as a number, got ${describe(value)}`);
}
