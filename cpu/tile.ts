/**
 * The two register tiles behind matmul and convolution: 6 rows by 8 columns of a product of a gathered matrix A with a
 * packed matrix B. With two vectors of B and one of A they fill the registers but one. Where the engine makes one vector
 * of two neighbours (wide.ts), 16 columns do: for that the pairs are loaded together, and stored together.
 *
 * A is a table of rows and a table of pieces, both of byte offsets: piece s of row i is the `run` contiguous floats at
 * `a + rows[i] + pieces[s]`. A plain matrix has one piece; the windows of a convolution have one per kernel row or
 * position, and nothing is copied to line them up. B is packed in panels as wide as the tile: row k of a panel of 8 columns is
 * 32 bytes at `panel + 32·k`, filled up with zeros.
 */

import { FunctionBuilder, i32, type Local, v128, type ValueType } from "./assembler.ts";
import { advance, atMost, countDown, multiplyAdd, newLocals, parameters } from "./loops.ts";

/** `rowsTimesPanels`: C[i, :] (+)= Σ over pieces and their floats of A[i, ·] · B[·, :]; rows of C lie at `c + targets[i]`. */
export type RowsTimesPanels = (
  a: number,
  rows: number,
  rowCount: number,
  pieces: number,
  pieceCount: number,
  run: number,
  b: number,
  panelBytes: number,
  columns: number,
  c: number,
  targets: number,
  accumulate: number,
) => void;

/**
 * `columnsTimesPanels`: C[(s, e), :] (+)= Σ over rows i of A[i, (s, e)] · B[i, :], the product with A transposed. Row
 * `s·run + e` of C lies at `c + (s·run + e)·rowBytes`, and row i of a panel `i·panelRowBytes` from its begin: B may also
 * be a plain matrix. The last tile of a run reads up to five floats past its end.
 */
export type ColumnsTimesPanels = (
  a: number,
  rows: number,
  rowCount: number,
  pieces: number,
  pieceCount: number,
  run: number,
  b: number,
  panelBytes: number,
  columns: number,
  c: number,
  rowBytes: number,
  accumulate: number,
  panelRowBytes: number,
) => void;

/** `plainRows`: C = A·B, all of them plain matrices: for small ones, of which tables and packing would be a large part. */
export type PlainRows = (
  a: number,
  rowBytesA: number,
  rowCount: number,
  depth: number,
  b: number,
  rowBytesB: number,
  columns: number,
  c: number,
  rowBytesC: number,
) => void;

/** One of these for several matrices: so often, and each time A, B and C begin so much further on. */
export type Each<F extends (...args: number[]) => void> = (
  count: number,
  stepA: number,
  stepB: number,
  stepC: number,
  ...rest: Parameters<F>
) => void;

/** How many columns a tile has. */
export type TileColumns = 8 | 16;

export const tileRows = 6;

interface Tile {
  readonly columns: TileColumns;
  readonly rowBytes: number;
  /** `accumulators[i]` holds the columns of row i, four to a vector. */
  readonly accumulators: readonly (readonly Local[])[];
  readonly b: readonly Local[];
  readonly splat: Local;
}

function declareTile(f: FunctionBuilder, columns: TileColumns): Tile {
  const row = (): Local[] => f.locals(v128, columns / 4);
  const accumulators = Array.from({ length: tileRows }, row);
  return { columns, rowBytes: 4 * columns, accumulators, b: row(), splat: f.local(v128) };
}

function clearTile(f: FunctionBuilder, { accumulators }: Tile): void {
  for (const lane of accumulators.flat()) f.f32x4(0).set(lane);
}

/** Loads row `row` (from the pointer on) of the panel. */
function loadPanelRow(f: FunctionBuilder, { b, rowBytes }: Tile, pointer: Local, row: number): void {
  b.forEach((vector, j) => f.get(pointer).memory("v128.load", row * rowBytes + 16 * j).set(vector));
}

