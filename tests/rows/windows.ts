/** Rows of convolution, pooling and softmax: sums and extremes over windows and lines, written out. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { DType } from "../../ops/dtype.ts";
import type { Tensor, TensorLike } from "../../ops/tensor.ts";
import { axisOf, between, operand, operands, shapes } from "../draw.ts";
import {
  absolute,
  at,
  axesAt,
  build,
  convert,
  floatOf,
  indices,
  isFloat,
  type Plain,
  promoted,
  reduced,
  sumOf,
} from "../plain.ts";
import { everyDType, floats, type Row } from "../row.ts";

type Padding = "valid" | "same" | "circular" | number | [number, number][];

interface Convolution {
  readonly strides?: number | number[] | undefined;
  readonly padding?: Padding | undefined;
  readonly dilation?: number | number[] | undefined;
  readonly inputDilation?: number | number[] | undefined;
  readonly groups?: number | undefined;
}

const perAxis = (value: number | readonly number[] | undefined, n: number): number[] =>
  typeof value === "object" ? [...value] : new Array<number>(n).fill(value ?? 1);

/** Cells before and after each axis. "same" makes ceil(size / stride) windows fit, the odd cell behind. */
function cells(
  padding: Padding | undefined,
  sizes: readonly number[],
  reach: readonly number[],
  strides: readonly number[],
): [number, number][] {
  if (typeof padding === "object") return padding;
  return sizes.map((n, i) => {
    if (typeof padding === "number") return [padding, padding];
    if (padding === undefined || padding === "valid") return [0, 0];
    const total = Math.max(0, (Math.ceil(n / strides[i]!) - 1) * strides[i]! + reach[i]! - n);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
}

/** How many windows fit along each axis. */
function windows(
  sizes: readonly number[],
  reach: readonly number[],
  pads: readonly (readonly [number, number])[],
  strides: readonly number[],
): number[] {
  return sizes.map((n, i) => Math.floor((n + pads[i]![0] + pads[i]![1] - reach[i]!) / strides[i]!) + 1);
}

/** `y[b, o, f] = Σ x[b, o·stride + k·dilation − low, c] · w[k, c, f]` over the cells k and the channels c of f's group. */
function convolved(x: Plain, w: Plain, { padding, groups = 1, ...rest }: Convolution, dtype: DType): Plain {
  const sizes = x.shape.slice(1, -1);
  const [strides, dilation] = [perAxis(rest.strides, sizes.length), perAxis(rest.dilation, sizes.length)];
  const kernel = w.shape.slice(0, -2);
  const reach = kernel.map((k, i) => (k - 1) * dilation[i]! + 1);
  const pads = cells(padding, sizes, reach, strides);
  const [channels, features] = [w.shape.at(-2)!, w.shape.at(-1)!];
  return build([x.shape[0]!, ...windows(sizes, reach, pads, strides), features], dtype, (index) => {
    const [b, f] = [index[0]!, index.at(-1)!];
    const first = Math.floor(f / (features / groups)) * channels;
    return sumOf(
      indices([...kernel, channels]).map((inner) => {
        const cell = sizes.map((_, i) => index[i + 1]! * strides[i]! + inner[i]! * dilation[i]! - pads[i]![0]);
        const c = inner.at(-1)!;
        const wrapped = padding === "circular" ? cell.map((at, i) => (at + sizes[i]!) % sizes[i]!) : cell;
        if (wrapped.some((at, i) => at < 0 || at >= sizes[i]!)) return 0;
        return at(x, [b, ...wrapped, first + c]) * at(w, [...inner, f]);
      }),
    );
  });
}

/** Zeros between the cells of the spatial axes. */
function setApart(x: Plain, distance: Convolution["inputDilation"]): Plain {
  const step = [1, ...perAxis(distance, x.shape.length - 2), 1];
  return build(
    x.shape.map((n, i) => (n - 1) * step[i]! + 1),
    x.dtype,
    (index) => index.every((k, i) => k % step[i]! === 0) ? at(x, index.map((k, i) => k / step[i]!)) : 0,
  );
}

interface ConvCase {
  readonly x: number[];
  readonly w: number[];
  readonly settings: Convolution;
}

/** One or two spatial axes (three now and then), every kind of padding, a window that fits at least once. */
function convCases(dilations: "of the kernel" | "of both" = "of the kernel"): fc.Arbitrary<ConvCase> {
  return fc.constantFrom(1, 1, 2, 2, 2, 3).chain((n) => {
    const each = (value: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
      fc.array(value, { minLength: n, maxLength: n });
    const little = fc.integer({ min: 1, max: 2 });
    const pads: fc.Arbitrary<Padding | undefined> = fc.oneof(
      fc.constantFrom<Padding | undefined>(undefined, "valid", "same", "circular", 1),
      fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: n, maxLength: n }),
    );
    return fc.record({
      batch: fc.constantFrom(1, 2, 1, 2, 0),
      sizes: each(fc.integer({ min: 1, max: n === 3 ? 3 : 5 })),
      kernel: each(fc.integer({ min: 1, max: n === 3 ? 2 : 3 })),
      groups: little,
      channels: little,
      features: little,
      strides: fc.oneof(fc.constantFrom(undefined, 1, 2, 3), each(little)),
      dilation: fc.oneof(fc.constantFrom(undefined, 1, 2), each(little)),
      inputDilation: dilations === "of both"
        ? fc.oneof(fc.constantFrom(undefined, undefined, 2, 3), each(little))
        : fc.constant(undefined),
      padding: pads,
    });
  }).filter(({ sizes, kernel, strides, dilation, inputDilation, padding }) => {
    const n = sizes.length;
    const reach = kernel.map((k, i) => (k - 1) * perAxis(dilation, n)[i]! + 1);
    const apart = sizes.map((size, i) => (size - 1) * perAxis(inputDilation, n)[i]! + 1);
    const pads = cells(padding, apart, reach, perAxis(strides, n));
    return apart.every((size, i) =>
      size + pads[i]![0] + pads[i]![1] >= reach[i]! &&
      (padding !== "circular" || (pads[i]![0] <= size && pads[i]![1] <= size))
    );
  }).map(({ batch, sizes, kernel, groups, channels, features, strides, dilation, inputDilation, padding }) => ({
    x: [batch, ...sizes, channels * groups],
    w: [...kernel, channels, features * groups],
    settings: { strides, padding, dilation, inputDilation, groups: groups === 1 ? undefined : groups },
  }));
}

const conv: Row<Convolution> = {
  name: "conv",
  effort: 4,
  dtypes: everyDType,
  draw: (dtype, use) =>
    fc.tuple(
      convCases("of both"),
      use === "value" ? fc.constantFrom(dtype, dtype, ...everyDType) : fc.constant(dtype),
    ).chain((
      [{ x, w, settings }, other],
    ) => operands([{ shape: x, dtype }, { shape: w, dtype: other }]).map((xs) => ({ operands: xs, settings }))),
  call: ([x, w], options) => ops.conv(x!, w!, options),
  reference(xs, options) {
    const dtype = floatOf(promoted(xs));
    const [x, w] = xs.map((operand) => convert(convert(operand, promoted(xs)), dtype));
    return convolved(setApart(x!, options.inputDilation), w!, options, dtype);
  },
  tolerance: {
    ulps: 32,
    because: "each of at most 54 additions, and each product, errs by half an ulp of the sum of magnitudes",
    of: ([x, w], options) => convolved(setApart(absolute(x!), options.inputDilation), absolute(w!), options, "float64"),
  },
};

interface Transposed {
  /** How far a kernel reaches, and over how many cells all of them together. */
  readonly reach: number;
  readonly full: number;
  /** Cells of the result along an axis, of those `low` before them and `high` after. */
  readonly size: number;
  readonly low: number;
  readonly high: number;
}

/** What a transposed convolution makes of each axis. */
function transposedAxes(
  x: Plain["shape"],
  w: Plain["shape"],
  { padding = "valid", ...rest }: Convolution,
): Transposed[] {
  const sizes = x.slice(1, -1);
  return sizes.map((n, i) => {
    const [stride, dilation] = [perAxis(rest.strides, sizes.length)[i]!, perAxis(rest.dilation, sizes.length)[i]!];
    const reach = (w[i]! - 1) * dilation + 1;
    const full = (n - 1) * stride + reach;
    if (padding === "valid") return { reach, full, low: 0, high: 0, size: (n - 1) * stride + Math.max(reach, stride) };
    if (padding === "same" || padding === "circular") {
      const total = Math.max(0, reach - stride);
      return { reach, full, low: Math.floor(total / 2), high: Math.ceil(total / 2), size: n * stride };
    }
    const [low, high] = typeof padding === "number" ? [padding, padding] : padding[i]!;
    return { reach, full, low, high, size: full - low - high };
  });
}

/** Every cell of x puts down its multiple of the kernel: the loop over inputs, where `convolved` has one over results. */
function putDown(x: Plain, w: Plain, options: Convolution, dtype: DType): Plain {
  const axes = transposedAxes(x.shape, w.shape, options);
  const { groups = 1 } = options;
  const [strides, dilation] = [perAxis(options.strides, axes.length), perAxis(options.dilation, axes.length)];
  const [channels, features] = [w.shape.at(-2)!, w.shape.at(-1)!];
  const shape = [x.shape[0]!, ...axes.map(({ size }) => size), channels * groups];
  const sums = new Map<string, number>();
  for (const index of indices(x.shape)) {
    const group = Math.floor(index.at(-1)! / (features / groups));
    for (const inner of indices(w.shape.slice(0, -1))) {
      const cell = axes.map(({ low, size }, i) => {
        const to = index[i + 1]! * strides[i]! + inner[i]! * dilation[i]! - low;
        return options.padding === "circular" ? (to + size) % size : to;
      });
      const to = [index[0]!, ...cell, group * channels + inner.at(-1)!].join();
      sums.set(to, (sums.get(to) ?? 0) + at(x, index) * at(w, [...inner, index.at(-1)!]));
    }
  }
  return build(shape, dtype, (index) => sums.get(index.join()) ?? 0);
}

const convTranspose: Row<Convolution> = {
  name: "convTranspose",
  dtypes: everyDType,
  draw: (dtype, use) =>
    fc.tuple(convCases(), use === "value" ? fc.constantFrom(dtype, dtype, ...everyDType) : fc.constant(dtype))
      .map(([{ x, w, settings }, other]) => ({ x: [...x.slice(0, -1), w.at(-1)!], w, settings, other }))
      .filter(({ x, w, settings }) =>
        transposedAxes(x, w, settings).every(({ size, low, high }) =>
          size >= 1 && (settings.padding !== "circular" || Math.max(low, high) <= size)
        )
      )
      .chain(({ x, w, settings, other }) =>
        operands([{ shape: x, dtype }, { shape: w, dtype: other }]).map((xs) => ({ operands: xs, settings }))
      ),
  call: ([x, w], options) => ops.convTranspose(x!, w!, options),
  reference(xs, options) {
    const dtype = floatOf(promoted(xs));
    const [x, w] = xs.map((operand) => convert(convert(operand, promoted(xs)), dtype));
    return putDown(x!, w!, options, dtype);
  },
  tolerance: {
    ulps: 32,
    because: "each of at most 54 additions, and each product, errs by half an ulp of the sum of magnitudes",
    of: ([x, w], options) => putDown(absolute(x!), absolute(w!), options, "float64"),
  },
  // What wraps around is added up before float16 is rounded.
  examples: [{
    operands: [
      { shape: [1, 4, 2, 1], dtype: "float16", data: [0, 0, 0, 0, -1.322265625, 0.544921875, 0, 0], layout: "rows" },
      { shape: [1, 2, 1, 1], dtype: "int32", data: [1, 9], layout: "rows" },
    ],
    settings: { padding: "circular" },
  }],
};

const correlate: Row<Pick<Convolution, "strides" | "padding">> = {
  name: "correlate",
  dtypes: floats,
  draw: (dtype) =>
    // Without its dilation a kernel reaches less far, and fits all the more.
    convCases().chain(({ x, w, settings: { strides, padding } }) =>
      operands([{ shape: x.slice(1, -1), dtype }, { shape: w.slice(0, -2), dtype }])
        .map((xs) => ({ operands: xs, settings: { strides, padding } }))
    ),
  call: ([x, k], options) => ops.correlate(x!, k!, options),
  reference: ([x, k], options) => correlated(x!, k!, options),
  tolerance: {
    ulps: 16,
    because: "each of at most 27 additions, and each product, errs by half an ulp of the sum of magnitudes",
    of: ([x, k], options) => correlated(absolute(x!), absolute(k!), options),
  },
};

function correlated(x: Plain, k: Plain, options: Convolution): Plain {
  const y = convolved({ ...x, shape: [1, ...x.shape, 1] }, { ...k, shape: [...k.shape, 1, 1] }, options, x.dtype);
  return { ...y, shape: y.shape.slice(1, -1) };
}

interface Pooling {
  readonly window: number | number[];
  readonly strides?: number | number[] | undefined;
  readonly padding?: "valid" | "same" | number | [number, number][] | undefined;
}

interface PoolCase {
  readonly shape: number[];
  readonly settings: Pooling;
}

/** Windows that fit at least once and always hold a real cell. */
function poolCases(): fc.Arbitrary<PoolCase> {
  return fc.constantFrom(1, 2, 2, 3).chain((n) => {
    const each = (value: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
      fc.array(value, { minLength: n, maxLength: n });
    const little = fc.integer({ min: 1, max: 3 });
    return fc.record({
      batch: fc.constantFrom(1, 2, 3, 2, 0),
      sizes: each(fc.integer({ min: 1, max: n === 3 ? 3 : 5 })),
      channels: fc.integer({ min: 1, max: 3 }),
      window: fc.oneof(little, each(little)),
      strides: fc.oneof(fc.constant(undefined), little, each(little)),
      padding: fc.oneof(
        fc.constantFrom<Pooling["padding"]>(undefined, "valid", "same", 1),
        fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: n, maxLength: n }),
      ),
    });
  }).filter(({ sizes, window, strides, padding }) => {
    const reach = perAxis(window, sizes.length);
    const pads = cells(padding, sizes, reach, perAxis(strides ?? window, sizes.length));
    return sizes.every((size, i) => size + pads[i]![0] + pads[i]![1] >= reach[i]! && Math.max(...pads[i]!) < reach[i]!);
  }).map(({ batch, sizes, channels, window, strides, padding }) => ({
    shape: [batch, ...sizes, channels],
    settings: { window, strides, padding },
  }));
}

