/**
 * Scalar expressions: what an elementwise primitive computes from one element of each input. Shared nodes are computed
 * once. Backends turn them into instructions; fusion substitutes one expression into another.
 */

import type { DType } from "./dtype.ts";

/**
 * The closed list of scalar operations. Float semantics are IEEE 754; integer arithmetic wraps. Every
 * result is rounded to its dtype: of float16 what float32 or better gives for it.
 * - `min`, `max`: NaN if either is NaN; −0 < +0.
 * - `rem`: the sign of the dividend; an integer remainder by 0 is 0.
 * - `shl`, `shr`: 0 (or −1 for a negative int32 `shr`) when the distance is 32 or more; `shr` keeps the sign of int32.
 * - `pow`: C's pow for floats; wrapping repeated multiplication for integers, 0 for a negative exponent unless the base is 1 or −1.
 * - `and or xor not`: bits of integers, truth of bools.
 * - `polygamma`: the derivative of order a, a whole number, of `digamma` at b.
 * - `sign`: 0 for 0 (keeping −0), NaN for NaN.
 */
export type BinaryOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "rem"
  | "min"
  | "max"
  | "pow"
  | "atan2"
  | "polygamma"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr"
  | "eq"
  | "ne"
  | "lt"
  | "le"; // deno-fmt-ignore
export type UnaryOp =
  | "neg" | "abs" | "sign" | "sqrt" | "floor" | "ceil" | "trunc" | "round" | "not"
  | "exp" | "exp2" | "expm1" | "log" | "log2" | "log10" | "log1p"
  | "sin" | "cos" | "tan" | "sinh" | "cosh" | "tanh"
  | "asin" | "acos" | "atan" | "asinh" | "acosh" | "atanh" | "cbrt"
  | "erf" | "erfc" | "erfinv" | "lgamma" | "digamma"; // deno-fmt-ignore

/** One node of a scalar expression; `args` come before it in evaluation order. */
export type Scalar =
  | { readonly op: "input"; readonly index: number; readonly dtype: DType; readonly args: readonly [] }
  | { readonly op: "const"; readonly value: number; readonly dtype: DType; readonly args: readonly [] }
  /** The position along one axis of the output, as int32. */
  | { readonly op: "index"; readonly axis: number; readonly dtype: "int32"; readonly args: readonly [] }
  /** `select`: the first argument (bool) chooses between the second and the third. */
  | { readonly op: UnaryOp | BinaryOp | "cast" | "select"; readonly dtype: DType; readonly args: readonly Scalar[] };

export function input(index: number, dtype: DType): Scalar {
  return { op: "input", index, dtype, args: [] };
}

export function constant(value: number, dtype: DType): Scalar {
  return { op: "const", value, dtype, args: [] };
}

export function axisIndex(axis: number): Scalar {
  return { op: "index", axis, dtype: "int32", args: [] };
}

export function unary(op: UnaryOp, x: Scalar): Scalar {
  return { op, dtype: x.dtype, args: [x] };
}

/** Comparisons are bool; everything else has the dtype of its arguments. */
export function binary(op: BinaryOp, a: Scalar, b: Scalar): Scalar {
  const compares = op === "eq" || op === "ne" || op === "lt" || op === "le";
  return { op, dtype: compares ? "bool" : a.dtype, args: [a, b] };
}

/** Float to integer truncates and saturates, NaN is 0; integers wrap; anything to bool is `!= 0`. */
export function cast(x: Scalar, dtype: DType): Scalar {
  return x.dtype === dtype ? x : { op: "cast", dtype, args: [x] };
}

export function select(condition: Scalar, onTrue: Scalar, onFalse: Scalar): Scalar {
  return { op: "select", dtype: onTrue.dtype, args: [condition, onTrue, onFalse] };
}

/** The nodes of an expression, each once, arguments before users; the root is last. */
export function topological(root: Scalar): Scalar[] {
  const order: Scalar[] = [];
  const seen = new Set<Scalar>();
  const visit = (node: Scalar): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const arg of node.args) visit(arg);
    order.push(node);
  };
  visit(root);
  return order;
}

/** The same expression with every input replaced. Sharing is kept. */
export function substitute(root: Scalar, replace: (index: number, dtype: DType) => Scalar): Scalar {
  return substituteLeaves(root, (leaf) => leaf.op === "input" ? replace(leaf.index, leaf.dtype) : leaf);
}

/** A node without arguments. */
export type Leaf = Extract<Scalar, { readonly args: readonly [] }>;

/** The same expression with every input, constant and position replaced. Sharing is kept. */
export function substituteLeaves(root: Scalar, replace: (leaf: Leaf) => Scalar): Scalar {
  const made = new Map<Scalar, Scalar>();
  for (const node of topological(root)) {
    if (node.op === "input" || node.op === "const" || node.op === "index") made.set(node, replace(node));
    else made.set(node, { op: node.op, dtype: node.dtype, args: node.args.map((a) => made.get(a)!) });
  }
  return made.get(root)!;
}

/** A string equal for equal expressions: what compiled kernels are cached under. */
export function scalarKey(root: Scalar): string {
  const order = topological(root);
  const number = new Map(order.map((node, i) => [node, i]));
  return order.map((node) => {
    const own = node.op === "input"
      ? node.index
      : node.op === "const"
      ? (Object.is(node.value, -0) ? "-0" : node.value)
      : node.op === "index"
      ? node.axis
      : node.args.map((a) => number.get(a)).join(",");
    return `${node.op}:${node.dtype}:${own}`;
  }).join(";");
}
