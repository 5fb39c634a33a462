/** Rows of the operations that move elements: where each element of the result comes from. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { Tensor, TensorLike } from "../../ops/tensor.ts";
import { axisOf, operand, operands, type ShapeOptions, shapes, shrunk, someAxesOf } from "../draw.ts";
import { at, axesAt, axisAt, build, type Plain, sizeOf, store, stretchedAt } from "../plain.ts";
import { everyDType, exact, type Row } from "../row.ts";

/** A row of an operation on one operand that only moves elements. */
export function movement<S>(rules: {
  readonly name: string;
  readonly shapes?: ShapeOptions;
  readonly settings: (shape: readonly number[]) => fc.Arbitrary<S>;
  readonly call: (x: TensorLike, settings: S) => Tensor | readonly Tensor[];
  readonly reference: (x: Plain, settings: S) => Plain | readonly Plain[];
}): Row<S> {
  const { name, settings, call, reference } = rules;
  return {
    name,
    dtypes: everyDType,
    draw: (dtype) =>
      shapes(rules.shapes).chain((shape) => fc.tuple(operand({ shape, dtype }), settings(shape)))
        .map(([x, drawn]) => ({ operands: [x], settings: drawn })),
    call: ([x], drawn) => call(x!, drawn),
    reference: ([x], drawn) => reference(x!, drawn),
    tolerance: exact,
    signedZeros: true,
  };
}

/** The array whose element at an index is that of `x` at another. */
export function moved(x: Plain, shape: readonly number[], from: (index: number[]) => readonly number[]): Plain {
  return build(shape, x.dtype, (index) => at(x, from(index)));
}

export const ranked: ShapeOptions = { rank: [1, 4] };

/** A shape of as many elements: the factors of the size, dealt out to some axes. */
function rearranged(shape: readonly number[]): fc.Arbitrary<number[]> {
  const size = sizeOf(shape);
  if (size === 0) return fc.constantFrom([0], [...shape], [...shape].reverse(), [...shape, 3]);
  const factors: number[] = [];
  for (let rest = size, p = 2; rest > 1; rest % p === 0 ? (factors.push(p), rest /= p) : p++);
  return fc.integer({ min: size === 1 ? 0 : 1, max: 4 }).chain((rank) =>
    fc.array(fc.nat(Math.max(0, rank - 1)), { minLength: factors.length, maxLength: factors.length }).map((places) =>
      Array.from({ length: rank }, (_, axis) => factors.filter((_, i) => places[i] === axis).reduce((n, p) => n * p, 1))
    )
  );
}

const reshape = movement<number[]>({
  name: "reshape",
  // One size may be −1 where the others tell it.
  settings: (shape) =>
    fc.tuple(rearranged(shape), fc.nat(4)).map(([target, free]) =>
      free < target.length && sizeOf(target) !== 0 ? target.with(free, -1) : target
    ),
  call: (x, shape) => ops.reshape(x, shape),
  reference(x, shape) {
    const known = shape.filter((n) => n !== -1);
    return { ...x, shape: shape.map((n) => (n === -1 ? x.data.length / sizeOf(known) : n)) };
  },
});

const flatten = movement<null>({
  name: "flatten",
  settings: () => fc.constant(null),
  call: (x) => ops.flatten(x),
  reference: (x) => ({ ...x, shape: [x.data.length] }),
});

const permutations = (rank: number): fc.Arbitrary<number[]> =>
  fc.tuple(
    fc.shuffledSubarray(Array.from({ length: rank }, (_, i) => i), { minLength: rank }),
    fc.array(fc.boolean(), { minLength: rank, maxLength: rank }),
  ).map(([perm, negative]) => perm.map((axis, i) => (negative[i] ? axis - rank : axis)));

/** Axis i of the result is axis `perm[i]` of `x`. */
function permuted(x: Plain, perm: readonly number[]): Plain {
  return moved(x, perm.map((axis) => x.shape[axis]!), (index) => x.shape.map((_, axis) => index[perm.indexOf(axis)]!));
}

const transpose = movement<number[] | undefined>({
  name: "transpose",
  settings: ({ length }) => fc.option(permutations(length), { nil: undefined }),
  call: (x, perm) => ops.transpose(x, perm),
  reference: (x, perm) =>
    permuted(x, perm?.map((axis) => axisAt(axis, x.shape.length)) ?? x.shape.map((_, i) => x.shape.length - 1 - i)),
});

