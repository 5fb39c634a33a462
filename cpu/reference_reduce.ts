/** The reference's kernels along axes: reductions, positions of extremes, running sums, sorting. */

import { type DType, highest, lowest, type TypedArray } from "../ops/dtype.ts";
import type { Combiner } from "../ops/kernel.ts";
import { contiguous, type Shape, sizeOf, type Strided } from "../ops/shape.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import { compileScalar } from "./reference_scalar.ts";
import { forEachElement } from "./reference_walk.ts";

/** What a reduction starts from, and the result for no elements. */
export function identityOf(combiner: Combiner, dtype: DType): number {
  return combiner === "sum" ? 0 : combiner === "max" ? lowest(dtype) : highest(dtype);
}

/** Joins a running result with one more element. Float sums are kept in float64: the final store rounds them once. */
export function combine(combiner: Combiner, dtype: DType): (result: number, element: number) => number {
  if (combiner === "max") return (a, b) => Math.max(a, b);
  if (combiner === "min") return (a, b) => Math.min(a, b);
  switch (dtype) {
    case "int32":
      return (a, b) => (a + b) | 0;
    case "uint32":
      return (a, b) => (a + b) >>> 0;
    case "bool":
      return (a, b) => a | b;
    default:
      return (a, b) => a + b;
  }
}

/** Whether an element takes the place of the extreme found so far: the first NaN beats everything. */
export function beats(extreme: "max" | "min"): (element: number, best: number) => boolean {
  return extreme === "max"
    ? (x, best) => x > best || (x !== x && best === best)
    : (x, best) => x < best || (x !== x && best === best);
}

/** The elements of a row-major operand, to be written. */
export function elements(machine: Machine, output: Operand): TypedArray {
  return machine.array(output).subarray(output.offset, output.offset + sizeOf(output.shape));
}

/** Results that elements are joined to one by one. */
export interface Totals {
  add(at: number, element: number): void;
  /** To be called in the end. */
  finish(): Float64Array;
}

/** So many results of elements of a dtype. */
export function totalsOf(combiner: Combiner, dtype: DType, count: number): Totals {
  const results = new Float64Array(count).fill(identityOf(combiner, dtype));
  const join = combine(combiner, dtype);
  if (combiner !== "sum" || dtype !== "float64") {
    return { add: (at, x) => void (results[at] = join(results[at]!, x)), finish: () => results };
  }
  const lost = new Float64Array(count);
  return {
    add(at, x) {
      const before = results[at]!;
      results[at] = before + x;
      lost[at]! += roundedOff(before, x, results[at]!);
    },
    // What infinite sums have lost is no number.
    finish: () => results.map((sum, i) => sum + (Number.isFinite(lost[i]!) ? lost[i]! : 0)),
  };
}

export const reduce: Implementation<"reduce"> = ({ combiner, axes, body }, inputs, output, machine) => {
  const { shape } = inputs[0]!;
  const totals = totalsOf(combiner, output.dtype, sizeOf(output.shape));
  const evaluate = compileScalar(body, inputs.map((x) => machine.array(x)));
  const n = inputs.length;
  forEachElement(shape, [...inputs, reduced(shape, axes)], (offsets, index) => {
    totals.add(offsets[n]!, evaluate(offsets, index));
  });
  elements(machine, output).set(totals.finish());
};

/**
 * What a sum of two numbers lost as it was rounded, exactly: sums in float64, for which there is no wider type to keep
 * them in, add it up and then add it. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen"
 * (Zeitschrift für angewandte Mathematik und Mechanik 54, 1974).
 */
function roundedOff(a: number, b: number, sum: number): number {
  return Math.abs(a) >= Math.abs(b) ? a - sum + b : b - sum + a;
}

/** Row-major results as the elements that they come from see them: still along the reduced axes. */
function reduced(shape: Shape, axes: readonly number[]): Strided {
  const { strides } = contiguous(shape.map((n, axis) => axes.includes(axis) ? 1 : n));
  return { shape, strides: strides.map((stride, axis) => axes.includes(axis) ? 0 : stride), offset: 0 };
}

export const argReduce: Implementation<"argReduce"> = ({ extreme, axis }, inputs, output, machine) => {
  const x = inputs[0]!;
  const [size, stride] = [x.shape[axis]!, x.strides[axis]!];
  const [values, out] = [machine.array(x), elements(machine, output)];
  const wins = beats(extreme);
  let line = 0;
  forEachElement(x.shape.with(axis, 1), [x], ([start]) => {
    let best = 0;
    for (let i = 1; i < size; i++) if (wins(values[start! + i * stride]!, values[start! + best * stride]!)) best = i;
    out[line++] = best;
  });
};

export const cumulative: Implementation<"cumulative"> = ({ combiner, axis, reverse }, inputs, output, machine) => {
  const x = inputs[0]!;
  const [size, stride, outStride] = [x.shape[axis]!, x.strides[axis]!, contiguous(x.shape).strides[axis]!];
  const [values, out] = [machine.array(x), elements(machine, output)];
  const join = combine(combiner, x.dtype);
  forEachElement(x.shape.with(axis, 1), [x, contiguous(x.shape)], ([start, outStart]) => {
    let result = identityOf(combiner, x.dtype);
    for (let n = 0; n < size; n++) {
      const i = reverse ? size - 1 - n : n;
      result = join(result, values[start! + i * stride]!);
      out[outStart! + i * outStride] = result;
    }
  });
};

export const argsort: Implementation<"argsort"> = ({ descending }, inputs, output, machine) => {
  const x = inputs[0]!;
  const axis = x.shape.length - 1;
  const [size, stride] = [x.shape[axis]!, x.strides[axis]!];
  const [values, out] = [machine.array(x), elements(machine, output)];
  const line = new Float64Array(size);
  const order = new Int32Array(size);
  let at = 0;
  forEachElement(x.shape.with(axis, 1), [x], ([start]) => {
    for (let i = 0; i < size; i++) {
      line[i] = values[start! + i * stride]!;
      order[i] = i;
    }
    order.sort((i, j) => {
      const [a, b] = [line[i]!, line[j]!];
      if (a < b) return descending ? 1 : -1;
      if (a > b) return descending ? -1 : 1;
      // Equal, or at least one NaN: NaN goes last. JavaScript's sort is stable.
      return Number(a !== a) - Number(b !== b);
    });
    out.set(order, at);
    at += size;
  });
};
