/**
 * The CPU as a device, and what it may be told. Importing this installs the CPU.
 *
 * @module
 */

import "./install.ts";

export { type BlasOptions, useBlas } from "./blas.ts";
