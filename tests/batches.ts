/** Batches of a drawn case for `vmap`: one level or two nested, each over any axes of any operands. */

import * as fc from "fast-check";
import type { Tensor } from "../ops/tensor.ts";
import { type Operand, toTensor } from "./draw.ts";
import { at, build, held, isFloat, type Plain } from "./plain.ts";
import type { Drawn } from "./row.ts";

/** One `vmap`. */
export interface Level {
  readonly size: number;
  /** For each operand, whether it is batched; all are if none is. */
  readonly which: readonly boolean[];
  /** For each operand, a number that says where its batch axis lies. */
  readonly axes: readonly number[];
  /** A number that says where the batch axes of the results are to lie. */
  readonly out: number;
}

/** A case, and the levels around it, outermost first. */
export interface Batched {
  readonly drawn: Drawn<unknown>;
  readonly levels: readonly Level[];
}

export function batched(cases: fc.Arbitrary<Drawn<unknown>>): fc.Arbitrary<Batched> {
  const place = fc.nat(999);
  const level = fc.record({
    size: fc.constantFrom(2, 3, 2, 3, 1, 0),
    which: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    axes: fc.array(place, { minLength: 4, maxLength: 4 }),
    out: place,
  });
  // Evenly: fast-check prefers small numbers, and with them the first axis.
  return fc.noBias(fc.record({ drawn: cases, levels: fc.array(level, { minLength: 1, maxLength: 2 }) }));
}

/** An axis of a tensor of this rank, counted from either end. */
function axisAmong(rank: number, place: number): number {
  const axis = place % rank;
  return Math.floor(place / rank) % 2 === 0 ? axis : axis - rank;
}

function isBatched({ which }: Level, operands: readonly unknown[], i: number): boolean {
  return which[i] === true || !operands.some((_, k) => which[k]);
}

/** The k-th example of a batch: elements moved along by k, floats made a little smaller, all within their domain. */
function example(x: Operand, k: number): Operand {
  const n = x.data.length;
  const data = x.data.map((_, i) => x.data[(i + k) % n]! * (isFloat(x.dtype) ? 1 - k / 8 : 1));
  return held({ dtype: x.dtype, shape: x.shape, data, layout: x.layout === "stretched" ? "rows" : x.layout });
}

/** What `vmap` is given for one operand: its examples along new axes, an axis for each level that batches it. */
function stacked(
  x: Operand,
  isBatched: readonly boolean[],
  levels: readonly Level[],
  i: number,
): { readonly whole: Operand; readonly axes: readonly (number | null)[] } {
  const [level, ...inner] = levels;
  if (level === undefined) return { whole: x, axes: [] };
  if (!isBatched[0]) {
    const { whole, axes } = stacked(x, isBatched.slice(1), inner, i);
    return { whole, axes: [null, ...axes] };
  }
  const examples = Array.from({ length: level.size }, (_, k) => stacked(example(x, k), isBatched.slice(1), inner, i));
  const { whole: first, axes } = stacked(example(x, 0), isBatched.slice(1), inner, i);
  const axis = axisAmong(first.shape.length + 1, level.axes[i]!);
  const from = axis < 0 ? axis + first.shape.length + 1 : axis;
  const shape = first.shape.toSpliced(from, 0, level.size);
  const whole = build(
    shape,
    x.dtype,
    (index) => at(examples[index[from]!]!.whole, index.filter((_, a) => a !== from)),
  );
  return { whole: { ...whole, layout: first.layout }, axes: [axis, ...axes] };
}

/** What is to be batched and how, and the examples it is to agree with, those of inner levels next to each other. */
export function batches({ drawn: { operands, settings }, levels }: Batched): {
  readonly xs: readonly Tensor[];
  /** For each level the axes of the operands. */
  readonly inAxes: readonly (readonly (number | null)[])[];
  readonly examples: readonly { readonly place: readonly number[]; readonly one: Drawn<unknown> }[];
} {
  // Bare numbers have no batch axis, and their dtype is no tensor's.
  const fixed = operands.map(({ dtype, shape, data, layout }): Operand => ({
    dtype,
    shape,
    data,
    layout: layout === "bare" ? "rows" : layout,
  }));
  const chosen = fixed.map((_, i) => levels.map((level) => isBatched(level, fixed, i)));
  const all = fixed.map((x, i) => stacked(x, chosen[i]!, levels, i));
  const places = levels.reduce<number[][]>(
    (found, { size }) => found.flatMap((place) => Array.from({ length: size }, (_, k) => [...place, k])),
    [[]],
  );
  return {
    xs: all.map(({ whole }) => toTensor(whole)),
    inAxes: levels.map((_, level) => all.map(({ axes }) => axes[level]!)),
    examples: places.map((place) => ({
      place,
      one: {
        operands: fixed.map((x, i) => place.reduce((y, k, level) => (chosen[i]![level] ? example(y, k) : y), x)),
        settings,
      },
    })),
  };
}

/** For each level the batch axes of results that have these ranks without any. */
export function outAxesOf({ levels }: Batched, ranks: readonly number[]): readonly (readonly number[])[] {
  return levels.map(({ out }, level) => ranks.map((rank, i) => axisAmong(rank + levels.length - level, out + 5 * i)));
}

/** The example of a batched result at a place, which has an index for each level. */
export function pick(y: Plain, place: readonly number[], axes: readonly number[]): Plain {
  return place.reduce((whole, k, level) => {
    const axis = (axes[level]! + whole.shape.length) % whole.shape.length;
    return build(whole.shape.toSpliced(axis, 1), whole.dtype, (index) => at(whole, index.toSpliced(axis, 0, k)));
  }, y);
}
