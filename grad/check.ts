/** The gradient checker: derivatives against differences of the function itself. */

import { checkOptions, toTensor } from "../ops/arguments.ts";
import { literal } from "../ops/literal.ts";
import { isFloat } from "../ops/dtype.ts";
import { cast } from "../ops/cast.ts";
import { describe } from "../ops/errors.ts";
import { checkReadable, isTensor, type Tensor } from "../ops/tensor.ts";
import { putTogether, takeApart } from "../ops/structure.ts";
import { callSync, checkFunction, isDifferentiable } from "./function.ts";
import { jvp } from "./jvp.ts";
import { vjp } from "./vjp.ts";

/** Options of {@linkcode checkGrads}. */
export interface CheckOptions {
  /** Derivatives up to this order are checked; 2 by default. */
  readonly order?: number | undefined;
  /** Forward, reverse, or both, which is the default. The names are JAX's. */
  readonly modes?: readonly ("fwd" | "rev")[] | undefined;
  /** Largest accepted error, relative to 1 + the size of the derivative; 1e-5 by default. */
  readonly tolerance?: number | undefined;
}

type ListFunction = (...xs: Tensor[]) => Tensor[];

/**
 * Compares the derivatives of a function with differences of its values, and throws where they disagree.
 *
 * Floats among the arguments become float64; other leaves stay. Derivatives are taken along one fixed direction, in
 * forward and in reverse mode and in both over both for the second order, and compared with central differences
 * improved by Richardson's extrapolation. The arguments should lie away from kinks.
 *
 * @param f The function to check; it must compute in the dtype of its arguments.
 * @param args Its arguments, as an array.
 * @throws {Error} If a derivative is wrong; the message tells the mode and both numbers.
 *
 * @example Usage
 * ```ts
 * import { checkGrads, mul, sin, stopGradient, tensor, type Tensor } from "@pullback/pullback";
 * import { assertThrows } from "@std/assert";
 *
 * checkGrads((x: Tensor) => mul(x, sin(x)), [tensor([0.5, 1])]);
 * assertThrows(() => checkGrads((x: Tensor) => mul(x, stopGradient(x)), [tensor([2])]));
 * ```
 */
export function checkGrads<A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  args: A,
  options: CheckOptions = {},
): void {
  checkFunction("checkGrads", f);
  checkOptions("checkGrads", options, ["order", "modes", "tolerance"]);
  const { order = 2, modes = ["fwd", "rev"], tolerance = 1e-5 } = options;
  if (!Array.isArray(args)) throw new TypeError(`checkGrads() takes the arguments as an array, got ${describe(args)}`);
  if (!Number.isInteger(order) || order < 1) {
    throw new RangeError(`checkGrads() needs an order that is a positive integer, got ${order}`);
  }
  if (!Array.isArray(modes) || !modes.every((mode) => mode === "fwd" || mode === "rev")) {
    throw new TypeError(`checkGrads() takes modes among "fwd" and "rev", got ${describe(modes)}`);
  }
  const { leaves, structure } = takeApart("checkGrads", args);
  for (const leaf of leaves) if (isTensor(leaf)) checkReadable("checkGrads", leaf);
  const fixed = leaves.map((leaf) => isDifferentiable(leaf) ? null : toTensor("checkGrads", leaf));
  // Differences of a float32 function are noise, so all floats become float64.
  const primals = leaves.filter(isDifferentiable).map((leaf) => cast(toTensor("checkGrads", leaf), "float64"));
  const ofFloats: ListFunction = (...xs) => {
    let next = 0;
    const all = putTogether(structure, fixed.map((x) => x ?? xs[next++]!)) as A;
    return takeApart("checkGrads", callSync("checkGrads", f, all)).leaves
      .map((leaf) => toTensor("checkGrads", leaf)).filter((y) => isFloat(y.dtype));
  };
  if (primals.length === 0 || ofFloats(...primals).length === 0) {
    throw new TypeError("checkGrads() found nothing to differentiate: an argument and a result must be floats");
  }
  checkOrder(ofFloats, primals, { order, modes, tolerance }, "");
}

function checkOrder(f: ListFunction, primals: readonly Tensor[], options: Required<CheckSettings>, path: string): void {
  const direction = directionLike(primals, 1);
  const slope = differences(f, primals, direction);
  for (const mode of options.modes) {
    const here = path === "" ? mode : `${mode} over ${path}`;
    if (mode === "fwd") {
      compare(here, flat(jvp(f, [...primals], [...direction])[1]), slope, options.tolerance);
    } else {
      const [y, pullback] = vjp(f, ...primals);
      const weights = directionLike(y, 2);
      const pulled = flat(pullback(weights as never));
      const along = dotAll(pulled, flat(direction));
      compare(here, [along], [dotAll(flat(weights), slope)], options.tolerance);
    }
    if (options.order > 1) {
      const derivative: ListFunction = mode === "fwd"
        ? (...xs) => jvp(f, xs, [...direction])[1] as Tensor[]
        : (...xs) => {
          const [y, pullback] = vjp(f, ...xs);
          return pullback(directionLike(y, 2) as never) as Tensor[];
        };
      checkOrder(derivative, primals, { ...options, order: options.order - 1 }, here);
    }
  }
}

type CheckSettings = { [K in keyof CheckOptions]-?: NonNullable<CheckOptions[K]> };

/** Fixed directions without symmetry: the fractional parts of multiples of the golden ratio. */
function directionLike(xs: readonly Tensor[], salt: number): Tensor[] {
  let n = salt * 1000;
  return xs.map((x) => {
    const values = Float64Array.from({ length: x.size }, () => 2 * ((++n * 0.6180339887498949) % 1) - 1);
    return literal(values, { shape: x.shape, dtype: x.dtype }, x.device);
  });
}

function flat(xs: unknown): number[] {
  return (xs as Tensor[]).flatMap((x) => [...x.dataSync<Float64Array>()]);
}

function dotAll(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}

/** Central differences along a direction, improved once by Richardson's extrapolation: error O(h⁴). */
function differences(f: ListFunction, primals: readonly Tensor[], direction: readonly Tensor[]): number[] {
  const at = (h: number): number[] =>
    flat(f(...primals.map((x, i) => {
      const [p, d] = [x.dataSync<Float64Array>(), direction[i]!.dataSync<Float64Array>()];
      return literal(p.map((v, k) => v + h * d[k]!), { shape: x.shape }, x.device);
    })));
  const central = (h: number): number[] => {
    const [plus, minus] = [at(h), at(-h)];
    return plus.map((v, i) => (v - minus[i]!) / (2 * h));
  };
  const [coarse, fine] = [central(2e-3), central(1e-3)];
  return fine.map((v, i) => (4 * v - coarse[i]!) / 3);
}

function compare(mode: string, got: readonly number[], expected: readonly number[], tolerance: number): void {
  got.forEach((g, i) => {
    const e = expected[i]!;
    if (Math.abs(g - e) <= tolerance * (1 + Math.abs(e)) || Object.is(g, e)) return;
    throw new Error(`checkGrads() found a wrong derivative (${mode}): ${g} where differences give ${e}`);
  });
}
