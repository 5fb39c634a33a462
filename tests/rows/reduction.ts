/** Rows of the reductions: functions of lists of numbers, applied along axes. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { DType } from "../../ops/dtype.ts";
import type { Tensor, TensorLike } from "../../ops/tensor.ts";
import {
  axesOf,
  axisOf,
  type Layout,
  type Operand,
  operand,
  operands,
  type ShapeOptions,
  shapes,
  type Use,
} from "../draw.ts";
import {
  absolute,
  at,
  axesAt,
  build,
  convert,
  countOf,
  elementwise,
  floatOf,
  indices,
  isFloat,
  type Plain,
  reduced,
  sizeOf,
  sumOf,
} from "../plain.ts";
import { everyDType, exact, floats, type Row, type Tolerance } from "../row.ts";

interface Reduction {
  readonly axis?: number | readonly number[] | undefined;
  readonly keepDims?: boolean | undefined;
}

const same = (dtype: DType): DType => dtype;
const toBool = (): DType => "bool";

/** Additions of at most 256 multiples of 1/512 below 8 are exact in float32, in any order. */
export const exactSums: Tolerance<unknown> = {
  ulps: 0,
  because: "sums of at most 256 multiples of 1/512 up to 8 are exact",
};

/** No more than 64 factors near 1: their products stay far from overflow, and 0 is among them. */
export const fewProducts = {
  shapes: { rank: [0, 3] },
  tolerance: { ulps: 64, because: "each of at most 64 products errs by half an ulp" },
} as const;

export function nearOne(dtype: DType): fc.Arbitrary<number> | undefined {
  return isFloat(dtype) ? fc.constantFrom(0, 1, -1, 0.75, -0.75, 1.25, 1.375, 0.625, -1.5) : undefined;
}

interface Rules {
  readonly result: (dtype: DType) => DType;
  readonly tolerance: Tolerance<Reduction>;
  readonly elements?: (dtype: DType) => fc.Arbitrary<number> | undefined;
  readonly shapes?: ShapeOptions;
  /** What reducing nothing is, if not a number like any other. */
  readonly empty?: "an error" | "not finite";
  /** Whether ties have no derivative. */
  readonly distinct?: boolean;
  readonly discrete?: string;
}

/** What is not finite, or not quite 0, beside something else. */
const specialPairs: Operand = {
  shape: [8, 2],
  dtype: "float64",
  data: [NaN, 1, 1, NaN, Infinity, 1, -Infinity, 1, Infinity, -Infinity, -Infinity, -Infinity, -0, -0, 2 ** -149, 0],
  layout: "rows",
};

/** A row of a reduction over any axes. */
function reduction(
  name: string,
  call: (x: TensorLike, options: Reduction) => Tensor,
  f: (values: number[]) => number,
  rules: Rules,
): Row<Reduction> {
  return {
    name,
    dtypes: everyDType,
    draw: (dtype, use) =>
      cases(dtype, use, rules).map(([x, axis, keepDims]) => ({ operands: [x], settings: { axis, keepDims } })),
    call: ([x], options) => call(x!, options),
    reference([x], options) {
      const to = rules.result(x!.dtype);
      return reduced(isFloat(to) || to === "bool" ? convert(x!, to) : x!, options, to, f);
    },
    tolerance: rules.tolerance,
    examples: floats.map((dtype) => ({ operands: [{ ...specialPairs, dtype }], settings: { axis: 1 } })),
    ...(rules.discrete === undefined ? {} : { discrete: rules.discrete }),
  };
}

function cases(dtype: DType, use: Use, rules: Omit<Rules, "result" | "tolerance">) {
  const { elements, distinct = false } = rules;
  const mayBeEmpty = rules.empty === undefined || (rules.empty === "not finite" && use === "value");
  return shapes(rules.shapes).chain((shape) => fc.tuple(fc.constant(shape), axesOf(shape.length), fc.boolean()))
    .filter(([shape, axis]) => mayBeEmpty || axesAt(axis, shape.length).every((a) => shape[a] !== 0))
    .chain(([shape, axis, keepDims]) =>
      operands([{ shape, dtype, elements: elements?.(dtype) }], {
        distinct: distinct && use === "derivative",
      }).map(([x]) => [x!, axis, keepDims] as const)
    );
}

function meanOf(values: readonly number[]): number {
  return sumOf(values) / values.length;
}

/** Sum of squared deviations over n − ddof. */
function varianceOf(values: readonly number[], ddof: number): number {
  const mean = meanOf(values);
  return sumOf(values.map((v) => (v - mean) ** 2)) / Math.max(0, values.length - ddof);
}

function logSumExpOf(values: readonly number[]): number {
  const top = Math.max(...values);
  return Number.isFinite(top) ? top + Math.log(sumOf(values.map((v) => Math.exp(v - top)))) : top;
}

