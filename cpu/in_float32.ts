/** float16 for kernels that know float32: operands are widened, and the result is rounded once. */

import { withScratch } from "./contraction.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import { map } from "./map.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { cast, input } from "../ops/scalar.ts";
import { contiguous, type Shape, sizeOf } from "../ops/shape.ts";

const widening: KernelOf<"map"> = { kind: "map", body: cast(input(0, "float16"), "float32") };
const rounding: KernelOf<"map"> = { kind: "map", body: cast(input(0, "float32"), "float16") };

/** The same kernel, which need not know float16. */
export function inFloat32<K extends "matmul" | "conv" | "window">(run: Implementation<K>): Implementation<K> {
  return (kernel, inputs, output, machine) => {
    if (output.dtype !== "float16" && inputs.every((x) => x.dtype !== "float16")) {
      return run(kernel, inputs, output, machine);
    }
    withScratch(machine, (allocate) => {
      const scratch = (shape: Shape): Operand => {
        const length = sizeOf(shape);
        return { ...contiguous(shape), dtype: "float32", address: allocate(4 * length), length };
      };
      const wide = inputs.map((x) => x.dtype === "float16" ? widened(x, scratch, machine) : x);
      if (output.dtype !== "float16") return run(kernel, wide, output, machine);
      const result = scratch(output.shape);
      run(kernel, wide, result, machine);
      map(rounding, [result], output, machine);
    });
  };
}

/** In float32; what is one element along an axis stays one. */
function widened(x: Operand, scratch: (shape: Shape) => Operand, machine: Machine): Operand {
  const shape = x.shape.map((size, axis) => x.strides[axis] === 0 ? Math.min(size, 1) : size);
  const target = scratch(shape);
  map(widening, [{ ...x, shape }], target, machine);
  return { ...target, shape: x.shape, strides: target.strides.map((step, axis) => x.strides[axis] === 0 ? 0 : step) };
}
