/**
 * Updates combined at indices, in order, without atomic operations: a thread for each element of the result looks for
 * its updates. Many indices are sorted first, so that those of one element lie side by side.
 */

import { type Dispatch, type Generator, type Machine, mostTurns } from "../kernel.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import { sortedOrder } from "./argsort.ts";
import { combinationOf } from "./combination.ts";
import { writeMap } from "./map.ts";
import type { Place } from "../../jit/place.ts";
import type { Combiner } from "../../ops/kernel.ts";
import { cast, input } from "../../ops/scalar.ts";

/** So many indices are looked through one by one. */
const fewIndices = 16;

export const scatter: Generator<"scatter"> = ({ combiner }, [indices, updates], [output], machine) => {
  const count = indices!.shape[1]!;
  if (count <= fewIndices) return [inOrder(combiner, indices!, updates!, output!, machine)];
  const order = machine.temporary({ dtype: "int32", shape: indices!.shape });
  const { dispatches, keys } = sortedOrder(indices!, order, false, machine);
  // Of many updates so many are combined at a time; those of float16 are rounded in the end.
  const rounds = Math.ceil(count / mostTurns);
  const isRounded = rounds > 1 && output!.type.dtype === "float16";
  const totals = isRounded ? machine.temporary({ dtype: "float32", shape: output!.shape }) : output!;
  const joined = Array.from(
    { length: rounds },
    (_, round) => bySegment(combiner, keys, order, updates!, totals, round, machine),
  );
  const stored = isRounded ? writeMap([cast(input(0, "float32"), "float16")], [totals], [output!], machine) : [];
  return [...dispatches, ...joined, ...stored];
};

function inOrder(combiner: Combiner, indices: Place, updates: Place, output: Place, machine: Machine): Dispatch {
  const writer = new ShaderWriter(machine);
  return forEachElement(writer, machine, "scatter", output.shape, (at, [b, p, n, q]) => {
    const { start, join } = combinationOf(combiner, output.type.dtype, writer);
    return [
      `var total = ${start};`,
      `for (var i = 0u; i < ${writer.number(indices.shape[1]!)}; i++) {`,
      `  if (${writer.reads(indices).load(writer.position(indices, [b!, "i"]))} == i32(${n})) {`,
      join("total", writer.reads(updates).load(writer.position(updates, [b!, p!, "i", q!]))),
      "  }",
      "}",
      writer.writes(output).store(at, "total"),
    ].join("\n");
  });
}

function bySegment(
  combiner: Combiner,
  keys: Place,
  order: Place,
  updates: Place,
  output: Place,
  round: number,
  machine: Machine,
): Dispatch {
  const writer = new ShaderWriter(machine);
  return forEachElement(writer, machine, "scatter: segments", output.shape, (at, [b, p, n, q]) => {
    const { start, join } = combinationOf(combiner, output.type.dtype, writer);
    const out = writer.writes(output);
    const count = writer.number(keys.shape[1]!);
    const keyAt = (i: string): string => writer.reads(keys).load(writer.position(keys, [b!, i]));
    return [
      `let key = ${n} ^ 0x80000000u;`,
      "var low = 0u;",
      `var high = ${count};`,
      "while (low < high) {",
      "  let middle = (low + high) / 2u;",
      `  if (${keyAt("middle")} < key) { low = middle + 1u; } else { high = middle; }`,
      "}",
      `var total = ${round === 0 ? start : out.load(at)};`,
      `let first = low${round === 0 ? "" : ` + ${writer.number(round * mostTurns)}`};`,
      `for (var k = first; k < min(${count}, first + ${mostTurns}u); k++) {`,
      `  if (${keyAt("k")} != key) { break; }`,
      `  let i = u32(${writer.reads(order).load(writer.position(order, [b!, "k"]))});`,
      join("total", writer.reads(updates).load(writer.position(updates, [b!, p!, "i", q!]))),
      "}",
      out.store(at, "total"),
    ].join("\n");
  });
}
