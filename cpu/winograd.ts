/**
 * Convolution with kernels of 3 cells by fewer products (Winograd 1980): Σ w·d·g over 2 output cells and the cells of
 * the input that they see is Σ over some points of (G·w)·(B·d)·(A·g), with 4 points for the 6 products of neighbouring
 * outputs, 5 where outputs are two cells apart. Along both axes of a plane that is 16 for 36, or 25. At each point channels
 * make matrices, whose products the register tiles compute; here the cells are brought to the points and back.
 */

import { assemble, FunctionBuilder, i32, type Local, v128, type ValueType } from "./assembler.ts";
import { functionsOf, type KernelModule, kernelModule } from "./code.ts";
import { advance, countDown, newLocals, parameters } from "./loops.ts";
import type { Machine } from "./machine.ts";

/** A row for each point. The entries are 0, ±1 and ±½; those that are not 0 are not all negative, in no row or column. */
type Matrix = readonly (readonly number[])[];

interface Filter {
  readonly ofInput: Matrix;
  readonly ofKernel: Matrix;
  readonly ofOutput: Matrix;
}

/** The output cells of a tile, and the taps, along an axis. */
export const tileCells = 2;
export const kernelCells = 3;

const filters: readonly Filter[] = [
  // Products of polynomials, by their values at 0, 1, −1 and ∞.
  {
    ofInput: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]],
    ofKernel: [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
    ofOutput: [[1, 0], [1, 1], [1, -1], [0, 1]],
  },
  // The outer taps see every other cell, by values at 0, 1 and ∞; the inner one sees those between.
  {
    ofInput: [[1, 0, -1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, -1, 0, 1], [0, 0, 0, 1, 0]],
    ofKernel: [[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 1], [0, 1, 0]],
    ofOutput: [[1, 0], [1, 0], [1, 1], [0, 1], [0, 1]],
  },
];

/** The strides that there are filters for. */
export type FilterStride = 1 | 2;

/**
 * From cells to points: tile i of `[y, x, channel]` is at `cells + tiles[i]`; its values at the points are matrices
 * `[tile, channel]`, `pointBytes` apart. Of four channels each, `panelVectors` lie side by side, and `panelSkip` further
 * on the next.
 */
export type ToPoints = (
  cells: number,
  tiles: number,
  tileCount: number,
  stepY: number,
  stepX: number,
  vectors: number,
  points: number,
  pointBytes: number,
  tileBytes: number,
  panelVectors: number,
  panelSkip: number,
) => void;

/** The transpose. The four floats at `poison` become NaN where a value that is written is not finite. */
export type FromPoints = (
  cells: number,
  tiles: number,
  tileCount: number,
  stepY: number,
  stepX: number,
  vectors: number,
  points: number,
  pointBytes: number,
  tileBytes: number,
  poison: number,
) => void;

export interface Winograd {
  readonly inputToPoints: ToPoints;
  readonly kernelToPoints: ToPoints;
  readonly outputToPoints: ToPoints;
  /** Adds to the cells. */
  readonly pointsToInput: FromPoints;
  readonly pointsToKernel: FromPoints;
  readonly pointsToOutput: FromPoints;
}

export type PlaneStrides = readonly [y: FilterStride, x: FilterStride];

/** The binary for such strides. */
export function winogradModule([strideY, strideX]: PlaneStrides): Uint8Array<ArrayBuffer> {
  const [y, x] = [filters[strideY - 1]!, filters[strideX - 1]!];
  return assemble({
    inputToPoints: toPoints(y.ofInput, x.ofInput),
    kernelToPoints: toPoints(y.ofKernel, x.ofKernel),
    outputToPoints: toPoints(y.ofOutput, x.ofOutput),
    pointsToInput: fromPoints(y.ofInput, x.ofInput, true),
    pointsToKernel: fromPoints(y.ofKernel, x.ofKernel, false),
    pointsToOutput: fromPoints(y.ofOutput, x.ofOutput, false),
  });
}

const modules = new Map<string, KernelModule>();

export function winogradOf(machine: Machine, strides: PlaneStrides): Winograd {
  const key = strides.join();
  let module = modules.get(key);
  if (module === undefined) modules.set(key, module = kernelModule(winogradModule(strides)));
  return functionsOf(module, machine) as unknown as Winograd;
}

export function pointCount([strideY, strideX]: PlaneStrides): number {
  return filters[strideY - 1]!.ofKernel.length * filters[strideX - 1]!.ofKernel.length;
}

