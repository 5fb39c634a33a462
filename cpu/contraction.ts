/** The WebAssembly module that matmul and convolution share, compiled once per memory. */

import { assemble, FunctionBuilder, i32, v128 } from "./assembler.ts";
import { functionsOf, hasRelaxedSimd, type KernelModule, kernelModule } from "./code.ts";
import { blockCopy, type CopyBlocks, offsetTable, scalarCopy } from "./copy.ts";
import {
  type DepthwiseRows,
  depthwiseRows,
  type DepthwiseSpread,
  depthwiseSpread,
  type DepthwiseTaps,
  depthwiseTaps,
} from "./depthwise.ts";
import { forEachGroup, fourLanes, newLocals, oneLane, parameters } from "./loops.ts";
import type { Machine } from "./machine.ts";
import {
  type ColumnsTimesPanels,
  columnsTimesPanels,
  type Each,
  each,
  edgeStore,
  type PlainRows,
  plainRows,
  type RowsTimesPanels,
  rowsTimesPanels,
  type TileColumns,
} from "./tile.ts";
import { type DotRows, dotRows, type SumRows, sumRows } from "./matvec.ts";
import { fusesVectors } from "./wide.ts";

/** Addresses, sizes and strides are in bytes, counts in elements. */
export interface Contraction {
  readonly copy: CopyBlocks;
  /** Writes the row-major table of `i0·s0 + i1·s1 + i2·s2 + i3·s3` for `i` below the four counts. */
  readonly offsets: (
    target: number,
    n0: number,
    n1: number,
    n2: number,
    n3: number,
    s0: number,
    s1: number,
    s2: number,
    s3: number,
  ) => void;
  readonly clear: (target: number, count: number) => void;
  /** 1 if `count` floats are all finite, else 0. */
  readonly allFinite: (source: number, count: number) => number;
  readonly depthwiseRows: DepthwiseRows;
  readonly depthwiseSpread: DepthwiseSpread;
  readonly depthwiseTaps: DepthwiseTaps;
  readonly dotRows: DotRows;
  readonly sumRows: SumRows;
}

/** The register tiles, and how many columns the panels have that they take. */
export interface Tile {
  readonly panelColumns: TileColumns;
  readonly rows: RowsTimesPanels;
  readonly columns: ColumnsTimesPanels;
  readonly plainRows: PlainRows;
  readonly eachRows: Each<RowsTimesPanels>;
  /** Where the rows of A lie `rows` bytes apart. */
  readonly eachEvenColumns: Each<ColumnsTimesPanels>;
}

/** The binary. Without `relaxed` products are rounded before they are added, on every machine alike. */
export function contractionModule(relaxed: boolean): Uint8Array<ArrayBuffer> {
  // Functions that others call by index come first.
  const [edge, scalars, rows, evenColumns] = [0, 1, 2, 3];
  return assemble({
    edge: edgeStore(),
    scalars: scalarCopy(),
    rows: rowsTimesPanels(edge, relaxed, 8),
    evenColumns: columnsTimesPanels(edge, relaxed, 8, true),
    copy: blockCopy(scalars),
    offsets: offsetTable(),
    clear: clear(),
    allFinite: allFinite(),
    columns: columnsTimesPanels(edge, relaxed, 8),
    plainRows: plainRows(edge, relaxed, 8),
    eachRows: each(rows, 12),
    eachEvenColumns: each(evenColumns, 13),
    depthwiseRows: depthwiseRows(relaxed),
    depthwiseSpread: depthwiseSpread(relaxed),
    depthwiseTaps: depthwiseTaps(relaxed),
    dotRows: dotRows(edge, relaxed),
    sumRows: sumRows(relaxed),
  });
}

let module: KernelModule | undefined;

function moduleOfContraction(): KernelModule {
  return module ??= kernelModule(contractionModule(hasRelaxedSimd()));
}

export function contractionOf(machine: Machine): Contraction {
  return functionsOf(moduleOfContraction(), machine) as unknown as Contraction;
}

/** The binary of the tiles of 16 columns. */
export function wideTileModule(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const [edge, rows, evenColumns] = [0, 1, 2];
  return assemble({
    edge: edgeStore(),
    rows: rowsTimesPanels(edge, relaxed, 16),
    evenColumns: columnsTimesPanels(edge, relaxed, 16, true),
    columns: columnsTimesPanels(edge, relaxed, 16),
    plainRows: plainRows(edge, relaxed, 16),
    eachRows: each(rows, 12),
    eachEvenColumns: each(evenColumns, 13),
  });
}

