/** Contractions by tiles in registers alone: each thread loads what it multiplies, and threads know nothing of others. */

import type { Dispatch, Machine } from "../kernel.ts";
import { grid, groupNumber, ShaderWriter } from "../writer.ts";
import {
  asSum,
  type Contraction,
  type Factor,
  firstDepth,
  inFours,
  isDeep as readsDeep,
  multiplyAdd,
  sizesOf,
  sumType,
  takesFours,
} from "./contraction.ts";
import { storeTile } from "./finish.ts";
import { sizeOf } from "../../ops/shape.ts";

/** Rows and columns of a thread; columns are 1, or fours. */
export interface TileShape {
  readonly rows: number;
  readonly columns: number;
  /** Threads of a workgroup along rows and along columns. */
  readonly threads: readonly [rows: number, columns: number];
}

/** Whole tiles are stored as they are, where there is room for them: the output is `[batch, row, column]` without gaps. */
export function registerTile(
  contraction: Contraction,
  tile: TileShape,
  isWhole: boolean,
  machine: Machine,
): Dispatch {
  // Compiling takes long, and constants would help little.
  const writer = new ShaderWriter({ ...machine, parametric: true });
  const { shapes, a, b, output } = contraction;
  const { dtype } = output.x.type;
  const sizes = sizesOf(contraction);
  const [threadRows, threadColumns] = tile.threads;
  const rowTiles = Math.ceil(sizes.rows / (tile.rows * threadRows));
  const columnTiles = Math.ceil(sizes.columns / (tile.columns * threadColumns));
  const count = rowTiles * columnTiles * sizes.batch;
  const batch = writer.unravel("matrix", shapes.batch, "batch");

  const width = tile.columns === 1 ? 1 : 4;
  const vectors = tile.columns / width;
  const rowsOfA = sideOf(writer, contraction, a, "rows", tile.rows, batch.indices);
  const columnsOfB = sideOf(writer, contraction, b, "columns", tile.columns, batch.indices);
  const steps = rowsOfA.isDeep || columnsOfB.isDeep ? 4 : 1;
  const type = width === 1 ? sumType(dtype) : `vec4<${sumType(dtype)}>`;

  const inner = [...rowsOfA.loadAll, ...columnsOfB.loadAll];
  for (let step = 0; step < steps; step++) {
    inner.push(...rowsOfA.load(step), ...columnsOfB.load(step));
    const factors = range(vectors).map((j) => {
      if (width === 1) return columnsOfB.element(0, step);
      const name = writer.names.fresh("w");
      inner.push(`let ${name} = ${columnsOfB.vector(j, step)};`);
      return name;
    });
    for (let i = 0; i < tile.rows; i++) {
      const element = rowsOfA.element(i, step);
      const factor = width === 1 ? element : `${type}(${element})`;
      factors.forEach((w, j) => inner.push(`s${i}_${j} = ${multiplyAdd(dtype, `s${i}_${j}`, factor, w)};`));
    }
  }

  const last = shapes.depth.length - 1;
  const sizesOfLoops = shapes.depth.map((size, level) => level === 0 ? "depth" : writer.number(size, `depth ${level}`));
  const loops = shapes.depth.reduceRight((text, _, level) => {
    const step = level === last ? steps : 1;
    const lines = [rowsOfA.advance(level), columnsOfB.advance(level), text];
    return `for (var k${level} = 0u; k${level} < ${sizesOfLoops[level]}; k${level} += ${step}u) {\n${
      lines.join("\n")
    }\n}`;
  }, inner.join("\n"));

  const sums = range(tile.rows).flatMap((i) => range(vectors).map((j) => `s${i}_${j}`));
  const at = {
    batch: batch.indices,
    row: "row",
    column: "column",
    rows: tile.rows,
    vectors,
    width,
    step: width,
  } as const;
  const down = { tiles: writer.number(rowTiles, "row tiles"), threads: writer.number(threadRows, "thread rows") };
  const across = {
    tiles: writer.number(columnTiles, "column tiles"),
    threads: writer.number(threadColumns, "thread columns"),
  };
  const body = [
    `let tile = ${groupNumber};`,
    `if (tile >= ${writer.number(count, "tiles")}) { return; }`,
    `let rowTile = tile / ${across.tiles};`,
    `let matrix = rowTile / ${down.tiles};`,
    `let column = ((tile % ${across.tiles}) * ${across.threads} + thread % ${across.threads}) * ${tile.columns}u;`,
    `let row = ((rowTile % ${down.tiles}) * ${down.threads} + thread / ${across.threads}) * ${tile.rows}u;`,
    `if (row >= ${writer.number(sizes.rows, "rows")} || column >= ${
      writer.number(sizes.columns, "columns")
    }) { return; }`,
    batch.statements,
    `let depth = ${firstDepth(writer, contraction, batch.indices)};`,
    ...rowsOfA.start,
    ...columnsOfB.start,
    ...sums.map((sum) => `var ${sum} = ${type}();`),
    loops,
    isWhole ? storeWhole(writer, contraction, tile, sums) : storeTile(writer, contraction, at, sums),
  ];
  const text = body.filter((line) => line !== "").join("\n");
  return writer.finish("contraction", threadRows * threadColumns, grid(count, machine), text);
}

