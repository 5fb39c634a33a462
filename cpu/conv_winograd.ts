/**
 * The three derivatives of the trilinear form for planes and kernels of 3x3 cells, by products at points (winograd.ts).
 * A cell is computed from all cells of its tile, those beyond its window included: rounding errors are in proportion to
 * the largest of them, and one that is not finite spoils the tile.
 */

import {
  type Allocate,
  type Contraction,
  packPanels,
  panelBytes,
  type Tile,
  tileFor,
  withScratch,
} from "./contraction.ts";
import { apart, type Images, imagesOf, type Portion, type TileAxis } from "./conv_images.ts";
import type { ConvAxis, Three } from "./conv_tables.ts";
import type { FinishBlock } from "./epilogue.ts";
import type { Machine, Operand } from "./machine.ts";
import { tileRows } from "./tile.ts";
import { type FilterStride, kernelCells, pointCount, tileCells, type Winograd, winogradOf } from "./winograd.ts";
import { sizeOf } from "../ops/shape.ts";

/**
 * With fewer channels or features, the way to the points and back costs what it gains; with fewer tiles, the kernel's
 * does. By the greater of the strides: where outputs are two cells apart, fewer products are saved.
 */
const least: Readonly<Record<number, { readonly channels: number; readonly tiles: number }>> = {
  1: { channels: 16, tiles: 32 },
  2: { channels: 32, tiles: 128 },
};
/** Channels times features: larger kernels would take too much memory at the points, on every thread. */
const mostWeights = 2 ** 18;
/** Channels and features come in whole vectors. */
const lanes = 4;

/** Tiles per call, roughly: their values at all points stay in L2. */
const blockTiles = 48;
/** Register tiles have six rows, and are summed up in steps of four. */
const blockGrain = 12;
/** Terms of a sum per call: a panel of as many weights stays in L1. */
const blockDepth = 640;

export interface PlaneConvolution {
  readonly machine: Machine;
  readonly kernels: Contraction;
  readonly axes: Three<ConvAxis>;
  /** The input and the output, or the gradient of one. */
  readonly x: Operand;
  readonly g: Operand;
  readonly w: number;
  /** See winograd.ts. */
  readonly poison: number;
}

/** Whether it can be computed so, and gains by it. */
export function isPlane(
  [z, y, x]: Three<ConvAxis>,
  groups: number,
  batch: number,
  channels: number,
  features: number,
): boolean {
  const enough = least[Math.max(y.stride, x.stride)];
  return enough !== undefined && groups === 1 && isSingle(z) &&
    [y, x].every(({ taps, dilation }) => taps === kernelCells && dilation === 1) &&
    [channels, features].every((count) => count >= enough.channels && count % lanes === 0) &&
    channels * features <= mostWeights && batch * tilesAlong(y) * tilesAlong(x) >= enough.tiles;
}

function isSingle({ taps, cells, input, low, high }: ConvAxis): boolean {
  return taps === 1 && cells === 1 && input === 1 && low + high === 0;
}

function tilesAlong({ cells }: ConvAxis): number {
  return Math.ceil(cells / tileCells);
}

/** Writes the output. */
export function planeForward(convolution: PlaneConvolution, finish: FinishBlock | null): void {
  withWork(convolution, convolution.g, (work) => {
    const { transforms: { inputToPoints, pointsToOutput }, x, g } = work;
    convolveImages(work, convolution, [x, inputToPoints], [g, pointsToOutput], finish);
  });
}

/** Writes the input's gradient. */
export function planeInputGradient(convolution: PlaneConvolution, finish: FinishBlock | null): void {
  withWork(convolution, convolution.x, (work) => {
    const { transforms: { outputToPoints, pointsToInput }, x, g } = work;
    convolveImages(work, convolution, [g, outputToPoints], [x, pointsToInput], finish);
  });
}

