/** Programs within programs, written out. */

import type { Equation, Program } from "../ops/program.ts";
import type { TensorType } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";

/** The same program without calls: the equations of every program that it calls stand in their places. */
export function inline(program: Program): Program {
  if (!program.equations.some((equation) => calledBy(program, equation) !== null)) return program;
  const types: TensorType[] = [...program.types];
  const constants: { slot: number; value: Tensor }[] = [...program.constants];
  const equations: Equation[] = [];
  /** Where the values of a program's slots are, in the new one. */
  const write = (of: Program, places: number[]): void => {
    const place = (slot: number): number => places[slot] ??= types.push(of.types[slot]!) - 1;
    for (const { slot, value } of of.constants) {
      if (of !== program) constants.push({ slot: place(slot), value });
    }
    for (const equation of of.equations) {
      const inputs = equation.inputs.map(place);
      const called = calledBy(of, equation);
      if (called === null) {
        equations.push({ ...equation, inputs, outputs: equation.outputs.map(place) });
        continue;
      }
      const inner: number[] = [...inputs];
      write(called, inner);
      called.outputs.forEach((slot, i) => places[equation.outputs[i]!] = inner[slot]!);
    }
  };
  const places = [...program.types.keys()];
  write(program, places);
  return { inputs: program.inputs, types, constants, equations, outputs: program.outputs.map((slot) => places[slot]!) };
}

function calledBy(program: Program, { primitive, params, inputs }: Equation): Program | null {
  const kernel = primitive.kernel(inputs.map((slot) => program.types[slot]!), params);
  return kernel.kind === "call" ? kernel.program : null;
}