/** Pushes a row of a matrix times some values. */
function pushSum(f: FunctionBuilder, row: readonly number[], values: readonly Local[]): void {
  let isFirst = true;
  for (const size of [0.5, 1]) {
    for (const sign of [1, -1]) {
      row.forEach((factor, n) => {
        if (factor !== sign * size) return;
        f.get(values[n]!);
        if (!isFirst) f.op(sign > 0 ? "f32x4.add" : "f32x4.sub");
        isFirst = false;
      });
    }
    if (size < 1 && !isFirst) f.f32x4(size).op("f32x4.mul");
  }
}

/** A row of a matrix times some values: in a new local, unless it is one of them. */
function sumOf(f: FunctionBuilder, row: readonly number[], values: readonly Local[]): Local {
  if (row.filter((factor) => factor !== 0).length === 1) return values[row.indexOf(1)]!;
  const sum = f.local(v128);
  pushSum(f, row, values);
  f.set(sum);
  return sum;
}

function transposed(matrix: Matrix): Matrix {
  return matrix[0]!.map((_, column) => matrix.map((row) => row[column]!));
}

/** Values of one of the axes, in new locals each. */
function loadLine(f: FunctionBuilder, at: Local, step: Local, count: number): Local[] {
  return f.locals(v128, count).map((value, n) => {
    if (n > 0) advance(f, at, step);
    f.get(at).memory("v128.load").set(value);
    return value;
  });
}

function toPoints(ofY: Matrix, ofX: Matrix): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(11).fill(i32));
  const [cells, tiles, tileCount, stepY, stepX, vectors, points, pointBytes, tileBytes, panelVectors, panelSkip] =
    parameters(11);
  const [corner, row, at, target, to, left, panelLeft] = newLocals(f, i32, 7);
  countDown(f, tileCount, () => {
    f.get(cells).get(tiles).memory("i32.load").op("i32.add").set(corner);
    f.get(points).set(target).get(vectors).set(left).get(panelVectors).set(panelLeft);
    countDown(f, left, () => {
      f.get(corner).set(row);
      const rows = ofY[0]!.map((_, y) => {
        if (y > 0) advance(f, row, stepY);
        const line = loadLine(f.get(row).set(at), at, stepX, ofX[0]!.length);
        return ofX.map((factors) => sumOf(f, factors, line));
      });
      f.get(target).set(to);
      ofX.forEach((_, x) =>
        ofY.forEach((factors) => {
          pushSum(f.get(to), factors, rows.map((row) => row[x]!));
          f.memory("v128.store");
          advance(f, to, pointBytes);
        })
      );
      f.increment(corner, 16).increment(target, 16);
      f.get(panelLeft).i32(1).op("i32.sub").tee(panelLeft).op("i32.eqz").if(() => {
        f.get(panelVectors).set(panelLeft);
        advance(f, target, panelSkip);
      });
    });
    f.increment(tiles, 4);
    advance(f, points, tileBytes);
  });
  return f;
}

function fromPoints(ofY: Matrix, ofX: Matrix, adds: boolean): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(10).fill(i32));
  const [cells, tiles, tileCount, stepY, stepX, vectors, points, pointBytes, tileBytes, poison] = parameters(10);
  const [corner, row, at, source, from, left] = newLocals(f, i32, 6);
  const [value, spoilt, zero] = newLocals(f, v128, 3);
  const [toY, toX] = [transposed(ofY), transposed(ofX)];
  f.get(poison).memory("v128.load").set(spoilt);
  countDown(f, tileCount, () => {
    f.get(cells).get(tiles).memory("i32.load").op("i32.add").set(corner);
    f.get(points).set(source).get(vectors).set(left);
    countDown(f, left, () => {
      f.get(source).set(from);
      const columns = ofX.map((_, x) => {
        if (x > 0) advance(f, from, pointBytes);
        const line = loadLine(f, from, pointBytes, ofY.length);
        return toY.map((factors) => sumOf(f, factors, line));
      });
      f.get(corner).set(row);
      toY.forEach((_, y) => {
        if (y > 0) advance(f, row, stepY);
        f.get(row).set(at);
        toX.forEach((factors, x) => {
          if (x > 0) advance(f, at, stepX);
          pushSum(f, factors, columns.map((column) => column[y]!));
          f.set(value);
          f.get(value).get(zero).op("f32x4.mul").get(spoilt).op("v128.or").set(spoilt);
          f.get(at).get(value);
          if (adds) f.get(at).memory("v128.load").op("f32x4.add");
          f.memory("v128.store");
        });
      });
      f.increment(corner, 16).increment(source, 16);
    });
    f.increment(tiles, 4);
    advance(f, points, tileBytes);
  });
  return f.get(poison).get(spoilt).memory("v128.store");
}
