/** Convolution: one trilinear form of input, kernel and output gradient, and its three derivatives. */

import { checkOptions, promoted, toFloat } from "./arguments.ts";
import { add } from "./arithmetic.ts";
import { bind1 } from "./bind.ts";
import { describe, ShapeError } from "./errors.ts";
import type { ConvGeometry } from "./kernel.ts";
import { concatenate, pad, placeP } from "./joining.ts";
import { moveAxis, reshape, slice } from "./movement.ts";
import type { Primitive } from "./primitive.ts";
import { throughFloat32 } from "./rounded_once.ts";
import { type Shape, typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

interface ConvParams extends ConvGeometry {
  /** Spatial sizes of the result. */
  readonly size: Shape;
}

/** The three operands of the form: input `[n, …in, c]`, kernel `[…kernel, c / groups, f]`, output gradient `[n, …out, f]`. */
type Operand = "x" | "w" | "g";

const spatial = (type: { readonly shape: Shape }): Shape => type.shape.slice(1, -1);

/** From the input and the kernel: the convolution. */
const convP: Primitive<ConvParams> = derivativeOf("conv", "output", ["x", "w"], "g", {
  shape: ([x, w], { size }) => [x![0]!, ...size, w!.at(-1)!],
  transpose: [
    (g, w, params, [x]) => bind1(convInputP, [g, w], { ...params, size: spatial(x!) }),
    (g, x, params, [, w]) => bind1(convKernelP, [x, g], { ...params, size: w!.shape.slice(0, -2) }),
  ],
});

/** From the output gradient and the kernel: the input's gradient, which is the transposed convolution. */
const convInputP: Primitive<ConvParams> = derivativeOf("convInput", "input", ["g", "w"], "x", {
  shape: ([g, w], { size, groups }) => [g![0]!, ...size, w!.at(-2)! * groups],
  transpose: [
    (c, w, params, [g]) => bind1(convP, [c, w], { ...params, size: spatial(g!) }),
    (c, g, params, [, w]) => bind1(convKernelP, [c, g], { ...params, size: w!.shape.slice(0, -2) }),
  ],
});

/** From the input and the output gradient: the kernel's gradient. */
const convKernelP: Primitive<ConvParams> = derivativeOf("convKernel", "kernel", ["x", "g"], "w", {
  shape: ([x, g], { size, groups }) => [...size, x!.at(-1)! / groups, g!.at(-1)!],
  transpose: [
    (c, g, params, [x]) => bind1(convInputP, [g, c], { ...params, size: spatial(x!) }),
    (c, x, params, [, g]) => bind1(convP, [x, c], { ...params, size: spatial(g!) }),
  ],
});

/** The primitive that computes the form's derivative by `result` from the two other operands. */
function derivativeOf(
  name: string,
  role: "output" | "input" | "kernel",
  operands: readonly [Operand, Operand],
  result: Operand,
  rules: {
    readonly shape: (shapes: readonly Shape[], params: ConvParams) => Shape;
    readonly transpose: Extract<Primitive<ConvParams>["derivative"], { kind: "bilinear" }>["transpose"];
  },
): Primitive<ConvParams> {
  return {
    name,
    infer: (types, params) => [{ dtype: types[0]!.dtype, shape: rules.shape(types.map((t) => t.shape), params) }],
    kernel: (_, { size: _size, ...geometry }) => ({ kind: "conv", role, geometry }),
    derivative: { kind: "bilinear", transpose: rules.transpose },
    batch(inputs, batched, params, size) {
      const { groups } = params;
      const batchedOperands = new Set<Operand>([result, ...operands.filter((_, i) => batched[i])]);
      const fold = folding(batchedOperands, groups);
      const folded = inputs.map((x, i) => batched[i] ? foldInto(x, ...fold.place(operands[i]!, x.ndim - 1)) : x);
      const y = bind1(this, folded, { ...params, groups: fold.groups(size) });
      return [unfoldFrom(y, ...fold.place(result, y.ndim), size)];
    },
  };
}

/**
 * Where a batch goes, by which operands have it: those with none of the kernel into the examples; with none of the input
 * into the output channels; with none of the output gradient into the input channels; on all three into the groups.
 * `place` gives the axis, and how many outer parts it has in front of the batch.
 */
function folding(batched: ReadonlySet<Operand>, groups: number): {
  groups: (size: number) => number;
  place: (operand: Operand, ndim: number) => [axis: number, outer: number];
} {
  const same = (): number => groups;
  if (!batched.has("w")) return { groups: same, place: () => [0, 1] };
  if (!batched.has("x")) return { groups: same, place: (_, ndim) => [ndim - 1, groups] };
  if (!batched.has("g")) {
    return { groups: same, place: (operand, ndim) => (operand === "w" ? [ndim - 2, 1] : [ndim - 1, groups]) };
  }
  return { groups: (size) => groups * size, place: (_, ndim) => [ndim - 1, 1] };
}

/** Moves the leading batch axis into `axis` of what remains, behind its `outer` parts. */
function foldInto(x: Tensor, axis: number, outer: number): Tensor {
  const [v, ...shape] = x.shape as [number, ...number[]];
  const n = shape[axis]!;
  const [head, tail] = [shape.slice(0, axis), shape.slice(axis + 1)];
  const cut = reshape(x, [v, ...head, outer, n / outer, ...tail]);
  return reshape(moveAxis(cut, 0, axis + 1), [...head, v * n, ...tail]);
}

function unfoldFrom(y: Tensor, axis: number, outer: number, v: number): Tensor {
  const n = y.shape[axis]! / v;
  const [head, tail] = [y.shape.slice(0, axis), y.shape.slice(axis + 1)];
  const cut = moveAxis(reshape(y, [...head, outer, v, n / outer, ...tail]), axis + 1, 0);
  return reshape(cut, [v, ...head, n, ...tail]);
}

/**
 * Cells added around the spatial axes. "valid": none. "same": zeros, so that the result has ⌈size / stride⌉ cells, an
 * odd one at the high end. "circular": as many, but periodic. A number, or a [low, high] pair for each axis: that many
 * zeros.
 */
export type Padding = "valid" | "same" | "circular" | number | readonly (readonly [number, number])[];

/** Options of {@linkcode conv}; a number counts for every spatial axis. */
export interface ConvOptions {
  /** The distance between neighbouring places of the kernel; 1 by default. */
  readonly strides?: number | readonly number[] | undefined;
  /** Cells added around the input; "valid" by default. */
  readonly padding?: Padding | undefined;
  /** The distance between the kernel's own cells; 1 by default. */
  readonly dilation?: number | readonly number[] | undefined;
  /** The distance between the input's cells, which are set apart by zeros before any padding; 1 by default. */
  readonly inputDilation?: number | readonly number[] | undefined;
  /** How many groups the channels form, each convolved by itself; 1 by default. */
  readonly groups?: number | undefined;
}

/** One positive integer for each spatial axis. */
export function perAxis(op: string, name: string, value: number | readonly number[] | undefined, n: number): number[] {
  if (value !== undefined && typeof value !== "number" && !Array.isArray(value)) {
    throw new TypeError(`${op}() takes ${name} as a number or an array of numbers, got ${describe(value)}`);
  }
  const list = value === undefined
    ? new Array<number>(n).fill(1)
    : typeof value === "number"
    ? new Array<number>(n).fill(value)
    : [...value];
  if (list.length !== n) throw new ShapeError(`${op}() needs ${name} for ${n} spatial axes, got [${list}]`);
  for (const v of list) {
    if (!Number.isInteger(v) || v < 1) {
      throw new RangeError(`${op}() needs ${name} that are positive integers, got [${list}]`);
    }
  }
  return list;
}

/**
 * Cells of padding at both ends of every spatial axis. "same" makes the result's size ceil(size / stride), with the odd
 * cell at the high end; "circular" pads as "same" does. `names` are those the operation knows.
 */
export function resolvePadding(
  op: string,
  names: readonly string[],
  padding: Padding | undefined,
  sizes: Shape,
  reach: readonly number[],
  strides: readonly number[],
): [number, number][] {
  if (padding === undefined || padding === "valid") return sizes.map(() => [0, 0]);
  if (typeof padding === "string" && names.includes(padding)) {
    return sizes.map((n, i) => {
      const total = Math.max(0, (Math.ceil(n / strides[i]!) - 1) * strides[i]! + reach[i]! - n);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  const list = typeof padding === "number" ? sizes.map(() => [padding, padding] as const) : padding;
  if (!Array.isArray(list)) {
    throw new TypeError(
      `${op}() takes padding "${names.join('", "')}", a number or [low, high] pairs, got ${describe(padding)}`,
    );
  }
  if (list.length !== sizes.length || list.some((pair) => !Array.isArray(pair) || pair.length !== 2)) {
    throw new ShapeError(`${op}() needs one [low, high] pair of padding for each of ${sizes.length} spatial axes`);
  }
  for (const n of list.flat()) {
    if (!Number.isInteger(n) || n < 0) throw new RangeError(`${op}() needs padding of non-negative integers, got ${n}`);
  }
  return list.map(([low, high]) => [low, high]);
}

/**
 * Convolution (cross-correlation, as neural networks mean it) over 1 to 3 spatial axes, channels last: `f32[n,…in,c],
 * f32[…kernel,c/groups,f] → f32[n,…out,f]`. With stride s, dilation d and low padding p,
 *
 *     y[n, i, f] = Σ_k Σ_c x[n, i·s + k·d − p, c] · w[k, c, f]
 *
 * and the result has ⌊(in + padding − d·(kernel − 1) − 1) / s⌋ + 1 cells. An input dilation e first puts e − 1 zeros
 * between neighbouring cells of the input, which then has (in − 1)·e + 1 (JAX's `lhs_dilation`). With groups, features
 * see the channels of their own group alone; as many groups as channels make a depthwise convolution. Padding adds
 * nothing, even where the kernel is infinite. Dtypes promote; integers and bools become float32; products of float16
 * are added up in float32 and rounded once. The CPU computes planes with kernels of 3 by 3 cells and 16 channels or more
 * by fewer products than these (Winograd): rounding errors are in proportion to the largest values near a cell.
 *
 * @throws {ShapeError} If ranks or channels do not fit, or the kernel is larger than the padded input.
 *
 * @example Usage
 * ```ts
 * import { conv, ones } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = ones([1, 4, 4, 1]);
 * const w = ones([3, 3, 1, 2]);
 * assertEquals(conv(x, w).shape, [1, 2, 2, 2]);
 * assertEquals(conv(x, w, { padding: "same", strides: 2 }).shape, [1, 2, 2, 2]);
 * ```
 */
export function conv(x: TensorLike, w: TensorLike, options: ConvOptions = {}): Tensor {
  const [given, kernel] = convOperands("conv", x, w);
  checkOptions("conv", options, ["strides", "padding", "dilation", "inputDilation", "groups"]);
  return convolved("conv", given, kernel, options, shownOf(given, kernel));
}

/** {@linkcode conv} of operands that fit, under the name and with the types that errors give. */
function convolved(op: string, given: Tensor, kernel: Tensor, options: ConvOptions, shown: string): Tensor {
  const { strides, dilation, groups, reach } = geometryOf(op, given, kernel, options, shown);
  const c = given.shape.at(-1)!;
  if (kernel.shape.at(-2) !== c / groups) {
    throw new ShapeError(
      `${op}() cannot convolve ${shown}: the kernel's ${
        kernel.shape.at(-2)
      } input channels must be the input's ${c} / groups ${groups}`,
    );
  }
  const t = setApart(given, perAxis(op, "inputDilation", options.inputDilation, given.ndim - 2));
  const cells = resolvePadding(op, paddings, options.padding, spatial(t), reach, strides);
  const circular = options.padding === "circular";
  const input = circular ? wrapped(op, t, cells) : t;
  const padding = circular ? noPadding(cells) : cells;
  const size = spatial(input).map((m, i) => {
    const room = m + padding[i]![0] + padding[i]![1] - reach[i]!;
    if (room < 0 || reach[i] === 0) {
      throw new ShapeError(
        `${op}() cannot convolve ${shown}: along spatial axis ${i} the kernel reaches over ${reach[i]} of ${
          reach[i]! + room
        } cells`,
      );
    }
    return Math.floor(room / strides[i]!) + 1;
  });
  return bind1(convP, [input, kernel], { strides, dilation, padding, groups, size });
}

const paddings = ["valid", "same", "circular"] as const;

function noPadding(cells: readonly unknown[]): [number, number][] {
  return cells.map(() => [0, 0]);
}

/** What `conv` and `convTranspose` have in common: steps, groups, and over how many cells the kernel reaches. */
function geometryOf(op: string, t: Tensor, kernel: Tensor, options: ConvTransposeOptions, shown: string): {
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly reach: readonly number[];
} {
  const n = t.ndim - 2;
  const groups = options.groups ?? 1;
  if (
    !Number.isInteger(groups) || groups < 1 || t.shape.at(-1)! % groups !== 0 || kernel.shape.at(-1)! % groups !== 0
  ) {
    throw new ShapeError(
      `${op}() cannot convolve ${shown} in ${groups} groups: both channel counts must be divisible by it`,
    );
  }
  const strides = perAxis(op, "strides", options.strides, n);
  const dilation = perAxis(op, "dilation", options.dilation, n);
  const reach = kernel.shape.slice(0, -2).map((k, i) => (k === 0 ? 0 : (k - 1) * dilation[i]! + 1));
  return { strides, dilation, groups, reach };
}

/** Both types, for errors. */
function shownOf(t: Tensor, kernel: Tensor): string {
  return `${typeString(t.type)} with ${typeString(kernel.type)}`;
}

/** Zeros between the neighbouring cells of the spatial axes. */
function setApart(x: Tensor, distances: readonly number[]): Tensor {
  if (distances.every((d) => d === 1)) return x;
  const step = [1, ...distances, 1];
  const shape = x.shape.map((n, i) => (n === 0 ? 0 : (n - 1) * step[i]! + 1));
  return bind1(placeP, [x], { shape, fill: 0, at: [{ start: shape.map(() => 0), step }] });
}

/** Input and kernel as floats of one dtype, with ranks that fit. */
function convOperands(op: string, x: TensorLike, w: TensorLike): [Tensor, Tensor] {
  const [t, kernel] = promoted(op, [x, w]).map((y) => toFloat(op, y)) as [Tensor, Tensor];
  if (t.ndim < 3 || t.ndim > 5 || kernel.ndim !== t.ndim) {
    throw new ShapeError(
      `${op}() cannot convolve ${shownOf(t, kernel)}: ` +
        "it needs an input [batch, …spatial, channels] with 1 to 3 spatial axes and a kernel […spatial, channels, features]",
    );
  }
  return [t, kernel];
}

/** Periodic padding of the spatial axes. */
function wrapped(op: string, x: Tensor, cells: readonly (readonly [number, number])[]): Tensor {
  return cells.reduce((y, [low, high], i) => {
    const axis = i + 1;
    const n = y.shape[axis]!;
    if (low === 0 && high === 0) return y;
    checkWrap(op, n, low, high);
    return concatenate([part(y, axis, n - low, n), y, part(y, axis, 0, high)], { axis });
  }, x);
}

/** The transpose of {@linkcode wrapped}: what is in the padding is added to the cells that it repeats. */
function unwrapped(x: Tensor, cells: readonly (readonly [number, number])[]): Tensor {
  return cells.reduce((y, [low, high], i) => {
    const axis = i + 1;
    const n = y.shape[axis]! - low - high;
    if (low === 0 && high === 0) return y;
    checkWrap("convTranspose", n, low, high);
    const widened = (z: Tensor, before: number, after: number): Tensor =>
      pad(z, z.shape.map((_, k): [number, number] => (k === axis ? [before, after] : [0, 0])));
    const before = widened(part(y, axis, 0, low), n - low, 0);
    const after = widened(part(y, axis, low + n, low + n + high), 0, n - high);
    return add(add(before, part(y, axis, low, low + n)), after);
  }, x);
}

function checkWrap(op: string, n: number, low: number, high: number): void {
  if (low <= n && high <= n) return;
  throw new ShapeError(`${op}() cannot wrap ${Math.max(low, high)} cells around an axis of ${n}`);
}

function part(x: Tensor, axis: number, start: number, stop: number): Tensor {
  const before = new Array<null>(axis).fill(null);
  return slice(x, { start: [...before, start], stop: [...before, stop] });
}

/** Options of {@linkcode convTranspose}: those of the {@linkcode conv} that it is the transpose of. */
export type ConvTransposeOptions = Omit<ConvOptions, "inputDilation">;

/**
 * The transposed convolution: the adjoint of {@linkcode conv} with the same kernel and options, `f32[n,…in,f],
 * f32[…kernel,c/groups,f] → f32[n,…out,c]`. So for every y that conv maps to the shape of x
 *
 *     ⟨conv(y, w, options), x⟩ = ⟨y, convTranspose(x, w, options)⟩
 *
 * which makes it the gradient of conv by its input. Without padding, each cell of x adds a multiple of the kernel to the
 * result, s cells on from its neighbour's, with stride s, dilation d and low padding p of conv:
 *
 *     y[n, j, c] = Σ_{i·s + k·d − p = j} Σ_f x[n, i, f] · w[k, c, f]
 *
 * Several sizes fit a stride above 1. With r = d·(kernel − 1) + 1, "same" and "circular" give in·s cells, "valid" gives
 * in·s + max(r − s, 0), as in JAX, and a number or pairs (in − 1)·s + r − padding, as in PyTorch. These are the values of
 * `jax.lax.conv_transpose` with `transpose_kernel`, of Keras and of PyTorch. JAX's default, which neither flips the
 * kernel nor swaps its channels, is a {@linkcode conv} with `inputDilation`. Dtypes promote; integers and bools become
 * float32.
 *
 * @throws {ShapeError} If ranks or channels do not fit, the kernel is empty, or the padding leaves less than nothing.
 *
 * @example Each cell puts down a kernel
 * ```ts
 * import { convTranspose, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([1, 10], { shape: [1, 2, 1] });
 * const w = tensor([1, 2, 3], { shape: [3, 1, 1] });
 * assertEquals([...convTranspose(x, w, { strides: 2 }).dataSync()], [1, 2, 13, 20, 30]);
 * assertEquals([...convTranspose(x, w, { strides: 2, padding: "same" }).dataSync()], [1, 2, 13, 20]);
 * ```
 *
 * Reference: Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016, chapter 4.
 */
export function convTranspose(x: TensorLike, w: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  const [t, kernel] = convOperands("convTranspose", x, w);
  checkOptions("convTranspose", options, ["strides", "padding", "dilation", "groups"]);
  const shown = shownOf(t, kernel);
  const { strides, dilation, groups, reach } = geometryOf("convTranspose", t, kernel, options, shown);
  if (kernel.shape.at(-1) !== t.shape.at(-1)) {
    throw new ShapeError(
      `convTranspose() cannot convolve ${shown}: the kernel's last axis must be the input's ${t.shape.at(-1)} channels`,
    );
  }
  const empty = reach.indexOf(0);
  if (empty >= 0) {
    throw new ShapeError(`convTranspose() cannot convolve ${shown}: along spatial axis ${empty} the kernel is empty`);
  }
  const { padding: asked = "valid" } = options;
  // From the first cell of the first kernel to the last of the last; then what a name makes of that.
  const full = spatial(t).map((n, i) => Math.max(0, (n - 1) * strides[i]! + reach[i]!));
  const whole = spatial(t).map((n, i) => n * strides[i]!);
  const fitting = asked === "valid" ? whole.map((n, i) => n + Math.max(reach[i]! - strides[i]!, 0)) : whole;
  const cells = resolvePadding("convTranspose", paddings, asked, fitting, reach, strides);
  const size = typeof asked === "string" ? fitting : full.map((n, i) => n - cells[i]![0] - cells[i]![1]);
  const short = size.findIndex((n) => n < 0);
  if (short >= 0) {
    throw new ShapeError(
      `convTranspose() cannot convolve ${shown}: along spatial axis ${short} padding takes ${
        cells[short]![0] + cells[short]![1]
      } of ${full[short]} cells`,
    );
  }
  if (asked !== "circular") return bind1(convInputP, [t, kernel], { strides, dilation, padding: cells, groups, size });
  const around = size.map((n, i) => n + cells[i]![0] + cells[i]![1]);
  return throughFloat32([t, kernel], (...pair) => {
    const y = bind1(convInputP, pair, { strides, dilation, padding: noPadding(cells), groups, size: around });
    return unwrapped(y, cells);
  });
}

/**
 * The lectures' X * K: {@linkcode conv} of one signal of 1 to 3 axes with one kernel, without batch and channels,
 * `f32[h,w], f32[kh,kw] → f32[h−kh+1,w−kw+1]`. Integers and bools become float32.
 *
 * @throws {ShapeError} If the ranks differ, or the kernel is larger than the padded signal.
 *
 * @example Usage
 * ```ts
 * import { correlate, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2, 1], [3, 4, 0], [2, 6, 1]]);
 * const k = tensor([[-1, 2], [1, 0]]);
 * assertEquals(correlate(x, k).arraySync(), [[6, 4], [7, 2]]);
 * assertEquals(correlate(tensor([1, 2, 3, 4]), tensor([0.5, 0.5]), { strides: 2 }).arraySync(), [1.5, 3.5]);
 * ```
 */
export function correlate(
  x: TensorLike,
  k: TensorLike,
  options: Pick<ConvOptions, "strides" | "padding"> = {},
): Tensor {
  const [t, kernel] = promoted("correlate", [x, k]).map((y) => toFloat("correlate", y)) as [Tensor, Tensor];
  checkOptions("correlate", options, ["strides", "padding"]);
  if (t.ndim < 1 || t.ndim > 3 || kernel.ndim !== t.ndim) {
    throw new ShapeError(
      `correlate() cannot slide ${typeString(kernel.type)} over ${typeString(t.type)}: both need the same rank, 1 to 3`,
    );
  }
  const shown = shownOf(t, kernel);
  const [image, weights] = [reshape(t, [1, ...t.shape, 1]), reshape(kernel, [...kernel.shape, 1, 1])];
  const y = convolved("correlate", image, weights, options, shown);
  return reshape(y, y.shape.slice(1, -1));
}
