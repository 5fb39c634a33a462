/** Adam: steps of a size that is adapted to each parameter. */

import { checkOptions } from "../ops/arguments.ts";
import { derivedAll } from "../ops/derived.ts";
import { add, div, mul, neg, square } from "../ops/arithmetic.ts";
import { cast } from "../ops/cast.ts";
import { wideOf } from "../ops/dtype.ts";
import { expm1, sqrt } from "../ops/functions.ts";
import type { Tensor } from "../ops/tensor.ts";
import { atEachLeaf, stepZero, zerosFor } from "./leaves.ts";
import {
  checkAtLeastZero,
  checkFraction,
  checkLearningRate,
  descend,
  type LearningRate,
  likeGradient,
  rateAt,
  withDecay,
} from "./parts.ts";
import type { Transform } from "./transform.ts";

/** Options of {@linkcode adam}. */
export interface AdamOptions {
  /** A number, or a function of the step; 0.001 unless given. */
  readonly learningRate?: LearningRate | undefined;
  /** How much of the mean gradient each step keeps; 0.9 unless given. */
  readonly b1?: number | undefined;
  /** How much of the mean squared gradient each step keeps; 0.999 unless given. */
  readonly b2?: number | undefined;
  /** Keeps the division from blowing up; 1e-8 unless given. */
  readonly epsilon?: number | undefined;
  /** √(v + ε) instead of √v + ε; false unless given. */
  readonly epsilonInsideRoot?: boolean | undefined;
  /** Whether the means are divided by what is missing of them in the first steps; true unless given. */
  readonly biasCorrection?: boolean | undefined;
  /** This times the parameters is added to their gradients; 0 unless given. */
  readonly weightDecay?: number | undefined;
}

/** What {@linkcode adam} remembers. */
export interface AdamState {
  /** How many steps were taken, `i32[]`. */
  readonly step: Tensor;
  /** The mean gradients: a tree like the parameters'. */
  readonly m: unknown;
  /** The mean squared gradients: a tree like the parameters'. */
  readonly v: unknown;
}

interface Settings {
  readonly rate: number | null;
  readonly b1: number;
  readonly b2: number;
  readonly epsilon: number;
  readonly epsilonInsideRoot: boolean;
  readonly biasCorrection: boolean;
}

const stepOf = derivedAll("adam", ([grad, m0, v0, step, scheduled], settings: Settings) => {
  const { rate, b1, b2, epsilon, epsilonInsideRoot, biasCorrection } = settings;
  // The square of a float16, and ε, would soon be 0.
  const g = cast(grad!, wideOf(grad!.dtype));
  const m = add(mul(b1, m0!), mul(1 - b1, g));
  const v = add(mul(b2, v0!), mul(1 - b2, square(g)));
  const mean = biasCorrection ? div(m, weightSoFar(b1, cast(step!, g.dtype))) : m;
  const meanSquare = biasCorrection ? div(v, weightSoFar(b2, cast(step!, g.dtype))) : v;
  const root = epsilonInsideRoot ? sqrt(add(meanSquare, epsilon)) : add(sqrt(meanSquare), epsilon);
  return [likeGradient(descend(div(mean, root), scheduled, rate), grad!), m, v];
});

/** 1 − decay^step, without the cancellation that would cost float32 four digits at the first step. */
function weightSoFar(decay: number, step: Tensor): Tensor {
  return neg(expm1(mul(step, Math.log(decay))));
}

/**
 * Adam: with running means m of the gradient g and v of g², the update is `−α m̂ / (√v̂ + ε)`, where m̂ = m / (1 − β₁^t)
 * and v̂ = v / (1 − β₂^t) correct for the start from 0. Defaults and rules are PyTorch's; weight decay C adds C w to the
 * gradient.
 *
 * The means of float16 gradients are kept in float32, where their squares and ε do not vanish; updates are float16.
 *
 * The form of the lectures, `−α m / √(v + ε)`, is `{ b1: 0.9, b2: 0.9, biasCorrection: false, epsilonInsideRoot: true }`.
 *
 * @throws {RangeError} for an option out of range.
 *
 * @example The first step has the size of the learning rate
 * ```ts
 * import { optim, tensor } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const optimizer = optim.adam({ learningRate: 0.1 });
 * const [updates] = optimizer.update(tensor([1000, -0.01]), optimizer.init(tensor([0, 0])));
 * const [a, b] = updates.dataSync();
 * assertAlmostEquals(a!, -0.1, 1e-6);
 * assertAlmostEquals(b!, 0.1, 1e-6);
 * ```
 *
 * Reference: Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1.
 */
export function adam(options: AdamOptions = {}): Transform<AdamState> {
  checkOptions("adam", options, [
    "learningRate",
    "b1",
    "b2",
    "epsilon",
    "epsilonInsideRoot",
    "biasCorrection",
    "weightDecay",
  ]);
  const { learningRate = 1e-3, b1 = 0.9, b2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  const { epsilonInsideRoot = false, biasCorrection = true } = options;
  checkLearningRate("adam", learningRate);
  checkFraction("adam", "b1", b1);
  checkFraction("adam", "b2", b2);
  checkAtLeastZero("adam", "epsilon", epsilon);
  checkAtLeastZero("adam", "weightDecay", weightDecay);
  return {
    init: (params) => ({ step: stepZero("adam", params), m: zerosFor(params), v: zerosFor(params) }),
    update(grads, state, params) {
      const { fixed, inputs } = rateAt(learningRate, state.step);
      const step = add(state.step, 1);
      const decayed = withDecay("adam", grads, params, weightDecay);
      const settings = { rate: fixed, b1, b2, epsilon, epsilonInsideRoot, biasCorrection };
      const rule = (g: Tensor, m?: Tensor, v?: Tensor) => stepOf([g, m!, v!, step, ...inputs], settings);
      const [updates, m, v] = atEachLeaf("adam", rule, decayed, [state.m, state.v]);
      return [updates, { step, m, v }];
    },
  };
}
