/** Sliding windows: a thread for each element of the result goes through its window, or through the windows it is in. */

import { combinationOf } from "./combination.ts";
import { type Dispatch, type Generator, type Machine, mostTurns } from "../kernel.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import type { Place } from "../../jit/place.ts";
import { type DType, isFloat } from "../../ops/dtype.ts";
import type { KernelOf, WindowGeometry } from "../../ops/kernel.ts";
import { sizeOf } from "../../ops/shape.ts";

export const window: Generator<"window"> = (kernel, inputs, [output], machine) => {
  const { window } = kernel.geometry;
  if (sizeOf(window) > mostTurns) {
    throw new RangeError(
      `the gpu cannot go through windows of ${window.join("x")} cells: ${mostTurns} are the most; ` +
        "reduce along axes instead, or compute it on the CPU",
    );
  }
  const writer = new ShaderWriter(machine);
  const write = kernel.role === "spread" || kernel.role === "put" ? gatherWindows : goThroughWindow;
  return [write(kernel, inputs, output!, writer, machine)];
};

/** An element for each window, of which the cells are visited in order. */
function goThroughWindow(
  { role, geometry }: KernelOf<"window">,
  [x, positions]: readonly Place[],
  output: Place,
  writer: ShaderWriter,
  machine: Machine,
): Dispatch {
  return forEachElement(writer, machine, `window: ${role}`, output.shape, (at, indices) => {
    const cells = cellNames(geometry);
    const value = writer.reads(x!).load(writer.position(x!, [indices[0]!, ...cells, indices.at(-1)!]));
    const within = (body: string): string =>
      forEachOffset(writer, geometry, (offsets) => {
        const lines = offsets.map((k, d) => {
          const [stride, low] = [geometry.strides[d]!, geometry.padding[d]![0]];
          const moved = stride === 1 ? indices[1 + d]! : `${indices[1 + d]} * ${writer.number(stride)}`;
          // Before the first cell, in the padding, positions are large numbers.
          return `let ${cells[d]} = ${moved} + ${k}${low === 0 ? "" : ` - ${writer.number(low)}`};`;
        });
        const inside = cells.map((cell, d) => `${cell} < ${writer.number(x!.shape[1 + d]!)}`);
        return [...lines, `if (${inside.join(" && ")}) {`, body, "}"].join("\n");
      });
    const out = writer.writes(output);
    switch (role) {
      case "argMax":
      case "argMin": {
        const better = beats(role === "argMax" ? "max" : "min", x!.type.dtype, writer);
        const found = [
          `let value = ${value};`,
          `if (!seen || ${better("value", "best")}) { seen = true; best = value; place = position; }`,
        ];
        return [
          "var seen = false;",
          "var position = 0i;",
          "var place = 0i;",
          `var best = ${combinationOf("sum", x!.type.dtype, writer).start};`,
          within(found.join("\n")),
          out.store(at, "place"),
        ].join("\n");
      }
      case "take": {
        const wanted = writer.reads(positions!).load(writer.position(positions!, indices));
        return [
          `let wanted = ${wanted};`,
          "var position = 0i;",
          `var result = ${combinationOf("sum", x!.type.dtype, writer).start};`,
          within(`if (position == wanted) { result = ${value}; }`),
          out.store(at, "result"),
        ].join("\n");
      }
      default: {
        const { start, join } = combinationOf(role as "sum" | "max" | "min", output.type.dtype, writer);
        return [
          "var position = 0i;",
          `var total = ${start};`,
          within(join("total", value)),
          out.store(at, "total"),
        ].join("\n");
      }
    }
  });
}

/** An element for each cell, which sums up what the windows around it give. */
function gatherWindows(
  { role, geometry }: KernelOf<"window">,
  [g, positions]: readonly Place[],
  output: Place,
  writer: ShaderWriter,
  machine: Machine,
): Dispatch {
  return forEachElement(writer, machine, `window: ${role}`, output.shape, (at, indices) => {
    const cells = cellNames(geometry);
    const windows = [indices[0]!, ...cells, indices.at(-1)!];
    const { start, join } = combinationOf("sum", output.type.dtype, writer);
    const joined = join("total", writer.reads(g!).load(writer.position(g!, windows)));
    const body = positions === undefined || role === "spread"
      ? joined
      : `if (${writer.reads(positions).load(writer.position(positions, windows))} == position) {\n${joined}\n}`;
    return [
      "var position = 0i;",
      `var total = ${start};`,
      forEachOffset(writer, geometry, (offsets) => {
        const lines = offsets.flatMap((k, d) => {
          const [stride, low] = [geometry.strides[d]!, geometry.padding[d]![0]];
          const from = `${indices[1 + d]}${low === 0 ? "" : ` + ${writer.number(low)}`} - ${k}`;
          if (stride === 1) return [`let ${cells[d]} = ${from};`];
          return [`let from${d} = ${from};`, `let ${cells[d]} = from${d} / ${writer.number(stride)};`];
        });
        const inside = cells.flatMap((cell, d) => {
          const stride = geometry.strides[d]!;
          const exact = stride === 1 ? [] : [`from${d} % ${writer.number(stride)} == 0u`];
          return [`${cell} < ${writer.number(g!.shape[1 + d]!)}`, ...exact];
        });
        return [...lines, `if (${inside.join(" && ")}) {`, body, "}"].join("\n");
      }),
      writer.writes(output).store(at, "total"),
    ].join("\n");
  });
}

function cellNames({ window }: WindowGeometry): readonly string[] {
  return window.map((_, d) => `cell${d}`);
}

/** Loops over the cells of a window, row-major; the variable `position` counts them. */
function forEachOffset(
  writer: ShaderWriter,
  { window }: WindowGeometry,
  body: (offsets: readonly string[]) => string,
): string {
  const offsets = window.map((_, d) => `k${d}`);
  return window.reduceRight(
    (inner, size, d) => `for (var k${d} = 0u; k${d} < ${writer.number(size)}; k${d}++) {\n${inner}\n}`,
    `${body(offsets)}\nposition++;`,
  );
}

/** Whether an element takes the place of the extreme found so far: the first NaN beats everything. */
function beats(
  extreme: "max" | "min",
  dtype: DType,
  { functions }: ShaderWriter,
): (element: string, best: string) => string {
  if (!isFloat(dtype)) {
    const word = (x: string): string => dtype === "bool" ? `select(0u, 1u, ${x})` : x;
    return (x, best) => `${word(x)} ${extreme === "max" ? ">" : "<"} ${word(best)}`;
  }
  const [less, isNaN] = [functions.use("lt_f32"), functions.use("isNaN_f32")];
  return (x, best) => {
    const wins = extreme === "max" ? `${less}(${best}, ${x})` : `${less}(${x}, ${best})`;
    return `${wins} || (${isNaN}(${x}) && !${isNaN}(${best}))`;
  };
}
