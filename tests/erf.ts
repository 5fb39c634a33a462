/** The error function and its inverse in float64, for tests, by series that share nothing with the library. */

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

/** erf(x) = 2/√π · e^(−x²) · Σ 2^n x^(2n+1) / (2n+1)!!, whose terms have one sign. */
export function erf(x: number): number {
  if (Math.abs(x) > 2) return Math.sign(x) * (1 - upperErf(Math.abs(x)));
  let total = 0;
  for (let n = 0, term = x; Math.abs(term) > 1e-18 * Math.abs(total); n++, term *= 2 * x * x / (2 * n + 1)) {
    total += term;
  }
  return twoOverRootPi * Math.exp(-x * x) * total;
}

/** 1 − erf(x) for x ≥ 1, by Laplace's continued fraction from its far end. */
function upperErf(x: number): number {
  let tail = x;
  for (let n = 400; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/** The x with erf(x) = y, by Newton's method: on erf for small y, on the logarithm of 1 − erf for y near ±1. */
export function inverseErf(y: number): number {
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
