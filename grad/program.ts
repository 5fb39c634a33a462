/** Looking at a function without running it: its program, and the types of its results. */

import { toTensor } from "../ops/arguments.ts";
import { isDType } from "../ops/dtype.ts";
import { printProgram, type Program, trace, typecheck } from "../ops/program.ts";
import { checkShape, type TensorType } from "../ops/shape.ts";
import { Tensor } from "../ops/tensor.ts";
import { putTogether, type Structure, takeApart } from "../ops/structure.ts";
import type { MapLeaves } from "../ops/tree.ts";
import { callSync, checkFunction } from "./function.ts";

/** A function written out as a list of operations: it prints itself, one operation a line. */
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

  /** The program as text: inputs, operations in order, results, each value with its type. */
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

/**
 * A function of the same arguments that gives the program of f for their types. Nothing is computed. Arguments may be
 * values, or types `{ dtype, shape }` in their place.
 *
 * @throws {TypeError} If f reads a value, or is async.
 *
 * @example Usage
 * ```ts
 * import { mul, program, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const p = program((x: Tensor) => sum(mul(x, x)))(tensor([1, 2, 3]));
 * p.typecheck();
 * assertEquals(
 *   `${p}`,
 *   `{ lambda a:f32[3] .
 *   let
 *     b:f32[3] = mul a a
 *     c:f32[] = sum[axes=(0)] b
 *   in (c) }`,
 * );
 * ```
 */
export function program<A extends readonly unknown[], R>(f: (...args: A) => R): (...args: A) => TracedProgram {
  checkFunction("program", f);
  return (...args) => new TracedProgram(traceTree("program", f, args).program);
}

/**
 * The types of f's results, without computing anything: a tree like the result, of `{ dtype, shape }`. Arguments may
 * be values, or types in their place.
 *
 * @throws {TypeError} If f reads a value, or is async.
 *
 * @example Usage
 * ```ts
 * import { evalShape, matmul, zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(evalShape(matmul, zeros([2, 3]), zeros([3, 5])), { dtype: "float32", shape: [2, 5] });
 * ```
 */
export function evalShape<A extends readonly unknown[], R>(f: (...args: A) => R, ...args: A): MapLeaves<R, TensorType> {
  const { program, structure } = traceTree("evalShape", f, args);
  return putTogether(structure, program.outputs.map((slot) => program.types[slot]!)) as MapLeaves<R, TensorType>;
}