const swapAxes = movement<[number, number]>({
  name: "swapAxes",
  shapes: ranked,
  settings: ({ length }) => fc.tuple(axisOf(length), axisOf(length)),
  call: (x, [a, b]) => ops.swapAxes(x, a, b),
  reference(x, pair) {
    const [a, b] = pair.map((axis) => axisAt(axis, x.shape.length)) as [number, number];
    return permuted(x, x.shape.map((_, i) => (i === a ? b : i === b ? a : i)));
  },
});

const moveAxis = movement<[number | number[], number | number[]]>({
  name: "moveAxis",
  shapes: ranked,
  settings: ({ length }) =>
    fc.oneof(
      fc.tuple(axisOf(length), axisOf(length)),
      fc.tuple(permutations(length), permutations(length), fc.nat(length)).map(([from, to, n]) =>
        [from.slice(0, n), to.slice(0, n)] as [number[], number[]]
      ),
    ),
  call: (x, [from, to]) => ops.moveAxis(x, from, to),
  reference(x, [from, to]) {
    const [sources, targets] = [axesAt(from, x.shape.length), axesAt(to, x.shape.length)];
    const rest = x.shape.map((_, i) => i).filter((i) => !sources.includes(i));
    return permuted(x, x.shape.map((_, i) => (targets.includes(i) ? sources[targets.indexOf(i)]! : rest.shift()!)));
  },
});

const broadcastTo: Row<number[]> = {
  name: "broadcastTo",
  dtypes: everyDType,
  draw: (dtype) =>
    shapes().chain((target) =>
      shrunk(target).chain((shape) => operand({ shape, dtype })).map((x) => ({ operands: [x], settings: target }))
    ),
  call: ([x], shape) => ops.broadcastTo(x!, shape),
  reference: ([x], shape) => build(shape, x!.dtype, (index) => stretchedAt(x!, index)),
  tolerance: exact,
};

const expandDims = movement<number | number[]>({
  name: "expandDims",
  shapes: { rank: [0, 3] },
  settings: ({ length }) =>
    fc.oneof(
      axisOf(length + 1),
      someAxesOf(length + 2).map((axes) => axes.slice(0, 2)).filter((axes) => axes.length === 2),
    ),
  call: (x, axis) => ops.expandDims(x, axis),
  reference(x, axis) {
    const rank = x.shape.length + (typeof axis === "number" ? 1 : axis.length);
    const added = axesAt(axis, rank);
    const rest = [...x.shape];
    return { ...x, shape: Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : rest.shift()!)) };
  },
});

const squeeze = movement<{ axis?: number | number[] | undefined }>({
  name: "squeeze",
  shapes: { sizes: [0, 2] },
  settings(shape) {
    const ones = shape.flatMap((n, axis) => (n === 1 ? [axis] : []));
    const some = fc.subarray(ones).map((axes) => ({ axis: axes.map((a, i) => (i % 2 ? a - shape.length : a)) }));
    return fc.oneof(
      fc.constant({}),
      some,
      ...(ones.length > 0 ? [fc.constantFrom(...ones).map((axis) => ({ axis }))] : []),
    );
  },
  call: (x, options) => ops.squeeze(x, options),
  reference(x, { axis }) {
    const dropped = axis === undefined ? x.shape.map((_, i) => i) : axesAt(axis, x.shape.length);
    return { ...x, shape: x.shape.filter((n, i) => n !== 1 || !dropped.includes(i)) };
  },
});

interface Slicing {
  readonly start?: (number | null)[];
  readonly stop?: (number | null)[];
  readonly step?: (number | null)[];
}

/** The positions Python's `range(n)[start:stop:step]` has. */
function sliced(n: number, start: number | null, stop: number | null, step: number): number[] {
  const all = Array.from({ length: n }, (_, i) => i);
  const bound = (at: number | null, otherwise: number): number =>
    at === null ? otherwise : Math.min(step > 0 ? n : n - 1, Math.max(step > 0 ? 0 : -1, at < 0 ? at + n : at));
  const [from, to] = step > 0 ? [bound(start, 0), bound(stop, n)] : [bound(start, n - 1), bound(stop, -1)];
  return step > 0
    ? all.filter((i) => i >= from && i < to && (i - from) % step === 0)
    : all.filter((i) => i <= from && i > to && (from - i) % -step === 0).reverse();
}