/** Writes the kernel's gradient. */
export function planeKernelGradient(convolution: PlaneConvolution): void {
  // The matrices have rows for what fills register tiles better, and columns for the other.
  const isTurned = rowsComputed(convolution.g) < rowsComputed(convolution.x);
  withWork(convolution, isTurned ? convolution.x : convolution.g, (work) => {
    const { kernels, transforms, tile, points, block, x, g, ofKernel, kernelBytes, tapBytes, allocate } = work;
    const { inputToPoints, outputToPoints } = transforms;
    const [[rows, bringRows], [columns, bringColumns]] = isTurned
      ? [[g, outputToPoints], [x, inputToPoints]] as const
      : [[x, inputToPoints], [g, outputToPoints]] as const;
    const sums = isTurned ? allocate(points * kernelBytes) : ofKernel;
    const panel = panelBytes(tile, block, 1);
    // Zeros beside the last columns, since arithmetic on what happens to lie there may be slow.
    kernels.clear(columns.points, points * columns.pointBytes / 4);
    let adds = 0;
    forEachChunk(work, (first, count) => {
      x.bring(first, count);
      g.bring(first, count);
      forEachBlock(work, count, (i, size) => {
        toPoints(bringRows, rows, first, i, size, rows.channels, 0);
        toPoints(bringColumns, columns, first, i, size, tile.panelColumns, panel);
        tile.eachEvenColumns(
          points,
          rows.pointBytes,
          columns.pointBytes,
          kernelBytes,
          rows.points,
          4 * rows.channels,
          size,
          rows.rows,
          1,
          rows.channels,
          columns.points,
          panel,
          columns.channels,
          sums,
          4 * columns.channels,
          adds,
          panelBytes(tile, 1, 1),
        );
        adds = 1;
      });
    });
    for (let point = 0; isTurned && point < points; point++) {
      const [to, from] = [ofKernel + point * kernelBytes, sums + point * kernelBytes];
      kernels.copy(to, from, 1, x.channels, g.channels, 0, 4 * g.channels, 0, 4, 4 * x.channels);
    }
    const { w, poison } = convolution;
    const [stepY, vectors] = [kernelCells * tapBytes, tapBytes / (4 * lanes)];
    transforms.pointsToKernel(w, x.rows, 1, stepY, tapBytes, vectors, ofKernel, kernelBytes, 0, poison);
  });
}

/** For each row that is meant: the last tile of registers is filled up. */
function rowsComputed({ shape }: Operand): number {
  return Math.ceil(shape[4]! / tileRows) * tileRows / shape[4]!;
}

interface Work {
  readonly kernels: Contraction;
  readonly transforms: Winograd;
  readonly tile: Tile;
  readonly points: number;
  readonly allocate: Allocate;
  readonly x: Images;
  readonly g: Images;
  /** The kernel at the points: matrices of channels by features, as its taps are. */
  readonly ofKernel: number;
  readonly kernelBytes: number;
  readonly tapBytes: number;
  readonly batch: number;
  /** How many at a time. */
  readonly images: number;
  readonly block: number;
  readonly tilesOfImage: number;
}

/** `packed`: of which the channels are the columns of matrices that are packed. */
function withWork(
  { machine, kernels, axes: [, ofY, ofX], x, g }: PlaneConvolution,
  packed: Operand,
  use: (work: Work) => void,
): void {
  const [batch, channels, features] = [x.shape[0]!, x.shape[4]!, g.shape[4]!];
  const strides = [ofY.stride, ofX.stride] as [FilterStride, FilterStride];
  const points = pointCount(strides);
  const tilesOfImage = tilesAlong(ofY) * tilesAlong(ofX);
  const images = Math.min(batch, Math.ceil(blockTiles / tilesOfImage));
  const blocks = Math.max(1, Math.round(images * tilesOfImage / blockTiles));
  const block = Math.ceil(images * tilesOfImage / blocks / blockGrain) * blockGrain;
  const tile = tileFor(machine, points * batch * tilesOfImage * channels * features, packed.shape[4]!);
  const [alongY, alongX] = [tileAxes(ofY), tileAxes(ofX)];
  const tapBytes = 4 * channels * features;
  const kernelBytes = apart(tapBytes);
  const portion = (columns: number): Portion => {
    return { images, block, points, matrixBytes: panelBytes(tile, block, columns) };
  };
  withScratch(machine, (allocate) => {
    use({
      kernels,
      transforms: winogradOf(machine, strides),
      tile,
      points,
      allocate,
      x: imagesOf(machine, allocate, x, [alongY.x, alongX.x], portion(channels)),
      g: imagesOf(machine, allocate, g, [alongY.g, alongX.g], portion(features)),
      ofKernel: allocate(points * kernelBytes),
      tapBytes,
      kernelBytes,
      batch,
      images,
      block,
      tilesOfImage,
    });
  });
}

/** How tiles lie along an axis of the input, and of the output. */
function tileAxes(axis: ConvAxis): { readonly x: TileAxis; readonly g: TileAxis } {
  const tiles = tilesAlong(axis);
  const reach = (tileCells - 1) * axis.stride + kernelCells;
  return {
    x: { tiles, low: axis.low, step: tileCells * axis.stride, reach },
    g: { tiles, low: 0, step: tileCells, reach: tileCells },
  };
}

