/**
 * From a program to kernels. Its operations become units (units.ts); units that can share a kernel become groups
 * (groups.ts); each group is composed to the simplest kernel that does its work (compose.ts): elementwise results, a
 * reduction of such, or rows that are reduced and gone over again, as softmax is. Here the kernels are put in order.
 */

import { compose } from "./compose.ts";
import { type Group, groupUnits } from "./groups.ts";
import { inline } from "./inline.ts";
import { bringConstants } from "./home.ts";
import type { Plan, Step } from "./plan.ts";
import { recompute } from "./recompute.ts";
import { simplify } from "./simplify.ts";
import { lower, type Lowered, type View } from "./units.ts";
import type { Kernel } from "../ops/kernel.ts";
import type { Program } from "../ops/program.ts";
import type { Shape, TensorType } from "../ops/shape.ts";
import { type Backend, ConcreteTensor } from "../ops/tensor.ts";

export type { Plan, Step } from "./plan.ts";

/** The plan of a program; the constants of one that is to run are brought to its device. */
export function fuse(called: Program, device: Backend | null = null): Plan {
  const written = inline(called);
  const program = simplify(device === null ? written : bringConstants(written, device));
  const steps = stepsOf(lower(program), program.outputs, device?.mostOperands ?? Infinity);
  return { steps: withLastUses(steps, program.outputs), constants: constantsOf(program), outputs: program.outputs };
}

/** A kernel for each group, after those whose results it reads, and views where something reads them. */
function stepsOf(program: Lowered, outputs: readonly number[], mostOperands: number): Omit<Step, "lastUses">[] {
  const { views, uniform } = program;
  const baseOf = (slot: number): number => views.has(slot) ? baseOf(views.get(slot)!.slot) : slot;
  const { lowered, groups } = grouped(program, outputs.map(baseOf), mostOperands);
  const types: TensorType[] = [...lowered.types];
  const groupOf = new Map(groups.flatMap((group) => group.units.map(({ output }) => [output, group] as const)));
  const readOutside = new Set(outputs.map(baseOf));
  for (const group of groups) {
    for (const { reads } of group.units) {
      for (const { base } of reads) if (groupOf.get(base) !== group) readOutside.add(base);
    }
  }
  const steps: Omit<Step, "lastUses">[] = [];
  const written = new Set<number | Group>();

  function write(kernel: Kernel, inputs: readonly number[], results: readonly number[]): void {
    inputs.forEach(writeSlot);
    steps.push({ kernel, inputs, outputs: results, types: results.map((slot) => types[slot]!) });
  }

  function writeSlot(slot: number): void {
    if (written.has(slot)) return;
    written.add(slot);
    const view = views.get(slot);
    const value = uniform.get(slot);
    const group = groupOf.get(slot);
    if (view !== undefined) write(view.kernel, [view.slot], [slot]);
    else if (value !== undefined) write({ kind: "map", body: value }, [], [slot]);
    else if (group !== undefined) writeGroup(group);
  }

  function writeView(slot: number, apply: View, shape: Shape): number {
    const shown = types.push({ dtype: types[slot]!.dtype, shape }) - 1;
    written.add(shown);
    write({ kind: "view", apply }, [slot], [shown]);
    return shown;
  }

  function writeGroup(group: Group): void {
    const results = group.units.filter(({ output }) => readOutside.has(output));
    if (written.has(group) || results.length === 0) return;
    written.add(group);
    for (const { output } of results) written.add(output);
    const { kernel, inputs, shape } = compose(group, results, lowered);
    const slots = inputs.map(({ slot, view }) => view === null ? slot : writeView(slot, view, shape));
    write(kernel, slots, results.map(({ output }) => output));
  }

  groups.forEach(writeGroup);
  outputs.forEach(writeSlot);
  return steps;
}

/** Groups anew with what is computed again, as long as there is such. */
function grouped(
  lowered: Lowered,
  outputs: readonly number[],
  mostOperands: number,
): { readonly lowered: Lowered; readonly groups: readonly Group[] } {
  let groups = groupUnits(lowered, outputs, mostOperands);
  for (let round = 0; round < 3; round++) {
    const next = recompute(lowered, groups, outputs);
    if (next === null) break;
    lowered = next;
    groups = groupUnits(lowered, outputs, mostOperands);
  }
  return { lowered, groups };
}

function withLastUses(steps: readonly Omit<Step, "lastUses">[], outputs: readonly number[]): Step[] {
  const needed = new Set(outputs);
  const ended = steps.toReversed().map((step): Step => {
    const lastUses = [...new Set(step.inputs)].filter((slot) => !needed.has(slot));
    for (const slot of lastUses) needed.add(slot);
    return { ...step, lastUses };
  });
  return ended.reverse();
}

function constantsOf(program: Program): Plan["constants"] {
  return program.constants.map(({ slot, value }) => {
    if (!(value instanceof ConcreteTensor)) throw new TypeError("a program with captured tracers cannot be run");
    return { slot, value };
  });
}
