/** Rows of the quantiles. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { DType } from "../../ops/dtype.ts";
import { axesOf, type Operand, operand, operands, shapes, type Use } from "../draw.ts";
import { axesAt, convert, floatOf, type Plain, reduced } from "../plain.ts";
import { type Drawn, everyDType, floats, type Row, type Tolerance } from "../row.ts";

interface Choosing {
  readonly axis?: number | readonly number[] | undefined;
  readonly keepDims?: boolean | undefined;
}

interface Fractions extends Choosing {
  /** Absent where the fractions are an operand. */
  readonly q?: number | number[] | undefined;
}

function cases(dtype: DType, use: Use): fc.Arbitrary<Drawn<Choosing>> {
  const derivative = use === "derivative";
  return shapes(derivative ? { rank: [0, 3], sizes: [1, 3] } : { rank: [0, 3] })
    .chain((shape) => fc.tuple(fc.constant(shape), axesOf(shape.length), fc.constantFrom(undefined, false, true)))
    .filter(([shape, axis]) => axesAt(axis, shape.length).every((a) => shape[a] !== 0))
    .chain(([shape, axis, keepDims]) =>
      operands([{ shape, dtype }], { distinct: derivative })
        .map((xs) => ({ operands: xs, settings: { axis, keepDims } }))
    );
}

/** Of the sorted elements, the two about a fraction of the way through, and how far the second is away. */
function around(values: readonly number[], q: number): [a: number, b: number, w: number] {
  const sorted = values.toSorted((a, b) => a - b);
  const position = q * (values.length - 1);
  const before = Math.floor(position);
  return [sorted[before]!, sorted[Math.min(before + 1, values.length - 1)]!, position - before];
}

function quantileOf(values: readonly number[], q: number): number {
  if (values.some(Number.isNaN) || !(q >= 0 && q <= 1)) return NaN;
  const [a, b, w] = around(values, q);
  return w === 0 ? a : a * (1 - w) + b * w;
}

/** One reduction for each fraction, one after the other. */
function perFraction(
  x: Plain,
  q: Plain,
  options: Choosing,
  f: (values: readonly number[], q: number) => number,
): Plain {
  const dtype = floatOf(x.dtype);
  const shape = reduced(x, options, dtype, () => 0).shape;
  const parts = q.data.map((fraction) => reduced(convert(x, dtype), options, dtype, (values) => f(values, fraction)));
  return { dtype, shape: [...q.shape, ...shape], data: parts.flatMap(({ data }) => data) };
}

function fractionsOf(xs: readonly Plain[], { q }: Fractions): Plain {
  if (q === undefined) return xs[1]!;
  return typeof q === "number"
    ? { dtype: "float64", shape: [], data: [q] }
    : { dtype: "float64", shape: [q.length], data: q };
}

const larger = (values: readonly number[], q: number): number => {
  const [a, b] = around(values, q);
  return Math.max(Math.abs(a), Math.abs(b)) || 0;
};

const tolerance: Tolerance<Fractions> = {
  ulps: 3,
  because: "a weight, two products and two sums, each within half an ulp of the larger of the elements between",
  of: (xs, settings) => perFraction(xs[0]!, fractionsOf(xs, settings), settings, larger),
};

const specialLines: Operand = {
  shape: [5, 3],
  dtype: "float64",
  data: [NaN, 1, 2, Infinity, 1, Infinity, -Infinity, 1, 2, -Infinity, 1, Infinity, 3e38, -3e38, -3e38],
  layout: "rows",
};

const someFractions = fc.constantFrom(0, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 1);

const quantile: Row<Fractions> = {
  name: "quantile",
  dtypes: everyDType,
  draw(dtype, use) {
    const settings = fc.oneof(someFractions, fc.array(someFractions, { maxLength: 3 })).map((q) => ({ q }));
    // Multiples of 1/64: at odd ones no position of our sizes is whole, where the derivative by q would jump.
    const elements = use === "derivative" ? fc.nat(31).map((n) => (2 * n + 1) / 64) : fc.nat(64).map((n) => n / 64);
    const tensors = shapes({ rank: [0, 2], sizes: [0, 3] })
      .chain((shape) =>
        fc.constantFrom(...(use === "derivative" ? [dtype] : floats)).chain((own) =>
          operand({ shape, dtype: own, elements })
        )
      );
    return cases(dtype, use).chain(({ operands: xs, settings: options }) =>
      fc.oneof(
        settings.map(({ q }): Drawn<Fractions> => ({ operands: xs, settings: { ...options, q } })),
        tensors.map((q): Drawn<Fractions> => ({ operands: [...xs, q], settings: options })),
      )
    );
  },
  call: ([x, q], { q: known, ...options }) => ops.quantile(x!, known ?? q!, options),
  reference: (xs, settings) => perFraction(xs[0]!, fractionsOf(xs, settings), settings, quantileOf),
  tolerance,
  examples: floats.flatMap((dtype) => [
    { operands: [{ ...specialLines, dtype }], settings: { q: [0, 0.25, 0.5, 0.75, 1], axis: 1 } },
    {
      operands: [{ ...specialLines, dtype }, { shape: [5], dtype, data: [NaN, -0.125, 1.125, 0, 1], layout: "rows" }],
      settings: { axis: 1 },
    },
  ]),
};

const median: Row<Choosing> = {
  name: "median",
  dtypes: everyDType,
  draw: cases,
  call: ([x], options) => ops.median(x!, options),
  reference: ([x], options) => perFraction(x!, fractionsOf([], { q: 0.5 }), options, quantileOf),
  tolerance: {
    ...tolerance,
    of: ([x], options) => perFraction(x!, fractionsOf([], { q: 0.5 }), options, larger),
  },
  examples: floats.map((dtype) => ({ operands: [{ ...specialLines, dtype }], settings: { axis: 1 } })),
};

export const quantileRows: readonly Row[] = [quantile, median];
