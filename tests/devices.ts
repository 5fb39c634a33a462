/** Where the tensors of a test live: on the reference kernels, in plain TypeScript, or on any other device. */

import { cpu, cpuWith } from "../cpu/device.ts";
import { reference } from "../cpu/reference.ts";
import { installDevice } from "../ops/devices.ts";
import type { Backend } from "../ops/tensor.ts";

/** What `f` returns where new tensors live on a device. */
export function onDevice<T>(device: Backend, f: () => T): T {
  installDevice(device);
  try {
    return f();
  } finally {
    installDevice(cpu());
  }
}

const plain = cpuWith(reference);

/** What `f` returns where all that it makes is made by the reference kernels. */
export function onReference<T>(f: () => T): T {
  return onDevice(plain, f);
}
