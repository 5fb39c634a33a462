/** Measures at start which kind of kernel an adapter is fast at: those whose threads share memory, or those that do not. */

import type { Dispatch, Machine } from "./kernel.ts";
import { type Contraction, factorOf } from "./kernels/contraction.ts";
import { registerTile } from "./kernels/register_tile.ts";
import { sharedTile } from "./kernels/shared_tile.ts";
import { Pipelines } from "./pipelines.ts";
import type { Place } from "../jit/place.ts";
import { contiguous } from "../ops/shape.ts";

/** What is measured of an adapter. */
export interface Measured {
  readonly hasFastBarriers: boolean;
}

const known = new Map<string, Promise<Measured>>();

/** Measures once for each adapter: what was found is kept in memory, and in `localStorage` where there is one. */
export function measure(device: GPUDevice): Promise<Measured> {
  const { vendor, architecture, description } = device.adapterInfo;
  const key = `pullback gpu ${[vendor, architecture, description].join(" ")}`;
  let found = known.get(key);
  if (found === undefined) {
    const stored = recall(key);
    found = stored === null ? compare(device) : Promise.resolve({ hasFastBarriers: stored === "true" });
    known.set(key, found);
    found.then(({ hasFastBarriers }) => remember(key, `${hasFastBarriers}`), () => known.delete(key));
  }
  return found;
}

/** The size of the first product, and of the second where the first is over before there is much to measure. */
const [small, middle] = [128, 512];
const longEnoughMs = 0.15;

async function compare(device: GPUDevice): Promise<Measured> {
  const pipelines = new Pipelines(device);
  let [inRegisters, shared] = await timeBoth(device, pipelines, small);
  if (Math.max(inRegisters, shared) < longEnoughMs) [inRegisters, shared] = await timeBoth(device, pipelines, middle);
  return { hasFastBarriers: shared < inRegisters };
}

/** Milliseconds of a product of square matrices, by tiles in registers and by tiles that are shared. */
async function timeBoth(device: GPUDevice, pipelines: Pipelines, size: number): Promise<[number, number]> {
  const usage = GPUBufferUsage.STORAGE;
  const buffers = [1, 2, 3].map(() => device.createBuffer({ label: "measured", size: 4 * size ** 2, usage }));
  try {
    const machine = machineFor(device);
    const contraction = square(size);
    const tiles = [
      registerTile(contraction, { rows: 8, columns: 8, threads: [8, 8] }, true, machine),
      sharedTile(contraction, { rows: 64, columns: 64 }, machine),
    ];
    const times: number[] = [];
    for (const tile of tiles) times.push(await time(device, pipelines, tile, buffers));
    return times as [number, number];
  } finally {
    for (const buffer of buffers) buffer.destroy();
  }
}

const timedRuns = 4;

/** The first run compiles; of the others the least counts. */
async function time(
  device: GPUDevice,
  pipelines: Pipelines,
  dispatch: Dispatch,
  buffers: readonly GPUBuffer[],
): Promise<number> {
  const { pipeline, layout } = pipelines.get(dispatch);
  const parameters = device.createBuffer({
    label: "measured",
    size: 4 * dispatch.parameters.length,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(parameters, 0, Uint32Array.from(dispatch.parameters));
  const bound = [...dispatch.bindings.map(({ base }) => buffers[base - 1]!), parameters];
  const group = device.createBindGroup({
    layout,
    entries: bound.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const run = (pass: GPUComputePassEncoder): void => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...dispatch.workgroups);
  };
  const least = device.features.has("timestamp-query") ? leastByTimestamps : leastByWaiting;
  try {
    return await least(device, run);
  } finally {
    parameters.destroy();
  }
}

type Run = (pass: GPUComputePassEncoder) => void;

async function leastByTimestamps(device: GPUDevice, run: Run): Promise<number> {
  const count = 2 * (timedRuns + 1);
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const resolved = device.createBuffer({ label: "timestamps", size: 8 * count, usage: QUERY_RESOLVE | COPY_SRC });
  const readable = device.createBuffer({ label: "timestamps", size: 8 * count, usage: COPY_DST | MAP_READ });
  try {
    const encoder = device.createCommandEncoder();
    for (let n = 0; n < count; n += 2) {
      const timestampWrites = { querySet, beginningOfPassWriteIndex: n, endOfPassWriteIndex: n + 1 };
      const pass = encoder.beginComputePass({ timestampWrites });
      run(pass);
      pass.end();
    }
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, readable, 0, 8 * count);
    device.queue.submit([encoder.finish()]);
    await readable.mapAsync(GPUMapMode.READ);
    const nanoseconds = new BigUint64Array(readable.getMappedRange());
    let least = Infinity;
    for (let n = 2; n < count; n += 2) least = Math.min(least, Number(nanoseconds[n + 1]! - nanoseconds[n]!) / 1e6);
    return least;
  } finally {
    querySet.destroy();
    resolved.destroy();
    readable.destroy();
  }
}

/** Waiting takes a time of its own, which the difference of long and short work does not have. */
async function leastByWaiting(device: GPUDevice, run: Run): Promise<number> {
  async function timeOf(runs: number): Promise<number> {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let n = 0; n < runs; n++) run(pass);
    pass.end();
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  }
  await timeOf(1);
  const [one, many] = [await timeOf(1), await timeOf(1 + timedRuns)];
  return Math.max(0, many - one) / timedRuns;
}

/** As far as tiles ask. */
function machineFor({ limits }: GPUDevice): Machine {
  return {
    parametric: true,
    hasFloat16: false,
    hasSubgroups: false,
    hasFastBarriers: true,
    limits: {
      threads: limits.maxComputeInvocationsPerWorkgroup,
      sharedBytes: limits.maxComputeWorkgroupStorageSize,
      workgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
      buffers: limits.maxStorageBuffersPerShaderStage,
      bufferBytes: limits.maxStorageBufferBindingSize,
    },
    temporary: () => {
      throw new Error("tiles that are measured have no temporaries");
    },
  };
}

function square(size: number): Contraction {
  const shapes = { batch: [1], rows: [size], columns: [size], depth: [size] };
  const matrix = (base: number): Place => {
    const type = { dtype: "float32", shape: [size, size] } as const;
    return { type, base, ...contiguous(type.shape) };
  };
  return {
    shapes,
    a: factorOf(matrix(1), shapes, { rows: [size], depth: [1] }),
    b: factorOf(matrix(2), shapes, { depth: [size], columns: [1] }),
    output: factorOf(matrix(3), shapes, { rows: [size], columns: [1] }),
    epilogue: undefined,
    others: [],
    parts: null,
    padding: null,
  };
}

/** What was remembered under a key; null where nothing was, or where nothing can be. */
function recall(key: string): string | null {
  try {
    return globalThis.localStorage?.getItem(key) ?? null;
  } catch {
    return null;
  }
}

function remember(key: string, value: string): void {
  try {
    globalThis.localStorage?.setItem(key, value);
  } catch {
    // Pages may have no storage, or a full one: then it is measured again.
  }
}
