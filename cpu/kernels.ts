/** Which implementation runs each kind of kernel. */

import type { KernelTable } from "./machine.ts";
import { map } from "./map.ts";
import { matmul } from "./matmul.ts";
import { reference } from "./reference.ts";

export const kernels: KernelTable = { ...reference, map, matmul };
