/** Looking at a function without running it: its program, and the types of its results. */

import { toTensor } from "../ops/arguments.ts";
import { isDType } from "../ops/dtype.ts";
import { printProgram, type Program, trace, typecheck } from "../ops/program.ts";
import { checkShape, type TensorType } from "../ops/shape.ts";
import { Tensor } from "../ops/tensor.ts";
import { type MapLeaves, putTogether, type Structure, takeApart } from "../ops/tree.ts";
import { callSync, checkFunction } from "./function.ts";

/** A traced program that prints itself. */
export class TracedProgram {
  readonly #program: Program;

  /** @internal */
  constructor(program: Program) {
    this.#program = program;
  }

  /** Throws unless every value is written once, before it is read, with the type its operation gives. */
  typecheck(): void {
    typecheck(this.#program);
  }

  toString(): string {
    return printProgram(this.#program);
  }

  static {
    for (const inspector of ["Deno.customInspect", "nodejs.util.inspect.custom"]) {
      Object.defineProperty(this.prototype, Symbol.for(inspector), {
        value(this: TracedProgram): string {
          return this.toString();
        },
      });
    }
  }
}

/** A type where a tensor could be: what {@linkcode evalShape} accepts instead of values. */
function isType(x: unknown): x is TensorType {
  return typeof x === "object" && x !== null && !(x instanceof Tensor) && "dtype" in x && isDType(x.dtype) &&
    "shape" in x && Array.isArray(x.shape);
}

/** Replaces types in a tree by zeros-like stand-ins, so that it can be taken apart. */
function traceTree<A extends readonly unknown[], R>(
  transform: string,
  f: (...args: A) => R,
  args: A,
): { program: Program; structure: Structure } {
  const types: TensorType[] = [];
  const numbered = mapTypes(args, (type) => {
    checkShape(transform, type.shape);
    return types.push(type) - 1;
  });
  const { leaves, structure } = takeApart(transform, numbered);
  const all = leaves.map((leaf) => leaf instanceof Tensor ? leaf.type : types[leaf as number]!);
  let out: Structure = null;
  const program = trace(transform, (inputs) => {
    const result = takeApart(transform, callSync(transform, f, putTogether(structure, inputs) as A));
    out = result.structure;
    return result.leaves.map((leaf) => toTensor(transform, leaf));
  }, all);
  return { program, structure: out };
}

/** Every leaf that is a type, a number or a boolean becomes a number: its place in the list of types. */
function mapTypes(tree: unknown, place: (type: TensorType) => number): unknown {
  if (isType(tree)) return place({ dtype: tree.dtype, shape: [...tree.shape] });
  if (typeof tree === "number") return place({ dtype: "float32", shape: [] });
  if (typeof tree === "boolean") return place({ dtype: "bool", shape: [] });
  if (tree instanceof Tensor) return place(tree.type);
  if (Array.isArray(tree)) return tree.map((child) => mapTypes(child, place));
  if (typeof tree === "object" && tree !== null && Object.getPrototypeOf(tree) === Object.prototype) {
    return Object.fromEntries(Object.entries(tree).map(([key, child]) => [key, mapTypes(child, place)]));
  }
  return tree;
}

export function program<A extends readonly unknown[], R>(f: (...args: A) => R): (...args: A) => TracedProgram {
  checkFunction("program", f);
  return (...args) => new TracedProgram(traceTree("program", f, args).program);
}

export function evalShape<A extends readonly unknown[], R>(f: (...args: A) => R, ...args: A): MapLeaves<R, TensorType> {
  const { program, structure } = traceTree("evalShape", f, args);
  return putTogether(structure, program.outputs.map((slot) => program.types[slot]!)) as MapLeaves<R, TensorType>;
}
