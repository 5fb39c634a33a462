/**
 * Transforms of functions: reverse and forward differentiation, batching, Jacobians and Hessians, tracing. Importing
 * this installs the CPU.
 *
 * @module
 */

import "../cpu/install.ts";

export { checkGrads, type CheckOptions } from "./check.ts";
export { hessian, hvp, jacfwd, type Jacobian, jacobian, type JacobianOptions, jacrev } from "./jacobian.ts";
export { jvp, linearize } from "./jvp.ts";
export { evalShape, program, type TracedProgram } from "./program.ts";
export type { At, Grads } from "./types.ts";
export { grad, type GradOptions, type Pullback, valueAndGrad, vjp, vjpWithAux } from "./vjp.ts";
export { type Axes, vmap, type VmapOptions } from "./vmap.ts";
