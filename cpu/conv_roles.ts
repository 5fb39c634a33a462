/**
 * The three derivatives of the trilinear form, each by a register tile: the rows of the padded input, found by tables,
 * are read for the output and for the kernel's gradient, and added to for the input's gradient.
 */

import { type Contraction, packPanels, panelBytes, tileFor, withScratch } from "./contraction.ts";
import { type ConvAxis, countRows, inputRows, outputRows, piecesOf, type Three, type Volume } from "./conv_tables.ts";
import type { FinishBlock } from "./epilogue.ts";
import type { Machine } from "./machine.ts";

export interface Convolution {
  readonly machine: Machine;
  readonly kernels: Contraction;
  readonly groups: number;
  /** The input (or its gradient) with padding, the output (or its gradient), and the kernel (or its gradient), row-major. */
  readonly x: Volume;
  readonly g: Volume;
  readonly w: number;
  /** Whether blocks are as large as can be: fewer calls, for what is seldom done. */
  readonly coarse?: boolean;
}

/** Output cells per call: what is read for them and their sums stay in L2, and new code is soon optimised. */
const blockRows = 132;
/** The blocks of what is seldom done: its calls are part of every program. */
const coarseBlocks = 4;

function rowsAtOnce(rows: number, coarse: boolean | undefined): number {
  return coarse ? Math.max(blockRows, Math.ceil(rows / coarseBlocks)) : blockRows;
}

/** Terms of a sum per call: a panel of as many weights stays in L1. */
const blockDepth = 640;

/** Writes the output, or adds to it; blocks of cells are finished as soon as they are computed. */
export function forward(
  { machine, kernels, groups, x, g, w, coarse }: Convolution,
  axes: Three<ConvAxis>,
  adds: boolean,
  finish: FinishBlock | null,
): void {
  const [channels, features] = [x.channels / groups, g.channels / groups];
  withScratch(machine, (allocate) => {
    const from = inputRows(kernels, allocate, x, axes, "inOrder");
    const to = outputRows(kernels, allocate, g, axes, "inOrder");
    const { table, count, run } = piecesOf(kernels, allocate, x, axes, channels);
    const rows = countRows(x.batch, axes);
    const block = rowsAtOnce(rows, coarse);
    if (isDepthwise(groups, x, g)) {
      return forEachBlock(rows, block, (i, size) => {
        kernels.depthwiseRows(
          from.start,
          from.table + 4 * i,
          size,
          table,
          count,
          w,
          groups,
          to.start,
          to.table + 4 * i,
          Number(adds),
        );
        finish?.(0, i, size, 0, g.channels);
      });
    }
    const depth = count * run;
    const tile = tileFor(machine, rows * depth * g.channels, features);
    const packed = allocate(panelBytes(tile, depth, features));
    // Whole pieces at a time, or parts of one.
    const pieces = Math.max(1, Math.floor(blockDepth / run));
    for (let group = 0; group < groups; group++) {
      packPanels(kernels, tile, packed, w + 4 * group * features, depth, features, 4 * g.channels, 4);
      forEachBlock(rows, block, (i, size) => {
        forEachBlock(count, pieces, (piece, some) => {
          forEachBlock(run, blockDepth, (skip, part) => {
            const before = piece * run + skip;
            tile.rows(
              from.start + 4 * (group * channels + skip),
              from.table + 4 * i,
              size,
              table + 4 * piece,
              some,
              part,
              packed + panelBytes(tile, before, 1),
              panelBytes(tile, depth, 1),
              features,
              to.start + 4 * group * features,
              to.table + 4 * i,
              Number(adds || before > 0),
            );
          });
        });
        finish?.(0, i, size, group * features, features);
      });
    }
  });
}

