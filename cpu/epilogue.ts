/** Elementwise work on what a contraction has computed: in place, and block by block while a block lies in a cache. */

import { loopInto } from "./loop.ts";
import type { Machine, Operand } from "./machine.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { type Scalar, topological } from "../ops/scalar.ts";
import { reshapeView, sizeOf } from "../ops/shape.ts";

/** A contraction's output, with the further inputs of its epilogue. */
export interface Unfinished {
  readonly epilogue: Scalar;
  readonly output: Operand;
  readonly others: readonly Operand[];
  readonly machine: Machine;
}

const kernels = new WeakMap<Scalar, KernelOf<"loop">>();

/** The same object for the same epilogue. Its shape says nothing. */
function kernelOf(epilogue: Scalar): KernelOf<"loop"> {
  let kernel = kernels.get(epilogue);
  if (kernel === undefined) {
    kernel = { kind: "loop", shape: [], axes: [], stages: [], outputs: [{ body: epilogue, perRow: false }] };
    kernels.set(epilogue, kernel);
  }
  return kernel;
}

/** Finishes all of the output, whose product may lie elsewhere. */
export function finishAll({ epilogue, output, others, machine }: Unfinished, product: Operand = output): void {
  loopInto(kernelOf(epilogue), output.shape, [product, ...others], [output], machine);
}

/** Finishes some rows and columns of one of the matrices; rows come in order. */
export type FinishBlock = (matrix: number, row: number, rows: number, column: number, columns: number) => void;

/** Outputs that stay in a cache until all of them is computed, and what is finished at once of others, in elements. */
const [cachedElements, elementsAtOnce] = [2 ** 15, 2 ** 14];

/** For an output seen as matrices. Null where blocks are not worth while or cannot be had: then all is finished at once. */
export function blocksOf(
  { epilogue, output, others, machine }: Unfinished,
  shape: readonly [matrices: number, rows: number, columns: number],
): FinishBlock | null {
  if (sizeOf(shape) <= cachedElements || topological(epilogue).some(({ op }) => op === "index")) return null;
  const seen: Operand[] = [];
  for (const x of [output, ...others]) {
    const view = reshapeView(x, shape);
    if (view === null) return null;
    seen.push({ ...x, ...view });
  }
  const finish: FinishBlock = (matrix, row, rows, column, columns) => {
    const parts = seen.map((x): Operand => {
      const [ofMatrix, ofRow, ofColumn] = x.strides as [number, number, number];
      const offset = x.offset + matrix * ofMatrix + row * ofRow + column * ofColumn;
      return { ...x, shape: [rows, columns], strides: [ofRow, ofColumn], offset };
    });
    loopInto(kernelOf(epilogue), [rows, columns], parts, [parts[0]!], machine);
  };
  let waiting = 0;
  return (matrix, row, rows, column, columns) => {
    waiting += rows;
    if (waiting * columns < elementsAtOnce && row + rows < shape[1]) return;
    finish(matrix, row + rows - waiting, waiting, column, columns);
    waiting = 0;
  };
}