let wideModule: KernelModule | undefined;

/** The tiles of 8 columns, or those of 16. */
export function tileOf(machine: Machine, panelColumns: TileColumns): Tile {
  const module = panelColumns === 8
    ? moduleOfContraction()
    : wideModule ??= kernelModule(wideTileModule(hasRelaxedSimd()));
  const functions = functionsOf(module, machine) as unknown as Omit<Tile, "panelColumns">;
  const { rows, columns, plainRows, eachRows, eachEvenColumns } = functions;
  return { panelColumns, rows, columns, plainRows, eachRows, eachEvenColumns };
}

/** The tiles for so many multiplications, in a product with so many columns. Both add up in the same order. */
export function tileFor(machine: Machine, multiplications: number, columns: number): Tile {
  // Half of a wide tile's work would be for nothing.
  return tileOf(machine, columns > 8 && fusesVectors(multiplications, machine.recorder !== null) ? 16 : 8);
}

/** The size of packed panels. */
export function panelBytes({ panelColumns }: Tile, rows: number, columns: number): number {
  return Math.ceil(columns / panelColumns) * rows * 4 * panelColumns;
}

/** Does one thing if `count` floats are all finite, and another if they are not. */
export function ifFinite(
  machine: Machine,
  source: number,
  count: number,
  finite: () => void,
  otherwise: () => void,
): void {
  if (machine.recorder) {
    machine.recorder.choose(moduleOfContraction(), "allFinite", [source, count], finite, otherwise);
  } else if (contractionOf(machine).allFinite(source, count)) finite();
  else otherwise();
}

/** Packs `rows × columns` elements with the given strides in bytes into panels, `panelStep` bytes apart. */
export function packPanels(
  kernels: Contraction,
  tile: Tile,
  target: number,
  source: number,
  rows: number,
  columns: number,
  rowStep: number,
  columnStep: number,
  panelStep: number = panelBytes(tile, rows, 1),
): void {
  const { panelColumns } = tile;
  const rowBytes = panelBytes(tile, 1, 1);
  const whole = Math.floor(columns / panelColumns);
  const rest = columns % panelColumns;
  kernels.copy(
    target,
    source,
    whole,
    rows,
    panelColumns,
    panelStep,
    rowBytes,
    panelColumns * columnStep,
    rowStep,
    columnStep,
  );
  if (rest === 0) return;
  // Zeros, since arithmetic on what happens to lie there may be slow; its results are not stored.
  const last = target + whole * panelStep;
  kernels.clear(last, rows * panelColumns);
  kernels.copy(last, source + whole * panelColumns * columnStep, 1, rows, rest, 0, rowBytes, 0, rowStep, columnStep);
}

export type Allocate = (bytes: number) => number;

/** Scratch memory that is given back when `use` returns or throws. */
export function withScratch<T>(machine: Machine, use: (allocate: Allocate) => T): T {
  const held: number[] = [];
  try {
    return use((bytes) => {
      const address = machine.allocate(bytes);
      held.push(address);
      return address;
    });
  } finally {
    for (const address of held) machine.free(address);
  }
}

const lanewise = [{ width: fourLanes, vectors: 1 }, { width: oneLane, vectors: 1 }] as const;

/** Zeros: a view of the memory from JavaScript would cost more than most of what is cleared here. */
function clear(): FunctionBuilder {
  const f = new FunctionBuilder([i32, i32]);
  const [target, count] = parameters(2);
  const [at, zero] = [f.local(i32), f.local(v128)];
  forEachGroup(f, lanewise, count, at, ({ width }) => {
    width.store(f.get(target).get(at).op("i32.add").get(zero));
  });
  return f;
}

/** Multiplied by 0, a finite number is 0 and any other NaN; and NaN stays in the sum. */
function allFinite(): FunctionBuilder {
  const f = new FunctionBuilder([i32, i32], [i32]);
  const [source, count] = parameters(2);
  const [at] = newLocals(f, i32, 1);
  const [sum, zero] = newLocals(f, v128, 2);
  forEachGroup(f, lanewise, count, at, ({ width }) => {
    width.load(f.get(source).get(at).op("i32.add")).get(zero).op("f32x4.mul").get(sum).op("f32x4.add").set(sum);
  });
  return f.get(sum).get(sum).op("f32x4.eq").op("i32x4.all_true");
}
