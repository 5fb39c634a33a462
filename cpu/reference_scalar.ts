/** Compiles scalar expressions to JavaScript closures: the reference's maps, and the bodies of its reductions. */

import { type DType, highest, isFloat, kindOf, lowest, toDType, type TypedArray } from "../ops/dtype.ts";
import { type Scalar, topological } from "../ops/scalar.ts";
import { integerFunctions, scalarFunctions } from "./scalar_functions.ts";

/** The value of an expression where input n is read at `offsets[n]` and `index` is the position in the output. */
export type Evaluate = (offsets: Int32Array, index: Int32Array) => number;

/** Rounds after every operation, so that fused and unfused programs agree bit for bit. */
export function compileScalar(body: Scalar, inputs: readonly TypedArray[]): Evaluate {
  const order = topological(body);
  const uses = new Map<Scalar, number>();
  for (const node of order) for (const arg of node.args) uses.set(arg, (uses.get(arg) ?? 0) + 1);

  // Nodes with several users are computed first, into registers.
  const shared: Evaluate[] = [];
  const registers = new Float64Array(order.length);
  const compiled = new Map<Scalar, Evaluate>();
  for (const node of order) {
    const evaluate = compileNode(node, node.args.map((arg) => compiled.get(arg)!), inputs);
    if (node.args.length === 0 || (uses.get(node) ?? 0) < 2) {
      compiled.set(node, evaluate);
    } else {
      const register = shared.length;
      shared.push(evaluate);
      compiled.set(node, () => registers[register]!);
    }
  }
  const root = compiled.get(body)!;
  if (shared.length === 0) return root;
  return (offsets, index) => {
    for (let i = 0; i < shared.length; i++) registers[i] = shared[i]!(offsets, index);
    return root(offsets, index);
  };
}

function compileNode(node: Scalar, args: readonly Evaluate[], inputs: readonly TypedArray[]): Evaluate {
  const [a, b, c] = args as [Evaluate, Evaluate, Evaluate];
  switch (node.op) {
    case "input": {
      const n = node.index;
      const array = inputs[n]!;
      return (offsets) => array[offsets[n]!]!;
    }
    case "const": {
      const value = toDType(node.value, node.dtype);
      return () => value;
    }
    case "index": {
      const axis = node.axis;
      return (_, index) => index[axis]!;
    }
    case "select":
      return (o, i) => a(o, i) !== 0 ? b(o, i) : c(o, i);
    case "cast":
      return compileCall(node.dtype, saturation(node.args[0]!.dtype, node.dtype), a);
    case "not":
      return compileCall(node.dtype, node.dtype === "bool" ? (x) => 1 - x : scalarFunctions.not, a);
    default: {
      const functions = isFloat(node.args[0]!.dtype) ? scalarFunctions : integerFunctions;
      return compileCall(node.dtype, functions[node.op] as (a: number, b: number) => number, a, b);
    }
  }
}

/** What a cast does before it rounds or wraps: float to integer saturates, and wrapping then makes NaN 0. */
function saturation(from: DType, to: DType): (x: number) => number {
  if (!isFloat(from) || kindOf(to) !== "integer") return (x) => x;
  const [low, high] = [lowest(to), highest(to)];
  return (x) => Math.min(Math.max(x, low), high);
}

/** One closure for each way to end an operation: rounding, wrapping, or nothing. Unary functions ignore `b`. */
function compileCall(
  dtype: DType,
  f: (a: number, b: number) => number,
  a: Evaluate,
  b: Evaluate = () => 0,
): Evaluate {
  switch (dtype) {
    case "float32":
      return (o, i) => Math.fround(f(a(o, i), b(o, i)));
    case "float64":
      return (o, i) => f(a(o, i), b(o, i));
    case "float16":
      return (o, i) => Math.f16round(f(a(o, i), b(o, i)));
    case "int32":
      return (o, i) => f(a(o, i), b(o, i)) | 0;
    case "uint32":
      return (o, i) => f(a(o, i), b(o, i)) >>> 0;
    case "bool":
      return (o, i) => f(a(o, i), b(o, i)) !== 0 ? 1 : 0;
  }
}
