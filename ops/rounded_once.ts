/** Compositions that are computed in float32 where float16 would lose too much on the way. */

import { cast } from "./cast.ts";
import { derived } from "./derived.ts";
import { wideOf } from "./dtype.ts";
import type { Tensor } from "./tensor.ts";

/** `f` of operands, of which the first has the dtype of the result: float16 is computed in float32 and rounded once. */
export function throughFloat32(xs: readonly Tensor[], f: (...xs: Tensor[]) => Tensor): Tensor {
  const { dtype } = xs[0]!;
  return dtype === "float16" ? cast(f(...xs.map((x) => cast(x, wideOf(x.dtype)))), dtype) : f(...xs);
}

/** As {@linkcode throughFloat32}, for a function of one tensor with plain settings: the casts are fused with it. */
export function roundedOnce<S>(
  name: string,
  f: (x: Tensor, settings: S) => Tensor,
): (x: Tensor, settings: S) => Tensor {
  const ofHalves = derived(name, (xs, settings: S) => throughFloat32(xs, (x) => f(x!, settings)));
  return (x, settings) => x.dtype === "float16" ? ofHalves([x], settings) : f(x, settings);
}
