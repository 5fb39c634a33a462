/** Rows of matrix products and their relatives: loops over every index. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { DType } from "../../ops/dtype.ts";
import type { TensorLike } from "../../ops/tensor.ts";
import { operands, shapes, shrunk, type Use } from "../draw.ts";
import {
  absolute,
  at,
  axesAt,
  broadcast,
  build,
  convert,
  indices,
  isFloat,
  type Plain,
  promoted,
  store,
  sumOf,
} from "../plain.ts";
import { exact, numbers, type Row, type Tolerance } from "../row.ts";

/** A function of two arrays that is a sum of products, in any arithmetic. */
type Bilinear<S> = (a: Plain, b: Plain, settings: S, dtype: DType) => Plain;

function bilinear<S>(rules: {
  readonly name: string;
  readonly shapes: fc.Arbitrary<[left: number[], right: number[], settings: S]>;
  readonly call: Row<S>["call"];
  readonly reference: Bilinear<S>;
  readonly tolerance?: Tolerance<S>;
}): Row<S> {
  const { name, call, reference } = rules;
  return {
    name,
    dtypes: numbers,
    draw: (dtype, use) =>
      fc.tuple(rules.shapes, other(dtype, use)).chain(([[left, right, settings], second]) =>
        operands([{ shape: left, dtype }, { shape: right, dtype: second }]).map((xs) => ({ operands: xs, settings }))
      ),
    call,
    reference(xs, settings) {
      const dtype = promoted(xs);
      return reference(convert(xs[0]!, dtype), convert(xs[1]!, dtype), settings, dtype);
    },
    tolerance: rules.tolerance ?? {
      ulps: 32,
      because: "each of at most 64 additions, and each product, errs by half an ulp of the sum of magnitudes",
      of: (xs, settings) => reference(absolute(xs[0]!), absolute(xs[1]!), settings, "float64"),
    },
  };
}

/** The second operand's dtype: another one now and then, where no derivative is wanted. */
function other(dtype: DType, use: Use): fc.Arbitrary<DType> {
  return use === "value" ? fc.constantFrom(dtype, dtype, ...numbers) : fc.constant(dtype);
}

/** A sum of products; integers wrap. */
function dotOf(a: readonly number[], b: readonly number[], dtype: DType): number {
  if (isFloat(dtype)) return sumOf(a.map((v, i) => v * b[i]!));
  return store(a.reduce((sum, v, i) => (sum + Math.imul(v, b[i]!)) | 0, 0), dtype);
}

/** Vectors, matrices and batches of them that broadcast. */
const matmulShapes: fc.Arbitrary<[number[], number[], null]> = fc.tuple(
  shapes({ rank: [3, 3] }),
  shapes({ rank: [0, 2], sizes: [0, 3] }),
)
  .chain(([[m, k, n], batch]) =>
    fc.tuple(
      fc.oneof(fc.constant([k!]), shrunk(batch).map((lead) => [...lead, m!, k!])),
      fc.oneof(fc.constant([k!]), shrunk(batch).map((lead) => [...lead, k!, n!])),
    ).map(([left, right]): [number[], number[], null] => [[...left], [...right], null])
  );

const matmul = bilinear<null>({
  name: "matmul",
  shapes: matmulShapes,
  call: ([a, b]) => ops.matmul(a!, b!),
  reference(a, b, _, dtype) {
    const left = a.shape.length === 1 ? { ...a, shape: [1, ...a.shape] } : a;
    const right = b.shape.length === 1 ? { ...b, shape: [...b.shape, 1] } : b;
    const batch = broadcast([left.shape.slice(0, -2), right.shape.slice(0, -2)]);
    const inner = Array.from({ length: left.shape.at(-1)! }, (_, k) => k);
    const whole = build([...batch, left.shape.at(-2)!, right.shape.at(-1)!], dtype, (index) => {
      const [lead, i, j] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!];
      return dotOf(inner.map((k) => matrixAt(left, lead, i, k)), inner.map((k) => matrixAt(right, lead, k, j)), dtype);
    });
    return {
      ...whole,
      shape: whole.shape.filter((_, axis) =>
        (axis !== batch.length || a.shape.length > 1) && (axis !== batch.length + 1 || b.shape.length > 1)
      ),
    };
  },
});

/** An element of one of many matrices, whose leading axes broadcast. */
function matrixAt(x: Plain, lead: readonly number[], i: number, k: number): number {
  const own = x.shape.slice(0, -2);
  return at(x, [...own.map((n, axis) => (n === 1 ? 0 : lead[lead.length - own.length + axis]!)), i, k]);
}

