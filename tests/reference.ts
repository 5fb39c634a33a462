/** Runs the reference kernels on plain numbers: what the tests of the CPU backend share. */

import * as fc from "fast-check";
import type { Implementation, Operand, SingleKind } from "../cpu/machine.ts";
import { reference } from "../cpu/reference.ts";
import { allocateArray, type DType, type TypedArray } from "../ops/dtype.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { contiguous, type Shape, sizeOf } from "../ops/shape.ts";
import { type TestMachine, testMachine } from "./machine.ts";

export const machine: TestMachine = testMachine();

export type ComputeKernel = KernelOf<SingleKind>;

export function run(kernel: ComputeKernel, inputs: readonly Operand[], shape: Shape, dtype: DType): number[] {
  const output = machine.output(shape, dtype);
  // The table pairs every kind with its own implementation, which an index by a union cannot say.
  (reference[kernel.kind] as Implementation<SingleKind>)(kernel, inputs, output, machine);
  return machine.read(output);
}

export function operand(values: readonly number[], shape: Shape, dtype: DType = "float32"): Operand {
  return machine.put(arrayOf(values, dtype), dtype, contiguous(shape));
}

export function arrayOf(values: readonly number[], dtype: DType): TypedArray {
  const array = allocateArray(dtype, values.length);
  array.set(values);
  return array;
}

/** Small integers: every sum of products is exact, so equality needs no tolerance. */
export function integers(shape: Shape): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: -8, max: 8 }), { minLength: sizeOf(shape), maxLength: sizeOf(shape) });
}
