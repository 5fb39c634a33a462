/**
 * Functions to fifty digits in decimal arithmetic, to judge those of float64 by. They share nothing with the library:
 * decimal.js has exp, ln, sqrt, sin, cos and atan, and the rest are identities and series of those.
 */

import { Decimal as AnyDecimal } from "decimal.js";
import { inverseErf } from "./erf.ts";

/** Numbers of eighty digits, thirty more than results need: the identities below cancel at most twenty-five. */
const Decimal = AnyDecimal.clone({ precision: 80, defaults: true });
export type Precise = AnyDecimal;

const [zero, one, two] = [0, 1, 2].map((n) => new Decimal(n)) as [Precise, Precise, Precise];
const pi = Decimal.acos(-1);
const half = new Decimal(0.5);
const ln2 = Decimal.ln(2);
const ln10 = Decimal.ln(10);

/** A float64 as it is; decimal.js would take it for the shortest decimal that rounds to it. */
export function precise(x: number): Precise {
  if (!Number.isFinite(x) || x === 0) return new Decimal(x);
  let exponent = 0;
  let whole = x;
  // Powers of 2 that are exact in float64, so that the smallest subnormal becomes whole as well.
  while (!Number.isInteger(whole)) [whole, exponent] = [whole * 2 ** 32, exponent - 32];
  const digits = new Decimal(BigInt(whole).toString());
  // A product has eighty digits, whole numbers have up to 309, and their sine depends on all of them.
  return exponent === 0 ? digits : digits.times(Decimal.pow(2, exponent));
}

/** Below this all functions with f(x) = x + O(x²) are x to 25 digits, and identities would cancel more than we have. */
const tiny = 1e-25;

/** An odd function with f(x) = x + O(x³), from its values for x ≥ 1e-25. */
function odd(f: (x: Precise) => Precise): (x: Precise) => Precise {
  return (x) => (x.abs().lt(tiny) ? x : x.isNegative() ? f(x.neg()).neg() : f(x));
}

/** A function with f(x) = x + O(x²), from its values elsewhere. */
function likeItself(f: (x: Precise) => Precise): (x: Precise) => Precise {
  return (x) => (x.abs().lt(tiny) ? x : f(x));
}

export const exp = (x: Precise): Precise => x.exp();
export const log = (x: Precise): Precise => x.ln();
export const exp2 = (x: Precise): Precise => x.times(ln2).exp();
export const log2 = (x: Precise): Precise => x.ln().div(ln2);
export const log10 = (x: Precise): Precise => x.ln().div(ln10);
export const sqrt = (x: Precise): Precise => x.sqrt();
export const rsqrt = (x: Precise): Precise => one.div(x.sqrt());
export const reciprocal = (x: Precise): Precise => one.div(x);
export const expm1: (x: Precise) => Precise = likeItself((x) => x.exp().minus(1));
export const log1p: (x: Precise) => Precise = likeItself((x) => x.plus(1).ln());
export const sinh: (x: Precise) => Precise = odd((x) => x.exp().minus(x.neg().exp()).div(2));
export const cosh = (x: Precise): Precise => x.exp().plus(x.neg().exp()).div(2);
export const tanh: (x: Precise) => Precise = odd((x) => {
  const e = x.times(-2).exp();
  return one.minus(e).div(one.plus(e));
});
export const atan: (x: Precise) => Precise = odd((x) => x.atan());
export const asin: (x: Precise) => Precise = odd((x) => atan2(x, one.minus(x).times(one.plus(x)).sqrt()));
export const acos = (x: Precise): Precise => atan2(one.minus(x).times(one.plus(x)).sqrt(), x);
export const asinh: (x: Precise) => Precise = odd((x) => x.plus(x.times(x).plus(1).sqrt()).ln());
export const acosh = (x: Precise): Precise =>
  x.lt(1) ? new Decimal(NaN) : x.plus(x.minus(1).times(x.plus(1)).sqrt()).ln();
export const atanh: (x: Precise) => Precise = odd((x) => one.plus(x).div(one.minus(x)).ln().div(2));
export const cbrt = (x: Precise): Precise => (x.isZero() ? x : new Decimal(x.s).times(x.abs().ln().div(3).exp()));
export const sigmoid = (x: Precise): Precise => one.div(one.plus(x.neg().exp()));
export const softplus = (x: Precise): Precise => log1p(x.abs().neg().exp()).plus(Decimal.max(x, 0));
export const logSigmoid = (x: Precise): Precise => softplus(x.neg()).neg();
export const elu = (x: Precise): Precise => (x.isPositive() ? x : expm1(x));

