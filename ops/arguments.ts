/** From what a caller passes to tensors of one dtype and one shape. */

import { constantOf } from "./create.ts";
import { placeBeside } from "./devices.ts";
import { type DType, highest, holds, isFloat, kindOf, lowest, promote } from "./dtype.ts";
import { cast } from "./cast.ts";
import { describe, ShapeError } from "./errors.ts";
import { broadcastTo } from "./movement.ts";
import { broadcastShapes, sameShape, typeString } from "./shape.ts";
import { type Device, Tensor, type TensorLike } from "./tensor.ts";

/** A tensor as it is; a bare number as float32 and a boolean as bool, on the device of the operands beside it. */
export function toTensor(op: string, x: unknown, beside: readonly unknown[] = []): Tensor {
  if (x instanceof Tensor) return x;
  if (typeof x === "number") return constantOf(x, "float32", [], placeBeside(beside));
  if (typeof x === "boolean") return constantOf(Number(x), "bool", [], placeBeside(beside));
  throw notTensorLike(op, x);
}

/** Operands or arguments as tensors, the bare numbers among them on the device of the first tensor. */
export function tensorsOf(op: string, xs: readonly unknown[]): Tensor[] {
  return xs.map((x) => toTensor(op, x, xs));
}

function notTensorLike(op: string, x: unknown): TypeError {
  const cure = Array.isArray(x) || ArrayBuffer.isView(x) ? ": make a tensor of it with tensor()" : "";
  return new TypeError(`${op}() takes tensors, numbers or booleans, got ${describe(x)}${cure}`);
}

/** An operand that must be of floats: integers and bools become float32. */
export function toFloat(op: string, x: TensorLike, beside: readonly unknown[] = []): Tensor {
  const t = toTensor(op, x, beside);
  return isFloat(t.dtype) ? t : cast(t, "float32");
}

/** Bools are added up as int32. */
export function countable(op: string, x: TensorLike): Tensor {
  const t = toTensor(op, x);
  return t.dtype === "bool" ? cast(t, "int32") : t;
}

/** An operand for arithmetic; bools are refused with the cure. */
export function toNumeric(op: string, x: TensorLike, beside: readonly unknown[] = []): Tensor {
  const t = toTensor(op, x, beside);
  if (t.dtype === "bool") {
    throw new TypeError(`${op}() cannot use ${typeString(t.type)}: cast it to a number type first`);
  }
  return t;
}

/**
 * Operands brought to one dtype, by promotion among the tensors; bare numbers adopt it, and the device of the first tensor
 * among the operands and what is beside them.
 */
export function promoted(op: string, xs: readonly TensorLike[], beside: readonly TensorLike[] = []): Tensor[] {
  let dtype: DType | null = null;
  for (const x of xs) if (kindOfOperand(x) === "tensor") dtype = promoteSome(dtype, (x as Tensor).dtype);
  if (dtype === null) dtype = xs.every((x) => kindOfOperand(x) === "boolean") ? "bool" : "float32";
  else if (dtype === "bool" && xs.some((x) => kindOfOperand(x) === "number")) dtype = "float32";
  return xs.map((x) =>
    x instanceof Tensor
      ? x.weak()?.as(op, dtype) ?? cast(x, dtype)
      : scalarOf(op, x, dtype, placeBeside([...xs, ...beside]))
  );
}

function promoteSome(a: DType | null, b: DType): DType {
  return a === null ? b : promote(a, b);
}

function kindOfOperand(x: unknown): "tensor" | "number" | "boolean" | null {
  if (x instanceof Tensor) return x.weak()?.kind ?? "tensor";
  return typeof x === "number" || typeof x === "boolean" ? typeof x as "number" | "boolean" : null;
}

/** A bare number or boolean as a rank-0 tensor of `dtype`, beside which it stands, on its device. */
export function scalarOf(op: string, x: unknown, dtype: DType, device: Device): Tensor {
  return constantOf(adopting(op, x, dtype), dtype, [], device);
}

/** A bare number or boolean that is to stand beside a tensor of `dtype`, checked. */
export function adopting(op: string, x: unknown, dtype: DType): number {
  if (typeof x !== "number" && typeof x !== "boolean") throw notTensorLike(op, x);
  const value = Number(x);
  if (kindOf(dtype) === "integer" && !Number.isInteger(value)) {
    throw new TypeError(`${op}() cannot use ${value} beside a tensor of ${dtype}: cast() the tensor to float32 first`);
  }
  if (!holds(dtype, value)) throw notHeld(`${op}() cannot use ${value} beside a tensor of ${dtype}`, dtype);
  return value;
}

/** A number to be stored as `dtype`, checked. */
export function storable(op: string, x: unknown, dtype: DType): number {
  if (typeof x !== "number" && typeof x !== "boolean") {
    throw new TypeError(`${op}() takes a number or a boolean, got ${describe(x)}`);
  }
  const value = Number(x);
  if (kindOf(dtype) === "integer" && !Number.isInteger(value)) {
    throw new TypeError(`${op}() cannot store ${value} as ${dtype}: round it first, or leave out the dtype`);
  }
  if (!holds(dtype, value)) throw notHeld(`${op}() cannot store ${value} as ${dtype}`, dtype);
  return value;
}

function notHeld(problem: string, dtype: DType): RangeError {
  return new RangeError(`${problem}: it holds ${lowest(dtype)} to ${highest(dtype)}`);
}

/** Options that are true or false. */
const flags: ReadonlySet<string> = new Set(["keepDims", "reverse", "descending", "replace", "equalNaN", "hasAux"]);

/**
 * Refuses options that are no object, or have other names than the known ones: in `sum(x, 0)` and `sum(x, { dim: 0 })`
 * the axis would silently be ignored.
 */
export function checkOptions<O>(op: string, options: O, known: readonly (keyof O & string)[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options) || options instanceof Tensor) {
    throw new TypeError(`${op}() takes its options as an object, got ${describe(options)}`);
  }
  const names: readonly string[] = known;
  for (const name in options) {
    const value: unknown = options[name];
    if (value === undefined) continue;
    if (!names.includes(name)) {
      throw new TypeError(`${op}() knows no option ${JSON.stringify(name)}: it has ${names.join(", ")}`);
    }
    if (flags.has(name) && typeof value !== "boolean") {
      throw new TypeError(`${op}() takes ${name} as true or false, got ${describe(value)}`);
    }
  }
}

/** Tensors brought to one shape by broadcasting. */
export function broadcasted(op: string, xs: readonly Tensor[]): Tensor[] {
  let shape = xs[0]!.shape;
  for (const x of xs) {
    const next = broadcastShapes(shape, x.shape);
    if (next === null) {
      const types = xs.map((t) => typeString(t.type));
      throw new ShapeError(
        `${op}() cannot broadcast ${types.slice(0, -1).join(", ")} with ${types.at(-1)}: ` +
          "sizes, aligned at the last axis, must be equal or 1",
      );
    }
    shape = next;
  }
  return xs.map((x) => sameShape(x.shape, shape) ? x : broadcastTo(x, shape));
}

/** Two or more operands of an elementwise operation: one dtype, one shape. */
export function matched(op: string, xs: readonly TensorLike[]): Tensor[] {
  const [a, b] = xs;
  if (
    xs.length === 2 && a instanceof Tensor && b instanceof Tensor && a.dtype === b.dtype && sameShape(a.shape, b.shape)
  ) {
    return [a, b];
  }
  return broadcasted(op, promoted(op, xs));
}
