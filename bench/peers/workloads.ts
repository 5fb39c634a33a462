/** The work that every implementation does, and the way it is timed and checked. */

import { values } from "../values.ts";

/** Matrices `[n, k] · [k, m]`. */
const productSizes = {
  "matmul 8": [8, 8, 8],
  "matmul 16": [16, 16, 16],
  "matmul 32": [32, 32, 32],
  "matmul 64": [64, 64, 64],
  "matmul 256": [256, 256, 256],
  "matmul 512": [512, 512, 512],
  "matmul 1024": [1024, 1024, 1024],
  "matmul 2048": [2048, 2048, 2048],
  "matmul 128x784 · 784x512": [128, 784, 512],
} as const;

type Product = keyof typeof productSizes;
const productNames = Object.keys(productSizes) as Product[];

/** The workloads that are products of matrices, by how one is made. */
export function products(make: (n: number, k: number, m: number) => Prepared): Record<Product, () => Prepared> {
  const entries = productNames.map((name) => {
    const [n, k, m] = productSizes[name];
    return [name, () => make(n, k, m)] as const;
  });
  return Object.fromEntries(entries) as Record<Product, () => Prepared>;
}

const others = [
  "conv 3x3, 32x32x32x64 to 64",
  "conv 4x4, 32x32x32x3 to 128",
  "conv 3x3, forward and backward",
  "conv 4x4, forward and backward",
  "gelu of 4M",
  "chain of 7 operations on 4M",
  "add of 4M",
  "sum of rows, 4096x1024",
  "softmax of rows, 4096x1024",
  "layer norm of rows, 4096x1024",
  "MLP training step",
  "LeNet-5 training step",
  "residual block training step",
  "small convnet training step",
] as const;

export type Workload = Product | typeof others[number];

/** In the order of the table. All numbers are float32, images channels last where the implementation has the choice. */
export const workloads: readonly Workload[] = [...productNames, ...others];

/** One piece of work on inputs already made. `first` runs it for the first time and returns what is to be checked. */
export interface Prepared {
  readonly first: () => readonly Float32Array[] | Promise<readonly Float32Array[]>;
  readonly run: () => void | Promise<void>;
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
const warmup = { repetitions: 2, ms: 300 };
const measurement = { repetitions: 3, ms: 300 };
/** What takes less is run so often that it takes as long: clocks are not exact to a microsecond. */
const leastMs = 0.2;

/** Prints a finding for each workload that the command line names, or for all. */
export async function report(impl: string, implementation: Implementation): Promise<void> {
  for (const workload of workloads.filter((name) => Deno.args.length === 0 || Deno.args.includes(name))) {
    const prepare = implementation[workload];
    if (typeof prepare !== "string") {
      console.log(JSON.stringify({ impl, workload, ...await measure(prepare()) }));
    }
  }
}

async function measure({ first, run }: Prepared): Promise<Omit<Finding, "impl" | "workload">> {
  const digest = digestOf(await first());
  const [fastest] = await timesOf(run, 1, warmup);
  const times = await timesOf(run, Math.ceil(leastMs / Math.max(fastest!, 1e-4)), measurement);
  return { medianMs: times[times.length >> 1]!, minMs: times[0]!, ...digest };
}

/** Times of one run each, in ascending order: means over `together` runs, at least so many and for so long. */
async function timesOf(run: Prepared["run"], together: number, least: typeof measurement): Promise<number[]> {
  const times: number[] = [];
  const start = performance.now();
  while (times.length < least.repetitions || performance.now() - start < least.ms) {
    const before = performance.now();
    for (let i = 0; i < together; i++) {
      const running = run();
      if (running !== undefined) await running;
    }
    times.push((performance.now() - before) / together);
  }
  return times.sort((a, b) => a - b);
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
