/** Layers without parameters: pooling, flattening, dropout. */

import { mul } from "../ops/arithmetic.ts";
import { where } from "../ops/logic.ts";
import { reshape } from "../ops/movement.ts";
import { avgPool as averageWindows, maxPool as maximizeWindows, type PoolOptions } from "../ops/pooling.ts";
import { bernoulli } from "../ops/random/categorical.ts";
import { sizeOf } from "../ops/shape.ts";
import { type Layer, stateless } from "./layer.ts";

/**
 * The maximum of each window, feature by feature; as the operation `maxPool`.
 *
 * Shapes: examples `[…spatial, channels] → […positions, channels]`.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.maxPool({ window: 2 }).init(random.key(0), [28, 28, 6]).outputShape, [14, 14, 6]);
 * ```
 */
export function maxPool(options: PoolOptions): Layer<null, null> {
  return stateless(`maxPool(${showWindow(options)})`, (x) => maximizeWindows(x, options));
}

/**
 * The average of each window, feature by feature; as the operation `avgPool`.
 *
 * Shapes: examples `[…spatial, channels] → […positions, channels]`.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.avgPool({ window: 3, strides: 1 }).init(random.key(0), [28, 28, 6]).outputShape, [26, 26, 6]);
 * ```
 */
export function avgPool(options: PoolOptions): Layer<null, null> {
  return stateless(`avgPool(${showWindow(options)})`, (x) => averageWindows(x, options));
}

function showWindow({ window }: PoolOptions): string {
  return typeof window === "number" ? String(window) : window.join("x");
}

/**
 * Makes each example one vector; the batch axis stays.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.flatten().init(random.key(0), [5, 5, 16]).outputShape, [400]);
 * ```
 */
export function flatten(): Layer<null, null> {
  return stateless("flatten", (x) => reshape(x, [...x.shape.slice(0, 1), sizeOf(x.shape.slice(1))]));
}

/**
 * In training sets each number to 0 with probability `rate` and divides the others by 1 − `rate`, so that every
 * expectation stays as it is; outside training it changes nothing.
 *
 * @param rate The probability of dropping, 0 to 1.
 * @throws {RangeError} if `rate` is no probability.
 * @throws {TypeError} when it is applied in training without a key.
 *
 * @example Usage
 * ```ts
 * import { nn, ones, random } from "@pullback/pullback";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const layer = nn.dropout(0.5);
 * const variables = { params: null, state: null };
 * const [kept] = layer.apply(variables, ones([3]));
 * assertEquals(kept.arraySync(), [1, 1, 1]);
 * const [dropped] = layer.apply(variables, ones([3]), { training: true, key: random.key(0) });
 * assert(dropped.dataSync().every((x) => x === 0 || x === 2));
 * ```
 *
 * Reference: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 2014; in the
 * inverted form, which scales in training instead of at test time.
 */
export function dropout(rate: number): Layer<null, null> {
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`dropout() needs a rate between 0 and 1, got ${rate}`);
  const name = `dropout(${rate})`;
  const scale = rate < 1 ? 1 / (1 - rate) : 0;
  return stateless(name, (x, { training = false, key }) => {
    if (!training || rate === 0) return x;
    if (key === undefined) {
      throw new TypeError(`${name} needs a key in training: apply it with { training: true, key }`);
    }
    return where(bernoulli(key, x.shape, { p: 1 - rate }), mul(x, scale), 0);
  });
}
