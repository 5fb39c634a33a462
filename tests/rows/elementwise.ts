/** Rows of the elementwise operations: scalar functions, broadcasting, promotion. */

import * as fc from "fast-check";
import * as ops from "../../ops/mod.ts";
import { relu, sigmoid, softplus } from "../../ops/activation.ts";
import type { DType } from "../../ops/dtype.ts";
import type { Tensor, TensorLike } from "../../ops/tensor.ts";
import { between, elements, type Operand, operand, operands, shapes, shrunk, type Use } from "../draw.ts";
import { castValue, convert, elementwise, floatOf, held, isFloat, promoted } from "../plain.ts";
import { digamma, erf, erfc, inverseErf, lgamma } from "../erf.ts";
import * as plain from "../functions.ts";
import { type Drawn, everyDType, exact, floats, integers, numbers, type Row, type Tolerance } from "../row.ts";

/** NaN, infinities, zeros of both signs, the least and the largest numbers of the dtypes, subnormal ones, and halves. */
const specials = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  2 ** -149,
  -(2 ** -149),
  2 ** -130,
  2 ** -126,
  3e38,
  -3e38,
  2 ** -24,
  -(2 ** -24),
  2 ** -14,
  65504,
  -65504,
];

function approximate(ulps: number): Tolerance<unknown> {
  return { ulps, because: "cpu/math*.ts computes it with this error at most" };
}

/** The error in float32; in float64 that of a reference that rounds so much more often. */
function composed(ulps: number, f: (...xs: number[]) => number, ulps64 = 4): Tolerance<unknown> {
  const factor = 2 ** Math.ceil(Math.log2(ulps64 / ulps));
  return {
    ulps,
    because:
      "float32: what is stated, and 0.6 for what is computed in double and rounded; float64: the reference is a composition or series",
    of: (xs) => {
      const dtype = promoted(xs);
      return elementwise(xs, dtype, (...values) => (dtype === "float64" ? factor * f(...values) : 0));
    },
  };
}

/** In float64, of references that are differences of sums up to about 150 or, near poles, of the size of the result. */
function bySums(f: (x: number) => number): Tolerance<unknown> {
  return {
    ulps: 0.6,
    because: "float64: the reference is a difference of sums; float32: computed in double, to 3.3e-9 near roots",
    of: ([x]) => {
      const scale = (v: number): number => x!.dtype === "float64" ? 16 * Math.max(150, Math.abs(f(v))) : 2 ** -4;
      return { ...x!, data: x!.data.map(scale) };
    },
  };
}

/** Discrete results have no derivative at all. */
const discrete = "the result is not a real number";

type Binary = (a: number, b: number) => number;

interface UnaryRules {
  readonly dtypes?: readonly DType[];
  /** The result's dtype; floats stay and all else becomes float32 unless said otherwise. */
  readonly result?: (dtype: DType) => DType;
  /** The function for integers, where it is another one. */
  readonly whole?: (x: number) => number;
  readonly ulps?: number;
  /** Instead of what `ulps` says. */
  readonly tolerance?: Tolerance<unknown>;
  /** Floats to draw instead of the usual ones. */
  readonly domain?: fc.Arbitrary<number>;
  /** Where derivatives are compared with differences. */
  readonly smooth?: fc.Arbitrary<number>;
  readonly discrete?: string;
}

/** A row of a function of one operand. */
function unary(name: string, call: (x: TensorLike) => Tensor, f: (x: number) => number, rules: UnaryRules = {}): Row {
  const { dtypes = everyDType, result = floatOf, whole = f, ulps = 0, domain, smooth = domain } = rules;
  const draw = (dtype: DType, use: Use): fc.Arbitrary<Drawn<null>> =>
    shapes().chain((shape) =>
      operand({ shape, dtype, elements: use === "derivative" ? smooth : isFloat(dtype) ? domain : undefined })
    )
      .map((x) => ({ operands: [x], settings: null }));
  return {
    name,
    dtypes,
    draw,
    call: ([x]) => call(x!),
    reference([x]) {
      // Functions of floats see an integer as a float; rounding, negation and the like see it as it is.
      const seen = isFloat(result(x!.dtype)) ? convert(x!, result(x!.dtype)) : x!;
      return elementwise([seen], result(x!.dtype), isFloat(seen.dtype) ? f : whole);
    },
    tolerance: rules.tolerance ?? (ulps === 0 ? exact : approximate(ulps)),
    signedZeros: true,
    examples: floats.map((dtype) => ({ operands: [vector(specials, dtype)], settings: null })),
    ...(rules.discrete === undefined ? {} : { discrete: rules.discrete }),
  };
}

