/** Pooling: windows over the spatial axes of `[batch, …spatial, channels]`. */

import { checkOptions, toFloat } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { type Padding, perAxis, resolvePadding } from "./convolution.ts";
import { onesLike } from "./create.ts";
import { div } from "./elementwise.ts";
import { ShapeError } from "./errors.ts";
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
  transpose: (g, _, params, [x]) => [bind1(spreadP, [g], { ...params, size: spatial(x!) })],
});

const spreadP: Primitive<WindowParams> = windowPrimitive("windowSpread", "spread", {
  kind: "linear",
  linear: [0],
  transpose: (c, _, params, [g]) => [bind1(windowSumP, [c], { ...params, size: spatial(g!) })],
});

const takeP: Primitive<WindowParams> = windowPrimitive("windowTake", "take", {
  kind: "linear",
  linear: [0],
  transpose: (g, [at], params, [x]) => [bind1(putP, [g, at!], { ...params, size: spatial(x!) })],
});

const putP: Primitive<WindowParams> = windowPrimitive("windowPut", "put", {
  kind: "linear",
  linear: [0],
  transpose: (c, [at], params, [g]) => [bind1(takeP, [c, at!], { ...params, size: spatial(g!) })],
});

/** The extreme of each window; its gradient goes to the first cell in row-major order that attains it. */
function extremeWindow(role: "max" | "min"): Primitive<WindowParams> {
  const argP = windowPrimitive(
    `windowArg${role}`,
    role === "max" ? "argMax" : "argMin",
    notDifferentiable("it returns positions"),
  );
  return windowPrimitive(`window${role}`, role, {
    kind: "selection",
    of: 0,
    keeps: [0],
    push: (t, [x], params) => bind1(takeP, [t, bind1(argP, [x!], params)], params),
    pull: (g, [x], params) => bind1(putP, [g, bind1(argP, [x!], params)], { ...params, size: spatial(x!) }),
  });
}

const windowMaxP = extremeWindow("max");
const windowMinP = extremeWindow("min");

export interface PoolOptions {
  readonly window: number | readonly number[];
  /** As large as the window unless given. */
  readonly strides?: number | readonly number[] | undefined;
  readonly padding?: Exclude<Padding, "circular"> | undefined;
}

function pool(op: string, primitive: Primitive<WindowParams>, x: Tensor, options: PoolOptions): Tensor {
  const n = x.ndim - 2;
  if (n < 1) throw new ShapeError(`${op}() needs a tensor [batch, …spatial, channels], got ${typeString(x.type)}`);
  checkOptions(op, options);
  if (options.window === undefined) throw new TypeError(`${op}() needs a window: ${op}(x, { window: 2 })`);
  const window = perAxis(op, "a window", options.window, n);
  const strides = options.strides === undefined ? window : perAxis(op, "strides", options.strides, n);
  const padding = resolvePadding(op, options.padding, spatial(x), window, strides);
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
  return bind1(primitive, [x], { window, strides, padding, size });
}

export function maxPool(x: TensorLike, options: PoolOptions): Tensor {
  return pool("maxPool", windowMaxP, toFloat("maxPool", x), options);
}

export function minPool(x: TensorLike, options: PoolOptions): Tensor {
  return pool("minPool", windowMinP, toFloat("minPool", x), options);
}

export function avgPool(x: TensorLike, options: PoolOptions): Tensor {
  const t = toFloat("avgPool", x);
  const sums = pool("avgPool", windowSumP, t, options);
  // Every example and channel has the same number of real cells.
  const one = onesLike(slice(t, { stop: [1, ...spatial(t).map(() => null), 1] }));
  return div(sums, pool("avgPool", windowSumP, one, options));
}

/** The spatial axes, of which there must be one at least. */
function spatialAxes(op: string, x: Tensor): number[] {
  if (x.ndim < 3) throw new ShapeError(`${op}() needs a tensor [batch, …spatial, channels], got ${typeString(x.type)}`);
  return spatial(x).map((_, i) => i + 1);
}

export function globalMaxPool(x: TensorLike): Tensor {
  const t = toFloat("globalMaxPool", x);
  return max(t, { axis: spatialAxes("globalMaxPool", t) });
}

export function globalMinPool(x: TensorLike): Tensor {
  const t = toFloat("globalMinPool", x);
  return min(t, { axis: spatialAxes("globalMinPool", t) });
}

export function globalAvgPool(x: TensorLike): Tensor {
  const t = toFloat("globalAvgPool", x);
  return mean(t, { axis: spatialAxes("globalAvgPool", t) });
}
