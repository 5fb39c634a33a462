/**
 * Stable sorting by merging: runs of elements are ranked among themselves, then two runs at a time become one. A thread
 * finds the place of one element: how many of its own run come before it, and by bisection how many of the other.
 */

import type { Dispatch, Generator, Machine } from "../kernel.ts";
import type { Functions } from "../functions/library.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import type { Place } from "../../jit/place.ts";
import { type DType, isFloat } from "../../ops/dtype.ts";
import { sizeOf } from "../../ops/shape.ts";

/** Elements that are ranked by comparing each with all. */
const runLength = 32;

export const argsort: Generator<"argsort"> = ({ descending }, [x], [output], machine) =>
  sortedOrder(x!, output!, descending, machine).dispatches;

/** Dispatches that write the order of the last axis, and the keys in that order, as `u32`. */
export function sortedOrder(
  x: Place,
  order: Place,
  descending: boolean,
  machine: Machine,
): { readonly dispatches: readonly Dispatch[]; readonly keys: Place } {
  const size = x.shape.at(-1)!;
  const make = (dtype: DType): Place => machine.temporary({ dtype, shape: x.shape });
  const passes = Math.max(0, Math.ceil(Math.log2(size / runLength)));
  const keys = [make("uint32"), ...(passes > 0 ? [make("uint32")] : [])];
  // The last pass writes the result: orders change places with every pass.
  const orders = passes > 0 ? [order, make("int32")] : [order];
  const at = (list: readonly Place[], pass: number): Place => list[(passes - pass) % list.length]!;
  const dispatches = [rank(x, at(keys, 0), at(orders, 0), descending, machine)];
  for (let pass = 1; pass <= passes; pass++) {
    const from = { keys: at(keys, pass - 1), order: at(orders, pass - 1) };
    const to = { keys: at(keys, pass), order: at(orders, pass) };
    dispatches.push(merge(from, to, runLength * 2 ** (pass - 1), machine));
  }
  return { dispatches, keys: at(keys, passes) };
}

/** Sorts every run of a line, element by element. */
function rank(x: Place, keys: Place, order: Place, descending: boolean, machine: Machine): Dispatch {
  const writer = new ShaderWriter(machine);
  const size = writer.number(x.shape.at(-1)!);
  return forEachElement(writer, machine, "argsort: runs", x.shape, (at, indices) => {
    const keyAt = (i: string): string => {
      const element = writer.reads(x).load(writer.position(x, [...indices.slice(0, -1), i]));
      return keyOf(element, x.type.dtype, descending, writer.functions);
    };
    const i = indices.at(-1)!;
    return [
      `let key = ${keyAt(i)};`,
      `let first = ${i} / ${runLength}u * ${runLength}u;`,
      `let end = min(first + ${runLength}u, ${size});`,
      "var place = first;",
      "for (var j = first; j < end; j++) {",
      `  let other = ${keyAt("j")};`,
      `  if (other < key || (other == key && j < ${i})) { place++; }`,
      "}",
      `let line = ${at} - ${i};`,
      writer.writes(keys).store("line + place", "key"),
      writer.writes(order).store("line + place", `i32(${i})`),
    ].join("\n");
  });
}

interface Sorted {
  readonly keys: Place;
  readonly order: Place;
}

/** Merges the two runs of this length that lie side by side, everywhere. */
function merge(from: Sorted, to: Sorted, length: number, machine: Machine): Dispatch {
  const { shape } = from.keys;
  const lineLength = shape.at(-1)!;
  const writer = new ShaderWriter(machine);
  const [size, run] = [writer.number(lineLength), writer.number(length)];
  return forEachElement(writer, machine, "argsort: merge", [sizeOf(shape.slice(0, -1)), lineLength], (at, indices) => {
    const i = indices[1]!;
    const keys = writer.reads(from.keys);
    return [
      `let line = ${at} - ${i};`,
      `let key = ${keys.load(at)};`,
      `let run = ${i} / ${run};`,
      `let isFirst = run % 2u == 0u;`,
      // Where the other run begins and ends; equal elements of the first run come first.
      `let start = min(select((run - 1u) * ${run}, (run + 1u) * ${run}, isFirst), ${size});`,
      `var low = start;`,
      `var high = min(start + ${run}, ${size});`,
      "while (low < high) {",
      "  let middle = (low + high) / 2u;",
      `  let other = ${keys.load("line + middle")};`,
      "  if (other < key || (!isFirst && other == key)) { low = middle + 1u; } else { high = middle; }",
      "}",
      `let own = ${i} - run * ${run};`,
      `let place = line + min(run * ${run}, start) + own + (low - start);`,
      writer.writes(to.keys).store("place", "key"),
      writer.writes(to.order).store("place", writer.reads(from.order).load(at)),
    ].join("\n");
  });
}

/** An element as a `u32` that comes before another one if and only if the element does; NaN comes last. */
function keyOf(element: string, dtype: DType, descending: boolean, functions: Functions): string {
  const ordered = dtype === "bool"
    ? `select(0u, 1u, ${element})`
    : dtype === "uint32"
    ? element
    : `(bitcast<u32>(${isFloat(dtype) ? `${functions.use("order_i32")}(${element})` : element}) ^ 0x80000000u)`;
  const key = descending ? `~${ordered}` : ordered;
  return isFloat(dtype) ? `select(${key}, 0xffffffffu, ${functions.use("isNaN_f32")}(${element}))` : key;
}