function vector(data: readonly number[], dtype: DType): Operand {
  return held({ dtype, shape: [data.length], data, layout: "rows" });
}

const same = (dtype: DType): DType => dtype;
const toBool = (): DType => "bool";
const positive = between(0.25, 8);
const notZero = between(-8, 8).filter((x) => x !== 0);
const awayFromPoles = fc.oneof(between(0.5, 8), fc.integer({ min: -8, max: -1 }).map((n) => n + 0.375));
const betweenIntegers = fc.integer({ min: -8, max: 8 }).map((n) => n + 0.25);

// exp, log, sin and cos of the references are JavaScript's own: tests/ulp_test.ts judges those.
const unaryRows: Row[] = [
  unary("neg", ops.neg, (x) => -x, { dtypes: numbers, result: same }),
  unary("abs", ops.abs, Math.abs, { dtypes: numbers, result: same, smooth: notZero }),
  unary("sign", ops.sign, Math.sign, { dtypes: numbers, result: same, smooth: notZero }),
  unary("floor", ops.floor, Math.floor, { dtypes: numbers, result: same, smooth: betweenIntegers }),
  unary("ceil", ops.ceil, Math.ceil, { dtypes: numbers, result: same, smooth: betweenIntegers }),
  unary("trunc", ops.trunc, Math.trunc, { dtypes: numbers, result: same, smooth: betweenIntegers }),
  unary("round", ops.round, roundHalfToEven, { dtypes: numbers, result: same, smooth: betweenIntegers }),
  unary("square", ops.square, (x) => x * x, { dtypes: numbers, result: same, whole: (x) => Math.imul(x, x) }),
  unary("sqrt", ops.sqrt, Math.sqrt, { smooth: positive }),
  unary("rsqrt", ops.rsqrt, (x) => 1 / Math.sqrt(x), { ulps: 2, smooth: positive }),
  unary("reciprocal", ops.reciprocal, (x) => 1 / x, { smooth: positive }),
  unary("exp", ops.exp, Math.exp, { ulps: 2, smooth: between(-3, 3) }),
  unary("exp2", ops.exp2, plain.exp2, { tolerance: composed(2, plain.exp2), smooth: between(-3, 3) }),
  unary("expm1", ops.expm1, plain.expm1, { tolerance: composed(2, plain.expm1), smooth: between(-3, 3) }),
  unary("log", ops.log, Math.log, { ulps: 2, smooth: positive }),
  unary("log2", ops.log2, plain.log2, { tolerance: composed(2, plain.log2), smooth: positive }),
  unary("log10", ops.log10, plain.log10, { tolerance: composed(3, plain.log10), smooth: positive }),
  unary("log1p", ops.log1p, plain.log1p, { tolerance: composed(3, plain.log1p), smooth: between(-0.5, 8) }),
  unary("sin", ops.sin, Math.sin, { ulps: 2 }),
  unary("cos", ops.cos, Math.cos, { ulps: 2 }),
  unary("tan", ops.tan, plain.tan, { tolerance: composed(4, plain.tan), smooth: between(-1.25, 1.25) }),
  unary("sinh", ops.sinh, plain.sinh, { tolerance: composed(3, plain.sinh), smooth: between(-3, 3) }),
  unary("cosh", ops.cosh, plain.cosh, { tolerance: composed(2, plain.cosh), smooth: between(-3, 3) }),
  unary("tanh", ops.tanh, plain.tanh, { tolerance: composed(3, plain.tanh), smooth: between(-3, 3) }),
  unary("asin", ops.asin, plain.asin, {
    tolerance: composed(0.6, plain.asin),
    domain: between(-1, 1),
    smooth: between(-0.75, 0.75),
  }),
  unary("acos", ops.acos, plain.acos, {
    tolerance: composed(0.6, plain.acos),
    domain: between(-1, 1),
    smooth: between(-0.75, 0.75),
  }),
  unary("atan", ops.atan, plain.atan, { tolerance: composed(0.6, plain.atan) }),
  unary("asinh", ops.asinh, plain.asinh, { tolerance: composed(0.6, plain.asinh) }),
  unary("acosh", ops.acosh, plain.acosh, {
    tolerance: composed(0.6, plain.acosh),
    domain: between(1, 8),
    smooth: between(1.5, 8),
  }),
  unary("atanh", ops.atanh, plain.atanh, {
    tolerance: composed(0.6, plain.atanh),
    domain: between(-1, 1),
    smooth: between(-0.75, 0.75),
  }),
  unary("cbrt", ops.cbrt, plain.cbrt, { tolerance: composed(0.6, plain.cbrt), smooth: positive }),
  unary("erf", ops.erf, erf, { tolerance: composed(0.6, erf, 8), smooth: between(-3, 3) }),
  unary("erfc", ops.erfc, erfc, { tolerance: composed(0.6, erfc, 24), smooth: between(-3, 3) }),
  unary("erfinv", ops.erfinv, inverseErf, {
    tolerance: composed(0.6, inverseErf, 64),
    domain: between(-1, 1),
    smooth: between(-0.75, 0.75),
  }),
  unary("lgamma", ops.lgamma, lgamma, { tolerance: bySums(lgamma), smooth: awayFromPoles }),
  unary("digamma", ops.digamma, digamma, { tolerance: bySums(digamma), smooth: awayFromPoles }),
  {
    ...unary("bitwiseNot", ops.bitwiseNot, (x) => x, { dtypes: [...integers, "bool"], discrete }),
    reference: ([x]) => elementwise([x!], x!.dtype, (v) => (x!.dtype === "bool" ? 1 - v! : -v! - 1)),
    examples: [],
  },
  unary("isNaN", ops.isNaN, (x) => Number(x !== x), { result: toBool, discrete }),
  unary("isInf", ops.isInf, (x) => Number(Math.abs(x) === Infinity), { result: toBool, discrete }),
  unary("isFinite", ops.isFinite, (x) => Number(Number.isFinite(x)), { result: toBool, discrete }),
  unary("logicalNot", ops.logicalNot, (x) => Number(x === 0), { result: toBool, discrete }),
  unary("stopGradient", ops.stopGradient, (x) => x, { result: same, discrete: "derivatives are stopped" }),
  unary("relu", relu, (x) => (x > 0 || x !== x ? x : 0), { smooth: notZero }),
  // One rounding more than exp, and a quotient.
  unary("sigmoid", sigmoid, (x) => 1 / (1 + Math.exp(-x)), { ulps: 4 }),
  // exp, log1p of at most 1, and a sum.
  unary("softplus", softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), { ulps: 4 }),
];

