/** Matrix multiplication of float32 in WebAssembly; other dtypes go to the reference. */

import { sizeOf, type Strided } from "../ops/shape.ts";
import { type Contraction, contractionOf, packPanels, panelBytes, tileFor, withScratch } from "./contraction.ts";
import { blocksOf, finishAll, type FinishBlock } from "./epilogue.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import { reference } from "./reference.ts";

/** How the elements of a matrix lie, in bytes. */
interface Steps {
  readonly row: number;
  readonly column: number;
}

interface Sizes {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

/** The product of the matrices at two addresses, written row-major to a third; they are counted. */
type Multiply = (a: number, b: number, c: number, pair: number) => void;

// A panel of B (8 or 16 columns by blockDepth) stays in L1, a block of A (blockRows by blockDepth) in L2.
const blockRows = 132;
const blockDepth = 256;
/** So small a matrix B lies in L1 as it is; and unless A has many rows, packing B takes longer than it saves. */
const [plainElements, plainRows] = [2 ** 13, 512];
/** Bounds the scratch that a packed block of B takes. */
const blockColumns = 4096;

export const matmul: Implementation<"matmul"> = (kernel, inputs, output, machine) => {
  if (output.dtype !== "float32") return reference.matmul(kernel, inputs, output, machine);
  const [a, b, ...others] = inputs as [Operand, Operand, ...Operand[]];
  const unfinished = kernel.epilogue && { epilogue: kernel.epilogue, output, others, machine };
  const rank = output.shape.length;
  const [m, n, k] = [output.shape[rank - 2]!, output.shape[rank - 1]!, a.shape[rank - 1]!];
  const start = output.address + 4 * output.offset;
  const kernels = contractionOf(machine);
  if (k === 0 || sizeOf(output.shape) === 0) {
    kernels.clear(start, sizeOf(output.shape));
    return unfinished && finishAll(unfinished);
  }

  const batch = output.shape.slice(0, -2);
  const tall = tallRowStride(a, b);
  const sizes = tall === null ? { m, k, n } : { m: m * sizeOf(batch), k, n };
  const stepsA = { row: 4 * (tall ?? a.strides[rank - 2]!), column: 4 * a.strides[rank - 1]! };
  const stepsB = { row: 4 * b.strides[rank - 2]!, column: 4 * b.strides[rank - 1]! };
  // Where the output is some columns of a larger matrix, its rows lie further apart.
  const rowBytes = m === 1 ? 4 * n : 4 * output.strides[rank - 2]!;
  const run = (multiply: Multiply): void => {
    let to = start;
    let pair = 0;
    forEachPair(tall === null ? batch : [], a, b, (atA, atB) => {
      multiply(a.address + 4 * atA, b.address + 4 * atB, to, pair++);
      to += m * rowBytes;
    });
  };
  const byVector = vectorProduct(kernels, sizes, stepsA, stepsB);
  const matrices = tall === null ? sizeOf(batch) : 1;
  const finish = byVector || !unfinished ? null : blocksOf(unfinished, [matrices, sizes.m, n]);
  const product = isSmall(sizes, stepsA, stepsB) ? plainProduct : blockProduct;
  if (byVector) run(byVector);
  else product(machine, sizes, stepsA, stepsB, rowBytes, run, finish);
  if (unfinished && finish === null) finishAll(unfinished);
};

/** The row stride of A seen as one tall matrix, if the whole batch shares one B and A's rows lie evenly; else null. */
export function tallRowStride(a: Strided, b: Strided): number | null {
  const rank = a.shape.length;
  let [rows, stride] = [a.shape[rank - 2]!, a.strides[rank - 2]!];
  for (let axis = rank - 3; axis >= 0; axis--) {
    const size = a.shape[axis]!;
    if (size === 1) continue;
    if (b.strides[axis] !== 0) return null;
    if (rows === 1) stride = a.strides[axis]!;
    else if (a.strides[axis] !== stride * rows) return null;
    rows *= size;
  }
  return stride;
}

/** Visits the element offsets of the matrices of a batch, in order. */
export function forEachPair(
  batch: readonly number[],
  a: Strided,
  b: Strided,
  visit: (atA: number, atB: number) => void,
): void {
  const walk = (axis: number, atA: number, atB: number): void => {
    if (axis === batch.length) return visit(atA, atB);
    for (let i = 0; i < batch[axis]!; i++) walk(axis + 1, atA + i * a.strides[axis]!, atB + i * b.strides[axis]!);
  };
  walk(0, a.offset, b.offset);
}

/** The product when one of the matrices is a vector and the other lies well; else null. */
function vectorProduct(kernels: Contraction, { m, k, n }: Sizes, a: Steps, b: Steps): Multiply | null {
  if (m !== 1 && n !== 1) return null;
  // The matrix with a row per element of the result, which is contiguous either way.
  const ofA = n === 1;
  const count = ofA ? m : n;
  const [matrix, vectorStep] = ofA ? [a, b.row] : [{ row: b.column, column: b.row }, a.column];
  if (k === 1 || (matrix.column === 4 && vectorStep === 4)) {
    return (a, b, c) => kernels.dotRows(ofA ? a : b, matrix.row, count, ofA ? b : a, k, c);
  }
  if (count === 1 || matrix.row === 4) {
    return (a, b, c) => kernels.sumRows(ofA ? a : b, matrix.column, k, ofA ? b : a, vectorStep, count, c);
  }
  return null;
}

function isSmall({ m, k, n }: Sizes, a: Steps, b: Steps): boolean {
  return a.column === 4 && b.column === 4 && k * n <= plainElements && m <= plainRows;
}

function plainProduct(
  machine: Machine,
  { m, k, n }: Sizes,
  stepsA: Steps,
  stepsB: Steps,
  rowBytesC: number,
  run: (multiply: Multiply) => void,
  finish: FinishBlock | null,
): void {
  const tile = tileFor(machine, m * k * n, n);
  run((a, b, c, pair) => {
    for (let i = 0; i < m; i += blockRows) {
      const count = Math.min(blockRows, m - i);
      tile.plainRows(a + i * stepsA.row, stepsA.row, count, k, b, stepsB.row, n, c + i * rowBytesC, rowBytesC);
      finish?.(pair, i, count, 0, n);
    }
  });
}

function blockProduct(
  machine: Machine,
  { m, k, n }: Sizes,
  stepsA: Steps,
  stepsB: Steps,
  rowBytesC: number,
  run: (multiply: Multiply) => void,
  finish: FinishBlock | null,
): void {
  const kernels = contractionOf(machine);
  const [height, depth, width] = [Math.min(m, blockRows), Math.min(k, blockDepth), Math.min(n, blockColumns)];
  const packsA = stepsA.column !== 4;
  // Not a power of two, lest all rows of a block fall into the same sets of the cache.
  const rowBytesA = packsA ? 4 * depth + 64 : stepsA.row;
  const tile = tileFor(machine, m * k * n, n);
  withScratch(machine, (allocate) => {
    const [rows, targets] = [allocate(4 * height), allocate(4 * height)];
    kernels.offsets(rows, 1, 1, 1, height, 0, 0, 0, rowBytesA);
    kernels.offsets(targets, 1, 1, 1, height, 0, 0, 0, rowBytesC);
    const packedB = allocate(panelBytes(tile, depth, width));
    const packedA = packsA ? allocate(height * rowBytesA) : 0;
    run((a, b, c, pair) => {
      for (let j = 0; j < n; j += width) {
        const columns = Math.min(width, n - j);
        for (let p = 0; p < k; p += depth) {
          const run = Math.min(depth, k - p);
          const source = b + p * stepsB.row + j * stepsB.column;
          packPanels(kernels, tile, packedB, source, run, columns, stepsB.row, stepsB.column);
          for (let i = 0; i < m; i += height) {
            const count = Math.min(height, m - i);
            let block = a + i * stepsA.row + p * stepsA.column;
            if (packsA) {
              kernels.copy(packedA, block, 1, count, run, 0, rowBytesA, 0, stepsA.row, stepsA.column);
              block = packedA;
            }
            // A row is one piece at offset 0, which is what the table of rows begins with.
            tile.rows(
              block,
              rows,
              count,
              rows,
              1,
              run,
              packedB,
              panelBytes(tile, run, 1),
              columns,
              c + i * rowBytesC + 4 * j,
              targets,
              p === 0 ? 0 : 1,
            );
            if (p + run === k) finish?.(pair, i, count, j, columns);
          }
        }
      }
    });
  });
}
