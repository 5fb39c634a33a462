/** Comparisons, truth and choice, elementwise. */

import * as s from "./scalar.ts";
import { broadcasted, matched, promoted, toFloat, toTensor } from "./arguments.ts";
import { abs, anyBinary } from "./arithmetic.ts";
import { bind1 } from "./bind.ts";
import { andP, notP, orP, xorP } from "./bits.ts";
import { cast } from "./cast.ts";
import { zerosLike } from "./create.ts";
import { keeping, pointwise } from "./families.ts";
import type { Primitive } from "./primitive.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const discrete = "its result is not a real number";

const equalP = pointwise("equal", (a, b) => s.binary("eq", a, b), discrete);
const notEqualP = pointwise("notEqual", (a, b) => s.binary("ne", a, b), discrete);
const lessP = pointwise("less", (a, b) => s.binary("lt", a, b), discrete);
const lessEqualP = pointwise("lessEqual", (a, b) => s.binary("le", a, b), discrete);
const whereP = pointwise("where", (c, a, b) => s.select(c, a, b), [
  null,
  keeping([0], (g, c) => where(c, g, zerosLike(g))),
  keeping([0], (g, c) => where(c, zerosLike(g), g)),
]);

/** `a > b` is `b < a`. */
function swapped(op: string, primitive: Primitive<null>, a: TensorLike, b: TensorLike): Tensor {
  return bind1(primitive, matched(op, [a, b]).reverse(), null);
}

function logical(name: string, primitive: Primitive<null>, a: TensorLike, b: TensorLike): Tensor {
  const operands = [a, b].map((x) => cast(toTensor(name, x, [a, b]), "bool"));
  return bind1(primitive, broadcasted(name, operands), null);
}

/**
 * Whether each element is NaN: `f32[n] → bool[n]`. Integers and bools never are.
 *
 * @example Usage
 * ```ts
 * import { isNaN, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isNaN(tensor([1, NaN, Infinity])).arraySync(), [false, true, false]);
 * ```
 */
export function isNaN(x: TensorLike): Tensor {
  const t = toFloat("isNaN", x);
  return notEqual(t, t);
}

/**
 * Whether each element is ∞ or −∞: `f32[n] → bool[n]`. Integers and bools never are.
 *
 * @example Usage
 * ```ts
 * import { isInf, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isInf(tensor([1, NaN, -Infinity])).arraySync(), [false, false, true]);
 * ```
 */
export function isInf(x: TensorLike): Tensor {
  return equal(abs(toFloat("isInf", x)), Infinity);
}

/**
 * Whether each element is neither NaN nor infinite: `f32[n] → bool[n]`. Integers and bools always are.
 *
 * @example Usage
 * ```ts
 * import { isFinite, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isFinite(tensor([1, NaN, -Infinity])).arraySync(), [true, false, false]);
 * ```
 */
export function isFinite(x: TensorLike): Tensor {
  return less(abs(toFloat("isFinite", x)), Infinity);
}

/**
 * Elements of a where the condition holds and of b elsewhere: `bool[n], f32[n], f32[n] → f32[n]`. The three broadcast;
 * a and b promote as in {@linkcode add}. A condition of numbers holds where it is not 0 (NaN included).
 *
 * The derivative goes to the chosen elements alone. Both branches are computed, though, and where the one not chosen
 * has an infinite or NaN derivative, 0 times it is NaN: make its operand harmless first, as in `where(positive,
 * log(where(positive, x, 1)), 0)`.
 *
 * @example Usage
 * ```ts
 * import { greater, tensor, where } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([-1, 2, -3]);
 * assertEquals(where(greater(x, 0), x, 0).arraySync(), [0, 2, 0]);
 * ```
 */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  const c = cast(toTensor("where", condition, [a, b]), "bool");
  return bind1(whereP, broadcasted("where", [c, ...promoted("where", [a, b], [condition])]), null);
}

/**
 * Whether a equals b, elementwise: `f32[n], f32[n] → bool[n]`. Operands broadcast and promote as in {@linkcode add};
 * bools are compared with bools as they are. NaN equals nothing, and −0 equals 0.
 *
 * @example Usage
 * ```ts
 * import { equal, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(equal(tensor([1, 2, NaN]), tensor([1, 3, NaN])).arraySync(), [true, false, false]);
 * ```
 */
