/** Which implementation runs each kind of kernel. */

import type { KernelTable } from "./machine.ts";
import { reference } from "./reference.ts";

export const kernels: KernelTable = { ...reference };
