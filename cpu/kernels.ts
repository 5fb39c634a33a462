/** Which implementation runs each kind of kernel. */

import { argReduce } from "./arg_reduce.ts";
import { argsort } from "./argsort.ts";
import { conv } from "./conv.ts";
import { cumulative } from "./cumulative.ts";
import { gather } from "./gather.ts";
import { inFloat32 } from "./in_float32.ts";
import { loop } from "./loop.ts";
import type { KernelTable } from "./machine.ts";
import { map } from "./map.ts";
import { matmul } from "./matmul.ts";
import { place } from "./place.ts";
import { reduce } from "./reduce.ts";
import { scatter } from "./scatter.ts";
import { window } from "./window.ts";

export const kernels: KernelTable = {
  map,
  reduce,
  loop,
  place,
  matmul: inFloat32(matmul),
  conv: inFloat32(conv),
  window: inFloat32(window),
  gather,
  scatter,
  cumulative,
  argReduce,
  argsort,
};
