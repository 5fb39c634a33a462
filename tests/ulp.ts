/** Errors of results in units in the last place. */

import { type Precise, precise } from "./precise.ts";

/** The distance between neighbouring floats of some bits and a lowest exponent, at a value. */
function unitInLastPlace(value: number, bits: number, lowest: number): number {
  const exponent = Math.max(lowest, Math.floor(Math.log2(value)));
  // The logarithm of a number just below a power of 2 may be that of the power.
  return 2 ** ((value < 2 ** exponent ? Math.max(lowest, exponent - 1) : exponent) - bits);
}

/** The short floats, whose errors float64 can tell. */
export type ShortFloat = "float16" | "float32";

interface Format {
  /** After the point. */
  readonly bits: number;
  /** The least exponent of a normal number. */
  readonly lowest: number;
  readonly largest: number;
  /** What would come after the largest. */
  readonly next: number;
}

const formats: Readonly<Record<ShortFloat, Format>> = {
  float16: { bits: 10, lowest: -14, largest: 65504, next: 2 ** 16 },
  float32: { bits: 23, lowest: -126, largest: 3.4028234663852886e38, next: 2 ** 128 },
};

/**
 * How far a short float is from the exact result, in units in the last place of that, or of `floor` if it is larger; ∞ stands
 * where the next float would.
 */
export function errorOf(result: number, exact: number, floor = 0, dtype: ShortFloat = "float32"): number {
  const { bits, lowest, largest, next } = formats[dtype];
  if (result !== result || exact !== exact) return Object.is(result, exact) ? 0 : Infinity;
  if (result === 0 && exact === 0) return Object.is(result, exact) ? 0 : Infinity;
  const finite = (value: number) => Math.max(-next, Math.min(value, next));
  const unit = unitInLastPlace(Math.max(floor, Math.min(Math.abs(exact), largest)), bits, lowest);
  return Math.abs(finite(result) - finite(exact)) / unit;
}

/** The same of a float64; ∞ is right where the exact result rounds to it. */
export function preciseErrorOf(result: number, exact: Precise, floor = 0): number {
  const rounded = exact.toNumber();
  if (Object.is(result, rounded) && !Number.isFinite(result)) return 0;
  if (!Number.isFinite(result) || !Number.isFinite(rounded)) return Infinity;
  if (result === 0 && exact.isZero()) return Object.is(result, rounded) ? 0 : Infinity;
  const unit = unitInLastPlace(Math.max(floor, Math.abs(rounded)), 52, -1022);
  return precise(result).minus(exact).abs().div(precise(unit)).toNumber();
}
