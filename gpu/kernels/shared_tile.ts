/**
 * Contractions by tiles that a workgroup shares: its threads bring slices of both operands into shared memory, each in
 * blocks of four by four, and multiply what all have brought. The next slice is loaded while one is multiplied.
 */

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
  takesFours,
} from "./contraction.ts";
import { storeTile } from "./finish.ts";
import { type Shape, sizeOf } from "../../ops/shape.ts";

/** Rows and columns of a workgroup; each thread has 8 × 8 of them. */
export interface SharedTile {
  readonly rows: 64 | 128;
  readonly columns: 64 | 128;
}

/** Terms in shared memory at once. */
const slice = 16;
const perThread = 8;

export function sharedTile(contraction: Contraction, { rows, columns }: SharedTile, machine: Machine): Dispatch {
  const writer = new ShaderWriter({ ...machine, parametric: true });
  const { shapes, a, b, output } = contraction;
  const { dtype } = output.x.type;
  const sizes = sizesOf(contraction);
  const [acrossRows, acrossColumns] = [rows / perThread, columns / perThread];
  const threads = acrossRows * acrossColumns;
  const rowTiles = Math.ceil(sizes.rows / rows);
  const columnTiles = Math.ceil(sizes.columns / columns);
  const count = rowTiles * columnTiles * sizes.batch;
  const batch = writer.unravel("matrix", shapes.batch);
  const type = `vec4<${sumType(dtype)}>`;
  writer.declare(`var<workgroup> sharedA: array<${type}, ${slice * rows / 4}>;`);
  writer.declare(`var<workgroup> sharedB: array<${type}, ${slice * columns / 4}>;`);

  const blocks = [
    blockOf(writer, contraction, a, "rows", rows, "thread", batch.indices),
    // Where one has blocks for some of the threads alone, the last ones have those of B.
    blockOf(writer, contraction, b, "columns", columns, `(${threads - 1}u - thread)`, batch.indices),
  ];
  const sums = range(perThread).flatMap((i) => [0, 1].map((j) => `s${i}_${j}`));
  // Threads side by side read side by side: the vectors of a thread lie half a tile apart.
  const multiply = [
    ...[0, 1].map((half) => `let a${half} = sharedA[k * ${rows / 4}u + threadRow + ${half * acrossRows}u];`),
    ...[0, 1].map((half) => `let w${half} = sharedB[k * ${columns / 4}u + threadColumn + ${half * acrossColumns}u];`),
    ...range(perThread).flatMap((i) =>
      [0, 1].map((j) => {
        const sum = `s${i}_${j}`;
        return `${sum} = ${multiplyAdd(dtype, sum, `${type}(a${i >> 2}.${"xyzw"[i & 3]})`, `w${j}`)};`;
      })
    ),
  ];
  const tile = { batch: batch.indices, rows: 4, vectors: 2, width: 4, step: columns / 2, column: "column" } as const;
  const body = [
    `let tile = ${groupNumber};`,
    `if (tile >= ${writer.number(count)}) { return; }`,
    `let rowTile = tile / ${writer.number(columnTiles)};`,
    `let matrix = rowTile / ${writer.number(rowTiles)};`,
    `let firstRow = (rowTile % ${writer.number(rowTiles)}) * ${rows}u;`,
    `let firstColumn = (tile % ${writer.number(columnTiles)}) * ${columns}u;`,
    `let threadRow = thread / ${acrossColumns}u;`,
    `let threadColumn = thread % ${acrossColumns}u;`,
    batch.statements,
    `let depth = ${firstDepth(writer, contraction, batch.indices)} * ${writer.number(sizeOf(shapes.depth.slice(1)))};`,
    ...sums.map((sum) => `var ${sum} = ${type}();`),
    ...blocks.flatMap(({ start }) => start),
    "var begin = 0u;",
    ...blocks.map(({ load }) => load),
    "while (begin < depth) {",
    ...blocks.map(({ store }) => store),
    `begin += ${slice}u;`,
    "workgroupBarrier();",
    ...blocks.map(({ load }) => load),
    `for (var k = 0u; k < ${slice}u; k++) {`,
    ...multiply,
    "}",
    "workgroupBarrier();",
    "}",
    "let column = firstColumn + 4u * threadColumn;",
    ...[0, 1].flatMap((half) => [
      `let row${half} = firstRow + 4u * threadRow + ${half * rows / 2}u;`,
      storeTile(writer, contraction, { ...tile, row: `row${half}` }, sums.slice(8 * half, 8 * half + 8)),
    ]),
  ];
  const text = body.filter((line) => line !== "").join("\n");
  return writer.finish("contraction", threads, grid(count, machine), text);
}

