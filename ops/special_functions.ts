/**
 * The error function, the logarithm of the gamma function and their kin, of one number in float64: what `Math` leaves out.
 * They know no tensor and no device.
 */

/** Coefficients, the lowest power first. */
type Polynomial = readonly number[];

function horner(x: number, coefficients: Polynomial): number {
  return coefficients.reduceRight((sum, c) => sum * x + c, 0);
}

/** Rational approximations of the error function, numerator over denominator: the parts of fdlibm's s_erf.c. */
type Rational = readonly [Polynomial, Polynomial];

function quotient(x: number, [numerator, denominator]: Rational): number {
  return horner(x, numerator) / horner(x, denominator);
}

/** `erf(x) = x + x·R(x²)` for |x| < 0.84375. */
// deno-fmt-ignore
const erfNear0: Rational = [
  [
    1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02, -5.77027029648944159157e-03,
    -2.37630166566501626084e-05,
  ],
  [
    1, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03, 1.32494738004321644526e-04,
    -3.96022827877536812320e-06,
  ],
];
/** `erf(x) = erfAt1 + R(x − 1)` for 0.84375 ≤ x < 1.25; the constant has few bits, so that 1 − erfAt1 is exact. */
const erfAt1 = 8.45062911510467529297e-01;
// deno-fmt-ignore
const erfNear1: Rational = [
  [
    -2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01, 3.18346619901161753674e-01,
    -1.10894694282396677476e-01, 3.54783043256182359371e-02, -2.16637559486879084300e-03,
  ],
  [
    1, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02, 1.26171219808761642112e-01,
    1.36370839120290507362e-02, 1.19844998467991074170e-02,
  ],
];
/** `erfc(x) = e^(−x² − 0.5625 + R(1 / x²)) / x`, first for 1.25 ≤ x < 1 / 0.35, then for x < 28. */
// deno-fmt-ignore
const erfcMiddle: Rational = [
  [
    -9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01, -6.23753324503260060396e+01,
    -1.62396669462573470355e+02, -1.84605092906711035994e+02, -8.12874355063065934246e+01, -9.81432934416914548592e+00,
  ],
  [
    1, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02, 6.45387271733267880336e+02,
    4.29008140027567833386e+02, 1.08635005541779435134e+02, 6.57024977031928170135e+00, -6.04244152148580987438e-02,
  ],
];
// deno-fmt-ignore
const erfcFar: Rational = [
  [
    -9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01, -1.60636384855821916062e+02,
    -6.37566443368389627722e+02, -1.02509513161107724954e+03, -4.83519191608651397019e+02,
  ],
  [
    1, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03, 3.19985821950859553908e+03,
    2.55305040643316442583e+03, 4.74528541206955367215e+02, -2.24409524465858183362e+01,
  ],
];

/** `2/√π · ∫₀ˣ e^(−t²) dt`. Reference: fdlibm 5.3, s_erf.c (Sun Microsystems, 1993). */
export function erf(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude < 2 ** -28) return x * (2 / Math.sqrt(Math.PI)); // which rounds subnormal results once
  if (magnitude < 0.84375) return x + x * quotient(x * x, erfNear0);
  if (magnitude < 1.25) return Math.sign(x) * (erfAt1 + quotient(magnitude - 1, erfNear1));
  return magnitude < 6 ? Math.sign(x) * (1 - erfcTail(magnitude)) : Math.sign(x);
}

/** 1 − erf(x), with all digits where it is small. Reference: as of `erf`. */
export function erfc(x: number): number {
  if (x < -6) return 2;
  if (x < -1.25) return 2 - erfcTail(-x);
  if (x < -0.84375) return 1 + (erfAt1 + quotient(-x - 1, erfNear1));
  if (x < 0.25) return 1 - erf(x);
  // Taken apart so that the difference from ½ is exact.
  if (x < 0.84375) return 0.5 - (x * quotient(x * x, erfNear0) + (x - 0.5));
  if (x < 1.25) return 1 - erfAt1 - quotient(x - 1, erfNear1);
  return x < 28 ? erfcTail(x) : x > 0 ? 0 : NaN;
}

