/** Elementary functions of one number in float64, for tests, made of exp, log, sin, cos and sqrt alone. */

const { abs, cos, exp, log, sin, sqrt, PI, LN2, LN10 } = Math;

/** An odd function, from its values for x > 0. */
function odd(f: (x: number) => number): (x: number) => number {
  return (x) => (x < 0 ? -f(-x) : x > 0 ? f(x) : x);
}

export function exp2(x: number): number {
  const below = Math.floor(x);
  return Number.isFinite(x) ? exp((x - below) * LN2) * 2 ** below : exp(x);
}

/** As of Kahan: the quotient (u − 1) / log u hardly depends on the error of u = eˣ. */
export function expm1(x: number): number {
  const u = exp(x);
  if (u === 1 || u === Infinity) return u === 1 ? x : u;
  return x < -40 ? -1 : (u - 1) * (x / log(u));
}

/** As of Kahan: the quotient log u / (u − 1) hardly depends on the error of u = 1 + x. */
export function log1p(x: number): number {
  const u = 1 + x;
  return u === 1 || u === Infinity ? x : log(u) * (x / (u - 1));
}

export function log2(x: number): number {
  return log(x) / LN2;
}

export function log10(x: number): number {
  return log(x) / LN10;
}

export function tan(x: number): number {
  return x === 0 ? x : sin(x) / cos(x);
}

export const sinh: (x: number) => number = odd((x) => {
  // e^x may overflow where half of it does not.
  if (x > 40) return exp(x / 2) / 2 * exp(x / 2);
  const e = expm1(x);
  return (e + e / (e + 1)) / 2;
});

export function cosh(x: number): number {
  return exp(abs(x) / 2) / 2 * exp(abs(x) / 2) + exp(-abs(x)) / 2;
}

export const tanh: (x: number) => number = odd((x) => {
  const e = expm1(-2 * x);
  return -e / (2 + e);
});

/** Steps x += tan(atan y − x), each with three times as many right digits. */
export const atan: (y: number) => number = odd((y) => {
  if (y > 1) return PI / 2 - atan(1 / y);
  let x = 0.8 * y;
  for (let step = 0; step < 4; step++) x += (y * cos(x) - sin(x)) / (cos(x) + y * sin(x));
  return x;
});

export const asin: (x: number) => number = odd((x) => (x === 1 ? PI / 2 : atan(x / sqrt((1 - x) * (1 + x)))));

export function acos(x: number): number {
  return x === -1 ? PI : 2 * atan(sqrt((1 - x) / (1 + x)));
}

/** Signs of zeros say from which side an axis is approached. */
export function atan2(y: number, x: number): number {
  const [rise, run] = [abs(y), abs(x)];
  const acute = rise === run ? (run === 0 ? 0 : PI / 4) : rise < run ? atan(rise / run) : PI / 2 - atan(run / rise);
  const angle = x < 0 || Object.is(x, -0) ? PI - acute : acute;
  return x !== x || y !== y ? NaN : y < 0 || Object.is(y, -0) ? -angle : angle;
}

export const asinh: (x: number) => number = odd((x) =>
  x > 1e9 ? log(x) + LN2 : log1p(x + x * (x / (1 + sqrt(1 + x * x))))
);

export function acosh(x: number): number {
  if (x < 1) return NaN;
  return x > 1e9 ? log(x) + LN2 : log1p(x - 1 + sqrt((x - 1) * (x + 1)));
}

export const atanh: (x: number) => number = odd((x) => log1p(2 * x / (1 - x)) / 2);

/** One step of Newton's method from logarithms; for small numbers from those 2^300 times as large. */
export const cbrt: (x: number) => number = odd((y) => {
  if (y === Infinity) return y;
  if (y < 1e-200) return cbrt(y * 2 ** 300) * 2 ** -100;
  const x = exp(log(y) / 3);
  return x - (x - y / x / x) / 3;
});

/** A power times the size of its own logarithm, which {@linkcode pow} rounds before the exponential magnifies it. */
export function powerScale(a: number, b: number): number {
  return pow(a, b) * (1 + abs(b * log(abs(a))));
}

/** C's pow: 1 to any power and −1 to an infinite one are 1. */
export function pow(a: number, b: number): number {
  if (a === 1 || b === 0) return 1;
  const magnitude = abs(a) === 1 && b === b ? 1 : exp(b * log(abs(a)));
  const whole = Math.trunc(b) === b;
  if (a < 0 && a > -Infinity && !whole) return NaN;
  return whole && abs(b % 2) === 1 && (a < 0 || Object.is(a, -0)) ? -magnitude : magnitude;
}
