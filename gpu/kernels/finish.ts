/** What contractions do with their sums: they are stored, and an epilogue goes over what was stored. */

import { type Contraction, type Factor, inFours, sumType, takesFours } from "./contraction.ts";
import { repair } from "./careful.ts";
import { writeMap } from "./map.ts";
import type { Dispatch, Machine } from "../kernel.ts";
import { indexedAxes, readInputs } from "../nest.ts";
import { writeScalar } from "../scalar.ts";
import type { ShaderWriter } from "../writer.ts";
import type { Place } from "../../jit/place.ts";
import type { Scalar } from "../../ops/scalar.ts";
import { sizeOf } from "../../ops/shape.ts";

/** The sums of a thread: rows that follow one another, each of `vectors` numbers or vectors of four columns. */
export interface Tile {
  readonly batch: readonly string[];
  /** The first row and the first column. Where vectors are of four, the column is one of 0, 4, 8 and so on. */
  readonly row: string;
  readonly column: string;
  readonly rows: number;
  readonly vectors: number;
  readonly width: 1 | 4;
  /** From the first column of a vector to that of the next. */
  readonly step: number;
}

/**
 * Has `compute` write sums and their epilogue to an output. An epilogue that it cannot have, since it knows positions or
 * reads too many buffers, goes over the sums in a kernel of its own.
 */
export function withEpilogue(
  epilogue: Scalar | undefined,
  others: readonly Place[],
  output: Place,
  machine: Machine,
  compute: (output: Place, epilogue: Scalar | undefined, others: readonly Place[]) => readonly Dispatch[],
): readonly Dispatch[] {
  // Both operands, which may be bound twice, the output and the others.
  const buffers = 5 + others.length;
  if (epilogue === undefined || (indexedAxes([epilogue]).size === 0 && buffers <= machine.limits.buffers)) {
    return compute(output, epilogue, others);
  }
  const sums = machine.temporary(output.type);
  return [...compute(sums, undefined, []), ...writeMap([epilogue], [sums, ...others], [output], machine)];
}

/** Statements that store sums, row by row, as far as they lie in the output, and that finish them. */
export function storeTile(writer: ShaderWriter, contraction: Contraction, tile: Tile, sums: readonly string[]): string {
  const { epilogue, output, padding } = contraction;
  const { row, column, rows, vectors, width, step } = tile;
  const { dtype } = output.x.type;
  const half = dtype === "float16" ? writer.functions.use("half_f32") : "";
  const rounded = (sum: string): string =>
    dtype === "bool" ? `(${sum} != 0u)` : dtype === "float16" ? `${half}(${sum})` : sum;
  const later = (text: string, n: number): string => n === 0 ? text : `(${text} + ${n}u)`;
  const needsCare = padding !== null && sumType(dtype) === "f32";
  if (sums.length === 1) return storeSum(writer, contraction, tile, sums[0]!, rounded, needsCare);
  const lines = sums.map((sum, n) => {
    const elements = width === 1 ? [rounded(sum)] : [..."xyzw"].map((lane) => rounded(`${sum}.${lane}`));
    const [i, j] = [Math.floor(n / vectors), n % vectors];
    const at = { ...tile, row: later(row, i), column: later(column, j * step) };
    return forSpots(writer, contraction, at, ({ lane, lanes, store }) => store(elements.slice(lane, lane + lanes)));
  });
  // Many sums share one text: what is done to them may be long.
  const at = { ...tile, row: "atRow", column: "atColumn" };
  if (needsCare) {
    lines.push(
      `for (var n = 0u; n < ${rows * vectors * width}u; n++) {`,
      `let atRow = ${row} + n / ${vectors * width}u;`,
      `let atColumn = ${column} + n / ${width}u % ${vectors}u * ${step}u + n % ${width}u;`,
      forSpots(writer, contraction, { ...at, width: 1 }, ({ load, store }) => {
        const { statements, elements: [stored] } = load(output);
        const again = repair(writer, contraction, tile.batch, "atRow", "atColumn", "sum");
        return [statements, `var sum = ${stored};`, again, store([rounded("sum")])].join("\n");
      }),
      "}",
    );
  }
  if (epilogue !== undefined) {
    lines.push(
      `for (var n = 0u; n < ${rows * vectors}u; n++) {`,
      `let atRow = ${row} + n / ${vectors}u;`,
      `let atColumn = ${column} + n % ${vectors}u * ${step}u;`,
      forSpots(writer, contraction, at, (spot) => finishSpot(writer, contraction, epilogue, spot)),
      "}",
    );
  }
  return lines.join("\n");
}

/** Statements that finish and store one number, or one vector. */
function storeSum(
  writer: ShaderWriter,
  contraction: Contraction,
  tile: Tile,
  sum: string,
  rounded: (sum: string) => string,
  needsCare: boolean,
): string {
  const { epilogue } = contraction;
  return forSpots(writer, contraction, tile, (spot) => {
    const lines: string[] = [];
    let ofAll = sum;
    if (needsCare && spot.lanes === 4) {
      ofAll = writer.names.fresh("sum");
      lines.push(`var ${ofAll} = ${sum};`, repairFour(writer, contraction, tile, ofAll));
    }
    const elements = Array.from({ length: spot.lanes }, (_, n) => {
      const lane = spot.lane + n;
      const element = tile.width === 1 ? sum : `${ofAll}.${"xyzw"[lane]}`;
      const name = writer.names.fresh("sum");
      lines.push(`var ${name} = ${element};`);
      const column = lane === 0 ? tile.column : `(${tile.column} + ${lane}u)`;
      if (needsCare && spot.lanes === 1) lines.push(repair(writer, contraction, tile.batch, tile.row, column, name));
      return rounded(name);
    });
    lines.push(
      epilogue === undefined ? spot.store(elements) : finishSpot(writer, contraction, epilogue, spot, elements),
    );
    return lines.join("\n");
  });
}

