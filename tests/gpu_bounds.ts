/**
 * The largest errors of functions of float32 on the GPU, in units in the last place of the exact result, where
 * quotients and square roots of WGSL are rounded correctly. WebGPU allows them 2.5 units: then functions that divide
 * or take roots may be off by 2 more.
 */

import type { BinaryOp, UnaryOp } from "../ops/scalar.ts";

export type Operation = UnaryOp | BinaryOp;

/** What is not listed is exact or rounded correctly; quotients that are subnormal may be off by one unit of those. */
export const gpuBounds: Partial<Readonly<Record<Operation, number>>> = {
  exp: 2,
  exp2: 2,
  expm1: 2,
  log: 1,
  log2: 2,
  log10: 2,
  log1p: 2,
  sin: 3,
  cos: 3,
  tan: 5,
  asin: 3,
  acos: 2,
  atan: 3,
  atan2: 3,
  sinh: 2,
  cosh: 2,
  tanh: 3,
  asinh: 3,
  acosh: 3,
  atanh: 3,
  cbrt: 1,
  pow: 4,
  erf: 2,
  erfc: 5,
  erfinv: 5,
  lgamma: 8,
  digamma: 8,
  // Of orders up to 3; each order more adds about half a unit.
  polygamma: 8,
};

/** Near the roots among negative numbers, and where terms are lost that are subnormal, the last place of this counts. */
export function floorOf(op: Operation, [a, b]: readonly [number, number]): number {
  switch (op) {
    case "lgamma":
      return a < 0 ? 1 : 0;
    case "digamma":
      return a < 0 ? Math.max(1, Math.log(-a)) : 0;
    case "polygamma":
      // The terms on both sides of b have different signs where the order is even.
      return b < 0 && a === 2 ? 2 * Math.abs(b - Math.round(b)) ** -3 : 2 ** -103;
    default:
      return 0;
  }
}
