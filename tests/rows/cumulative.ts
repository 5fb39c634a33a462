/** Rows of the running sums, products and extremes. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import type { DType } from "../../ops/dtype.ts";
import type { Tensor, TensorLike } from "../../ops/tensor.ts";
import { axisOf, type Operand, operands, type ShapeOptions, shapes } from "../draw.ts";
import { alongAxis, axisAt, countOf, flat, sumOf } from "../plain.ts";
import { everyDType, exact, floats, type Row, type Tolerance } from "../row.ts";
import { exactSums, fewProducts, nearOne, productOf } from "./reduction.ts";

interface Running {
  readonly axis?: number | undefined;
  readonly reverse?: boolean | undefined;
}

interface Rules {
  readonly result: (dtype: DType) => DType;
  readonly tolerance: Tolerance<Running>;
  readonly elements?: (dtype: DType) => fc.Arbitrary<number> | undefined;
  readonly shapes?: ShapeOptions;
  /** Whether ties have no derivative. */
  readonly distinct?: boolean;
}

/** What is not finite, among other elements. */
const specialLines: Operand = {
  shape: [4, 3],
  dtype: "float64",
  data: [1, NaN, 2, Infinity, -1, Infinity, -Infinity, -1, -Infinity, 2 ** -149, -0, 1],
  layout: "rows",
};

/** A row of `f`, applied to all that was passed on the way to each element. */
function running(
  name: string,
  call: (x: TensorLike, options: Running) => Tensor,
  f: (passed: number[]) => number,
  rules: Rules,
): Row<Running> {
  return {
    name,
    dtypes: everyDType,
    draw: (dtype, use) =>
      shapes(rules.shapes).chain((shape) =>
        fc.tuple(
          operands([{ shape, dtype, elements: rules.elements?.(dtype) }], {
            distinct: rules.distinct === true && use === "derivative",
          }),
          fc.record({
            axis: shape.length === 0 ? fc.constant(undefined) : fc.option(axisOf(shape.length), { nil: undefined }),
            reverse: fc.constantFrom(undefined, false, true),
          }),
        )
      ).map(([xs, settings]) => ({ operands: xs, settings })),
    call: ([x], options) => call(x!, options),
    reference([x], { axis, reverse = false }) {
      const whole = axis === undefined ? flat(x!) : x!;
      return alongAxis(
        whole,
        axisAt(axis ?? 0, whole.shape.length),
        rules.result(x!.dtype),
        (values) => values.map((_, i) => f(reverse ? values.slice(i) : values.slice(0, i + 1))),
      );
    },
    tolerance: rules.tolerance,
    examples: floats.flatMap((dtype) =>
      [false, true].map((reverse) => ({ operands: [{ ...specialLines, dtype }], settings: { axis: 1, reverse } }))
    ),
  };
}

const extreme = { distinct: true, result: (dtype: DType) => dtype, tolerance: exact };

export const cumulativeRows: readonly Row<Running>[] = [
  running("cumsum", ops.cumsum, sumOf, { result: countOf, tolerance: exactSums }),
  running("cumprod", ops.cumprod, productOf, { result: countOf, ...fewProducts, elements: nearOne }),
  running("cummax", ops.cummax, (passed) => Math.max(...passed), extreme),
  running("cummin", ops.cummin, (passed) => Math.min(...passed), extreme),
];