/** The blocks of four by four that threads bring of an operand, one each, as far as there are some. */
interface Block {
  /** Statements before the loop. */
  readonly start: readonly string[];
  /** Brings a block of the slice that begins at `begin` to registers; zeros beyond the depth. */
  readonly load: string;
  /** Brings it to shared memory. */
  readonly store: string;
}

function blockOf(
  writer: ShaderWriter,
  contraction: Contraction,
  factor: Factor,
  kind: "rows" | "columns",
  size: number,
  number: string,
  batch: readonly string[],
): Block {
  const { shapes } = contraction;
  const { dtype } = factor.x.type;
  const shape = shapes[kind];
  const name = kind === "rows" ? "a" : "b";
  const isAcross = takesFours(factor, kind, shape);
  const deep = !isAcross && isDeep(contraction, factor);
  const width = isAcross || deep ? 4 : 1;
  const { strides, offset } = isAcross ? inFours(factor, kind) : deep ? inFours(factor, "depth") : factor;
  const access = writer.reads(factor.x, width);
  const type = sumType(dtype);

  // Neighbours read on where a neighbour ends.
  const [own, term] = deep
    ? [`${name}Block / ${slice / 4}u`, `${name}Block % ${slice / 4}u`]
    : [`${name}Block % ${size / 4}u`, `${name}Block / ${size / 4}u`];
  const start = [
    `let ${name}Block = ${number};`,
    `let ${name}Own = ${own};`,
    `let ${name}Term = 4u * (${term});`,
    `let ${name}Start = ${writer.position({ strides: strides.batch, offset }, batch)};`,
    ...range(4).map((k) => `var ${name}Next${k} = vec4<${type}>();`),
  ];
  const first = kind === "rows" ? "firstRow" : "firstColumn";
  const inside: Shape = isAcross ? shape.with(-1, shape.at(-1)! / 4) : shape;
  const reads = isAcross ? 1 : 4;
  for (let i = 0; i < reads; i++) {
    const at = isAcross ? `${first} / 4u + ${name}Own` : `${first} + 4u * ${name}Own + ${i}u`;
    const { statements, indices } = writer.unravel(`${name}At${i}`, inside);
    start.push(
      // What lies beyond the last row or column is not stored.
      `let ${name}At${i} = min(${at}, ${writer.number(sizeOf(inside))} - 1u);`,
      statements,
      `let ${name}From${i} = ${name}Start + ${writer.position({ strides: strides[kind], offset: 0 }, indices)};`,
    );
  }

  /** The position that a term adds to all reads. */
  function ofTerm(term: string): { readonly statements: string; readonly position: string } {
    const shape = deep ? shapes.depth.with(-1, shapes.depth.at(-1)! / 4) : shapes.depth;
    const { statements, indices } = writer.unravel(term, shape);
    return { statements, position: writer.position({ strides: strides.depth, offset: 0 }, indices) };
  }

  const load: string[] = [];
  if (deep) {
    const { statements, position } = ofTerm(`${name}K`);
    load.push(
      `if (begin + ${name}Term < depth) {`,
      `let ${name}K = (begin + ${name}Term) / 4u;`,
      statements,
      `let at = ${position};`,
      ...range(4).map((i) => `let v${i} = ${asSum(dtype, 4, access.load(`${name}From${i} + at`))};`),
      ...range(4).map((k) => `${name}Next${k} = vec4(${range(4).map((i) => `v${i}.${"xyzw"[k]}`).join(", ")});`),
      "} else {",
      ...range(4).map((k) => `${name}Next${k} = vec4<${type}>();`),
      "}",
    );
  } else {
    for (let k = 0; k < 4; k++) {
      const { statements, position } = ofTerm(`${name}K`);
      const elements = range(reads).map((i) => asSum(dtype, width, access.load(`${name}From${i} + at`)));
      load.push(
        `if (begin + ${name}Term + ${k}u < depth) {`,
        `let ${name}K = begin + ${name}Term + ${k}u;`,
        statements,
        `let at = ${position};`,
        `${name}Next${k} = ${isAcross ? elements[0] : `vec4(${elements.join(", ")})`};`,
        `} else { ${name}Next${k} = vec4<${type}>(); }`,
      );
    }
  }
  const array = kind === "rows" ? "sharedA" : "sharedB";
  const store = range(4).map((k) => `${array}[(${name}Term + ${k}u) * ${size / 4}u + ${name}Own] = ${name}Next${k};`);
  const some = `if (${name}Block < ${size * slice / 16}u) {`;
  return {
    start: start.filter((line) => line !== ""),
    load: [some, ...load.filter((line) => line !== ""), "}"].join("\n"),
    store: [some, ...store, "}"].join("\n"),
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