/** `f` of the real cells of each window. */
function pooled(x: Plain, { window, strides, padding }: Pooling, dtype: DType, f: (values: number[]) => number): Plain {
  const sizes = x.shape.slice(1, -1);
  const [reach, steps] = [perAxis(window, sizes.length), perAxis(strides ?? window, sizes.length)];
  const pads = cells(padding, sizes, reach, steps);
  return build(
    [x.shape[0]!, ...windows(sizes, reach, pads, steps), x.shape.at(-1)!],
    dtype,
    (index) =>
      f(
        indices(reach).flatMap((inner) => {
          const cell = inner.map((k, i) => index[i + 1]! * steps[i]! + k - pads[i]![0]);
          return cell.some((at, i) => at < 0 || at >= sizes[i]!) ? [] : [at(x, [index[0]!, ...cell, index.at(-1)!])];
        }),
      ),
  );
}

const mean = (values: number[]): number => sumOf(values) / values.length;

function pool(
  name: string,
  call: (x: TensorLike, options: Pooling) => Tensor,
  f: (values: number[]) => number,
  distinct: boolean,
): Row<Pooling> {
  return {
    name,
    effort: 2,
    dtypes: everyDType,
    draw: (dtype, use) =>
      poolCases().chain(({ shape, settings }) =>
        operands([{ shape, dtype, elements: smallIntegers(dtype) }], { distinct: distinct && use === "derivative" })
          .map((xs) => ({ operands: xs, settings }))
      ),
    call: ([x], options) => call(x!, options),
    reference: ([x], options) => pooled(convert(x!, floatOf(x!.dtype)), options, floatOf(x!.dtype), f),
    tolerance: {
      ulps: distinct ? 0 : 1,
      because: "choices are exact; so are sums of multiples of 1/512, and a quotient is rounded",
    },
  };
}

