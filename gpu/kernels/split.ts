/** Long sums of few products: parts of the depth are summed side by side, and then their sums. */

import type { Dispatch, Machine } from "../kernel.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import { type Contraction, type Factor, sizesOf, sumType } from "./contraction.ts";
import { storeTile } from "./finish.ts";
import type { Place } from "../../jit/place.ts";
import { rowMajor } from "../../ops/shape.ts";

/** The contraction as one whose batch first counts parts of the depth, and what sums these; null if it has one part. */
export function split(
  contraction: Contraction,
  parts: number,
  machine: Machine,
): { readonly parts: Contraction; readonly finish: Dispatch } | null {
  const { shapes, a, b, output } = contraction;
  const sizes = sizesOf(contraction);
  const whole = shapes.depth[0]!;
  // Fours of the depth stay together.
  const unit = shapes.depth.length === 1 ? 4 : 1;
  const part = unit * Math.ceil(whole / parts / unit);
  const count = Math.ceil(whole / part);
  if (count < 2) return null;
  const { dtype } = output.x.type;
  const x = machine.temporary({
    dtype: dtype === "float16" ? "float32" : dtype === "bool" ? "uint32" : dtype,
    shape: [count, sizes.batch, sizes.rows, sizes.columns],
  });
  const strides = {
    batch: [x.strides[0]!, ...rowMajor(shapes.batch).map((stride) => stride * x.strides[1]!)],
    rows: rowMajor(shapes.rows).map((stride) => stride * x.strides[2]!),
    columns: rowMajor(shapes.columns),
    depth: shapes.depth.map(() => 0),
  };
  const ofPart = (factor: Factor): Factor => {
    const { batch, depth } = factor.strides;
    return { ...factor, strides: { ...factor.strides, batch: [part * depth[0]!, ...batch] } };
  };
  return {
    parts: {
      shapes: { ...shapes, batch: [count, ...shapes.batch], depth: shapes.depth.with(0, part) },
      a: ofPart(a),
      b: ofPart(b),
      output: { x, offset: 0, strides },
      epilogue: undefined,
      others: [],
      whole,
      padding: contraction.padding,
    },
    finish: sumParts(contraction, x, machine),
  };
}

/** A thread for each sum, or for four. */
function sumParts(contraction: Contraction, partial: Place, machine: Machine): Dispatch {
  const writer = new ShaderWriter(machine);
  const [count, batch, rows, columns] = partial.shape as [number, number, number, number];
  const width = columns % 4 === 0 ? 4 : 1;
  const shape = [batch, rows, columns / width];
  return forEachElement(writer, machine, "sum of parts", shape, (at, [matrix, row, column]) => {
    const { dtype } = contraction.output.x.type;
    const type = width === 1 ? sumType(dtype) : `vec4<${sumType(dtype)}>`;
    const of = writer.unravel(matrix!, contraction.shapes.batch);
    const step = writer.number(batch * rows * columns / width);
    const part = writer.reads(partial, width).load(`${at} + part * step`);
    return [
      of.statements,
      `let row = ${row};`,
      `let column = ${column} * ${width}u;`,
      `let step = ${step};`,
      `var sum = ${type}();`,
      `for (var part = 0u; part < ${writer.number(count)}; part++) {`,
      `sum = sum ${dtype === "bool" ? "|" : "+"} ${part};`,
      "}",
      storeTile(
        writer,
        { ...contraction, padding: null },
        { batch: of.indices, row: "row", column: "column", rows: 1, vectors: 1, width, step: width },
        ["sum"],
      ),
    ].join("\n");
  });
}
