/** What all transforms do around a function: check its result, read trees of arguments. */

import { scalarOf } from "../ops/arguments.ts";
import { constantOf } from "../ops/create.ts";
import { isFloat } from "../ops/dtype.ts";
import { describe, ShapeError } from "../ops/errors.ts";
import { sameShape, typeString } from "../ops/shape.ts";
import { Tensor, type TensorLike } from "../ops/tensor.ts";

/** Refuses what cannot be called: at once, and not when the transformed function is. */
export function checkFunction(transform: string, f: unknown): void {
  if (typeof f !== "function") throw new TypeError(`${transform}() takes a function, got ${describe(f)}`);
}

/** The position, possibly given from the end, of one of `count` arguments. */
export function argumentAt(transform: string, n: number, count: number): number {
  if (typeof n !== "number") {
    throw new TypeError(`${transform}() takes argnums as numbers, got ${describe(n)}`);
  }
  if (!Number.isInteger(n) || n < -count || n >= count) {
    throw new RangeError(`${transform}() cannot differentiate argument ${n}: the function was called with ${count}`);
  }
  return n < 0 ? n + count : n;
}

/** Calls `f` and refuses a promise: a trace is over before an async function goes on. */
export function callSync<A extends readonly unknown[], R>(transform: string, f: (...args: A) => R, args: A): R {
  checkFunction(transform, f);
  const result = f(...args);
  if (result instanceof Promise) {
    // It goes on without us and may fail on a tracer that has outlived its trace: that is not a second error.
    result.catch(() => {});
    throw new TypeError(
      `${transform}() cannot transform an async function: await what it needs before, and pass it in`,
    );
  }
  return result;
}

/** Whether derivatives are taken with respect to a leaf: floats, and bare numbers. */
export function isDifferentiable(leaf: TensorLike): boolean {
  return leaf instanceof Tensor ? isFloat(leaf.dtype) : typeof leaf === "number";
}

/** What is remembered of a value that need not be kept: its type, and where it lives. */
export type Blank = Pick<Tensor, "type" | "device">;

export function blankOf({ type, device }: Tensor): Blank {
  return { type, device };
}

export function zerosFor({ type: { dtype, shape }, device }: Blank): Tensor {
  return constantOf(0, dtype, shape, device);
}

/** A tangent or cotangent for such a value, checked; bare numbers adopt its dtype and device. */
export function matching(transform: string, what: string, { type, device }: Blank, x: unknown): Tensor {
  const t = x instanceof Tensor ? x : scalarOf(transform, x, type.dtype, device);
  if (!sameShape(t.shape, type.shape)) {
    throw new ShapeError(`${transform}() needs a ${what} of type ${typeString(type)}, got ${typeString(t.type)}`);
  }
  if (t.dtype !== type.dtype) {
    throw new TypeError(
      `${transform}() needs a ${what} of type ${typeString(type)}, got ${typeString(t.type)}: cast() it`,
    );
  }
  return t;
}

/** Replaces the tensors anywhere in a value; what is no array or plain object stays as it is. */
export function mapTensors(value: unknown, f: (x: Tensor) => Tensor): unknown {
  if (value instanceof Tensor) return f(value);
  if (Array.isArray(value)) return value.map((child) => mapTensors(child, f));
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, mapTensors(child, f)]));
  }
  return value;
}
