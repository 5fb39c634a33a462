/** Jacobians and Hessians: derivatives along every basis direction at once. */

import { checkOptions, tensorsOf } from "../ops/arguments.ts";
import { constantOf } from "../ops/create.ts";
import { identity } from "../ops/matrices.ts";
import { concatenate } from "../ops/joining.ts";
import { moveAxis, reshape, slice } from "../ops/movement.ts";
import { sizeOf, typeString } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";
import { putTogether, takeApart } from "../ops/structure.ts";
import type { MapLeaves } from "../ops/tree.ts";
import { argumentAt, checkFunction, isDifferentiable, zerosFor } from "./function.ts";
import { runJvp } from "./jvp.ts";
import { pullBack, record } from "./record.ts";
import type { Grads } from "./types.ts";
import { differentiate } from "./vjp.ts";
import { vmap } from "./vmap.ts";

/** For every leaf of the result, the tree of derivatives by every leaf of the argument at position `N`. */
export type Jacobian<A extends readonly unknown[], R, N extends number = 0> = MapLeaves<R, Grads<A[N]>>;

/** Options of {@linkcode jacobian}, {@linkcode jacrev}, {@linkcode jacfwd} and {@linkcode hessian}. */
export interface JacobianOptions<N extends number = 0> {
  /** Which argument to differentiate with respect to; the first by default. */
  readonly argnums?: N | undefined;
}

/** The position of the argument to differentiate with respect to. */
function argumentOf(transform: string, options: JacobianOptions<number>, args: readonly unknown[]): number {
  const { argnums = 0 } = options;
  return argumentAt(transform, argnums, args.length);
}

/** The function of one argument alone, the others being captured. */
function ofArgument<A extends readonly unknown[], R>(f: (...args: A) => R, args: A, n: number): (x: unknown) => R {
  return (x) => f(...args.map((arg, i) => (i === n ? x : arg)) as unknown as A);
}

/** The standard basis of a list of tensors, as one batch: leaf i is `[total, …shape i]`. */
function basis(leaves: readonly Tensor[]): Tensor[] {
  const total = leaves.reduce((n, x) => n + x.size, 0);
  let start = 0;
  return leaves.map((x) => {
    const { dtype, size, device } = x;
    const block = (rows: number): Tensor => constantOf(0, dtype, [rows, size], device);
    const padded = concatenate([block(start), identity([size, size], dtype, device), block(total - start - size)]);
    start += size;
    return reshape(padded, [total, ...x.shape]);
  });
}

/** Cuts the leading axis `[total, …]` into pieces `[…shape i, …]`, one for each of `shapes`. */
function unravel(x: Tensor, shapes: readonly (readonly number[])[]): Tensor[] {
  let start = 0;
  return shapes.map((shape) => {
    const stop = start + sizeOf(shape);
    const piece = reshape(slice(x, { start: [start], stop: [stop] }), [...shape, ...x.shape.slice(1)]);
    start = stop;
    return piece;
  });
}

function smoothLeaves(transform: string, leaves: readonly unknown[]): Tensor[] {
  if (leaves.length === 0) throw new TypeError(`${transform}() found no tensor to differentiate`);
  return tensorsOf(transform, leaves).map((x, i) => {
    if (!isDifferentiable(leaves[i] as Tensor)) {
      throw new TypeError(`${transform}() cannot differentiate ${typeString(x.type)}: cast() it to float32`);
    }
    return x;
  });
}

/**
 * The Jacobian, computed in reverse mode, a row at a time: a function of the same arguments. For `f: f32[n] → f32[m]`
 * it gives `f32[m,n]`; cheap where the result is small.
 *
 * For every leaf of the result there is a tree like the argument, with leaves `[…shape of the result, …shape of the
 * argument]`.
 *
 * @throws {TypeError} If the argument or the result has a leaf of integers or bools.
 *
 * @example Usage
 * ```ts
 * import { jacrev, square, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(jacrev(square)(tensor([1, 2])).arraySync(), [[2, 0], [0, 4]]);
 * ```
 */
export function jacrev<A extends readonly unknown[], R, const N extends number = 0>(
  f: (...args: A) => R,
  options: JacobianOptions<N> = {},
): (...args: A) => Jacobian<A, R, N> {
  return reverseJacobian("jacrev", f, options);
}

function reverseJacobian<A extends readonly unknown[], R, N extends number>(
  transform: string,
  f: (...args: A) => R,
  options: JacobianOptions<N>,
): (...args: A) => Jacobian<A, R, N> {
  checkFunction(transform, f);
  checkOptions(transform, options, ["argnums"]);
  return (...args) => {
    const n = argumentOf(transform, options, args);
    const { leaves, structure } = takeApart(transform, args[n]);
    smoothLeaves(transform, leaves);
    const { recording, values } = record(transform, "reverse", ofArgument(f, args, n), [args[n]], false);
    const { tape, results } = recording;
    try {
      const outputs = smoothLeaves(transform, values);
      // One pullback per element of the result, all in one batch: leaves [total, …shape of the argument's leaf].
      const rows = vmap((cts: Tensor[]) => pullBack(recording, cts) as Tensor[])(basis(outputs));
      const pieces = rows.map((row) => unravel(row, outputs.map((y) => y.shape)));
      const blocks = outputs.map((_, i) => putTogether(structure, pieces.map((piece) => piece[i])));
      return putTogether(results.structure, blocks) as Jacobian<A, R, N>;
    } finally {
      tape.free();
      for (const y of values) y[Symbol.dispose]();
    }
  };
}

