/** Which way a contraction is computed in: the tiles, whether operands are copied first, and whether the depth is split. */

import { type Dispatch, type Machine, mostTurns } from "../kernel.ts";
import {
  collapsed,
  type Contraction,
  type Factor,
  isDeep,
  partialType,
  type Room,
  sizesOf,
  takesFours,
} from "./contraction.ts";
import { type DotTile, dotTile } from "./dot_tile.ts";
import { packed } from "./pack.ts";
import { registerTile, type TileShape } from "./register_tile.ts";
import { type SharedTile, sharedTile } from "./shared_tile.ts";
import { cutOf, unfinished } from "./split.ts";
import { rowMajor } from "../../ops/shape.ts";

export function contract(given: Contraction, machine: Machine): readonly Dispatch[] {
  const contraction = collapsed(given);
  const { batch, rows, columns, depth } = sizesOf(contraction);
  const shared = sharedTileFor(contraction, machine);
  if (shared !== null) {
    const groups = batch * Math.ceil(rows / shared.rows) * Math.ceil(columns / shared.columns);
    const parts = Math.min(Math.floor(depth / leastDepth), Math.ceil(wantedGroups / groups));
    return inParts(contraction, parts, single, machine, (some) => sharedTile(some, shared, machine));
  }
  const dot = dotTileFor(contraction, machine);
  if (dot !== null) {
    const groups = batch * Math.ceil(rows / dot.rows) * Math.ceil(columns / dot.columns);
    const parts = Math.min(Math.floor(depth / leastDotDepth), Math.ceil(wantedGroups / groups));
    return inParts(contraction, parts, single, machine, (some) => dotTile(some, dot, machine));
  }
  const tile = tileFor(contraction, machine);
  const copies: Dispatch[] = [];
  let current = contraction;
  for (const which of ["a", "b"] as const) {
    if (!isWorthCopying(contraction, which, tile, machine)) continue;
    const panel = which === "a" ? tile.rows * tile.threads[0] : tile.columns * tile.threads[1];
    const { dispatch, contraction: next } = packed(current, which, panel, machine);
    copies.push(dispatch);
    current = next;
  }
  const threads = batch * Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns);
  const wanted = Math.max(Math.ceil(wantedThreads(machine) / threads), partsOfCaches(contraction, machine));
  const parts = Math.min(Math.floor(depth / leastDepth), wanted);
  const compute = (some: Contraction, isWhole: boolean): Dispatch => registerTile(some, tile, isWhole, machine);
  return [...copies, ...inParts(current, parts, tile, machine, compute)];
}

/** Elements that are worth a temporary: beyond these memory is dearer than time. */
export function mostCopied({ limits }: Machine): number {
  return Math.min(2 ** 27, limits.bufferBytes) / 4;
}

const single: Room = { rows: 1, columns: 1 };

/**
 * Has all of a contraction computed, or parts of its depth and their sum. Where threads are slow together compilers are
 * too: tiles are stored as they are then, and what is left to do with sums is done by a shader of its own.
 */
function inParts(
  contraction: Contraction,
  parts: number,
  tile: Room,
  machine: Machine,
  compute: (contraction: Contraction, isWhole: boolean) => Dispatch,
): readonly Dispatch[] {
  const { batch, rows, columns, depth } = sizesOf(contraction);
  const sums = batch * (rows + tile.rows) * (columns + tile.columns);
  const hasRoom = sums <= mostCopied(machine);
  const isWhole = hasRoom && !machine.hasFastBarriers;
  // Were all sums of a thread NaN, it would compute them all again.
  const isBare = isWhole || (hasRoom && contraction.padding !== null && depth * mostSums > mostTurns);
  const cut = cutOf(contraction.shapes.depth, Math.max(1, Math.min(parts, Math.floor(mostCopied(machine) / sums))));
  const isDone = isWhole ? fitsWhole(contraction, tile) : !isBare;
  if (cut === null && isDone) return [compute(contraction, isWhole)];
  const { contraction: some, finish } = unfinished(contraction, cut, isWhole ? tile : single, isBare, machine);
  return [compute(some, isWhole), ...finish];
}

/** Sums of a thread at the most, where threads are fast together. */
const mostSums = 64;

/** Whether nothing is to be done with sums but to store them, tile by tile. */
function fitsWhole(contraction: Contraction, tile: Room): boolean {
  const { output, epilogue, padding } = contraction;
  const { dtype } = output.x.type;
  if (epilogue !== undefined || padding !== null || partialType(dtype) !== dtype) return false;
  const sizes = sizesOf(contraction);
  const { rows, columns } = output.room ?? sizes;
  const isFull = rows >= tile.rows * Math.ceil(sizes.rows / tile.rows) &&
    columns >= tile.columns * Math.ceil(sizes.columns / tile.columns);
  return isFull && (output.room !== undefined || isPlain(contraction));
}

/** Whether the output is a row-major matrix for each of the batch. */
function isPlain({ shapes, output: { offset, strides } }: Contraction): boolean {
  const kinds = ["batch", "rows", "columns"] as const;
  const shape = kinds.flatMap((kind) => shapes[kind]);
  const expected = rowMajor(shape);
  const isSame = kinds.flatMap((kind) => strides[kind]).every((stride, axis) =>
    shape[axis] === 1 || stride === expected[axis]
  );
  return isSame && offset === 0;
}