/** Sums over pairs of axes; what is left of `a` comes first. */
function contracted(a: Plain, b: Plain, axesA: readonly number[], axesB: readonly number[], dtype: DType): Plain {
  const freeA = a.shape.map((_, i) => i).filter((i) => !axesA.includes(i));
  const freeB = b.shape.map((_, i) => i).filter((i) => !axesB.includes(i));
  const inner = indices(axesA.map((i) => a.shape[i]!));
  return build([...freeA.map((i) => a.shape[i]!), ...freeB.map((i) => b.shape[i]!)], dtype, (index) => {
    const from = (x: Plain, axes: readonly number[], free: readonly number[], own: readonly number[]): number[] =>
      inner.map((k) => at(x, x.shape.map((_, i) => (axes.includes(i) ? k[axes.indexOf(i)]! : own[free.indexOf(i)]!))));
    return dotOf(
      from(a, axesA, freeA, index.slice(0, freeA.length)),
      from(b, axesB, freeB, index.slice(freeA.length)),
      dtype,
    );
  });
}

const dotShapes: fc.Arbitrary<[number[], number[], null]> = fc.tuple(
  shapes({ rank: [0, 3], sizes: [0, 3] }),
  shapes({ rank: [0, 3], sizes: [0, 3] }),
)
  .map(([left, right]): [number[], number[], null] => {
    if (left.length === 0 || right.length === 0) return [left, right, null];
    return [left, right.with(Math.max(0, right.length - 2), left.at(-1)!), null];
  });

const dot = bilinear<null>({
  name: "dot",
  shapes: dotShapes,
  call: ([a, b]) => ops.dot(a!, b!),
  // The last axis of a with the last but one of b; a product where either is a scalar.
  reference: (a, b, _, dtype) =>
    a.shape.length === 0 || b.shape.length === 0
      ? contracted(a, b, [], [], dtype)
      : contracted(a, b, [a.shape.length - 1], [Math.max(0, b.shape.length - 2)], dtype),
});

const innerShapes: fc.Arbitrary<[number[], number[], null]> = fc.tuple(
  shapes({ rank: [0, 3], sizes: [0, 3] }),
  shapes({ rank: [0, 3], sizes: [0, 3] }),
)
  .map(([left, right]): [number[], number[], null] => [
    left,
    left.length === 0 || right.length === 0 ? right : right.with(-1, left.at(-1)!),
    null,
  ]);

const inner = bilinear<null>({
  name: "inner",
  shapes: innerShapes,
  call: ([a, b]) => ops.inner(a!, b!),
  // The last axes of both; a product where either is a scalar.
  reference: (a, b, _, dtype) =>
    a.shape.length === 0 || b.shape.length === 0
      ? contracted(a, b, [], [], dtype)
      : contracted(a, b, [a.shape.length - 1], [b.shape.length - 1], dtype),
});

const vdot = bilinear<null>({
  name: "vdot",
  // As many elements in another order of axes.
  shapes: shapes({ rank: [0, 3] }).chain((shape) =>
    fc.tuple(fc.constant(shape), fc.shuffledSubarray(shape, { minLength: shape.length }), fc.constant(null))
  ),
  call: ([a, b]) => ops.vdot(a!, b!),
  reference: (a, b, _, dtype) => ({ dtype, shape: [], data: [dotOf(a.data, b.data, dtype)] }),
});

const outer = bilinear<null>({
  name: "outer",
  shapes: fc.tuple(shapes({ rank: [0, 2] }), shapes({ rank: [0, 2] }), fc.constant(null)),
  call: ([a, b]) => ops.outer(a!, b!),
  reference: (a, b, _, dtype) =>
    contracted({ ...a, shape: [a.data.length] }, { ...b, shape: [b.data.length] }, [], [], dtype),
  tolerance: exact,
});

type Axes = number | [number | number[], number | number[]] | undefined;