const slice = movement<Slicing>({
  name: "slice",
  settings: ({ length }) => {
    const bound = fc.option(fc.integer({ min: -6, max: 6 }));
    const step = fc.option(fc.constantFrom(1, 2, 3, -1, -2));
    return fc.record({
      start: fc.array(bound, { maxLength: length }),
      stop: fc.array(bound, { maxLength: length }),
      step: fc.array(step, { maxLength: length }),
    }, { requiredKeys: [] });
  },
  call: (x, options) => ops.slice(x, options),
  reference(x, { start, stop, step }) {
    const kept = x.shape.map((n, i) => sliced(n, start?.[i] ?? null, stop?.[i] ?? null, step?.[i] ?? 1));
    return moved(x, kept.map(({ length }) => length), (index) => index.map((i, axis) => kept[axis]![i]!));
  },
});

interface Padding {
  readonly widths: [number, number][];
  readonly options: ops.PadOptions;
}

/** Where a walker on n cells is after i steps, that turns round at the ends, or starts again. */
function walked(i: number, n: number, mode: "edge" | "reflect" | "wrap"): number {
  let [at, step] = [0, Math.sign(i)];
  for (let left = Math.abs(i); left > 0; left--) {
    if (mode === "reflect" && n > 1 && (at + step < 0 || at + step >= n)) step = -step;
    at += n > 1 ? step : 0;
    if (mode === "edge") at = Math.min(n - 1, Math.max(0, at));
    if (mode === "wrap") at = at < 0 ? n - 1 : at >= n ? 0 : at;
  }
  return at;
}

const pad = movement<Padding>({
  name: "pad",
  settings: (shape) =>
    fc.constantFrom("constant", "edge", "reflect", "wrap", undefined).chain((mode) =>
      fc.record({
        widths: fc.tuple(
          ...shape.map((n) =>
            n === 0 && mode !== undefined && mode !== "constant" ? fc.constant(0) : fc.nat(shape.length <= 2 ? 7 : 2)
          ),
        ).chain((lows) =>
          fc.tuple(...lows.map((low, i) => fc.nat(shape[i] === 0 ? 0 : 2).map((high): [number, number] => [low, high])))
        ),
        options: mode === undefined || mode === "constant"
          ? fc.record({ mode: fc.constant(mode), value: fc.option(fc.nat(3), { nil: undefined }) })
          : fc.constant({ mode }),
      })
    ),
  call: (x, { widths, options }) => ops.pad(x, widths, options),
  reference: (x, { widths, options: { mode = "constant", value = 0 } }) =>
    build(x.shape.map((n, i) => n + widths[i]![0] + widths[i]![1]), x.dtype, (index) => {
      const from = index.map((i, axis) => i - widths[axis]![0]);
      if (mode !== "constant") return at(x, from.map((i, axis) => walked(i, x.shape[axis]!, mode)));
      return from.every((i, axis) => i >= 0 && i < x.shape[axis]!) ? at(x, from) : store(value, x.dtype);
    }),
});

const flip = movement<{ axis?: number | number[] | undefined }>({
  name: "flip",
  settings: ({ length }) =>
    fc.oneof(fc.constant(undefined), someAxesOf(length), ...(length > 0 ? [axisOf(length)] : [])).map((axis) => ({
      axis,
    })),
  call: (x, options) => ops.flip(x, options),
  reference(x, { axis }) {
    const axes = axesAt(axis, x.shape.length);
    return moved(x, x.shape, (index) => index.map((i, a) => (axes.includes(a) ? x.shape[a]! - 1 - i : i)));
  },
});

interface Rolling {
  readonly shift: number | number[];
  readonly axis?: number | number[] | undefined;
}

function rolledAlong(x: Plain, axis: number, shift: number): Plain {
  const n = x.shape[axis]!;
  return moved(x, x.shape, (index) => index.with(axis, (((index[axis]! - shift) % n) + n) % n));
}

const roll = movement<Rolling>({
  name: "roll",
  settings({ length }) {
    const shift = fc.integer({ min: -7, max: 7 });
    if (length === 0) return shift.map((by) => ({ shift: by }));
    const several = someAxesOf(length).chain((axis) =>
      fc.array(shift, { minLength: axis.length, maxLength: axis.length }).map((by) => ({ shift: by, axis }))
    );
    return fc.oneof(
      shift.map((by): Rolling => ({ shift: by })),
      fc.tuple(shift, fc.oneof(axisOf(length), someAxesOf(length))).map(([by, axis]): Rolling => ({ shift: by, axis })),
      several,
    );
  },
  call: (x, { shift, axis }) => ops.roll(x, shift, { axis }),
  reference(x, { shift, axis }) {
    if (axis === undefined) {
      return { ...rolledAlong({ ...x, shape: [x.data.length] }, 0, shift as number), shape: x.shape };
    }
    return axesAt(axis, x.shape.length).reduce(
      (y, a, i) => rolledAlong(y, a, typeof shift === "number" ? shift : shift[i]!),
      x,
    );
  },
});

