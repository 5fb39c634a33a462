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

/** How much a rate counts: operations on numbers, or bytes that any implementation must read or write. */
export interface Amount {
  readonly unit: "GFLOP/s" | "GB/s";
  readonly billions: number;
}

const flops = (billions: number): Amount => ({ unit: "GFLOP/s", billions });
/** Passes over 4M numbers. */
const passes = (count: number): Amount => ({ unit: "GB/s", billions: count * 16 * 2 ** 20 / 1e9 });

const amounts: Readonly<Record<typeof others[number], Amount | null>> = {
  "conv 3x3, 32x32x32x64 to 64": flops(2.416),
  "conv 4x4, 32x32x32x3 to 128": flops(0.378),
  "conv 3x3, forward and backward": flops(3 * 2.416),
  "conv 4x4, forward and backward": flops(3 * 0.378),
  "gelu of 4M": passes(2),
  "chain of 7 operations on 4M": passes(3),
  "add of 4M": passes(3),
  "sum of rows, 4096x1024": passes(1),
  "softmax of rows, 4096x1024": passes(2),
  "layer norm of rows, 4096x1024": passes(2),
  "MLP training step": null,
  "LeNet-5 training step": null,
  "residual block training step": null,
  "small convnet training step": null,
};

/** What a rate of this work counts; null if it mixes kinds of work. */
export function amountOf(workload: Workload): Amount | null {
  if (!(workload in productSizes)) return amounts[workload as typeof others[number]];
  const [n, k, m] = productSizes[workload as Product];
  return flops(2 * n * k * m / 1e9);
}

/** One piece of work on inputs already made. */
export interface Prepared {
  /** Does it for the first time and returns what is to be checked. */
  readonly first: () => readonly Float32Array[] | Promise<readonly Float32Array[]>;
  /** Does it, or has a device begin it. */
  readonly run: () => void | Promise<void>;
  /** Waits until the device has done all that was begun. */
  readonly settle?: () => Promise<unknown>;
}

/** Every workload, or the reason why there is none. */
export type Implementation = Readonly<Record<Workload, (() => Prepared) | string>>;

/** What one process finds out about one workload: a line of JSON. */
export interface Finding {
  readonly workload: Workload;
  readonly medianMs: number;
  readonly minMs: number;
  /** How many runs a time is the mean of; on a device, between two waits. */
  readonly together: number;
  /** Length of the result as a vector, and its product with a fixed vector of random numbers. */
  readonly norm: number;
  readonly projection: number;
}

/** After so many steps of training the parameters are checked: far enough for a wrong gradient to show. */
export const checkedSteps = 10;

/** V8 compiles wasm twice, the second time in the background: a training step reaches its speed after some 200 ms. */
const warmup = { repetitions: 2, ms: 300 };
const measurement = { repetitions: 3, ms: 300 };
/** Work that has taken so long is not repeated: some of it takes half a minute. */
const mostMs = 10_000;
/**
 * What takes less is run so often that it takes as long. Clocks are not exact to a microsecond; and waiting for a GPU
 * takes 10 ms in Deno, of which this makes a thirtieth at most.
 */
const leastMs = { alone: 0.2, settling: 300 };

/** What the first argument says that the work runs on; the others choose workloads. */
export const place: string = Deno.args[0] ?? "";

/** Prints a finding for each workload that the command line names, or for all. */
export async function report(implementation: Implementation): Promise<void> {
  const chosen = Deno.args.slice(1);
  for (const workload of workloads.filter((name) => chosen.length === 0 || chosen.includes(name))) {
    const prepare = implementation[workload];
    if (typeof prepare !== "string") {
      console.log(JSON.stringify({ workload, ...await measure(prepare()) }));
    }
  }
}

async function measure(work: Prepared): Promise<Omit<Finding, "workload">> {
  const digest = digestOf(await work.first());
  const least = work.settle ? leastMs.settling : leastMs.alone;
  let [together, fastest] = [1, await fastestOf(work, 1)];
  // A wait among few runs makes one look slow, so the guess is tried.
  while (fastest * together < least / 2) {
    together = Math.ceil(least / Math.max(fastest, 1e-4));
    fastest = await fastestOf(work, together);
  }
  together = Math.ceil(least / fastest);
  const times = await timesOf(work, together, measurement);
  return { medianMs: times[times.length >> 1]!, minMs: times[0]!, together, ...digest };
}

async function fastestOf(work: Prepared, together: number): Promise<number> {
  return (await timesOf(work, together, warmup))[0]!;
}

/** Times of one run each, in ascending order: means over `together` runs, so many of them and for so long. */
async function timesOf({ run, settle }: Prepared, together: number, least: typeof measurement): Promise<number[]> {
  const times: number[] = [];
  const start = performance.now();
  for (let ms = 0; ms < least.ms || (times.length < least.repetitions && ms < mostMs);) {
    const before = performance.now();
    for (let i = 0; i < together; i++) {
      const running = run();
      if (running !== undefined) await running;
    }
    if (settle) await settle();
    const after = performance.now();
    times.push((after - before) / together);
    ms = after - start;
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