/** Statements that compute those of four sums again that are NaN. */
function repairFour(
  writer: ShaderWriter,
  contraction: Contraction,
  { batch, row, column }: Tile,
  sums: string,
): string {
  return [
    `if (any((bitcast<vec4<u32>>(${sums}) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u))) {`,
    "for (var lane = 0u; lane < 4u; lane++) {",
    `let atColumn = ${column} + lane;`,
    `var one = ${sums}[lane];`,
    repair(writer, contraction, batch, row, "atColumn", "one"),
    `${sums}[lane] = one;`,
    "}",
    "}",
  ].join("\n");
}

/** One element of the output, or a vector of four. */
interface Spot {
  /** Its first column, among those of a vector. */
  readonly lane: number;
  readonly lanes: 1 | 4;
  /** The elements of the output, or of an operand of its shape. */
  load(factor: Factor): { readonly statements: string; readonly elements: readonly string[] };
  store(elements: readonly string[]): string;
}

/** Statements that finish what was stored, or what is given. */
function finishSpot(
  writer: ShaderWriter,
  { output, others }: Contraction,
  epilogue: Scalar,
  spot: Spot,
  given?: readonly string[],
): string {
  const lines: string[] = [];
  const loaded = new Map([...readInputs([epilogue])].map((n) => {
    if (n === 0 && given !== undefined) return [n, given] as const;
    const { statements, elements } = spot.load(n === 0 ? output : others[n - 1]!);
    lines.push(statements);
    return [n, elements] as const;
  }));
  const results: string[] = [];
  for (let lane = 0; lane < spot.lanes; lane++) {
    const { statements, result } = writeScalar(
      epilogue,
      (leaf) => {
        if (leaf.op === "index") throw new TypeError("an epilogue in place knows no positions");
        return loaded.get(leaf.index)![lane]!;
      },
      writer.names,
      writer.functions,
    );
    lines.push(statements);
    results.push(result);
  }
  return [...lines, spot.store(results)].join("\n");
}

/** Statements for what lies in the output of one or four columns: a vector of the output's, or one element after another. */
function forSpots(
  writer: ShaderWriter,
  { shapes, output }: Contraction,
  { batch, row, column, width }: Pick<Tile, "batch" | "row" | "column" | "width">,
  body: (spot: Spot) => string,
): string {
  const [rowCount, columnCount] = [writer.number(sizeOf(shapes.rows)), writer.number(sizeOf(shapes.columns))];
  const rows = writer.unravel(row, shapes.rows);

  function position({ strides, offset }: Factor, columns: readonly string[]): string {
    const ofAll = [...strides.batch, ...strides.rows, ...strides.columns];
    return writer.position({ strides: ofAll, offset }, [...batch, ...rows.indices, ...columns]);
  }

  if (width === 4 && takesFours(output, "columns", shapes.columns)) {
    const singles = writer.unravel(column, shapes.columns);
    const fours = writer.unravel(`(${column} / 4u)`, shapes.columns.with(-1, shapes.columns.at(-1)! / 4));
    const text = body({
      lane: 0,
      lanes: 4,
      load(factor) {
        const name = writer.names.fresh("x");
        // For the output's own sake, which cannot be bound twice.
        const access = factor === output ? writer.writes(factor.x, 4) : writer.reads(factor.x, 4);
        if (takesFours(factor, "columns", shapes.columns)) {
          const at = position(inFours(factor, "columns"), fours.indices);
          return { statements: `let ${name} = ${access.load(at)};`, elements: lanesOf(name) };
        }
        const step = factor.strides.columns.at(-1)!;
        const at = position(factor, singles.indices);
        const single = writer.reads(factor.x);
        if (step === 0) return { statements: `let ${name} = ${single.load(at)};`, elements: Array(4).fill(name) };
        const elements = [0, 1, 2, 3].map((lane) => single.load(`${name} + ${lane}u * ${writer.number(step)}`));
        return { statements: `let ${name} = ${at};`, elements };
      },
      store(elements) {
        const at = position(inFours(output, "columns"), fours.indices);
        return writer.writes(output.x, 4).store(at, `vec4(${elements.join(", ")})`);
      },
    });
    const lines = [rows.statements, singles.statements, fours.statements, text];
    return `if (${row} < ${rowCount} && ${column} < ${columnCount}) {\n${lines.join("\n")}\n}`;
  }

  const lines = [rows.statements];
  for (let lane = 0; lane < width; lane++) {
    const one = lane === 0 ? column : `(${column} + ${lane}u)`;
    const columns = writer.unravel(one, shapes.columns);
    const text = body({
      lane,
      lanes: 1,
      load(factor) {
        const access = factor === output ? writer.writes(factor.x) : writer.reads(factor.x);
        return { statements: "", elements: [access.load(position(factor, columns.indices))] };
      },
      store: ([element]) => writer.writes(output.x).store(position(output, columns.indices), element!),
    });
    lines.push(`if (${one} < ${columnCount}) {\n${columns.statements}\n${text}\n}`);
  }
  return `if (${row} < ${rowCount}) {\n${lines.join("\n")}\n}`;
}

function lanesOf(name: string): string[] {
  return [..."xyzw"].map((lane) => `${name}.${lane}`);
}
