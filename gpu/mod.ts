/**
 * The GPU as a device: `await gpu()` finds it, and the same programs run on it.
 *
 * @module
 */

export { gpu } from "./gpu.ts";