/**
 * Adds a float of A times the loaded panel row to row `i` of the tile. The float is splatted by the load: that takes a
 * bounds check for each, but a shuffle would take one of the two units that multiply.
 */
function addProducts(
  f: FunctionBuilder,
  { accumulators, b, splat }: Tile,
  i: number,
  pointer: Local,
  offset: number,
  relaxed: boolean,
): void {
  f.get(pointer).memory("v128.load32_splat", offset).set(splat);
  b.forEach((vector, j) => multiplyAdd(f, splat, vector, accumulators[i]![j]!, relaxed));
}

interface Store {
  readonly rowsLeft: Local;
  readonly columnsLeft: Local;
  readonly accumulate: Local;
  /** Sets `pointer` to where row `i` of the tile goes; called in the order of the rows. */
  readonly locate: (i: number) => void;
  readonly pointer: Local;
  /** Index of `edgeStore`. */
  readonly edge: number;
}

function storeTile(f: FunctionBuilder, { accumulators, columns }: Tile, store: Store): void {
  const { rowsLeft, columnsLeft, accumulate, locate, pointer, edge } = store;
  const whole = (adds: boolean): void =>
    accumulators.forEach((row, i) => {
      locate(i);
      if (adds) {
        row.forEach((lane, j) => f.get(pointer).memory("v128.load", 16 * j).get(lane).op("f32x4.add").set(lane));
      }
      row.forEach((lane, j) => f.get(pointer).get(lane).memory("v128.store", 16 * j));
    });
  const storeEdge = ([low, high]: readonly Local[], skipped: number): void => {
    f.get(pointer);
    if (skipped > 0) f.i32(4 * skipped).op("i32.add");
    f.get(low!).get(high!).get(columnsLeft);
    if (skipped > 0) f.i32(skipped).op("i32.sub");
    f.get(accumulate).call(edge);
  };
  f.get(rowsLeft).i32(tileRows).op("i32.ge_s").get(columnsLeft).i32(columns).op("i32.ge_s").op("i32.and").if(
    () => f.get(accumulate).if(() => whole(true), () => whole(false)),
    () =>
      accumulators.forEach((row, i) => {
        f.get(rowsLeft).i32(i).op("i32.gt_s").if(() => {
          locate(i);
          storeEdge(row, 0);
          if (columns === 16) {
            f.get(columnsLeft).i32(edgeColumns).op("i32.gt_s").if(() => storeEdge(row.slice(2), edgeColumns));
          }
        });
      }),
  );
}

/** How many columns `edgeStore` stores at most. */
const edgeColumns = 8;

/** `edge(target, low, high, columns, accumulate)` stores or adds the first columns (8 at most) of one row of a tile. */
export function edgeStore(): FunctionBuilder {
  const f = new FunctionBuilder([i32, v128, v128, i32, i32]);
  const [target, low, high, columns, accumulate] = parameters(5);
  const add = (vector: Local, load: () => void): void => {
    f.get(accumulate).if(() => {
      f.get(vector);
      load();
      f.op("f32x4.add").set(vector);
    });
  };
  const store4 = (vector: Local, offset: number): void => {
    add(vector, () => f.get(target).memory("v128.load", offset));
    f.get(target).get(vector).memory("v128.store", offset);
  };
  f.get(columns).i32(edgeColumns).op("i32.ge_s").if(() => {
    store4(low, 0);
    store4(high, 16);
    f.op("return");
  });
  f.get(columns).i32(4).op("i32.and").if(() => {
    store4(low, 0);
    f.increment(target, 16).get(high).set(low);
  });
  f.get(columns).i32(2).op("i32.and").if(() => {
    add(low, () => f.get(target).memory("v128.load64_zero"));
    f.get(target).get(low).laneMemory("v128.store64_lane", 0).increment(target, 8);
    f.get(low).get(low).shuffle32([2, 3, 2, 3]).set(low);
  });
  f.get(columns).i32(1).op("i32.and").if(() => {
    add(low, () => f.get(target).memory("v128.load32_zero"));
    f.get(target).get(low).laneMemory("v128.store32_lane", 0);
  });
  return f;
}

