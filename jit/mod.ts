/**
 * Compiling functions. Importing this installs the CPU.
 *
 * @module
 */

import "../cpu/install.ts";

export { type Compiled, type Explanation } from "./explain.ts";
export type { ProgramFacts } from "../ops/tensor.ts";
export { jit, type JitOptions, type Jitted } from "./jit.ts";
