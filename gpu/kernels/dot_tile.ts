/** Contractions of few rows or columns along a long depth: the threads of a workgroup share the terms of a few sums. */

import type { Dispatch, Machine } from "../kernel.ts";
import { grid, groupNumber, ShaderWriter } from "../writer.ts";
import {
  asSum,
  type Contraction,
  type Factor,
  firstDepth,
  inFours,
  isDeep,
  multiplyAdd,
  sizesOf,
  sumType,
} from "./contraction.ts";
import { storeTile } from "./finish.ts";
import { sizeOf } from "../../ops/shape.ts";

/** The sums of a workgroup. */
export interface DotTile {
  readonly rows: number;
  readonly columns: number;
}

const threads = 64;

/** At least one of the operands must be read in vectors along the depth. */
export function dotTile(contraction: Contraction, { rows, columns }: DotTile, machine: Machine): Dispatch {
  const writer = new ShaderWriter({ ...machine, parametric: true });
  const { shapes, a, b, output } = contraction;
  const { dtype } = output.x.type;
  const type = sumType(dtype);
  const sizes = sizesOf(contraction);
  const rowTiles = Math.ceil(sizes.rows / rows);
  const columnTiles = Math.ceil(sizes.columns / columns);
  const count = rowTiles * columnTiles * sizes.batch;
  const batch = writer.unravel("matrix", shapes.batch);
  const sums = Array.from({ length: rows * columns }, (_, n) => `s${Math.floor(n / columns)}_${n % columns}`);
  writer.declare(`var<workgroup> partial: array<${type}, ${threads * sums.length}>;`);

  const fours = writer.unravel("(k / 4u)", shapes.depth.with(-1, shapes.depth.at(-1)! / 4));
  const singles = writer.unravel("k", shapes.depth);
  const start: string[] = [];

  /** Statements that load what an operand has for four terms, as `a0`, `a1` and so on. */
  function load(factor: Factor, kind: "rows" | "columns", name: string, first: string, size: number): string[] {
    const isVector = isDeep(contraction, factor);
    const { strides, offset } = isVector ? inFours(factor, "depth") : factor;
    const access = writer.reads(factor.x, isVector ? 4 : 1);
    const last = `${writer.number(sizes[kind])} - 1u`;
    return Array.from({ length: size }, (_, n) => {
      const own = writer.unravel(`${name}At${n}`, shapes[kind]);
      const position = writer.position(
        { strides: [...strides.batch, ...strides[kind]], offset },
        [...batch.indices, ...own.indices],
      );
      start.push(`let ${name}At${n} = min(${first} + ${n}u, ${last});`, own.statements);
      start.push(`let ${name}From${n} = ${position};`);
      const along = writer.position({ strides: strides.depth, offset: 0 }, (isVector ? fours : singles).indices);
      if (isVector) return `let ${name}${n} = ${asSum(dtype, 4, access.load(`${name}From${n} + ${along}`))};`;
      // All four lie on the last axis, as they do of the other operand.
      const step = writer.number(strides.depth.at(-1)!);
      const elements = [0, 1, 2, 3].map((k) =>
        asSum(dtype, 1, access.load(`${name}From${n} + ${along} + ${k}u * ${step}`))
      );
      return `let ${name}${n} = vec4(${elements.join(", ")});`;
    });
  }

  const loads = [
    ...load(a, "rows", "a", "row", rows),
    ...load(b, "columns", "w", "column", columns),
  ];
  const products = sums.flatMap((sum, n) => {
    const [i, j] = [Math.floor(n / columns), n % columns];
    return [..."xyzw"].map((lane) => `${sum} = ${multiplyAdd(dtype, sum, `a${i}.${lane}`, `w${j}.${lane}`)};`);
  });
  const body = [
    `let tile = ${groupNumber};`,
    `if (tile >= ${writer.number(count)}) { return; }`,
    `let rowTile = tile / ${writer.number(columnTiles)};`,
    `let matrix = rowTile / ${writer.number(rowTiles)};`,
    `let row = (rowTile % ${writer.number(rowTiles)}) * ${rows}u;`,
    `let column = (tile % ${writer.number(columnTiles)}) * ${columns}u;`,
    batch.statements,
    `let depth = ${firstDepth(writer, contraction, batch.indices)} * ${writer.number(sizeOf(shapes.depth.slice(1)))};`,
    ...start,
    ...sums.map((sum) => `var ${sum} = ${type}();`),
    `for (var k = 4u * thread; k < depth; k += ${4 * threads}u) {`,
    fours.statements,
    singles.statements,
    ...loads,
    ...products,
    "}",
    ...sums.map((sum, n) => `partial[${n * threads}u + thread] = ${sum};`),
    `for (var reach = ${threads / 2}u; reach > 0u; reach /= 2u) {`,
    "workgroupBarrier();",
    "if (thread < reach) {",
    ...sums.map((_, n) => {
      const [at, from] = [`partial[${n * threads}u + thread]`, `partial[${n * threads}u + thread + reach]`];
      return `${at} = ${at} ${dtype === "bool" ? "|" : "+"} ${from};`;
    }),
    "}",
    "}",
    "if (thread == 0u) {",
    storeTile(
      writer,
      contraction,
      { batch: batch.indices, row: "row", column: "column", rows, vectors: columns, width: 1, step: 1 },
      sums.map((_, n) => `partial[${n * threads}u]`),
    ),
    "}",
  ];
  const text = body.filter((line) => line !== "").join("\n");
  return writer.finish("contraction", threads, grid(count, machine), text);
}
