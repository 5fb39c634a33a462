/** Pooling: windows over the spatial axes of `[batch, …spatial, channels]`. */

import { checkOptions, toFloat } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { cast } from "./cast.ts";
import { type Padding, perAxis, resolvePadding } from "./convolution.ts";
import { onesLike } from "./create.ts";
import { div } from "./arithmetic.ts";
import { type DType, wideOf } from "./dtype.ts";
import { describe, ShapeError } from "./errors.ts";
import { alignBatch } from "./families.ts";
import type { WindowGeometry, WindowRole } from "./kernel.ts";
import { reshape, slice } from "./movement.ts";
import { type Derivative, notDifferentiable, type Primitive } from "./primitive.ts";
import { max, mean, min } from "./reduction.ts";
import { type Shape, typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

interface WindowParams extends WindowGeometry {
  /** Spatial sizes of the result. */
  readonly size: Shape;
}

const spatial = (type: { readonly shape: Shape }): Shape => type.shape.slice(1, -1);

function windowPrimitive(
  name: string,
  role: WindowRole,
  derivative: Derivative<WindowParams>,
): Primitive<WindowParams> {
  return {
    name,
    infer([x], { size }) {
      const dtype = role === "argMax" || role === "argMin" ? "int32" : x!.dtype;
      return [{ dtype, shape: [x!.shape[0]!, ...size, x!.shape.at(-1)!] }];
    },
    kernel: (_, { window, strides, padding }) => ({ kind: "window", role, geometry: { window, strides, padding } }),
    derivative,
    // Every example is pooled by itself, so a batch is just more examples.
    batch(inputs, batched, params, size) {
      const merged = alignBatch(inputs, batched, size).map((x) =>
        reshape(x, [size * x.shape[1]!, ...x.shape.slice(2)])
      );
      const y = bind1(this, merged, params);
      return [reshape(y, [size, y.shape[0]! / size, ...y.shape.slice(1)])];
    },
  };
}

const windowSumP: Primitive<WindowParams> = windowPrimitive("windowSum", "sum", {
  kind: "linear",
  linear: [0],
  transpose: (g, _, params, [x]) => [bind1(windowSpreadP, [g], { ...params, size: spatial(x!) })],
});

const windowSpreadP: Primitive<WindowParams> = windowPrimitive("windowSpread", "spread", {
  kind: "linear",
  linear: [0],
  transpose: (c, _, params, [g]) => [bind1(windowSumP, [c], { ...params, size: spatial(g!) })],
});

const windowTakeP: Primitive<WindowParams> = windowPrimitive("windowTake", "take", {
  kind: "linear",
  linear: [0],
  transpose: (g, [at], params, [x]) => [bind1(windowPutP, [g, at!], { ...params, size: spatial(x!) })],
});

const windowPutP: Primitive<WindowParams> = windowPrimitive("windowPut", "put", {
  kind: "linear",
  linear: [0],
  transpose: (c, [at], params, [g]) => [bind1(windowTakeP, [c, at!], { ...params, size: spatial(g!) })],
});

/** The extreme of each window; its gradient goes to the first cell in row-major order that attains it. */
function extremeWindow(name: string, role: "max" | "min", argP: Primitive<WindowParams>): Primitive<WindowParams> {
  return windowPrimitive(name, role, {
    kind: "selection",
    of: 0,
    keeps: [0],
    push: (t, [x], params) => bind1(windowTakeP, [t, bind1(argP, [x!], params)], params),
    pull: (g, [x], params) => bind1(windowPutP, [g, bind1(argP, [x!], params)], { ...params, size: spatial(x!) }),
  });
}

const positions = notDifferentiable("it returns positions");
const windowArgMaxP = windowPrimitive("windowArgMax", "argMax", positions);
const windowArgMinP = windowPrimitive("windowArgMin", "argMin", positions);
const windowMaxP = extremeWindow("windowMax", "max", windowArgMaxP);
const windowMinP = extremeWindow("windowMin", "min", windowArgMinP);

/** Options of pooling; a number counts for every spatial axis. */
export interface PoolOptions {
  /** The size of the windows. */
  readonly window: number | readonly number[];
  /** The distance between neighbouring windows; the size of the window by default. */
  readonly strides?: number | readonly number[] | undefined;
  /** Cells added around the input, which count in no window; "valid" by default. */
  readonly padding?: Exclude<Padding, "circular"> | undefined;
}

/** Windows of x, as `dtype` if it is given, pooled. */
function pool(
  op: string,
  primitive: Primitive<WindowParams>,
  x: Tensor,
  options: PoolOptions,
  dtype: DType = x.dtype,
): Tensor {
  const n = x.ndim - 2;
  if (n < 1) throw new ShapeError(`${op}() needs a tensor [batch, …spatial, channels], got ${typeString(x.type)}`);
  checkOptions(op, options, ["window", "strides", "padding"]);
  if (options.window === undefined) throw new TypeError(`${op}() needs a window: ${op}(x, { window: 2 })`);
  const window = perAxis(op, "window sizes", options.window, n);
  const strides = options.strides === undefined ? window : perAxis(op, "strides", options.strides, n);
  const padding = resolvePadding(op, ["valid", "same"], options.padding, spatial(x), window, strides);
  const size = spatial(x).map((m, i) => {
    const [low, high] = padding[i]!;
    const room = m + low + high - window[i]!;
    if (room < 0) {
      throw new ShapeError(
        `${op}() cannot fit a window of ${window[i]} into ${m + low + high} cells along spatial axis ${i} of ${
          typeString(x.type)
        }`,
      );
    }
    if (low >= window[i]! || high >= window[i]!) {
      throw new RangeError(
        `${op}() cannot pad ${Math.max(low, high)} cells for a window of ${window[i]}: a window must hold a real cell`,
      );
    }
    return Math.floor(room / strides[i]!) + 1;
  });
  return bind1(primitive, [cast(x, dtype)], { window, strides, padding, size });
}

/**
 * The largest element of each window over the spatial axes: `f32[n,h,w,c] → f32[n,h/2,w/2,c]` for windows of 2. Sizes
 * are floored: ⌊(in + padding − window) / stride⌋ + 1. NaN wins. The derivative goes to the first of the largest, in
 * row-major order. Integers and bools become float32.
 *
 * @throws {ShapeError} If x has no spatial axis, or a window does not fit.
 * @throws {RangeError} If a window could lie in the padding alone.
 *
 * @example Usage
 * ```ts
 * import { maxPool, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([1, 2, 3, 1, 1, 5, 2, 7, 10, 1, 2, 4, 8, 9, 1, 8], { shape: [1, 4, 4, 1] });
 * assertEquals(maxPool(x, { window: 2 }).dataSync(), new Float32Array([5, 7, 10, 8]));
 * ```
 */
export function maxPool(x: TensorLike, options: PoolOptions): Tensor {
  return pool("maxPool", windowMaxP, toFloat("maxPool", x), options);
}

/**
 * The smallest element of each window over the spatial axes: `f32[n,h,w,c] → f32[n,h/2,w/2,c]` for windows of 2. Sizes
 * are floored: ⌊(in + padding − window) / stride⌋ + 1. NaN wins. The derivative goes to the first of the smallest, in
 * row-major order. Integers and bools become float32.
 *
 * @throws {ShapeError} If x has no spatial axis, or a window does not fit.
 * @throws {RangeError} If a window could lie in the padding alone.
 *
 * @example Usage
 * ```ts
 * import { minPool, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([1, 2, 3, 1, 1, 5, 2, 7, 10, 1, 2, 4, 8, 9, 1, 8], { shape: [1, 4, 4, 1] });
 * assertEquals(minPool(x, { window: 2 }).dataSync(), new Float32Array([1, 1, 1, 1]));
 * ```
 */
export function minPool(x: TensorLike, options: PoolOptions): Tensor {
  return pool("minPool", windowMinP, toFloat("minPool", x), options);
}

/**
 * The mean of each window over the spatial axes: `f32[n,h,w,c] → f32[n,h/2,w/2,c]` for windows of 2. Cells of padding
 * do not count. Sizes are floored: ⌊(in + padding − window) / stride⌋ + 1. Integers and bools become float32.
 *
 * @throws {ShapeError} If x has no spatial axis, or a window does not fit.
 * @throws {RangeError} If a window could lie in the padding alone.
 *
 * @example Usage
 * ```ts
 * import { avgPool, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([1, 2, 3, 1, 1, 5, 2, 7, 10, 1, 2, 4, 8, 9, 1, 8], { shape: [1, 4, 4, 1] });
 * assertEquals(avgPool(x, { window: 2 }).dataSync(), new Float32Array([2.25, 3.25, 7, 3.75]));
 * ```
 */
export function avgPool(x: TensorLike, options: PoolOptions): Tensor {
  const t = toFloat("avgPool", x);
  const sums = pool("avgPool", windowSumP, t, options, wideOf(t.dtype));
  // Every example and channel has the same number of real cells.
  const one = onesLike(slice(t, { stop: [1, ...spatial(t).map(() => null), 1] }));
  return cast(div(sums, pool("avgPool", windowSumP, one, options)), t.dtype);
}

/** Options of {@linkcode reduceWindow}. */
export interface ReduceWindowOptions extends PoolOptions {
  /** What becomes of the cells of a window. */
  readonly kind: "sum" | "max" | "min";
}

const windowPrimitives = { sum: windowSumP, max: windowMaxP, min: windowMinP } as const;

/**
 * The sum, the largest or the smallest element of each window over the spatial axes, by `kind`: `f32[n,h,w,c] →
 * f32[n,h/2,w/2,c]` for windows of 2. Cells of padding do not count. Sizes are floored: ⌊(in + padding − window) / stride⌋
 * + 1. Of extremes NaN wins, and the derivative goes to the first, in row-major order. Integers and bools become float32.
 * Sums of float16 are rounded once, in the end.
 *
 * @throws {TypeError} If `kind` is not one of the three.
 * @throws {ShapeError} If x has no spatial axis, or a window does not fit.
 * @throws {RangeError} If a window could lie in the padding alone.
 *
 * @example Moving sums
 * ```ts
 * import { reduceWindow, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([1, 2, 3, 4], { shape: [1, 4, 1] });
 * assertEquals([...reduceWindow(x, { kind: "sum", window: 2, strides: 1 }).dataSync()], [3, 5, 7]);
 * assertEquals([...reduceWindow(x, { kind: "max", window: 2 }).dataSync()], [2, 4]);
 * ```
 */
export function reduceWindow(x: TensorLike, options: ReduceWindowOptions): Tensor {
  const t = toFloat("reduceWindow", x);
  checkOptions("reduceWindow", options, ["kind", "window", "strides", "padding"]);
  const { kind, ...rest } = options;
  if (!Object.hasOwn(windowPrimitives, kind)) {
    throw new TypeError(`reduceWindow() takes kind "sum", "max" or "min", got ${describe(kind)}`);
  }
  return pool("reduceWindow", windowPrimitives[kind], t, rest);
}

/** The spatial axes, of which there must be one at least. */
function spatialAxes(op: string, x: Tensor): number[] {
  if (x.ndim < 3) throw new ShapeError(`${op}() needs a tensor [batch, …spatial, channels], got ${typeString(x.type)}`);
  return spatial(x).map((_, i) => i + 1);
}

/** As {@linkcode spatialAxes}, with something on them to choose from. */
function filledAxes(op: string, x: Tensor): number[] {
  const axes = spatialAxes(op, x);
  if (!axes.some((i) => x.shape[i] === 0)) return axes;
  throw new ShapeError(`${op}() cannot choose from an empty axis of ${typeString(x.type)}`);
}

/**
 * The largest element over all spatial axes: `f32[n,…spatial,c] → f32[n,c]`. NaN if there is one; the derivative is
 * shared equally among ties. Integers and bools become float32.
 *
 * @throws {ShapeError} If x has no spatial axis, or one is empty.
 *
 * @example Usage
 * ```ts
 * import { globalMaxPool, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(globalMaxPool(tensor([[[1, 2], [3, 0]]])).arraySync(), [[3, 2]]);
 * ```
 */
export function globalMaxPool(x: TensorLike): Tensor {
  const t = toFloat("globalMaxPool", x);
  return max(t, { axis: filledAxes("globalMaxPool", t) });
}

/**
 * The smallest element over all spatial axes: `f32[n,…spatial,c] → f32[n,c]`. NaN if there is one; the derivative is
 * shared equally among ties. Integers and bools become float32.
 *
 * @throws {ShapeError} If x has no spatial axis, or one is empty.
 *
 * @example Usage
 * ```ts
 * import { globalMinPool, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(globalMinPool(tensor([[[1, 2], [3, 0]]])).arraySync(), [[1, 0]]);
 * ```
 */
export function globalMinPool(x: TensorLike): Tensor {
  const t = toFloat("globalMinPool", x);
  return min(t, { axis: filledAxes("globalMinPool", t) });
}

/**
 * The mean over all spatial axes: `f32[n,…spatial,c] → f32[n,c]`. Integers and bools become float32.
 *
 * @throws {ShapeError} If x has no spatial axis.
 *
 * @example Usage
 * ```ts
 * import { globalAvgPool, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(globalAvgPool(tensor([[[1, 2], [3, 0]]])).arraySync(), [[2, 1]]);
 * ```
 */
export function globalAvgPool(x: TensorLike): Tensor {
  const t = toFloat("globalAvgPool", x);
  return mean(t, { axis: spatialAxes("globalAvgPool", t) });
}