/** Runs the body for every panel, and moves `b` and `c` to the next one; the panel's columns are those left, a tile's at most. */
function forEachPanel(
  f: FunctionBuilder,
  tile: Tile,
  { columns, b, panelBytes, c }: { columns: Local; b: Local; panelBytes: Local; c: Local },
  body: () => void,
): void {
  countDown(f, columns, () => {
    body();
    advance(f, b, panelBytes);
    f.increment(c, tile.rowBytes);
  }, tile.columns);
}

export function rowsTimesPanels(edge: number, relaxed: boolean, tileColumns: TileColumns): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(12).fill(i32));
  const [a, rows, rowCount, pieces, pieceCount, run, b, panelBytes, columns, c, targets, accumulate] = parameters(12);
  const tile = declareTile(f, tileColumns);
  const starts = f.locals(i32, tileRows);
  const pointers = f.locals(i32, tileRows);
  const [row, target, rowsLeft, piece, piecesLeft, panel, left, last, pointer] = newLocals(f, i32, 9);

  /** The next floats of each row. */
  const step = (count: number): void => {
    for (let k = 0; k < count; k++) {
      loadPanelRow(f, tile, panel, k);
      pointers.forEach((p, i) => addProducts(f, tile, i, p, 4 * k, relaxed));
    }
    for (const p of pointers) f.increment(p, 4 * count);
    f.increment(panel, count * tile.rowBytes);
  };

  forEachPanel(f, tile, { columns, b, panelBytes, c }, () => {
    f.get(rows).set(row).get(targets).set(target).get(rowCount).set(rowsLeft);
    countDown(f, rowsLeft, () => {
      // Past the last row the last one is computed again, and not stored.
      f.get(rowsLeft).i32(1).op("i32.sub").i32(2).op("i32.shl").set(last);
      starts.forEach((start, i) => {
        f.get(a).get(row);
        atMost(f, last, 4 * i);
        f.op("i32.add").memory("i32.load").op("i32.add").set(start);
      });
      clearTile(f, tile);
      f.get(b).set(panel).get(pieces).set(piece).get(pieceCount).set(piecesLeft);
      countDown(f, piecesLeft, () => {
        starts.forEach((start, i) => {
          f.get(start).get(piece).memory("i32.load").op("i32.add").set(pointers[i]!);
        });
        f.get(run).i32(2).op("i32.shr_u").set(left);
        countDown(f, left, () => step(4));
        f.get(run).i32(3).op("i32.and").set(left);
        countDown(f, left, () => step(1));
        f.increment(piece, 4);
      });
      const locate = (i: number): void => {
        f.get(c).get(target).memory("i32.load", 4 * i).op("i32.add").set(pointer);
      };
      storeTile(f, tile, { rowsLeft, columnsLeft: columns, accumulate, locate, pointer, edge });
      f.increment(row, 4 * tileRows).increment(target, 4 * tileRows);
    }, tileRows);
  });
  return f;
}

