/** Programs made smaller before they are fused: what is dead, done twice, known or without effect goes. */

import { Folder } from "./fold.ts";
import { commutative } from "./scalar_rules.ts";
import { simplifyScalar } from "./simplify_scalar.ts";
import { StructuralKeys } from "./structural_key.ts";
import type { Kernel, KernelOf } from "../ops/kernel.ts";
import { notDifferentiable, type Primitive } from "../ops/primitive.ts";
import { type Equation, liveEquations, part, type Program } from "../ops/program.ts";
import { input, type Scalar, substitute } from "../ops/scalar.ts";
import { Owner } from "../ops/scope.ts";
import { contiguous, sameShape, type Shape, type Strided, type TensorType } from "../ops/shape.ts";
import { ConcreteTensor, type Tensor } from "../ops/tensor.ts";

/**
 * A program that computes the same, to the last bit, with no more equations. What depends on captured constants alone is
 * computed now if it is small; `heir` will own those results, or nobody, and then they live as long as the program.
 */
export function simplify(program: Program, heir: Owner | null = null): Program {
  const owner = new Owner();
  try {
    const rewriter = new Rewriter(program, owner);
    for (const equation of liveEquations(program.equations, program.outputs)) rewriter.add(equation);
    const simple = rewriter.program();
    owner.release(simple.constants.map(({ value }) => value), heir);
    return simple;
  } finally {
    owner.free();
  }
}

/** Where the elements of a slot lie, were those of another slot in row-major order. */
interface Sight {
  readonly root: number;
  readonly layout: Strided;
}

/** Takes equations in order and keeps those that are needed. */
class Rewriter {
  readonly #inputs: number;
  readonly #types: readonly TensorType[];
  readonly #results: readonly number[];
  readonly #constants: { readonly slot: number; readonly value: Tensor }[] = [];
  readonly #equations: Equation[] = [];
  /** What stands for a slot, if not the slot itself. */
  readonly #replacements = new Map<number, number>();
  /** Slots of one number. */
  readonly #fills = new Map<number, Scalar>();
  /** Expressions made simpler, by what they were and read. */
  readonly #bodies = new Map<string, Scalar>();
  readonly #sights = new Map<number, Sight>();
  /** Slots by what is in them. */
  readonly #known = new Map<string, readonly number[]>();
  readonly #keys = new StructuralKeys();
  readonly #folder: Folder;

