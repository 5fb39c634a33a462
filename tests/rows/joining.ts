/** Rows of the operations that join tensors and cut them up. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { DType } from "../../ops/dtype.ts";
import { axisOf, type Operand, operands, shapes } from "../draw.ts";
import { at, axisAt, build, convert, type Plain, promoted } from "../plain.ts";
import { type Drawn, everyDType, exact, type Row } from "../row.ts";
import { moved, movement, ranked } from "./movement.ts";

interface Joining {
  readonly axis?: number | undefined;
}

/** One to three operands of mixed dtypes whose sizes differ along one axis at most. */
function joined(dtype: DType, rank: number, lengths: readonly number[] | null): fc.Arbitrary<Drawn<Joining>> {
  return fc.tuple(
    shapes({ rank: [rank, 4] }),
    fc.array(fc.tuple(fc.constantFrom(dtype, dtype, "int32" as const), fc.nat(3)), { minLength: 1, maxLength: 3 }),
  ).chain(([shape, parts]) =>
    fc.option(axisOf(shape.length + (lengths === null ? 1 : 0)), { nil: undefined }).chain((axis) => {
      const along = axisAt(axis ?? 0, shape.length);
      return operands(parts.map(([other, n], i) => ({
        shape: lengths === null ? shape : shape.with(along, n),
        // The first decides; a dtype is mixed in now and then.
        dtype: i === 0 ? dtype : other,
      }))).map((xs) => ({ operands: xs, settings: { axis } }));
    })
  );
}

function concatenated(xs: readonly Plain[], axis: number): Plain {
  const dtype = promoted(xs);
  const parts = xs.map((x) => convert(x, dtype));
  const total = parts.reduce((n, x) => n + x.shape[axis]!, 0);
  return build(parts[0]!.shape.with(axis, total), dtype, (index) => {
    let i = index[axis]!;
    const part = parts.find((x) => i < x.shape[axis]! || ((i -= x.shape[axis]!), false))!;
    return at(part, index.with(axis, i));
  });
}

const concatenate: Row<Joining> = {
  name: "concatenate",
  dtypes: everyDType,
  draw: (dtype, use) => use === "derivative" ? onlyFloats(joined(dtype, 1, [])) : joined(dtype, 1, []),
  call: (xs, options) => ops.concatenate(xs, options),
  reference: (xs, { axis = 0 }) => concatenated(xs, axisAt(axis, xs[0]!.shape.length)),
  tolerance: exact,
};

const stack: Row<Joining> = {
  name: "stack",
  dtypes: everyDType,
  draw: (dtype, use) => use === "derivative" ? onlyFloats(joined(dtype, 0, null)) : joined(dtype, 0, null),
  call: (xs, options) => ops.stack(xs, options),
  reference(xs, { axis = 0 }) {
    const along = axisAt(axis, xs[0]!.shape.length + 1);
    return concatenated(xs.map((x) => ({ ...x, shape: x.shape.toSpliced(along, 0, 1) })), along);
  },
  tolerance: exact,
};

function onlyFloats(cases: fc.Arbitrary<Drawn<Joining>>): fc.Arbitrary<Drawn<Joining>> {
  return cases.map(({ operands, settings }) => ({
    operands: operands.map((x): Operand => ({ ...x, dtype: "float64" })),
    settings,
  }));
}

interface Splitting extends Joining {
  readonly parts: number | number[];
}

const split = movement<Splitting>({
  name: "split",
  shapes: ranked,
  settings: (shape) =>
    fc.option(axisOf(shape.length), { nil: undefined }).chain((axis) => {
      const n = shape.at(axis ?? 0)!;
      const divisors = [1, 2, 3, 4].filter((parts) => n % parts === 0);
      const cuts = fc.array(fc.nat(n), { maxLength: 3 }).map((list) => list.sort((a, b) => a - b));
      return fc.oneof(fc.constantFrom(...divisors), cuts).map((parts) => ({ parts, axis }));
    }),
  call: (x, { parts, axis }) => ops.split(x, parts, { axis }),
  reference(x, { parts, axis = 0 }) {
    const along = axisAt(axis, x.shape.length);
    const n = x.shape[along]!;
    const cuts = typeof parts === "number" ? Array.from({ length: parts - 1 }, (_, i) => (i + 1) * n / parts) : parts;
    return [...cuts, n].map((stop, i) => {
      const start = i === 0 ? 0 : cuts[i - 1]!;
      return moved(
        x,
        x.shape.with(along, Math.max(0, stop - start)),
        (index) => index.with(along, index[along]! + start),
      );
    });
  },
});

export const joiningRows: readonly Row[] = [concatenate, stack, split];
