/** Rows of the operations that read and write at computed positions, sort, and sum by segments. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { DType } from "../../ops/dtype.ts";
import type { Indices } from "../../ops/indexing.ts";
import type { Tensor, TensorLike } from "../../ops/tensor.ts";
import { axisOf, type Operand, operand, operands, shapes, shrunk, type Use, type Wanted } from "../draw.ts";
import {
  at,
  axisAt,
  build,
  convert,
  floatOf,
  indices as indicesOf,
  isFloat,
  type Plain,
  sizeOf,
  stretchedAt,
  sumOf,
} from "../plain.ts";
import { type Drawn, everyDType, exact, integers, numbers, type Row } from "../row.ts";

/** Positions, if they are not in a tensor: one or several, within range. */
type Given = number | readonly number[] | undefined;

interface Choosing {
  readonly axis?: number | undefined;
  readonly indices?: Given;
}

/** What an index means on an axis of `n`: a position, or nothing if it is out of range. */
function position(index: number, n: number): number | null {
  const i = index < 0 ? index + n : index;
  return i >= 0 && i < n ? i : null;
}

/** What is read where there is nothing. */
function missing(dtype: DType): number {
  return isFloat(dtype) ? NaN : 0;
}

/** Indices in a tensor for an axis of `n`: from either end, and out of range where no derivative would be NaN for it. */
function indexOperand(shape: readonly number[], n: number, use: Use): fc.Arbitrary<Operand> {
  const beyond = use === "value" ? 2 : 0;
  const signed: Wanted = {
    shape,
    dtype: "int32",
    elements: fc.integer({ min: -n - beyond, max: Math.max(-n, n - 1) + beyond }),
  };
  const unsigned: Wanted = {
    shape,
    dtype: "uint32",
    elements: use === "value" ? fc.oneof(fc.nat(n + 1), fc.constant(2 ** 32 - 1)) : fc.nat(Math.max(0, n - 1)),
  };
  return fc.oneof({ weight: 3, arbitrary: operand(signed) }, { weight: 1, arbitrary: operand(unsigned) });
}

/** Indices as numbers. */
function numberIndices(n: number): fc.Arbitrary<number | number[]> {
  if (n === 0) return fc.constant([]);
  const index = fc.integer({ min: -n, max: n - 1 });
  return fc.oneof(index, fc.array(index, { maxLength: 4 }));
}

/** Indices of either form, as an operand or as a setting. */
function eitherIndices(n: number, use: Use): fc.Arbitrary<{ asOperand: Operand[]; asSetting: Given }> {
  return fc.oneof(
    {
      weight: 3,
      arbitrary: shapes({ rank: [0, 2] }).chain((shape) => indexOperand(shape, n, use)).map((x) => ({
        asOperand: [x],
        asSetting: undefined,
      })),
    },
    { weight: 1, arbitrary: numberIndices(n).map((list) => ({ asOperand: [], asSetting: list })) },
  );
}

/** The indices of a case as a plain array, wherever they are. */
function indicesIn(xs: readonly Plain[], given: Given): Plain {
  if (given === undefined) return xs[1]!;
  return typeof given === "number"
    ? { dtype: "int32", shape: [], data: [given] }
    : { dtype: "int32", shape: [given.length], data: given };
}

/** Shapes whose axis, if there is one to choose from, is not empty where derivatives are wanted. */
function indexed(use: Use, rank: readonly [number, number]): fc.Arbitrary<[number[], number | undefined]> {
  return shapes({ rank, sizes: use === "value" ? [0, 4] : [1, 4] }).chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      shape.length === 0 ? fc.constant(undefined) : fc.option(axisOf(shape.length), { nil: undefined }),
    )
  );
}

