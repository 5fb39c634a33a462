/** The same test on the kernels that define what is meant: those in plain TypeScript. */

import { cpu, cpuWith } from "../cpu/device.ts";
import { reference } from "../cpu/reference.ts";
import { installDevice } from "../ops/tensor.ts";

const plain = cpuWith(reference);

/** What `f` returns where all that it makes is made by the reference kernels. */
export function onReference<T>(f: () => T): T {
  installDevice(plain);
  try {
    return f();
  } finally {
    installDevice(cpu());
  }
}
