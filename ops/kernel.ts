/**
 * The closed list of computations a device must offer. A primitive states which one it is; each backend has an
 * exhaustive table from `kind` to its implementation, so a gap does not compile.
 */

import type { Scalar } from "./scalar.ts";
import type { Shape, Strided } from "./shape.ts";

/** What a reduction or an accumulation combines elements with. */
export type Combiner = "sum" | "max" | "min";

/**
 * The geometry of a convolution over `n` spatial axes. With x `[batch, …in, C]`, w `[…kernel, C / groups, F]` and
 * g `[batch, …out, F]`, one trilinear form
 *
 *   T(x, w, g) = Σ x[b, o·stride + k·dilation − padLow, c] · w[k, c mod C/groups, f] · g[b, o, f]
 *
 * (c and f in the same group; positions outside x are 0) has three derivatives: by g the convolution, by x the input's
 * gradient (a transposed convolution), by w the kernel's gradient. The output's shape tells the rest.
 */
export interface ConvGeometry {
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
  /** Cells of padding at the low and the high end of each spatial axis; never negative. */
  readonly padding: readonly (readonly [number, number])[];
  readonly groups: number;
}

/** Windows over the spatial axes of `[batch, …spatial, channels]`; cells of padding are outside every window. */
export interface WindowGeometry {
  readonly window: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
}

export type Kernel =
  /** Elementwise: every input has the output's shape. */
  | { readonly kind: "map"; readonly body: Scalar }
  /** The same storage seen otherwise; null if this layout cannot be viewed so and must be copied first. */
  | { readonly kind: "view"; readonly apply: (s: Strided) => Strided | null }
  /**
   * The elementwise `body` of equally shaped inputs, reduced over `axes` (sorted; the output does not have them). Max and
   * min of bool are any and all. A primitive's own body is its one input; fusion puts elementwise work there.
   */
  | { readonly kind: "reduce"; readonly combiner: Combiner; readonly axes: readonly number[]; readonly body: Scalar }
  /** The int32 position of the first extreme element along one axis; NaN counts as extreme. */
  | { readonly kind: "argReduce"; readonly extreme: "max" | "min"; readonly axis: number }
  /** Running sums, maxima or minima along one axis. */
  | { readonly kind: "cumulative"; readonly combiner: Combiner; readonly axis: number; readonly reverse: boolean }
  /** Inputs written side by side into a filled output: element i of input n goes to `start[n] + i·step[n]`, per axis. */
  | {
    readonly kind: "place";
    readonly fill: number;
    readonly at: readonly { readonly start: Shape; readonly step: Shape }[];
  }
  /** `[…batch, m, k] · […batch, k, n]` with equal batch axes. */
  | { readonly kind: "matmul" }
  /** One derivative of the trilinear form: `output` from (x, w), `input` from (g, w), `kernel` from (x, g). */
  | { readonly kind: "conv"; readonly role: "output" | "input" | "kernel"; readonly geometry: ConvGeometry }
  /**
   * `sum max min`: windows of x reduced. `argMax argMin`: the row-major position within its window of the first extreme
   * element. `take (x, positions)`: the element at that position. Transposes: `spread (g)` adds each g to every cell of
   * its window, `put (g, positions)` to the one cell.
   */
  | { readonly kind: "window"; readonly role: WindowRole; readonly geometry: WindowGeometry }
  /** x `[b, p, n, q]`, int32 indices `[b, i]` → `[b, p, i, q]`; out of range reads NaN, 0 or false. */
  | { readonly kind: "gather" }
  /** int32 indices `[b, i]`, updates `[b, p, i, q]` → `[b, p, n, q]`, combined in order of i; out of range is dropped. */
  | { readonly kind: "scatter"; readonly combiner: Combiner }
  /** int32 positions that stably sort the last axis; NaN is last, also when descending. */
  | { readonly kind: "argsort"; readonly descending: boolean };

export type WindowRole = "sum" | "max" | "min" | "argMax" | "argMin" | "take" | "spread" | "put";
export type KernelKind = Kernel["kind"];
export type KernelOf<K extends KernelKind> = Extract<Kernel, { kind: K }>;
