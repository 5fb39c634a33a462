/** Matrix products by a system's BLAS, called on wasm memory itself; those too small for a call, or of other dtypes, are ours. */

import { type Allocate, withScratch } from "./contraction.ts";
import { finishAll } from "./epilogue.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import { map } from "./map.ts";
import { forEachPair, tallRowStride } from "./matmul.ts";
import { arrayBytes } from "./memory.ts";
import { input } from "../ops/scalar.ts";
import { contiguous, sizeOf } from "../ops/shape.ts";

/** `cblas_sgemm` or `cblas_dgemm`: C ← α·A·B + β·C. Addresses are numbers. */
export type Gemm = (
  order: number,
  transposedA: number,
  transposedB: number,
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: number,
  stepA: number,
  b: number,
  stepB: number,
  beta: number,
  c: number,
  stepC: number,
) => void;

/** A library that multiplies matrices. */
export interface Blas {
  /** Its name, as it was loaded. */
  readonly library: string;
  readonly float32: Gemm;
  readonly float64: Gemm;
  /** Where the first of these bytes lies in the process. */
  readonly addressOf: (bytes: Uint8Array) => number;
}

/** The numbers that CBLAS has for these. */
export const cblas = { rowMajor: 101, asItIs: 111, transposed: 112 } as const;

/** A product of float32 with fewer multiplications is computed sooner than called for, and can be a part of a program. */
const worthCalling = 64 ** 3;

/** `own` runs what the library does not: products of float32 with fewer multiplications than `least`, for one. */
export function matmulBy(
  blas: Blas,
  own: Implementation<"matmul">,
  least: number = worthCalling,
): Implementation<"matmul"> {
  const baseOf = bases(blas);
  return (kernel, inputs, output, machine) => {
    const [x, y, ...others] = inputs as [Operand, Operand, ...Operand[]];
    const { dtype } = output;
    if ((dtype !== "float32" && dtype !== "float64") || !pays(x, output, least)) {
      return own(kernel, inputs, output, machine);
    }
    // A recorder stops here: calls of the library are the main thread's.
    const { memory } = machine;
    withScratch(machine, (allocate) => {
      const [a, b] = [lying(x, allocate, machine), lying(y, allocate, machine)];
      multiply(blas[dtype], a, b, output, baseOf(memory));
    });
    if (!kernel.epilogue) return;
    if (dtype === "float32") finishAll({ epilogue: kernel.epilogue, output, others, machine });
    else map({ kind: "map", body: kernel.epilogue }, [output, ...others], output, machine);
  };
}

/** Where memory begins in the process: asked anew when it has grown, since it may have moved. */
function bases(blas: Blas): (memory: WebAssembly.Memory) => number {
  const known = new WeakMap<ArrayBufferLike, number>();
  return ({ buffer }) => {
    let base = known.get(buffer);
    if (base === undefined) known.set(buffer, base = blas.addressOf(new Uint8Array(buffer)));
    return base;
  };
}

function pays(a: Operand, { dtype, shape }: Operand, least: number): boolean {
  const [m, n, k] = [shape.at(-2)!, shape.at(-1)!, a.shape.at(-1)!];
  if (k === 0 || sizeOf(shape) === 0) return false;
  // What float64 has otherwise is the reference. Where one matrix is a vector, memory is the bound.
  return dtype === "float64" || (m > 1 && n > 1 && m * n * k >= least);
}

/** How CBLAS is told where the elements of a matrix lie: those of a row, or of a column, side by side. */
interface Placed {
  readonly transposed: number;
  readonly step: number;
}

/** Strides are in elements. Null where neither rows nor columns lie so, one after another. */
function placed(rows: number, columns: number, row: number, column: number): Placed | null {
  if (column === 1 && row >= columns) return { transposed: cblas.asItIs, step: row };
  if (row === 1 && column >= rows) return { transposed: cblas.transposed, step: column };
  return null;
}

function placedOperand({ shape, strides }: Operand): Placed | null {
  const [row, column] = [shape.length - 2, shape.length - 1];
  return placed(shape[row]!, shape[column]!, strides[row]!, strides[column]!);
}

/** The operand, or a row-major copy where the library could not be told how it lies; what is repeated stays one. */
function lying(x: Operand, allocate: Allocate, machine: Machine): Operand {
  if (placedOperand(x) !== null) return x;
  const own = x.shape.map((size, axis) => x.strides[axis] === 0 && axis < x.shape.length - 2 ? 1 : size);
  const length = sizeOf(own);
  const copy = { ...contiguous(own), dtype: x.dtype, address: allocate(arrayBytes(x.dtype, length)), length };
  map({ kind: "map", body: input(0, x.dtype) }, [{ ...x, shape: own }], copy, machine);
  return { ...copy, shape: x.shape, strides: copy.strides.map((step, axis) => own[axis] === x.shape[axis] ? step : 0) };
}

/** Operands lie as `placed` wants them; memory begins at `base`. */
function multiply(gemm: Gemm, a: Operand, b: Operand, output: Operand, base: number): void {
  const rank = output.shape.length;
  const [m, n, k] = [output.shape[rank - 2]!, output.shape[rank - 1]!, a.shape[rank - 1]!];
  const bytes = arrayBytes(output.dtype, 1);
  const batch = output.shape.slice(0, -2);
  const ofB = placedOperand(b)!;
  const call = (rows: number, ofA: Placed, atA: number, atB: number, atC: number): void =>
    gemm(
      cblas.rowMajor,
      ofA.transposed,
      ofB.transposed,
      rows,
      n,
      k,
      1,
      base + a.address + bytes * atA,
      ofA.step,
      base + b.address + bytes * atB,
      ofB.step,
      0,
      base + output.address + bytes * atC,
      n,
    );
  // One tall product is faster than many.
  const tall = tallRowStride(a, b);
  const rows = m * sizeOf(batch);
  const ofTall = tall === null ? null : placed(rows, k, tall, a.strides[rank - 1]!);
  if (ofTall !== null) return call(rows, ofTall, a.offset, b.offset, output.offset);
  const ofA = placedOperand(a)!;
  let atC = output.offset;
  forEachPair(batch, a, b, (atA, atB) => {
    call(m, ofA, atA, atB, atC);
    atC += m * n;
  });
}
