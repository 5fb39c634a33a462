/** Where a program runs that nobody says it of, and how what it captured comes there. */

import type { Program } from "../ops/program.ts";
import { typeString } from "../ops/shape.ts";
import { type Backend, ConcreteTensor, type Tensor } from "../ops/tensor.ts";

/** The device that a program cannot leave, since it captured values there that cannot be read at once; null if there is none. */
export function homeOf(program: Program): Backend | null {
  for (const { value } of program.constants) {
    if (value instanceof ConcreteTensor && value.device.readSync === null) return value.device;
  }
  return null;
}

/** The program with what it captured on the device where it is to run. Literals of traced functions come from the host. */
export function bringConstants(program: Program, device: Backend): Program {
  const brought = new Map<Tensor, Tensor>();
  for (const { value } of program.constants) if (!brought.has(value)) brought.set(value, bring(value, device));
  return { ...program, constants: program.constants.map(({ slot, value }) => ({ slot, value: brought.get(value)! })) };
}

function bring(value: Tensor, device: Backend): Tensor {
  if (!(value instanceof ConcreteTensor) || value.device === device) return value;
  const values = value.device.readSync?.(value);
  if (values !== undefined) return device.upload(values, value.type);
  throw new TypeError(
    `a program on ${device.name} cannot use ${typeString(value.type)} on ${value.device.name}, which it captured: ` +
      "move one of them with toDevice()",
  );
}
