/** A plan as tasks of the CPU, and what is known of a task's operands. */

import type { Operand } from "./machine.ts";
import type { Task } from "./record.ts";
import { baseOf, symbol } from "./symbols.ts";
import { type Layout, type Place, place, type Storage as Placed } from "../jit/place.ts";
import type { Plan } from "../jit/plan.ts";
import { bytesPerElement } from "../ops/dtype.ts";
import { isContiguous, sizeOf } from "../ops/shape.ts";

/** What a base stands for. */
export type Storage =
  | Exclude<Placed, { kind: "made" }>
  | { readonly kind: "made"; readonly sizeBytes: number };

export interface Lowered {
  /** That of base n is at n − 1. */
  readonly storages: readonly Storage[];
  readonly tasks: readonly Task[];
  readonly results: readonly Place[];
}

export function lower(plan: Plan, inputs: readonly Layout[]): Lowered {
  const { storages, works, results } = place(plan, inputs);
  return {
    storages: storages.map((storage) =>
      storage.kind === "made"
        ? { kind: "made", sizeBytes: sizeOf(storage.type.shape) * bytesPerElement(storage.type.dtype) }
        : storage
    ),
    tasks: works.map(({ kernel, inputs, outputs }) => ({
      kernel,
      inputs: inputs.map(operandOf),
      outputs: outputs.map(operandOf),
    })),
    results,
  };
}

function operandOf({ type: { dtype }, base, shape, strides, offset }: Place): Operand {
  return { dtype, shape, strides, offset, address: symbol(base), length: 0 };
}

/** The bytes that an operand may touch, from its address on; none where it is empty. */
export function extentOf({ dtype, shape, strides, offset }: Operand): readonly [first: number, end: number] {
  let [low, high] = [offset, offset];
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 0) return [0, 0];
    const reach = (shape[axis]! - 1) * strides[axis]!;
    if (reach < 0) low += reach;
    else high += reach;
  }
  const bytes = bytesPerElement(dtype);
  return [low * bytes, (high + 1) * bytes];
}

/**
 * Which output may be written over which input, by their positions: elementwise kernels read an element of all inputs
 * before they write it. `isFree` says of two bases whether the first may have the storage of the second.
 */
export function overwritable(
  { kernel, inputs, outputs }: Task,
  isFree: (output: number, input: number) => boolean,
): readonly (readonly [output: number, input: number])[] {
  if (kernel.kind !== "map" && !(kernel.kind === "loop" && kernel.axes.length === 0)) return [];
  // Maps compute the last elements of a row twice where they do not fill a vector.
  const flat = inputs.every((x) => isContiguous(x) || x.strides.every((stride) => stride === 0));
  const shape = inputs[0]?.shape ?? [];
  if (kernel.kind === "map" && (flat ? sizeOf(shape) : shape.at(-1)!) % 4 !== 0) return [];
  const taken = new Set<number>();
  return outputs.flatMap((output, n) => {
    const found = inputs.findIndex((x, m) =>
      !taken.has(m) && x.offset === 0 && isContiguous(x) && sizeOf(x.shape) === sizeOf(output.shape) &&
      bytesPerElement(x.dtype) === bytesPerElement(output.dtype) &&
      inputs.every((other, i) => i === m || other.address !== x.address) &&
      isFree(baseOf(output.address), baseOf(x.address))
    );
    if (found < 0) return [];
    taken.add(found);
    return [[n, found] as const];
  });
}
