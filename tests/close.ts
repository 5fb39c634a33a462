/** How near a result must be to its reference: in units in the last place, from a reference in float64. */

import { assertEquals } from "@std/assert";
import type { DType } from "../ops/dtype.ts";
import type { Tensor } from "../ops/tensor.ts";
import { castValue, isFloat, type Plain } from "./plain.ts";

/** The values of a tensor, as plain numbers. */
export function read(x: Tensor): Plain {
  return { dtype: x.dtype, shape: x.shape, data: [...x.dataSync()] };
}

/** The distance from one float of this size to the next. */
export function ulp(value: number, dtype: DType): number {
  const [bits, lowest] = dtype === "float32" ? [23, -126] : dtype === "float16" ? [10, -14] : [52, -1022];
  const exponent = value === 0 ? lowest : Math.max(lowest, Math.floor(Math.log2(Math.abs(value))));
  return 2 ** Math.max(exponent - bits, -1074);
}

export interface Allowance {
  /** Of float16, units of float32 beside half a unit of float16, for the one rounding. */
  readonly ulps: number;
  /** Magnitudes to take the last place of, element by element; those of the expected values unless given. */
  readonly of?: Plain | undefined;
  readonly signedZeros?: boolean | undefined;
}

/** Fails unless type and values are as expected: floats to within the allowance, all else exactly. */
export function assertClose(actual: Plain, expected: Plain, allowance: Allowance, what: string): void {
  assertEquals(actual.dtype, expected.dtype, `${what}: dtype`);
  assertEquals(actual.shape, expected.shape, `${what}: shape`);
  expected.data.forEach((e, i) => {
    const a = actual.data[i]!;
    if (isNear(a, e, expected.dtype, allowance, allowance.of?.data[i] ?? e)) return;
    throw new Error(
      `${what}: element ${i} is ${show(a)}, not ${show(e)}\n  got  ${listed(actual)}\n  want ${listed(expected)}`,
    );
  });
}

function isNear(
  a: number,
  e: number,
  dtype: DType,
  { ulps, signedZeros = false }: Allowance,
  magnitude: number,
): boolean {
  const rounded = castValue(e, dtype, dtype);
  if (signedZeros && ulps === 0 ? Object.is(a, rounded) : a === rounded || (a !== a && rounded !== rounded)) {
    return true;
  }
  if (!isFloat(dtype) || !Number.isFinite(a) || !Number.isFinite(e)) {
    return isFloat(dtype) && nearlyOverflows(a, e, dtype, ulps);
  }
  const size = Math.max(Math.abs(e), Math.abs(magnitude));
  if (dtype !== "float16") return Math.abs(a - e) <= ulps * ulp(size, dtype);
  return ulps > 0 &&
    Math.abs(a - e) <= ulps * ulp(size, "float32") + ulp(Math.max(Math.abs(a), Math.abs(e)), dtype) / 2;
}

/** An infinity where the exact result is within the allowance of it, or the other way round. */
function nearlyOverflows(a: number, e: number, dtype: DType, ulps: number): boolean {
  const largest = dtype === "float32" ? 3.4028234663852886e38 : dtype === "float16" ? 65520 : Number.MAX_VALUE;
  const slack = ulps * ulp(largest, dtype === "float16" ? "float32" : dtype);
  return ulps > 0 && Math.sign(a) === Math.sign(e) && Math.abs(a) >= largest - slack && Math.abs(e) >= largest - slack;
}

function show(x: number): string {
  return Object.is(x, -0) ? "-0" : String(x);
}

function listed(x: Plain): string {
  return `${x.dtype}[${x.shape}] ${x.data.slice(0, 24).map(show).join(" ")}${x.data.length > 24 ? " …" : ""}`;
}

/** Results as a list, whether there is one or several. */
export function listOf<T extends Tensor | Plain>(results: T | readonly T[]): readonly T[] {
  return Array.isArray(results) ? results : [results as T];
}
