/** Derivatives by differences: what the rules of the library are compared with. */

import { assert } from "@std/assert";
import { vjp } from "../grad/vjp.ts";
import { jvp } from "../grad/jvp.ts";
import type { Tensor } from "../ops/tensor.ts";
import { fill, upload } from "./draw.ts";
import { read } from "./close.ts";
import type { Plain } from "./plain.ts";

/** A smooth function between lists of float64 tensors. */
export type ListFunction = (xs: Tensor[]) => Tensor[];

/** Tensors shaped like others, of drawn numbers over and over. */
export function shapedLike(xs: readonly Tensor[], values: readonly number[]): Tensor[] {
  return xs.map((x, i) => upload(fill(x.shape, x.dtype, values, 3 * i)));
}

export function numbersOf(xs: readonly Tensor[]): number[] {
  return xs.flatMap((x) => [...read(x).data]);
}

export function dot(a: readonly Tensor[], b: readonly Tensor[] | readonly number[]): number {
  const other = b.map((y) => (typeof y === "number" ? [y] : [...read(y).data])).flat();
  return numbersOf(a).reduce((sum, v, i) => sum + v * other[i]!, 0);
}

/** Central differences of `f` along a direction. */
export function differences(f: ListFunction, xs: readonly Tensor[], direction: readonly Tensor[]): number[] {
  return differencesOf((moved) => numbersOf(f(moved.map((x) => upload(x)))), xs.map(read), direction.map(read));
}

/**
 * Central differences of a function of plain numbers, extrapolated once. With the steps 2⁻¹¹ and 2⁻¹² and directions in
 * multiples of 1/64, points that are multiples of 1/512 move by exact amounts and stay 1/1024 away from each other.
 */
export function differencesOf(
  f: (xs: readonly Plain[]) => readonly number[],
  xs: readonly Plain[],
  direction: readonly Plain[],
): number[] {
  const at = (step: number): readonly number[] =>
    f(xs.map((x, i) => ({ ...x, data: x.data.map((v, k) => v + step * direction[i]!.data[k]!) })));
  const central = (step: number): number[] => {
    const [ahead, behind] = [at(step), at(-step)];
    // What is infinite on both sides does not move.
    return ahead.map((v, i) => (v === behind[i] ? 0 : (v - behind[i]!) / (2 * step)));
  };
  const [coarse, fine] = [central(2 ** -11), central(2 ** -12)];
  return fine.map((v, i) => (4 * v - coarse[i]!) / 3);
}

/** Extrapolated differences err by h⁴f⁽⁵⁾ and by the rounding of f over h, both below 1e-9 of the derivatives of our cases. */
const differenceError = 1e-7;
/** What is equal but for the order of a few additions. */
const roundingError = 1e-11;

export function assertNear(actual: readonly number[], expected: readonly number[], error: number, what: string): void {
  const scale = 1 + Math.max(0, ...expected.map(Math.abs).filter(Number.isFinite));
  expected.forEach((e, i) => {
    const a = actual[i]!;
    assert(Object.is(a, e) || Math.abs(a - e) <= error * scale, `${what}: ${a}, not ${e}, at element ${i}`);
  });
  assert(actual.length === expected.length, `${what}: ${actual.length} elements, not ${expected.length}`);
}

/** Both modes against differences along `t`, of `f` itself unless `slope` has better ones, and against each other. */
export function checkBothModes(
  f: ListFunction,
  xs: readonly Tensor[],
  t: readonly Tensor[],
  ct: readonly number[],
  what: string,
  slope: readonly number[] = differences(f, xs, t),
): void {
  const [, pushed] = jvp(f, [[...xs]], [[...t]]);
  assertNear(numbersOf(pushed), slope, differenceError, `jvp ${what} against differences`);
  const [y, pullback] = vjp(f, [...xs]);
  const g = shapedLike(y, ct);
  const [pulled] = pullback(g);
  assertNear([dot(t, pulled)], [dot(g, slope)], differenceError, `vjp ${what} against differences`);
  // The bound is relative to what is added up.
  const size = numbersOf(g).reduce((sum, v, i) => sum + Math.abs(v * numbersOf(pushed)[i]!), 0);
  assertNear(
    [dot(t, pulled) / (1 + size)],
    [dot(g, pushed) / (1 + size)],
    roundingError,
    `⟨g, jvp(t)⟩ = ⟨vjp(g), t⟩ ${what}`,
  );
}

/** The derivative as a function of the point, in either mode. */
export function pulledFrom(f: ListFunction, ct: readonly number[]): ListFunction {
  return (xs) => {
    const [y, pullback] = vjp(f, xs);
    return pullback(shapedLike(y, ct))[0];
  };
}

export function pushedFrom(f: ListFunction, t: readonly Tensor[]): ListFunction {
  return (xs) => jvp(f, [xs], [[...t]])[1];
}
