/** Rows of the operations on points of several coordinates, on slices whose place is a value, and on where values lie. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { DType } from "../../ops/dtype.ts";
import type { Tensor, TensorLike } from "../../ops/tensor.ts";
import { type Operand, operand, operands, shapes, shrunk, type Use } from "../draw.ts";
import {
  at,
  build,
  convert,
  indices as indicesOf,
  isFloat,
  type Plain,
  promoted,
  stretchedAt,
  sumOf,
} from "../plain.ts";
import { type Drawn, everyDType, exact, numbers, type Row } from "../row.ts";

/** Integers as int32 from either end, or as uint32 with one too large for int32. */
function integerOperand(shape: readonly number[], low: number, high: number, beyond: number): fc.Arbitrary<Operand> {
  const positive = fc.nat(Math.max(0, high) + beyond);
  return fc.oneof(
    {
      weight: 3,
      arbitrary: operand({ shape, dtype: "int32", elements: fc.integer({ min: low - beyond, max: high + beyond }) }),
    },
    {
      weight: 1,
      arbitrary: operand({
        shape,
        dtype: "uint32",
        elements: beyond > 0 ? fc.oneof(positive, fc.constant(2 ** 32 - 1)) : positive,
      }),
    },
  );
}

/** An array, and points on its leading axes: out of range now and then, but not where a derivative would be NaN for it. */
function pointed(use: Use): fc.Arbitrary<{ shape: number[]; points: Operand }> {
  const sizes: [number, number] = use === "value" ? [0, 4] : [1, 4];
  return fc.tuple(shapes({ rank: [0, 3], sizes }), shapes({ rank: [0, 2] }), fc.nat(3)).chain(([shape, lead, k]) => {
    const leading = shape.slice(0, k);
    const n = use === "value" ? Math.max(0, ...leading) : Math.min(4, ...leading);
    return integerOperand([...lead, leading.length], -n, Math.max(-n, n - 1), use === "value" ? 2 : 0)
      .map((points) => ({ shape, points }));
  });
}

/** The position that a point means, or null if one of its coordinates is out of range. */
function positionOf(points: Plain, lead: readonly number[], shape: readonly number[]): number[] | null {
  const coordinates = Array.from({ length: points.shape.at(-1)! }, (_, i) => at(points, [...lead, i]));
  const position = coordinates.map((i, axis) => (i < 0 ? i + shape[axis]! : i));
  return position.every((i, axis) => i >= 0 && i < shape[axis]!) ? position : null;
}

const gatherNd: Row<null> = {
  name: "gatherNd",
  dtypes: everyDType,
  draw: (dtype, use) =>
    pointed(use).chain(({ shape, points }) => operand({ shape, dtype }).map((x) => ({ x, points })))
      .map(({ x, points }) => ({ operands: [x, points], settings: null })),
  call: ([x, points]) => ops.gatherNd(x!, points as Tensor),
  reference([x, points]) {
    const lead = points!.shape.slice(0, -1);
    return build([...lead, ...x!.shape.slice(points!.shape.at(-1)!)], x!.dtype, (index) => {
      const position = positionOf(points!, index.slice(0, lead.length), x!.shape);
      if (position === null) return isFloat(x!.dtype) ? NaN : 0;
      return at(x!, [...position, ...index.slice(lead.length)]);
    });
  },
  tolerance: exact,
  signedZeros: true,
};

