/** Convolutions of each channel with a kernel of its own, and their input's gradient: a thread for each cell and channel. */

import type { Dispatch, Machine } from "../kernel.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import {
  asSum,
  type Contraction,
  type Factor,
  factorOf,
  inFours,
  multiplyAdd,
  sumType,
  takesFours,
} from "./contraction.ts";
import { storeTile } from "./finish.ts";
import type { Place } from "../../jit/place.ts";
import type { ConvGeometry, KernelOf } from "../../ops/kernel.ts";
import type { Scalar } from "../../ops/scalar.ts";
import type { Shape } from "../../ops/shape.ts";

/** Taps of the kernel outside the operand are left out, so that it needs no padding. */
export function depthwise(
  role: Exclude<KernelOf<"conv">["role"], "kernel">,
  geometry: ConvGeometry,
  x: Place,
  w: Place,
  output: Place,
  epilogue: Scalar | undefined,
  others: readonly Place[],
  machine: Machine,
): Dispatch {
  const writer = new ShaderWriter(machine);
  const { dtype } = output.type;
  const cells = output.shape.slice(0, -1);
  const taps = w.shape.slice(0, -2);
  // Rows are cells of the output, columns are channels, and the depth are taps.
  const shapes = { batch: [1], rows: cells, columns: output.shape.slice(-1), depth: taps };
  const ofCells = (y: Place): Factor =>
    factorOf(y, shapes, { rows: y.strides.slice(0, -1), columns: y.strides.slice(-1) });
  const [ofX, ofW] = [ofCells(x), factorOf(w, shapes, { depth: w.strides.slice(0, -2), columns: w.strides.slice(-1) })];
  const contraction: Contraction = {
    shapes,
    a: ofX,
    b: ofW,
    output: ofCells(output),
    epilogue,
    others: others.map(ofCells),
    parts: null,
    padding: null,
  };
  const isWide = [ofX, ofW].every((factor) => takesFours(factor, "columns", shapes.columns));
  const width = isWide ? 4 : 1;
  const [a, b] = isWide ? [inFours(ofX, "columns"), inFours(ofW, "columns")] : [ofX, ofW];
  const type = isWide ? `vec4<${sumType(dtype)}>` : sumType(dtype);

  return forEachElement(
    writer,
    machine,
    "depthwise convolution",
    [...cells, output.shape.at(-1)! / width],
    (_, indices) => {
      const [image, channel] = [indices[0]!, indices.at(-1)!];
      const { cell, loops, end } = overTaps(writer, role, geometry, indices, x.shape, taps);
      const load = (factor: Factor, own: readonly number[], at: readonly string[]): string => {
        const position = writer.position(
          { strides: [...own, ...factor.strides.columns], offset: factor.offset },
          [...at, channel],
        );
        return asSum(dtype, width, writer.reads(factor.x, width).load(position));
      };
      const term = [
        `let element = ${load(a, a.strides.rows, [image, ...cell])};`,
        `let weight = ${load(b, b.strides.depth, taps.map((_, axis) => `tap${axis}`))};`,
        `sum = ${multiplyAdd(dtype, "sum", "element", "weight")};`,
      ];
      const row = writer.names.fresh("row");
      return [
        `let ${row} = at / ${writer.number(output.shape.at(-1)! / width)};`,
        `let column = ${channel} * ${width}u;`,
        `var sum = ${type}();`,
        ...loops,
        ...term,
        end,
        storeTile(writer, contraction, {
          batch: ["0u"],
          row,
          column: "column",
          rows: 1,
          vectors: 1,
          width,
          step: width,
        }, [
          "sum",
        ]),
      ].join("\n");
    },
  );
}

/** Loops over the taps that are met at one cell, `tap0` and so on, and the indices of the cell that each meets it with. */
export function overTaps(
  writer: ShaderWriter,
  role: "output" | "input",
  { strides, dilation, padding }: ConvGeometry,
  indices: readonly string[],
  other: Shape,
  taps: Shape,
): { readonly cell: readonly string[]; readonly loops: readonly string[]; readonly end: string } {
  const loops: string[] = [];
  const cell = taps.map((size, axis) => {
    const name = `cell${axis}`;
    const stride = writer.number(strides[axis]!);
    const [at, low] = [indices[axis + 1]!, writer.number(padding[axis]![0])];
    const [tap, end] = [`tap${axis}`, writer.number(size)];
    const step = dilation[axis] === 1 ? tap : `${tap} * ${writer.number(dilation[axis]!)}`;
    const all = `for (var ${tap} = 0u; ${tap} < ${end}; ${tap}++) {`;
    // What would be negative is large.
    if (role === "output") loops.push(all, `let ${name} = ${at} * ${stride} + ${step} - ${low};`);
    else if (dilation[axis] === 1) {
      loops.push(
        `for (var ${tap} = (${at} + ${low}) % ${stride}; ${tap} < ${end}; ${tap} += ${stride}) {`,
        `let ${name} = (${at} + ${low} - ${tap}) / ${stride};`,
      );
    } else {
      loops.push(
        all,
        `let reach${axis} = ${at} + ${low} - ${step};`,
        `let ${name} = select(0xffffffffu, reach${axis} / ${stride}, reach${axis} % ${stride} == 0u);`,
      );
    }
    loops.push(`if (${name} < ${writer.number(other[axis + 1]!)}) {`);
    return name;
  });
  return { cell, loops, end: "}}".repeat(taps.length) };
}
