/** The row of the norms. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { NormOrder } from "../../ops/norm.ts";
import { axesOf, axisOf, type Operand, operands, shapes, someAxesOf, type Use } from "../draw.ts";
import { absolute, axesAt, convert, countOf, floatOf, type Plain, reduced, sumOf } from "../plain.ts";
import { everyDType, floats, type Row } from "../row.ts";

interface Norming {
  readonly ord?: NormOrder | undefined;
  readonly axis?: number | readonly number[] | undefined;
  readonly keepDims?: boolean | undefined;
}

const ofVectors: readonly NormOrder[] = [0, 1, 2, 3, 0.5, -1, -2, Infinity, -Infinity];
const ofMatrices: readonly NormOrder[] = ["fro", 1, -1, Infinity, -Infinity];

/** An order, and axes that it is for. */
function orders(rank: number): fc.Arbitrary<Norming> {
  const all = axesOf(rank).map((axis): Norming => ({ axis }));
  const vectors = fc.constantFrom(...ofVectors);
  const matrices = fc.constantFrom(...ofMatrices);
  return fc.oneof(
    all,
    ...(rank <= 1 ? [vectors.map((ord): Norming => ({ ord }))] : []),
    ...(rank >= 1 ? [fc.tuple(vectors, axisOf(rank)).map(([ord, axis]): Norming => ({ ord, axis }))] : []),
    ...(rank === 2 ? [matrices.map((ord): Norming => ({ ord }))] : []),
    ...(rank >= 2
      ? [
        fc.tuple(matrices, someAxesOf(rank).filter((axes) => axes.length === 2)).map(([ord, axis]): Norming => ({
          ord,
          axis,
        })),
      ]
      : []),
  );
}

/** Of either sign, no two different ones of one magnitude. */
const smooth = fc.integer({ min: 128, max: 2048 }).map((n) => (n % 2 === 0 ? n : -n) / 256);

function cases(dtype: Operand["dtype"], use: Use) {
  const derivative = use === "derivative";
  return shapes(derivative ? { rank: [0, 3], sizes: [1, 3] } : { rank: [0, 3] })
    .chain((shape) => fc.tuple(fc.constant(shape), orders(shape.length), fc.constantFrom(undefined, false, true)))
    .filter(([shape, { axis }]) => axesAt(axis, shape.length).every((a) => shape[a] !== 0))
    .chain(([shape, order, keepDims]) =>
      operands([{ shape, dtype, elements: derivative ? smooth : undefined }], { distinct: derivative })
        .map(([x]) => ({ operands: [x!], settings: { ...order, keepDims } }))
    ).filter(({ operands: [x], settings }) => !derivative || isSmooth(x!, settings));
}

/** Whether no two sums that a norm of matrices chooses from are so near that a step of differences swaps them. */
function isSmooth(x: Plain, { ord, axis }: Norming): boolean {
  const axes = axesAt(axis, x.shape.length);
  if (axes.length !== 2 || ord === undefined || ord === "fro") return true;
  const sums = sumsOf(x, ord, axes).data;
  return sums.every((a, i) => sums.every((b, k) => i === k || Math.abs(a - b) > 1 / 64));
}

/** The sums of |x| over columns for ±1, over rows for ±∞. */
function sumsOf(x: Plain, ord: number, [rows, columns]: readonly number[]): Plain {
  return reduced(
    absolute(x),
    { axis: Math.abs(ord) === 1 ? rows! : columns!, keepDims: true },
    "float64",
    (values) => sumOf(values),
  );
}

function vectorNormOf(values: readonly number[], ord: number): number {
  if (ord === 0) return values.filter((v) => v !== 0).length;
  if (ord === Infinity) return Math.max(...values.map(Math.abs));
  if (ord === -Infinity) return Math.min(...values.map(Math.abs));
  // Scaled by a power of two, which is exact: far from 1 the rounding of 1 / ord would show.
  const exponent = Math.floor(Math.log2(Math.max(...values.map(Math.abs))));
  const scale = Number.isFinite(exponent) ? 2 ** exponent : 1;
  return scale * Math.pow(sumOf(values.map((v) => Math.pow(Math.abs(v / scale), ord))), 1 / ord);
}

function normOf(x: Plain, { ord, axis, keepDims }: Norming): Plain {
  const axes = axesAt(axis, x.shape.length);
  if (axes.length !== 2 || ord === undefined || ord === "fro") {
    const order = typeof ord === "number" ? ord : 2;
    return reduced(x, { axis: axes, keepDims }, x.dtype, (values) => vectorNormOf(values, order));
  }
  const choose = ord > 0 ? Math.max : Math.min;
  return reduced(sumsOf(x, ord, axes), { axis: axes, keepDims }, x.dtype, (values) => choose(...values));
}

/** What squares overflow on, or underflow, beside what is not finite. */
const specialPairs: Operand = {
  shape: [8, 2],
  dtype: "float64",
  data: [1e30, 1e30, 1e-30, -1e-30, 2 ** -149, 0, NaN, 1, Infinity, -1, -Infinity, Infinity, -0, 0, 3, -4],
  layout: "rows",
};

export const norm: Row<Norming> = {
  name: "norm",
  dtypes: everyDType,
  draw: cases,
  call: ([x], options) => ops.norm(x!, options),
  reference: ([x], options) => normOf(convert(x!, floatOf(countOf(x!.dtype))), options),
  tolerance: {
    ulps: 32,
    because: "a quotient, a power, a sum of at most 64 of them and a root, which doubles what went before at p = ½",
  },
  effort: 4,
  examples: floats.flatMap((dtype) =>
    [undefined, 1, 3, -1, Infinity].map((ord) => ({
      operands: [{ ...specialPairs, dtype }],
      settings: { ord, axis: 1 },
    }))
  ),
};