interface Repeating {
  readonly n: number | number[];
  readonly axis?: number | undefined;
}

const repeat = movement<Repeating>({
  name: "repeat",
  settings: (shape) =>
    fc.constantFrom(undefined, ...shape.map((_, i) => i), ...shape.map((_, i) => -1 - i)).chain((axis) => {
      const n = axis === undefined ? sizeOf(shape) : shape.at(axis)!;
      const counts = fc.array(fc.nat(2), { minLength: n, maxLength: n });
      return fc.oneof(fc.nat(3), counts).map((times) => ({ n: times, axis }));
    }),
  call: (x, { n, axis }) => ops.repeat(x, n, { axis }),
  reference(given, { n, axis }) {
    const x = axis === undefined ? { ...given, shape: [given.data.length] } : given;
    const along = axisAt(axis ?? 0, x.shape.length);
    const from = Array.from(
      { length: x.shape[along]! },
      (_, i) => new Array<number>(typeof n === "number" ? n : n[i]!).fill(i),
    ).flat();
    return moved(x, x.shape.with(along, from.length), (index) => index.with(along, from[index[along]!]!));
  },
});

const tile = movement<number | number[]>({
  name: "tile",
  shapes: { rank: [0, 3], sizes: [0, 3] },
  settings: () => fc.oneof(fc.nat(3), fc.array(fc.nat(2), { maxLength: 4 })),
  call: (x, reps) => ops.tile(x, reps),
  reference(x, reps) {
    const times = typeof reps === "number" ? [reps] : reps;
    const rank = Math.max(x.shape.length, times.length);
    const shape = [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape];
    const factors = [...new Array<number>(rank - times.length).fill(1), ...times];
    return moved(
      { ...x, shape },
      shape.map((n, i) => n * factors[i]!),
      (index) => index.map((i, axis) => i % shape[axis]!),
    );
  },
});

interface Banding {
  readonly k?: number;
}

/** The part of a matrix on one side of a diagonal. */
function triangle(name: "tril" | "triu", keeps: (below: number, k: number) => boolean): Row<Banding> {
  return movement<Banding>({
    name,
    shapes: { rank: [2, 4] },
    settings: () => fc.record({ k: fc.integer({ min: -3, max: 3 }) }, { requiredKeys: [] }),
    call: (x, options) => ops[name](x, options),
    reference: (x, { k = 0 }) =>
      build(x.shape, x.dtype, (index) => (keeps(index.at(-1)! - index.at(-2)!, k) ? at(x, index) : 0)),
  });
}

const diag = movement<null>({
  name: "diag",
  shapes: { rank: [1, 2] },
  settings: () => fc.constant(null),
  call: (x) => ops.diag(x),
  reference(x) {
    if (x.shape.length === 1) {
      return build([x.shape[0]!, x.shape[0]!], x.dtype, ([i, k]) => (i === k ? at(x, [i!]) : 0));
    }
    return build([Math.min(...x.shape)], x.dtype, ([i]) => at(x, [i!, i!]));
  },
});

interface Grid {
  readonly indexing?: "xy" | "ij";
}

const meshgrid: Row<Grid> = {
  name: "meshgrid",
  dtypes: everyDType,
  draw: (dtype) =>
    fc.tuple(
      fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
      fc.record({ indexing: fc.constantFrom("xy" as const, "ij" as const) }, { requiredKeys: [] }),
    )
      .chain(([sizes, settings]) =>
        operands(sizes.map((n) => ({ shape: [n], dtype }))).map((xs) => ({ operands: xs, settings }))
      ),
  call: (xs, options) => ops.meshgrid(xs as readonly Tensor[], options),
  reference(xs, { indexing = "xy" }) {
    const axes = xs.map((_, i) => (indexing === "xy" && xs.length > 1 && i < 2 ? 1 - i : i));
    const shape = axes.map((i) => xs[i]!.data.length);
    return xs.map((x, i) => build(shape, x.dtype, (index) => x.data[index[axes.indexOf(i)]!]!));
  },
  tolerance: exact,
};

export const movementRows: readonly Row[] = [
  reshape,
  flatten,
  transpose,
  swapAxes,
  moveAxis,
  broadcastTo,
  expandDims,
  squeeze,
  slice,
  pad,
  flip,
  roll,
  repeat,
  tile,
  triangle("tril", (right, k) => right <= k),
  triangle("triu", (right, k) => right >= k),
  diag,
  meshgrid,
];
