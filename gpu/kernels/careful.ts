/**
 * Sums whose terms are partly padding. A zero of the padding times an infinite element would be NaN where the term is to
 * be left out, so that sums which are NaN are computed again, one term after another.
 */

import {
  asSum,
  type Contraction,
  type Factor,
  firstDepth,
  multiplyAdd,
  type Parts,
  type PerKind,
} from "./contraction.ts";
import type { ShaderWriter } from "../writer.ts";
import { rowMajor, type Shape, sizeOf } from "../../ops/shape.ts";

/** The contraction before axes were merged and operands copied, and which terms of it there are. */
export interface Padding {
  readonly shapes: PerKind<Shape>;
  readonly a: Factor;
  readonly b: Factor;
  readonly cells: readonly Cell[];
}

/** A term is there if `start + row · rowStep + depth · depthStep` is one of 0 to `size − 1`, for each of these. */
export interface Cell {
  readonly rowAxis: number;
  readonly rowStep: number;
  readonly depthAxis: number;
  readonly depthStep: number;
  readonly start: number;
  readonly size: number;
}

/** The first index along the axis that was cut, all axes before it being a part of it. */
function firstPart(
  writer: ShaderWriter,
  shapes: PerKind<Shape>,
  { axis, whole }: Parts,
  batch: readonly string[],
): string {
  const before = rowMajor(shapes.batch.slice(0, axis)).map((stride) => stride * whole);
  return writer.position({ strides: [...before, shapes.depth[0]!], offset: 0 }, batch.slice(0, axis + 1));
}

/** Statements that compute a sum of floats again if it is NaN: `sum` is a variable. */
export function repair(
  writer: ShaderWriter,
  contraction: Contraction,
  batch: readonly string[],
  row: string,
  column: string,
  sum: string,
): string {
  const { output: { x: { type: { dtype } } }, shapes: given, parts } = contraction;
  const { shapes, a, b, cells } = contraction.padding!;
  const matrix = [batch.at(-1)!];
  const rows = writer.unravel(row, shapes.rows);
  const columns = writer.unravel(column, shapes.columns);
  const inner = writer.number(sizeOf(given.depth.slice(1)));
  const from = parts === null ? "0u" : `(${firstPart(writer, given, parts, batch)}) * ${inner}`;
  const at = writer.unravel("term", shapes.depth);
  const isThere = cells.map(({ rowAxis, rowStep, depthAxis, depthStep, start, size }) => {
    const indices = [rows.indices[rowAxis]!, at.indices[depthAxis]!];
    const cell = writer.position({ strides: [rowStep, depthStep], offset: start }, indices);
    return `(${cell}) < ${writer.number(size)}`;
  });
  const load = ({ x, strides, offset }: Factor): string => {
    const all = [...strides.batch, ...strides.rows, ...strides.columns, ...strides.depth];
    const position = writer.position({ strides: all, offset }, [
      ...matrix,
      ...rows.indices,
      ...columns.indices,
      ...at.indices,
    ]);
    return asSum(dtype, 1, writer.reads(x).load(position));
  };
  return [
    `if (${writer.functions.use("isNaN_f32")}(${sum})) {`,
    rows.statements,
    columns.statements,
    `${sum} = 0.0f;`,
    `let firstTerm = ${from};`,
    `let lastTerm = firstTerm + ${firstDepth(writer, contraction, batch)} * ${inner};`,
    `for (var term = firstTerm; term < lastTerm; term++) {`,
    at.statements,
    `if (${isThere.join(" && ")}) {`,
    `${sum} = ${multiplyAdd(dtype, sum, load(a), load(b))};`,
    "}",
    "}",
    "}",
  ].filter((line) => line !== "").join("\n");
}
