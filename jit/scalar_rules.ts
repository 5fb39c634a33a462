/**
 * Algebra on scalar expressions: which may stand for which. Every rule holds to the last bit for every value, NaN, ±0,
 * ±∞ and integers that wrap among them; only the payload of a NaN may differ. The tests try each rule on all of these.
 */

import { type DType, dtypes, highest, isFloat, kindOf, lowest, toDType } from "../ops/dtype.ts";
import { binary, type BinaryOp, cast, constant, type Scalar, select, unary, type UnaryOp } from "../ops/scalar.ts";

/** What a rule speaks of: expressions x, y and z, a condition c, and constants k and l. */
export interface Terms {
  readonly x: Scalar;
  readonly y: Scalar;
  readonly z: Scalar;
  readonly c: Scalar;
  readonly k: Scalar;
  readonly l: Scalar;
}

export interface Rule {
  readonly name: string;
  /** The dtypes for which it holds: of all terms but c, which is a bool. */
  readonly dtypes: readonly DType[];
  /** What is replaced. The operands of a commutative operation may come in either order. */
  readonly from: (terms: Terms) => Scalar;
  /** By what: at most one operation, and the terms. So nothing is computed twice where parts of the old one stay. */
  readonly to: (terms: Terms) => Scalar;
  /** For which constants, if not for all. */
  readonly when: (k: number, dtype: DType) => boolean;
  readonly because: string;
}

/** Operations whose operands may change places; what NaN they make of two may differ. */
export const commutative: ReadonlySet<string> = new Set<BinaryOp>([
  "add",
  "mul",
  "min",
  "max",
  "and",
  "or",
  "xor",
  "eq",
  "ne",
]);

const floats = dtypes.filter(isFloat);
const integers = dtypes.filter((dtype) => kindOf(dtype) === "integer");
const signed = integers.filter((dtype) => lowest(dtype) < 0);
const unsigned = integers.filter((dtype) => lowest(dtype) === 0);
const numbers = [...floats, ...integers];
const bits: readonly DType[] = [...integers, "bool"];

const { add, sub, mul, div, rem, min, max, pow, and, or, xor, shl, shr, eq, ne, lt, le } = operations(
  ...["add", "sub", "mul", "div", "rem", "min", "max", "pow", "and", "or", "xor", "shl", "shr"] as const,
  ...["eq", "ne", "lt", "le"] as const,
);
const { neg, abs, not, floor, ceil, trunc, round } = functions(
  ...["neg", "abs", "not", "floor", "ceil", "trunc", "round"] as const,
);

type Operations<Op extends string> = { readonly [O in Op]: (a: Scalar, b: Scalar) => Scalar };
type Functions<Op extends string> = { readonly [O in Op]: (x: Scalar) => Scalar };

function operations<Op extends BinaryOp>(...ops: readonly Op[]): Operations<Op> {
  return Object.fromEntries(ops.map((op) => [op, (a: Scalar, b: Scalar) => binary(op, a, b)])) as Operations<Op>;
}

function functions<Op extends UnaryOp>(...ops: readonly Op[]): Functions<Op> {
  return Object.fromEntries(ops.map((op) => [op, (x: Scalar) => unary(op, x)])) as Functions<Op>;
}

function rule(
  name: string,
  dtypes: readonly DType[],
  from: Rule["from"],
  to: Rule["to"],
  because: string,
  when: Rule["when"] = () => true,
): Rule {
  return { name, dtypes, from, to, because, when };
}

/** A number as the dtype of `like` holds it. */
function num(value: number, like: Scalar): Scalar {
  return constant(toDType(value, like.dtype), like.dtype);
}

/** A constant computed from another. */
function from(k: Scalar, f: (k: number) => number): Scalar {
  return num(f((k as Scalar & { readonly op: "const" }).value), k);
}

const yes = constant(1, "bool");
const no = constant(0, "bool");

/** All bits 1: −1, the highest uint32, or true. */
function ones(like: Scalar): Scalar {
  return num(like.dtype === "bool" ? 1 : -1, like);
}

