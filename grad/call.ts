/** The call of a program as one operation, so that what was traced once stays whole under every transform. */

import { bind } from "../ops/bind.ts";
import { constantOf } from "../ops/create.ts";
import { placeBeside } from "../ops/devices.ts";
import { isFloat } from "../ops/dtype.ts";
import type { Direction, Linearized, Primitive } from "../ops/primitive.ts";
import { evaluate, type Program, trace } from "../ops/program.ts";
import type { TensorType } from "../ops/shape.ts";
import type { Device, Tensor } from "../ops/tensor.ts";
import { jvp } from "./jvp.ts";
import { flows } from "./rules.ts";
import { type Halves, split } from "./split.ts";
import { vjpWithAux } from "./vjp.ts";
import { vmap } from "./vmap.ts";

export interface CallParams {
  /** The function's name, for people. */
  readonly name: string;
  readonly program: Program;
}

const callP: Primitive<CallParams> = {
  name: "call",
  infer: (_, { program }) => program.outputs.map((slot) => program.types[slot]!),
  kernel: (_, { program }) => ({ kind: "call", program }),
  derivative: { kind: "staged", linearize },
  batch(inputs, batched, { name, program }, size) {
    const batch = variant(program, `batch ${size} ${batched}`, () => batchOf(program, inputs, batched, size));
    return call(name, batch, inputs);
  },
};

/** The results of a program for these inputs; of one without any, on the given device. */
export function call(name: string, program: Program, inputs: readonly Tensor[], device?: Device): readonly Tensor[] {
  return bind(callP, inputs, { name, program }, device);
}

/** Programs made from a program, by what they compute. */
const variants = new WeakMap<Program, Map<string, unknown>>();

function variant<V>(program: Program, key: string, make: () => V): V {
  let known = variants.get(program) as Map<string, V> | undefined;
  if (known === undefined) variants.set(program, known = new Map());
  let found = known.get(key);
  if (found === undefined) known.set(key, found = make());
  return found;
}

function batchOf(program: Program, inputs: readonly Tensor[], batched: readonly boolean[], size: number): Program {
  const whole = vmap((...xs: Tensor[]) => evaluate(program, xs), {
    inAxes: batched.map((isBatched) => (isBatched ? 0 : null)),
    size,
  });
  return trace("vmap", (xs) => whole(...xs), inputs.map((x) => x.type));
}

/** A program with its derivative, cut where the tangents or cotangents come in. */
interface Linear extends Halves {
  /** The results that a derivative flows to. */
  readonly reached: readonly number[];
}

function linearize(
  direction: Direction,
  inputs: readonly Tensor[],
  wanted: readonly boolean[],
  { name, program }: CallParams,
): Linearized {
  const { reached, first, second, residuals: kept } = variant(
    program,
    `${direction} ${wanted}`,
    () => direction === "forward" ? forward(program, wanted) : reverse(program, wanted),
  );
  const all = call(name, first, inputs);
  const outputs = all.slice(0, program.outputs.length);
  const residuals = kept.map(({ of, at }) => (of === "inputs" ? inputs : all)[at]!);
  const open = wanted.flatMap((isWanted, i) => (isWanted ? [i] : []));
  const [given, made] = direction === "forward" ? [open, reached] : [reached, open];
  const types = direction === "forward" ? inputs.map((x) => x.type) : outputs.map((y) => y.type);
  const device = placeBeside(outputs);
  return {
    outputs,
    residuals,
    apply(ts) {
      const dense = given.map((i) => ts[i] ?? constantOf(0, types[i]!.dtype, types[i]!.shape, device));
      const results = call(name, second, [...residuals, ...dense], device);
      const sparse = new Array<Tensor | null>((direction === "forward" ? outputs : inputs).length).fill(null);
      made.forEach((i, k) => sparse[i] = results[k]!);
      return sparse;
    },
  };
}

function forward(program: Program, wanted: readonly boolean[]): Linear {
  const { types, reached, by } = opened(program, wanted);
  const n = program.inputs;
  const both = trace("jvp", (all) => {
    const [inputs, tangents] = [all.slice(0, n), all.slice(n)];
    const primals = inputs.filter((_, i) => wanted[i]);
    const [[smooth, others], [pushed]] = jvp(by(inputs), primals, tangents);
    return [...inOrder(program, reached, smooth, others), ...pushed];
  }, [...types, ...types.filter((_, i) => wanted[i])]);
  return { reached, ...split(both, n, program.outputs.length) };
}

function reverse(program: Program, wanted: readonly boolean[]): Linear {
  const { types, reached, by } = opened(program, wanted);
  const n = program.inputs;
  const both = trace("vjp", (all) => {
    const [inputs, cotangents] = [all.slice(0, n), all.slice(n)];
    const primals = inputs.filter((_, i) => wanted[i]);
    const [smooth, pullback, others] = vjpWithAux((...xs: Tensor[]) => by(inputs)(...xs), ...primals);
    return [...inOrder(program, reached, smooth, others), ...pullback(cotangents)];
  }, [...types, ...reached.map((i) => program.types[program.outputs[i]!]!)]);
  return { reached, ...split(both, n, program.outputs.length) };
}

/** The program as a function of the wanted inputs: the results that derivatives flow to, and the others. */
function opened(program: Program, wanted: readonly boolean[]): {
  readonly types: readonly TensorType[];
  readonly reached: readonly number[];
  by(inputs: readonly Tensor[]): (...xs: Tensor[]) => readonly [Tensor[], Tensor[]];
} {
  const slots = reachedSlots(program, wanted);
  const reached = program.outputs.flatMap((slot, i) => (slots.has(slot) ? [i] : []));
  return {
    types: program.types.slice(0, program.inputs),
    reached,
    by: (inputs) => (...xs) => {
      let next = 0;
      const results = evaluate(program, inputs.map((x, i) => (wanted[i] ? xs[next++]! : x)));
      return [reached.map((i) => results[i]!), results.filter((_, i) => !reached.includes(i))];
    },
  };
}

/** The slots that a derivative by the wanted inputs flows to. */
function reachedSlots(program: Program, wanted: readonly boolean[]): ReadonlySet<number> {
  const reached = new Set(wanted.flatMap((isWanted, slot) => (isWanted ? [slot] : [])));
  for (const { primitive, inputs, outputs } of program.equations) {
    const types = outputs.map((slot) => program.types[slot]!);
    if (!inputs.some((slot, i) => reached.has(slot) && flows(primitive, i, types))) continue;
    outputs.forEach((slot, i) => isFloat(types[i]!.dtype) && reached.add(slot));
  }
  return reached;
}

/** The results of a program, of which the reached ones and the others come apart. */
function inOrder(
  program: Program,
  reached: readonly number[],
  smooth: readonly Tensor[],
  others: readonly Tensor[],
): readonly Tensor[] {
  let [a, b] = [0, 0];
  return program.outputs.map((_, i) => reached.includes(i) ? smooth[a++]! : others[b++]!);
}
