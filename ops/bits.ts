/** Bits of integers, elementwise. */

import * as s from "./scalar.ts";
import { matched, toTensor } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { type Kind, kindOf } from "./dtype.ts";
import { pointwise } from "./families.ts";
import type { Primitive } from "./primitive.ts";
import { typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const discrete = "its result is not a real number";

/** Of bools, too: the logical operations are these. */
export const andP: Primitive<null> = pointwise("and", (a, b) => s.binary("and", a, b), discrete);
export const orP: Primitive<null> = pointwise("or", (a, b) => s.binary("or", a, b), discrete);
export const xorP: Primitive<null> = pointwise("xor", (a, b) => s.binary("xor", a, b), discrete);
export const notP: Primitive<null> = pointwise("not", (x) => s.unary("not", x), discrete);
const leftShiftP = pointwise("leftShift", (a, b) => s.binary("shl", a, b), discrete);
const rightShiftP = pointwise("rightShift", (a, b) => s.binary("shr", a, b), discrete);

const withBools: readonly Kind[] = ["integer", "bool"];
const integers: readonly Kind[] = ["integer"];

/** What only integers, or only integers and bools, can be used for. */
function bitwise(op: string, primitive: Primitive<null>, kinds: readonly Kind[], a: TensorLike, b: TensorLike): Tensor {
  const pair = matched(op, [a, b]);
  if (!kinds.includes(kindOf(pair[0]!.dtype))) {
    const rule = kinds.includes("bool") ? "only integers and bools have bits" : "only integers can be shifted";
    throw new TypeError(`${op}() cannot combine ${pair.map((x) => typeString(x.type)).join(" and ")}: ${rule}`);
  }
  return bind1(primitive, pair, null);
}

/**
 * The bits that are 1 in both a and b, elementwise: `i32[n], i32[n] → i32[n]`. Operands broadcast and promote as in
 * {@linkcode add}; a bool is one bit.
 *
 * @throws {TypeError} If an operand is of floats.
 *
 * @example Usage
 * ```ts
 * import { bitwiseAnd, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor(new Int32Array([12, -1]));
 * assertEquals(bitwiseAnd(x, 10).arraySync(), [8, 10]);
 * ```
 */
export function bitwiseAnd(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("bitwiseAnd", andP, withBools, a, b);
}

/**
 * The bits that are 1 in a or b, elementwise: `i32[n], i32[n] → i32[n]`. Operands broadcast and promote as in {@linkcode
 * add}; a bool is one bit.
 *
 * @throws {TypeError} If an operand is of floats.
 *
 * @example Usage
 * ```ts
 * import { bitwiseOr, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor(new Int32Array([12, -1]));
 * assertEquals(bitwiseOr(x, 10).arraySync(), [14, -1]);
 * ```
 */
export function bitwiseOr(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("bitwiseOr", orP, withBools, a, b);
}

/**
 * The bits in which a and b differ, elementwise: `i32[n], i32[n] → i32[n]`. Operands broadcast and promote as in
 * {@linkcode add}; a bool is one bit.
 *
 * @throws {TypeError} If an operand is of floats.
 *
 * @example Usage
 * ```ts
 * import { bitwiseXor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor(new Int32Array([12, -1]));
 * assertEquals(bitwiseXor(x, 10).arraySync(), [6, -11]);
 * ```
 */
export function bitwiseXor(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("bitwiseXor", xorP, withBools, a, b);
}

/**
 * The bits turned over, elementwise: `i32[n] → i32[n]`. Of int32 that is −x − 1; a bool is one bit.
 *
 * @throws {TypeError} If x is of floats.
 *
 * @example Usage
 * ```ts
 * import { bitwiseNot, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(bitwiseNot(tensor(new Int32Array([0, 5]))).arraySync(), [-1, -6]);
 * assertEquals(bitwiseNot(tensor([true, false])).arraySync(), [false, true]);
 * ```
 */
export function bitwiseNot(x: TensorLike): Tensor {
  const t = toTensor("bitwiseNot", x);
  if (!withBools.includes(kindOf(t.dtype))) {
    throw new TypeError(`bitwiseNot() cannot use ${typeString(t.type)}: only integers and bools have bits`);
  }
  return bind1(notP, [t], null);
}

/**
 * a with its bits moved up by b, zeros following, elementwise: `i32[n], i32[n] → i32[n]`, which is a · 2^b, wrapped.
 * Operands broadcast and promote as in {@linkcode add}. A distance of 32 or more, or below 0, leaves 0.
 *
 * @throws {TypeError} If the operands are not of integers.
 *
 * @example Usage
 * ```ts
 * import { leftShift, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor(new Int32Array([1, -3]));
 * assertEquals(leftShift(x, 4).arraySync(), [16, -48]);
 * ```
 */
export function leftShift(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("leftShift", leftShiftP, integers, a, b);
}

/**
 * a with its bits moved down by b, elementwise: `i32[n], i32[n] → i32[n]`, which is a / 2^b rounded down: int32 keeps its
 * sign, and in uint32 zeros follow. Operands broadcast and promote as in {@linkcode add}. A distance of 32 or more, or
 * below 0, leaves 0, or −1 of a negative number.
 *
 * @throws {TypeError} If the operands are not of integers.
 *
 * @example Usage
 * ```ts
 * import { rightShift, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor(new Int32Array([17, -17]));
 * assertEquals(rightShift(x, 3).arraySync(), [2, -3]);
 * ```
 */
export function rightShift(a: TensorLike, b: TensorLike): Tensor {
  return bitwise("rightShift", rightShiftP, integers, a, b);
}
