/** Outputs filled with one number. */

import type { Machine, Operand } from "./machine.ts";
import { map } from "./map.ts";
import { constant } from "../ops/scalar.ts";

export function fill(value: number, output: Operand, machine: Machine): void {
  map({ kind: "map", body: constant(value, output.dtype) }, [], output, machine);
}