interface Reducing extends Pooling {
  readonly kind: "sum" | "max" | "min";
}

const reducers = {
  sum: sumOf,
  max: (values: number[]) => Math.max(...values),
  min: (values: number[]) => Math.min(...values),
};

const reduceWindow: Row<Reducing> = {
  name: "reduceWindow",
  dtypes: everyDType,
  draw: (dtype, use) =>
    fc.tuple(poolCases(), fc.constantFrom<Reducing["kind"]>("sum", "max", "min")).chain(([{ shape, settings }, kind]) =>
      operands([{ shape, dtype, elements: smallIntegers(dtype) }], { distinct: use === "derivative" })
        .map((xs) => ({ operands: xs, settings: { ...settings, kind } }))
    ),
  call: ([x], options) => ops.reduceWindow(x!, options),
  reference: ([x], options) =>
    pooled(convert(x!, floatOf(x!.dtype)), options, floatOf(x!.dtype), reducers[options.kind]),
  tolerance: { ulps: 0, because: "choices are exact, and so are sums of multiples of 1/512" },
};

/** Sums of integers are exact in float32 if they are small. */
function smallIntegers(dtype: DType): fc.Arbitrary<number> | undefined {
  return isFloat(dtype) || dtype === "bool" ? undefined : fc.nat(9);
}