/** erfc(x) for 1.25 ≤ x < 28. */
function erfcTail(x: number): number {
  const rest = quotient(1 / (x * x), x < 1 / 0.35 ? erfcMiddle : erfcFar);
  // The square of a float32 is exact: e^(−x²) keeps its digits if x² is that plus a rest.
  const near = Math.fround(x);
  return Math.exp(-near * near - 0.5625) * Math.exp((near - x) * (near + x) + rest) / x;
}

/**
 * The x with erf(x) = y: ±∞ at ±1, NaN beyond. Three steps of Halley's method, on erf near 0 and on erfc further out,
 * from Winitzki's closed form, which is within 0.4%.
 *
 * Reference: Winitzki, "A handy approximation for the error function and its inverse" (2008).
 */
export function erfinv(y: number): number {
  const target = Math.abs(y);
  if (!(target < 1)) return target === 1 ? y * Infinity : NaN;
  let x = target < 0.1 ? target * (Math.sqrt(Math.PI) / 2) : winitzki(target);
  for (let step = 0; step < 3; step++) {
    const excess = target < 0.5 ? erf(x) - target : 1 - target - erfc(x);
    const newton = excess * (Math.sqrt(Math.PI) / 2) * Math.exp(x * x);
    x -= newton / (1 + x * newton);
  }
  return y < 0 || Object.is(y, -0) ? -x : x;
}

function winitzki(y: number): number {
  const log = Math.log1p(-y * y);
  const middle = 2 / (Math.PI * 0.147) + log / 2;
  return Math.sqrt(Math.sqrt(middle * middle - log / 0.147) - middle);
}

/** `lgamma(2 − y) = y·(P(y²) + y·Q(y²)) − y/2`, both in one list: fdlibm's a. */
// deno-fmt-ignore
const lgammaNear2: Polynomial = [
  7.72156649015328655494e-02, 3.22467033424113591611e-01, 6.73523010531292681824e-02, 2.05808084325167332806e-02,
  7.38555086081402883957e-03, 2.89051383673415629091e-03, 1.19270763183362067845e-03, 5.10069792153511336608e-04,
  2.20862790713908385557e-04, 1.08011567247583939954e-04, 2.52144565451257326939e-05, 4.48640949618915160150e-05,
];
/** The least value for positive numbers, where it is, and the expansion there: fdlibm's tc, tf, tt and t. */
const leastAt = 1.46163214496836224576;
const least = [-1.21486290535849611461e-01, -3.63867699703950536541e-18] as const;
// deno-fmt-ignore
const lgammaNearLeast: Polynomial = [
  0, 0, 4.83836122723810047042e-01, -1.47587722994593911752e-01, 6.46249402391333854778e-02, -3.27885410759859649565e-02,
  1.79706750811820387126e-02, -1.03142241298341437450e-02, 6.10053870246291332635e-03, -3.68452016781138256760e-03,
  2.25964780900612472250e-03, -1.40346469989232843813e-03, 8.81081882437654011382e-04, -5.38595305356740546715e-04,
  3.15632070903625950361e-04, -3.12754168375120860518e-04, 3.35529192635519073543e-04,
];
/** `lgamma(1 + y) = y·R(y) − y/2`: fdlibm's u and v. */
// deno-fmt-ignore
const lgammaNear1: Rational = [
  [
    -7.72156649015328655494e-02, 6.32827064025093366517e-01, 1.45492250137234768737e+00, 9.77717527963372745603e-01,
    2.28963728064692451092e-01, 1.33810918536787660377e-02,
  ],
  [
    1, 2.45597793713041134822e+00, 2.12848976379893395361e+00, 7.69285150456672783825e-01, 1.04222645593369134254e-01,
    3.21709242282423911810e-03,
  ],
];
/** `lgamma(2 + y) = y·R(y) + y/2` for 0 ≤ y < 1: fdlibm's s and r. */
// deno-fmt-ignore
const lgammaAfter2: Rational = [
  [
    -7.72156649015328655494e-02, 2.14982415960608852501e-01, 3.25778796408930981787e-01, 1.46350472652464452805e-01,
    2.66422703033638609560e-02, 1.84028451407337715652e-03, 3.19475326584100867617e-05,
  ],
  [
    1, 1.39200533467621045958e+00, 7.21935547567138069525e-01, 1.71933865632803078993e-01, 1.86459191715652901344e-02,
    7.77942496381893596434e-04, 7.32668430744625636189e-06,
  ],
];
/** Stirling's series in 1 / x, fitted for x ≥ 8: fdlibm's w. */
const stirlingConstant = 4.18938533204672725052e-01;
// deno-fmt-ignore
const stirling: Polynomial = [
  8.33333333333329678849e-02, -2.77777777728775536470e-03, 7.93650558643019558500e-04, -5.95187557450339963135e-04,
  8.36339918996282139126e-04, -1.63092934096575273989e-03,
];

