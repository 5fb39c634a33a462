/** float16 for kernels that know float32: operands are widened, and the result is rounded once. */

import { withScratch } from "./contraction.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import { map } from "./map.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { cast, input, substitute } from "../ops/scalar.ts";
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
      // What comes after the operands is for the epilogue, which knows float16.
      const wide = inputs.slice(0, 2).map((x) => x.dtype === "float16" ? widened(x, scratch, machine) : x);
      if (output.dtype !== "float16") return run(kernel, wide, output, machine);
      const result = scratch(output.shape);
      const { epilogue: _, ...alone } = kernel as KernelOf<"matmul" | "conv">;
      run(alone as KernelOf<K>, wide, result, machine);
      map(ending(kernel), [result, ...inputs.slice(2)], output, machine);
    });
  };
}

/** What is done with the float32 result: it is rounded, and has the epilogue's work done on it. */
function ending(kernel: KernelOf<"matmul" | "conv" | "window">): KernelOf<"map"> {
  const epilogue = "epilogue" in kernel ? kernel.epilogue : undefined;
  if (epilogue === undefined) return rounding;
  return { kind: "map", body: substitute(epilogue, (i, dtype) => i === 0 ? rounding.body : input(i, dtype)) };
}

/** In float32; what is one element along an axis stays one. */
function widened(x: Operand, scratch: (shape: Shape) => Operand, machine: Machine): Operand {
  const shape = x.shape.map((size, axis) => x.strides[axis] === 0 ? Math.min(size, 1) : size);
  const target = scratch(shape);
  map(widening, [{ ...x, shape }], target, machine);
  return { ...target, shape: x.shape, strides: target.strides.map((step, axis) => x.strides[axis] === 0 ? 0 : step) };
}
