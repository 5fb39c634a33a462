/**
 * Reductions, one axis at a time: what remains is reduced again. A long axis is cut into parts, whose results are one
 * more axis. Threads that share a result join what they have in shared memory.
 */

import type { Dispatch, Generator, Machine } from "../kernel.ts";
import { foldOf, partialType, withoutEntry } from "./fold.ts";
import { writeMap } from "./map.ts";
import { rowDomain, strideOfRows } from "./row_domain.ts";
import { reductionWork } from "./row_work.ts";
import { RowWriter } from "./rows.ts";
import type { Place } from "../../jit/place.ts";
import { type DType, highest, lowest } from "../../ops/dtype.ts";
import type { Combiner } from "../../ops/kernel.ts";
import { constant, input, type Scalar } from "../../ops/scalar.ts";
import { type Shape, sizeOf } from "../../ops/shape.ts";

export const reduce: Generator<"reduce"> = ({ combiner, axes, body }, inputs, outputs, machine) =>
  writeReduction(
    { combiner, dtype: body.dtype, body, ofPartials: false },
    inputs[0]!.shape,
    axes,
    inputs,
    outputs[0]!,
    machine,
  );

/** What is reduced, and with what. */
export interface Reduction {
  readonly combiner: Combiner;
  /** Of the result. */
  readonly dtype: DType;
  readonly body: Scalar;
  /** Whether what is reduced are running results of a part. */
  readonly ofPartials: boolean;
}

/** A reduction over axes of a domain, in which the inputs lie. */
export function writeReduction(
  reduction: Reduction,
  shape: Shape,
  axes: readonly number[],
  inputs: readonly Place[],
  output: Place,
  machine: Machine,
  mayTakeFours = true,
): readonly Dispatch[] {
  const { combiner, dtype, body, ofPartials } = reduction;
  if (sizeOf(shape) === 0) return writeMap([constant(neutral(combiner, dtype), dtype)], [], [output], machine);
  const { domain, left } = rowDomain(shape, axes, inputs, [body]);
  const work = reductionWork(domain, machine, mayTakeFours);
  const others = domain.shape.toSpliced(domain.axis, 1);
  const results = work.parts > 1 ? [work.parts, ...others] : others;
  const stillLeft = left.map((a) => a > domain.axis ? a - 1 : a);
  const axesAfter = work.parts > 1 ? [0, ...stillLeft.map((a) => a + 1)] : stillLeft;
  const isLast = axesAfter.length === 0;
  const target = isLast ? output : machine.temporary({ dtype: partialType(combiner, dtype), shape: results });

  const rows = new RowWriter(domain, inputs, work, machine, 0);
  const fold = foldOf(combiner, dtype, rows.writer.functions);
  const [running] = rows.pass([{ body, fold: ofPartials ? withoutEntry(fold) : fold }], []);
  rows.storeResult(isLast ? rows.leave(fold, running!) : running!, target, strideOfRows(domain));
  const first = rows.finish("reduce");
  // What is read both by one and by four is bound twice.
  if (mayTakeFours && first.bindings.length > machine.limits.buffers) {
    return writeReduction(reduction, shape, axes, inputs, output, machine, false);
  }
  if (isLast) return [first];
  const rest: Reduction = { ...reduction, body: input(0, target.type.dtype), ofPartials: true };
  return [first, ...writeReduction(rest, results, axesAfter, [target], output, machine)];
}

/** What a reduction of no elements gives. */
export function neutral(combiner: Combiner, dtype: DType): number {
  return combiner === "sum" ? 0 : combiner === "max" ? lowest(dtype) : highest(dtype);
}
