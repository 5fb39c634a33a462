/**
 * Which units become one kernel.
 *
 * A group works on one domain. Some of its units compute an element for each element of the domain. If there are
 * reductions, all over the same axes, the domain falls into rows, and other units compute a number for each row: from
 * the reductions' results, and what broadcasts over the rows. Views within a group do nothing but insert axes of size 1
 * or repeat a row's number along the row: this is told from the strides that they make of a contiguous array.
 *
 * Every unit starts alone. Two groups, one of which reads the other, are joined if the whole still is such a group, and
 * if there is no way from one to the other through a kernel outside: that kernel would have to run in the middle. So
 * every unit is computed once, and no cycle arises. First units join the one group that reads them, the largest first:
 * their results need not be stored. So does a contraction whose result all goes into elementwise work with one result.
 * Then units that have to be stored join what reads them, which spares reading; so do reductions of one array, at last.
 */

import type { Lowered, Read, Unit } from "./units.ts";
import { isContiguous, rowMajor, sameShape, type Shape, sizeOf, type Strided } from "../ops/shape.ts";

export interface Group {
  /** In the order of the program. */
  readonly units: readonly Unit[];
  /** The domain without axes of size 1. */
  readonly domain: Shape;
  /** Which axes of the domain lie along a row; null if there are no rows. */
  readonly rows: readonly boolean[] | null;
  /** The maps that compute a number for each row. */
  readonly perRow: ReadonlySet<Unit>;
  /** A unit with a kernel of its own kind, alone or with the elementwise work on its result. */
  readonly core: Unit | null;
}

/**
 * The groups of all units that are no numbers, in the order of their last ones; what shares no kernel is alone. A kernel
 * reads and writes at most so many operands.
 */
export function groupUnits(
  { units: all, uniform }: Pick<Lowered, "units" | "uniform">,
  outputs: readonly number[],
  mostOperands: number,
): readonly Group[] {
  const units = all.filter(({ output }) => !uniform.has(output));
  const grouping = new Grouping(units, outputs, mostOperands);
  const bySize = units.toSorted((a, b) => sizeOf(b.type.shape) - sizeOf(a.type.shape));
  while (bySize.filter((unit) => grouping.joinOnlyReader(unit)).length > 0);
  for (const unit of units) grouping.addEpilogue(unit);
  while (units.filter((unit) => grouping.joinWithRead(unit)).length > 0);
  grouping.joinReductions(uniform);
  return grouping.groups();
}

class Grouping {
  readonly #position = new Map<Unit, number>();
  readonly #makers = new Map<number, Unit>();
  readonly #readers = new Map<Unit, Set<Unit>>();
  readonly #outputs: ReadonlySet<number>;
  readonly #mostOperands: number;
  readonly #groups = new Map<Unit, Group>();
  /** All groups so that each comes after those that it reads; null where one went into another. */
  readonly #order: (Group | null)[] = [];
  readonly #place = new Map<Group, number>();
  /** Pairs that were found not to fit. */
  readonly #apart = new WeakMap<Group, WeakSet<Group>>();

  constructor(units: readonly Unit[], outputs: readonly number[], mostOperands: number) {
    this.#outputs = new Set(outputs);
    this.#mostOperands = mostOperands;
    units.forEach((unit, i) => {
      this.#position.set(unit, i);
      this.#makers.set(unit.output, unit);
      this.#readers.set(unit, new Set());
      const group = alone(unit);
      this.#groups.set(unit, group);
      this.#place.set(group, this.#order.push(group) - 1);
      for (const { base } of unit.reads) {
        const maker = this.#makers.get(base);
        if (maker !== undefined) this.#readers.get(maker)!.add(unit);
      }
    });
  }

