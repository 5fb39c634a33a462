/** WebAssembly for sliding windows: one nest of loops over windows, channels and cells, with a body for each role. */

import { assemble, FunctionBuilder, i32, type Local, v128, type ValueType } from "./assembler.ts";
import { advance, countDown, forEachGroup, fourLanes, type Group, newLocals, oneLane, twoLanes } from "./loops.ts";
import type { WindowRole } from "../ops/kernel.ts";

/** The sizes and steps that the loops need of one spatial axis. */
export interface WindowAxis {
  readonly input: number;
  readonly output: number;
  readonly window: number;
  readonly stride: number;
  readonly low: number;
}

const axisFields = ["input", "output", "window", "stride", "low"] as const;

/**
 * Cells are `[batch, z, y, x, channels]` at `cells`, windows the like at `windows`: the role says which of them is
 * read. `positions`, for `take` and `put`, are laid out as the windows.
 */
export type SlideWindows = (cells: number, windows: number, positions: number, batch: number, channels: number, ...axes: number[]) => void;

/** The axes z, y, x as arguments. */
export function axisArguments(axes: readonly WindowAxis[]): number[] {
  return axes.flatMap((axis) => axisFields.map((field) => axis[field]));
}

const groups: readonly Group[] = [
  { lanes: fourLanes, vectors: 4 },
  { lanes: fourLanes, vectors: 1 },
  { lanes: twoLanes, vectors: 1 },
  { lanes: oneLane, vectors: 1 },
];

/** What a role does with a group of channels; vector v of it lies 16·v bytes further on. */
interface Body {
  /** Before the cells of a window: `window` and `positions` are addresses, `first` the position of the first cell. */
  readonly start: (group: Group, at: { readonly window: Local; readonly positions: Local; readonly first: Local }) => void;
  /** For each cell that is no padding. */
  readonly cell: (group: Group, at: { readonly cell: Local; readonly position: Local }) => void;
  readonly finish: (group: Group, at: { readonly window: Local }) => void;
}

export function windowModule(role: WindowRole): Uint8Array<ArrayBuffer> {
  const f = new FunctionBuilder(new Array<ValueType>(5 + 3 * axisFields.length).fill(i32));
  slide(f, bodyOf(f, role));
  return assemble({ slide: f });
}