export function equal(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(equalP, a, b);
}

/**
 * Whether a differs from b, elementwise: `f32[n], f32[n] → bool[n]`. Operands broadcast and promote as in {@linkcode
 * add}. NaN differs from everything.
 *
 * @example Usage
 * ```ts
 * import { notEqual, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(notEqual(tensor([1, 2, NaN]), tensor([1, 3, NaN])).arraySync(), [false, true, true]);
 * ```
 */
export function notEqual(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(notEqualP, a, b);
}

/**
 * Whether a < b, elementwise: `f32[n], f32[n] → bool[n]`. Operands broadcast and promote as in {@linkcode add}; false
 * is less than true. False where either is NaN.
 *
 * @example Usage
 * ```ts
 * import { less, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(less(tensor([1, 2, 3]), 2).arraySync(), [true, false, false]);
 * ```
 */
export function less(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(lessP, a, b);
}

/**
 * Whether a ≤ b, elementwise: `f32[n], f32[n] → bool[n]`. Operands broadcast and promote as in {@linkcode add}. False
 * where either is NaN.
 *
 * @example Usage
 * ```ts
 * import { lessEqual, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(lessEqual(tensor([1, 2, 3]), 2).arraySync(), [true, true, false]);
 * ```
 */
export function lessEqual(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(lessEqualP, a, b);
}

/**
 * Whether a > b, elementwise: `f32[n], f32[n] → bool[n]`. Operands broadcast and promote as in {@linkcode add}. False
 * where either is NaN.
 *
 * @example Usage
 * ```ts
 * import { greater, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(greater(tensor([1, 2, 3]), 2).arraySync(), [false, false, true]);
 * ```
 */
export function greater(a: TensorLike, b: TensorLike): Tensor {
  return swapped("greater", lessP, a, b);
}

/**
 * Whether a ≥ b, elementwise: `f32[n], f32[n] → bool[n]`. Operands broadcast and promote as in {@linkcode add}. False
 * where either is NaN.
 *
 * @example Usage
 * ```ts
 * import { greaterEqual, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(greaterEqual(tensor([1, 2, 3]), 2).arraySync(), [false, true, true]);
 * ```
 */
export function greaterEqual(a: TensorLike, b: TensorLike): Tensor {
  return swapped("greaterEqual", lessEqualP, a, b);
}

/**
 * Whether a and b both hold, elementwise, as bool. Operands broadcast; numbers hold where they are not 0 (NaN
 * included).
 *
 * @example Usage
 * ```ts
 * import { logicalAnd, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(logicalAnd(tensor([true, true, false]), tensor([true, false, false])).arraySync(), [true, false, false]);
 * ```
 */
export function logicalAnd(a: TensorLike, b: TensorLike): Tensor {
  return logical("logicalAnd", andP, a, b);
}

/**
 * Whether a or b holds, elementwise, as bool. Operands broadcast; numbers hold where they are not 0 (NaN included).
 *
 * @example Usage
 * ```ts
 * import { logicalOr, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(logicalOr(tensor([true, true, false]), tensor([true, false, false])).arraySync(), [true, true, false]);
 * ```
 */
export function logicalOr(a: TensorLike, b: TensorLike): Tensor {
  return logical("logicalOr", orP, a, b);
}

/**
 * Whether exactly one of a and b holds, elementwise, as bool. Operands broadcast; numbers hold where they are not 0
 * (NaN included).
 *
 * @example Usage
 * ```ts
 * import { logicalXor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(logicalXor(tensor([true, true, false]), tensor([true, false, false])).arraySync(), [false, true, false]);
 * ```
 */
export function logicalXor(a: TensorLike, b: TensorLike): Tensor {
  return logical("logicalXor", xorP, a, b);
}

/**
 * Whether x does not hold, elementwise, as bool; numbers hold where they are not 0 (NaN included).
 *
 * @example Usage
 * ```ts
 * import { logicalNot, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(logicalNot(tensor([true, false])).arraySync(), [false, true]);
 * ```
 */
export function logicalNot(x: TensorLike): Tensor {
  return bind1(notP, [cast(toTensor("logicalNot", x), "bool")], null);
}
