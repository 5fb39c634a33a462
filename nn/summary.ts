/** What a model is made of, and how many parameters it has. */

import { checkOptions } from "../ops/arguments.ts";
import { trace } from "../ops/program.ts";
import type { Shape } from "../ops/shape.ts";
import { leaves, paths } from "../ops/tree.ts";
import type { Layer, Part } from "./layer.ts";
import { shapeThrough } from "./layer.ts";

/**
 * How many numbers a tree of parameters holds.
 *
 * @param options With `biases: false` the `bias` beside a `weight`, in dense and convolution layers, is not counted.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const { params } = nn.dense(10).init(random.key(0), [5]);
 * assertEquals(nn.countParams(params), 60);
 * assertEquals(nn.countParams(params, { biases: false }), 50);
 * ```
 */
export function countParams(params: unknown, options: { readonly biases?: boolean | undefined } = {}): number {
  checkOptions("countParams", options, ["biases"]);
  const { biases = true } = options;
  const names = paths(params);
  const all = new Set(names);
  const isCounted = (name: string): boolean => biases || !/(^|\/)bias$/.test(name) || !all.has(weightBeside(name));
  return leaves(params).reduce((n, x, i) => isCounted(names[i]!) ? n + x.size : n, 0);
}

function weightBeside(bias: string): string {
  return bias.replace(/bias$/, "weight");
}

interface Row {
  readonly name: string;
  readonly shape: Shape;
  readonly count: number;
}

/**
 * A table of a model's parts: what each is, the shape of one example after it, and how many parameters it has. Nothing
 * is computed for it, so it is fast for large models too.
 *
 * @example Usage
 * ```ts
 * import { nn } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const model = nn.sequential(nn.flatten(), nn.dense(100), nn.relu, nn.dense(10));
 * const table = [
 *   "part        output   parameters",
 *   "            28x28x1            ",
 *   "flatten     784               0",
 *   "dense(100)  100          78,500",
 *   "relu        100               0",
 *   "dense(10)   10            1,010",
 *   "total                    79,510",
 * ];
 * assertEquals(nn.summary(model, [28, 28, 1]), table.join("\n"));
 * ```
 */
export function summary(model: Part, inputShape: Shape): string {
  const rows = rowsOf(model, inputShape, "");
  const count = rows.reduce((n, row) => n + row.count, 0);
  const cells = [
    ["part", "output", "parameters"],
    ["", showShape(inputShape), ""],
    ...rows.map((row) => [row.name, showShape(row.shape), row.count.toLocaleString("en")]),
    ["total", "", count.toLocaleString("en")],
  ];
  const widths = [0, 1, 2].map((k) => Math.max(...cells.map((row) => row[k]!.length)));
  return cells.map(([name, shape, n]) =>
    `${name!.padEnd(widths[0]!)}  ${shape!.padEnd(widths[1]!)}  ${n!.padStart(widths[2]!)}`
  ).join("\n");
}

/** One row for each part that is not made of parts, with the names of those that are before it. */
function rowsOf(part: Part, inputShape: Shape, outer: string): Row[] {
  if (typeof part === "function") {
    const name = part.name || "function";
    return [{ name: outer + name, shape: shapeThrough(name, part, inputShape), count: 0 }];
  }
  if (part.parts === undefined) return [{ name: outer + (part.name ?? "layer"), ...measure(part, inputShape) }];
  let shape = inputShape;
  return part.parts.flatMap((inner) => {
    const rows = rowsOf(inner, shape, outer);
    shape = rows.at(-1)?.shape ?? shape;
    return rows;
  });
}

function measure(layer: Layer, inputShape: Shape): { shape: Shape; count: number } {
  let measured = { shape: inputShape, count: 0 };
  trace("summary", ([key]) => {
    const { params, outputShape } = layer.init(key!, inputShape);
    measured = { shape: outputShape, count: countParams(params) };
    return [];
  }, [{ dtype: "uint32", shape: [2] }]);
  return measured;
}

function showShape(shape: Shape): string {
  return shape.length === 0 ? "scalar" : shape.join("x");
}