const scatterNd: Row<readonly number[]> = {
  name: "scatterNd",
  dtypes: numbers,
  draw: (dtype) =>
    pointed("value").chain(({ shape, points }) =>
      shrunk([...points.shape.slice(0, -1), ...shape.slice(points.shape.at(-1)!)])
        .chain((own) => operand({ shape: own, dtype }))
        .map((updates) => ({ operands: [updates, points], settings: shape }))
    ),
  call: ([updates, points], shape) => ops.scatterNd(points as Tensor, updates!, shape),
  // Sums of multiples of 1/512 are exact.
  reference([updates, points], shape) {
    const k = points!.shape.at(-1)!;
    const leads = indicesOf(points!.shape.slice(0, -1));
    return build(shape, updates!.dtype, (index) =>
      sumOf(leads.flatMap((lead) => {
        const position = positionOf(points!, lead, shape);
        const isHere = position !== null && position.every((i, axis) => i === index[axis]);
        return isHere ? [stretchedAt(updates!, [...lead, ...index.slice(k)])] : [];
      })));
  },
  tolerance: exact,
};

interface Placed {
  /** For each axis a number, or null for the next of the operands; absent if one operand holds all starts. */
  readonly starts?: readonly (number | null)[] | undefined;
  readonly sizes: readonly number[];
}

/** A shape, a slice that fits into it, and where it starts, in one of the ways to say so. */
function placed(): fc.Arbitrary<Placed & { readonly shape: number[]; readonly asOperands: Operand[] }> {
  return shapes({ rank: [0, 3] }).chain((shape) => {
    const sizes = fc.tuple(...shape.map((n) => fc.oneof(fc.nat(n), fc.constant(n))));
    const starts = fc.array(fc.option(fc.integer({ min: -6, max: 6 })), {
      minLength: shape.length,
      maxLength: shape.length,
    });
    const inOne = integerOperand([shape.length], -4, 4, 2).map((x) => ({ starts: undefined, asOperands: [x] }));
    const oneByOne = starts.chain((starts) =>
      fc.tuple(...starts.filter((start) => start === null).map(() => integerOperand([], -4, 4, 2)))
        .map((asOperands) => ({ starts, asOperands }))
    );
    return fc.tuple(sizes, fc.oneof(inOne, oneByOne)).map(([sizes, given]) => ({ shape, sizes, ...given }));
  });
}

/** The starts as an operation takes them. */
function startsOf(xs: readonly TensorLike[], starts: Placed["starts"]): Tensor | (number | Tensor)[] {
  if (starts === undefined) return xs[0] as Tensor;
  let next = 0;
  return starts.map((start) => start ?? xs[next++] as Tensor);
}

/** The starts as plain numbers, moved so that the slice fits. */
function clamped(
  xs: readonly Plain[],
  starts: Placed["starts"],
  shape: readonly number[],
  sizes: readonly number[],
): number[] {
  let next = 0;
  return shape.map((n, axis) => {
    const start = starts === undefined ? xs[0]!.data[axis]! : starts[axis] ?? xs[next++]!.data[0]!;
    return Math.max(0, Math.min(start < 0 ? start + n : start, n - sizes[axis]!));
  });
}

const dynamicSlice: Row<Placed> = {
  name: "dynamicSlice",
  dtypes: everyDType,
  draw: (dtype) =>
    placed().chain(({ shape, sizes, starts, asOperands }) =>
      operand({ shape, dtype }).map((x): Drawn<Placed> => ({
        operands: [x, ...asOperands],
        settings: { sizes, starts },
      }))
    ),
  call: ([x, ...xs], { starts, sizes }) => ops.dynamicSlice(x!, startsOf(xs, starts), sizes),
  reference([x, ...xs], { starts, sizes }) {
    const from = clamped(xs, starts, x!.shape, sizes);
    return build(sizes, x!.dtype, (index) => at(x!, index.map((i, axis) => i + from[axis]!)));
  },
  tolerance: exact,
  signedZeros: true,
};

