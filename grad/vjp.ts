/** Reverse mode: vector-Jacobian products by a tape, and gradients of scalar functions. */

import { checkOptions } from "../ops/arguments.ts";
import { onesLike } from "../ops/create.ts";
import { isFloat } from "../ops/dtype.ts";
import { describe, ShapeError } from "../ops/errors.ts";
import { typeString } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";
import { putTogether, takeApart } from "../ops/structure.ts";
import { argumentAt, checkFunction, isDifferentiable } from "./function.ts";
import { pullBack, readTangents, record } from "./record.ts";
import type { At, Grads } from "./types.ts";

/** From a cotangent of the result to a tuple of cotangents, one per argument. */
export type Pullback<A extends readonly unknown[], R> = (
  cotangent: Grads<R>,
) => { -readonly [K in keyof A]: Grads<A[K]> };

/**
 * The value of a function, and its pullback: the function from a cotangent of the result to cotangents of the
 * arguments (vector-Jacobian products). `vjp(f, x)` with `f: f32[n] → f32[m]` gives `[f32[m], f32[m] → [f32[n]]]`.
 *
 * Arguments and results are trees. The pullback returns a tuple with one entry for each argument, with null at leaves
 * of integers and bools, and takes null (or anything) for such results. It may be called many times, also after other
 * transforms, and nests in them.
 *
 * @param f A function of trees of tensors; not async.
 * @param args What to evaluate it at; bare numbers are float32 scalars.
 * @returns The value and the pullback.
 *
 * @example Usage
 * ```ts
 * import { mul, tensor, vjp } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [y, pullback] = vjp(mul, tensor([1, 2]), tensor([3, 4]));
 * assertEquals(y.arraySync(), [3, 8]);
 * const [da, db] = pullback(tensor([1, 10]));
 * assertEquals(da.arraySync(), [3, 40]);
 * assertEquals(db.arraySync(), [1, 20]);
 * ```
 */
export function vjp<A extends readonly unknown[], R>(f: (...args: A) => R, ...args: A): [R, Pullback<A, R>] {
  const [y, pullback] = runVjp<A, R>("vjp", f, args, false);
  return [y, pullback];
}

/**
 * As {@linkcode vjp}, for a function that returns `[value, aux]`: gives `[value, pullback, aux]`. The auxiliary value
 * may be anything; tensors in it come back with their values, and no derivative is taken of it.
 *
 * @example Usage
 * ```ts
 * import { square, sum, type Tensor, tensor, vjpWithAux } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const f = (x: Tensor) => [sum(square(x)), "squared"] as const;
 * const [y, pullback, aux] = vjpWithAux(f, tensor([1, 2]));
 * assertEquals([y.item(), aux], [5, "squared"]);
 * assertEquals(pullback(tensor(1))[0].arraySync(), [2, 4]);
 * ```
 */
export function vjpWithAux<A extends readonly unknown[], R, Aux>(
  f: (...args: A) => readonly [R, Aux],
  ...args: A
): [R, Pullback<A, R>, Aux] {
  const [y, pullback, aux] = runVjp<A, R>("vjpWithAux", f, args, true);
  return [y, pullback, aux as Aux];
}

/** {@linkcode vjp} on behalf of a transform. */
export function runVjp<A extends readonly unknown[], R>(
  transform: string,
  f: (...args: A) => unknown,
  args: A,
  hasAux: boolean,
): [R, Pullback<A, R>, unknown] {
  const { recording, values, aux } = record(transform, "reverse", f, args, hasAux);
  const { tape, inputs, results: { structure, blanks } } = recording;
  tape.settle();
  const pullback = (cotangent: Grads<R>): { -readonly [K in keyof A]: Grads<A[K]> } => {
    const given = readTangents(
      "pullback",
      "cotangent",
      structure,
      blanks,
      blanks.map(({ type }) => isFloat(type.dtype)),
      cotangent,
    );
    return putTogether(inputs.structure, pullBack(recording, given)) as { -readonly [K in keyof A]: Grads<A[K]> };
  };
  return [putTogether(structure, values) as R, pullback, aux];
}