export function plainRows(edge: number, relaxed: boolean, tileColumns: TileColumns): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(9).fill(i32));
  const [a, rowBytesA, rowCount, depth, b, rowBytesB, columns, c, rowBytesC] = parameters(9);
  const tile = declareTile(f, tileColumns);
  const pointers = f.locals(i32, tileRows);
  const [first, target, rowsLeft, panel, panelBytes, left, pointer, accumulate] = newLocals(f, i32, 8);

  const step = (count: number): void => {
    for (let k = 0; k < count; k++) {
      loadPanelRow(f, tile, panel, 0);
      advance(f, panel, rowBytesB);
      pointers.forEach((p, i) => addProducts(f, tile, i, p, 4 * k, relaxed));
    }
    for (const p of pointers) f.increment(p, 4 * count);
  };

  f.i32(tile.rowBytes).set(panelBytes);
  forEachPanel(f, tile, { columns, b, panelBytes, c }, () => {
    f.get(a).set(first).get(c).set(target).get(rowCount).set(rowsLeft);
    countDown(f, rowsLeft, () => {
      // Past the last row the last one is computed again, and not stored.
      pointers.forEach((p, i) => {
        f.get(first).set(p);
        f.get(rowsLeft).i32(i + 1).op("i32.gt_s").if(() => advance(f, first, rowBytesA));
      });
      clearTile(f, tile);
      f.get(b).set(panel).get(depth).i32(2).op("i32.shr_u").set(left);
      countDown(f, left, () => step(4));
      f.get(depth).i32(3).op("i32.and").set(left);
      countDown(f, left, () => step(1));
      const locate = (): void => {
        f.get(target).set(pointer);
        advance(f, target, rowBytesC);
      };
      storeTile(f, tile, { rowsLeft, columnsLeft: columns, accumulate, locate, pointer, edge });
    }, tileRows);
  });
  return f;
}

/** `evenly`: row i of A lies at `i·rows`, which saves a table, and reading it. */
export function columnsTimesPanels(
  edge: number,
  relaxed: boolean,
  tileColumns: TileColumns,
  evenly = false,
): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(13).fill(i32));
  const [a, rows, rowCount, pieces, pieceCount, run, b, panelBytes, columns, c, rowBytes, accumulate, panelRowBytes] =
    parameters(13);
  const tile = declareTile(f, tileColumns);
  const [piece, piecesLeft, runLeft, start, row, panel, left, target, pointer] = newLocals(f, i32, 9);

  const step = (count: number): void => {
    for (let k = 0; k < count; k++) {
      if (!evenly) f.get(start).get(row).memory("i32.load", 4 * k).op("i32.add").set(pointer);
      loadPanelRow(f, tile, panel, 0);
      advance(f, panel, panelRowBytes);
      for (let i = 0; i < tileRows; i++) addProducts(f, tile, i, pointer, 4 * i, relaxed);
      if (evenly) advance(f, pointer, rows);
    }
    f.increment(row, 4 * count);
  };

  forEachPanel(f, tile, { columns, b, panelBytes, c }, () => {
    f.get(c).set(target).get(pieces).set(piece).get(pieceCount).set(piecesLeft);
    countDown(f, piecesLeft, () => {
      f.get(a).get(piece).memory("i32.load").op("i32.add").set(start).get(run).set(runLeft);
      countDown(f, runLeft, () => {
        clearTile(f, tile);
        f.get(b).set(panel).get(rows).set(row).get(start).set(pointer);
        f.get(rowCount).i32(2).op("i32.shr_u").set(left);
        countDown(f, left, () => step(4));
        f.get(rowCount).i32(3).op("i32.and").set(left);
        countDown(f, left, () => step(1));
        const locate = (): void => {
          f.get(target).set(pointer);
          advance(f, target, rowBytes);
        };
        storeTile(f, tile, { rowsLeft: runLeft, columnsLeft: columns, accumulate, locate, pointer, edge });
        f.increment(start, 4 * tileRows);
      }, tileRows);
      f.increment(piece, 4);
    });
  });
  return f;
}

/** `Each` of a function of the same module: that with this index, which has so many parameters. */
export function each(index: number, parameterCount: number): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(4 + parameterCount).fill(i32));
  const [count, stepA, stepB, stepC, a, , , , , , b, , , c] = parameters(14);
  countDown(f, count, () => {
    for (let n = 0; n < parameterCount; n++) f.get(a + n);
    f.call(index);
    advance(f, a, stepA);
    advance(f, b, stepB);
    advance(f, c, stepC);
  });
  return f;
}
