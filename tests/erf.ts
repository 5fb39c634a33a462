/** The error function, the gamma function and their kin in float64, for tests, by series that share nothing with the library. */

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

/** erf(x) = 2/√π · e^(−x²) · Σ 2^n x^(2n+1) / (2n+1)!!, whose terms have one sign. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  if (Math.abs(x) > 2) return Math.sign(x) * (1 - upperErf(Math.abs(x)));
  let total = 0;
  for (let n = 0, term = x; Math.abs(term) > 1e-18 * Math.abs(total); n++, term *= 2 * x * x / (2 * n + 1)) {
    total += term;
  }
  return twoOverRootPi * Math.exp(-x * x) * total;
}

export function erfc(x: number): number {
  return x < 1 ? 1 - erf(x) : x < 30 ? upperErf(x) : x > 0 ? 0 : NaN;
}

/** 1 − erf(x) for x ≥ 1, by Laplace's continued fraction from its far end. */
function upperErf(x: number): number {
  let tail = x;
  for (let n = 400; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/** The x with erf(x) = y, by Newton's method: on erf for small y, on the logarithm of 1 − erf for y near ±1. */
export function inverseErf(y: number): number {
  if (y === 0 || !(Math.abs(y) < 1)) return y === 0 ? y : Math.abs(y) === 1 ? y * Infinity : NaN;
  if (y < 0) return -inverseErf(-y);
  let x = y < 0.85 ? y : Math.sqrt(-Math.log(1 - y));
  for (let step = 0; step < 60; step++) {
    const slope = twoOverRootPi * Math.exp(-x * x);
    if (y < 0.85) {
      x -= (erf(x) - y) / slope;
    } else {
      const rest = upperErf(x);
      x += Math.log(rest / (1 - y)) * rest / slope;
    }
  }
  return x;
}

/** Γ(x) as the product of Γ(x + n) with all x + k divided out, in logarithms; x + n is large enough for Stirling's series. */
export function lgamma(x: number): number {
  if (isPole(x) || Math.abs(x) === Infinity) return Infinity;
  let z = x;
  let lower = 0;
  for (; z < 40; z++) lower += Math.log(Math.abs(z));
  return z === Infinity
    ? z
    : (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + 1 / (12 * z) - 1 / (360 * z ** 3) +
      1 / (1260 * z ** 5) -
      lower;
}

/** The derivative of the above, term by term. */
export function digamma(x: number): number {
  if (isPole(x) || x === -Infinity) return NaN;
  let z = x;
  let lower = 0;
  for (; z < 40; z++) lower += 1 / z;
  return Math.log(z) - 1 / (2 * z) - 1 / (12 * z ** 2) + 1 / (120 * z ** 4) - 1 / (252 * z ** 6) - lower;
}

/** Where the gamma function is infinite; floats of large magnitude are all integers. */
function isPole(x: number): boolean {
  return x <= 0 && Number.isInteger(x);
}
