/** One bind, many interpreters: every operation passes here, and the innermost interpreter among its inputs takes it. */

import type { Primitive } from "./primitive.ts";
import type { Program } from "./program.ts";
import { enterScope, noteMade } from "./scope.ts";
import { type TensorType, typeString } from "./shape.ts";
import { currentDevice } from "./devices.ts";
import { type Backend, ConcreteTensor, type Device, type Tensor } from "./tensor.ts";
import { checkAlive, recordingTrace, type Trace, type Tracer } from "./trace.ts";

/** Applies a primitive to tensors and returns its results; one without inputs makes them on the given device. */
export function bind<P>(
  primitive: Primitive<P>,
  inputs: readonly Tensor[],
  params: NoInfer<P>,
  device?: Device,
): readonly Tensor[] {
  const trace = innermost(primitive.name, inputs);
  if (trace === null) {
    const types = inputs.map((x) => x.type);
    const program = oneEquation(primitive as Primitive, types, params);
    return run(program, inputs as readonly ConcreteTensor[], undefined, device);
  }
  const scope = enterScope(null);
  try {
    return trace.process(primitive as Primitive, inputs, params);
  } finally {
    enterScope(scope);
  }
}

/** As {@linkcode bind}, for the many primitives with a single result. */
export function bind1<P>(
  primitive: Primitive<P>,
  inputs: readonly Tensor[],
  params: NoInfer<P>,
  device?: Device,
): Tensor {
  return bind(primitive, inputs, params, device)[0]!;
}

/**
 * Runs a program on the device its inputs live on, or if it has none on the given one: the only way anything is ever
 * computed. The caller gives up the inputs at `donated` positions, whose storage may be used again.
 */
export function run(
  program: Program,
  inputs: readonly ConcreteTensor[],
  donated?: ReadonlySet<number>,
  device?: Device,
): readonly ConcreteTensor[] {
  // Every device is a backend.
  const place = commonDevice(inputs) ?? device as Backend | undefined ?? currentDevice();
  const results = place.run(program, inputs, donated);
  for (const x of results) noteMade(x);
  return results;
}

/** Whether an operation on these inputs would be executed at once, with no interpreter in between. */
export function allConcrete(inputs: readonly Tensor[]): inputs is readonly ConcreteTensor[] {
  if (recordingTrace() !== null) return false;
  for (const x of inputs) if (!(x instanceof ConcreteTensor)) return false;
  return true;
}

function innermost(name: string, inputs: readonly Tensor[]): Trace | null {
  let trace = recordingTrace();
  for (const x of inputs) {
    if (x instanceof ConcreteTensor) continue;
    const tracer = x as Tracer;
    checkAlive(tracer, `${name}()`);
    if (trace === null || tracer.trace.level > trace.level) trace = tracer.trace;
  }
  return trace;
}

function oneEquation(primitive: Primitive, types: readonly TensorType[], params: unknown): Program {
  const results = primitive.infer(types, params);
  const n = types.length;
  const outputs = firstSlots(n + results.length).slice(n);
  const equation = { primitive, params, inputs: firstSlots(n), outputs };
  return { inputs: n, types: [...types, ...results], constants: [], equations: [equation], outputs };
}

const slotLists: (readonly number[])[] = [];

/** The slots 0 … n − 1, the same list every time. */
function firstSlots(n: number): readonly number[] {
  return slotLists[n] ??= Array.from({ length: n }, (_, i) => i);
}

function commonDevice(inputs: readonly ConcreteTensor[]): Backend | null {
  const first = inputs[0];
  if (first === undefined) return null;
  for (const x of inputs) {
    if (x.device !== first.device) {
      throw new TypeError(
        `cannot combine ${typeString(first.type)} on ${first.device.name} with ${
          typeString(x.type)
        } on ${x.device.name}: ` +
          "move one of them with toDevice()",
      );
    }
  }
  return first.device;
}