/** Terms of a sum that a thread has at least. */
const leastDepth = 128;

/** Threads that keep a machine busy. */
function wantedThreads({ hasFastBarriers }: Machine): number {
  return hasFastBarriers ? 2 ** 14 : 128;
}

/** Workgroups of shared tiles that keep a GPU busy: several for each of its processors. */
const wantedGroups = 256;

/** The tiles of workgroups, where threads are fast together and tiles are not mostly empty. */
function sharedTileFor(contraction: Contraction, { hasFastBarriers, limits }: Machine): SharedTile | null {
  const { batch, rows, columns, depth } = sizesOf(contraction);
  if (!hasFastBarriers || rows < 32 || columns < 32 || depth < 16) return null;
  const groups = batch * Math.ceil(rows / 128) * Math.ceil(columns / 128);
  const isLarge = rows >= 128 && columns >= 128 && groups >= wantedGroups / 2;
  return isLarge && limits.threads >= 256 && limits.sharedBytes >= 16384
    ? { rows: 128, columns: 128 }
    : { rows: 64, columns: 64 };
}

/** Terms that a workgroup has at least where its threads share them. */
const leastDotDepth = 1024;

/** The sums of a workgroup, where there are few rows or columns and neighbours along the depth lie together. */
function dotTileFor(contraction: Contraction, { hasFastBarriers }: Machine): DotTile | null {
  const { rows, columns, depth } = sizesOf(contraction);
  const isLong = isDeep(contraction, rows >= columns ? contraction.a : contraction.b);
  if (!hasFastBarriers || !isLong || depth < 256) return null;
  return { rows: Math.min(rows, 4), columns: Math.min(columns, 4) };
}

/** Parts so small that what a workgroup reads stays in a cache while others read it too. */
function partsOfCaches(contraction: Contraction, machine: Machine): number {
  const { batch, rows, columns, depth } = sizesOf(contraction);
  if (machine.hasFastBarriers) return 1;
  return Math.min(Math.floor(depth / cachedDepth), Math.floor(mostCopied(machine) / (batch * rows * columns)));
}

const cachedDepth = 1024;

/** Sizes from which on the largest tiles pay, and copies of operands that could be read as they are. */
const large = 128;

/** Products that are soon computed by however few threads. */
const mostOfOne = 2 ** 17;

/** Products for which small tiles do, that compile fast. */
const mostOfShort = 2 ** 21;

function tileFor(contraction: Contraction, machine: Machine): TileShape {
  const { batch, rows, columns, depth } = sizesOf(contraction);
  const { shapes, output, a, b } = contraction;
  const isLarge = rows >= large && columns >= large;
  const isCopied = rows >= 48 && columns >= 64 &&
    !(hasVectors(contraction, a, "rows") && hasVectors(contraction, b, "columns"));
  const work = batch * rows * columns * depth;
  const isLong = work >= 2 ** 25 && depth >= 32;
  // Tiles that are stored where the output takes no vectors would be stored number by number.
  const isStored = !machine.hasFastBarriers || takesFours(output, "columns", shapes.columns);
  if (isLong && (isLarge || isCopied) && canCopy(contraction, machine) && isStored) {
    return { rows: 16, columns: 16, threads: columns > 64 ? [1, 8] : [2, 4] };
  }
  // A deep sum can be split, so that there are enough threads.
  const most = batch * Math.max(1, Math.floor(depth / leastDepth));
  const isEnough = (r: number, c: number): boolean =>
    (!machine.hasFastBarriers && work <= mostOfOne) ||
    most * Math.ceil(rows / r) * Math.ceil(columns / c) >= wantedThreads(machine);
  const mayBeEight = machine.hasFastBarriers || work > mostOfShort;
  const c = columns === 1 ? 1 : columns > 4 && mayBeEight && isEnough(8, 8) ? 8 : 4;
  const r = [8, 4, 2].find((r) => rows >= r && (r < 8 || mayBeEight) && isEnough(r, c)) ?? 1;
  const across = Math.min(powerOfTwo(columns / c), Math.max(8, 64 / powerOfTwo(rows / r)));
  return { rows: r, columns: c, threads: [64 / across, across] };
}

/** The least power of two that is not below a number. */
function powerOfTwo(n: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(n)));
}

/** Copies pay where elements are used often, and would be read one by one or from far apart. */
function isWorthCopying(contraction: Contraction, which: "a" | "b", tile: TileShape, machine: Machine): boolean {
  if (tile.rows === 16) return true;
  const { rows, columns } = sizesOf(contraction);
  const [kind, own, uses] = which === "a"
    ? ["rows", tile.rows, columns / tile.columns] as const
    : ["columns", tile.columns, rows / tile.rows] as const;
  const wants = own % 4 === 0 && uses >= 4 && !hasVectors(contraction, contraction[which], kind);
  return wants && canCopy(contraction, machine);
}

function canCopy(contraction: Contraction, machine: Machine): boolean {
  const { batch, rows, columns, depth } = sizesOf(contraction);
  // Panels are filled up.
  return batch * depth * (Math.max(rows, columns) + 128) <= mostCopied(machine);
}

/** Whether an operand can be read by fours as it lies. */
function hasVectors(contraction: Contraction, factor: Factor, kind: "rows" | "columns"): boolean {
  return takesFours(factor, kind, contraction.shapes[kind]) || isDeep(contraction, factor);
}
