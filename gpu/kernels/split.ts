/** Sums on the way: of tiles that are stored as they are, of parts of the depth side by side, and what finishes both. */

import { type Dispatch, type Machine, mostTurns } from "../kernel.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import { repair } from "./careful.ts";
import { type Contraction, type Factor, partialType, type Room, sizesOf, sumType, takesFours } from "./contraction.ts";
import { storeTile } from "./finish.ts";
import type { Place } from "../../jit/place.ts";
import { rowMajor, type Shape, sizeOf } from "../../ops/shape.ts";

/** Where a depth is cut: its axes before `level` are taken apart, and that one into parts of so many. */
export interface Cut {
  readonly level: number;
  readonly part: number;
}

/** Has a depth cut into so many parts, and into more where a loop would turn too often; null if it stays whole. */
export function cutOf(depth: Shape, parts: number): Cut | null {
  let level = 0;
  while (turnsOf(depth.slice(level + 1)) >= mostTurns) level++;
  const most = Math.floor(mostTurns / (1 + turnsOf(depth.slice(level + 1))));
  const wanted = Math.ceil(depth[level]! / Math.ceil(parts / sizeOf(depth.slice(0, level))));
  // Fours of the depth stay together.
  const unit = level === depth.length - 1 ? 4 : 1;
  const part = Math.min(unit * Math.ceil(wanted / unit), Math.max(1, most - most % unit));
  return level === 0 && part >= depth[0]! ? null : { level, part };
}

/** Turns of nested loops. */
function turnsOf(shape: Shape): number {
  return shape.reduceRight((turns, size) => size * (1 + turns), 0);
}

/** A contraction whose sums lie in a place of their own, `[…parts and batch, row, column]`, and what finishes them. */
export interface Unfinished {
  readonly contraction: Contraction;
  readonly finish: readonly Dispatch[];
}

/** There is room for whole tiles. Whoever computes the sums leaves the care for padding to `finish` if `isBare`. */
export function unfinished(
  contraction: Contraction,
  cut: Cut | null,
  tile: Room,
  isBare: boolean,
  machine: Machine,
): Unfinished {
  const { shapes, a, b, output, padding } = contraction;
  const sizes = sizesOf(contraction);
  const { level, part } = cut ?? { level: 0, part: 0 };
  const leading = cut === null ? [] : [...shapes.depth.slice(0, level), Math.ceil(shapes.depth[level]! / part)];
  const count = sizeOf(leading);
  const rows = tile.rows * Math.ceil(sizes.rows / tile.rows);
  const columns = tile.columns * Math.ceil(sizes.columns / tile.columns);
  const x = machine.temporary({
    dtype: partialType(output.x.type.dtype),
    shape: [count, sizes.batch, rows, columns],
  });
  const batch = [...leading, ...shapes.batch];
  const strides = {
    batch: rowMajor(batch).map((stride) => stride * rows * columns),
    rows: rowMajor(shapes.rows).map((stride) => stride * columns),
    columns: rowMajor(shapes.columns),
    depth: shapes.depth.slice(level).map(() => 0),
  };
  const ofPart = (factor: Factor): Factor => {
    if (cut === null) return factor;
    const { batch, depth } = factor.strides;
    const first = [...depth.slice(0, level), part * depth[level]!];
    return { ...factor, strides: { ...factor.strides, batch: [...first, ...batch], depth: depth.slice(level) } };
  };
  const some: Contraction = {
    shapes: cut === null ? shapes : { ...shapes, batch, depth: [part, ...shapes.depth.slice(level + 1)] },
    a: ofPart(a),
    b: ofPart(b),
    output: { x, offset: 0, strides, room: { rows, columns } },
    epilogue: undefined,
    others: [],
    parts: cut === null ? null : { axis: level, whole: shapes.depth[level]! },
    padding,
  };
  const isCareful = isBare && padding !== null && sumType(output.x.type.dtype) === "f32";
  const repairs = isCareful && cut !== null ? [repairParts(some, x, machine)] : [];
  const last = { ...contraction, padding: isCareful && cut === null ? padding : null };
  return {
    contraction: { ...some, padding: isBare ? null : padding },
    finish: [...repairs, finishSums(last, x, machine)],
  };
}

/** A thread for each sum of a part: a loop over all terms may turn too often. */
function repairParts(contraction: Contraction, x: Place, machine: Machine): Dispatch {
  const writer = new ShaderWriter({ ...machine, parametric: true });
  const { batch, rows, columns } = sizesOf(contraction);
  return forEachElement(writer, machine, "care of padding", [batch, rows, columns], (_, [matrix, row, column]) => {
    const of = writer.unravel(matrix!, contraction.shapes.batch);
    const [, , rowStride, columnStride] = x.strides;
    const strides = [x.shape[2]! * rowStride!, rowStride!, columnStride!];
    const access = writer.writes(x);
    return [
      of.statements,
      `let spot = ${writer.position({ strides, offset: 0 }, [matrix!, row!, column!])};`,
      `var sum = ${access.load("spot")};`,
      repair(writer, contraction, of.indices, row!, column!, "sum"),
      access.store("spot", "sum"),
    ].filter((line) => line !== "").join("\n");
  });
}

/** A thread for each element of the output, or for four. */
function finishSums(contraction: Contraction, sums: Place, machine: Machine): Dispatch {
  const writer = new ShaderWriter({ ...machine, parametric: true });
  const { output, shapes, padding } = contraction;
  const { dtype } = output.x.type;
  const { batch, rows, columns, depth } = sizesOf(contraction);
  const count = sums.shape[0]!;
  const mayTakeFours = padding === null || 4 * depth < mostTurns;
  const width = mayTakeFours && takesFours(output, "columns", shapes.columns) ? 4 : 1;
  const label = count === 1 ? "sums" : "sum of parts";
  return forEachElement(writer, machine, label, [batch, rows, columns / width], (_, [matrix, row, column]) => {
    const type = width === 1 ? sumType(dtype) : `vec4<${sumType(dtype)}>`;
    const of = writer.unravel(matrix!, shapes.batch);
    const strides = sums.strides.map((stride, axis) => axis === 3 ? 1 : stride / width);
    const at = writer.position({ strides, offset: 0 }, [count === 1 ? "0u" : "part", matrix!, row!, column!]);
    const loaded = writer.reads(sums, width).load(at);
    const add = count === 1 ? [`let sum = ${loaded};`] : [
      `var sum = ${type}();`,
      `for (var part = 0u; part < ${writer.number(count)}; part++) {`,
      `sum = sum ${dtype === "bool" ? "|" : "+"} ${loaded};`,
      "}",
    ];
    const tile = { batch: of.indices, row: row!, rows: 1, vectors: 1, width, step: width } as const;
    return [
      of.statements,
      ...add,
      `let column = ${column} * ${width}u;`,
      storeTile(writer, contraction, { ...tile, column: "column" }, ["sum"]),
    ].filter((line) => line !== "").join("\n");
  });
}
