/** The types of transformed functions. */

import type { Tensor } from "../ops/tensor.ts";
import type { MapLeaves } from "../ops/tree.ts";

/** A tree of gradients: a tensor for every leaf. */
export type Grads<T> = MapLeaves<T, Tensor>;

/** The gradient of the argument at position `N`, or a tuple of them for several positions. */
export type At<A extends readonly unknown[], N> = N extends readonly number[]
  ? { -readonly [K in keyof N]: Grads<A[N[K] & number]> }
  : N extends number ? Grads<A[N]>
  : never;
