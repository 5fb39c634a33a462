/** What each scalar operation computes, as a function of float64: the reference calls them, and WebAssembly imports some. */

import type { BinaryOp, UnaryOp } from "./scalar.ts";
import { digamma, erf, erfc, erfinv, lgamma, polygamma } from "./special_functions.ts";

type ScalarFunctions =
  & { readonly [Op in UnaryOp]: (x: number) => number }
  & {
    readonly [Op in BinaryOp]: (a: number, b: number) => number;
  };

/**
 * What each operation computes, before the result is rounded or wrapped to its dtype. Integers come as JavaScript
 * numbers of their own range. Wrapping turns the NaN and ∞ of a division by zero into 0, which is what we specify.
 */
export const scalarFunctions: ScalarFunctions = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundHalfToEven,
  not: (x) => ~x,
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  cbrt: Math.cbrt,
  erf,
  erfc,
  erfinv,
  lgamma,
  digamma,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  rem: (a, b) => a % b,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  pow,
  atan2: Math.atan2,
  polygamma,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => b >>> 0 > 31 ? 0 : a << b,
  // Not >>, which would take the top bit of a uint32 for a sign.
  shr: (a, b) => Math.floor(a / 2 ** Math.min(b >>> 0, 32)),
  eq: (a, b) => a === b ? 1 : 0,
  ne: (a, b) => a !== b ? 1 : 0,
  lt: (a, b) => a < b ? 1 : 0,
  le: (a, b) => a <= b ? 1 : 0,
};

/** The same for integers, where float64 would lose the low bits of a product. */
export const integerFunctions: ScalarFunctions = { ...scalarFunctions, mul: Math.imul, pow: integerPow };

function roundHalfToEven(x: number): number {
  // Adding 2^52 leaves no room for a fraction, so that the addition itself rounds, half to even.
  const magnitude = Math.abs(x);
  if (!(magnitude < 2 ** 52)) return x;
  const rounded = magnitude + 2 ** 52 - 2 ** 52;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}

/** C's pow: JavaScript's differs in giving NaN for 1 to the NaN and for ±1 to the ±∞. */
function pow(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

/** Modulo 2^32; a negative exponent gives 0 unless the base is 1 or −1. */
function integerPow(a: number, b: number): number {
  if (b < 0 && a !== 1 && a !== -1) return 0;
  let result = 1;
  let square = a;
  for (let exponent = Math.abs(b); exponent !== 0; exponent >>>= 1) {
    if (exponent & 1) result = Math.imul(result, square);
    square = Math.imul(square, square);
  }
  return result;
}