/** Operands that share some axes, named by their number or by pairs. */
const tensordotShapes: fc.Arbitrary<[number[], number[], Axes]> = fc.record({
  shared: shapes({ rank: [0, 2], sizes: [0, 3] }),
  left: shapes({ rank: [0, 2], sizes: [0, 3] }),
  right: shapes({ rank: [0, 2], sizes: [0, 3] }),
  form: fc.constantFrom("count", "lists", "negative"),
}).map(({ shared, left, right, form }): [number[], number[], Axes] => {
  if (form === "count") {
    return [[...left, ...shared], [...shared, ...right], shared.length === 2 ? undefined : shared.length];
  }
  // The shared axes come first in a and, in reverse order, last in b.
  const a = [...shared, ...left];
  const b = [...right, ...shared.toReversed()];
  const axesA = shared.map((_, i) => (form === "negative" ? i - a.length : i));
  const axesB = shared.map((_, i) => (form === "negative" ? -1 - i : b.length - 1 - i));
  return [a, b, axesA.length === 1 ? [axesA[0]!, axesB[0]!] : [axesA, axesB]];
});

const tensordot = bilinear<Axes>({
  name: "tensordot",
  shapes: tensordotShapes,
  call: ([a, b], axes) => ops.tensordot(a!, b!, axes),
  reference(a, b, axes = 2, dtype) {
    if (typeof axes !== "number") {
      return contracted(a, b, axesAt(axes[0], a.shape.length), axesAt(axes[1], b.shape.length), dtype);
    }
    const first = Array.from({ length: axes }, (_, i) => i);
    return contracted(a, b, first.map((i) => a.shape.length - axes + i), first, dtype);
  },
});

/** Specs whose operands, sums and orders differ; `tests/einsum_test.ts` draws specs, and those with an ellipsis. */
const specs = [
  "ij,jk->ik",
  "ij,kj->ki",
  "ij,ij->",
  "ij->ji",
  "ii->i",
  "ii->",
  "i,j->ij",
  "bij,bjk->bik",
  "ij,j,jk->ik",
  "i,i,i->i",
  "ij->",
  "ab,bc,ca->",
];

interface Spec {
  readonly spec: string;
}

/** Loops over every letter: the product of all operands where they are, added up where the result has it. */
function einsumOf(xs: readonly Plain[], spec: string, dtype: DType): Plain {
  const [left, right] = spec.split("->") as [string, string];
  const names = left.split(",");
  const sizes = new Map(
    names.flatMap((name, n) => [...name].map((letter, i): [string, number] => [letter, xs[n]!.shape[i]!])),
  );
  const rest = [...sizes.keys()].filter((letter) => !right.includes(letter));
  const inner = indices(rest.map((letter) => sizes.get(letter)!));
  return build([...right].map((letter) => sizes.get(letter)!), dtype, (index) => {
    const terms = inner.map((k) => {
      const where = new Map([
        ...[...right].map((letter, i): [string, number] => [letter, index[i]!]),
        ...rest.map((letter, i): [string, number] => [letter, k[i]!]),
      ]);
      const factors = xs.map((x, n) => at(x, [...names[n]!].map((letter) => where.get(letter)!)));
      return factors.reduce((product, v) => (isFloat(dtype) ? product * v : Math.imul(product, v)), 1);
    });
    return store(sumOf(terms), dtype);
  });
}

const einsum: Row<Spec> = {
  name: "einsum",
  dtypes: numbers,
  draw: (dtype) =>
    fc.tuple(fc.constantFrom(...specs), shapes({ rank: [4, 4], sizes: [0, 3] })).chain(([spec, sizes]) => {
      const letters = [...new Set(spec.replace(/[^a-z]/g, ""))];
      const names = spec.split("->")[0]!.split(",");
      return operands(
        names.map((name) => ({ shape: [...name].map((letter) => sizes[letters.indexOf(letter)]!), dtype })),
      )
        .map((xs) => ({ operands: xs, settings: { spec } }));
    }),
  call: (xs: readonly TensorLike[], { spec }) => ops.einsum(spec, ...xs),
  reference: (xs, { spec }) => einsumOf(xs, spec, xs[0]!.dtype),
  tolerance: {
    ulps: 32,
    because: "each of at most 27 additions, and two products of each term, err by half an ulp of the sum of magnitudes",
    of: (xs, { spec }) => einsumOf(xs.map(absolute), spec, "float64"),
  },
  // The first product is not rounded to float16.
  examples: [{
    operands: [
      { shape: [1, 2], dtype: "float16", data: [0, -0.064453125], layout: "rows" },
      { shape: [2], dtype: "float16", data: [0, -7.875], layout: "rows" },
      { shape: [2, 1], dtype: "float16", data: [0, -0.009765625], layout: "rows" },
    ],
    settings: { spec: "ij,j,jk->ik" },
  }],
};

export const contractionRows: readonly Row[] = [
  matmul,
  dot,
  inner,
  vdot,
  outer,
  tensordot,
  einsum,
];
