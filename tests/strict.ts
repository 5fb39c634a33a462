/** The reference kernels, and what `ops/kernel.ts` promises them: they throw where a primitive breaks the promise. */

import { assertEquals } from "@std/assert";
import type { Implementation, KernelTable, Operand, SingleKind } from "../cpu/machine.ts";
import { reference } from "../cpu/reference.ts";

function strict<K extends SingleKind>(
  implementation: Implementation<K>,
  holds: (inputs: readonly Operand[], output: Operand) => void,
): Implementation<K> {
  return (kernel, inputs, output, machine) => {
    holds(inputs, output);
    implementation(kernel, inputs, output, machine);
  };
}

/** Kernels that know what dtypes and shapes may come. */
export const strictReference: KernelTable = {
  ...reference,
  map: strict(reference.map, (inputs, { shape }) => inputs.forEach((x) => assertEquals(x.shape, shape, "map"))),
  place: strict(reference.place, (inputs, { dtype }) => inputs.forEach((x) => assertEquals(x.dtype, dtype, "place"))),
  matmul: strict(
    reference.matmul,
    (inputs, { dtype }) => inputs.forEach((x) => assertEquals(x.dtype, dtype, "matmul")),
  ),
  gather: strict(reference.gather, ([x, indices], { dtype }) => {
    assertEquals([x!.dtype, indices!.dtype], [dtype, "int32"], "gather");
  }),
  scatter: strict(reference.scatter, ([indices, updates], { dtype }) => {
    assertEquals([indices!.dtype, updates!.dtype], ["int32", dtype], "scatter");
  }),
};
