/** Which generator writes each kind of kernel. */

import type { GeneratorTable } from "./kernel.ts";
import { argReduce } from "./kernels/arg_reduce.ts";
import { argsort } from "./kernels/argsort.ts";
import { cumulative } from "./kernels/cumulative.ts";
import { conv } from "./kernels/conv.ts";
import { gather } from "./kernels/gather.ts";
import { loop } from "./kernels/loop.ts";
import { map } from "./kernels/map.ts";
import { matmul } from "./kernels/matmul.ts";
import { place } from "./kernels/place.ts";
import { reduce } from "./kernels/reduce.ts";
import { scatter } from "./kernels/scatter.ts";
import { window } from "./kernels/window.ts";

export const generators: GeneratorTable = {
  map,
  reduce,
  loop,
  argReduce,
  cumulative,
  place,
  matmul,
  conv,
  window,
  gather,
  scatter,
  argsort,
};