  groups(): readonly Group[] {
    const last = (group: Group): number => this.#position.get(group.units.at(-1)!)!;
    return [...new Set(this.#groups.values())].sort((a, b) => last(a) - last(b));
  }

  /** Joins a unit's group with the only one that reads the unit, if that can be. */
  joinOnlyReader(unit: Unit): boolean {
    const only = this.#onlyReader(unit);
    return only !== null && this.#join(this.#groups.get(unit)!, only);
  }

  /** Makes one kernel of a contraction and the elementwise work on its result, if that can be. */
  addEpilogue(core: Unit): void {
    const group = this.#onlyReader(core);
    if (!takesEpilogue(core) || group === null || group.core !== null || group.rows !== null) return;
    const stored = group.units.filter((unit) => this.#isReadOutside(unit, group));
    const isAlike = stored.every(({ type }) =>
      type.dtype === core.type.dtype && sameShape(type.shape, core.type.shape)
    );
    const isThere = group.units.every(({ reads }) =>
      reads.every(({ base, seen }) => base !== core.output || isSame(seen, core))
    );
    if (stored.length === 1 && isAlike && isThere) this.#unite({ ...group, core }, this.#groups.get(core)!, group);
  }

  /** The only group that reads a unit, besides its own. */
  #onlyReader(unit: Unit): Group | null {
    if (this.#outputs.has(unit.output)) return null;
    const others = new Set([...this.#readers.get(unit)!].map((reader) => this.#groups.get(reader)!));
    others.delete(this.#groups.get(unit)!);
    return others.size === 1 ? [...others][0]! : null;
  }

  #isReadOutside(unit: Unit, group: Group): boolean {
    return this.#outputs.has(unit.output) ||
      [...this.#readers.get(unit)!].some((reader) => this.#groups.get(reader) !== group);
  }

  /** Joins a unit's group with those that it reads, where that can be. */
  joinWithRead(unit: Unit): boolean {
    let joined = false;
    for (const { base } of unit.reads) {
      const maker = this.#makers.get(base);
      if (maker !== undefined && this.#join(this.#groups.get(maker)!, this.#groups.get(unit)!)) joined = true;
    }
    return joined;
  }

  /** Makes one group of two, the second of which reads the first. False if it cannot be, or is so. */
  #join(a: Group, b: Group): boolean {
    if (a === b || this.#apart.get(a)?.has(b)) return false;
    const joined = this.#mayShare(a, b) ? candidates(a, b).find((group) => this.#isWhole(group, a, b)) : undefined;
    if (joined !== undefined && this.#isSmall(a, b) && this.#unite(joined, a, b)) return true;
    if (!this.#apart.has(a)) this.#apart.set(a, new WeakSet());
    this.#apart.get(a)!.add(b);
    return false;
  }

  /** Whether a kernel of two groups has not too many operands. */
  #isSmall(a: Group, b: Group): boolean {
    // Units have few reads, and one result.
    if (4 * (a.units.length + b.units.length) <= this.#mostOperands) return true;
    const operands = new Set<number>();
    for (const unit of [...a.units, ...b.units]) {
      const inside = (other: Unit | undefined): boolean => {
        const group = other && this.#groups.get(other);
        return group === a || group === b;
      };
      for (const { slot, base } of unit.reads) if (!inside(this.#makers.get(base))) operands.add(slot);
      const isStored = this.#outputs.has(unit.output) ||
        [...this.#readers.get(unit)!].some((reader) => !inside(reader));
      if (isStored) operands.add(unit.output);
    }
    return operands.size <= this.#mostOperands;
  }

  /** Makes one group of two in order; false if another one would have to run between them. */
  #unite(joined: Omit<Group, "units">, a: Group, b: Group): boolean {
    const [first, last] = [this.#place.get(a)!, this.#place.get(b)!];
    const after = this.#readersWithin(a, first, last);
    if (this.#readsOneOf(b, after)) return false;
    const units = [...a.units, ...b.units].sort((x, y) => this.#position.get(x)! - this.#position.get(y)!);
    const group = { ...joined, units };
    for (const unit of units) this.#groups.set(unit, group);
    // What reads the first comes behind both; the rest may be read by the second.
    const between = this.#order.slice(first + 1, last).filter((other) => other !== null);
    const sorted = [...between.filter((other) => !after.has(other)), group, ...after];
    for (let place = first; place <= last; place++) {
      const other = sorted[place - first] ?? null;
      this.#order[place] = other;
      if (other !== null) this.#place.set(other, place);
    }
    return true;
  }

  /** The groups at places between two that depend on the one at the first, in order. */
  #readersWithin(a: Group, first: number, last: number): Set<Group> {
    const found = new Set<Group>();
    for (let place = first + 1; place < last; place++) {
      const group = this.#order[place];
      if (group && (this.#readsOneOf(group, found) || this.#reads(group, a))) found.add(group);
    }
    return found;
  }

  #reads(group: Group, other: Group): boolean {
    return this.#readsOneOf(group, new Set([other]));
  }

  #readsOneOf(group: Group, others: ReadonlySet<Group>): boolean {
    if (others.size === 0) return false;
    return group.units.some(({ reads }) =>
      reads.some(({ base }) => {
        const maker = this.#makers.get(base);
        return maker !== undefined && others.has(this.#groups.get(maker)!);
      })
    );
  }

  /** Joins groups with the same rows that read the same array, if it is no number, though not each other. */
  joinReductions(uniform: ReadonlyMap<number, unknown>): void {
    const readers = new Map<number, Unit[]>();
    for (const unit of this.#groups.keys()) {
      for (const { base } of unit.reads) {
        if (!uniform.has(base)) readers.set(base, [...readers.get(base) ?? [], unit]);
      }
    }
    for (const units of readers.values()) {
      for (const [i, one] of units.entries()) {
        for (const other of units.slice(0, i)) {
          const pair = [this.#groups.get(one)!, this.#groups.get(other)!];
          const [a, b] = pair.sort((a, b) => this.#place.get(a)! - this.#place.get(b)!) as [Group, Group];
          if (a === b || a.rows === null || b.rows === null) continue;
          const joined = candidates(a, b)[0];
          if (joined && !this.#reads(b, a) && this.#isSmall(a, b)) this.#unite(joined, a, b);
        }
      }
    }
  }

  /**
   * A reduction of long rows, for whose result nothing can wait in a cache, takes in elementwise work on what it reduces,
   * no more: it goes through memory once.
   */
  #mayShare(a: Group, b: Group): boolean {
    if (a.core !== null || b.core !== null || hasLongRows(a)) return false;
    // Where rows have no elements, none can tell what is the same all along the row.
    if (a.domain.includes(0) || b.domain.includes(0)) return false;
    return !hasLongRows(b) || (a.rows === null && sameShape(a.domain, b.domain));
  }

  /** Whether all that units of `b` read of `a` is there, in the joined group, when they are computed. */
  #isWhole(joined: Omit<Group, "units">, a: Group, b: Group): boolean {
    return b.units.every((unit) =>
      unit.reads.every((read) => {
        const maker = this.#makers.get(read.base);
        return maker === undefined || this.#groups.get(maker) !== a || isThere(joined, maker, unit, read);
      })
    );
  }
}

function alone(unit: Unit): Group {
  const { work } = unit;
  const units = [unit];
  if (work.kind === "other") return { units, domain: [], rows: null, perRow: new Set(), core: unit };
  const kept = axesInOrder(work.domain);
  const rows = work.kind === "reduce" ? kept.map((axis) => work.axes.includes(axis)) : null;
  return { units, domain: kept.map((axis) => work.domain[axis]!), rows, perRow: new Set(), core: null };
}

function takesEpilogue({ work }: Unit): boolean {
  return work.kind === "other" && (work.kernel.kind === "matmul" || work.kernel.kind === "conv");
}

/** The axes of a shape that have not size 1. */
export function axesInOrder(shape: Shape): number[] {
  return [...shape.keys()].filter((axis) => shape[axis] !== 1);
}

function withoutOnes(shape: Shape): number[] {
  return shape.filter((n) => n !== 1);
}

/** One number for each row. */
function nestOf({ domain, rows }: Pick<Group, "domain" | "rows">): number[] {
  return domain.filter((_, axis) => !rows![axis]);
}

/** What two groups could be together. */
function candidates(a: Group, b: Group): Omit<Group, "units">[] {
  if (sameShape(a.domain, b.domain) && (a.rows === null || b.rows === null || sameRows(a.rows, b.rows))) {
    return [{ ...a, rows: a.rows ?? b.rows, perRow: new Set([...a.perRow, ...b.perRow]) }];
  }
  if (a.rows !== null && b.rows === null && sameShape(nestOf(a), b.domain)) {
    return [{ ...a, perRow: new Set([...a.perRow, ...b.units]) }];
  }
  if (b.rows !== null && a.rows === null && sameShape(nestOf(b), a.domain)) {
    return [{ ...b, perRow: new Set([...b.perRow, ...a.units]) }];
  }
  return [];
}

function sameRows(a: readonly boolean[], b: readonly boolean[]): boolean {
  return a.every((along, axis) => along === b[axis]);
}

/** Whether a unit finds in the group what it reads of another one, element for element or row for row. */
function isThere(group: Omit<Group, "units">, maker: Unit, reader: Unit, { seen }: Read): boolean {
  if (seen === null) return false;
  const ofRow = maker.work.kind === "reduce" || group.perRow.has(maker);
  if (ofRow && !group.perRow.has(reader)) return isSpread(seen, group);
  return ofRow === group.perRow.has(reader) && isSame(seen, maker);
}

/** Whether a unit's result is seen as it is, but for axes of size 1. */
export function isSame(seen: Strided | null, { type }: Unit): boolean {
  return seen !== null && isContiguous(seen) && seen.offset === 0 &&
    sameShape(withoutOnes(seen.shape), withoutOnes(type.shape));
}

/** Whether a contiguous array of numbers for the rows is seen as each number all along its row. */
function isSpread({ shape, strides, offset }: Strided, group: Pick<Group, "domain" | "rows">): boolean {
  const wanted = rowMajor(nestOf(group));
  let next = 0;
  const expected = group.domain.map((_, axis) => group.rows![axis] ? 0 : wanted[next++]!);
  const axes = axesInOrder(shape);
  return offset === 0 && sameShape(axes.map((axis) => shape[axis]!), group.domain) &&
    axes.every((axis, i) => strides[axis] === expected[i]);
}

/** Elements that stay in a cache between passes, and that one thread computes about as soon as several could. */
const fewElements = 2 ** 16;

export function isLarge(elements: number): boolean {
  return elements > fewElements;
}

/** Enough rows for threads to share. */
const enoughRows = 4;

/**
 * Whether rows are so long that passes over them are passes over memory, or so few that they should be split instead.
 * Where the elements of a row do not lie side by side, passes over all rows go on together.
 */
function hasLongRows({ domain, rows }: Group): boolean {
  const size = sizeOf(domain);
  if (rows === null || !isLarge(size)) return false;
  const length = sizeOf(domain.filter((_, axis) => rows[axis]));
  return !rows.at(-1) || length > fewElements || size / length < enoughRows;
}
