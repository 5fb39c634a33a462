/** Samples of a population, by weight or evenly, and how often each of some classes comes up. */

import { add, mul, sub } from "../arithmetic.ts";
import { checkOptions, toFloat } from "../arguments.ts";
import { cumsum } from "../cumulative.ts";
import { cast } from "../cast.ts";
import { derived } from "../derived.ts";
import { wideOf } from "../dtype.ts";
import { describe, ShapeError } from "../errors.ts";
import { log } from "../functions.ts";
import { take } from "../indexing.ts";
import { reshape, slice } from "../movement.ts";
import { searchSorted } from "../searching.ts";
import { bincount } from "../segments.ts";
import { checkCount, checkShape, type Shape, sizeOf, typeString } from "../shape.ts";
import { topK } from "../sorting.ts";
import { isTensor, type Tensor } from "../tensor.ts";
import { gumbelsOf } from "./exponential.ts";
import { permutation, randint } from "./integers.ts";
import { checkKey } from "./threefry.ts";
import { fractionsOf } from "./uniform.ts";

/** n positions with probabilities p / Σp: where among the running sums of p a point drawn from (0, Σp] lies. */
const weighedIn = derived("choice", ([key, p], n: number) => {
  const ends = cumsum(p!, { axis: 0 });
  const total = slice(ends, { start: [-1] });
  const point = mul(total, sub(1, fractionsOf(key!, n, p!.dtype)));
  return searchSorted(ends, point);
});

/** n different positions: those of the largest of log p plus Gumbel noise. */
const differentIn = derived(
  "choice",
  ([key, p], n: number) => topK(add(gumbelsOf(key!, p!.size, p!.dtype), log(p!)), n).indices,
);

/** How {@linkcode choice} draws. */
export interface ChoiceOptions {
  /** The shape of the draws; rank 0 by default. */
  readonly shape?: Shape | undefined;
  /** The probability of each row, up to a common factor: `f32[n]`, float16 seen as that; all the same by default. */
  readonly p?: Tensor | undefined;
  /** Whether a row may be drawn again; true by default. */
  readonly replace?: boolean | undefined;
}

/**
 * Draws from 0 … n − 1, or from the rows of a tensor: `u32[2] → i32[…shape]`, `u32[2], f32[n,…s] → f32[…shape,…s]`.
 *
 * The values are those of `jax.random.choice`: `randint` where all are equally likely, without replacement the start of
 * `permutation`; with probabilities the inverse of their running sum, without replacement the largest of log p plus
 * Gumbel noise (Efraimidis and Spirakis 2006; Vieira 2014). A row of probability 0 is never drawn with replacement, and
 * last without. Differentiable in the tensor, not in p.
 *
 * @param x How many, or a tensor of one axis or more, of which the rows are drawn.
 * @throws {RangeError} If there is nothing to draw from or, without replacement, not enough; or p has another length.
 *
 * @example Three different rows
 * ```ts
 * import { random, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2], [3, 4], [5, 6], [7, 8]]);
 * const rows = random.choice(random.key(0), x, { shape: [3], replace: false });
 * assertEquals(rows.shape, [3, 2]);
 * const p = tensor([0, 1, 0]);
 * assertEquals(random.choice(random.key(0), 3, { shape: [4], p }).arraySync(), [1, 1, 1, 1]);
 * ```
 */
export function choice(key: Tensor, x: number | Tensor, options: ChoiceOptions = {}): Tensor {
  checkKey("choice", key);
  checkOptions("choice", options, ["shape", "p", "replace"]);
  const { shape = [], p, replace = true } = options;
  checkShape("choice", shape);
  const n = populationOf(x);
  const draws = sizeOf(shape);
  if (draws > (replace && n > 0 ? Infinity : n)) {
    throw new RangeError(`choice() cannot draw ${draws} of ${n}${n > 0 ? " without replacement" : ""}`);
  }
  const at = reshape(draws === 0 ? permutation(key, 0) : positionsOf(key, n, draws, p, replace), shape);
  return isTensor(x) ? take(x, at, { axis: 0 }) : at;
}

function populationOf(x: number | Tensor): number {
  if (!isTensor(x)) {
    checkCount("choice", "n", x);
    return x;
  }
  if (x.ndim === 0) throw new ShapeError(`choice() needs an axis to draw from, got ${typeString(x.type)}`);
  return x.shape[0]!;
}

function positionsOf(key: Tensor, n: number, draws: number, p: Tensor | undefined, replace: boolean): Tensor {
  if (p !== undefined) return (replace ? weighedIn : differentIn)([key, weights("choice", p, n)], draws);
  if (replace) return randint(key, [draws], { minval: 0, maxval: n });
  return slice(permutation(key, n), { stop: [draws] });
}

function weights(op: string, p: Tensor, n?: number): Tensor {
  if (!isTensor(p)) throw new TypeError(`${op}() takes p as a tensor, got ${describe(p)}`);
  if (p.ndim !== 1 || p.size !== (n ?? p.size)) {
    throw new ShapeError(`${op}() needs one probability for each of ${n ?? "the classes"}, got ${typeString(p.type)}`);
  }
  const t = toFloat(op, p);
  // Running sums of float16 would soon be too coarse to choose by.
  return cast(t, wideOf(t.dtype));
}

/**
 * Counts how often each class comes up in n independent draws: `u32[2], f32[classes] → i32[classes]`.
 *
 * The counts, which add up to n, of {@linkcode choice} with these probabilities, given up to a common factor. So its cost
 * grows with n, and the values are not those of `jax.random.multinomial`, which draws a binomial number for each class.
 * Not differentiable: the result is a count.
 *
 * @throws {RangeError} If n is not a non-negative integer, or p has no or several axes, or no classes while n > 0.
 *
 * @example Sixty throws of a die
 * ```ts
 * import { ones, random, sum } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const counts = random.multinomial(random.key(0), 60, ones([6]));
 * assertEquals(counts.shape, [6]);
 * assertEquals(sum(counts).item(), 60);
 * ```
 */
export function multinomial(key: Tensor, n: number, p: Tensor): Tensor {
  checkKey("multinomial", key);
  checkCount("multinomial", "n", n);
  const each = weights("multinomial", p);
  if (each.size === 0 && n > 0) {
    throw new ShapeError(`multinomial() cannot choose from no classes, got ${typeString(p.type)}`);
  }
  return bincount(n === 0 ? permutation(key, 0) : weighedIn([key, each], n), each.size);
}