function globalPool(
  name: string,
  call: (x: TensorLike) => Tensor,
  f: (values: number[]) => number,
  distinct: boolean,
): Row<null> {
  return {
    name,
    dtypes: everyDType,
    draw: (dtype, use) =>
      fc.tuple(shapes({ rank: [3, 5], sizes: [1, 3] }), fc.nat(3)).chain(([shape, batch]) =>
        operands([{ shape: shape.with(0, batch), dtype, elements: smallIntegers(dtype) }], {
          distinct: distinct && use === "derivative",
        }).map((xs) => ({ operands: xs, settings: null }))
      ),
    call: ([x]) => call(x!),
    reference([x]) {
      const axis = x!.shape.slice(1, -1).map((_, i) => i + 1);
      return reduced(convert(x!, floatOf(x!.dtype)), { axis }, floatOf(x!.dtype), f);
    },
    tolerance: {
      ulps: distinct ? 0 : 1,
      because: "choices are exact; so are sums of multiples of 1/512, and a quotient is rounded",
    },
  };
}

interface Axes {
  readonly axis?: number | number[] | undefined;
}

/** What a line of logits becomes, from the logits shifted by the largest. */
function normalised(x: Plain, { axis }: Axes, f: (shifted: number, total: number) => number): Plain {
  const rank = x.shape.length;
  const axes = axesAt(axis ?? (rank === 0 ? [] : -1), rank);
  const dtype = floatOf(x.dtype);
  const logits = convert(x, dtype);
  const top = reduced(logits, { axis: axes, keepDims: true }, dtype, (values) => Math.max(...values));
  const total = reduced(
    logits,
    { axis: axes, keepDims: true },
    dtype,
    (values) => sumOf(values.map((v) => Math.exp(v - Math.max(...values)))),
  );
  return build(x.shape, dtype, (index) => {
    const line = index.map((i, a) => (axes.includes(a) ? 0 : i));
    return f(at(logits, index) - at(top, line), at(total, line));
  });
}

