/** Products of a matrix with a vector: bound by reading the matrix, so it is read once, in order, and never packed. */

import { FunctionBuilder, i32, type Local, v128 } from "./assembler.ts";
import {
  advance,
  atMost,
  countDown,
  forEachGroup,
  fourLanes,
  multiplyAdd,
  newLocals,
  oneLane,
  parameters,
  transpose4,
  type Width,
} from "./loops.ts";

/** `out[i] = Σ_k matrix[i, k]·vector[k]`, both contiguous along k. */
export type DotRows = (
  matrix: number,
  rowBytes: number,
  rowCount: number,
  vector: number,
  length: number,
  out: number,
) => void;

/** `out[j] = Σ_k vector[k]·matrix[k, j]`, the matrix contiguous along j; `vectorStep` is in bytes. */
export type SumRows = (
  matrix: number,
  rowBytes: number,
  rowCount: number,
  vector: number,
  vectorStep: number,
  length: number,
  out: number,
) => void;

/** `edge` is the index of `edgeStore`. */
export function dotRows(edge: number, relaxed: boolean): FunctionBuilder {
  const f = new FunctionBuilder([i32, i32, i32, i32, i32, i32]);
  const [matrix, rowBytes, rowCount, vector, length, out] = parameters(6);
  const [last, at, left] = newLocals(f, i32, 3);
  const [x, row] = newLocals(f, v128, 2);
  const pointers = f.locals(i32, 4);
  const sums = f.locals(v128, 4);
  const scratch = f.locals(v128, 2);
  const step = ({ load, count }: Width): void => {
    load(f.get(at)).set(x).increment(at, 4 * count);
    pointers.forEach((pointer, i) => {
      load(f.get(pointer)).set(row).increment(pointer, 4 * count);
      multiplyAdd(f, row, x, sums[i]!, relaxed);
    });
  };
  countDown(f, rowCount, () => {
    // Past the last row the last one is computed again, and not stored.
    f.get(rowCount).i32(1).op("i32.sub").set(last);
    pointers.forEach((pointer, i) => {
      f.get(matrix);
      atMost(f, last, i);
      f.get(rowBytes).op("i32.mul").op("i32.add").set(pointer);
      f.f32x4(0).set(sums[i]!);
    });
    f.get(vector).set(at).get(length).i32(2).op("i32.shr_u").set(left);
    countDown(f, left, () => step(fourLanes));
    f.get(length).i32(3).op("i32.and").set(left);
    countDown(f, left, () => step(oneLane));
    transpose4(f, sums, scratch);
    const [a, b, c, d] = sums as [Local, Local, Local, Local];
    f.get(a).get(b).op("f32x4.add").get(c).get(d).op("f32x4.add").op("f32x4.add").set(a);
    f.get(out).get(a).get(a);
    atMost(f, rowCount, 4);
    f.i32(0).call(edge).increment(out, 16);
    f.get(matrix).get(rowBytes).i32(2).op("i32.shl").op("i32.add").set(matrix);
  }, 4);
  return f;
}

export function sumRows(relaxed: boolean): FunctionBuilder {
  const f = new FunctionBuilder([i32, i32, i32, i32, i32, i32, i32]);
  const [matrix, rowBytes, rowCount, vector, vectorStep, length, out] = parameters(7);
  const [to, at, fours] = newLocals(f, i32, 3);
  const [sum, row] = newLocals(f, v128, 2);
  const pointers = f.locals(i32, 4);
  const factors = f.locals(v128, 4);

  /** Runs the body for every four elements of the output, and then for each of the last. */
  const forEachOutput = (body: (width: Width) => void): void => {
    f.get(out).set(to);
    forEachGroup(f, [{ width: fourLanes, vectors: 1 }, { width: oneLane, vectors: 1 }], length, at, ({ width }) => {
      body(width);
      width.store(f.get(to).get(sum)).increment(to, 4 * width.count);
    });
  };
  /** Adds some rows in one pass, so that the sums are loaded and stored that many times less. */
  const addRows = (rows: number): void => {
    const used = pointers.slice(0, rows);
    used.forEach((pointer, i) => {
      f.get(vector).memory("v128.load32_splat").set(factors[i]!).get(matrix).set(pointer);
      advance(f, vector, vectorStep);
      advance(f, matrix, rowBytes);
    });
    forEachOutput(({ load, count }) => {
      load(f.get(to)).set(sum);
      used.forEach((pointer, i) => {
        load(f.get(pointer)).set(row).increment(pointer, 4 * count);
        multiplyAdd(f, factors[i]!, row, sum, relaxed);
      });
    });
  };

  f.f32x4(0).set(sum);
  forEachOutput(() => {});
  f.get(rowCount).i32(2).op("i32.shr_u").set(fours);
  countDown(f, fours, () => addRows(4));
  f.get(rowCount).i32(3).op("i32.and").set(rowCount);
  countDown(f, rowCount, () => addRows(1));
  return f;
}