/** Brings the images of one side to the points, multiplies them there by the kernel, and brings that to the other side. */
function convolveImages(
  work: Work,
  { x, g, w, poison }: PlaneConvolution,
  [from, bring]: readonly [Images, Winograd["inputToPoints"]],
  [to, bringBack]: readonly [Images, Winograd["pointsToInput"]],
  finish: FinishBlock | null,
): void {
  const packed = packedKernel(work, w, from === work.g);
  const adds = to === work.x;
  const cells = sizeOf((adds ? x : g).shape.slice(1, -1));
  const [vectors, rowBytes] = [to.channels / lanes, 4 * to.channels];
  forEachChunk(work, (first, count) => {
    from.bring(first, count);
    if (adds) to.clear(first, count);
    const at = to.at(first);
    forEachBlock(work, count, (i, size) => {
      toPoints(bring, from, first, i, size, from.channels, 0);
      multiply(work, from, to, packed, size);
      const tiles = to.tiles + 4 * i;
      bringBack(at, tiles, size, to.stepY, to.stepX, vectors, to.points, to.pointBytes, rowBytes, poison);
    });
    to.takeBack(first, count);
    finish?.(0, first * cells, count * cells, 0, to.channels);
  });
}

/** The matrices of the kernel at the points, or those transposed, packed. */
function packedKernel(work: Work, w: number, isTransposed: boolean): number {
  const { kernels, transforms, tile, points, x, g, ofKernel, kernelBytes, tapBytes, allocate } = work;
  const [stepY, vectors] = [kernelCells * tapBytes, tapBytes / (4 * lanes)];
  transforms.kernelToPoints(w, x.rows, 1, stepY, tapBytes, vectors, ofKernel, kernelBytes, 0, vectors, 0);
  const [rows, columns] = isTransposed ? [g.channels, x.channels] : [x.channels, g.channels];
  const [rowStep, columnStep] = isTransposed ? [4, 4 * g.channels] : [4 * g.channels, 4];
  const matrixBytes = panelBytes(tile, rows, columns);
  const packed = allocate(points * matrixBytes);
  for (let point = 0; point < points; point++) {
    const [to, from] = [packed + point * matrixBytes, ofKernel + point * kernelBytes];
    packPanels(kernels, tile, to, from, rows, columns, rowStep, columnStep);
  }
  return packed;
}

/** Multiplies a block's matrices at all points. */
function multiply({ tile, points }: Work, from: Images, to: Images, packed: number, size: number): void {
  const [depth, columns] = [from.channels, to.channels];
  forEachPart(depth, blockDepth, (skip, run) => {
    // A row is one piece at offset 0, which is what the table of rows begins with.
    tile.eachRows(
      points,
      from.pointBytes,
      panelBytes(tile, depth, columns),
      to.pointBytes,
      from.points + 4 * skip,
      from.rows,
      size,
      from.rows,
      1,
      run,
      packed + panelBytes(tile, skip, 1),
      panelBytes(tile, depth, 1),
      columns,
      to.points,
      to.rows,
      Number(skip > 0),
    );
  });
}

/** Brings a block of the images at hand to the points, in panels of so many columns, `panelBytes` apart. */
function toPoints(
  bring: Winograd["inputToPoints"],
  { at, tiles, stepY, stepX, channels, points, pointBytes }: Images,
  first: number,
  i: number,
  size: number,
  columns: number,
  panelBytes: number,
): void {
  const panelVectors = columns / lanes;
  const panelSkip = panelBytes - 4 * columns;
  const vectors = channels / lanes;
  bring(
    at(first),
    tiles + 4 * i,
    size,
    stepY,
    stepX,
    vectors,
    points,
    pointBytes,
    4 * columns,
    panelVectors,
    panelSkip,
  );
}

function forEachChunk({ batch, images }: Work, visit: (first: number, count: number) => void): void {
  forEachPart(batch, images, visit);
}

/** Visits the tiles of the images at hand. */
function forEachBlock(
  { block, tilesOfImage }: Work,
  images: number,
  visit: (first: number, size: number) => void,
): void {
  forEachPart(images * tilesOfImage, block, visit);
}

function forEachPart(count: number, part: number, visit: (first: number, size: number) => void): void {
  for (let first = 0; first < count; first += part) visit(first, Math.min(part, count - first));
}