function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const fraction = x - below;
  const up = fraction > 0.5 || (fraction === 0.5 && below % 2 !== 0);
  const rounded = Number.isFinite(x) ? below + Number(up) : x;
  return rounded === 0 && (x < 0 || Object.is(x, -0)) ? -0 : rounded;
}

interface BinaryRules {
  readonly dtypes?: readonly DType[];
  readonly result?: (dtype: DType) => DType;
  /** The function for integers, where it is another one. */
  readonly whole?: Binary;
  readonly ulps?: number;
  /** Instead of what `ulps` says. */
  readonly tolerance?: Tolerance<unknown>;
  readonly smooth?: readonly [fc.Arbitrary<number>, fc.Arbitrary<number>];
  /** No derivative where operands are equal. */
  readonly distinct?: boolean;
  readonly discrete?: string;
  /** Whether operands are brought to bool, not to a common dtype. */
  readonly logical?: boolean;
}

/** A row of a function of two operands: other dtypes, other shapes that broadcast, and bare numbers beside tensors. */
function binary(name: string, call: (a: TensorLike, b: TensorLike) => Tensor, f: Binary, rules: BinaryRules = {}): Row {
  const { dtypes = numbers, result = same, whole = f, ulps = 0, smooth, distinct = false } = rules;
  const draw = (dtype: DType, use: Use): fc.Arbitrary<Drawn<null>> =>
    fc.tuple(
      shapes().chain((shape) => fc.tuple(shrunk(shape), shrunk(shape))),
      fc.constantFrom(dtype, dtype, ...dtypes),
    )
      .chain(([[left, right], other]) => {
        const value = use === "value";
        return operands([
          {
            shape: left,
            dtype,
            elements: value ? undefined : smooth?.[0],
            bare: value && isFloat(dtype) && other === dtype,
          },
          {
            shape: right,
            dtype: value ? other : dtype,
            elements: value ? undefined : smooth?.[1],
            bare: value && isInteger(other) && (isFloat(dtype) || other === dtype),
          },
        ], { distinct: distinct && use === "derivative" });
      })
      .map(bothBareIsOne)
      .map((xs) => ({ operands: xs, settings: null }));
  return {
    name,
    dtypes,
    draw,
    call: ([a, b]) => call(a!, b!),
    reference(xs) {
      const dtype = rules.logical ? "bool" : promoted(xs);
      const to = result(dtype);
      const seen = xs.map((x) => convert(convert(x, dtype), isFloat(to) ? to : dtype));
      return elementwise(seen, to, isFloat(seen[0]!.dtype) ? f : whole);
    },
    tolerance: rules.tolerance ?? (ulps === 0 ? exact : approximate(ulps)),
    signedZeros: true,
    examples: floats.map((dtype) => ({ operands: everyPair(dtype), settings: null })),
    ...(rules.discrete === undefined ? {} : { discrete: rules.discrete }),
  };
}

