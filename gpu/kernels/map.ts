/** Elementwise kernels: a thread for each element, or for four that lie side by side. */

import type { Dispatch, Generator, Machine } from "../kernel.ts";
import { collapse, indexedAxes, type Nest, readInputs, takesFours } from "../nest.ts";
import { type Read, writeScalar } from "../scalar.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import type { Place } from "../../jit/place.ts";
import type { Scalar } from "../../ops/scalar.ts";
import { rowMajor } from "../../ops/shape.ts";

export const map: Generator<"map"> = ({ body }, inputs, outputs, machine) => writeMap([body], inputs, outputs, machine);

/** Longer shaders do one element at a time: they wait for no memory, and take long to compile. */
const longText = 5000;

/** Elementwise work with several results, of one shape. */
export function writeMap(
  bodies: readonly Scalar[],
  inputs: readonly Place[],
  outputs: readonly Place[],
  machine: Machine,
): readonly Dispatch[] {
  const { shape } = outputs[0]!;
  const indexed = indexedAxes(bodies);
  const read = readInputs(bodies);
  const strides = inputs.map((x, n) => read.has(n) ? x.strides : shape.map(() => 0));
  const nest = collapse(shape, [...strides, rowMajor(shape)], indexed);
  const offsets = inputs.map((x, n) => read.has(n) ? x.offset : 0);
  // Positions differ between the four, and are only told for the first.
  const width = indexed.size === 0 && takesFours(nest, [...offsets, 0]) ? 4 : 1;
  const dispatch = write(bodies, inputs, outputs, nest, width, machine);
  // What is read both by one and by four is bound twice.
  const fits = dispatch.bindings.length <= machine.limits.buffers && dispatch.code.length <= longText;
  return [fits ? dispatch : write(bodies, inputs, outputs, nest, 1, machine)];
}

function write(
  bodies: readonly Scalar[],
  inputs: readonly Place[],
  outputs: readonly Place[],
  { shape, strides, axisOf }: Nest,
  width: 1 | 4,
  machine: Machine,
): Dispatch {
  const writer = new ShaderWriter(machine);
  const { names, functions } = writer;
  const perThread = shape.with(-1, shape.at(-1)! / width);
  return forEachElement(writer, machine, "map", perThread, (at, indices) => {
    const isVector = (n: number): boolean => width === 4 && strides[n]!.at(-1) !== 0;

    function load(n: number): string {
      const { offset } = inputs[n]!;
      const own = strides[n]!;
      if (!isVector(n)) return writer.reads(inputs[n]!).load(writer.position({ strides: own, offset }, indices));
      // Counted in fours, as the position along the last axis is.
      const inFours = own.map((stride, axis) => axis === own.length - 1 ? 1 : stride / 4);
      return writer.reads(inputs[n]!, 4).load(writer.position({ strides: inFours, offset: offset / 4 }, indices));
    }

    const loaded = new Map([...readInputs(bodies)].map((n) => [n, names.fresh("x")]));
    const lines = [...loaded].map(([n, name]) => `let ${name} = ${load(n)};`);
    const results = bodies.map((): string[] => []);
    for (let lane = 0; lane < width; lane++) {
      const leaf = (node: Read): string => {
        if (node.op === "index") {
          const axis = axisOf[node.axis]!;
          return axis < 0 ? "0i" : `i32(${indices[axis]})`;
        }
        const name = loaded.get(node.index)!;
        return isVector(node.index) ? `${name}.${"xyzw"[lane]}` : name;
      };
      bodies.forEach((body, k) => {
        const { statements, result } = writeScalar(body, leaf, names, functions);
        lines.push(statements);
        results[k]!.push(result);
      });
    }
    outputs.forEach((output, k) => {
      const values = results[k]!;
      lines.push(writer.writes(output, width).store(at, width === 1 ? values[0]! : `vec4(${values.join(", ")})`));
    });
    return lines.filter((line) => line !== "").join("\n");
  });
}
