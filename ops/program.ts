/** Programs: a function written out as a list of primitive operations, and the interpreter that writes it. */

import { bind } from "./bind.ts";
import { currentDevice, placeBeside } from "./devices.ts";
import type { Primitive } from "./primitive.ts";
import { sameShape, type TensorType, typeString } from "./shape.ts";
import { handOut } from "./scope.ts";
import { ConcreteTensor, type Device, type Tensor, type Weak } from "./tensor.ts";
import { Trace, Tracer, withRecording } from "./trace.ts";

/** One operation of a program. Inputs and outputs are slots. */
export interface Equation {
  readonly primitive: Primitive;
  readonly params: unknown;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * A function in single-assignment form. Values live in numbered slots, each written once: first the inputs, then in
 * order of appearance the captured constants and the results of equations.
 */
export interface Program {
  /** How many inputs: slots 0 … inputs − 1. */
  readonly inputs: number;
  /** The type of every slot. */
  readonly types: readonly TensorType[];
  /** Tensors the function captured. */
  readonly constants: readonly { readonly slot: number; readonly value: Tensor }[];
  readonly equations: readonly Equation[];
  readonly outputs: readonly number[];
}

class ProgramTracer extends Tracer {
  readonly slot: number;

  constructor(trace: ProgramTrace, type: TensorType, madeBy: string, slot: number) {
    super(trace, type, madeBy);
    this.slot = slot;
  }

  #weak: Weak | null = null;

  override weak(): Weak | null {
    return this.#weak;
  }

  /** Makes an input stand for a bare number or boolean. */
  static weaken(x: Tensor, weak: Weak): void {
    (x as ProgramTracer).#weak = weak;
  }

  protected override below(): Tensor {
    throw new TypeError(
      `${typeString(this.type)} has no value while ${this.trace.transform}() traces the function: ` +
        "use where() or cond() to choose by a value, or compute it outside",
    );
  }

  override get device(): Device {
    return currentDevice();
  }
}

/** Makes an input of the program that is being traced stand for a bare number or boolean. */
export function weaken(input: Tensor, weak: Weak): Tensor {
  ProgramTracer.weaken(input, weak);
  return input;
}

/** Writes down every operation instead of doing it. */
class ProgramTrace extends Trace {
  readonly types: TensorType[] = [];
  readonly equations: Equation[] = [];
  readonly constants: { slot: number; value: Tensor }[] = [];
  readonly #captured = new Map<Tensor, number>();

  slotFor(type: TensorType): number {
    return this.types.push(type) - 1;
  }

  /** The slot of a value: its own, or that of a constant captured from outside. */
  slotOf(x: Tensor): number {
    if (x instanceof ProgramTracer && x.trace === this) return x.slot;
    let slot = this.#captured.get(x);
    if (slot === undefined) {
      slot = this.slotFor(x.type);
      this.#captured.set(x, slot);
      // A hold of its own: who made it, or a rule at work, may free the other.
      this.constants.push({ slot, value: handOut(x) });
    }
    return slot;
  }

  override process(primitive: Primitive, inputs: readonly Tensor[], params: unknown): readonly Tensor[] {
    const slots = inputs.map((x) => this.slotOf(x));
    const types = primitive.infer(inputs.map((x) => x.type), params);
    const results = types.map((type) => new ProgramTracer(this, type, `${primitive.name}()`, this.slotFor(type)));
    this.equations.push({ primitive, params, inputs: slots, outputs: results.map((x) => x.slot) });
    return results;
  }
}

/** The program of `f` for inputs of these types. Nothing is computed; every operation inside is recorded. */
export function trace(
  transform: string,
  f: (inputs: readonly Tensor[]) => readonly Tensor[],
  types: readonly TensorType[],
): Program {
  const recorder = new ProgramTrace(transform);
  const inputs = types.map((type) => new ProgramTracer(recorder, type, "an argument", recorder.slotFor(type)));
  try {
    const outputs = withRecording(recorder, () => f(inputs)).map((x) => recorder.slotOf(x));
    return {
      inputs: types.length,
      types: recorder.types,
      constants: recorder.constants,
      equations: recorder.equations,
      outputs,
    };
  } finally {
    recorder.finish();
  }
}

/** Applies a program to tensors of any kind, equation by equation. */
export function evaluate(program: Program, inputs: readonly Tensor[]): readonly Tensor[] {
  const slots = new Array<Tensor>(program.types.length);
  inputs.forEach((x, i) => slots[i] = x);
  for (const { slot, value } of program.constants) slots[slot] = value;
  const device = placeBeside(inputs);
  for (const { primitive, params, inputs, outputs } of program.equations) {
    const results = bind(primitive, inputs.map((i) => slots[i]!), params, device);
    outputs.forEach((slot, i) => slots[slot] = results[i]!);
  }
  return program.outputs.map((slot) => slots[slot]!);
}

/** Equations that a result depends on. */
export function liveEquations(equations: readonly Equation[], results: readonly number[]): readonly Equation[] {
  const live = new Set(results);
  const kept = equations.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((slot) => live.has(slot))) return false;
    for (const slot of inputs) live.add(slot);
    return true;
  });
  return kept.reverse();
}