/** 2, 4, 8 … as far as the dtype goes. */
function isPowerOfTwo(k: number): boolean {
  return k > 1 && Number.isInteger(Math.log2(k)) && 2 ** Math.log2(k) === k;
}

/** Whether 1/k is a number of the dtype, so that a product with it is rounded from the same exact value as x/k. */
function hasExactReciprocal(k: number, dtype: DType): boolean {
  const magnitude = Math.abs(k);
  const exponent = Math.round(Math.log2(magnitude));
  return magnitude === 2 ** exponent && 1 / toDType(1 / k, dtype) === k;
}

const rounded = "both are the same exact value, rounded once";
const wraps = "integers are a ring modulo 2^32";
const bitwise = "it holds for each bit";
const chooses = "the result is one of the operands, and the same one";
const noNegatives = "unsigned integers are not below 0";

const arithmetic: readonly Rule[] = [
  rule("x·1 = x", numbers, ({ x }) => mul(x, num(1, x)), ({ x }) => x, rounded),
  rule("x/1 = x", numbers, ({ x }) => div(x, num(1, x)), ({ x }) => x, rounded),
  rule("x−0 = x", numbers, ({ x }) => sub(x, num(0, x)), ({ x }) => x, "−0 − 0 is −0"),
  rule("x+(−0) = x", floats, ({ x }) => add(x, num(-0, x)), ({ x }) => x, "0 + −0 is 0, and −0 + −0 is −0"),
  rule("x+0 = x", integers, ({ x }) => add(x, num(0, x)), ({ x }) => x, wraps),
  rule("(−0)−x = −x", floats, ({ x }) => sub(num(-0, x), x), ({ x }) => neg(x), "−0 − −0 is 0, and −0 − 0 is −0"),
  rule("0−x = −x", integers, ({ x }) => sub(num(0, x), x), ({ x }) => neg(x), wraps),
  rule("x·0 = 0", integers, ({ x }) => mul(x, num(0, x)), ({ x }) => num(0, x), wraps),
  rule("x−x = 0", integers, ({ x }) => sub(x, x), ({ x }) => num(0, x), wraps),
  rule("x·(−1) = −x", numbers, ({ x }) => mul(x, num(-1, x)), ({ x }) => neg(x), rounded),
  rule("x/(−1) = −x", [...floats, ...signed], ({ x }) => div(x, num(-1, x)), ({ x }) => neg(x), rounded),
  rule("−(−x) = x", numbers, ({ x }) => neg(neg(x)), ({ x }) => x, rounded),
  rule("−(x·k) = x·(−k)", numbers, ({ x, k }) => neg(mul(x, k)), ({ x, k }) => mul(x, from(k, minus)), rounded),
  rule("−(x/k) = x/(−k)", floats, ({ x, k }) => neg(div(x, k)), ({ x, k }) => div(x, from(k, minus)), rounded),
  rule("−(x−y) = y−x", integers, ({ x, y }) => neg(sub(x, y)), ({ x, y }) => sub(y, x), wraps),
  rule("(−x)·k = x·(−k)", numbers, ({ x, k }) => mul(neg(x), k), ({ x, k }) => mul(x, from(k, minus)), rounded),
  rule("(−x)/k = x/(−k)", floats, ({ x, k }) => div(neg(x), k), ({ x, k }) => div(x, from(k, minus)), rounded),
  rule("k/(−x) = (−k)/x", floats, ({ x, k }) => div(k, neg(x)), ({ x, k }) => div(from(k, minus), x), rounded),
  rule("(−x)·(−y) = x·y", numbers, ({ x, y }) => mul(neg(x), neg(y)), ({ x, y }) => mul(x, y), rounded),
  rule("(−x)/(−y) = x/y", floats, ({ x, y }) => div(neg(x), neg(y)), ({ x, y }) => div(x, y), rounded),
  rule("−((−x)·y) = x·y", numbers, ({ x, y }) => neg(mul(neg(x), y)), ({ x, y }) => mul(x, y), rounded),
  rule("−((−x)/y) = x/y", floats, ({ x, y }) => neg(div(neg(x), y)), ({ x, y }) => div(x, y), rounded),
  rule("−(x/(−y)) = x/y", floats, ({ x, y }) => neg(div(x, neg(y))), ({ x, y }) => div(x, y), rounded),
  rule("x+(−y) = x−y", numbers, ({ x, y }) => add(x, neg(y)), ({ x, y }) => sub(x, y), rounded),
  rule("x−(−y) = x+y", numbers, ({ x, y }) => sub(x, neg(y)), ({ x, y }) => add(x, y), rounded),
  rule(
    "x/k = x·(1/k)",
    floats,
    ({ x, k }) => div(x, k),
    ({ x, k }) => mul(x, from(k, (k) => 1 / k)),
    rounded,
    hasExactReciprocal,
  ),
  rule("x−k = x+(−k)", integers, ({ x, k }) => sub(x, k), ({ x, k }) => add(x, from(k, minus)), wraps),
  rule("(x+k)+l = x+(k+l)", integers, ({ x, k, l }) => add(add(x, k), l), ({ x, k, l }) => add(x, add(k, l)), wraps),
  rule("(x·k)·l = x·(k·l)", integers, ({ x, k, l }) => mul(mul(x, k), l), ({ x, k, l }) => mul(x, mul(k, l)), wraps),
  rule(
    "x·2ⁿ = x<<n",
    integers,
    ({ x, k }) => mul(x, k),
    ({ x, k }) => shl(x, from(k, Math.log2)),
    wraps,
    isPowerOfTwo,
  ),
  rule(
    "x/2ⁿ = x>>n",
    unsigned,
    ({ x, k }) => div(x, k),
    ({ x, k }) => shr(x, from(k, Math.log2)),
    "both round down",
    isPowerOfTwo,
  ),
  rule(
    "rem(x, 2ⁿ) = x & (2ⁿ−1)",
    unsigned,
    ({ x, k }) => rem(x, k),
    ({ x, k }) => and(x, from(k, (k) => k - 1)),
    "what a division by 2ⁿ leaves is the low bits",
    isPowerOfTwo,
  ),
  rule(
    "mod(x, 2ⁿ) = x & (2ⁿ−1)",
    signed,
    ({ x, k }) => select(lt(rem(x, k), num(0, x)), add(rem(x, k), k), rem(x, k)),
    ({ x, k }) => and(x, from(k, (k) => k - 1)),
    "what rounding x/2ⁿ down leaves is the low bits",
    isPowerOfTwo,
  ),
];

