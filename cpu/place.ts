/** Arrays placed into a filled output (padding, concatenation, dilation): each is a copy into strided places. */

import { mapInto } from "./map.ts";
import type { Implementation } from "./machine.ts";
import { reference } from "./reference.ts";
import { fill } from "./fill.ts";
import { isLaneType } from "./vector.ts";
import type { DType } from "../ops/dtype.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { input } from "../ops/scalar.ts";
import { sizeOf } from "../ops/shape.ts";

const copies = new Map<DType, KernelOf<"map">>();

function copyOf(dtype: DType): KernelOf<"map"> {
  let copy = copies.get(dtype);
  if (copy === undefined) copies.set(dtype, copy = { kind: "map", body: input(0, dtype) });
  return copy;
}

export const place: Implementation<"place"> = (kernel, inputs, output, machine) => {
  const { dtype, strides } = output;
  if (!isLaneType(dtype)) return reference.place(kernel, inputs, output, machine);
  const placed = inputs.reduce((sum, x) => sum + sizeOf(x.shape), 0);
  // Inputs do not overlap: where they have as many elements as the output, they leave nothing to fill.
  if (placed < sizeOf(output.shape)) fill(kernel.fill, output, machine);
  const copy = copyOf(dtype);
  kernel.at.forEach(({ start, step }, n) => {
    const { shape } = inputs[n]!;
    const offset = start.reduce((sum, at, axis) => sum + at * strides[axis]!, output.offset);
    const target = { ...output, shape, strides: strides.map((stride, axis) => stride * step[axis]!), offset };
    mapInto(copy, [inputs[n]!], target, machine);
  });
};
