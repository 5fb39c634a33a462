/** Arithmetic, elementwise: each operation a scalar expression with its partial derivatives, and the public function over it. */

import * as s from "./scalar.ts";
import { checkOptions, matched, toFloat, toNumeric } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { cast } from "./cast.ts";
import { zerosLike } from "./create.ts";
import { isFloat, kindOf } from "./dtype.ts";
import { keeping, pointwise } from "./families.ts";
import { log } from "./functions.ts";
import { equal, greater, isInf, logicalAnd, where } from "./logic.ts";
import type { Partial, Primitive } from "./primitive.ts";
import { typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const steps = "it is constant between steps";

const identity: Partial = keeping([], (g) => g);

const negP = pointwise("neg", (x) => s.unary("neg", x), [keeping([], (g) => neg(g))]);
const absP = pointwise("abs", (x) => s.unary("abs", x), [keeping([0], (g, x) => mul(g, sign(x)))]);
const signP = pointwise("sign", (x) => s.unary("sign", x), steps);
const floorP = pointwise("floor", (x) => s.unary("floor", x), steps);
const ceilP = pointwise("ceil", (x) => s.unary("ceil", x), steps);
const roundP = pointwise("round", (x) => s.unary("round", x), steps);
const truncP = pointwise("trunc", (x) => s.unary("trunc", x), steps);
const addP = pointwise("add", (a, b) => s.binary("add", a, b), [identity, identity]);
const subP = pointwise("sub", (a, b) => s.binary("sub", a, b), [identity, keeping([], (g) => neg(g))]);
const mulP = pointwise("mul", (a, b) => s.binary("mul", a, b), [
  keeping([1], (g, b) => mul(g, b)),
  keeping([0], (g, a) => mul(g, a)),
]);

const divP = pointwise("div", (a, b) => s.binary("div", a, b), [
  keeping([1], (g, b) => div(g, b)),
  keeping([1, "y"], (g, b, y) => neg(mul(g, div(y, b)))),
]);

const modP = pointwise("mod", (a, b) => {
  const r = s.binary("rem", a, b);
  const zero = s.constant(0, a.dtype);
  const signsDiffer = s.binary("ne", s.binary("lt", r, zero), s.binary("lt", b, zero));
  return s.select(s.binary("and", s.binary("ne", r, zero), signsDiffer), s.binary("add", r, b), r);
}, [identity, keeping([0, 1], (g, a, b) => neg(mul(g, floor(div(a, b)))))]);

const powP = pointwise("pow", (a, b) => s.binary("pow", a, b), [
  // b·a^(b−1), and 0 where b is 0 and 1/a overflows.
  keeping([0, 1], (g, a, b) => {
    const flat = logicalAnd(equal(b, 0), isInf(reciprocal(a)));
    return mul(g, mul(b, pow(a, where(flat, 1, sub(b, 1)))));
  }),
  // log(a)·a^b, and 0 at a = 0 where the power is flat in b.
  keeping([0, "y"], (g, a, y) => mul(g, mul(log(where(equal(a, 0), 1, a)), y))),
]);

/** The whole gradient to the winner, half to each at a tie. */
function winner(g: Tensor, x: Tensor, y: Tensor): Tensor {
  return mul(g, where(greater(x, y), 1, where(equal(x, y), 0.5, zerosLike(x))));
}

const maximumP = pointwise("maximum", (a, b) => s.binary("max", a, b), [
  keeping([0, 1], (g, a, b) => winner(g, a, b)),
  keeping([0, 1], (g, a, b) => winner(g, b, a)),
]);

const minimumP = pointwise("minimum", (a, b) => s.binary("min", a, b), [
  keeping([0, 1], (g, a, b) => winner(g, b, a)),
  keeping([0, 1], (g, a, b) => winner(g, a, b)),
]);

function arithmetic(primitive: Primitive<null>, a: TensorLike, b: TensorLike): Tensor {
  const pair = matched(primitive.name, [a, b]);
  if (pair[0]!.dtype === "bool") {
    throw new TypeError(
      `${primitive.name}() cannot combine ${pair.map((x) => typeString(x.type)).join(" and ")}: ` +
        "cast them to a number type, or use logicalAnd(), logicalOr(), logicalXor()",
    );
  }
  return bind1(primitive, pair, null);
}

export function floatBinary(primitive: Primitive<null>, a: TensorLike, b: TensorLike): Tensor {
  const pair = matched(primitive.name, [a, b]);
  return bind1(primitive, isFloat(pair[0]!.dtype) ? pair : pair.map((x) => cast(x, "float32")), null);
}

export function anyBinary(
  primitive: Primitive<null>,
  a: TensorLike,
  b: TensorLike,
  op: string = primitive.name,
): Tensor {
  return bind1(primitive, matched(op, [a, b]), null);
}

/** The integer or float operand itself where rounding changes nothing. */
function rounding(primitive: Primitive<null>, x: TensorLike): Tensor {
  const t = toNumeric(primitive.name, x);
  return kindOf(t.dtype) === "integer" ? t : bind1(primitive, [t], null);
}

/**
 * The sum a + b, elementwise: `f32[2,3], f32[3] → f32[2,3]`.
 *
 * Shapes broadcast as in NumPy: aligned at the last axis, sizes are equal or 1. Dtypes promote along bool, uint32,
 * int32, float16, float32, float64; a bare number or boolean takes the dtype of the tensor beside it, a number float32
 * beside a bool tensor. Integers wrap.
 *
 * @throws {TypeError} If both operands are bool, or a number that is no integer meets an integer tensor.
 * @throws {RangeError} If an integer tensor's dtype cannot hold the number.
 * @throws {ShapeError} If the shapes do not broadcast.
 *
 * @example Usage
 * ```ts
 * import { add, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * assertEquals(add(x, tensor([10, 20, 30])).arraySync(), [[11, 22, 33], [14, 25, 36]]);
 * assertEquals(add(x, 0.5).arraySync(), [[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]]);
 * ```
 */
export function add(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(addP, a, b);
}

/**
 * The difference a − b, elementwise. Operands broadcast and promote as in {@linkcode add}; integers wrap.
 *
 * @example Usage
 * ```ts
 * import { sub, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sub(10, tensor([1, 2, 3])).arraySync(), [9, 8, 7]);
 * ```
 */
export function sub(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(subP, a, b);
}

/**
 * The product a · b, elementwise. Operands broadcast and promote as in {@linkcode add}; integers wrap. For the product
 * of matrices see {@linkcode matmul}.
 *
 * @example Usage
 * ```ts
 * import { mul, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(mul(tensor([1, 2, 3]), tensor([4, 5, 6])).arraySync(), [4, 10, 18]);
 * ```
 */
export function mul(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(mulP, a, b);
}

/**
 * The quotient a / b, elementwise. Operands broadcast and promote as in {@linkcode add}, then integers and bools
 * become float32: `i32[3], i32[3] → f32[3]`. Dividing by 0 gives ±∞, and 0 / 0 is NaN.
 *
 * @example Usage
 * ```ts
 * import { div, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const counts = tensor([1, 2, 0], { dtype: "int32" });
 * assertEquals(div(counts, 2).arraySync(), [0.5, 1, 0]);
 * assertEquals(div(1, counts).arraySync(), [1, 0.5, Infinity]);
 * ```
 */
export function div(a: TensorLike, b: TensorLike): Tensor {
  return floatBinary(divP, a, b);
}

/**
 * The remainder a − b · ⌊a / b⌋, elementwise, which has the sign of the divisor b. Operands broadcast and promote as
 * in {@linkcode add}. A remainder by 0 is NaN for floats and 0 for integers.
 *
 * The derivative is 1 by a and −⌊a / b⌋ by b.
 *
 * @example Usage
 * ```ts
 * import { mod, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(mod(tensor([5, -5, 5, -5]), tensor([3, 3, -3, -3])).arraySync(), [2, 1, -1, -2]);
 * ```
 */
export function mod(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(modP, a, b);
}

/**
 * The power a^b, elementwise. Operands broadcast and promote as in {@linkcode add}. The value is within 1 ULP in
 * float32 and 1 in float64.
 *
 * Anything to the power 0 is 1, also 0 and NaN. A negative float to a power that is no integer is NaN. Integers wrap,
 * and a negative integer power is 0 unless the base is 1 or −1.
 *
 * The derivative by a is b · a^(b−1), and 0 where b = 0; by b it is a^b · log a, and 0 where a = 0 and b ≥ 0.
 *
 * @example Usage
 * ```ts
 * import { grad, pow, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(pow(tensor([2, 3, 0]), 2).arraySync(), [4, 9, 0]);
 * assertEquals(pow(0, 0).item(), 1);
 * assertEquals(grad((x: number) => pow(x, 0))(0).item(), 0);
 * ```
 */
export function pow(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(powP, a, b);
}

/**
 * The larger of a and b, elementwise. Operands broadcast and promote as in {@linkcode add}; of two bools it is "or".
 * NaN if either is NaN; −0 is smaller than 0.
 *
 * The whole derivative goes to the larger operand, and half of it to each where they are equal.
 *
 * @example Usage
 * ```ts
 * import { grad, maximum, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(maximum(tensor([1, 5]), 3).arraySync(), [3, 5]);
 * assertEquals(grad((x: number) => maximum(x, 3))(3).item(), 0.5);
 * ```
 */
export function maximum(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(maximumP, a, b);
}

/**
 * The smaller of a and b, elementwise. Operands broadcast and promote as in {@linkcode add}; of two bools it is "and".
 * NaN if either is NaN; −0 is smaller than 0.
 *
 * The whole derivative goes to the smaller operand, and half of it to each where they are equal.
 *
 * @example Usage
 * ```ts
 * import { minimum, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(minimum(tensor([1, 5]), 3).arraySync(), [1, 3]);
 * ```
 */
export function minimum(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(minimumP, a, b);
}

/**
 * The negative −x, elementwise, of the same dtype. Integers wrap: −x of a uint32 is 2³² − x.
 *
 * @throws {TypeError} If x is bool.
 *
 * @example Usage
 * ```ts
 * import { neg, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(neg(tensor([1, -2])).arraySync(), [-1, 2]);
 * ```
 */
export function neg(x: TensorLike): Tensor {
  return bind1(negP, [toNumeric("neg", x)], null);
}

/**
 * The absolute value |x|, elementwise, of the same dtype. The int32 −2³¹ stays what it is. The derivative is the sign
 * of x, and 0 at 0.
 *
 * @throws {TypeError} If x is bool.
 *
 * @example Usage
 * ```ts
 * import { abs, grad, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(abs(tensor([1, -2])).arraySync(), [1, 2]);
 * assertEquals(grad(abs)(0).item(), 0);
 * ```
 */
export function abs(x: TensorLike): Tensor {
  return bind1(absP, [toNumeric("abs", x)], null);
}

/**
 * The sign of x as −1, 0 or 1, elementwise, of the same dtype. −0 stays −0 and NaN stays NaN. The derivative is 0.
 *
 * @throws {TypeError} If x is bool.
 *
 * @example Usage
 * ```ts
 * import { sign, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sign(tensor([-3, 0, 0.5])).arraySync(), [-1, 0, 1]);
 * ```
 */
export function sign(x: TensorLike): Tensor {
  return bind1(signP, [toNumeric("sign", x)], null);
}

/**
 * The square x², elementwise, of the same dtype. Integers wrap.
 *
 * @throws {TypeError} If x is bool.
 *
 * @example Usage
 * ```ts
 * import { square, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(square(tensor([1, -2, 3])).arraySync(), [1, 4, 9]);
 * ```
 */
export function square(x: TensorLike): Tensor {
  const t = toNumeric("square", x);
  return mul(t, t);
}

/**
 * The reciprocal 1 / x, elementwise, ±∞ at ±0. Integers and bools become float32. The value is correctly rounded.
 *
 * @example Usage
 * ```ts
 * import { reciprocal, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(reciprocal(tensor([1, 2, 4], { dtype: "int32" })).arraySync(), [1, 0.5, 0.25]);
 * ```
 */
export function reciprocal(x: TensorLike): Tensor {
  return div(1, toFloat("reciprocal", x));
}

/**
 * The largest integer not above x, elementwise. The dtype stays; integers are returned as they are. The derivative is
 * 0.
 *
 * @throws {TypeError} If x is bool.
 *
 * @example Usage
 * ```ts
 * import { floor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(floor(tensor([1.5, -1.5])).arraySync(), [1, -2]);
 * ```
 */
export function floor(x: TensorLike): Tensor {
  return rounding(floorP, x);
}

/**
 * The smallest integer not below x, elementwise. The dtype stays; integers are returned as they are. The derivative is
 * 0.
 *
 * @throws {TypeError} If x is bool.
 *
 * @example Usage
 * ```ts
 * import { ceil, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ceil(tensor([1.5, -1.5])).arraySync(), [2, -1]);
 * ```
 */
export function ceil(x: TensorLike): Tensor {
  return rounding(ceilP, x);
}

/**
 * The nearest integer, elementwise; of two equally near ones the even one. The dtype stays; integers are returned as
 * they are. The derivative is 0.
 *
 * @throws {TypeError} If x is bool.
 *
 * @example Usage
 * ```ts
 * import { round, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(round(tensor([0.5, 1.5, 2.5, 2.6])).arraySync(), [0, 2, 2, 3]);
 * ```
 */
export function round(x: TensorLike): Tensor {
  return rounding(roundP, x);
}

/**
 * x without its fraction, rounded toward 0, elementwise. The dtype stays; integers are returned as they are. The
 * derivative is 0.
 *
 * @throws {TypeError} If x is bool.
 *
 * @example Usage
 * ```ts
 * import { tensor, trunc } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(trunc(tensor([1.5, -1.5])).arraySync(), [1, -1]);
 * ```
 */
export function trunc(x: TensorLike): Tensor {
  return rounding(truncP, x);
}

/**
 * x limited to min … max, elementwise: minimum(maximum(x, min), max). Either bound may be missing, and both may be
 * tensors; all broadcast and promote as in {@linkcode add}. Where min exceeds max the result is max; NaN stays NaN.
 *
 * The derivative by x is 1 between the bounds, half on a bound, and 0 beyond.
 *
 * @throws {TypeError} If x is bool, or a bound that is no integer meets an integer tensor.
 *
 * @example Usage
 * ```ts
 * import { clip, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(clip(tensor([-1, 0.5, 2]), { min: 0, max: 1 }).arraySync(), [0, 0.5, 1]);
 * ```
 */
export function clip(
  x: TensorLike,
  options: { readonly min?: TensorLike | undefined; readonly max?: TensorLike | undefined } = {},
): Tensor {
  let y = toNumeric("clip", x);
  checkOptions("clip", options, ["min", "max"]);
  const { min, max } = options;
  if (min !== undefined) y = anyBinary(maximumP, y, min, "clip");
  return max === undefined ? y : anyBinary(minimumP, y, max, "clip");
}