const powers: readonly Rule[] = [
  rule("x^0 = 1", numbers, ({ x }) => pow(x, num(0, x)), ({ x }) => num(1, x), "C says so for NaN, too"),
  rule("1^x = 1", numbers, ({ x }) => pow(num(1, x), x), ({ x }) => num(1, x), "C says so for NaN, too"),
  rule("x^1 = x", numbers, ({ x }) => pow(x, num(1, x)), ({ x }) => x, "the power is exact"),
  // Not x³, which two roundings make.
  rule("x² = x·x", numbers, ({ x }) => pow(x, num(2, x)), ({ x }) => mul(x, x), rounded),
];

const signs: readonly Rule[] = [
  rule("||x|| = |x|", numbers, ({ x }) => abs(abs(x)), ({ x }) => abs(x), "|x| has no sign to drop, or is −2^31"),
  rule("|−x| = |x|", [...floats, ...signed], ({ x }) => abs(neg(x)), ({ x }) => abs(x), "−x has the other sign"),
  rule("|x| = x", unsigned, ({ x }) => abs(x), ({ x }) => x, noNegatives),
  rule("|x|·|x| = x·x", numbers, ({ x }) => mul(abs(x), abs(x)), ({ x }) => mul(x, x), rounded),
  ...Object.entries({ floor, ceil, trunc, round }).flatMap(([name, f]) => [
    rule(`${name}(${name}(x))`, floats, ({ x }) => f(f(x)), ({ x }) => f(x), "what is whole stays"),
    rule(`${name}(x) = x`, integers, ({ x }) => f(x), ({ x }) => x, "what is whole stays"),
  ]),
];

