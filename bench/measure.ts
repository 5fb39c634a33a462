/** What the groups share: inputs, and a measurement that makes them late, checks the result once, and frees every result. */

import { type Shape, type Tensor, tensor } from "../mod.ts";
import { values } from "./values.ts";

/** {@linkcode values} as a tensor. */
export function sample(shape: Shape, seed: number, scale = 1): Tensor {
  return tensor(values(shape.reduce((n, size) => n * size, 1), seed, scale), { shape });
}

/** The work to measure, and what element `i` of its result must be, computed in float64. */
export interface Work {
  readonly run: () => Tensor;
  readonly expected: (i: number) => number;
}

/** How many elements of a result are compared. */
const comparedElements = 1000;

/**
 * Measures `run`. `setup` is called first within Deno's warm-up, so that a filtered-out bench costs nothing. Results
 * are freed because a bench gives the event loop no turn: without it we would measure the copying-out of dead results.
 */
export function measure(group: string, name: string, setup: () => Work): void {
  let run: (() => Tensor) | null = null;
  Deno.bench({
    group,
    name,
    fn() {
      run ??= checked(name, setup());
      run()[Symbol.dispose]();
    },
  });
}

/** Compares elements all over the result. The longest sums have 100,352 terms of size 1, which float32 adds up to 1e-4. */
function checked(name: string, { run, expected }: Work): () => Tensor {
  const actual = run().dataSync();
  // An odd step that is no divisor of usual sizes visits all columns and all places in a tile.
  const step = Math.max(1, Math.floor(actual.length / comparedElements)) | 1;
  for (let i = 0; i < actual.length; i += step) {
    const [got, want] = [actual[i]!, expected(i)];
    if (!(Math.abs(got - want) <= 1e-4 * Math.max(1, Math.abs(want)))) {
      throw new Error(`${name}: element ${i} is ${got}, not ${want}`);
    }
  }
  return run;
}