/** An angle as `quarter·π/2 + rest` with |rest| ≤ π/4: π needs as many digits more as the angle has before its point. */
function turned(x: Precise): { readonly quarter: number; readonly rest: Precise } {
  const Wide = AnyDecimal.clone({ precision: 80 + Math.max(x.e, 0), defaults: true });
  const quarterTurn = Wide.acos(-1).div(2);
  const quarters = new Wide(x).div(quarterTurn).round();
  const rest = new Decimal(new Wide(x).minus(quarters.times(quarterTurn)));
  return { quarter: quarters.mod(4).plus(4).mod(4).toNumber(), rest };
}

/** The sine of the angle `quarters` quarter turns further on than x. */
function sinFrom(x: Precise, quarters: number): Precise {
  const { quarter, rest } = turned(x);
  const q = (quarter + quarters) % 4;
  const magnitude = q % 2 === 0 ? sinNear0(rest) : rest.cos();
  return q < 2 ? magnitude : magnitude.neg();
}

const sinNear0: (x: Precise) => Precise = odd((x) => x.sin());

export const sin: (x: Precise) => Precise = likeItself((x) => sinFrom(x, 0));
export const cos = (x: Precise): Precise => sinFrom(x, 1);
export const tan: (x: Precise) => Precise = likeItself((x) => sin(x).div(cos(x)));

export function atan2(y: Precise, x: Precise): Precise {
  if (y.isZero()) return x.isNegative() ? new Decimal(y.s).times(pi) : y;
  if (x.abs().lt(y.abs())) return new Decimal(y.s).times(pi.div(2)).minus(atan(x.div(y)));
  const angle = atan(y.div(x));
  return x.isNegative() ? angle.plus(new Decimal(y.s).times(pi)) : angle;
}

/** x to the power y, for y whole if x < 0. */
export function pow(x: Precise, y: Precise): Precise {
  if (y.isZero()) return one;
  if (x.isZero()) return y.isNegative() ? new Decimal(Infinity) : zero;
  const magnitude = x.abs().ln().times(y).exp();
  return x.isNegative() && !y.mod(2).isZero() ? magnitude.neg() : magnitude;
}

/** `2/√π·e^(−x²)·Σ 2ⁿx^(2n+1)/(2n+1)!!`, whose terms have one sign: Abramowitz and Stegun, 7.1.6. */
export const erf: (x: Precise) => Precise = (x) => {
  if (x.abs().gt(4)) return new Decimal(x.s).times(one.minus(erfcTail(x.abs())));
  const square = x.times(x).times(2);
  let [term, total] = [x, x];
  for (let n = 1; n < 500 && term.abs().gt(total.abs().times(1e-80)); n++) {
    total = total.plus(term = term.times(square).div(2 * n + 1));
  }
  return total.times(2).div(pi.sqrt()).times(x.times(x).neg().exp());
};

export const erfc = (x: Precise): Precise => (x.gt(4) ? erfcTail(x) : one.minus(erf(x)));

/** 1 − erf(x) for x > 4 by Laplace's continued fraction, from its far end: Abramowitz and Stegun, 7.1.14. */
function erfcTail(x: Precise): Precise {
  let fraction = x;
  for (let n = 400; n > 0; n--) fraction = x.plus(new Decimal(n).div(2).div(fraction));
  return x.times(x).neg().exp().div(pi.sqrt()).div(fraction);
}

/** The x with erf(x) = y, by Newton's method from a float64: on erf, and on log erfc where that is small. */
export function erfinv(y: Precise): Precise {
  if (y.isZero() || !y.abs().lt(1)) return y.abs().eq(1) ? y.times(Infinity) : y.isZero() ? y : new Decimal(NaN);
  if (y.isNegative()) return erfinv(y.neg()).neg();
  const rest = one.minus(y);
  let x = new Decimal(inverseErf(y.toNumber()));
  // Each step doubles the digits: 15, 30, 60.
  for (let step = 0; step < 2; step++) {
    const slope = two.div(pi.sqrt()).times(x.times(x).neg().exp());
    const tail = erfc(x);
    const change = y.lt(0.5) ? erf(x).minus(y).div(slope) : tail.div(rest).ln().times(tail).div(slope).neg();
    x = x.minus(change);
  }
  return x;
}

