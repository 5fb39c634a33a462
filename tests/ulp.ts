/** Errors of float32 results in units in the last place. */

/** The distance between neighbouring floats at a value. */
function unitInLastPlace(value: number): number {
  const magnitude = Math.min(Math.abs(value), 3.4028234663852886e38);
  const exponent = Math.max(-126, Math.floor(Math.log2(magnitude)));
  // The logarithm of a number just below a power of 2 may be that of the power.
  return 2 ** ((magnitude < 2 ** exponent ? Math.max(-126, exponent - 1) : exponent) - 23);
}

/** How far a float is from the exact result, in units in the last place; ∞ stands where the next float would. */
export function errorOf(result: number, exact: number): number {
  if (Object.is(result, Math.fround(exact))) return 0;
  if (Number.isNaN(result) || Number.isNaN(exact)) return Infinity;
  if (result === 0 && exact === 0) return Infinity; // signs differ
  const finite = (value: number) => Math.max(-(2 ** 128), Math.min(value, 2 ** 128));
  return Math.abs(finite(result) - finite(exact)) / unitInLastPlace(exact);
}
