/** Comparing tensors as wholes. */

import { checkOptions, matched } from "./arguments.ts";
import { isFloat, wideOf } from "./dtype.ts";
import { abs, add, mul, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { equal, isFinite, isNaN, lessEqual, logicalAnd, logicalOr } from "./logic.ts";
import { all } from "./reduction.ts";
import { checkReadable, type TensorLike } from "./tensor.ts";

/** Options of {@linkcode allClose}. */
export interface CloseOptions {
  /** Accepted difference relative to b; 1e-5 by default. */
  readonly rtol?: number | undefined;
  /** Accepted absolute difference; 1e-8 by default. */
  readonly atol?: number | undefined;
  /** Whether NaN is close to NaN; not unless asked. */
  readonly equalNaN?: boolean | undefined;
}

/**
 * Whether all elements are close: |a − b| ≤ atol + rtol · |b|, as a JavaScript boolean.
 *
 * Operands broadcast and promote as in {@linkcode add}; integers and bools are compared as float64, float16 as float32. Equal infinities
 * are close, NaN is close to nothing unless `equalNaN` is set. It reads values, so it works on known ones on the CPU
 * alone: not under vmap or while a program is traced.
 *
 * @throws {TypeError} If values are not known, or live on a GPU.
 *
 * @example Usage
 * ```ts
 * import { allClose, tensor } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * assert(allClose(tensor([1, 2]), tensor([1, 2.000001])));
 * assert(!allClose(tensor([1, 2]), tensor([1, 2.1])));
 * ```
 */
export function allClose(a: TensorLike, b: TensorLike, options: CloseOptions = {}): boolean {
  checkOptions("allClose", options, ["rtol", "atol", "equalNaN"]);
  const { rtol = 1e-5, atol = 1e-8, equalNaN = false } = options;
  const operands = matched("allClose", [a, b]);
  for (const t of operands) checkReadable("allClose", t);
  const [x, y] = operands.map((t) => cast(t, isFloat(t.dtype) ? wideOf(t.dtype) : "float64"));
  const near = lessEqual(abs(sub(x!, y!)), add(atol, mul(rtol, abs(y!))));
  // Nothing but itself is near an infinity.
  const close = logicalOr(equal(x!, y!), logicalAnd(near, isFinite(y!)));
  return all(equalNaN ? logicalOr(close, logicalAnd(isNaN(x!), isNaN(y!))) : close).item() as boolean;
}
