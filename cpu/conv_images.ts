/** Some images of a convolution at a time: with their padding, and their tiles at the points (winograd.ts). */

import { type Allocate, contractionOf } from "./contraction.ts";
import { copyStrided } from "./copy.ts";
import type { Machine, Operand } from "./machine.ts";
import { walkerOf } from "./nest.ts";
import { slice } from "./slices.ts";
import { isContiguous, rowMajor, sizeOf } from "../ops/shape.ts";

/** The bytes from one point to the next: not a power of two, lest all points fall into the same sets of the cache. */
export function apart(matrixBytes: number): number {
  return matrixBytes + 64;
}

/** Tiles along an axis: the first begins `low` cells of padding before the image, the next is `step` cells on. */
export interface TileAxis {
  readonly tiles: number;
  readonly low: number;
  readonly step: number;
  /** The cells of a tile. */
  readonly reach: number;
}

/** So many images at a time, so many of their tiles at a time, and the size of the matrix of these at each point. */
export interface Portion {
  readonly images: number;
  readonly block: number;
  readonly points: number;
  readonly matrixBytes: number;
}

/** The input or the output, or the gradient of one; steps are in bytes. */
export interface Images {
  readonly channels: number;
  readonly stepY: number;
  readonly stepX: number;
  /** Where the images from `first` on are at hand. */
  readonly at: (first: number) => number;
  readonly bring: (first: number, count: number) => void;
  readonly clear: (first: number, count: number) => void;
  readonly takeBack: (first: number, count: number) => void;
  /** A table of where the tiles of the images at hand are. */
  readonly tiles: number;
  /** The matrices of tiles by channels, and a table of their rows. */
  readonly points: number;
  readonly pointBytes: number;
  readonly rows: number;
}

/** Of an operand with three spatial axes, of which the first has size 1. */
export function imagesOf(
  machine: Machine,
  allocate: Allocate,
  s: Operand,
  axes: readonly [TileAxis, TileAxis],
  { images, block, points, matrixBytes }: Portion,
): Images {
  const { copy, clear, offsets } = contractionOf(machine);
  const channels = s.shape[4]!;
  const sizes = axes.map(({ tiles, low, step, reach }, n) =>
    Math.max(low + s.shape[2 + n]!, (tiles - 1) * step + reach)
  ) as [number, number];
  const shape = [images, 1, ...sizes, channels];
  const strides = rowMajor(shape).map((stride) => 4 * stride) as [number, number, number, number, number];
  const [imageBytes, , stepY, stepX] = strides;

  // Padding stays zero from image to image.
  const isCopy = !isContiguous(s) || sizes.some((size, n) => size > s.shape[2 + n]!);
  const copied = isCopy ? allocate(4 * sizeOf(shape)) : 0;
  if (isCopy) clear(copied, sizeOf(shape));
  const inside = { address: copied + axes[0].low * stepY + axes[1].low * stepX, strides, elementBytes: 4 };
  const part = (first: number, count: number): Operand => slice(s, { axis: 0, start: first, size: count });
  const at = (first: number): number => isCopy ? copied : s.address + 4 * s.offset + first * imageBytes;

  const tilesOfImage = axes[0].tiles * axes[1].tiles;
  const tiles = allocate(4 * images * tilesOfImage);
  const [nextY, nextX] = [axes[0].step * stepY, axes[1].step * stepX];
  offsets(tiles, images, 1, axes[0].tiles, axes[1].tiles, imageBytes, 0, nextY, nextX);
  const rows = allocate(4 * block);
  offsets(rows, 1, 1, 1, block, 0, 0, 0, 4 * channels);
  const pointBytes = apart(matrixBytes);
  return {
    channels,
    stepY,
    stepX,
    at,
    bring(first, count) {
      if (!isCopy) return;
      const some = part(first, count);
      copyStrided(copy, some.shape, inside, walkerOf(some, 4));
    },
    clear: (first, count) => clear(at(first), count * imageBytes / 4),
    takeBack(first, count) {
      if (!isCopy) return;
      const some = part(first, count);
      copyStrided(copy, some.shape, walkerOf(some, 4), inside);
    },
    tiles,
    points: allocate(points * pointBytes),
    pointBytes,
    rows,
  };
}