function isInteger(dtype: DType): boolean {
  return dtype === "int32" || dtype === "uint32";
}

/** Two bare numbers are float32 whatever they were drawn as: the second stays a tensor. */
function bothBareIsOne([a, b]: readonly Operand[]): Operand[] {
  if (!a!.bare || !b!.bare) return [a!, b!];
  const { dtype, shape, data } = b!;
  return [a!, { dtype, shape, data, layout: "rows" }];
}

/** Every special number beside every other. */
function everyPair(dtype: DType): Operand[] {
  const n = specials.length;
  const [a, b] = [vector(specials, dtype), vector(specials, dtype)];
  return [{ ...a, shape: [n, 1] }, { ...b, shape: [1, n] }];
}

function modulo(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function integerPower(a: number, b: number): number {
  if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0;
  let power = 1n;
  let factor = BigInt(a);
  for (let n = BigInt(b); n > 0n; n >>= 1n) {
    if (n & 1n) power = BigInt.asIntN(32, power * factor);
    factor = BigInt.asIntN(32, factor * factor);
  }
  return Number(power);
}

/** In arbitrary precision. A distance below 0 is as good as a large one. */
function leftShifted(a: number, b: number): number {
  return b < 0 || b > 31 ? 0 : Number(BigInt.asUintN(32, BigInt(a) << BigInt(b)));
}

function rightShifted(a: number, b: number): number {
  return Number(BigInt(a) >> BigInt(b < 0 ? 32 : Math.min(b, 32)));
}

const bits: BinaryRules = { dtypes: [...integers, "bool"], discrete };
const comparison = { dtypes: everyDType, result: toBool, discrete };
const logic = { dtypes: everyDType, logical: true, discrete };
const halves = fc.integer({ min: -16, max: 15 }).map((n) => n + 0.5);

const binaryRows: Row[] = [
  binary("add", ops.add, (a, b) => a + b),
  binary("sub", ops.sub, (a, b) => a - b),
  binary("mul", ops.mul, (a, b) => a * b, { whole: Math.imul }),
  binary("div", ops.div, (a, b) => a / b, { dtypes: everyDType, result: floatOf, smooth: [between(-8, 8), positive] }),
  binary("mod", ops.mod, modulo, {
    whole: (a, b) => (b === 0 ? 0 : modulo(a, b)),
    // Quotients of halves by integers are never integers, where the function jumps.
    smooth: [halves, fc.constantFrom(1, 2, 3, 4, -2, -3)],
  }),
  binary("pow", ops.pow, plain.pow, {
    whole: integerPower,
    tolerance: composed(2, plain.powerScale),
    smooth: [between(0.25, 3), between(-3, 3)],
  }),
  binary("maximum", ops.maximum, Math.max, { dtypes: everyDType, distinct: true }),
  binary("minimum", ops.minimum, Math.min, { dtypes: everyDType, distinct: true }),
  binary("atan2", ops.atan2, plain.atan2, {
    dtypes: everyDType,
    result: floatOf,
    tolerance: composed(0.6, plain.atan2),
    smooth: [positive, between(-8, 8)],
  }),
  binary("bitwiseAnd", ops.bitwiseAnd, (a, b) => a & b, bits),
  binary("bitwiseOr", ops.bitwiseOr, (a, b) => a | b, bits),
  binary("bitwiseXor", ops.bitwiseXor, (a, b) => a ^ b, bits),
  binary("leftShift", ops.leftShift, leftShifted, { dtypes: integers, discrete }),
  binary("rightShift", ops.rightShift, rightShifted, { dtypes: integers, discrete }),
  binary("equal", ops.equal, (a, b) => Number(a === b), comparison),
  binary("notEqual", ops.notEqual, (a, b) => Number(a !== b), comparison),
  binary("less", ops.less, (a, b) => Number(a < b), comparison),
  binary("lessEqual", ops.lessEqual, (a, b) => Number(a <= b), comparison),
  binary("greater", ops.greater, (a, b) => Number(a > b), comparison),
  binary("greaterEqual", ops.greaterEqual, (a, b) => Number(a >= b), comparison),
  binary("logicalAnd", ops.logicalAnd, (a, b) => a & b, logic),
  binary("logicalOr", ops.logicalOr, (a, b) => a | b, logic),
  binary("logicalXor", ops.logicalXor, (a, b) => a ^ b, logic),
];

const where: Row<null> = {
  name: "where",
  dtypes: everyDType,
  draw: (dtype, use) =>
    shapes().chain((shape) =>
      fc.tuple(
        shrunk(shape),
        shrunk(shape),
        shrunk(shape),
        fc.constantFrom("bool", "float32", "int32") as fc.Arbitrary<DType>,
      )
    )
      .chain(([c, a, b, condition]) =>
        operands([
          {
            shape: c,
            dtype: condition === "float32" && use === "derivative" ? "bool" : condition,
            elements: elements("bool"),
          },
          { shape: a, dtype },
          { shape: b, dtype, bare: use === "value" && isFloat(dtype) },
        ])
      )
      .map((xs) => ({ operands: xs, settings: null })),
  call: ([c, a, b]) => ops.where(c!, a!, b!),
  reference: ([c, a, b]) =>
    elementwise(
      [c!, convert(a!, promoted([a!, b!])), convert(b!, promoted([a!, b!]))],
      promoted([a!, b!]),
      (c, a, b) => (c !== 0 ? a! : b!),
    ),
  tolerance: exact,
  signedZeros: true,
};

interface Bounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** Bounds that no multiple of 1/512 equals, so that nothing lies on them; whole ones for integers. */
function boundsFor(dtype: DType): fc.Arbitrary<Bounds> {
  const bound = isFloat(dtype) ? between(-4, 4).map((x) => x + 1 / 1024) : fc.nat(5);
  return fc.record({ min: bound, max: bound }, { requiredKeys: [] });
}

const clip: Row<Bounds> = {
  name: "clip",
  dtypes: numbers,
  draw: (dtype) =>
    fc.tuple(shapes(), boundsFor(dtype)).chain(([shape, settings]) =>
      operand({ shape, dtype }).map((x) => ({ operands: [x], settings }))
    ),
  call: ([x], bounds) => ops.clip(x!, bounds),
  // The upper bound wins where they cross.
  reference: ([x], { min = -Infinity, max = Infinity }) =>
    elementwise([x!], x!.dtype, (v) => Math.min(Math.max(v!, min), max)),
  tolerance: exact,
  signedZeros: true,
  examples: [{ operands: [vector(specials, "float32")], settings: { min: -1, max: 1.5 } }],
};

const edges = [2147483520, 2147483648, -2147483648, 4294967040, 4294967296, 1e20, -1e20, 0.99, -0.99];

const cast: Row<DType> = {
  name: "cast",
  dtypes: everyDType,
  draw: (dtype, use) =>
    fc.tuple(shapes(), use === "derivative" ? fc.constant(dtype) : fc.constantFrom(...everyDType))
      .chain(([shape, to]) => operand({ shape, dtype }).map((x) => ({ operands: [x], settings: to }))),
  call: ([x], dtype) => ops.cast(x!, dtype),
  reference: ([x], dtype) => ({ ...x!, dtype, data: x!.data.map((v) => castValue(v, x!.dtype, dtype)) }),
  tolerance: exact,
  signedZeros: true,
  examples: floats.flatMap((from) =>
    everyDType.map((to) => ({ operands: [vector([...specials, ...edges], from)], settings: to }))
  ),
};

export const elementwiseRows: readonly Row[] = [...unaryRows, ...binaryRows, where, clip, cast];
