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

type Unit = { kernel: Kernel; inputs: readonly number[]; readonly output: number };

/**
 * An elementwise result that only one kernel reads, itself elementwise or a reduction, is computed there. Since that
 * kernel is its only reader, no cycle can arise. A view of a constant is a constant of another shape.
 */
export function fuse(program: Program): Plan {
  const units = new Map<number, Unit>();
  const order = liveEquations(program).map((equation): number => {
    const unit = unitOf(program, equation, units);
    units.set(unit.output, unit);
    return unit.output;
  });
  const readers = countReaders(program, units);
  for (const slot of [...order].reverse()) {
    const unit = units.get(slot);
    if (unit !== undefined) inline(unit, units, readers);
  }
  const kept = order.filter((slot) => units.has(slot)).map((slot) => units.get(slot)!);
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

/** How many units read each slot; being an output of the program counts as a reader that is no unit. */
function countReaders(program: Program, units: ReadonlyMap<number, Unit>): Map<number, number> {
  const readers = new Map<number, number>();
  const count = (slot: number): unknown => readers.set(slot, (readers.get(slot) ?? 0) + 1);
  for (const unit of units.values()) new Set(unit.inputs).forEach(count);
  program.outputs.forEach(count);
  return readers;
}

/** Takes the elementwise producers of a unit into it, for as long as there are any that nobody else reads. */
function inline(unit: Unit, units: Map<number, Unit>, readers: ReadonlyMap<number, number>): void {
  if (unit.kernel.kind !== "map" && unit.kernel.kind !== "reduce") return;
  for (;;) {
    const slot = unit.inputs.find((slot) => {
      const producer = units.get(slot);
      if (producer?.kernel.kind !== "map") return false;
      // A reduction learns the shape it works on from its inputs, so it must keep one.
      if (unit.kernel.kind === "reduce" && producer.inputs.length === 0) return false;
      return producer.kernel.body.op === "const" || readers.get(slot) === 1;
    });
    if (slot === undefined) return;
    const producer = units.get(slot)!;
    merge(unit, producer);
    const isConstant = producer.kernel.kind === "map" && producer.kernel.body.op === "const";
    if (!isConstant) units.delete(slot);
  }
}

/** Replaces the input that `producer` makes by the expression that makes it. */
function merge(unit: Unit, producer: Unit): void {
  const consumer = unit.kernel;
  const made = producer.kernel;
  if ((consumer.kind !== "map" && consumer.kind !== "reduce") || made.kind !== "map") return;
  const inputs = [...new Set([...unit.inputs.filter((slot) => slot !== producer.output), ...producer.inputs])];
  const at = (slot: number, dtype: Scalar["dtype"]): Scalar => input(inputs.indexOf(slot), dtype);
  const inner = substitute(made.body, (i, dtype) => at(producer.inputs[i]!, dtype));
  const body = substitute(consumer.body, (i, dtype) => {
    const slot = unit.inputs[i]!;
    return slot === producer.output ? inner : at(slot, dtype);
  });
  unit.kernel = { ...consumer, body };
  unit.inputs = inputs;
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
