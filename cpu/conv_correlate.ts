/** The gradient of a convolution by its kernel: input and output's gradient multiplied and summed over all cells. */

import { type Contraction, packPanels, withScratch } from "./contraction.ts";
import type { GatherAxis } from "./conv_axes.ts";
import { piecesOf, sourceRows, type Three, type Volume } from "./conv_volume.ts";
import type { Machine } from "./machine.ts";
import { panelBytes } from "./tile.ts";

/** The output's gradient: `features` contiguous floats for each cell, in order. */
export interface Gradient {
  readonly address: number;
  readonly features: number;
}

/** Cells per call: a panel of 8 of their features and what one tap of them reads stay in L1. */
const blockRows = 128;

/** Writes the gradients `[taps, channels / groups, features]` of the taps of `parts` to `target`. */
export function correlate(
  machine: Machine,
  kernels: Contraction,
  source: Volume,
  parts: Three<GatherAxis>,
  { address, features }: Gradient,
  groups: number,
  target: number,
): void {
  const [channels, columns] = [source.channels / groups, features / groups];
  withScratch(machine, (allocate) => {
    const rows = sourceRows(kernels, allocate, source, parts);
    const pieces = piecesOf(kernels, allocate, source, parts, channels);
    if (rows.count === 0) return kernels.clear(target, pieces.count * pieces.run * features);
    if (groups > 1 && channels === 1 && columns === 1) {
      for (let i = 0; i < rows.count; i += blockRows) {
        kernels.depthwiseTaps(
          rows.start,
          rows.table + 4 * i,
          Math.min(blockRows, rows.count - i),
          pieces.table,
          pieces.count,
          address + 4 * i * features,
          features,
          target,
          i === 0 ? 0 : 1,
        );
      }
      return;
    }
    const packed = allocate(panelBytes(Math.min(blockRows, rows.count), columns));
    for (let group = 0; group < groups; group++) {
      for (let i = 0; i < rows.count; i += blockRows) {
        const count = Math.min(blockRows, rows.count - i);
        packPanels(kernels, packed, address + 4 * (i * features + group * columns), count, columns, 4 * features, 4);
        kernels.columns(
          rows.start + 4 * group * channels,
          rows.table + 4 * i,
          count,
          pieces.table,
          pieces.count,
          pieces.run,
          packed,
          panelBytes(count, 1),
          columns,
          target + 4 * group * columns,
          4 * features,
          i === 0 ? 0 : 1,
        );
      }
    }
  });
}