/** log |Γ(x)|: ∞ at 0, at negative integers and at ±∞. Reference: fdlibm 5.3, e_lgamma_r.c (Sun Microsystems, 1993). */
export function lgamma(x: number): number {
  if (x !== x) return NaN;
  if (Math.abs(x) === Infinity) return Infinity;
  if (x > 0) return lgammaOfPositive(x);
  if (Number.isInteger(x)) return Infinity;
  if (x > -(2 ** -60)) return -Math.log(-x);
  if (x > -30) {
    // Γ(x) is Γ(z) over x·(x + 1)·…·(z − 1), where nothing cancels: the reflection would lose digits near the roots.
    let [z, product] = [x, 1];
    for (; z < 1; z++) product *= z;
    return lgammaNearUnit(z - 1) - Math.log(Math.abs(product));
  }
  return Math.log(Math.PI / Math.abs(sinOfTurns(x) * x)) - lgammaOfPositive(-x);
}

function lgammaOfPositive(x: number): number {
  if (x === 1) return 0; // which would be −0
  if (x < 2 ** -60) return -Math.log(x);
  if (x <= 0.9) return lgammaNearUnit(x) - Math.log(x);
  if (x < 2) return lgammaNearUnit(x - 1);
  if (x < 8) {
    const y = x - Math.floor(x);
    let product = 1;
    for (let factor = y + 2; factor < x; factor++) product *= factor;
    return y * quotient(y, lgammaAfter2) + y / 2 + Math.log(product);
  }
  if (x > 2 ** 58) return x * (Math.log(x) - 1);
  const tail = stirlingConstant + horner(1 / (x * x), stirling) / x;
  return (x - 0.5) * (Math.log(x) - 1) + tail;
}

/** lgamma(1 + y) for −0.1 < y < 1. */
function lgammaNearUnit(y: number): number {
  if (y >= 0.7316) {
    const below2 = 1 - y;
    return below2 * horner(below2, lgammaNear2) - below2 / 2;
  }
  if (y >= 0.23164) {
    const beyond = y - (leastAt - 1);
    return least[0] - (least[1] - horner(beyond, lgammaNearLeast));
  }
  return y * quotient(y, lgammaNear1) - y / 2;
}

/** The distance from the nearest integer, exactly: what functions of period 1 need to know. */
function turnsOf(x: number): number {
  return x - Math.round(x);
}

/** |sin(πx)|, with all digits near its zeros. */
function sinOfTurns(x: number): number {
  return Math.abs(Math.sin(Math.PI * turnsOf(x)));
}

/** tan(πx), with all digits near its zeros and its poles. */
function tanOfTurns(x: number): number {
  const turns = turnsOf(x);
  if (Math.abs(turns) <= 0.25) return Math.tan(Math.PI * turns);
  return 1 / Math.tan(Math.PI * (Math.sign(turns) * 0.5 - turns));
}

/** The Bernoulli numbers B₂, B₄, … B₂₄. */
// deno-fmt-ignore
const bernoulli = [
  1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330, 854513 / 138,
  -236364091 / 2730,
];

/** B₂ₖ / 2k for k = 1, 2, … */
// deno-fmt-ignore
const digammaTail: Polynomial = [
  1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160, 43867 / 14364,
];

