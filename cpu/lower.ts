/** A plan with every value in its place: which storage it lies in, and how, for inputs of given layouts. */

import type { ComputeKind, Operand } from "./machine.ts";
import type { Task } from "./record.ts";
import { baseOf, symbol } from "./symbols.ts";
import type { Plan, Step } from "../jit/plan.ts";
import { bytesPerElement, type DType } from "../ops/dtype.ts";
import type { Kernel, KernelOf } from "../ops/kernel.ts";
import { input } from "../ops/scalar.ts";
import { contiguous, isContiguous, sizeOf, type Strided, type TensorType } from "../ops/shape.ts";

/** An argument of a program, as far as its code depends on it. Elements count from the first, wherever that lies. */
export interface Layout {
  readonly type: TensorType;
  readonly strides: readonly number[];
}

/** A value: a view of what a base stands for, which begins at offset 0. */
export interface Place extends Strided {
  readonly type: TensorType;
  readonly base: number;
}

/** What a base stands for. */
export type Storage =
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "constant"; readonly index: number }
  /** A number that the program holds. */
  | { readonly kind: "literal"; readonly dtype: DType; readonly value: number }
  | { readonly kind: "made"; readonly sizeBytes: number };

export interface Lowered {
  /** That of base n is at n − 1. */
  readonly storages: readonly Storage[];
  readonly tasks: readonly Task[];
  readonly results: readonly Place[];
}

export function lower(plan: Plan, inputs: readonly Layout[]): Lowered {
  const storages: Storage[] = [];
  const tasks: Task[] = [];
  const places = new Map<number, Place>();
  const literals = new Map<string, number>();

  function enter(storage: Storage): number {
    return storages.push(storage);
  }

  function make(type: TensorType): Place {
    const base = enter({ kind: "made", sizeBytes: sizeOf(type.shape) * bytesPerElement(type.dtype) });
    return { type, base, ...contiguous(type.shape) };
  }

  function compute(kernel: KernelOf<ComputeKind>, from: readonly Place[], types: readonly TensorType[]): Place[] {
    const made = types.map(make);
    // Where nothing is computed there is nothing to run, nor an address to run it on.
    if (made.some(({ shape }) => sizeOf(shape) > 0)) {
      tasks.push({ kernel, inputs: from.map(operandOf), outputs: made.map(operandOf) });
    }
    return made;
  }

  function literal(value: number, type: TensorType): Place {
    const key = `${type.dtype} ${Object.is(value, -0) ? "-0" : value}`;
    const base = literals.get(key) ?? enter({ kind: "literal", dtype: type.dtype, value });
    literals.set(key, base);
    return { type, base, shape: type.shape, strides: type.shape.map(() => 0), offset: 0 };
  }

  function view(kernel: KernelOf<"view">, x: Place, type: TensorType): Place {
    const seen = kernel.apply(x);
    if (seen !== null) return { type, base: x.base, shape: seen.shape, strides: seen.strides, offset: seen.offset };
    const copyKernel: Kernel = { kind: "map", body: input(0, x.type.dtype) };
    return view(kernel, compute(copyKernel, [x], [x.type])[0]!, type);
  }

  function results({ kernel, inputs, types }: Step): Place[] {
    const from = inputs.map((slot) => places.get(slot)!);
    if (kernel.kind === "call") throw new TypeError("a call was not written out");
    if (kernel.kind === "view") return [view(kernel, from[0]!, types[0]!)];
    if (kernel.kind === "map" && kernel.body.op === "const") return [literal(kernel.body.value, types[0]!)];
    return compute(kernel, from, types);
  }

  inputs.forEach(({ type, strides }, index) => {
    places.set(index, { type, base: enter({ kind: "input", index }), shape: type.shape, strides, offset: 0 });
  });
  plan.constants.forEach(({ slot, value }, index) => {
    const { type, strides } = value;
    places.set(slot, { type, base: enter({ kind: "constant", index }), shape: type.shape, strides, offset: 0 });
  });
  for (const step of plan.steps) results(step).forEach((place, i) => places.set(step.outputs[i]!, place));
  return { storages, tasks, results: plan.outputs.map((slot) => places.get(slot)!) };
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
