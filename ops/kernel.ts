/**
 * The closed list of computations a device must offer. A primitive states which one it is; each backend has an
 * exhaustive table from `kind` to its implementation, so a gap does not compile.
 */

import type { Program } from "./program.ts";
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

/**
 * An `epilogue` is elementwise work on what a kernel computes: input 0 is that, and after it come the kernel's further
 * inputs, which have the shape of the output. The dtype stays.
 */
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
  /**
   * Elementwise work around reductions, in one go over memory. The axes of the domain `shape` that are not in `axes` are
   * an outer nest, of which each turn has a row of elements: `stages` reduce it, one after another, and `outputs` are
   * computed from what they give. Where `axes` is empty there are no stages, and this is a map with several results.
   *
   * Bodies read the stages first: `input` k is what stage k gave, once it ran; after them come the kernel's inputs,
   * which have the shape of the domain. A body with `perRow` reads only what is the same along the row.
   */
  | {
    readonly kind: "loop";
    readonly shape: Shape;
    /** Sorted. */
    readonly axes: readonly number[];
    readonly stages: readonly Stage[];
    /** Those `perRow` are as large as the outer nest, the others as the domain; axes of size 1 may be missing or more. */
    readonly outputs: readonly LoopOutput[];
  }
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
  | { readonly kind: "matmul"; readonly epilogue?: Scalar }
  /** One derivative of the trilinear form: `output` from (x, w), `input` from (g, w), `kernel` from (x, g). */
  | {
    readonly kind: "conv";
    readonly role: "output" | "input" | "kernel";
    readonly geometry: ConvGeometry;
    readonly epilogue?: Scalar;
  }
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
  | { readonly kind: "argsort"; readonly descending: boolean }
  /** A whole program; it is written out in place of the call before a device sees it. */
  | { readonly kind: "call"; readonly program: Program };

/** A reduction of a row. */
export interface Stage {
  readonly combiner: Combiner;
  readonly body: Scalar;
}

export interface LoopOutput {
  readonly body: Scalar;
  readonly perRow: boolean;
}

export type WindowRole = "sum" | "max" | "min" | "argMax" | "argMin" | "take" | "spread" | "put";
export type KernelKind = Kernel["kind"];
/** Kernels that compute; a `view` moves nothing, and a `call` is written out before a device sees it. */
export type ComputeKind = Exclude<KernelKind, "view" | "call">;
export type KernelOf<K extends KernelKind> = Extract<Kernel, { kind: K }>;
