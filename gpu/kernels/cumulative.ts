/**
 * Running sums and extremes: a thread goes along a line, or along a part of one. What comes before each part is known
 * from the results of the parts, whose running results are computed first.
 */

import type { Dispatch, Generator, Machine } from "../kernel.ts";
import { foldOf, partialType, withoutEntry } from "./fold.ts";
import { rowDomain, strideOfRows } from "./row_domain.ts";
import { scanWork } from "./row_work.ts";
import { RowWriter } from "./rows.ts";
import type { Place } from "../../jit/place.ts";
import type { Combiner } from "../../ops/kernel.ts";
import type { DType } from "../../ops/dtype.ts";
import { input } from "../../ops/scalar.ts";

export const cumulative: Generator<"cumulative"> = ({ combiner, axis, reverse }, inputs, outputs, machine) => {
  const scan: Scan = { combiner, dtype: inputs[0]!.type.dtype, axis, isLast: true };
  const [x, out] = [inputs[0]!, outputs[0]!].map((place) => reverse ? reversed(place, axis) : place);
  return writeScan(scan, x!, out!, machine);
};

interface Scan {
  readonly combiner: Combiner;
  /** Of the results. */
  readonly dtype: DType;
  readonly axis: number;
  /** Whether results are given, or running results from running results. */
  readonly isLast: boolean;
}

/** The same elements, from the end of an axis on. */
function reversed(x: Place, axis: number): Place {
  const stride = x.strides[axis]!;
  return { ...x, offset: x.offset + (x.shape[axis]! - 1) * stride, strides: x.strides.with(axis, -stride) };
}

function writeScan(
  { combiner, dtype, axis, isLast }: Scan,
  x: Place,
  output: Place,
  machine: Machine,
): readonly Dispatch[] {
  const body = input(0, x.type.dtype);
  const { domain: { shape, strides: [ofInput, ofOutput], offsets, ...rest } } = rowDomain(
    x.shape,
    [axis],
    [x],
    [body],
    [
      output.strides,
    ],
  );
  const domain = { ...rest, shape, strides: [ofInput!, ofOutput!], offsets: [offsets[0]!, output.offset] };
  const work = scanWork(domain, machine);
  const rowStrides = strideOfRows(domain);
  const type = { dtype: partialType(combiner, dtype), shape: [work.parts, ...shape.toSpliced(domain.axis, 1)] };
  const before: Dispatch[] = [];
  let sums: Place | null = null;
  if (work.parts > 1) {
    const ofParts = machine.temporary(type);
    const rows = new RowWriter({ ...domain, strides: [ofInput!] }, [x], work, machine, 0);
    const fold = foldOf(combiner, dtype, rows.writer.functions);
    const [running] = rows.pass([{ body, fold: isLast ? fold : withoutEntry(fold) }], []);
    rows.storeResult(running!, ofParts, rowStrides);
    sums = machine.temporary(type);
    const ofSums: Scan = { combiner, dtype, axis: 0, isLast: false };
    before.push(rows.finish("cumulative"), ...writeScan(ofSums, ofParts, sums, machine));
  }
  const rows = new RowWriter(domain, [x], work, machine, 0);
  const given = foldOf(combiner, dtype, rows.writer.functions);
  const fold = isLast ? given : { ...withoutEntry(given), leave: (running: string) => running };
  const start = sums === null ? null : rows.loadBefore(sums, rowStrides, fold);
  rows.scan({ body, fold }, { body, place: output, strides: ofOutput! }, start);
  return [...before, rows.finish("cumulative")];
}
