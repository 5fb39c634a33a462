/**
 * Large intermediate values that are better computed again wherever they are read: what takes a few operations on one
 * array costs no more to read from that array than from a copy, and the copy need not be written.
 */

import { type Group, isLarge, isSame } from "./groups.ts";
import type { Lowered, Read, Unit } from "./units.ts";
import { topological } from "../ops/scalar.ts";
import { reshapeView, sameShape, sizeOf, type TensorType } from "../ops/shape.ts";

/** So many operations are done again; exponentials and the like never. */
const mostOperations = 8;

// deno-fmt-ignore
const quick: ReadonlySet<string> = new Set([
  "input", "const", "add", "sub", "mul", "div", "neg", "abs", "min", "max", "select", "cast", "eq", "ne", "lt", "le", "and",
  "or", "xor", "not", "floor", "ceil", "trunc", "round", "sign",
]);

/** The program with units of their own for groups that would read such a value; null if there is none. */
export function recompute(
  lowered: Lowered,
  groups: readonly Group[],
  outputs: readonly number[],
): Lowered | null {
  const makers = new Map(lowered.units.map((unit) => [unit.output, unit]));
  const groupOf = new Map(groups.flatMap((group) => group.units.map((unit) => [unit, group] as const)));
  const readers = new Map<Unit, Set<Group>>();
  for (const unit of groupOf.keys()) {
    for (const { base } of unit.reads) {
      const maker = makers.get(base);
      if (maker !== undefined) readers.set(maker, (readers.get(maker) ?? new Set()).add(groupOf.get(unit)!));
    }
  }

  /** A unit, and the elementwise work in its group that it needs; null if that is more than a few operations. */
  function needed(unit: Unit): ReadonlySet<Unit> | null {
    const found = new Set<Unit>();
    let operations = 0;
    const visit = (unit: Unit): boolean => {
      if (unit.work.kind !== "map" || unit.reads.some(({ seen }) => seen === null)) return false;
      if (found.has(unit)) return true;
      found.add(unit);
      const nodes = topological(unit.work.body).filter(({ op }) => op !== "input" && op !== "const");
      operations += nodes.length;
      if (operations > mostOperations || !nodes.every(({ op }) => quick.has(op))) return false;
      return unit.reads.every(({ base }) => {
        const maker = makers.get(base);
        return !isMadeWith(unit, maker, groupOf) || visit(maker);
      });
    };
    return visit(unit) ? found : null;
  }

  /** The large arrays that units read, and do not make. */
  function largeReads(units: Iterable<Unit>): Set<number> {
    const own = new Set([...units].map(({ output }) => output));
    const all = [...units].flatMap(({ reads }) => reads.map(({ base }) => base));
    return new Set(
      all.filter((base) => !own.has(base) && !lowered.uniform.has(base) && isLarge(sizeOf(lowered.types[base]!.shape))),
    );
  }

  /** Whether a group reads no more if it computes a unit itself. */
  function isBetter(group: Group, unit: Unit, sources: ReadonlySet<number>): boolean {
    if (group.core !== null) return false;
    const asItIs = group.units.every(({ reads }) =>
      reads.every(({ base, seen }) => base !== unit.output || isSame(seen, unit))
    );
    return asItIs && (sources.size <= 1 || sources.isSubsetOf(largeReads(group.units)));
  }

  const again = new Map<Unit, ReadonlySet<Group>>();
  for (const [unit, own] of groupOf) {
    const others = new Set(readers.get(unit));
    others.delete(own);
    if (others.size === 0 || outputs.includes(unit.output) || !isLarge(sizeOf(unit.type.shape))) continue;
    const parts = needed(unit);
    if (parts === null) continue;
    const sources = largeReads(parts);
    if ([...others].every((group) => isBetter(group, unit, sources))) again.set(unit, others);
  }
  return again.size === 0 ? null : withCopies(lowered, again, groupOf, outputs);
}

/** Whether a unit reads another of its kernel, element by element: what is there for each row is read like an array. */
function isMadeWith(unit: Unit, maker: Unit | undefined, groupOf: ReadonlyMap<Unit, Group>): maker is Unit {
  if (maker === undefined) return false;
  const group = groupOf.get(maker);
  return group !== undefined && group === groupOf.get(unit) && maker.work.kind !== "reduce" && !group.perRow.has(maker);
}

/** The units, with copies of those that some groups compute again before these read them, and without what nobody reads. */
function withCopies(
  lowered: Lowered,
  again: ReadonlyMap<Unit, ReadonlySet<Group>>,
  groupOf: ReadonlyMap<Unit, Group>,
  outputs: readonly number[],
): Lowered {
  const types: TensorType[] = [...lowered.types];
  const makers = new Map(lowered.units.map((unit) => [unit.output, unit]));
  const units: Unit[] = [];
  const copies = new Map<Group, Map<Unit, number>>();

  function copyFor(group: Group, unit: Unit): number {
    const known = copies.get(group) ?? new Map<Unit, number>();
    copies.set(group, known);
    let output = known.get(unit);
    if (output === undefined) {
      const reads = unit.reads.map((read) => {
        const maker = makers.get(read.base);
        return isMadeWith(unit, maker, groupOf) ? readOf(copyFor(group, maker), read) : read;
      });
      output = types.push(unit.type) - 1;
      known.set(unit, output);
      units.push({ ...unit, output, reads });
    }
    return output;
  }

  /** The read of a copy, which is seen as the original was. */
  function readOf(slot: number, { seen }: Read): Read {
    const { shape } = seen!;
    const view = sameShape(shape, types[slot]!.shape) ? null : (s: Read["seen"]) => s && reshapeView(s, shape);
    return { slot, base: slot, seen, view: view as Read["view"] };
  }

  for (const unit of lowered.units) {
    const group = groupOf.get(unit);
    const reads = unit.reads.map((read) => {
      const maker = makers.get(read.base);
      const isAgain = maker !== undefined && group !== undefined && again.get(maker)?.has(group);
      return isAgain ? readOf(copyFor(group, maker), read) : read;
    });
    units.push({ ...unit, reads });
  }
  return { ...lowered, types, units: live(units, outputs) };
}

function live(units: readonly Unit[], outputs: readonly number[]): Unit[] {
  const read = new Set(outputs);
  return units.toReversed().filter(({ output, reads }) => {
    if (!read.has(output)) return false;
    for (const { base } of reads) read.add(base);
    return true;
  }).reverse();
}
