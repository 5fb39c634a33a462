/** Stochastic gradient descent, with momentum. */

import { checkOptions } from "../ops/arguments.ts";
import { derivedAll } from "../ops/derived.ts";
import { add, mul } from "../ops/arithmetic.ts";
import type { Tensor } from "../ops/tensor.ts";
import { atEachLeaf, stepZero, zerosFor } from "./leaves.ts";
import {
  checkAtLeastZero,
  checkLearningRate,
  descend,
  type LearningRate,
  likeGradient,
  rateAt,
  withDecay,
} from "./parts.ts";
import type { Transform } from "./transform.ts";

/** Options of {@linkcode sgd}. */
export interface SgdOptions {
  /** A number, or a function of the step; 0.001 unless given. */
  readonly learningRate?: LearningRate | undefined;
  /** How much of the velocity each step keeps; 0 unless given. */
  readonly momentum?: number | undefined;
  /** Whether the step looks ahead along the velocity; false unless given. */
  readonly nesterov?: boolean | undefined;
  /** This times the parameters is added to their gradients; 0 unless given. */
  readonly weightDecay?: number | undefined;
}

/** What {@linkcode sgd} remembers. */
export interface SgdState {
  /** How many steps were taken, `i32[]`. */
  readonly step: Tensor;
  /** A tree like the parameters'; null without momentum. */
  readonly velocity: unknown;
}

interface Settings {
  readonly rate: number | null;
  readonly momentum: number;
  readonly nesterov: boolean;
}

const stepOf = derivedAll("sgd", ([g, v, scheduled], { rate, momentum, nesterov }: Settings) => {
  const velocity = add(mul(momentum, v!), g!);
  const direction = nesterov ? add(g!, mul(momentum, velocity)) : velocity;
  return [likeGradient(descend(direction, scheduled, rate), g!), velocity];
});

/**
 * Gradient descent with momentum μ, by PyTorch's rule: `v ← μ v + g`, and the update is `−α v`, or with `nesterov`
 * `−α (g + μ v)`. Weight decay C stands for the loss ½C‖w‖²: it adds C w to the gradient. The
 * velocity of float16 gradients is kept in float32; updates are float16.
 *
 * @throws {RangeError} for an option out of range, and for `nesterov` without momentum.
 *
 * @example Downhill
 * ```ts
 * import { grad, optim, square, sum, tensor, type Tensor } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const slope = grad((w: Tensor) => sum(square(w)));
 * const optimizer = optim.sgd({ learningRate: 0.1, momentum: 0.5 });
 * let params = tensor([3, -4]);
 * let state = optimizer.init(params);
 * for (let i = 0; i < 50; i++) {
 *   const [updates, next] = optimizer.update(slope(params), state);
 *   params = optim.applyUpdates(params, updates);
 *   state = next;
 * }
 * assertAlmostEquals(sum(square(params)).item() as number, 0, 1e-6);
 * ```
 *
 * Reference: Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013.
 */
export function sgd(options: SgdOptions = {}): Transform<SgdState> {
  checkOptions("sgd", options, ["learningRate", "momentum", "nesterov", "weightDecay"]);
  const { learningRate = 1e-3, momentum = 0, nesterov = false, weightDecay = 0 } = options;
  checkLearningRate("sgd", learningRate);
  checkAtLeastZero("sgd", "momentum", momentum);
  checkAtLeastZero("sgd", "weightDecay", weightDecay);
  if (nesterov && momentum === 0) throw new RangeError("sgd() with nesterov needs a momentum above 0");
  return {
    init: (params) => ({
      step: stepZero("sgd", params),
      velocity: momentum === 0 ? null : zerosFor(params),
    }),
    update(grads, state, params) {
      const { fixed, inputs } = rateAt(learningRate, state.step);
      const step = add(state.step, 1);
      const decayed = withDecay("sgd", grads, params, weightDecay);
      if (momentum === 0) {
        const [updates] = atEachLeaf("sgd", (g) => [descend(g, inputs[0], fixed)], decayed, []);
        return [updates, { step, velocity: null }];
      }
      const settings = { rate: fixed, momentum, nesterov };
      const rule = (g: Tensor, v?: Tensor) => stepOf([g, v!, ...inputs], settings);
      const [updates, velocity] = atEachLeaf("sgd", rule, decayed, [state.velocity]);
      return [updates, { step, velocity }];
    },
  };
}