  constructor(program: Program, owner: Owner) {
    this.#inputs = program.inputs;
    this.#types = program.types;
    this.#results = program.outputs;
    this.#folder = new Folder(program.types, owner);
    for (const { slot, value } of program.constants) {
      if (!this.#replace([slot], `constant ${this.#keys.identity(value)}`)) this.#addConstant(slot, value);
    }
  }

  add({ primitive, params, inputs: given, outputs }: Equation): void {
    const inputs = given.map((slot) => this.#slot(slot));
    const kernel = primitive.kernel(inputs.map((slot) => this.#types[slot]!), params);
    const [output] = outputs as [number];
    let key = `${this.#keys.identity(primitive)} ${commutes(kernel) ? inputs.toSorted((a, b) => a - b) : inputs} ${
      this.#keys.write(params)
    }`;
    if (kernel.kind === "map") {
      const body = this.#bodyOf(kernel, inputs);
      if (body.op === "input") return this.#put(output, inputs[body.index]!);
      if (body.op === "const") return this.#fill(output, body);
    } else if (kernel.kind === "view") {
      const fill = this.#fills.get(inputs[0]!);
      if (fill !== undefined) return this.#fill(output, fill);
      const sight = this.#look(kernel, inputs[0]!);
      if (sight !== null) {
        if (this.#showsAll(sight, output)) return this.#put(output, sight.root);
        this.#sights.set(output, sight);
        key = sightKey(sight, this.#types[output]!);
      }
    }
    if (this.#replace(outputs, key)) return;
    this.#keep({ primitive, params, inputs, outputs }, kernel);
  }

  program(): Program {
    const outputs = this.#results.map((slot) => this.#slot(slot));
    const inputs = Array.from({ length: this.#inputs }, (_, i) => i);
    return part({ inputs, types: this.#types, constants: this.#constants, equations: this.#equations, outputs });
  }

  #slot(slot: number): number {
    return this.#replacements.get(slot) ?? slot;
  }

  #put(slot: number, by: number): void {
    this.#replacements.set(slot, by);
  }

  /** Replaces slots by those that hold the same; where none do, these are the ones from now on. */
  #replace(slots: readonly number[], key: string): boolean {
    const known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, slots);
    else slots.forEach((slot, i) => this.#put(slot, known[i]!));
    return known !== undefined;
  }

  #keep(equation: Equation, kernel: Kernel): void {
    const values = this.#folder.fold(equation, kernel);
    if (values === null) this.#equations.push(equation);
    else equation.outputs.forEach((slot, i) => this.#addConstant(slot, values[i]!));
  }

  #addConstant(slot: number, value: Tensor): void {
    this.#constants.push({ slot, value });
    if (value instanceof ConcreteTensor) this.#folder.know(slot, value);
  }

  #fill(slot: number, body: Scalar): void {
    this.#fills.set(slot, body);
    const params = { body, shape: this.#types[slot]!.shape };
    if (this.#replace([slot], `fill ${this.#keys.write(params)}`)) return;
    this.#keep({ primitive: fillP as Primitive, params, inputs: [], outputs: [slot] }, { kind: "map", body });
  }

  /** The expression of an elementwise kernel, simplified knowing which of its inputs are equal, or are one number. */
  #bodyOf({ body }: KernelOf<"map">, inputs: readonly number[]): Scalar {
    const fills = inputs.map((slot) => this.#fills.get(slot));
    const firsts = inputs.map((slot) => inputs.indexOf(slot));
    // Updates of parameters repeat the same few for every leaf.
    const key = `${this.#keys.identity(body)} ${
      fills.map((fill, i) => fill === undefined ? firsts[i] : this.#keys.write(fill))
    }`;
    let simple = this.#bodies.get(key);
    if (simple === undefined) {
      simple = simplifyScalar(substitute(body, (i, dtype) => fills[i] ?? input(firsts[i]!, dtype)));
      this.#bodies.set(key, simple);
    }
    return simple;
  }

  /** What a view of a slot shows, if it is possible without a copy of what that slot shows itself. */
  #look(kernel: KernelOf<"view">, slot: number): Sight | null {
    const { root, layout } = this.#sights.get(slot) ?? { root: slot, layout: contiguous(this.#types[slot]!.shape) };
    const seen = kernel.apply(layout);
    return seen === null ? null : { root, layout: seen };
  }

  /** Whether a view shows its root just as it is. */
  #showsAll({ root, layout }: Sight, output: number): boolean {
    const [from, to] = [this.#types[root]!, this.#types[output]!];
    return from.dtype === to.dtype && sameShape(from.shape, to.shape) &&
      layoutKey(layout) === layoutKey(contiguous(from.shape));
  }
}

interface FillParams {
  readonly body: Scalar;
  readonly shape: Shape;
}

/** One number everywhere: what elementwise operations on nothing but numbers become. */
const fillP: Primitive<FillParams> = {
  name: "full",
  infer: (_, { body, shape }) => [{ dtype: body.dtype, shape }],
  kernel: (_, { body }) => ({ kind: "map", body }),
  derivative: notDifferentiable("it has no inputs"),
  batch: (inputs) => inputs,
};

function sightKey({ root, layout }: Sight, { dtype }: TensorType): string {
  return `view ${root} ${dtype} ${layoutKey(layout)}`;
}

/** Equal for layouts that show the same. Strides of axes of size 1 do not matter. */
function layoutKey({ shape, strides, offset }: Strided): string {
  return `${shape} ${strides.map((stride, axis) => shape[axis] === 1 ? 0 : stride)} ${offset}`;
}

/** Whether a kernel is one operation whose two operands may change places. */
function commutes(kernel: Kernel): boolean {
  if (kernel.kind !== "map" || !commutative.has(kernel.body.op)) return false;
  const [a, b] = kernel.body.args;
  return a!.op === "input" && b!.op === "input" && a!.index !== b!.index;
}
