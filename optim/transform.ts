/** What an optimiser is: a pair of pure functions over trees; and how such pairs are put together. */

import { add, mul } from "../ops/arithmetic.ts";
import { describe } from "../ops/errors.ts";
import type { Tensor } from "../ops/tensor.ts";
import type { MapLeaves } from "../ops/tree.ts";
import { atEachLeaf } from "./leaves.ts";

/**
 * From gradients to updates, which are added to the parameters: `S` is the tree that it remembers between steps. A
 * gradient that is null has no update, and what is remembered of that leaf stays.
 */
export interface Transform<S = unknown> {
  /** What is remembered before the first step. */
  init(params: unknown): S;
  /** The updates of one step, of the structure of the gradients, and what is remembered then. */
  update<G>(grads: G, state: S, params?: unknown): [updates: G, state: S];
}

/** What a transform remembers. */
export type StateOf<T> = T extends Transform<infer S> ? S : never;

/**
 * Applies transforms one after another: the updates of each are the gradients of the next. The state is a tuple of
 * theirs.
 *
 * @example Half the step
 * ```ts
 * import { optim, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const optimizer = optim.chain(optim.sgd({ learningRate: 1 }), optim.scale(0.5));
 * const params = { w: tensor([1, 2]) };
 * const [updates] = optimizer.update({ w: tensor([4, 6]) }, optimizer.init(params), params);
 * assertEquals(updates.w.arraySync(), [-2, -3]);
 * ```
 */
export function chain<const T extends readonly Transform[]>(
  ...transforms: T
): Transform<{ -readonly [K in keyof T]: StateOf<T[K]> }> {
  type States = { -readonly [K in keyof T]: StateOf<T[K]> };
  return {
    init: (params) => transforms.map((transform) => transform.init(params)) as States,
    update(grads, state, params) {
      let updates = grads;
      const states = transforms.map((transform, i) => {
        const [next, nextState] = transform.update(updates, state[i], params);
        updates = next;
        return nextState;
      });
      return [updates, states as States];
    },
  };
}

/**
 * Multiplies every gradient by a number.
 *
 * @example Usage
 * ```ts
 * import { optim, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [updates] = optim.scale(-2).update([tensor([1, 2])], null);
 * assertEquals(updates[0]?.arraySync(), [-2, -4]);
 * ```
 */
export function scale(factor: number): Transform<null> {
  if (typeof factor !== "number") throw new TypeError(`scale() takes a number, got ${describe(factor)}`);
  return {
    init: () => null,
    update: (grads) => [atEachLeaf("scale", (g) => [mul(g, factor)], grads, [])[0], null],
  };
}

/**
 * The parameters after a step: each leaf plus its update. Leaves whose update is null stay as they are.
 *
 * @example Usage
 * ```ts
 * import { optim, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { w: tensor([1, 2]), b: tensor([0]) };
 * const next = optim.applyUpdates(params, { w: tensor([0.5, 0.5]), b: tensor([-1]) });
 * assertEquals(next.w.arraySync(), [1.5, 2.5]);
 * ```
 */
export function applyUpdates<P>(params: P, updates: MapLeaves<P, Tensor | null>): P {
  return atEachLeaf("applyUpdates", (u, p) => [u, add(p!, u)], updates, [params])[1];
}
