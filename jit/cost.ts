/** What a plan costs: floating-point operations, and bytes that pass between kernels and memory. */

import { bytesPerElement, isFloat } from "../ops/dtype.ts";
import type { Kernel } from "../ops/kernel.ts";
import type { Program } from "../ops/program.ts";
import { type Scalar, topological } from "../ops/scalar.ts";
import { sizeOf, type TensorType } from "../ops/shape.ts";
import type { Plan } from "./fuse.ts";

export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/** The cost of a run: every scalar operation on floats counts 1, whatever it is; every operand is read once. */
export function costOf(program: Program, { steps, constants }: Plan): Cost {
  const types = new Map<number, TensorType>(program.types.slice(0, program.inputs).entries());
  for (const { slot, value } of constants) types.set(slot, value.type);
  let [flops, bytes] = [0, 0];
  for (const { kernel, inputs, outputs, types: made } of steps) {
    outputs.forEach((slot, i) => types.set(slot, made[i]!));
    if (kernel.kind === "view") continue;
    const operands = inputs.map((slot) => types.get(slot)!);
    flops += flopsOf(kernel, operands, made);
    if ("epilogue" in kernel && kernel.epilogue !== undefined) {
      flops += sizeOf(made[0]!.shape) * operations(kernel.epilogue);
    }
    for (const type of [...operands, ...made]) bytes += byteSize(type);
  }
  return { flops, bytes };
}

export function byteSize({ dtype, shape }: TensorType): number {
  return sizeOf(shape) * bytesPerElement(dtype);
}

function flopsOf(kernel: Kernel, [x, y]: readonly TensorType[], [z]: readonly TensorType[]): number {
  switch (kernel.kind) {
    case "map":
      return sizeOf(z!.shape) * operations(kernel.body);
    case "reduce":
      return sizeOf(x!.shape) * (operations(kernel.body) + 1);
    case "loop": {
      const rows = sizeOf(kernel.shape.filter((_, axis) => !kernel.axes.includes(axis)));
      const perElement = kernel.stages.map(({ body }) => operations(body) + 1);
      const results = kernel.outputs.map(({ body, perRow }) =>
        operations(body) * (perRow ? rows : sizeOf(kernel.shape))
      );
      return perElement.reduce((sum, n) => sum + n * sizeOf(kernel.shape), 0) + results.reduce((sum, n) => sum + n, 0);
    }
    case "matmul":
      return 2 * sizeOf(z!.shape) * x!.shape.at(-1)!;
    case "conv":
      return 2 * multiplications(kernel.role, x!, y!, z!);
    case "window":
      return sizeOf((kernel.role === "spread" || kernel.role === "put" ? x : z)!.shape) *
        kernel.geometry.window.reduce((a, b) => a * b, 1);
    case "cumulative":
    case "argReduce":
    case "scatter":
      return sizeOf((y ?? x)!.shape);
    default:
      return 0;
  }
}

/** Products of the trilinear form: w is `[…kernel, C / groups, F]`, and each of its elements of f meets g's cells of f. */
function multiplications(
  role: "output" | "input" | "kernel",
  first: TensorType,
  second: TensorType,
  result: TensorType,
): number {
  const w = role === "kernel" ? result : second;
  const g = role === "output" ? result : role === "input" ? first : second;
  return sizeOf(g.shape) * sizeOf(w.shape.slice(0, -1));
}

function operations(body: Scalar): number {
  return topological(body).filter(({ op, dtype, args }) => args.length > 0 && op !== "cast" && isFloat(dtype)).length;
}
