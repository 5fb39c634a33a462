/** From a program to kernels: elementwise work is moved into the kernel that uses its result. */

import type { Kernel } from "../ops/kernel.ts";
import type { Equation, Program } from "../ops/program.ts";
import { input, type Scalar, substitute } from "../ops/scalar.ts";
import type { TensorType } from "../ops/shape.ts";
import { ConcreteTensor } from "../ops/tensor.ts";

/** One kernel of a plan. Slots are the program's. */
export interface Step {
  readonly kernel: Kernel;
  readonly inputs: readonly number[];
  readonly output: number;
  readonly type: TensorType;
  /** Slots that no later step reads. */
  readonly lastUses: readonly number[];
}

/** A program as a device runs it. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly constants: readonly { readonly slot: number; readonly value: ConcreteTensor }[];
  readonly outputs: readonly number[];
}

/** What computes one slot, before and after fusion. */
interface Unit {
  readonly kernel: Kernel;
  readonly inputs: readonly number[];
  readonly output: number;
}

/**
 * An elementwise result that only one kernel reads, itself elementwise or a reduction, is computed there, however often
 * that kernel reads it. Since no other kernel does, no cycle can arise. Constants are computed wherever they are read,
 * and a view of a constant is a constant of another shape.
 */
export function fuse(program: Program): Plan {
  const units = new Map<number, Unit>();
  for (const equation of liveEquations(program)) {
    const unit = unitOf(program, equation, units);
    units.set(unit.output, unit);
  }
  const fused = merge(units, findHomes(program, units));
  const read = new Set([...program.outputs, ...fused.flatMap(({ inputs }) => inputs)]);
  const kept = fused.filter(({ output }) => read.has(output));
  return { steps: withLastUses(program, kept), constants: constantsOf(program), outputs: program.outputs };
}

/** Equations that an output depends on. */
function liveEquations(program: Program): readonly Equation[] {
  const live = new Set(program.outputs);
  const kept = program.equations.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((slot) => live.has(slot))) return false;
    for (const slot of inputs) live.add(slot);
    return true;
  });
  return kept.reverse();
}

function unitOf(
  program: Program,
  { primitive, params, inputs, outputs }: Equation,
  units: ReadonlyMap<number, Unit>,
): Unit {
  const kernel = primitive.kernel(inputs.map((slot) => program.types[slot]!), params);
  const output = outputs[0]!;
  const source = inputs.length === 1 ? units.get(inputs[0]!)?.kernel : undefined;
  if (kernel.kind === "view" && source?.kind === "map" && source.body.op === "const") {
    return { kernel: source, inputs: [], output };
  }
  return { kernel, inputs, output };
}

function isConstant(unit: Unit | undefined): boolean {
  return unit?.kernel.kind === "map" && unit.kernel.body.op === "const";
}

/** Stands for the reader of an output: somebody outside, who is no kernel. */
const outside = -1;

/** For each slot that a unit computes, the slot of the unit into whose kernel it goes: its own where it stays. */
function findHomes(program: Program, units: ReadonlyMap<number, Unit>): ReadonlyMap<number, number> {
  const homes = new Map<number, number>();
  /** The homes of the units that read a slot. Readers come later than what they read, so theirs are known before. */
  const readers = new Map<number, Set<number>>();
  const note = (slot: number, home: number): unknown =>
    readers.get(slot)?.add(home) ?? readers.set(slot, new Set([home]));
  const sourceless = findSourceless(units);
  for (const slot of program.outputs) note(slot, outside);
  for (const unit of [...units.values()].reverse()) {
    const [only, ...others] = readers.get(unit.output) ?? [];
    const reader = others.length === 0 ? units.get(only!) : undefined;
    const fits = unit.kernel.kind === "map" && !isConstant(unit) &&
      (reader?.kernel.kind === "map" ||
        // A reduction learns the shape it works on from its inputs, so it must keep one.
        (reader?.kernel.kind === "reduce" && !(sourceless.has(unit.output) && reader.inputs.includes(unit.output))));
    const home = fits ? reader!.output : unit.output;
    homes.set(unit.output, home);
    for (const slot of unit.inputs) note(slot, home);
  }
  return homes;
}

/** The slots of elementwise work on nothing but constants and positions. */
function findSourceless(units: ReadonlyMap<number, Unit>): ReadonlySet<number> {
  const found = new Set<number>();
  for (const { kernel, inputs, output } of units.values()) {
    if (kernel.kind === "map" && inputs.every((slot) => found.has(slot))) found.add(output);
  }
  return found;
}

/** The units that stay, in order, each with the expressions of those whose home it is. */
function merge(units: ReadonlyMap<number, Unit>, homes: ReadonlyMap<number, number>): readonly Unit[] {
  const bodies = new Map<number, Scalar>();
  /** The inputs that are left to each home, in order. */
  const leaves = new Map<number, Map<number, Scalar>>();
  return [...units.values()].flatMap((unit): Unit[] => {
    const { kernel, inputs, output } = unit;
    if (kernel.kind !== "map" && kernel.kind !== "reduce") return [unit];
    const home = homes.get(output)!;
    const own = leaves.get(home) ?? new Map<number, Scalar>();
    leaves.set(home, own);
    const body = substitute(kernel.body, (i, dtype) => {
      const slot = inputs[i]!;
      const isInside = homes.get(slot) === home || (kernel.kind === "map" && isConstant(units.get(slot)));
      if (isInside) return bodies.get(slot)!;
      const leaf = own.get(slot) ?? input(own.size, dtype);
      own.set(slot, leaf);
      return leaf;
    });
    bodies.set(output, body);
    return home === output ? [{ kernel: { ...kernel, body }, inputs: [...own.keys()], output }] : [];
  });
}

function withLastUses(program: Program, units: readonly Unit[]): Step[] {
  const needed = new Set(program.outputs);
  const steps = units.toReversed().map(({ kernel, inputs, output }): Step => {
    const lastUses = [...new Set(inputs)].filter((slot) => !needed.has(slot));
    for (const slot of lastUses) needed.add(slot);
    return { kernel, inputs, output, type: program.types[output]!, lastUses };
  });
  return steps.reverse();
}

function constantsOf(program: Program): Plan["constants"] {
  return program.constants.map(({ slot, value }) => {
    if (!(value instanceof ConcreteTensor)) throw new TypeError("a program with captured tracers cannot be run");
    return { slot, value };
  });
}
