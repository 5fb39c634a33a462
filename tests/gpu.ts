/** The GPU that tests share, and how what is computed there is read. */

import { assertEquals } from "@std/assert";
import { cpu } from "../cpu/device.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { gpuDevice } from "../gpu/gpu.ts";
import { installDevice } from "../ops/devices.ts";
import type { Tensor } from "../ops/tensor.ts";
import { gpuBounds } from "./gpu_bounds.ts";
import type { Plain } from "./plain.ts";
import type { Row, Tolerance } from "./row.ts";

/** Without an adapter this fails, and so do the tests. */
export const device: GpuDevice = await gpuDevice();

/** What `f` makes where everything is on the GPU. */
export function onGpu<T>(f: () => T): T {
  installDevice(device);
  try {
    return f();
  } finally {
    installDevice(cpu());
  }
}

/** All at once, so that they share one read. */
export function readAll(xs: readonly Tensor[]): Promise<Plain[]> {
  return Promise.all(xs.map(async (x) => {
    assertEquals(x.device, device, "where a result is");
    return { dtype: x.dtype, shape: x.shape, data: [...await x.data()] };
  }));
}

export async function readNumbers(xs: readonly Tensor[]): Promise<number[]> {
  return (await readAll(xs)).flatMap(({ data }) => [...data]);
}

/** How far results of a row may be from their references: what it allows for, or what its function is off on a GPU. */
export function toleranceOf({ name, tolerance }: Row): Tolerance<unknown> {
  const own = gpuBounds[name as keyof typeof gpuBounds] ?? 0;
  return own <= tolerance.ulps ? tolerance : { ...tolerance, ulps: own, because: "the bound of its function on a GPU" };
}
