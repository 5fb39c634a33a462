/** The one error class of our own, and the words errors share. */

/**
 * A shape, axis or size that an operation cannot use. The message prints the types involved.
 *
 * @example Usage
 * ```ts
 * import { matmul, ShapeError, zeros } from "@pullback/pullback";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(
 *   () => matmul(zeros([3, 4]), zeros([5, 2])),
 *   ShapeError,
 *   "matmul() cannot multiply f32[3,4] by f32[5,2]: inner sizes 4 and 5 must be equal",
 * );
 * ```
 */
export class ShapeError extends RangeError {
  /** `"ShapeError"` */
  override readonly name = "ShapeError";
}

/** `"3 arguments"`, `"1 argument"`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** What a value is, in a few words, for the message of a TypeError. */
export function describe(x: unknown): string {
  if (x === null) return "null";
  if (Array.isArray(x)) return "an array";
  if (typeof x === "string") return `the string ${JSON.stringify(x.length > 24 ? `${x.slice(0, 24)}…` : x)}`;
  if (typeof x === "number" || typeof x === "boolean" || typeof x === "bigint") return `the ${typeof x} ${x}`;
  if (typeof x === "object") {
    if ("dtype" in x && "shape" in x) return "a tensor";
    const name = x.constructor?.name;
    return name && name !== "Object" ? `an instance of ${name}` : "an object";
  }
  return typeof x === "undefined" ? "undefined" : `a ${typeof x}`;
}
