/** Running sums and extremes: the reference's loops, each written out for its combiner. */

import type { DType, TypedArray } from "../ops/dtype.ts";
import type { Combiner } from "../ops/kernel.ts";
import { contiguous } from "../ops/shape.ts";
import type { Implementation } from "./machine.ts";
import { elements } from "./reference_reduce.ts";
import { forEachElement } from "./reference_walk.ts";

/** Runs along one line of `size` elements: reads from `from` on by `step`, and writes from `to` on by `stride`. */
type Run = (
  values: TypedArray,
  out: TypedArray,
  size: number,
  from: number,
  step: number,
  to: number,
  stride: number,
) => void;

/** Sums are kept in float64, and rounded as they are stored. */
const addFloats: Run = (values, out, size, from, step, to, stride) => {
  let sum = 0;
  for (let i = 0; i < size; i++) out[to + i * stride] = sum += values[from + i * step]!;
};

/** What is stored wraps, of either signedness. */
const addIntegers: Run = (values, out, size, from, step, to, stride) => {
  let sum = 0;
  for (let i = 0; i < size; i++) out[to + i * stride] = sum = (sum + values[from + i * step]!) | 0;
};

const largest: Run = (values, out, size, from, step, to, stride) => {
  let best = values[from]!;
  for (let i = 0; i < size; i++) out[to + i * stride] = best = Math.max(best, values[from + i * step]!);
};

const smallest: Run = (values, out, size, from, step, to, stride) => {
  let best = values[from]!;
  for (let i = 0; i < size; i++) out[to + i * stride] = best = Math.min(best, values[from + i * step]!);
};

function runOf(combiner: Combiner, dtype: DType): Run {
  if (combiner !== "sum") return combiner === "max" ? largest : smallest;
  if (dtype === "bool") return largest;
  return dtype === "int32" || dtype === "uint32" ? addIntegers : addFloats;
}

export const cumulative: Implementation<"cumulative"> = ({ combiner, axis, reverse }, inputs, output, machine) => {
  const x = inputs[0]!;
  const whole = contiguous(x.shape);
  const [size, step, stride] = [x.shape[axis]!, x.strides[axis]!, whole.strides[axis]!];
  if (size === 0) return;
  const [values, out] = [machine.array(x), elements(machine, output)];
  const run = runOf(combiner, x.dtype);
  const last = size - 1;
  forEachElement(x.shape.with(axis, 1), [x, whole], ([from, to]) => {
    if (reverse) run(values, out, size, from! + last * step, -step, to! + last * stride, -stride);
    else run(values, out, size, from!, step, to!, stride);
  });
};