/** Options of {@linkcode grad} and {@linkcode valueAndGrad}. */
export interface GradOptions<N, Aux extends boolean> {
  /** Which arguments to differentiate with respect to; the first by default. */
  readonly argnums?: N | undefined;
  /** Whether the function returns `[value, aux]`. */
  readonly hasAux?: Aux | undefined;
}

/**
 * The gradient of a function that returns `[value, aux]`: a function of the same arguments that gives `[gradient,
 * aux]`. See the other form.
 *
 * @example Auxiliary results
 * ```ts
 * import { grad, square, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const f = (x: Tensor) => [sum(square(x)), { largest: x.size }] as const;
 * const [gradient, aux] = grad(f, { hasAux: true })(tensor([1, 2]));
 * assertEquals(gradient.arraySync(), [2, 4]);
 * assertEquals(aux, { largest: 2 });
 * ```
 */
export function grad<A extends readonly unknown[], Aux, const N extends number | readonly number[] = 0>(
  f: (...args: A) => readonly [Tensor, Aux],
  options: GradOptions<N, true> & { readonly hasAux: true },
): (...args: A) => [At<A, N>, Aux];
/**
 * The gradient of a function that returns one float scalar: a function of the same arguments, computed in reverse
 * mode.
 *
 * It is a tree like the first argument, or the one that `argnums` names, with null at leaves of integers and bools; an
 * array of `argnums` gives a tuple of gradients. Ordinary control flow on known values works. Transforms nest: the
 * gradient of a gradient is the second derivative.
 *
 * @throws {TypeError} If the function returns no single float, is async, or an argument has no float.
 * @throws {ShapeError} If the result is no scalar.
 * @throws {RangeError} If there is no such argument.
 *
 * @example Usage
 * ```ts
 * import { grad, mul, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const f = ({ w, b }: { w: Tensor; b: number }, x: Tensor) => sum(mul(w, mul(x, b)));
 * const gradient = grad(f)({ w: tensor([1, 2]), b: 3 }, tensor([4, 5]));
 * assertEquals(gradient.w.arraySync(), [12, 15]);
 * assertEquals(gradient.b.item(), 14);
 * ```
 *
 * @example Several arguments, and higher derivatives
 * ```ts
 * import { grad, mul, pow } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [dx, dy] = grad((x: number, y: number) => mul(x, y), { argnums: [0, 1] })(2, 5);
 * assertEquals([dx.item(), dy.item()], [5, 2]);
 *
 * const cube = (x: number) => pow(x, 3);
 * const second = grad((x: number) => grad(cube)(x));
 * assertEquals(second(2).item(), 12);
 * ```
 */
export function grad<A extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options?: GradOptions<N, false>,
): (...args: A) => At<A, N>;
export function grad<A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  options: GradOptions<number | readonly number[], boolean> = {},
): (...args: A) => unknown {
  checkFunction("grad", f);
  checkOptions("grad", options, ["argnums", "hasAux"]);
  return (...args) => {
    const { gradient, aux } = differentiate("grad", f, args, options);
    return options.hasAux ? [gradient, aux] : gradient;
  };
}

/**
 * The value and gradient of a function that returns `[value, aux]`: a function that gives `[[value, aux], gradient]`.
 *
 * @example Auxiliary results
 * ```ts
 * import { square, sum, type Tensor, tensor, valueAndGrad } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const f = (x: Tensor) => [sum(square(x)), "squared"] as const;
 * const [[value, aux], gradient] = valueAndGrad(f, { hasAux: true })(tensor([1, 2]));
 * assertEquals([value.item(), aux], [5, "squared"]);
 * assertEquals(gradient.arraySync(), [2, 4]);
 * ```
 */