const take: Row<Choosing> = {
  name: "take",
  dtypes: everyDType,
  draw: (dtype, use) =>
    indexed(use, [0, 3]).chain(([shape, axis]) =>
      fc.tuple(operand({ shape, dtype }), eitherIndices(axis === undefined ? sizeOf(shape) : shape.at(axis)!, use))
        .map(([x, { asOperand, asSetting }]) => ({
          operands: [x, ...asOperand],
          settings: { axis, indices: asSetting },
        }))
    ),
  call: ([x, tensor], { axis, indices }) => ops.take(x!, indices ?? tensor as Tensor, { axis }),
  reference(xs, { axis, indices }) {
    const x = axis === undefined ? { ...xs[0]!, shape: [xs[0]!.data.length] } : xs[0]!;
    const along = axisAt(axis ?? 0, x.shape.length);
    const list = indicesIn(xs, indices);
    return build(x.shape.toSpliced(along, 1, ...list.shape), x.dtype, (index) => {
      const i = position(at(list, index.slice(along, along + list.shape.length)), x.shape[along]!);
      return i === null ? missing(x.dtype) : at(x, index.toSpliced(along, list.shape.length, i));
    });
  },
  tolerance: exact,
  signedZeros: true,
};

const takeAlongAxis: Row<Choosing> = {
  name: "takeAlongAxis",
  dtypes: everyDType,
  draw: (dtype, use) =>
    indexed(use, [0, 3]).chain(([shape, axis]) => {
      const flat = axis === undefined ? [sizeOf(shape)] : shape;
      const along = axisAt(axis ?? 0, flat.length);
      return fc.tuple(fc.nat(4), fc.array(fc.boolean(), { minLength: flat.length, maxLength: flat.length })).chain(
        ([n, ones]) => {
          // The other axes of the indices are as long, or 1.
          const own = flat.map((size, i) => (i === along ? n : ones[i] ? 1 : size));
          return fc.tuple(operand({ shape, dtype }), indexOperand(own, flat[along]!, use))
            .map((xs): Drawn<Choosing> => ({ operands: xs, settings: { axis } }));
        },
      );
    }),
  call: ([x, tensor], { axis }) => ops.takeAlongAxis(x!, tensor as Tensor, { axis }),
  reference([given, list], { axis }) {
    const x = axis === undefined ? { ...given!, shape: [given!.data.length] } : given!;
    const along = axisAt(axis ?? 0, x.shape.length);
    return build(x.shape.map((n, i) => (i === along || n === 1 ? list!.shape[i]! : n)), x.dtype, (index) => {
      const i = position(
        stretchedAt(
          { ...list!, shape: list!.shape },
          index.map((k, a) => (a === along ? k : list!.shape[a] === 1 ? 0 : k)),
        ),
        x.shape[along]!,
      );
      if (i === null) return missing(x.dtype);
      return at(x, index.map((k, a) => (a === along ? i : x.shape[a] === 1 ? 0 : k)));
    });
  },
  tolerance: exact,
  signedZeros: true,
};

/** An operation that writes values at indices: `write` makes an element from the old one and the values for it, in order. */
function writing(
  name: "indexUpdate" | "indexAdd",
  dtypes: readonly DType[],
  write: (old: number, values: readonly number[]) => number,
): Row<Choosing> {
  return {
    name,
    dtypes,
    draw: (dtype, use) =>
      indexed(use, [1, 3]).chain(([shape, axis]) => {
        const along = axisAt(axis ?? 0, shape.length);
        return eitherIndices(shape[along]!, "value").chain(({ asOperand, asSetting }) => {
          const own = asOperand[0]?.shape ?? (typeof asSetting === "number" ? [] : [asSetting!.length]);
          return shrunk(shape.toSpliced(along, 1, ...own)).chain((values) =>
            operands([{ shape, dtype }, { shape: values, dtype, bare: use === "value" && isFloat(dtype) }])
          )
            .map(([x, v]) => ({ operands: [x!, ...asOperand, v!], settings: { axis, indices: asSetting } }));
        });
      }),
    call(xs, { axis, indices }) {
      return ops[name](xs[0]!, indices ?? xs[1] as Tensor, xs.at(-1)!, { axis });
    },
    reference(xs, { axis, indices }) {
      const [x, values] = [xs[0]!, xs.at(-1)!];
      const along = axisAt(axis ?? 0, x.shape.length);
      const list = indicesIn(xs, indices);
      const slots = indicesOf(list.shape);
      return build(x.shape, x.dtype, (index) => {
        const mine = slots.filter((slot) => position(at(list, slot), x.shape[along]!) === index[along]);
        return write(at(x, index), mine.map((slot) => stretchedAt(values, index.toSpliced(along, 1, ...slot))));
      });
    },
    tolerance: exact,
  };
}

