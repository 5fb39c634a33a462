/** One layer after another. */

import { describe } from "../ops/errors.ts";
import { foldIn } from "../ops/random/key.ts";
import { type ApplyOptions, type Layer, type ParamsOf, type Part, stateless, type StateOf } from "./layer.ts";

/** The parameters of each part in order, null for parts that have none. */
export type PartsParams<L extends readonly unknown[]> = { -readonly [K in keyof L]: ParamsOf<L[K]> };

/** The state of each part in order, null for parts that have none. */
export type PartsState<L extends readonly unknown[]> = { -readonly [K in keyof L]: StateOf<L[K]> };

/**
 * A layer that applies its parts in order. Parts are layers, or plain functions of batches such as activations. Its
 * parameters and state are tuples with one entry for each part. Part i is given the key `foldIn(key, i)`.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const model = nn.sequential(nn.dense(8), nn.tanh, nn.dense(2, { bias: false }));
 * const { params, outputShape } = model.init(random.key(0), [4]);
 * assertEquals(params[0].weight.shape, [4, 8]);
 * assertEquals(params[1], null);
 * assertEquals(outputShape, [2]);
 * ```
 *
 * @throws {TypeError} if a part is neither a layer nor a function.
 */
export function sequential<const L extends readonly Part[]>(...parts: L): Layer<PartsParams<L>, PartsState<L>> {
  const layers = parts.map(asLayer);
  return {
    name: "sequential",
    parts,
    init(key, inputShape) {
      let outputShape = inputShape;
      const made = layers.map((layer, i) => {
        const initial = layer.init(foldIn(key, i), outputShape);
        outputShape = initial.outputShape;
        return initial;
      });
      return {
        params: made.map(({ params }) => params) as PartsParams<L>,
        state: made.map(({ state }) => state) as PartsState<L>,
        outputShape,
      };
    },
    apply({ params, state }, x, options = {}) {
      checkPerPart("params", params, layers.length);
      checkPerPart("state", state, layers.length);
      let y = x;
      const states = layers.map((layer, i) => {
        const [next, nextState] = layer.apply({ params: params[i], state: state[i] }, y, optionsOf(options, i));
        y = next;
        return nextState;
      });
      return [y, states as PartsState<L>];
    },
  };
}

function asLayer(part: Part, i: number): Layer {
  if (typeof part === "function") return stateless(part.name || "function", (x) => part(x));
  if (typeof part?.init === "function" && typeof part.apply === "function") return part;
  throw new TypeError(`sequential() takes layers and functions, got ${describe(part)} at position ${i}`);
}

function optionsOf(options: ApplyOptions, i: number): ApplyOptions {
  return options.key === undefined ? options : { ...options, key: foldIn(options.key, i) };
}

function checkPerPart(name: string, given: readonly unknown[], count: number): void {
  if (Array.isArray(given) && given.length === count) return;
  const came = Array.isArray(given) ? `an array of ${given.length}` : describe(given);
  throw new TypeError(`sequential() needs ${name} with one entry for each of its ${count} parts, got ${came}`);
}