/** Adds each cell of the output's gradient, times the weights, to its window in the input's gradient. */
export function inputGradient({ machine, kernels, groups, x, g, w, coarse }: Convolution, axes: Three<ConvAxis>): void {
  const [channels, features] = [x.channels / groups, g.channels / groups];
  withScratch(machine, (allocate) => {
    const from = outputRows(kernels, allocate, g, axes, "apart");
    const to = inputRows(kernels, allocate, x, axes, "apart");
    const { table, count, run, offsetOf } = piecesOf(kernels, allocate, x, axes, channels);
    const rows = countRows(x.batch, axes);
    const block = rowsAtOnce(rows, coarse);
    if (isDepthwise(groups, x, g)) {
      return forEachBlock(rows, block, (i, size) => {
        kernels.depthwiseSpread(
          from.start,
          from.table + 4 * i,
          size,
          table,
          count,
          w,
          groups,
          to.start,
          to.table + 4 * i,
        );
      });
    }
    const tile = tileFor(machine, rows * count * run * g.channels, run);
    const pieceBytes = panelBytes(tile, features, run);
    const packed = allocate(count * pieceBytes);
    for (let group = 0; group < groups; group++) {
      for (let piece = 0; piece < count; piece++) {
        const weights = w + 4 * (piece * run * g.channels + group * features);
        packPanels(kernels, tile, packed + piece * pieceBytes, weights, features, run, 4, 4 * g.channels);
      }
      forEachBlock(rows, block, (i, size) => {
        for (let piece = 0; piece < count; piece++) {
          forEachBlock(features, blockDepth, (skip, part) => {
            // A row of the gradient is one piece at offset 0, which is what its table begins with.
            tile.rows(
              from.start + 4 * (group * features + skip),
              from.table + 4 * i,
              size,
              from.table,
              1,
              part,
              packed + piece * pieceBytes + panelBytes(tile, skip, 1),
              panelBytes(tile, features, 1),
              run,
              to.start + 4 * group * channels + offsetOf(piece),
              to.table + 4 * i,
              1,
            );
          });
        }
      });
    }
  });
}

/** With fewer rows of the kernel, the output's gradient is read where it lies: packing would take as long as the product. */
const leastToPack = 256;

/** Writes the gradients of the taps, `[taps, channels / groups, features]`, to `w`. The gradient's cells are those of g, in order. */
export function kernelGradient(
  { machine, kernels, groups, x, g, w, coarse }: Convolution,
  axes: Three<ConvAxis>,
): void {
  const [channels, features] = [x.channels / groups, g.channels / groups];
  withScratch(machine, (allocate) => {
    const from = inputRows(kernels, allocate, x, axes, "inOrder");
    const { table, count, run } = piecesOf(kernels, allocate, x, axes, channels);
    const rows = countRows(x.batch, axes);
    const block = rowsAtOnce(rows, coarse);
    if (rows === 0) return kernels.clear(w, count * run * g.channels);
    if (isDepthwise(groups, x, g)) {
      return forEachBlock(rows, block, (i, size) => {
        kernels.depthwiseTaps(
          from.start,
          from.table + 4 * i,
          size,
          table,
          count,
          g.address + 4 * i * groups,
          groups,
          w,
          Number(i > 0),
        );
      });
    }
    const tile = tileFor(machine, rows * count * run * g.channels, features);
    const packs = count * run > leastToPack;
    const packed = packs ? allocate(panelBytes(tile, Math.min(block, rows), features)) : 0;
    for (let group = 0; group < groups; group++) {
      forEachBlock(rows, block, (i, size) => {
        const cells = g.address + 4 * (i * g.channels + group * features);
        if (packs) packPanels(kernels, tile, packed, cells, size, features, 4 * g.channels, 4);
        tile.columns(
          from.start + 4 * group * channels,
          from.table + 4 * i,
          size,
          table,
          count,
          run,
          packs ? packed : cells,
          packs ? panelBytes(tile, size, 1) : panelBytes(tile, 1, 1),
          features,
          w + 4 * group * features,
          4 * g.channels,
          Number(i > 0),
          packs ? panelBytes(tile, 1, 1) : 4 * g.channels,
        );
      });
    }
  });
}

/** Whether each channel has a kernel and a feature of its own. */
function isDepthwise(groups: number, x: Volume, g: Volume): boolean {
  return groups > 1 && x.channels === groups && g.channels === groups;
}

function forEachBlock(count: number, block: number, visit: (first: number, size: number) => void): void {
  for (let first = 0; first < count; first += block) visit(first, Math.min(block, count - first));
}
