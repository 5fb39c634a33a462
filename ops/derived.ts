/** Derived functions: compositions of primitives that run on known values as one cached, fused program. */

import { allConcrete, run } from "./bind.ts";
import { type Program, trace } from "./program.ts";
import { typeString } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** More programs than this per function are not kept: the oldest is forgotten. */
const capacity = 256;

/**
 * A function of tensors and of plain settings. Where its inputs are known values, its program is traced once for their
 * types and settings and run as a whole; under a transform its operations are seen one by one.
 */
export function derived<S>(
  name: string,
  body: (inputs: readonly Tensor[], settings: S) => Tensor,
): (inputs: readonly Tensor[], settings: S) => Tensor {
  const all = derivedAll(name, (inputs, settings: S) => [body(inputs, settings)]);
  return (inputs, settings) => all(inputs, settings)[0]!;
}

/** As {@linkcode derived}, for a function with several results. */
export function derivedAll<S>(
  name: string,
  body: (inputs: readonly Tensor[], settings: S) => readonly Tensor[],
): (inputs: readonly Tensor[], settings: S) => readonly Tensor[] {
  const programs = new Map<string, Program>();
  return (inputs, settings) => {
    if (!allConcrete(inputs)) return body(inputs, settings);
    let key = JSON.stringify(settings);
    for (const x of inputs) key += typeString(x.type);
    let program = programs.get(key);
    if (program === undefined) {
      program = trace(name, (xs) => body(xs, settings), inputs.map((x) => x.type));
      if (programs.size >= capacity) programs.delete(programs.keys().next().value!);
      programs.set(key, program);
    }
    return run(program, inputs);
  };
}