function storeWhole(
  writer: ShaderWriter,
  contraction: Contraction,
  tile: TileShape,
  sums: readonly string[],
): string {
  const { x, room } = contraction.output;
  const { rows, columns } = room ?? sizesOf(contraction);
  const width = tile.columns === 1 ? 1 : 4;
  const access = writer.writes(x, width);
  return [
    `let across = ${writer.number(columns / width, "across")};`,
    `let place = (matrix * ${writer.number(rows, "all rows")} + row) * across + column / ${width}u;`,
    ...sums.map((sum, n) => {
      const [i, j] = [Math.floor(n * width / tile.columns), n % (tile.columns / width)];
      return access.store(`place + ${i}u * across + ${j}u`, sum);
    }),
  ].join("\n");
}

/** One of the two operands, as a thread reads it. */
interface Side {
  /** Whether four elements along the depth are loaded at once. */
  readonly isDeep: boolean;
  /** Statements before the loops over the depth. */
  readonly start: readonly string[];
  /** A statement at the beginning of a loop. */
  advance(level: number): string;
  /** Statements in the innermost loop, for all steps. */
  readonly loadAll: readonly string[];
  /** Statements, for one step. */
  load(step: number): readonly string[];
  element(n: number, step: number): string;
  /** Elements 4j to 4j + 3. */
  vector(j: number, step: number): string;
}

function sideOf(
  writer: ShaderWriter,
  contraction: Contraction,
  factor: Factor,
  kind: "rows" | "columns",
  count: number,
  batch: readonly string[],
): Side {
  const { shapes } = contraction;
  const { dtype } = factor.x.type;
  const shape = factor.panels ?? shapes[kind];
  const name = kind === "rows" ? "a" : "b";
  const first = kind === "rows" ? "row" : "column";
  const isAcross = count % 4 === 0 && takesFours(factor, kind, shape);
  const isDeep = !isAcross && readsDeep(contraction, factor);
  const width = isAcross || isDeep ? 4 : 1;
  const { strides, offset } = isAcross ? inFours(factor, kind) : isDeep ? inFours(factor, "depth") : factor;
  const access = writer.reads(factor.x, width);

  const own = isAcross ? shape.with(-1, shape.at(-1)! / 4) : shape;
  const loads = isAcross ? count / 4 : count;
  const start = [`let ${name}Start = ${writer.position({ strides: strides.batch, offset }, batch, `${name} batch`)};`];
  for (let i = 0; i < loads; i++) {
    const from = isAcross ? `${first} / 4u` : first;
    const size = writer.number(sizeOf(own), `${name} size`);
    start.push(
      `let ${name}At${i} = ${i === 0 ? from : `min(${from} + ${i}u, ${size} - 1u)`};`,
    );
    const { statements, indices } = writer.unravel(`${name}At${i}`, own, name);
    start.push(
      statements,
      `let ${name}From${i} = ${name}Start + ${writer.position({ strides: strides[kind], offset: 0 }, indices, name)};`,
    );
  }
  // Parameters are slow to read in loops.
  const steps = strides.depth.map((stride, level) => {
    if (stride === 0) return "0u";
    start.push(`let ${name}Step${level} = ${writer.number(stride, `${name} step ${level}`)};`);
    return `${name}Step${level}`;
  });
  const last = shapes.depth.length - 1;
  const positionOf = (i: number, step: number): string =>
    step === 0 ? `${name}From${i} + ${name}K${last}` : `${name}From${i} + ${name}K${last} + ${step}u * ${steps[last]}`;
  const load = (i: number, step: number): string =>
    `let ${name}${i}_${step} = ${asSum(dtype, width, access.load(positionOf(i, step)))};`;
  const element = (n: number, step: number): string => {
    if (isDeep) return `${name}${n}_0.${"xyzw"[step]}`;
    return isAcross ? `${name}${n >> 2}_${step}.${"xyzw"[n & 3]}` : `${name}${n}_${step}`;
  };

  return {
    isDeep,
    start,
    advance(level) {
      const index = isDeep && level === last ? `k${level} / 4u` : `k${level} * ${steps[level]}`;
      return `let ${name}K${level} = ${level === 0 ? index : `${name}K${level - 1} + ${index}`};`;
    },
    loadAll: isDeep ? range(loads).map((i) => load(i, 0)) : [],
    load: (step) => isDeep ? [] : range(loads).map((i) => load(i, step)),
    element,
    vector(j, step) {
      if (isAcross) return `${name}${j}_${step}`;
      return `vec4(${[0, 1, 2, 3].map((lane) => element(4 * j + lane, step)).join(", ")})`;
    },
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
