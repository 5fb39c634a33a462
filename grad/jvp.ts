/** Forward mode: values carried together with their tangents. */

import { zerosLike } from "../ops/create.ts";
import { tensorsOf, toTensor } from "../ops/arguments.ts";
import { isFloat } from "../ops/dtype.ts";
import { describe } from "../ops/errors.ts";
import type { Primitive } from "../ops/primitive.ts";
import { handOut, Owner, tidy } from "../ops/scope.ts";
import type { Tensor } from "../ops/tensor.ts";
import { Trace, Tracer } from "../ops/trace.ts";
import { putTogether, takeApart } from "../ops/structure.ts";
import { blankOf, callSync, checkFunction, isDifferentiable, zerosFor } from "./function.ts";
import { readTangents, record } from "./record.ts";
import { linearize as linearizeOperation } from "./rules.ts";
import type { Grads } from "./types.ts";

class JvpTracer extends Tracer {
  readonly primal: Tensor;
  /** null is zero. */
  readonly tangent: Tensor | null;

  constructor(trace: JvpTrace, primal: Tensor, tangent: Tensor | null, madeBy: string) {
    super(trace, primal.type, madeBy);
    this.primal = primal;
    this.tangent = tangent;
  }

  protected override below(): Tensor {
    return this.primal;
  }
}

class JvpTrace extends Trace {
  readonly owned: Owner = new Owner(this.level);

  pair(x: Tensor): readonly [Tensor, Tensor | null] {
    return x instanceof JvpTracer && x.trace === this ? [x.primal, x.tangent] : [x, null];
  }

  override process(primitive: Primitive, inputs: readonly Tensor[], params: unknown): readonly Tensor[] {
    const pairs = inputs.map((x) => this.pair(x));
    const primals = pairs.map(([primal]) => primal);
    const tangents = pairs.map(([, tangent]) => tangent);
    const wanted = tangents.map((tangent) => tangent !== null);
    const [outputs, pushed] = tidy(
      () => {
        const { outputs, linear } = linearizeOperation("forward", primitive, primals, wanted, params);
        return [outputs, linear?.apply(tangents) ?? []] as const;
      },
      ([outputs, pushed]) => [...outputs, ...pushed],
      this.owned,
    );
    return outputs.map((y, i) => new JvpTracer(this, y, pushed[i] ?? null, `${primitive.name}()`));
  }
}

/**
 * The value of a function and its derivative along a direction, computed in forward mode (a Jacobian-vector product):
 * `[f(x), ∂f(x) · dx]`.
 *
 * @param f A function of trees of tensors; not async.
 * @param primals Its arguments, as an array.
 * @param tangents The direction: a tree like the arguments, with null (or anything) at leaves of integers and bools.
 * @returns The value, and a tree like it of derivatives, with null at leaves of integers and bools.
 * @throws {TypeError} If the tangents' structure or dtypes are not those of the arguments.
 * @throws {ShapeError} If their shapes are not.
 *
 * @example Usage
 * ```ts
 * import { jvp, mul, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [y, dy] = jvp(mul, [tensor([1, 2]), tensor([3, 4])], [tensor([1, 0]), tensor([0, 1])]);
 * assertEquals(y.arraySync(), [3, 8]);
 * assertEquals(dy.arraySync(), [3, 2]);
 * ```
 */
export function jvp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  primals: A,
  tangents: { readonly [K in keyof A]: Grads<A[K]> },
): [R, Grads<R>] {
  return runJvp("jvp", f, primals, tangents);
}

/** {@linkcode jvp} on behalf of a transform. */
export function runJvp<A extends readonly unknown[], R>(
  transform: string,
  f: (...args: A) => R,
  primals: A,
  tangents: { readonly [K in keyof A]: Grads<A[K]> },
): [R, Grads<R>] {
  checkFunction(transform, f);
  if (!Array.isArray(primals)) {
    throw new TypeError(`${transform}() takes the arguments as an array, got ${describe(primals)}`);
  }
  const trace = new JvpTrace(transform);
  const { leaves, structure } = takeApart(transform, primals);
  const values = tensorsOf(transform, leaves);
  const given = readTangents(
    transform,
    "tangent",
    structure,
    values.map(blankOf),
    leaves.map(isDifferentiable),
    tangents,
  );
  const traced = values.map((x, i) => (given[i] === null ? x : new JvpTracer(trace, x, given[i]!, "an argument")));
  try {
    const out = takeApart(transform, callSync(transform, f, putTogether(structure, traced) as A));
    const pairs = out.leaves.map((leaf) => trace.pair(toTensor(transform, leaf, values)));
    const results = pairs.map(([y]) => handOut(y));
    const pushed = pairs.map(([y, t]) => (isFloat(y.dtype) ? handOut(t ?? zerosLike(y)) : null));
    return [putTogether(out.structure, results) as R, putTogether(out.structure, pushed) as Grads<R>];
  } finally {
    trace.finish();
    trace.owned.free();
  }
}

/**
 * The value of a function, and its derivative as a linear function of the direction, which may be called many times at
 * the cost of the linear part alone: `[f(x), dx ↦ ∂f(x) · dx]`.
 *
 * @param f A function of trees of tensors; not async.
 * @param primals Its arguments.
 *
 * @example Usage
 * ```ts
 * import { linearize, sin, tensor } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const [y, derivative] = linearize(sin, 0.5);
 * assertAlmostEquals(y.item() as number, Math.sin(0.5), 1e-6);
 * assertAlmostEquals(derivative(tensor(2)).item() as number, 2 * Math.cos(0.5), 1e-6);
 * ```
 */
export function linearize<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  ...primals: A
): [R, (...tangents: { readonly [K in keyof A]: Grads<A[K]> }) => Grads<R>] {
  const { recording: { tape, inputs, results }, values } = record("linearize", "forward", f, primals, false);
  const { blanks, differentiable } = inputs;
  tape.settle();
  const linear = (...tangents: { readonly [K in keyof A]: Grads<A[K]> }): Grads<R> => {
    const given = readTangents("linearize", "tangent", inputs.structure, blanks, differentiable, tangents);
    const pushed = tape.forward(given.filter((_, i) => differentiable[i]), results.nodes);
    const filled = results.blanks.map((blank, i) => isFloat(blank.type.dtype) ? pushed[i] ?? zerosFor(blank) : null);
    return putTogether(results.structure, filled) as Grads<R>;
  };
  return [putTogether(results.structure, values) as R, linear];
}
