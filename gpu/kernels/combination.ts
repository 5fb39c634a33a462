/** Totals that elements are joined to one by one. */

import { literal } from "../functions/library.ts";
import { writeScalar } from "../scalar.ts";
import type { ShaderWriter } from "../writer.ts";
import { type DType, highest, lowest } from "../../ops/dtype.ts";
import type { Combiner } from "../../ops/kernel.ts";
import { binary, input } from "../../ops/scalar.ts";

export interface Combination {
  /** What a total starts from. */
  readonly start: string;
  /** Statements that join an element to the variable `total`. */
  join(total: string, element: string): string;
}

/** How results of a dtype are combined. Those of float16 are only rounded as they are stored. */
export function combinationOf(combiner: Combiner, dtype: DType, { functions, names }: ShaderWriter): Combination {
  const wide = dtype === "float16" ? "float32" : dtype;
  const op = combiner === "sum" ? (dtype === "bool" ? "or" : "add") : combiner;
  const body = binary(op, input(0, wide), input(1, wide));
  return {
    start: literal(combiner === "sum" ? 0 : combiner === "max" ? lowest(dtype) : highest(dtype), wide, functions),
    join(total, element) {
      const value = names.fresh();
      const { statements, result } = writeScalar(
        body,
        (leaf) => leaf.op === "input" && leaf.index === 0 ? total : value,
        names,
        functions,
      );
      return `let ${value} = ${element};\n${statements}\n${total} = ${result};`;
    },
  };
}
