/** The work that every implementation does, and the way it is timed and checked. */

import { values } from "../values.ts";

/** In the order of the table. All numbers are float32, images channels last where the implementation has the choice. */
export const workloads = [
  "matmul 256",
  "matmul 512",
  "matmul 1024",
  "matmul 2048",
  "matmul 128x784 · 784x512",
  "conv 3x3, 32x32x32x64 to 64",
  "conv 4x4, 32x32x32x3 to 128",
  "gelu of 4M",
  "add of 4M",
  "sum of rows, 4096x1024",
  "softmax of rows, 4096x1024",
  "MLP training step",
  "LeNet-5 training step",
] as const;

export type Workload = typeof workloads[number];

/** One piece of work on inputs already made. `first` runs it for the first time and returns what is to be checked. */
export interface Prepared {
  readonly first: () => readonly Float32Array[];
  readonly run: () => void;
}

/** Every workload, or the reason why there is none. */
export type Implementation = Readonly<Record<Workload, (() => Prepared) | string>>;

/** What one process finds out about one workload: a line of JSON. */
export interface Finding {
  readonly impl: string;
  readonly workload: Workload;
  readonly medianMs: number;
  readonly minMs: number;
  /** Length of the result as a vector, and its product with a fixed vector of random numbers. */
  readonly norm: number;
  readonly projection: number;
}

/** After so many steps of training the parameters are checked: far enough for a wrong gradient to show. */
export const checkedSteps = 10;

/** V8 compiles wasm twice, the second time in the background: a training step reaches its speed after some 200 ms. */
const warmup = { repetitions: 3, ms: 300 };
const measurement = { repetitions: 5, ms: 300 };

/** Prints a finding for each workload that the command line names, or for all. */
export function report(impl: string, implementation: Implementation): void {
  for (const workload of workloads.filter((name) => Deno.args.length === 0 || Deno.args.includes(name))) {
    const prepare = implementation[workload];
    if (typeof prepare !== "string") console.log(JSON.stringify({ impl, workload, ...measure(prepare()) }));
  }
}

function measure({ first, run }: Prepared): Omit<Finding, "impl" | "workload"> {
  const digest = digestOf(first());
  timesOf(run, warmup);
  const times = timesOf(run, measurement).sort((a, b) => a - b);
  return { medianMs: times[times.length >> 1]!, minMs: times[0]!, ...digest };
}

/** Runs at least so often and for so long. */
function timesOf(run: () => void, least: typeof measurement): number[] {
  const times: number[] = [];
  const start = performance.now();
  while (times.length < least.repetitions || performance.now() - start < least.ms) {
    const before = performance.now();
    run();
    times.push(performance.now() - before);
  }
  return times;
}

function digestOf(results: readonly Float32Array[]): { norm: number; projection: number } {
  const weights = values(results.reduce((n, part) => n + part.length, 0), 99).values();
  let [squares, projection] = [0, 0];
  for (const part of results) {
    for (const value of part) {
      squares += value * value;
      projection += value * weights.next().value!;
    }
  }
  return { norm: Math.sqrt(squares), projection };
}