const extreme = { empty: "an error", distinct: true, result: same, tolerance: exact } as const;

const reductions: Row[] = [
  reduction("sum", ops.sum, sumOf, { result: countOf, tolerance: exactSums }),
  reduction("mean", ops.mean, meanOf, {
    result: floatOf,
    empty: "not finite",
    elements: (dtype) => isFloat(dtype) || dtype === "bool" ? undefined : fc.nat(9),
    tolerance: { ulps: 1, because: "an exact sum, and a quotient by a number of elements" },
  }),
  reduction("prod", ops.prod, productOf, {
    result: countOf,
    ...fewProducts,
    elements: nearOne,
  }),
  reduction("max", ops.max, (values) => Math.max(...values), extreme),
  reduction("min", ops.min, (values) => Math.min(...values), extreme),
  reduction("countNonzero", ops.countNonzero, (values) => values.filter((v) => v !== 0).length, {
    result: () => "int32",
    tolerance: exact,
    discrete: "the result is a count",
  }),
  reduction("any", ops.any, (values) => Math.max(0, ...values), {
    result: toBool,
    tolerance: exact,
    discrete: "the result is bool",
  }),
  reduction("all", ops.all, (values) => Math.min(1, ...values), {
    result: toBool,
    tolerance: exact,
    discrete: "the result is bool",
  }),
  reduction("logSumExp", ops.logSumExp, logSumExpOf, {
    result: floatOf,
    empty: "not finite",
    tolerance: {
      ulps: 8,
      because: "terms at most 1 are added and their logarithm, of at most log 256, is added to the largest element",
      of: ([x], options) => reduced(absolute(x!), options, "float64", (values) => Math.max(8, ...values)),
    },
  }),
];

export function productOf(values: readonly number[]): number {
  if (values.some((v) => !Number.isInteger(v))) return values.reduce((product, v) => product * v, 1);
  // Integers wrap, however many there are; small whole floats come out the same.
  return Number(BigInt.asIntN(32, values.reduce((product, v) => product * BigInt(v), 1n)));
}

interface Spread extends Reduction {
  readonly ddof?: number | undefined;
}

/** Different quarters for derivatives: the standard deviation bends sharply near 0. */
const smoothSpread: Omit<Rules, "result" | "tolerance"> = {
  distinct: true,
  shapes: { rank: [1, 3], sizes: [2, 3] },
  elements: () => fc.integer({ min: -32, max: 32 }).map((n) => n / 4),
};

/** Variance or standard deviation. */
function spread(
  name: string,
  call: (x: TensorLike, options: Spread) => Tensor,
  of: (variance: number) => number,
  tolerance: Tolerance<Spread>,
): Row<Spread> {
  return {
    name,
    dtypes: everyDType,
    draw(dtype, use) {
      const smooth = use === "derivative";
      return cases(dtype, use, smooth ? smoothSpread : {})
        .filter(([x, axis]) => !smooth || axesAt(axis, x.shape.length).length > 0)
        .chain(([x, axis, keepDims]) =>
          fc.constantFrom(undefined, 0, 1).map((ddof) => ({ operands: [x], settings: { axis, keepDims, ddof } }))
        );
    },
    call: ([x], options) => call(x!, options),
    reference([x], options) {
      const dtype = floatOf(x!.dtype);
      return reduced(convert(x!, dtype), options, dtype, (values) => of(varianceOf(values, options.ddof ?? 0)));
    },
    tolerance,
  };
}

const largest = (x: Plain, options: Reduction, f: (v: number) => number): Plain =>
  reduced(absolute(x), options, "float64", (values) => f(Math.max(...values)));

const spreads: Row<Spread>[] = [
  spread("variance", ops.variance, (v) => v, {
    ulps: 16,
    because:
      "deviations err by an ulp of the largest element, which their squares, at most four times its square, carry on",
    of: ([x], options) => largest(x!, options, (v) => 4 * v * v),
  }),
  spread("std", ops.std, Math.sqrt, {
    ulps: 16,
    because: "deviations err by an ulp of the largest element, and their root mean square by no more",
    of: ([x], options) => largest(x!, options, (v) => v),
  }),
];

interface Standardizing {
  readonly axis?: number | number[] | undefined;
  readonly epsilon?: number | undefined;
}

/** What becomes of the elements of a line, from their deviation from its mean and its variance with epsilon. */
function standardized(
  x: Plain,
  { axis, epsilon = 1e-5 }: Standardizing,
  f: (deviation: number, variance: number, line: readonly number[]) => number,
): Plain {
  const axes = axesAt(axis ?? (x.shape.length === 0 ? [] : -1), x.shape.length);
  return build(x.shape, x.dtype, (index) => {
    const line = indices(x.shape).filter((other) => other.every((i, a) => axes.includes(a) || i === index[a]))
      .map((other) => at(x, other));
    return f(at(x, index) - meanOf(line), varianceOf(line, 0) + epsilon, line);
  });
}

