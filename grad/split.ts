/** Cutting a program in two: what is known early, and what waits for the other inputs. */

import { type Equation, part, type Program } from "../ops/program.ts";
import { type Scalar, topological } from "../ops/scalar.ts";
import { bytesPerElement } from "../ops/dtype.ts";
import { sizeOf, type TensorType } from "../ops/shape.ts";

/** A program as two. */
export interface Halves {
  /** Its results are the early outputs, and then what else the second half needs of it. */
  readonly first: Program;
  /** Its inputs are the residuals and then the late inputs. */
  readonly second: Program;
  /** Which inputs and results of the first half the second takes first. */
  readonly residuals: readonly { readonly of: "inputs" | "outputs"; readonly at: number }[];
}

/**
 * Cuts a program whose inputs come in two groups, `early` of them first, and whose first `outputs` results depend on
 * those alone. The first half computes all that does not depend on the late inputs, the second half the rest. What
 * crosses the cut are residuals; a value that is cheap to compute from others at hand is computed again instead.
 */
export function split(program: Program, early: number, outputs: number): Halves {
  const late = lateSlots(program, early);
  const isLate = ({ outputs }: Equation): boolean => late.has(outputs[0]!);
  const ready = program.equations.filter((equation) => !isLate(equation));
  const waiting = program.equations.filter(isLate);
  const [earlyOutputs, lateOutputs] = [program.outputs.slice(0, outputs), program.outputs.slice(outputs)];
  const needed = [...waiting.flatMap(({ inputs }) => inputs), ...lateOutputs].filter((slot) => !late.has(slot));
  const inputs = Array.from({ length: program.inputs }, (_, slot) => slot);
  const earlyInputs = inputs.slice(0, early);
  const { residuals, again } = crossing(program, ready, needed, new Set([...earlyInputs, ...earlyOutputs]));
  const results = [...earlyOutputs, ...residuals.filter((slot) => slot >= early && !earlyOutputs.includes(slot))];
  return {
    first: part({ ...program, inputs: earlyInputs, equations: ready, outputs: results }),
    second: part({
      ...program,
      inputs: [...residuals, ...inputs.slice(early)],
      equations: [...again, ...waiting],
      outputs: lateOutputs,
    }),
    residuals: residuals.map((slot) =>
      slot < early ? { of: "inputs", at: slot } : { of: "outputs", at: results.indexOf(slot) }
    ),
  };
}

/** The slots that depend on an input from `early` on. */
function lateSlots(program: Program, early: number): ReadonlySet<number> {
  const late = new Set<number>();
  for (let slot = early; slot < program.inputs; slot++) late.add(slot);
  for (const { inputs, outputs } of program.equations) {
    if (inputs.some((slot) => late.has(slot))) { for (const slot of outputs) late.add(slot); }
  }
  return late;
}

/**
 * What crosses the cut, given what is needed beyond it, and the equations that are done again there. Slots `atHand` hold
 * values that exist in any case, so that keeping them costs nothing.
 */
function crossing(
  program: Program,
  equations: readonly Equation[],
  needed: readonly number[],
  atHand: ReadonlySet<number>,
): { readonly residuals: readonly number[]; readonly again: readonly Equation[] } {
  const constants = new Set(program.constants.map(({ slot }) => slot));
  const makers = new Map(equations.flatMap((equation) => equation.outputs.map((slot) => [slot, equation] as const)));
  const prices = new Map<number, number>();
  /** The bytes that must cross so that a slot can be had beyond the cut. */
  const price = (slot: number): number => {
    if (atHand.has(slot) || constants.has(slot)) return 0;
    const known = prices.get(slot);
    if (known !== undefined) return known;
    const own = bytesOf(program.types[slot]!);
    const maker = makers.get(slot)!;
    const least = isCheap(program, maker) ? Math.min(own, priceOfOperands(maker)) : own;
    prices.set(slot, least);
    return least;
  };
  const priceOfOperands = ({ inputs }: Equation): number =>
    [...new Set(inputs)].reduce((sum, slot) => sum + (crossing.has(slot) ? 0 : price(slot)), 0);

  const crossing = new Set(needed.filter((slot) => !constants.has(slot)));
  const again: Equation[] = [];
  for (const equation of equations.toReversed()) {
    const [slot] = equation.outputs as [number];
    if (!crossing.has(slot) || atHand.has(slot) || !isCheap(program, equation)) continue;
    if (priceOfOperands(equation) >= bytesOf(program.types[slot]!) && equation.inputs.length > 0) continue;
    crossing.delete(slot);
    for (const operand of equation.inputs) if (!constants.has(operand)) crossing.add(operand);
    again.push(equation);
  }
  return { residuals: [...crossing], again: again.reverse() };
}

function bytesOf({ dtype, shape }: TensorType): number {
  return sizeOf(shape) * bytesPerElement(dtype);
}

/** Whether a result costs less to compute than to store and load: views, and elementwise arithmetic. */
function isCheap(program: Program, { primitive, inputs, params }: Equation): boolean {
  const kernel = primitive.kernel(inputs.map((slot) => program.types[slot]!), params);
  return kernel.kind === "view" || (kernel.kind === "map" && isArithmetic(kernel.body));
}

const arithmetic: ReadonlySet<Scalar["op"]> = new Set([
  ...["input", "const", "index", "cast", "select"] as const,
  ...[
    "add",
    "sub",
    "mul",
    "div",
    "min",
    "max",
    "neg",
    "abs",
    "sign",
    "sqrt",
    "floor",
    "ceil",
    "trunc",
    "round",
  ] as const,
  ...["and", "or", "xor", "not", "shl", "shr", "eq", "ne", "lt", "le"] as const,
]);

function isArithmetic(body: Scalar): boolean {
  return topological(body).every(({ op }) => arithmetic.has(op));
}
