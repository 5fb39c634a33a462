/** A plan with every value in its place: which storage it lies in, and how, for inputs of given layouts. */

import type { Plan, Step } from "./plan.ts";
import type { DType } from "../ops/dtype.ts";
import type { ComputeKind, Kernel, KernelOf } from "../ops/kernel.ts";
import { input } from "../ops/scalar.ts";
import { contiguous, sizeOf, type Strided, type TensorType } from "../ops/shape.ts";

/** An argument of a program, as far as its code depends on it. Elements count from the first, wherever that lies. */
export interface Layout {
  readonly type: TensorType;
  readonly strides: readonly number[];
}

/** A value: a view of the storage that a base stands for, which begins at offset 0. */
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
  | { readonly kind: "made"; readonly type: TensorType };

/** One kernel on values in their places. */
export interface Work {
  readonly kernel: KernelOf<ComputeKind>;
  readonly inputs: readonly Place[];
  readonly outputs: readonly Place[];
}

export interface Placed {
  /** That of base n is at n − 1. */
  readonly storages: readonly Storage[];
  readonly works: readonly Work[];
  readonly results: readonly Place[];
}

export function place(plan: Plan, inputs: readonly Layout[]): Placed {
  const storages: Storage[] = [];
  const works: Work[] = [];
  const places = new Map<number, Place>();
  const literals = new Map<string, number>();

  function enter(storage: Storage): number {
    return storages.push(storage);
  }

  function make(type: TensorType): Place {
    return { type, base: enter({ kind: "made", type }), ...contiguous(type.shape) };
  }

  function compute(kernel: KernelOf<ComputeKind>, inputs: readonly Place[], types: readonly TensorType[]): Place[] {
    const outputs = types.map(make);
    // Where nothing is computed there is nothing to run, nor an address to run it on.
    if (outputs.some(({ shape }) => sizeOf(shape) > 0)) works.push({ kernel, inputs, outputs });
    return outputs;
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
  for (const step of plan.steps) results(step).forEach((at, i) => places.set(step.outputs[i]!, at));
  return { storages, works, results: plan.outputs.map((slot) => places.get(slot)!) };
}