const standardize: Row<Standardizing> = {
  name: "standardize",
  dtypes: everyDType,
  draw: (dtype, use) =>
    cases(dtype, use, use === "derivative" ? smoothSpread : { shapes: { rank: [0, 3] } }).chain(([x, axis]) =>
      fc.constantFrom(undefined, 0.5).map((epsilon) => ({ operands: [x], settings: { axis, epsilon } }))
    ),
  call: ([x], options) => ops.standardize(x!, options),
  reference: ([x], options) =>
    standardized(convert(x!, floatOf(x!.dtype)), options, (deviation, variance) => deviation / Math.sqrt(variance)),
  tolerance: {
    ulps: 16,
    because: "deviations and their root mean square err by an ulp of the largest element, over the divisor",
    of: ([x], options) =>
      standardized(
        convert(x!, floatOf(x!.dtype)),
        options,
        (_, variance, line) => Math.max(...line.map(Math.abs)) / Math.sqrt(variance),
      ),
  },
  // Without the last line, whose mean, half of the smallest float32, is none itself.
  examples: floats.map((dtype) => ({
    operands: [{ ...specialPairs, dtype, shape: [7, 2], data: specialPairs.data.slice(0, 14) }],
    settings: {},
  })),
};

interface Choice {
  readonly axis?: number | undefined;
  readonly keepDims?: boolean | undefined;
}

/** The position of the first extreme element; NaN is extreme. */
function choice(
  name: string,
  call: (x: TensorLike, options: Choice) => Tensor,
  beats: (a: number, b: number) => boolean,
): Row<Choice> {
  const first = (values: number[]): number =>
    values.reduce(
      (best, v, i) => (beats(v, values[best]!) || (v !== v && values[best] === values[best]) ? i : best),
      0,
    );
  return {
    name,
    dtypes: everyDType,
    draw: (dtype) =>
      shapes().chain((shape) =>
        fc.tuple(
          fc.constant(shape),
          shape.length === 0 ? fc.constant(undefined) : fc.option(axisOf(shape.length), { nil: undefined }),
          fc.boolean(),
        )
      )
        .filter(([shape, axis]) => (axis === undefined ? sizeOf(shape) : shape.at(axis)) !== 0)
        .chain(([shape, axis, keepDims]) =>
          // Few different values, so that there are ties.
          operand({ shape, dtype, elements: isFloat(dtype) ? fc.constantFrom(-1.5, 0, 2, NaN, Infinity) : undefined })
            .map((x) => ({ operands: [x], settings: { axis, keepDims } }))
        ),
    call: ([x], options) => call(x!, options),
    reference: ([x], options) => reduced(x!, options, "int32", first),
    tolerance: exact,
    discrete: "the result is a position",
  };
}

interface Closeness {
  readonly rtol?: number;
  readonly atol?: number;
  readonly equalNaN?: boolean;
}

const allClose: Row<Closeness> = {
  name: "allClose",
  dtypes: everyDType,
  draw: (dtype) =>
    shapes().chain((shape) => {
      const few = isFloat(dtype)
        ? fc.constantFrom(0, 1, 1.0009765625, 1.125, 2, NaN, Infinity)
        : fc.integer({ min: 0, max: 1 });
      // Two operands that are often equal, or nearly so.
      const layouts = fc.constantFrom<Layout>("rows", "transposed", "strided", "flipped");
      return fc.tuple(operand({ shape, dtype, elements: few }), fc.nat(20), few, layouts).map(
        ([x, n, other, layout]) => [x, { ...x, data: x.data.map((v, i) => (i === n ? other : v)), layout }],
      );
    }).chain((xs) =>
      fc.record({ rtol: fc.constantFrom(0, 0.001, 0.2), atol: fc.constantFrom(0, 0.01, 1), equalNaN: fc.boolean() }, {
        requiredKeys: [],
      })
        .map((settings) => ({ operands: xs, settings }))
    ),
  call: ([a, b], options) => ops.tensor(ops.allClose(a!, b!, options)),
  reference([a, b], { rtol = 1e-5, atol = 1e-8, equalNaN = false }) {
    const close = elementwise([a!, b!], "bool", (x, y) =>
      Number(
        x === y || (Math.abs(y!) < Infinity && Math.abs(x! - y!) <= atol + rtol * Math.abs(y!)) ||
          (equalNaN && x !== x && y !== y),
      ));
    return { dtype: "bool", shape: [], data: [Math.min(1, ...close.data)] };
  },
  tolerance: exact,
  valuesOnly: "it returns a boolean of JavaScript",
};

export const reductionRows: readonly Row[] = [
  ...reductions,
  ...spreads,
  standardize,
  choice("argmax", ops.argmax, (a, b) => a > b),
  choice("argmin", ops.argmin, (a, b) => a < b),
  allClose,
];
