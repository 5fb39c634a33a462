/** Reverse mode: vector-Jacobian products by a tape, and gradients of scalar functions. */

import { checkOptions } from "../ops/arguments.ts";
import { onesLike } from "../ops/create.ts";
import { isFloat } from "../ops/dtype.ts";
import { describe, ShapeError } from "../ops/errors.ts";
import { typeString } from "../ops/shape.ts";
import { tidy } from "../ops/scope.ts";
import type { Tensor } from "../ops/tensor.ts";
import { putTogether, takeApart } from "../ops/tree.ts";
import { argumentAt, checkFunction, isDifferentiable } from "./function.ts";
import { pullBack, readTangents, record } from "./record.ts";
import type { At, Grads } from "./types.ts";

/** From a cotangent of the result to a tuple of cotangents, one per argument. */
export type Pullback<A extends readonly unknown[], R> = (
  cotangent: Grads<R>,
) => { -readonly [K in keyof A]: Grads<A[K]> };

export function vjp<A extends readonly unknown[], R>(f: (...args: A) => R, ...args: A): [R, Pullback<A, R>] {
  const [y, pullback] = runVjp<A, R>("vjp", f, args, false);
  return [y, pullback];
}

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
  const recording = record(transform, "reverse", f, args, hasAux);
  const { tape, inputs, results } = recording;
  const primals = tape.settle(results.primals, results.auxTensors);
  const types = primals.map((y) => y.type);
  const pullback = (cotangent: Grads<R>): { -readonly [K in keyof A]: Grads<A[K]> } => {
    const given = readTangents(
      "pullback",
      "cotangent",
      results.structure,
      types,
      types.map(({ dtype }) => isFloat(dtype)),
      cotangent,
    );
    return putTogether(inputs.structure, pullBack(recording, given)) as { -readonly [K in keyof A]: Grads<A[K]> };
  };
  return [putTogether(results.structure, primals) as R, pullback, results.aux];
}

/** Options of {@linkcode grad} and {@linkcode valueAndGrad}. */
export interface GradOptions<N, Aux extends boolean> {
  /** Which arguments to differentiate with respect to; the first by default. */
  readonly argnums?: N | undefined;
  /** Whether the function returns `[value, aux]`. */
  readonly hasAux?: Aux | undefined;
}

export function grad<A extends readonly unknown[], Aux, const N extends number | readonly number[] = 0>(
  f: (...args: A) => readonly [Tensor, Aux],
  options: GradOptions<N, true> & { readonly hasAux: true },
): (...args: A) => [At<A, N>, Aux];
export function grad<A extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options?: GradOptions<N, false>,
): (...args: A) => At<A, N>;
export function grad<A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  options: GradOptions<number | readonly number[], boolean> = {},
): (...args: A) => unknown {
  checkFunction("grad", f);
  checkOptions("grad", options);
  return (...args) => {
    const { gradient, aux } = differentiate("grad", f, args, options);
    return options.hasAux ? [gradient, aux] : gradient;
  };
}

export function valueAndGrad<A extends readonly unknown[], Aux, const N extends number | readonly number[] = 0>(
  f: (...args: A) => readonly [Tensor, Aux],
  options: GradOptions<N, true> & { readonly hasAux: true },
): (...args: A) => [[Tensor, Aux], At<A, N>];
export function valueAndGrad<A extends readonly unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options?: GradOptions<N, false>,
): (...args: A) => [Tensor, At<A, N>];
export function valueAndGrad<A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  options: GradOptions<number | readonly number[], boolean> = {},
): (...args: A) => unknown {
  checkFunction("valueAndGrad", f);
  checkOptions("valueAndGrad", options);
  return (...args) => {
    const { value, gradient, aux } = differentiate("valueAndGrad", f, args, options);
    return [options.hasAux ? [value, aux] : value, gradient];
  };
}

function differentiate<A extends readonly unknown[]>(
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
  const recording = record(transform, "reverse", inner, chosen, hasAux);
  const { tape, inputs, results } = recording;
  const [value] = results.primals;
  const keep: (Tensor | null)[] = [...results.primals, ...results.auxTensors];
  try {
    if (results.structure !== "leaf" || value!.ndim !== 0 || !isFloat(value!.dtype)) {
      throw notScalar(transform, results.structure === "leaf" ? value! : null, hasAux);
    }
    const cotangents = tidy(() => pullBack(recording, [onesLike(value!)]), (made) => made);
    keep.push(...cotangents);
    const gradients = putTogether(inputs.structure, cotangents) as unknown[];
    return { value: value!, gradient: typeof argnums === "number" ? gradients[0] : gradients, aux: results.aux };
  } finally {
    tape.free(keep);
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