const choices: readonly Rule[] = [
  rule("min(x, x) = x", dtypes, ({ x }) => min(x, x), ({ x }) => x, chooses),
  rule("max(x, x) = x", dtypes, ({ x }) => max(x, x), ({ x }) => x, chooses),
  rule("min(x, ∞) = x", dtypes, ({ x }) => min(x, num(highest(x.dtype), x)), ({ x }) => x, "nothing is above it"),
  rule("max(x, −∞) = x", dtypes, ({ x }) => max(x, num(lowest(x.dtype), x)), ({ x }) => x, "nothing is below it"),
  // Of floats it is NaN where x is.
  rule("min(x, lowest)", bits, ({ x }) => min(x, lowestOf(x)), ({ x }) => lowestOf(x), "nothing is below it"),
  rule("max(x, highest)", bits, ({ x }) => max(x, highestOf(x)), ({ x }) => highestOf(x), "nothing is above it"),
  rule("c ? x : x = x", dtypes, ({ c, x }) => select(c, x, x), ({ x }) => x, chooses),
  rule("true ? x : y = x", dtypes, ({ x, y }) => select(yes, x, y), ({ x }) => x, chooses),
  rule("false ? x : y = y", dtypes, ({ x, y }) => select(no, x, y), ({ y }) => y, chooses),
  rule("!c ? x : y", dtypes, ({ c, x, y }) => select(not(c), x, y), ({ c, x, y }) => select(c, y, x), chooses),
  rule(
    "c ? (c ? x : y) : z",
    dtypes,
    ({ c, x, y, z }) => select(c, select(c, x, y), z),
    ({ c, x, z }) => select(c, x, z),
    chooses,
  ),
  rule(
    "c ? z : (c ? x : y)",
    dtypes,
    ({ c, x, y, z }) => select(c, z, select(c, x, y)),
    ({ c, y, z }) => select(c, z, y),
    chooses,
  ),
  ...dtypes.map((dtype) => {
    const [one, zero] = [constant(1, dtype), constant(0, dtype)];
    return rule(`c ? 1 : 0 as ${dtype}`, [dtype], ({ c }) => select(c, one, zero), ({ c }) => cast(c, dtype), chooses);
  }),
  rule("c ? false : true", ["bool"], ({ c }) => select(c, no, yes), ({ c }) => not(c), chooses),
];

const logic: readonly Rule[] = [
  rule("!!x = x", bits, ({ x }) => not(not(x)), ({ x }) => x, bitwise),
  rule("x & x = x", bits, ({ x }) => and(x, x), ({ x }) => x, bitwise),
  rule("x | x = x", bits, ({ x }) => or(x, x), ({ x }) => x, bitwise),
  rule("x ^ x = 0", bits, ({ x }) => xor(x, x), ({ x }) => num(0, x), bitwise),
  rule("x & 0 = 0", bits, ({ x }) => and(x, num(0, x)), ({ x }) => num(0, x), bitwise),
  rule("x | 0 = x", bits, ({ x }) => or(x, num(0, x)), ({ x }) => x, bitwise),
  rule("x ^ 0 = x", bits, ({ x }) => xor(x, num(0, x)), ({ x }) => x, bitwise),
  rule("x & ones = x", bits, ({ x }) => and(x, ones(x)), ({ x }) => x, bitwise),
  rule("x | ones = ones", bits, ({ x }) => or(x, ones(x)), ({ x }) => ones(x), bitwise),
  rule("x ^ ones = !x", bits, ({ x }) => xor(x, ones(x)), ({ x }) => not(x), bitwise),
  rule("(x & k) & l", bits, ({ x, k, l }) => and(and(x, k), l), ({ x, k, l }) => and(x, and(k, l)), bitwise),
  rule("(x | k) | l", bits, ({ x, k, l }) => or(or(x, k), l), ({ x, k, l }) => or(x, or(k, l)), bitwise),
  rule("(x ^ k) ^ l", bits, ({ x, k, l }) => xor(xor(x, k), l), ({ x, k, l }) => xor(x, xor(k, l)), bitwise),
  rule("x << 0 = x", integers, ({ x }) => shl(x, num(0, x)), ({ x }) => x, bitwise),
  rule("x >> 0 = x", integers, ({ x }) => shr(x, num(0, x)), ({ x }) => x, bitwise),
  rule("x << 32 = 0", integers, ({ x, k }) => shl(x, k), ({ x }) => num(0, x), "no bit is left", isFar),
  rule("x >> 32 = 0", unsigned, ({ x, k }) => shr(x, k), ({ x }) => num(0, x), "no bit is left", isFar),
];

