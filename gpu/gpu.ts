/** The one GPU that programs share. */

import { connect, type Connection } from "./adapter.ts";
import { GpuDevice } from "./device.ts";
import { registerDevice } from "../ops/devices.ts";
import type { AsyncDevice } from "../ops/tensor.ts";

/**
 * Finds the GPU, by WebGPU: the same device every time. From then on it is also known by its name, `"gpu"`.
 *
 * Operations on its tensors return at once, and `await x.data()` waits for them. It has no float64, and may take denormal
 * numbers for 0; everything else is as on the CPU, within the errors that functions state. `device.info` tells the
 * adapter, its limits, and how much memory is in use.
 *
 * @returns The device, for {@linkcode toDevice}, {@linkcode setDefaultDevice} and the option `device` of `jit`.
 * @throws {TypeError} If there is no WebGPU or no adapter. On Debian, `apt install mesa-vulkan-drivers` brings one in
 * software.
 *
 * @example Usage
 * ```ts
 * import { add, gpu, tensor, toDevice } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = toDevice(tensor([1, 2, 3]), await gpu());
 * const y = add(x, 1);
 * assertEquals(y.device.name, "gpu");
 * assertEquals(await y.data(), new Float32Array([2, 3, 4]));
 * ```
 */
export function gpu(): Promise<AsyncDevice> {
  return gpuDevice();
}

/** The same, as the library uses it. */
export const gpuDevice: () => Promise<GpuDevice> = shared(connect);

/** The device that connecting once gives; another one when that could not be had, or is lost. */
export function shared(connect: () => Promise<Connection>): () => Promise<GpuDevice> {
  let device: Promise<GpuDevice> | null = null;
  async function open(): Promise<GpuDevice> {
    const connection = await connect();
    connection.device.lost.then(() => device = null);
    const made = new GpuDevice(connection);
    registerDevice(made);
    return made;
  }
  return () => {
    if (device === null) {
      device = open();
      device.catch(() => device = null);
    }
    return device;
  };
}
