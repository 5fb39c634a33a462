/** What elements are combined with, as WGSL: how they enter a running result, are joined, and leave it. */

import { computeType } from "../scalar.ts";
import { type Functions, literal } from "../functions/library.ts";
import { type DType, highest, isFloat, lowest } from "../../ops/dtype.ts";
import type { Combiner } from "../../ops/kernel.ts";

/** All take and give expressions. */
export interface Fold {
  /** Of a running result, in WGSL. */
  readonly type: string;
  /** Whether the order of joining is seen in the result, so that long chains must be avoided. */
  readonly rounds: boolean;
  readonly identity: string;
  /** A running result of one element, which is a name, and of its position along the row. */
  enter(element: string, position: string): string;
  join(a: string, b: string): string;
  /** The argument is a name. */
  leave(result: string): string;
}

/** Extremes of floats are those of integers that grow as floats do, with NaN at the end. */
export function foldOf(combiner: Combiner, dtype: DType, functions: Functions): Fold {
  const itself = (x: string): string => x;
  const type = computeType(dtype);
  if (type === "bool") {
    const isAll = combiner === "min";
    return {
      type: "u32",
      rounds: false,
      identity: isAll ? "1u" : "0u",
      enter: (x) => `select(0u, 1u, ${x})`,
      join: (a, b) => `${a} ${isAll ? "&" : "|"} ${b}`,
      leave: (x) => `(${x} != 0u)`,
    };
  }
  if (combiner === "sum") {
    return {
      type,
      rounds: type === "f32",
      identity: literal(0, dtype, functions),
      enter: itself,
      join: (a, b) => `${a} + ${b}`,
      leave: (x) => {
        if (type !== "f32") return x;
        // Compilers may leave out the addition to 0, which makes 0 of −0.
        const sum = `select(${x}, 0.0f, bitcast<u32>(${x}) == 0x80000000u)`;
        return dtype === "float16" ? `${functions.use("half_f32")}(${sum})` : sum;
      },
    };
  }
  const join = (a: string, b: string): string => `${combiner}(${a}, ${b})`;
  if (!isFloat(dtype)) {
    const identity = literal(combiner === "max" ? lowest(dtype) : highest(dtype), dtype, functions);
    return { type, rounds: false, identity, enter: itself, join, leave: itself };
  }
  const isMax = combiner === "max";
  const nan = isMax ? "0x7fffffffi" : "i32(-2147483648)";
  return {
    type: "i32",
    rounds: false,
    // Those of −∞ and ∞.
    identity: isMax ? "(-2139095041i)" : "2139095040i",
    enter: (x) => `select(${functions.use("total_i32")}(${x}), ${nan}, ${functions.use("isNaN_f32")}(${x}))`,
    join,
    // What makes an integer of the bits makes the bits of it.
    leave: (x) => `bitcast<f32>(${x} ^ ((${x} >> 31u) & 0x7fffffffi))`,
  };
}

/** What running results are kept as between dispatches. */
export function partialType(combiner: Combiner, dtype: DType): DType {
  if (dtype === "bool") return "uint32";
  if (!isFloat(dtype)) return dtype;
  return combiner === "sum" ? "float32" : "int32";
}

/** The same where elements are running results already. */
export function withoutEntry(fold: Fold): Fold {
  return { ...fold, enter: (x) => x };
}
