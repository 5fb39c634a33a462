/** Rows of the operations that make tensors out of nothing, or of a type alone. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { DType } from "../../ops/dtype.ts";
import type { Tensor, TensorLike } from "../../ops/tensor.ts";
import { between, elements, operand, shapes } from "../draw.ts";
import { build, isFloat, type Plain, store } from "../plain.ts";
import { everyDType, exact, floats, integers, numbers, type Row, type Tolerance } from "../row.ts";

/** A row of an operation without operands. */
function creation<S>(
  name: string,
  dtypes: readonly DType[],
  settings: (dtype: DType) => fc.Arbitrary<S>,
  call: (settings: S) => Tensor,
  reference: (settings: S) => Plain,
  tolerance: Tolerance<S> = exact,
): Row<S> {
  return {
    name,
    dtypes,
    draw: (dtype) => settings(dtype).map((drawn) => ({ operands: [], settings: drawn })),
    call: (_, drawn) => call(drawn),
    reference: (_, drawn) => reference(drawn),
    tolerance,
    signedZeros: true,
    nullary: true,
  };
}

interface Filled {
  readonly shape: number[];
  readonly dtype: DType;
  readonly value: number;
}

const filled = (dtype: DType): fc.Arbitrary<Filled> =>
  fc.record({
    shape: shapes(),
    dtype: fc.constant(dtype),
    value: isFloat(dtype) ? fc.oneof(elements(dtype), fc.constantFrom(NaN, Infinity, -0)) : elements(dtype),
  });

function filledWith({ shape, dtype }: Filled, value: number): Plain {
  return build(shape, dtype, () => value);
}

const constants: Row<Filled>[] = [
  creation(
    "full",
    everyDType,
    filled,
    ({ shape, dtype, value }) => ops.full(shape, value, { dtype }),
    (s) => filledWith(s, s.value),
  ),
  creation("zeros", everyDType, filled, ({ shape, dtype }) => ops.zeros(shape, { dtype }), (s) => filledWith(s, 0)),
  creation("ones", everyDType, filled, ({ shape, dtype }) => ops.ones(shape, { dtype }), (s) => filledWith(s, 1)),
];

interface Alike {
  readonly value: number;
  readonly dtype?: DType | undefined;
}

/** A row of an operation that looks at the type of its operand alone. */
function likeness(
  name: string,
  call: (x: TensorLike, value: number, options: { dtype?: DType | undefined }) => Tensor,
  of: (value: number) => number,
): Row<Alike> {
  return {
    name,
    dtypes: everyDType,
    draw: (dtype) =>
      fc.tuple(
        shapes().chain((shape) => operand({ shape, dtype })),
        fc.constantFrom(undefined, ...everyDType),
        fc.nat(3),
      )
        .map(([x, other, value]) => ({ operands: [x], settings: { value, dtype: other } })),
    call: ([x], { value, dtype }) => call(x!, value, { dtype }),
    reference: ([x], { value, dtype = x!.dtype }) => build(x!.shape, dtype, () => of(value)),
    tolerance: exact,
    discrete: "it does not depend on the values of its operand",
  };
}

const likenesses: Row<Alike>[] = [
  likeness("zerosLike", (x, _, options) => ops.zerosLike(x, options), () => 0),
  likeness("onesLike", (x, _, options) => ops.onesLike(x, options), () => 1),
  likeness("fullLike", (x, value, options) => ops.fullLike(x, value, options), (value) => value),
];

interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly dtype: DType;
}

const arange = creation<Range>(
  "arange",
  numbers,
  (dtype) => {
    const bound = isFloat(dtype) ? between(-4, 4) : fc.integer({ min: dtype === "uint32" ? 0 : -9, max: 9 });
    const step = isFloat(dtype)
      ? fc.constantFrom(0.5, -0.25, 1, 1.75)
      : fc.constantFrom(1, 2, 3, ...(dtype === "uint32" ? [] : [-1, -2]));
    return fc.record({ start: fc.oneof(bound, fc.constant(0)), stop: bound, step, dtype: fc.constant(dtype) });
  },
  ({ start, stop, step, dtype }) => ops.arange(start, stop, step, { dtype }),
  ({ start, stop, step, dtype }) => {
    const data: number[] = [];
    for (let i = 0; step > 0 ? start + i * step < stop : start + i * step > stop; i++) {
      data.push(store(start + i * step, dtype));
    }
    return { dtype, shape: [data.length], data };
  },
);

interface Points {
  readonly start: number;
  readonly stop: number;
  readonly num: number;
  readonly dtype: DType;
}

const linspace = creation<Points>(
  "linspace",
  floats,
  (dtype) => fc.record({ start: between(-8, 8), stop: between(-8, 8), num: fc.nat(9), dtype: fc.constant(dtype) }),
  ({ start, stop, num, dtype }) => ops.linspace(start, stop, num, { dtype }),
  ({ start, stop, num, dtype }) =>
    build([num], dtype, ([i]) => (num === 1 ? start : start + (stop - start) * (i! / (num - 1)))),
  {
    ulps: 3,
    because: "a weight, a product and a sum are rounded, each no larger than the ends are far apart",
    of: (_, { start, stop, num, dtype }) => build([num], dtype, () => Math.abs(start) + Math.abs(stop)),
  },
);

interface Size {
  readonly n: number;
  readonly m: number | undefined;
  readonly dtype: DType;
}

const eye = creation<Size>(
  "eye",
  everyDType,
  (dtype) => fc.record({ n: fc.nat(4), m: fc.option(fc.nat(4), { nil: undefined }), dtype: fc.constant(dtype) }),
  ({ n, m, dtype }) => ops.eye(n, m, { dtype }),
  ({ n, m = n, dtype }) => build([n, m], dtype, ([i, k]) => Number(i === k)),
);

const tensor = creation<Plain>(
  "tensor",
  everyDType,
  (dtype) => shapes().chain((shape) => operand({ shape, dtype })),
  ({ shape, dtype, data }) => ops.tensor(dtype === "bool" ? data.map((v) => v !== 0) : [...data], { shape, dtype }),
  ({ shape, dtype, data }) => ({ shape, dtype, data }),
);

interface Depth {
  readonly depth: number;
  readonly dtype?: DType | undefined;
}

const oneHot: Row<Depth> = {
  name: "oneHot",
  dtypes: integers,
  draw: (dtype) =>
    fc.tuple(
      shapes({ rank: [0, 3] }).chain((shape) => operand({ shape, dtype })),
      fc.nat(4),
      fc.constantFrom(undefined, ...everyDType),
    )
      .map(([x, depth, other]) => ({ operands: [x], settings: { depth, dtype: other } })),
  call: ([x], { depth, dtype }) => ops.oneHot(x as ops.Tensor, depth, { dtype }),
  // An index out of range is no class: its row is zeros.
  reference: ([x], { depth, dtype = "float32" }) =>
    build([...x!.shape, depth], dtype, (index) => Number(x!.data[offset(x!.shape, index)] === index.at(-1))),
  tolerance: exact,
  discrete: "its operand is an index",
};

function offset(shape: readonly number[], index: readonly number[]): number {
  return shape.reduce((at, n, axis) => at * n + index[axis]!, 0);
}

export const creationRows: readonly Row[] = [
  ...constants,
  ...likenesses,
  arange,
  linspace,
  eye,
  tensor,
  oneHot,
];