/** Where digamma is 0 among positive numbers, in two parts, and `ψ(1 + y) = (1 + y − root)·(1 + R(y))` for 0 ≤ y ≤ 1. */
const digammaRoot = [1.4616321449683622, 9.549995429965697e-17] as const;
/** The quotient that is right at twelve Chebyshev points, computed to eighty digits: within 2.6e-17 of 1 + R. */
// deno-fmt-ignore
const digammaNearRoot: Rational = [
  [
    0.2503801375034054, -0.33533244142797103, -0.6558457067128939, -0.28970900109275427, -0.045044091701161526,
    -0.0020451294795555746,
  ],
  [
    1, 2.0742896155920127, 1.4560563271682205, 0.4332462787671058, 0.05357177863653182, 0.0020916377815762477,
    -5.32737843995544e-07,
  ],
];

/**
 * The derivative of lgamma: NaN at 0, at negative integers and at −∞. The asymptotic series from 10 on; below, the
 * recurrence ψ(x + 1) = ψ(x) + 1/x to and from numbers between 1 and 2; the reflection ψ(x) = ψ(1 − x) − π·cot(πx) below 0.
 *
 * Reference: Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 6.3.5, 6.3.7 and 6.3.18.
 */
export function digamma(x: number): number {
  if (x <= 0) return Number.isInteger(x) || x === -Infinity ? NaN : digamma(1 - x) - Math.PI / tanOfTurns(x);
  if (x < 1) return digamma(1 + x) - 1 / x;
  if (x >= 10) {
    const square = 1 / (x * x);
    return Math.log(x) - 0.5 / x - square * horner(square, digammaTail);
  }
  let [z, lower] = [x, 0];
  for (; z > 2; z--) lower += 1 / (z - 1);
  const beyond = z - digammaRoot[0] - digammaRoot[1];
  return beyond + beyond * quotient(z - 1, digammaNearRoot) + lower;
}

/**
 * The n-th derivative of digamma for n = 1, 2, …: `(−1)^(n+1)·n!·ζ(n + 1, x)`, and digamma itself for n = 0. At 0 and at
 * negative integers its limit from above; NaN for any other n, and beyond 170, where n! overflows.
 */
export function polygamma(n: number, x: number): number {
  if (n === 0) return digamma(x);
  if (!Number.isInteger(n) || n < 0 || n > 170 || x === -Infinity) return NaN;
  const sign = n % 2 === 0 ? -1 : 1;
  if (x <= 0) {
    if (Number.isInteger(x)) return sign * Infinity;
    return -sign * polygamma(n, 1 - x) - Math.PI ** (n + 1) * cotDerivative(n, 1 / tanOfTurns(x));
  }
  let factorial = 1;
  for (let k = 2; k <= n; k++) factorial *= k;
  return sign * factorial * hurwitzZeta(n + 1, x);
}

/** The n-th derivative of the cotangent where that is c: a polynomial in c, since cot' = −(1 + cot²). */
function cotDerivative(n: number, c: number): number {
  let p = [0, 1];
  for (let k = 0; k < n; k++) {
    const next = new Array<number>(p.length + 1).fill(0);
    p.forEach((coefficient, power) => {
      if (power === 0) return;
      next[power - 1]! -= power * coefficient;
      next[power + 1]! -= power * coefficient;
    });
    p = next;
  }
  return horner(c, p);
}

/**
 * `Σ (q + k)^−s` over k = 0, 1, … for s ≥ 2 and q > 0, by Euler and Maclaurin's formula once q + k is larger than s.
 *
 * Reference: Johansson, "Rigorous high-precision computation of the Hurwitz zeta function and its derivatives" (Numerical
 * Algorithms 69, 2015), equation 5.
 */
function hurwitzZeta(s: number, q: number): number {
  let total = 0;
  let a = q;
  for (; a < s + 10; a++) total += a ** -s;
  const power = a ** -s;
  let tail = a ** (1 - s) / (s - 1) + power / 2;
  // The factor of B₂ⱼ: s(s + 1)…(s + 2j − 2) / (2j)! · a^(−s − 2j + 1).
  let factor = power * s / (2 * a);
  bernoulli.forEach((b, k) => {
    tail += b * factor;
    const j = 2 * k + 1;
    factor *= (s + j) * (s + j + 1) / ((j + 2) * (j + 3) * a * a);
  });
  return total + tail;
}