/** Slots of some program that are to be a program of their own: of the equations, those that the outputs depend on. */
export interface Part extends Omit<Program, "inputs"> {
  /** Constants may become inputs. */
  readonly inputs: readonly number[];
}

/** The program of a part of another, its slots numbered anew. */
export function part({ inputs, types, constants, equations, outputs }: Part): Program {
  const live = liveEquations(equations, outputs);
  const read = new Set([...outputs, ...live.flatMap(({ inputs }) => inputs)]);
  const kept: TensorType[] = [];
  const places = new Map<number, number>();
  const write = (slot: number): number => {
    const place = kept.push(types[slot]!) - 1;
    places.set(slot, place);
    return place;
  };
  const find = (slot: number): number => places.get(slot)!;
  for (const slot of inputs) write(slot);
  return {
    inputs: inputs.length,
    types: kept,
    constants: constants.filter(({ slot }) => read.has(slot) && !places.has(slot))
      .map(({ slot, value }) => ({ slot: write(slot), value })),
    equations: live.map((equation) => ({
      ...equation,
      inputs: equation.inputs.map(find),
      outputs: equation.outputs.map(write),
    })),
    outputs: outputs.map(find),
  };
}

/** Throws unless every slot is written once, before it is read, with the type its primitive infers. */
export function typecheck(program: Program): void {
  const written = new Set<number>();
  const write = (slot: number): void => {
    if (written.has(slot) || program.types[slot] === undefined) {
      throw new TypeError(`slot ${slot} is written twice or has no type`);
    }
    written.add(slot);
  };
  for (let i = 0; i < program.inputs; i++) write(i);
  for (const { slot } of program.constants) write(slot);
  for (const { primitive, params, inputs, outputs } of program.equations) {
    for (const slot of inputs) {
      if (!written.has(slot)) throw new TypeError(`${primitive.name} reads slot ${slot} before it is written`);
    }
    const types = primitive.infer(inputs.map((slot) => program.types[slot]!), params);
    if (types.length !== outputs.length) {
      throw new TypeError(`${primitive.name} has ${types.length} results, not ${outputs.length}`);
    }
    outputs.forEach((slot, i) => {
      write(slot);
      const type = program.types[slot]!;
      const inferred = types[i]!;
      if (type.dtype !== inferred.dtype || !sameShape(type.shape, inferred.shape)) {
        throw new TypeError(`${primitive.name} makes ${typeString(inferred)}, not ${typeString(type)}`);
      }
    });
  }
  for (const slot of program.outputs) {
    if (!written.has(slot)) throw new TypeError(`output slot ${slot} is never written`);
  }
}

/** The program as text, one equation a line: `c:f32[3] = mul a b`. */
export function printProgram(program: Program): string {
  const name = (slot: number): string => {
    const letter = String.fromCharCode(97 + slot % 26);
    return slot < 26 ? letter : name(Math.floor(slot / 26) - 1) + letter;
  };
  const typed = (slot: number): string => `${name(slot)}:${typeString(program.types[slot]!)}`;
  const list = (slots: readonly number[], each: (slot: number) => string): string => slots.map(each).join(" ");
  const captured = program.constants.map(({ slot }) => slot);
  const head = [
    "{ lambda",
    list(Array.from({ length: program.inputs }, (_, i) => i), typed),
    captured.length > 0 ? `; captured ${list(captured, typed)}` : "",
  ].filter((s) => s !== "").join(" ");
  const lines = program.equations.map(({ primitive, params, inputs, outputs }) =>
    `    ${list(outputs, typed)} = ${primitive.name}${showParams(params)}${
      inputs.length > 0 ? ` ${list(inputs, name)}` : ""
    }`
  );
  return [`${head} .`, ...(lines.length > 0 ? ["  let", ...lines] : []), `  in (${list(program.outputs, name)}) }`]
    .join("\n");
}

function isProgram(x: unknown): x is Program {
  return typeof x === "object" && x !== null && "equations" in x;
}

/** `[axes=0,1 keep=true]` */
function showParams(params: unknown): string {
  if (typeof params !== "object" || params === null) return "";
  const show = (x: unknown): string => {
    if (x instanceof ConcreteTensor) return typeString(x.type);
    if (Array.isArray(x)) return `(${x.map(show).join(",")})`;
    if (isProgram(x)) return `\n${printProgram(x).replaceAll(/^/gm, "      ")}\n    `;
    if (typeof x === "object" && x !== null) {
      return `{${Object.entries(x).map(([k, v]) => `${k}:${show(v)}`).join(" ")}}`;
    }
    return Object.is(x, -0) ? "-0" : String(x);
  };
  const entries = Object.entries(params);
  return entries.length === 0 ? "" : `[${entries.map(([k, v]) => `${k}=${show(v)}`).join(" ")}]`;
}
