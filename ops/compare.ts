/** Comparing tensors as wholes. */

import { checkOptions, matched } from "./arguments.ts";
import { isFloat } from "./dtype.ts";
import { abs, add, cast, equal, isNaN, lessEqual, logicalAnd, logicalOr, mul, sub } from "./elementwise.ts";
import { all } from "./reduction.ts";
import type { TensorLike } from "./tensor.ts";

export interface CloseOptions {
  readonly rtol?: number | undefined;
  readonly atol?: number | undefined;
  /** Whether NaN is close to NaN; not unless asked. */
  readonly equalNaN?: boolean | undefined;
}

export function allClose(a: TensorLike, b: TensorLike, options: CloseOptions = {}): boolean {
  checkOptions("allClose", options);
  const { rtol = 1e-5, atol = 1e-8, equalNaN = false } = options;
  const [x, y] = matched("allClose", [a, b]).map((t) => isFloat(t.dtype) ? t : cast(t, "float64"));
  const near = lessEqual(abs(sub(x!, y!)), add(atol, mul(rtol, abs(y!))));
  const close = logicalOr(equal(x!, y!), near);
  return all(equalNaN ? logicalOr(close, logicalAnd(isNaN(x!), isNaN(y!))) : close).item() as boolean;
}
