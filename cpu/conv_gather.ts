/** Runs a gather: the convolution itself, and its gradient by the input. */

import { type Contraction, packPanels, withScratch } from "./contraction.ts";
import type { GatherAxis } from "./conv_axes.ts";
import { type Pieces, piecesOf, type Rows, sourceRows, targetRows, type Three, type Volume } from "./conv_volume.ts";
import type { Machine } from "./machine.ts";
import { panelBytes } from "./tile.ts";

/** A kernel as a gather reads it: for each position and group a matrix from source channels to target channels. */
export interface Weights {
  readonly address: number;
  readonly groups: number;
  /** Channels of a group in the source and in the target. */
  readonly rows: number;
  readonly columns: number;
  /** Strides in bytes. */
  readonly positionSteps: Three<number>;
  readonly rowStep: number;
  readonly columnStep: number;
  readonly groupStep: number;
}

/** Target cells per call: their sums, and what they are gathered from, stay in L2. */
const blockRows = 256;
/** Terms per call: a panel of 8 columns of as many weights stays in L1. */
const blockDepth = 640;

/** Writes, or with `accumulate` adds to, the target's cells that `parts` covers. */
export function gather(
  machine: Machine,
  kernels: Contraction,
  source: Volume,
  parts: Three<GatherAxis>,
  weights: Weights,
  target: Volume,
  accumulate: boolean,
): void {
  withScratch(machine, (allocate) => {
    const from = sourceRows(kernels, allocate, source, parts);
    const to = targetRows(kernels, allocate, target, parts);
    const pieces = piecesOf(kernels, allocate, source, parts, weights.rows);
    if (isDepthwise(weights)) {
      const packed = allocate(4 * pieces.count * weights.groups);
      packDepthwise(kernels, packed, parts, weights);
      for (let i = 0; i < from.count; i += blockRows) {
        const count = Math.min(blockRows, from.count - i);
        kernels.depthwiseRows(
          from.start,
          from.table + 4 * i,
          count,
          pieces.table,
          pieces.count,
          packed,
          weights.groups,
          to.start,
          to.table + 4 * i,
          accumulate ? 1 : 0,
        );
      }
      return;
    }
    const depth = pieces.count * pieces.run;
    const packed = allocate(panelBytes(depth, weights.columns));
    for (let group = 0; group < weights.groups; group++) {
      packGroup(kernels, packed, parts, weights, group, depth);
      const ofGroup = { ...from, start: from.start + 4 * group * weights.rows };
      const toGroup = { ...to, start: to.start + 4 * group * weights.columns };
      multiplyRows(kernels, ofGroup, pieces, packed, weights.columns, toGroup, accumulate);
    }
  });
}

export function isDepthwise({ groups, rows, columns }: Pick<Weights, "groups" | "rows" | "columns">): boolean {
  return groups > 1 && rows === 1 && columns === 1;
}

function multiplyRows(
  kernels: Contraction,
  from: Rows,
  pieces: Pieces,
  packed: number,
  columns: number,
  to: Rows,
  accumulate: boolean,
): void {
  const blocks = depthBlocks(pieces);
  const panelStep = panelBytes(pieces.count * pieces.run, 1);
  for (let i = 0; i < from.count; i += blockRows) {
    for (const { piece, count, skip, run } of blocks) {
      const before = piece * pieces.run + skip;
      kernels.rows(
        from.start + 4 * skip,
        from.table + 4 * i,
        Math.min(blockRows, from.count - i),
        pieces.table + 4 * piece,
        count,
        run,
        packed + panelBytes(before, 1),
        panelStep,
        columns,
        to.start,
        to.table + 4 * i,
        accumulate || before > 0 ? 1 : 0,
      );
    }
  }
}

interface DepthBlock {
  readonly piece: number;
  readonly count: number;
  /** Floats of the pieces that come before, and that are taken. */
  readonly skip: number;
  readonly run: number;
}

/** Several whole pieces at a time, or a part of one. Without pieces there is one empty block, which writes zeros. */
function depthBlocks({ count, run }: Pieces): DepthBlock[] {
  const atOnce = Math.max(1, Math.floor(blockDepth / run));
  const blocks: DepthBlock[] = [];
  for (let piece = 0; piece < count; piece += atOnce) {
    for (let skip = 0; skip < run; skip += blockDepth) {
      blocks.push({ piece, count: Math.min(atOnce, count - piece), skip, run: Math.min(blockDepth, run - skip) });
    }
  }
  return blocks.length ? blocks : [{ piece: 0, count: 0, skip: 0, run: 0 }];
}

function packGroup(
  kernels: Contraction,
  packed: number,
  parts: Three<GatherAxis>,
  weights: Weights,
  group: number,
  depth: number,
): void {
  const { rows, columns, rowStep, columnStep, groupStep } = weights;
  forEachPosition(parts, weights, (address, tap) => {
    const to = packed + panelBytes(tap * rows, 1);
    packPanels(kernels, to, address + group * groupStep, rows, columns, rowStep, columnStep, panelBytes(depth, 1));
  });
}

function packDepthwise(kernels: Contraction, packed: number, parts: Three<GatherAxis>, weights: Weights): void {
  const { groups, groupStep } = weights;
  forEachPosition(parts, weights, (address, tap) => {
    kernels.copy(packed + 4 * groups * tap, address, 1, 1, groups, 0, 0, 0, 0, groupStep);
  });
}

/** Visits the addresses of the kernel's positions in the order of the taps. */
function forEachPosition(
  [z, y, x]: Three<GatherAxis>,
  { address, positionSteps: [stepZ, stepY, stepX] }: Weights,
  visit: (address: number, tap: number) => void,
): void {
  let tap = 0;
  for (const atZ of z.positions) {
    for (const atY of y.positions) {
      for (const atX of x.positions) visit(address + atZ * stepZ + atY * stepY + atX * stepX, tap++);
    }
  }
}