interface Segments {
  readonly n: number;
  readonly ids?: readonly number[] | undefined;
}

/** A row of an operation on the rows that share a segment number. */
function segments(
  name: string,
  call: (x: TensorLike, ids: Indices, n: number) => Tensor,
  f: (values: readonly number[], dtype: DType) => number,
  rules: {
    result?: (dtype: DType) => DType;
    distinct?: boolean;
    elements?: fc.Arbitrary<number>;
    tolerance?: Row<Segments>["tolerance"];
  } = {},
): Row<Segments> {
  const { result = (dtype) => dtype, distinct = false } = rules;
  return {
    name,
    dtypes: numbers,
    draw: (dtype, use) =>
      fc.tuple(shapes({ rank: [1, 3] }), fc.nat(4)).chain(([shape, n]) => {
        const rows = shape[0]!;
        const inTensor = fc.oneof(
          {
            weight: 2,
            arbitrary: operand({ shape: [rows], dtype: "int32", elements: fc.integer({ min: -1, max: n }) }),
          },
          { weight: 1, arbitrary: operand({ shape: [rows], dtype: "uint32", elements: fc.nat(n) }) },
        );
        const asNumbers = fc.array(fc.nat(Math.max(0, n - 1)), { minLength: rows, maxLength: rows });
        const ids: fc.Arbitrary<Operand | number[]> = n === 0
          ? inTensor
          : fc.oneof({ weight: 3, arbitrary: inTensor }, { weight: 1, arbitrary: asNumbers });
        const x = operands([{ shape, dtype, elements: isFloat(dtype) ? undefined : rules.elements }], {
          distinct: distinct && use === "derivative",
        });
        return fc.tuple(x, ids).map(([[x], drawn]) =>
          Array.isArray(drawn)
            ? { operands: [x!], settings: { n, ids: drawn } }
            : { operands: [x!, drawn], settings: { n } }
        );
      }),
    call: ([x, tensor], { n, ids }) => call(x!, ids ?? tensor as Tensor, n),
    reference([x, tensor], { n, ids }) {
      const to = result(x!.dtype);
      const seen = convert(x!, to);
      const list = ids ?? tensor!.data;
      return build(
        [n, ...x!.shape.slice(1)],
        to,
        ([segment, ...rest]) => f(list.flatMap((id, row) => (id === segment ? [at(seen, [row, ...rest])] : [])), to),
      );
    },
    tolerance: rules.tolerance ?? exact,
  };
}

function highest(dtype: DType): number {
  return isFloat(dtype) ? Infinity : dtype === "int32" ? 2 ** 31 - 1 : 2 ** 32 - 1;
}

function lowest(dtype: DType): number {
  return isFloat(dtype) ? -Infinity : dtype === "int32" ? -(2 ** 31) : 0;
}

interface Order {
  readonly axis?: number | undefined;
  readonly descending?: boolean | undefined;
  readonly k?: number;
}

/** The positions of a line in order; equal elements stay in theirs, and NaN is last. */
function ordered(line: readonly number[], descending: boolean): number[] {
  const rank = (a: number, b: number): number =>
    a !== a || b !== b ? Number(a !== a) - Number(b !== b) : a < b === descending ? Number(a !== b) : -Number(a !== b);
  return line.map((_, i) => i).sort((i, k) => rank(line[i]!, line[k]!));
}

/** Few different values, so that there are ties, among them those that sort in their own way. */
const tied = fc.constantFrom(-1.5, 0, -0, 2, 2.5, NaN, Infinity, -Infinity);