/**
 * The Jacobian, computed in forward mode, a column at a time: a function of the same arguments. For `f: f32[n] →
 * f32[m]` it gives `f32[m,n]`; cheap where the argument is small. The result is that of {@linkcode jacrev}.
 *
 * @throws {TypeError} If the argument or the result has a leaf of integers or bools.
 *
 * @example Usage
 * ```ts
 * import { jacfwd, square, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(jacfwd(square)(tensor([1, 2])).arraySync(), [[2, 0], [0, 4]]);
 * ```
 */
export function jacfwd<A extends readonly unknown[], R, const N extends number = 0>(
  f: (...args: A) => R,
  options: JacobianOptions<N> = {},
): (...args: A) => Jacobian<A, R, N> {
  return forwardJacobian("jacfwd", f, options);
}

function forwardJacobian<A extends readonly unknown[], R, N extends number>(
  transform: string,
  f: (...args: A) => R,
  options: JacobianOptions<N>,
): (...args: A) => Jacobian<A, R, N> {
  checkFunction(transform, f);
  checkOptions(transform, options, ["argnums"]);
  return (...args) => {
    const n = argumentOf(transform, options, args);
    const { leaves, structure } = takeApart(transform, args[n]);
    const inputs = smoothLeaves(transform, leaves);
    const { recording: { tape, results }, values } = record(
      transform,
      "forward",
      ofArgument(f, args, n),
      [args[n]],
      false,
    );
    const lead = (piece: Tensor, i: number): Tensor => {
      const axes = inputs[i]!.shape.map((_, k) => k);
      return moveAxis(piece, axes, axes.map((k) => piece.ndim - axes.length + k));
    };
    try {
      smoothLeaves(transform, values);
      const columns = vmap((tangents: Tensor[]) => {
        const pushed = tape.forward(tangents, results.nodes);
        return results.blanks.map((blank, i) => pushed[i] ?? zerosFor(blank));
      })(basis(inputs));
      const blocks = columns.map((column) =>
        putTogether(structure, unravel(column, inputs.map((x) => x.shape)).map(lead))
      );
      return putTogether(results.structure, blocks) as Jacobian<A, R, N>;
    } finally {
      tape.free();
      for (const y of values) y[Symbol.dispose]();
    }
  };
}

/**
 * The Jacobian, another name of {@linkcode jacrev}.
 *
 * @example Trees
 * ```ts
 * import { jacobian, mul, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const f = ({ x, s }: { x: Tensor; s: number }) => mul(x, s);
 * const j = jacobian(f)({ x: tensor([1, 2]), s: 3 });
 * assertEquals(j.x.arraySync(), [[3, 0], [0, 3]]);
 * assertEquals(j.s.arraySync(), [1, 2]);
 * ```
 */
export function jacobian<A extends readonly unknown[], R, const N extends number = 0>(
  f: (...args: A) => R,
  options: JacobianOptions<N> = {},
): (...args: A) => Jacobian<A, R, N> {
  return reverseJacobian("jacobian", f, options);
}

/**
 * The matrix of second derivatives of a scalar function: a function of the same arguments, computed forward over
 * reverse. For `f: f32[n] → f32[]` it gives `f32[n,n]`; for a tree, a tree of trees of such blocks.
 *
 * @example Usage
 * ```ts
 * import { hessian, pow, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(hessian((x: Tensor) => sum(pow(x, 3)))(tensor([1, 2])).arraySync(), [[6, 0], [0, 12]]);
 * ```
 */
export function hessian<A extends readonly unknown[], const N extends number = 0>(
  f: (...args: A) => Tensor,
  options: JacobianOptions<N> = {},
): (...args: A) => MapLeaves<Grads<A[N]>, Grads<A[N]>> {
  const gradient = reverseJacobian("hessian", f, options);
  return forwardJacobian("hessian", gradient, options) as (...args: A) => MapLeaves<Grads<A[N]>, Grads<A[N]>>;
}

/**
 * The product of the Hessian of f at x with v, without forming the Hessian: `∂²f(x) · v`, a tree like x, computed
 * forward over reverse.
 *
 * @example Usage
 * ```ts
 * import { hvp, pow, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(hvp((x: Tensor) => sum(pow(x, 3)), tensor([1, 2]), tensor([1, 1])).arraySync(), [6, 12]);
 * ```
 */
export function hvp<P>(f: (x: P) => Tensor, x: NoInfer<P>, v: Grads<P>): Grads<P> {
  checkFunction("hvp", f);
  const [gradient, product] = runJvp("hvp", (y: P) => differentiate("hvp", f, [y], {}).gradient, [x], [v]);
  for (const leaf of takeApart("hvp", gradient).leaves) (leaf as Tensor)[Symbol.dispose]();
  return product as Grads<P>;
}
