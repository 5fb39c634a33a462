/** How work on the rows of a domain is spread over threads. */

import type { Machine } from "../kernel.ts";
import type { Domain } from "./row_domain.ts";
import { sizeOf } from "../../ops/shape.ts";

export interface RowWork {
  /** Along it, four elements are taken at once; null where each is taken alone. */
  readonly vector: number | null;
  /** The axes that tell rows apart, that along which threads lie side by side last. */
  readonly order: readonly number[];
  /** Threads for one row, or for one part of it: a power of two. */
  readonly lanes: number;
  /** Whether neighbouring elements of a row lie side by side, rather than those of neighbouring rows. */
  readonly alongRows: boolean;
  /** Threads of a workgroup. */
  readonly threads: number;
  /** Parts that rows are cut into, each of `chunk` elements or of as many fours, but for the last. */
  readonly parts: number;
  readonly chunk: number;
}

/** How a machine best goes along rows. */
interface RowLayout extends Pick<RowWork, "vector" | "order" | "alongRows"> {
  /** Of a row, in elements or in fours. */
  readonly length: number;
  /** Rows, or fours of them. */
  readonly rows: number;
}

/** Terms in a row, or fours of them, that one thread may add. */
const longest = 1024;
/** Threads that keep a GPU busy. */
const busy = 2 ** 17;
/** Threads that keep a CPU busy. */
const busyOnCpu = 2048;

function layoutOf(domain: Domain, mayTakeFours: boolean, { hasFastBarriers }: Machine): RowLayout {
  const { shape, axis, strides } = domain;
  const others = [...shape.keys()].filter((a) => a !== axis);
  const beside = (a: number): number => strides.filter((own) => Math.abs(own[a]!) === 1).length;
  const side = others.findLast((a) => beside(a) > 0) ?? others.at(-1);
  const alongRows = beside(axis) > 0 && (side === undefined || beside(axis) >= beside(side));
  const order = others.filter((a) => a !== side);
  if (side !== undefined) order.push(side);
  const count = sizeOf(others.map((a) => shape[a]!));
  const sideInFours = !alongRows && side !== undefined && side === others.at(-1) &&
    // Rather four threads than one that takes fours, unless there are enough.
    (!hasFastBarriers || count >= 4 * busy) && takesFours(domain, side);
  const vector = !mayTakeFours ? null : alongRows && takesFours(domain, axis) ? axis : sideInFours ? side : null;
  const length = vector === axis ? shape[axis]! / 4 : shape[axis]!;
  return { vector, order, alongRows, length, rows: sideInFours && mayTakeFours ? count / 4 : count };
}

/** For a reduction, which may cut rows into parts. */
export function reductionWork(domain: Domain, machine: Machine, mayTakeFours = true): RowWork {
  const layout = layoutOf(domain, mayTakeFours, machine);
  const { length, rows } = layout;
  const lanes = lanesOf(layout, machine);
  const wanted = machine.hasFastBarriers
    ? Math.min(Math.ceil(busy / (rows * lanes)), Math.floor(length / (lanes * 16)))
    : Math.max(cutsForCores(layout), cutsByPages(domain, layout));
  return workOf(layout, lanes, Math.max(wanted, Math.ceil(length / (lanes * longest)), 1), machine);
}

/** For whole rows; null where there are too few of them, and too long ones, to keep the machine busy. */
export function wholeRowWork(domain: Domain, machine: Machine, mayTakeFours = true): RowWork | null {
  const layout = layoutOf(domain, mayTakeFours, machine);
  const { length, rows } = layout;
  const lanes = lanesOf(layout, machine);
  if (length > lanes * 4 * longest || (!machine.hasFastBarriers && cutsByPages(domain, layout) > 1)) return null;
  const [enough, short] = machine.hasFastBarriers ? [busy / 8, 64] : [busyOnCpu / 32, 1024];
  return rows * lanes >= enough || length <= lanes * short ? workOf(layout, lanes, 1, machine) : null;
}

/** For running results, each thread going along a row or a part of it. */
export function scanWork(domain: Domain, machine: Machine): RowWork {
  const layout = layoutOf(domain, true, machine);
  const { length, rows } = layout;
  const enough = machine.hasFastBarriers ? busy / 8 : busyOnCpu / 16;
  const cuts = rows >= enough
    ? 1
    : machine.hasFastBarriers
    ? Math.min(Math.ceil(busy / 2 / rows), Math.floor(length / 16))
    : cutsForCores(layout);
  const apart = machine.hasFastBarriers ? 1 : cutsByPages(domain, layout);
  return workOf(layout, 1, Math.max(cuts, apart, Math.ceil(length / (4 * longest)), 1), machine);
}

/** Parts of a row that give all cores of a CPU something to do, if there is enough of it. */
function cutsForCores({ length, rows }: RowLayout): number {
  if (rows * length < (rows < 64 ? 2 ** 11 : 2 ** 17)) return 1;
  return Math.min(Math.ceil(busyOnCpu / rows), Math.floor(length / 64));
}

/**
 * Parts of a row that a CPU is at home in. Where each element lies on a page of its own, a thread finds no page again for
 * its neighbour's elements if they are many.
 */
function cutsByPages({ axis, strides }: Domain, { length, rows }: RowLayout): number {
  const step = strides.reduce((sum, own) => sum + Math.min(1024, Math.abs(own[axis]!)), 0);
  const parts = Math.ceil(length * step / 2 ** 15);
  return rows * length < 2 ** 14 || parts <= 2 ? 1 : parts;
}

function workOf(
  { vector, order, alongRows, length, rows }: RowLayout,
  lanes: number,
  cuts: number,
  { limits, hasFastBarriers }: Machine,
): RowWork {
  const chunk = Math.ceil(length / cuts);
  const parts = Math.ceil(length / chunk);
  // Few rows are for all cores, each of which takes workgroups.
  const alone = hasFastBarriers || rows * parts >= busyOnCpu / 2 ? 64 : 8;
  const threads = Math.min(lanes === 1 ? alone : 256, limits.threads);
  return { vector, order, lanes, alongRows, threads, parts, chunk };
}

/** Threads for a row. Across rows, some lie side by side, of which each has a row of its own. */
function lanesOf({ alongRows, length, rows }: RowLayout, { hasFastBarriers, limits }: Machine): number {
  if (!hasFastBarriers) return 1;
  const group = Math.min(256, limits.threads);
  const most = alongRows ? group : Math.min(group / Math.min(32, rows), busy / rows);
  let lanes = 1;
  while (lanes * 2 <= most && lanes * 8 <= length) lanes *= 2;
  return lanes;
}

/** Whether elements along an axis can be taken four at once: all operands go on at multiples of four there, or stand still. */
function takesFours({ shape, strides, offsets }: Domain, axis: number): boolean {
  if (shape[axis]! % 4 !== 0 || strides.every((own) => own[axis] === 0)) return false;
  return strides.every((own, n) =>
    own[axis] === 0 ||
    (own[axis] === 1 && offsets[n]! % 4 === 0 && own.every((stride, a) => a === axis || stride % 4 === 0))
  );
}