export function valueAndGrad<A extends readonly unknown[], Aux, const N extends number | readonly number[] = 0>(
  f: (...args: A) => readonly [Tensor, Aux],
  options: GradOptions<N, true> & { readonly hasAux: true },
): (...args: A) => [[Tensor, Aux], At<A, N>];
/**
 * The value of a function and its gradient, from one evaluation: a function of the same arguments that gives `[value,
 * gradient]`. Options, requirements and errors are those of {@linkcode grad}.
 *
 * @example Usage
 * ```ts
 * import { square, sum, type Tensor, tensor, valueAndGrad } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [value, gradient] = valueAndGrad((x: Tensor) => sum(square(x)))(tensor([1, 2]));
 * assertEquals(value.item(), 5);
 * assertEquals(gradient.arraySync(), [2, 4]);
 * ```
 */
export function valueAndGrad<A extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options?: GradOptions<N, false>,
): (...args: A) => [Tensor, At<A, N>];
export function valueAndGrad<A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  options: GradOptions<number | readonly number[], boolean> = {},
): (...args: A) => unknown {
  checkFunction("valueAndGrad", f);
  checkOptions("valueAndGrad", options, ["argnums", "hasAux"]);
  return (...args) => {
    const { value, gradient, aux } = differentiate("valueAndGrad", f, args, options);
    return [options.hasAux ? [value, aux] : value, gradient];
  };
}

/** The value of a scalar function and its gradient, for the transform of this name. */
export function differentiate<A extends readonly unknown[]>(
  transform: string,
  f: (...args: A) => unknown,
  args: A,
  { argnums = 0, hasAux = false }: GradOptions<number | readonly number[], boolean>,
): { value: Tensor; gradient: unknown; aux: unknown } {
  const positions = (Array.isArray(argnums) ? argnums : [argnums]).map((n) => argumentAt(transform, n, args.length));
  const repeated = positions.find((n, i) => positions.indexOf(n) !== i);
  if (repeated !== undefined) throw new RangeError(`${transform}() cannot differentiate argument ${repeated} twice`);
  const chosen = positions.map((n) => args[n]);
  // The other arguments are captured, so that no derivative is taken with respect to them.
  const inner = (...some: unknown[]): unknown => {
    const all = [...args] as unknown[];
    positions.forEach((n, i) => all[n] = some[i]);
    return f(...all as unknown as A);
  };
  checkDifferentiable(transform, positions, chosen);
  const { recording, values, aux } = record(transform, "reverse", inner, chosen, hasAux);
  const { tape, inputs, results } = recording;
  const [value] = values;
  try {
    if (results.structure !== "leaf" || value!.ndim !== 0 || !isFloat(value!.dtype)) {
      throw notScalar(transform, results.structure === "leaf" ? value! : null, hasAux);
    }
    const cotangents = pullBack(recording, [onesLike(value!)]);
    const gradients = putTogether(inputs.structure, cotangents) as unknown[];
    return { value: value!, gradient: typeof argnums === "number" ? gradients[0] : gradients, aux };
  } finally {
    tape.free();
  }
}

/** An argument of integers alone has no gradient at all; beside floats its leaves get null. */
function checkDifferentiable(transform: string, positions: readonly number[], args: readonly unknown[]): void {
  args.forEach((arg, i) => {
    const { leaves } = takeApart(transform, arg);
    if (leaves.length > 0 && !leaves.some(isDifferentiable)) {
      const types = leaves.map((leaf) => typeof leaf === "object" ? typeString(leaf.type) : describe(leaf));
      throw new TypeError(
        `${transform}() cannot differentiate argument ${positions[i]} of type ${
          types.join(", ")
        }: cast() it to float32`,
      );
    }
  });
}

function notScalar(transform: string, value: Tensor | null, hasAux: boolean): Error {
  if (value === null) {
    const cure = hasAux ? "" : "; to return more, use { hasAux: true } and return [value, aux]";
    return new TypeError(`${transform}() needs a function that returns one scalar tensor, got a tree${cure}`);
  }
  const type = typeString(value.type);
  if (value.ndim !== 0) {
    return new ShapeError(
      `${transform}() needs a function that returns a scalar, got ${type}: reduce it with sum() or mean(), or use vjp()`,
    );
  }
  return new TypeError(`${transform}() needs a function that returns a float, got ${type}: it has no derivative`);
}
