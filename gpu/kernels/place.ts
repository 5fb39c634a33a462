/** Inputs written side by side: a thread for each element of the result finds the input that it comes from. */

import type { Dispatch, Generator, Machine } from "../kernel.ts";
import { literal } from "../functions/library.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import type { Place } from "../../jit/place.ts";
import type { KernelOf } from "../../ops/kernel.ts";
import type { Shape } from "../../ops/shape.ts";

export const place: Generator<"place"> = ({ fill, at }, inputs, [output], machine) => {
  const most = machine.limits.buffers - 1;
  const dispatches: Dispatch[] = [];
  for (let first = 0; first === 0 || first < inputs.length; first += most) {
    const some = inputs.slice(first, first + most);
    // The first shader fills what no input covers; later ones leave it alone.
    dispatches.push(write(some, at.slice(first, first + most), output!, first === 0 ? fill : null, machine));
  }
  return dispatches;
};

function write(
  inputs: readonly Place[],
  at: KernelOf<"place">["at"],
  output: Place,
  fill: number | null,
  machine: Machine,
): Dispatch {
  const writer = new ShaderWriter(machine);
  return forEachElement(writer, machine, "place", output.shape, (position, indices) => {
    const out = writer.writes(output);
    const lines = inputs.map((x, n) => {
      const { conditions, sources } = locate(writer, x.shape, output.shape, at[n]!, indices);
      const value = writer.reads(x).load(writer.position(x, sources));
      return `if (${conditions.join(" && ") || "true"}) { ${out.store(position, value)} return; }`;
    });
    if (fill !== null) lines.push(out.store(position, literal(fill, output.type.dtype, writer.functions)));
    return lines.join("\n");
  });
}

/** Whether an element of the output comes from an input, and from where. */
function locate(
  writer: ShaderWriter,
  shape: Shape,
  whole: Shape,
  { start, step }: { readonly start: Shape; readonly step: Shape },
  indices: readonly string[],
): { readonly conditions: readonly string[]; readonly sources: readonly string[] } {
  const conditions: string[] = [];
  const sources = indices.map((index, axis) => {
    const [first, stride, size] = [start[axis]!, step[axis]!, shape[axis]!];
    const from = first === 0 ? index : `(${index} - ${writer.number(first)})`;
    const source = stride === 1 ? from : `(${from} / ${writer.number(stride)})`;
    // Positions before the first are large numbers after the subtraction.
    if (first !== 0 || stride !== 1 || size !== whole[axis]) conditions.push(`${source} < ${writer.number(size)}`);
    if (stride !== 1) conditions.push(`${from} % ${writer.number(stride)} == 0u`);
    return source;
  });
  return { conditions, sources };
}