function ordering(dtype: DType, use: Use): fc.Arbitrary<Drawn<Order>> {
  return shapes({ rank: [1, 4] }).chain((shape) =>
    fc.tuple(
      operands([{ shape, dtype, elements: use === "value" && isFloat(dtype) ? tied : undefined }], {
        distinct: use === "derivative",
      }),
      fc.record({ axis: axisOf(shape.length), descending: fc.boolean() }, { requiredKeys: [] }),
      fc.nat(4),
    ).map(([xs, settings, k]) => ({
      operands: xs,
      settings: { ...settings, k: Math.min(k, shape.at(settings.axis ?? -1)!) },
    }))
  );
}

/** The first `k` positions along an axis in order, and the elements there. */
function firstInOrder(x: Plain, axis: number, descending: boolean, k: number): { positions: Plain; values: Plain } {
  const along = axisAt(axis, x.shape.length);
  const positions = build(
    x.shape.with(along, k),
    "int32",
    (index) =>
      ordered(
        Array.from({ length: x.shape[along]! }, (_, i) => at(x, index.with(along, i))),
        descending,
      )[index[along]!]!,
  );
  return {
    positions,
    values: build(positions.shape, x.dtype, (index) => at(x, index.with(along, at(positions, index)))),
  };
}

const sort: Row<Order> = {
  name: "sort",
  dtypes: everyDType,
  draw: ordering,
  call: ([x], { axis, descending }) => ops.sort(x!, { axis, descending }),
  reference: ([x], { axis = -1, descending = false }) => firstInOrder(x!, axis, descending, x!.shape.at(axis)!).values,
  tolerance: exact,
  signedZeros: true,
};

const argsort: Row<Order> = {
  name: "argsort",
  dtypes: everyDType,
  draw: ordering,
  call: ([x], { axis, descending }) => ops.argsort(x!, { axis, descending }),
  reference: ([x], { axis = -1, descending = false }) =>
    firstInOrder(x!, axis, descending, x!.shape.at(axis)!).positions,
  tolerance: exact,
  discrete: "the result is positions",
};

const topK: Row<Order> = {
  name: "topK",
  dtypes: everyDType,
  draw: ordering,
  call([x], { axis, k }) {
    const { values, indices } = ops.topK(x!, k!, { axis });
    return [values, indices];
  },
  reference([x], { axis = -1, k }) {
    const { values, positions } = firstInOrder(x!, axis, true, k!);
    return [values, positions];
  },
  tolerance: exact,
  signedZeros: true,
};

const bincount: Row<number> = {
  name: "bincount",
  dtypes: integers,
  draw: (dtype) =>
    fc.tuple(shapes().chain((shape) => operand({ shape, dtype })), fc.nat(6)).map(([x, length]) => ({
      operands: [x],
      settings: length,
    })),
  call: ([x], length) => ops.bincount(x as Tensor, length),
  reference: ([x], length) => build([length], "int32", ([bin]) => x!.data.filter((v) => v === bin).length),
  tolerance: exact,
  discrete: "the result is counts",
};

const mean = (values: readonly number[]): number => sumOf(values) / Math.max(1, values.length);

export const indexingRows: readonly Row[] = [
  take,
  takeAlongAxis,
  writing("indexUpdate", everyDType, (old, values) => values.at(-1) ?? old),
  // Sums of multiples of 1/512 are exact.
  writing("indexAdd", numbers, (old, values) => old + sumOf(values)),
  segments("segmentSum", ops.segmentSum, sumOf),
  segments("segmentMax", ops.segmentMax, (values, dtype) => Math.max(lowest(dtype), ...values), {
    distinct: true,
  }),
  segments("segmentMin", ops.segmentMin, (values, dtype) => Math.min(highest(dtype), ...values), {
    distinct: true,
  }),
  segments("segmentMean", ops.segmentMean, mean, {
    result: floatOf,
    elements: fc.nat(9),
    tolerance: { ulps: 1, because: "an exact sum, and a quotient by a number of rows" },
  }),
  sort,
  argsort,
  topK,
  bincount,
];
