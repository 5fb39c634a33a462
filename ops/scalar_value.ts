/** What one node of a scalar expression is worth, given its arguments: rounding, wrapping and saturation included. */

import { type DType, highest, isFloat, kindOf, lowest, toDType } from "./dtype.ts";
import type { Scalar } from "./scalar.ts";
import { integerFunctions, scalarFunctions } from "./scalar_functions.ts";

/** An operation on numbers, before its result is rounded or wrapped to its dtype. Unary ones ignore `b`. */
export type ScalarFunction = (a: number, b: number) => number;

/** A node that computes something of its arguments, and does not choose among them. */
export type Computed = Scalar & { readonly op: Exclude<Scalar["op"], "input" | "const" | "index" | "select"> };

export function functionOf(node: Computed): ScalarFunction {
  const from = node.args[0]!.dtype;
  switch (node.op) {
    case "cast":
      return saturation(from, node.dtype);
    case "not":
      return from === "bool" ? (x) => 1 - x : scalarFunctions.not;
    default:
      return (isFloat(from) ? scalarFunctions : integerFunctions)[node.op] as ScalarFunction;
  }
}

/** What a cast does before it rounds or wraps: float to integer saturates, and wrapping then makes NaN 0. */
function saturation(from: DType, to: DType): (x: number) => number {
  if (!isFloat(from) || kindOf(to) !== "integer") return (x) => x;
  const [low, high] = [lowest(to), highest(to)];
  return (x) => Math.min(Math.max(x, low), high);
}

/**
 * The value of a node whose arguments have these, if every machine finds the same to the last bit: not of functions
 * such as `exp`, nor of what is read or counted.
 */
export function exactValue(node: Scalar, args: readonly number[]): number | null {
  const [a, b, c] = args as [number, number, number];
  switch (node.op) {
    case "input":
    case "index":
      return null;
    case "const":
      return toDType(node.value, node.dtype);
    case "select":
      return a !== 0 ? b : c;
    default: {
      const computed = node as Computed;
      if (isFloat(node.dtype) && !exactOps.has(node.op)) return null;
      return toDType(functionOf(computed)(a, b), node.dtype);
    }
  }
}

/** The operations on floats that IEEE 754 rounds correctly. */
const exactOps: ReadonlySet<string> = new Set<Scalar["op"]>([
  "neg",
  "abs",
  "sign",
  "sqrt",
  "floor",
  "ceil",
  "trunc",
  "round",
  "cast",
  "add",
  "sub",
  "mul",
  "div",
  "rem",
  "min",
  "max",
]); // deno-fmt-ignore
