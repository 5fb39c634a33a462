/** What the two ways to reduce share: combining vectors, and where floats are summed as doubles. */

import type { Local } from "./assembler.ts";
import type { Body } from "./body.ts";
import { roundToHalf } from "./half.ts";
import type { Lanes } from "./lanes.ts";
import { identityOf } from "./reference_reduce.ts";
import { applyLanes, constantLanes, type LaneType } from "./vector.ts";
import type { Combiner } from "../ops/kernel.ts";

/** How values of one dtype are combined. */
export interface Combination {
  readonly combiner: Combiner;
  readonly of: LaneType;
  /** What they are combined as: float16 as float32. */
  readonly type: LaneType;
  /** Whether float sums are collected as doubles: sums of floats then only cover a few hundred elements. */
  readonly inDouble: boolean;
}

export interface Fold extends Combination {
  readonly body: Body;
}

export function foldOf<B extends { readonly type: LaneType }>(combiner: Combiner, body: B): Combination & { body: B } {
  const type = body.type === "float16" ? "float32" : body.type;
  return { combiner, body, of: body.type, type, inDouble: combiner === "sum" && type === "float32" };
}

/** What a reduction starts from, in all lanes. */
export function identityLanes(v: Lanes, { combiner, type }: Combination): Local {
  return constantLanes(v, identityOf(combiner, type), type);
}

export function combine(v: Lanes, { combiner, type }: Combination, a: Local, b: Local): Local {
  return applyLanes(v, combiner === "sum" ? "add" : combiner, type, [a, b]);
}

/** Combines `count` values, a power of 2, as a balanced tree: independent operations, and small rounding errors. */
export function combineTree(v: Lanes, fold: Combination, count: number, value: (n: number) => Local, first = 0): Local {
  if (count === 1) return value(first);
  const half = count / 2;
  const a = combineTree(v, fold, half, value, first);
  return combine(v, fold, a, combineTree(v, fold, half, value, first + half));
}

/** The combination of all four lanes, in the first. */
export function combineLanes(v: Lanes, fold: Combination, x: Local): Local {
  const pairs = combine(v, fold, x, v.shuffle(x, x, [2, 3, 0, 1]));
  return combine(v, fold, pairs, v.shuffle(pairs, pairs, [1, 0, 3, 2]));
}

/** Four floats as two pairs of doubles. */
export function widen(v: Lanes, x: Local): readonly [low: Local, high: Local] {
  const high = v.shuffle(x, x, [2, 3, 2, 3]);
  return [v.op("f64x2.promote_low_f32x4", x), v.op("f64x2.promote_low_f32x4", high)];
}

/** Two pairs of doubles as four floats, which are what is stored. */
export function narrow(v: Lanes, fold: Combination, low: Local, high: Local): Local {
  const halves = [low, high].map((x) => v.op("f32x4.demote_f64x2_zero", x)) as [Local, Local];
  return finished(v, fold, v.shuffle(...halves, [0, 1, 4, 5]));
}

/** The sum of four doubles, as a float in the first lane. */
export function sumLanes(v: Lanes, fold: Combination, low: Local, high: Local): Local {
  const pairs = v.op("f64x2.add", low, high);
  const sum = v.op("f64x2.add", pairs, v.shuffle(pairs, pairs, [2, 3, 0, 1]));
  return finished(v, fold, v.op("f32x4.demote_f64x2_zero", sum));
}

/** Sums of float16 are rounded here, in the end. */
function finished(v: Lanes, { of }: Combination, sums: Local): Local {
  return of === "float16" ? roundToHalf(v, sums) : sums;
}
