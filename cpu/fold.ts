/** What the two ways to reduce share: combining vectors, and where floats are summed as doubles. */

import type { Local } from "./assembler.ts";
import type { Body } from "./body.ts";
import type { Lanes } from "./lanes.ts";
import { identityOf } from "./reference_reduce.ts";
import { applyLanes, constantLanes } from "./vector.ts";
import type { Combiner } from "../ops/kernel.ts";

export interface Fold {
  readonly combiner: Combiner;
  readonly body: Body;
  /** Whether float sums are collected as doubles: sums of floats then only cover a few hundred elements. */
  readonly inDouble: boolean;
}

export function foldOf(combiner: Combiner, body: Body): Fold {
  return { combiner, body, inDouble: combiner === "sum" && body.type === "float32" };
}

/** What a reduction starts from, in all lanes. */
export function identityLanes(v: Lanes, { combiner, body: { type } }: Fold): Local {
  return constantLanes(v, identityOf(combiner, type), type);
}

export function combine(v: Lanes, { combiner, body: { type } }: Fold, a: Local, b: Local): Local {
  return applyLanes(v, combiner === "sum" ? "add" : combiner, type, [a, b]);
}

/** Combines `count` values, a power of 2, as a balanced tree: independent operations, and small rounding errors. */
export function combineTree(v: Lanes, fold: Fold, count: number, value: (n: number) => Local, first = 0): Local {
  if (count === 1) return value(first);
  const half = count / 2;
  const a = combineTree(v, fold, half, value, first);
  return combine(v, fold, a, combineTree(v, fold, half, value, first + half));
}

/** The combination of all four lanes, in the first. */
export function combineLanes(v: Lanes, fold: Fold, x: Local): Local {
  const pairs = combine(v, fold, x, v.shuffle(x, x, [2, 3, 0, 1]));
  return combine(v, fold, pairs, v.shuffle(pairs, pairs, [1, 0, 3, 2]));
}

/** Four floats as two pairs of doubles. */
export function widen(v: Lanes, x: Local): readonly [low: Local, high: Local] {
  const high = v.shuffle(x, x, [2, 3, 2, 3]);
  return [v.op("f64x2.promote_low_f32x4", x), v.op("f64x2.promote_low_f32x4", high)];
}

export function narrow(v: Lanes, low: Local, high: Local): Local {
  const halves = [low, high].map((x) => v.op("f32x4.demote_f64x2_zero", x)) as [Local, Local];
  return v.shuffle(...halves, [0, 1, 4, 5]);
}

/** The sum of four doubles, as a float in the first lane. */
export function sumLanes(v: Lanes, low: Local, high: Local): Local {
  const pairs = v.op("f64x2.add", low, high);
  return v.op("f32x4.demote_f64x2_zero", v.op("f64x2.add", pairs, v.shuffle(pairs, pairs, [2, 3, 0, 1])));
}
