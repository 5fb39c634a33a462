/** Choosing by probability: coins, and one of several classes. */

import { checkOptions, toFloat } from "../arguments.ts";
import { derived } from "../derived.ts";
import { isFloat } from "../dtype.ts";
import { add } from "../arithmetic.ts";
import { less } from "../logic.ts";
import { ShapeError } from "../errors.ts";
import { reshape } from "../movement.ts";
import { argmax } from "../reduction.ts";
import { broadcastShapes, checkShape, normalizeAxis, sameShape, type Shape, sizeOf, typeString } from "../shape.ts";
import { isTensor, type Tensor } from "../tensor.ts";
import { gumbelsOf } from "./exponential.ts";
import { checkKey, forEachDraw } from "./threefry.ts";
import { fractionsOf, parameter } from "./uniform.ts";

const bernoulliIn = derived("bernoulli", ([key, p], shape: Shape) => {
  const each = forEachDraw(p!, shape);
  return reshape(less(fractionsOf(key!, each.size, each.dtype), each), shape);
});

/** The probability of {@linkcode bernoulli}. */
export interface BernoulliOptions {
  /** The probability of true; 0.5 by default. A tensor is broadcast to the shape. */
  readonly p?: number | Tensor | undefined;
}

/**
 * Throws coins that fall on true with probability p: `u32[2] → bool[…shape]`.
 *
 * `uniform < p`, as `jax.random.bernoulli`, whose values these are. In a tensor, p below 0 counts as 0, above 1 as 1;
 * beside p of float16 the draws are float16 too, multiples of 2^−10.
 *
 * @param shape By default that of p.
 * @throws {RangeError} If the number p is not between 0 and 1.
 *
 * @example A mask that keeps nine of ten
 * ```ts
 * import { cast, mean, random } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const mask = random.bernoulli(random.key(0), [10_000], { p: 0.9 });
 * assertAlmostEquals(Number(mean(cast(mask, "float32")).item()), 0.9, 0.01);
 * ```
 */
export function bernoulli(key: Tensor, shape?: Shape, options: BernoulliOptions = {}): Tensor {
  checkKey("bernoulli", key);
  checkOptions("bernoulli", options, ["p"]);
  const { p = 0.5 } = options;
  const drawn = shape ?? (isTensor(p) ? p.shape : []);
  checkShape("bernoulli", drawn);
  if (typeof p === "number" && !(p >= 0 && p <= 1)) {
    throw new RangeError(`bernoulli() needs a probability p between 0 and 1, got ${p}`);
  }
  const dtype = isTensor(p) && isFloat(p.dtype) ? p.dtype : "float32";
  return bernoulliIn([key, parameter("bernoulli", "p", key, p, dtype, drawn)], drawn);
}

interface Choice {
  /** The shape of all draws with the classes among its axes, and the axis, counted from the last, that they are. */
  readonly shape: Shape;
  readonly axis: number;
}

const categoricalIn = derived("categorical", ([key, logits], { shape, axis }: Choice) => {
  const scores = add(gumbelsOf(key!, sizeOf(shape), logits!.dtype), forEachDraw(logits!, shape));
  return argmax(reshape(scores, shape), { axis });
});

/** What {@linkcode categorical} draws over, and how often. */
export interface CategoricalOptions {
  /** The axis of the classes; the last by default. */
  readonly axis?: number | undefined;
  /** The shape of the result; by default that of the logits without the classes. It ends with what that broadcasts to. */
  readonly shape?: Shape | undefined;
}

/**
 * Draws classes with probabilities softmax(logits): `u32[2], f32[…s,classes] → i32[…shape]`.
 *
 * The position of the largest of logits plus Gumbel noise (Gumbel 1954), with the draws of `jax.random.categorical`.
 * Logits need no normalisation; −∞ is a class that is never drawn. Not differentiable: the result is a position.
 * Noise beside logits of float16 is float16 too, and tells 1024 probabilities apart.
 *
 * @throws {RangeError} If there is no class, or `shape` does not end with the shape of the logits without the classes.
 *
 * @example Four draws for each row
 * ```ts
 * import { log, random, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = log(tensor([[0.25, 0.75], [0, 1]]));
 * const drawn = random.categorical(random.key(0), logits, { shape: [4, 2] });
 * assertEquals(drawn.shape, [4, 2]);
 * assertEquals(random.categorical(random.key(0), logits).shape, [2]);
 * ```
 */
export function categorical(key: Tensor, logits: Tensor, options: CategoricalOptions = {}): Tensor {
  checkKey("categorical", key);
  checkOptions("categorical", options, ["axis", "shape"]);
  const t = toFloat("categorical", logits);
  if (t.ndim === 0) throw new ShapeError(`categorical() needs an axis of classes, got ${typeString(t.type)}`);
  const axis = normalizeAxis("categorical", options.axis ?? -1, t.ndim);
  const classes = t.shape[axis]!;
  if (classes === 0) throw new ShapeError(`categorical() cannot choose from no classes, got ${typeString(t.type)}`);
  const rows = t.shape.filter((_, i) => i !== axis);
  const shape = options.shape ?? rows;
  checkShape("categorical", shape);
  const stretched = broadcastShapes(rows, shape);
  if (stretched === null || !sameShape(stretched, shape)) {
    throw new ShapeError(
      `categorical() cannot draw [${shape}] from logits ${typeString(t.type)}: the shape must end with [${rows}]`,
    );
  }
  const fromEnd = axis - t.ndim;
  const all = [...shape];
  all.splice(shape.length + fromEnd + 1, 0, classes);
  return categoricalIn([key, t], { shape: all, axis: fromEnd });
}
