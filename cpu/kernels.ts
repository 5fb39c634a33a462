/** Which implementation runs each kind of kernel. */

import { conv } from "./conv.ts";
import { gather } from "./gather.ts";
import type { KernelTable } from "./machine.ts";
import { map } from "./map.ts";
import { matmul } from "./matmul.ts";
import { place } from "./place.ts";
import { reduce } from "./reduce.ts";
import { reference } from "./reference.ts";
import { window } from "./window.ts";

export const kernels: KernelTable = {
  map,
  reduce,
  place,
  matmul,
  conv,
  window,
  gather,
  scatter: reference.scatter,
  cumulative: reference.cumulative,
  argReduce: reference.argReduce,
  argsort: reference.argsort,
};