const dynamicUpdateSlice: Row<Placed> = {
  name: "dynamicUpdateSlice",
  dtypes: everyDType,
  draw: (dtype) =>
    placed().chain(({ shape, sizes, starts, asOperands }) =>
      operands([{ shape, dtype }, { shape: sizes, dtype }]).map(([x, update]): Drawn<Placed> => ({
        operands: [x!, update!, ...asOperands],
        settings: { sizes, starts },
      }))
    ),
  call: ([x, update, ...xs], { starts }) => ops.dynamicUpdateSlice(x!, update!, startsOf(xs, starts)),
  reference([x, update, ...xs], { starts, sizes }) {
    const from = clamped(xs, starts, x!.shape, sizes);
    return build(x!.shape, x!.dtype, (index) => {
      const inside = index.map((i, axis) => i - from[axis]!);
      return inside.every((i, axis) => i >= 0 && i < sizes[axis]!) ? at(update!, inside) : at(x!, index);
    });
  },
  tolerance: exact,
  signedZeros: true,
};

/** Few different values, so that there are ties, among them those that sort in their own way. */
function tied(dtype: DType): fc.Arbitrary<number> | undefined {
  return isFloat(dtype) ? fc.constantFrom(-1.5, 0, -0, 2, 2.5, NaN, Infinity, -Infinity) : undefined;
}

/** Ascending, NaN last; −0 and 0 are equal. */
function order(a: number, b: number): number {
  return a !== a || b !== b ? Number(a !== a) - Number(b !== b) : Number(a > b) - Number(a < b);
}

const searchSorted: Row<{ readonly side?: "left" | "right" }> = {
  name: "searchSorted",
  dtypes: everyDType,
  draw: (dtype) =>
    fc.tuple(fc.nat(9), shapes({ rank: [0, 2] }), fc.constantFrom<DType>(dtype, "float32")).chain(
      ([n, shape, other]) =>
        fc.record({
          operands: operands([{ shape: [n], dtype, elements: tied(dtype) }, {
            shape,
            dtype: other,
            elements: tied(other),
            bare: isFloat(dtype) && isFloat(other),
          }]),
          settings: fc.record({ side: fc.constantFrom("left", "right") }, { requiredKeys: [] }),
        }),
    ),
  // Sorted on the way: so any vector will do, also the examples that a batch makes of it.
  call: ([x, values], options) => ops.searchSorted(ops.sort(x!), values!, options),
  reference([x, values], { side = "left" }) {
    const dtype = promoted([x!, values!]);
    const [line, wanted] = [convert(x!, dtype), convert(values!, dtype)];
    return build(values!.shape, "int32", (index) => {
      const orders = line.data.map((element) => order(element, at(wanted, index)));
      return orders.filter((o) => (side === "left" ? o < 0 : o <= 0)).length;
    });
  },
  tolerance: exact,
  discrete: "the result is positions",
};

const unknownShape = "the result's shape depends on the values";

const unique: Row<null> = {
  name: "unique",
  dtypes: everyDType,
  draw: (dtype) =>
    shapes().chain((shape) => operand({ shape, dtype, elements: tied(dtype) })).map((x) => ({
      operands: [x],
      settings: null,
    })),
  call: ([x]) => ops.unique(x!),
  reference([x]) {
    const found = [...new Set(x!.data)].sort(order);
    return build([found.length], x!.dtype, ([i]) => found[i!]!);
  },
  tolerance: exact,
  valuesOnly: unknownShape,
};

const nonzero: Row<null> = {
  name: "nonzero",
  dtypes: everyDType,
  draw: (dtype) =>
    shapes({ rank: [1, 4] }).chain((shape) => operand({ shape, dtype, elements: tied(dtype) })).map((x) => ({
      operands: [x],
      settings: null,
    })),
  call: ([x]) => ops.nonzero(x!),
  reference([x]) {
    const found = indicesOf(x!.shape).filter((index) => at(x!, index) !== 0);
    return x!.shape.map((_, axis) => build([found.length], "int32", ([i]) => found[i!]![axis]!));
  },
  tolerance: exact,
  valuesOnly: unknownShape,
};

export const placeRows: readonly Row[] = [
  gatherNd,
  scatterNd,
  dynamicSlice,
  dynamicUpdateSlice,
  searchSorted,
  unique,
  nonzero,
];
