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

export function add(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(addP, a, b);
}

export function sub(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(subP, a, b);
}

export function mul(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(mulP, a, b);
}

export function div(a: TensorLike, b: TensorLike): Tensor {
  return floatBinary(divP, a, b);
}

export function mod(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(modP, a, b);
}

export function pow(a: TensorLike, b: TensorLike): Tensor {
  return arithmetic(powP, a, b);
}

export function maximum(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(maximumP, a, b);
}

export function minimum(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(minimumP, a, b);
}

export function atan2(y: TensorLike, x: TensorLike): Tensor {
  return floatBinary(atan2P, y, x);
}

export function neg(x: TensorLike): Tensor {
  return bind1(negP, [toNumeric("neg", x)], null);
}

export function abs(x: TensorLike): Tensor {
  return bind1(absP, [toNumeric("abs", x)], null);
}

export function sign(x: TensorLike): Tensor {
  return bind1(signP, [toNumeric("sign", x)], null);
}

export function exp(x: TensorLike): Tensor {
  return floatUnary(expP, x);
}

export function exp2(x: TensorLike): Tensor {
  return floatUnary(exp2P, x);
}

export function expm1(x: TensorLike): Tensor {
  return floatUnary(expm1P, x);
}

export function log(x: TensorLike): Tensor {
  return floatUnary(logP, x);
}

export function log2(x: TensorLike): Tensor {
  return floatUnary(log2P, x);
}

export function log10(x: TensorLike): Tensor {
  return floatUnary(log10P, x);
}

export function log1p(x: TensorLike): Tensor {
  return floatUnary(log1pP, x);
}

export function sqrt(x: TensorLike): Tensor {
  return floatUnary(sqrtP, x);
}

export function rsqrt(x: TensorLike): Tensor {
  return floatUnary(rsqrtP, x);
}

export function square(x: TensorLike): Tensor {
  const t = toNumeric("square", x);
  return mul(t, t);
}

export function reciprocal(x: TensorLike): Tensor {
  return div(1, toFloat("reciprocal", x));
}

export function sin(x: TensorLike): Tensor {
  return floatUnary(sinP, x);
}

export function cos(x: TensorLike): Tensor {
  return floatUnary(cosP, x);
}

export function tan(x: TensorLike): Tensor {
  return floatUnary(tanP, x);
}

export function sinh(x: TensorLike): Tensor {
  return floatUnary(sinhP, x);
}

export function cosh(x: TensorLike): Tensor {
  return floatUnary(coshP, x);
}

export function tanh(x: TensorLike): Tensor {
  return floatUnary(tanhP, x);
}

export function floor(x: TensorLike): Tensor {
  return rounding(floorP, x);
}

export function ceil(x: TensorLike): Tensor {
  return rounding(ceilP, x);
}

export function round(x: TensorLike): Tensor {
  return rounding(roundP, x);
}

export function trunc(x: TensorLike): Tensor {
  return rounding(truncP, x);
}

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

export function isNaN(x: TensorLike): Tensor {
  const t = toFloat("isNaN", x);
  return notEqual(t, t);
}

export function isInf(x: TensorLike): Tensor {
  return equal(abs(toFloat("isInf", x)), Infinity);
}

export function isFinite(x: TensorLike): Tensor {
  return less(abs(toFloat("isFinite", x)), Infinity);
}

export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  const c = cast(toTensor("where", condition), "bool");
  return bind1(whereP, broadcasted("where", [c, ...promoted("where", [a, b])]), null);
}

export function equal(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(equalP, a, b);
}

export function notEqual(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(notEqualP, a, b);
}

export function less(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(lessP, a, b);
}

export function lessEqual(a: TensorLike, b: TensorLike): Tensor {
  return anyBinary(lessEqualP, a, b);
}

export function greater(a: TensorLike, b: TensorLike): Tensor {
  return swapped("greater", lessP, a, b);
}

export function greaterEqual(a: TensorLike, b: TensorLike): Tensor {
  return swapped("greaterEqual", lessEqualP, a, b);
}

export function logicalAnd(a: TensorLike, b: TensorLike): Tensor {
  return logical("logicalAnd", andP, a, b);
}

export function logicalOr(a: TensorLike, b: TensorLike): Tensor {
  return logical("logicalOr", orP, a, b);
}

export function logicalXor(a: TensorLike, b: TensorLike): Tensor {
  return logical("logicalXor", xorP, a, b);
}

export function logicalNot(x: TensorLike): Tensor {
  return bind1(logicalNotP, [cast(toTensor("logicalNot", x), "bool")], null);
}

export function stopGradient(x: TensorLike): Tensor {
  return bind1(stopGradientP, [toTensor("stopGradient", x)], null);
}

export function cast(x: TensorLike, dtype: DType): Tensor {
  if (!isDType(dtype)) throw new TypeError(`cast() takes a dtype among ${dtypes.join(", ")}, got ${describe(dtype)}`);
  const t = toTensor("cast", x);
  return t.dtype === dtype ? t : bind1(castP, [t], { dtype });
}