const large = fc.integer({ min: -4, max: 4 }).map((n) => n * 2500);

function softmaxLike(
  name: "softmax" | "logSoftmax",
  f: (shifted: number, total: number) => number,
  tolerance: Row<Axes>["tolerance"],
): Row<Axes> {
  return {
    name,
    dtypes: everyDType,
    draw: (dtype, use) =>
      shapes().chain((shape) =>
        fc.tuple(
          operand({
            shape,
            dtype,
            elements: isFloat(dtype) ? use === "value" ? fc.oneof(between(-8, 8), large) : between(-8, 8) : undefined,
          }),
          shape.length === 0 ? fc.constant(undefined) : fc.oneof(
            fc.constant(undefined),
            axisOf(shape.length),
            fc.constantFrom([0], [-1], shape.length > 1 ? [-1, 0] : [0]),
          ),
        )
      ).map(([x, axis]) => ({ operands: [x], settings: { axis } })),
    call: ([x], options) => ops[name](x!, options),
    reference: ([x], options) => normalised(x!, options, f),
    tolerance,
    examples: floats.map((dtype) => ({
      operands: [{
        shape: [5, 2],
        dtype,
        data: [-Infinity, 0, 1e4, -1e4, NaN, 1, -Infinity, -Infinity, 88, 90],
        layout: "rows",
      }],
      settings: {},
    })),
  };
}

export const windowRows: readonly Row[] = [
  conv,
  convTranspose,
  correlate,
  pool("maxPool", ops.maxPool, (values) => Math.max(...values), true),
  pool("minPool", ops.minPool, (values) => Math.min(...values), true),
  pool("avgPool", ops.avgPool, mean, false),
  reduceWindow,
  globalPool("globalMaxPool", ops.globalMaxPool, (values) => Math.max(...values), true),
  globalPool("globalMinPool", ops.globalMinPool, (values) => Math.min(...values), true),
  globalPool("globalAvgPool", ops.globalAvgPool, mean, false),
  softmaxLike("softmax", (shifted, total) => Math.exp(shifted) / total, {
    ulps: 24,
    because: "exp errs by 2 ulps in each of at most 16 terms, whose sum and quotient round on",
  }),
  softmaxLike("logSoftmax", (shifted, total) => shifted - Math.log(total), {
    ulps: 8,
    because: "the logarithm of the sum of at most 16 terms errs by a few ulps of 8, the shift by one of itself",
    of: ([x], options) => normalised(x!, options, (shifted) => Math.max(8, Math.abs(shifted))),
  }),
];
