/** Elementwise operations: each a scalar expression with its partial derivatives, and the public function over it. */

import { broadcasted, checkOptions, matched, promoted, toFloat, toNumeric, toTensor } from "./arguments.ts";
import { bind1 } from "./bind.ts";
import { zerosLike } from "./create.ts";
import { type DType, dtypes, isDType, isFloat, kindOf } from "./dtype.ts";
import { describe } from "./errors.ts";
import { perDType, pointwise } from "./families.ts";
import type { Kernel } from "./kernel.ts";
import { notDifferentiable, type Partial, type Primitive } from "./primitive.ts";
import * as s from "./scalar.ts";
import { typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

const steps = "it is constant between steps";
const discrete = "its result is not a real number";

/** The derivative as a factor of g, from kept values. */
function keeping(keeps: readonly (number | "y")[], of: (g: Tensor, ...kept: Tensor[]) => Tensor): Partial {
  return { keeps, of };
}

const identity: Partial = keeping([], (g) => g);

// Primitives of one operand.

const negP = pointwise("neg", (x) => s.unary("neg", x), [keeping([], (g) => neg(g))]);
const absP = pointwise("abs", (x) => s.unary("abs", x), [keeping([0], (g, x) => mul(g, sign(x)))]);
const signP = pointwise("sign", (x) => s.unary("sign", x), steps);
const floorP = pointwise("floor", (x) => s.unary("floor", x), steps);
const ceilP = pointwise("ceil", (x) => s.unary("ceil", x), steps);
const roundP = pointwise("round", (x) => s.unary("round", x), steps);
const truncP = pointwise("trunc", (x) => s.unary("trunc", x), steps);
const sqrtP = pointwise("sqrt", (x) => s.unary("sqrt", x), [keeping(["y"], (g, y) => div(g, mul(2, y)))]);
const rsqrtP = pointwise(
  "rsqrt",
  (x) => s.binary("div", s.constant(1, x.dtype), s.unary("sqrt", x)),
  [keeping([0, "y"], (g, x, y) => mul(mul(g, -0.5), div(y, x)))],
);
const expP = pointwise("exp", (x) => s.unary("exp", x), [keeping(["y"], (g, y) => mul(g, y))]);
const exp2P = pointwise("exp2", (x) => s.unary("exp2", x), [keeping(["y"], (g, y) => mul(g, mul(y, Math.LN2)))]);
const expm1P = pointwise("expm1", (x) => s.unary("expm1", x), [keeping(["y"], (g, y) => mul(g, add(y, 1)))]);
const logP = pointwise("log", (x) => s.unary("log", x), [keeping([0], (g, x) => div(g, x))]);
const log2P = pointwise("log2", (x) => s.unary("log2", x), [keeping([0], (g, x) => div(g, mul(x, Math.LN2)))]);
const log10P = pointwise("log10", (x) => s.unary("log10", x), [keeping([0], (g, x) => div(g, mul(x, Math.LN10)))]);
const log1pP = pointwise("log1p", (x) => s.unary("log1p", x), [keeping([0], (g, x) => div(g, add(x, 1)))]);
const sinP = pointwise("sin", (x) => s.unary("sin", x), [keeping([0], (g, x) => mul(g, cos(x)))]);
const cosP = pointwise("cos", (x) => s.unary("cos", x), [keeping([0], (g, x) => neg(mul(g, sin(x))))]);
const tanP = pointwise("tan", (x) => s.unary("tan", x), [keeping(["y"], (g, y) => mul(g, add(mul(y, y), 1)))]);
const sinhP = pointwise("sinh", (x) => s.unary("sinh", x), [keeping([0], (g, x) => mul(g, cosh(x)))]);
const coshP = pointwise("cosh", (x) => s.unary("cosh", x), [keeping([0], (g, x) => mul(g, sinh(x)))]);
const tanhP = pointwise("tanh", (x) => s.unary("tanh", x), [keeping(["y"], (g, y) => mul(g, sub(1, mul(y, y))))]);
const logicalNotP = pointwise("logicalNot", (x) => s.unary("not", x), discrete);

// Primitives of two operands.

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
const atan2P = pointwise("atan2", (a, b) => s.binary("atan2", a, b), [
  keeping([0, 1], (g, a, b) => mul(g, div(b, add(mul(a, a), mul(b, b))))),
  keeping([0, 1], (g, a, b) => neg(mul(g, div(a, add(mul(a, a), mul(b, b)))))),
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
const equalP = pointwise("equal", (a, b) => s.binary("eq", a, b), discrete);
const notEqualP = pointwise("notEqual", (a, b) => s.binary("ne", a, b), discrete);
const lessP = pointwise("less", (a, b) => s.binary("lt", a, b), discrete);
const lessEqualP = pointwise("lessEqual", (a, b) => s.binary("le", a, b), discrete);
const andP = pointwise("and", (a, b) => s.binary("and", a, b), discrete);
const orP = pointwise("or", (a, b) => s.binary("or", a, b), discrete);
const xorP = pointwise("xor", (a, b) => s.binary("xor", a, b), discrete);
const leftShiftP = pointwise("leftShift", (a, b) => s.binary("shl", a, b), discrete);
const rightShiftP = pointwise("rightShift", (a, b) => s.binary("shr", a, b), discrete);

const whereP = pointwise("where", (c, a, b) => s.select(c, a, b), [
  null,
  keeping([0], (g, c) => where(c, g, zerosLike(g))),
  keeping([0], (g, c) => where(c, zerosLike(g), g)),
]);

const stopGradientP: Primitive<null> = {
  name: "stopGradient",
  infer: ([x]) => [x!],
  kernel: () => sameView,
  derivative: notDifferentiable("stopGradient() was asked to stop it"),
  batch(inputs) {
    return [bind1(this, inputs, null)];
  },
};
const sameView: Kernel = { kind: "view", apply: (x) => x };

const castKernel = perDType((from) => perDType((to): Kernel => ({ kind: "map", body: s.cast(s.input(0, from), to) })));
const castP: Primitive<{ readonly dtype: DType }> = {
  name: "cast",
  infer: ([x], { dtype }) => [{ dtype, shape: x!.shape }],
  kernel: ([x], { dtype }) => castKernel(x!.dtype)(dtype),
  derivative: { kind: "linear", linear: [0], transpose: (g, _, __, [x]) => [cast(g, x!.dtype)] },
  batch(inputs, _, params) {
    return [bind1(this, inputs, params)];
  },
};

function floatUnary(primitive: Primitive<null>, x: TensorLike): Tensor {
  return bind1(primitive, [toFloat(primitive.name, x)], null);
}

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

function floatBinary(primitive: Primitive<null>, a: TensorLike, b: TensorLike): Tensor {
  const pair = matched(primitive.name, [a, b]);
  return bind1(primitive, isFloat(pair[0]!.dtype) ? pair : pair.map((x) => cast(x, "float32")), null);
}

function anyBinary(primitive: Primitive<null>, a: TensorLike, b: TensorLike, op: string = primitive.name): Tensor {
  return bind1(primitive, matched(op, [a, b]), null);
}

/** `a > b` is `b < a`. */
function swapped(op: string, primitive: Primitive<null>, a: TensorLike, b: TensorLike): Tensor {
  return bind1(primitive, matched(op, [a, b]).reverse(), null);
}

function logical(name: string, primitive: Primitive<null>, a: TensorLike, b: TensorLike): Tensor {
  return bind1(primitive, broadcasted(name, [cast(toTensor(name, a), "bool"), cast(toTensor(name, b), "bool")]), null);
}

/** Bits of two integer tensors of one dtype. Not yet public: the generator of random bits needs them. */
export function bitwise(op: "and" | "or" | "xor" | "leftShift" | "rightShift", a: TensorLike, b: TensorLike): Tensor {
  const primitive = { and: andP, or: orP, xor: xorP, leftShift: leftShiftP, rightShift: rightShiftP }[op];
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
 * int32, float32, float64; a bare number or boolean takes the dtype of the tensor beside it, a number float32 beside a
 * bool tensor. Integers wrap.
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
 * The power a^b, elementwise. Operands broadcast and promote as in {@linkcode add}.
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
 * The angle of the point (x, y) from the positive x axis, in radians from −π to π, elementwise. Operands broadcast and
 * promote as in {@linkcode add}; integers and bools become float32. The derivative at (0, 0) is NaN.
 *
 * @example Usage
 * ```ts
 * import { atan2 } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(atan2(1, -1).item() as number, 3 * Math.PI / 4, 1e-6);
 * ```
 */
export function atan2(y: TensorLike, x: TensorLike): Tensor {
  return floatBinary(atan2P, y, x);
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
 * The exponential e^x, elementwise. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { exp, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(exp(tensor([0, -Infinity])).arraySync(), [1, 0]);
 * ```
 */
export function exp(x: TensorLike): Tensor {
  return floatUnary(expP, x);
}

/**
 * The power 2^x, elementwise. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { exp2, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(exp2(tensor([0, 1, 10])).arraySync(), [1, 2, 1024]);
 * ```
 */
export function exp2(x: TensorLike): Tensor {
  return floatUnary(exp2P, x);
}

/**
 * e^x − 1, elementwise, right to the last digits also where x is small. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { expm1, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(expm1(tensor([1e-12], { dtype: "float64" })).arraySync(), [Math.expm1(1e-12)]);
 * ```
 */
export function expm1(x: TensorLike): Tensor {
  return floatUnary(expm1P, x);
}

/**
 * The natural logarithm, elementwise: −∞ at 0 and NaN below. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { log, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(log(tensor([1, 0])).arraySync(), [0, -Infinity]);
 * ```
 */
export function log(x: TensorLike): Tensor {
  return floatUnary(logP, x);
}

/**
 * The logarithm to base 2, elementwise: −∞ at 0 and NaN below. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { log2, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(log2(tensor([1, 2, 1024])).arraySync(), [0, 1, 10]);
 * ```
 */
export function log2(x: TensorLike): Tensor {
  return floatUnary(log2P, x);
}

/**
 * The logarithm to base 10, elementwise: −∞ at 0 and NaN below. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { allClose, log10, tensor } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * assert(allClose(log10(tensor([1, 10, 1000])), tensor([0, 1, 3])));
 * ```
 */
export function log10(x: TensorLike): Tensor {
  return floatUnary(log10P, x);
}

/**
 * log(1 + x), elementwise, right to the last digits also where x is small: −∞ at −1 and NaN below. Integers and bools
 * become float32.
 *
 * @example Usage
 * ```ts
 * import { log1p, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(log1p(tensor([1e-12], { dtype: "float64" })).arraySync(), [Math.log1p(1e-12)]);
 * ```
 */
export function log1p(x: TensorLike): Tensor {
  return floatUnary(log1pP, x);
}

/**
 * The square root, elementwise, NaN below 0. Integers and bools become float32. The derivative 1 / (2√x) is ∞ at 0.
 *
 * @example Usage
 * ```ts
 * import { sqrt, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sqrt(tensor([0, 4, 9])).arraySync(), [0, 2, 3]);
 * ```
 */
export function sqrt(x: TensorLike): Tensor {
  return floatUnary(sqrtP, x);
}

/**
 * One over the square root, 1 / √x, elementwise: ∞ at 0 and NaN below. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { rsqrt, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(rsqrt(tensor([0.25, 1, 4])).arraySync(), [2, 1, 0.5]);
 * ```
 */
export function rsqrt(x: TensorLike): Tensor {
  return floatUnary(rsqrtP, x);
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
 * The reciprocal 1 / x, elementwise, ±∞ at ±0. Integers and bools become float32.
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
 * The sine of x in radians, elementwise, NaN at ±∞. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { sin } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(sin(Math.PI / 6).item() as number, 0.5, 1e-6);
 * ```
 */
export function sin(x: TensorLike): Tensor {
  return floatUnary(sinP, x);
}

/**
 * The cosine of x in radians, elementwise, NaN at ±∞. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { cos } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(cos(Math.PI / 3).item() as number, 0.5, 1e-6);
 * ```
 */
export function cos(x: TensorLike): Tensor {
  return floatUnary(cosP, x);
}

/**
 * The tangent of x in radians, elementwise, NaN at ±∞. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { tan } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(tan(Math.PI / 4).item() as number, 1, 1e-6);
 * ```
 */
export function tan(x: TensorLike): Tensor {
  return floatUnary(tanP, x);
}

/**
 * The hyperbolic sine (e^x − e^−x) / 2, elementwise. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { sinh } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(sinh(1).item() as number, Math.sinh(1), 1e-6);
 * ```
 */
export function sinh(x: TensorLike): Tensor {
  return floatUnary(sinhP, x);
}

/**
 * The hyperbolic cosine (e^x + e^−x) / 2, elementwise. Integers and bools become float32.
 *
 * @example Usage
 * ```ts
 * import { cosh } from "@pullback/pullback";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(cosh(1).item() as number, Math.cosh(1), 1e-6);
 * ```
 */
export function cosh(x: TensorLike): Tensor {
  return floatUnary(coshP, x);
}

/**
 * The hyperbolic tangent, elementwise, from −1 to 1. Integers and bools become float32. The derivative is 1 − tanh² x.
 *
 * @example Usage
 * ```ts
 * import { tanh, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tanh(tensor([-100, 0, 100])).arraySync(), [-1, 0, 1]);
 * ```
 */
export function tanh(x: TensorLike): Tensor {
  return floatUnary(tanhP, x);
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
  checkOptions("clip", options);
  const { min, max } = options;
  if (min !== undefined) y = anyBinary(maximumP, y, min, "clip");
  return max === undefined ? y : anyBinary(minimumP, y, max, "clip");
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
  const c = cast(toTensor("where", condition), "bool");
  return bind1(whereP, broadcasted("where", [c, ...promoted("where", [a, b])]), null);
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
  return bind1(logicalNotP, [cast(toTensor("logicalNot", x), "bool")], null);
}

/**
 * x itself, through which no derivative flows: transforms take it for a constant.
 *
 * @example Usage
 * ```ts
 * import { grad, mul, stopGradient } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * // d/dx of c · x, with c = x held fixed.
 * assertEquals(grad((x: number) => mul(stopGradient(x), x))(3).item(), 3);
 * ```
 */
export function stopGradient(x: TensorLike): Tensor {
  return bind1(stopGradientP, [toTensor("stopGradient", x)], null);
}

/**
 * x as another dtype, of the same shape.
 *
 * Floats become integers by dropping the fraction; what is too large or too small becomes the largest or smallest
 * value, and NaN becomes 0. Integers become other integers by wrapping. Anything but 0 becomes true (NaN included).
 * The derivative is cast back; it is 0 through integers and bools.
 *
 * @throws {TypeError} If the dtype is not one of `float32`, `float64`, `int32`, `uint32`, `bool`.
 *
 * @example Usage
 * ```ts
 * import { cast, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cast(tensor([1.9, -1.9, 1e10, NaN]), "int32").arraySync(), [1, -1, 2147483647, 0]);
 * assertEquals(cast(tensor([0, 0.5]), "bool").arraySync(), [false, true]);
 * ```
 */
export function cast(x: TensorLike, dtype: DType): Tensor {
  if (!isDType(dtype)) throw new TypeError(`cast() takes a dtype among ${dtypes.join(", ")}, got ${describe(dtype)}`);
  const t = toTensor("cast", x);
  return t.dtype === dtype ? t : bind1(castP, [t], { dtype });
}