const comparisons: readonly Rule[] = [
  rule("x = x", bits, ({ x }) => eq(x, x), () => yes, "only NaN differs from itself"),
  rule("x ≠ x", bits, ({ x }) => ne(x, x), () => no, "only NaN differs from itself"),
  rule("x ≤ x", bits, ({ x }) => le(x, x), () => yes, "only NaN is not"),
  rule("x < x", dtypes, ({ x }) => lt(x, x), () => no, "nothing is"),
  rule("x < 0", unsigned, ({ x }) => lt(x, num(0, x)), () => no, noNegatives),
  rule("0 ≤ x", unsigned, ({ x }) => le(num(0, x), x), () => yes, noNegatives),
  rule("!(x = y)", dtypes, ({ x, y }) => not(eq(x, y)), ({ x, y }) => ne(x, y), "for NaN, too"),
  rule("!(x ≠ y)", dtypes, ({ x, y }) => not(ne(x, y)), ({ x, y }) => eq(x, y), "for NaN, too"),
  // Not for floats: a NaN is neither below nor above.
  rule("!(x < y)", bits, ({ x, y }) => not(lt(x, y)), ({ x, y }) => le(y, x), "the order is total"),
  rule("!(x ≤ y)", bits, ({ x, y }) => not(le(x, y)), ({ x, y }) => lt(y, x), "the order is total"),
  rule(
    "x ≠ 0 & x < 0",
    numbers,
    ({ x }) => and(ne(x, num(0, x)), lt(x, num(0, x))),
    ({ x }) => lt(x, num(0, x)),
    "−0 is not below 0",
  ),
  rule("x = true", ["bool"], ({ x }) => eq(x, yes), ({ x }) => x, "there are two bools"),
  rule("x = false", ["bool"], ({ x }) => eq(x, no), ({ x }) => not(x), "there are two bools"),
  rule("x ≠ true", ["bool"], ({ x }) => ne(x, yes), ({ x }) => not(x), "there are two bools"),
  rule("x ≠ false", ["bool"], ({ x }) => ne(x, no), ({ x }) => x, "there are two bools"),
];

/** Whether every value of one dtype is one of another, and comes back from there. */
function isLossless(from: DType, through: DType): boolean {
  if (from === "bool" || from === through) return true;
  if (kindOf(from) === "integer" && kindOf(through) === "integer") return true; // the same bits
  return through === "float64";
}

/** Casts of casts: where the first loses nothing, it need not be. */
const casts: readonly Rule[] = dtypes.flatMap((through) =>
  dtypes.map((to) => {
    const holdsFor = dtypes.filter((from) =>
      from !== through && through !== to && isLossless(from, through) &&
      // What integers wrap, floats saturate, and the same bits are another number.
      (from === "bool" || from === to || to === "bool" ||
        (isFloat(to) ? isFloat(through) : kindOf(through) === "integer" || isFloat(from)))
    );
    return rule(
      `${to}(${through}(x)) = ${to}(x)`,
      holdsFor,
      ({ x }) => cast(cast(x, through), to),
      ({ x }) => cast(x, to),
      "the number in between is the same",
    );
  })
).filter(({ dtypes }) => dtypes.length > 0);

/** All rules; of those that fit, the first is applied. */
export const rules: readonly Rule[] = [
  ...arithmetic,
  ...powers,
  ...signs,
  ...choices,
  ...logic,
  ...comparisons,
  ...casts,
];

function minus(k: number): number {
  return -k;
}

function isFar(k: number): boolean {
  return k >>> 0 > 31;
}

function lowestOf(like: Scalar): Scalar {
  return num(lowest(like.dtype), like);
}

function highestOf(like: Scalar): Scalar {
  return num(highest(like.dtype), like);
}