/** The Bernoulli numbers B₂, B₄, … B₈₀, by way of the tangent numbers: Brent and Harvey, arXiv:1108.0286, section 6. */
const bernoulli: readonly Precise[] = (() => {
  const n = 40;
  const tangent = [1n];
  for (let k = 1; k < n; k++) tangent.push(BigInt(k) * tangent[k - 1]!);
  for (let k = 1; k < n; k++) {
    for (let j = k; j < n; j++) tangent[j] = BigInt(j - k) * tangent[j - 1]! + BigInt(j - k + 2) * tangent[j]!;
  }
  return tangent.map((t, i) => {
    const power = 4n ** BigInt(i + 1);
    const numerator = new Decimal((BigInt(2 * i + 2) * t).toString());
    return numerator.div((power * (power - 1n)).toString()).times(i % 2 === 0 ? 1 : -1);
  });
})();

/** From here on 40 terms of the asymptotic series of the gamma functions leave less than 1e-60. */
const far = 40;

/** Where Γ is infinite. */
function isPole(x: Precise): boolean {
  return x.lte(0) && x.isInteger();
}

/** log |Γ(x)| by Stirling's series (6.1.40), after the recurrence (6.1.15), or the reflection (6.1.17) below −40. */
export function lgamma(x: Precise): Precise {
  if (isPole(x)) return new Decimal(Infinity);
  // Where the sums below leave some 1e-79.
  if (x.eq(1) || x.eq(2)) return zero;
  if (x.lt(-far)) return pi.div(sin(turns(x).times(pi)).abs()).ln().minus(lgamma(one.minus(x)));
  let [z, product] = [x, one];
  for (; z.lt(far); z = z.plus(1)) product = product.times(z);
  const square = z.times(z);
  let [sum, power] = [zero, z];
  bernoulli.forEach((b, i) => {
    sum = sum.plus(b.div((2 * i + 1) * (2 * i + 2)).div(power));
    power = power.times(square);
  });
  const stirling = z.minus(half).times(z.ln()).minus(z).plus(pi.times(2).ln().div(2)).plus(sum);
  return stirling.minus(product.abs().ln());
}

/** The distance from the nearest integer, of which sin(πx) and its kin are functions up to a sign. */
function turns(x: Precise): Precise {
  return x.minus(x.round());
}

/** The derivative of log Γ, by 6.3.18, 6.3.5 and 6.3.7. */
export function digamma(x: Precise): Precise {
  if (isPole(x)) return new Decimal(NaN);
  if (x.lt(-far)) return digamma(one.minus(x)).minus(pi.div(tan(turns(x).times(pi))));
  let [z, lower] = [x, zero];
  for (; z.lt(far); z = z.plus(1)) lower = lower.plus(one.div(z));
  const square = z.times(z);
  let [sum, power] = [zero, one];
  bernoulli.forEach((b, i) => {
    power = power.times(square);
    sum = sum.plus(b.div(2 * i + 2).div(power));
  });
  return z.ln().minus(half.div(z)).minus(sum).minus(lower);
}

/** The n-th derivative of digamma for n ≥ 1, by 6.4.11 and 6.4.6. */
export function polygamma(n: number, x: Precise): Precise {
  if (isPole(x)) return new Decimal(n % 2 === 0 ? -Infinity : Infinity);
  let [z, lower] = [x, zero];
  const factorial = Array.from({ length: n }, (_, k) => k + 1).reduce((product, k) => product.times(k), one);
  for (; z.lt(far + n); z = z.plus(1)) lower = lower.plus(z.pow(-n - 1));
  const square = z.times(z);
  let tail = factorial.div(n).plus(factorial.div(z).div(2));
  // (2k + n − 1)! / (2k)! / z^2k
  let factor = factorial;
  bernoulli.forEach((b, i) => {
    const k = 2 * i + 2;
    factor = i === 0
      ? factorial.times(n + 1).div(2).div(square)
      : factor.times(k + n - 2).times(k + n - 1).div(k * (k - 1)).div(square);
    tail = tail.plus(b.times(factor));
  });
  const magnitude = factorial.times(lower).plus(tail.div(z.pow(n)));
  return n % 2 === 0 ? magnitude.neg() : magnitude;
}
