/** Compiles scalar expressions to JavaScript closures: the reference's maps, and the bodies of its reductions. */

import { type DType, toDType, type TypedArray } from "../ops/dtype.ts";
import { type Scalar, topological } from "../ops/scalar.ts";
import { type Computed, functionOf } from "../ops/scalar_value.ts";

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
    default:
      return compileCall(node.dtype, functionOf(node as Computed), a, b);
  }
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
