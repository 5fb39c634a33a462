/**
 * Vector code for lgamma and digamma of float32, in double as in `math_in_double.ts`: quotients of polynomials near the
 * positive roots, asymptotic series beyond, and reflections of negative numbers. How they were fitted is said there.
 */

import type { Local } from "./assembler.ts";
import type { Lanes } from "./lanes.ts";
import { inDouble, log, quotient } from "./math_in_double.ts";

/** `lgamma(1 + y) = y·(y − 1)·P(y) / Q(y)` for 0 ≤ y ≤ 2; 1.1·10⁻¹⁰. */
const lgammaQuotient = [
  [0.5772156648376, 0.8359244543769, 0.3402742567227, 0.03622260158698, 0.0002650083803936],
  [1, 1.873088135841, 1.116077871174, 0.2320532797699, 0.01238597522127],
] as const;
/** `lgamma x = (x − ½)·(log x − 1) + ½·log 2π − ½ + P(1 / x²) / x` for x ≥ 3; 1.1·10⁻⁹. */
const stirlingTail = [0.0833331693933, -0.00277009209722, 0.000680310212996];
const stirlingConstant = 0.4189385332046727;
/** `ψ(1 + y) = (y + 1 − root)·P(y) / Q(y)` for 0 ≤ y ≤ 1; 2·10⁻¹³, but where the rounded root counts 10⁻⁸. */
const digammaRoot = 1.4616321449683622;
const digammaQuotient = [
  [1.250380137503, 1.42892035598, 0.4563345488052, 0.03930985323971, 0.0002237529220042],
  [1, 1.826335566314, 1.011550905965, 0.1952660720348, 0.01006427503979],
] as const;
/** `ψ(x) = log x − 1 / (2x) − z·P(z)` with z = 1 / x², for x ≥ 2; 4·10⁻¹⁰. */
const digammaTail = [0.0833332057484, -0.00832677538092, 0.00384795316981, -0.00308135628714, 0.00192505160354];
/** `sin(πr) = r·P(r²)` for |r| ≤ ½; 2·10⁻¹¹. */
// deno-fmt-ignore
const sinOfTurnsTerms = [
  3.14159265352, -5.16771276212, 2.55016324032, -0.599251330089, 0.0820464787527, -0.00702216340451,
];

/** Where a number is whole, or infinite, and its distance from the nearest whole number, which is exact. */
function splitTurns(v: Lanes, x: Local): { readonly isWhole: Local; readonly turns: Local } {
  const nearest = v.op("f64x2.nearest", x);
  return { isWhole: v.op("f64x2.eq", nearest, x), turns: v.op("f64x2.sub", x, nearest) };
}

/** sin(πr) */
function sinOfTurns(v: Lanes, r: Local): Local {
  return v.op("f64x2.mul", r, v.polynomialOfDoubles(v.op("f64x2.mul", r, r), sinOfTurnsTerms));
}

function lgammaOfPositive(v: Lanes, x: Local): Local {
  const logX = log(v, x);
  // Below 1, where Γ(x) = Γ(1 + x) / x.
  const isBelow1 = v.op("f64x2.lt", x, v.double(1));
  const lessOne = v.op("f64x2.sub", x, v.double(1));
  const y = v.choose(isBelow1, x, lessOne);
  const product = v.op(
    "f64x2.mul",
    v.op("f64x2.mul", y, v.op("f64x2.sub", y, v.double(1))),
    quotient(v, y, lgammaQuotient),
  );
  const near = v.op("f64x2.add", product, v.op("v128.and", isBelow1, v.op("f64x2.neg", logX)));
  const inverse = v.op("f64x2.div", v.double(1), x);
  const series = v.polynomialOfDoubles(v.op("f64x2.mul", inverse, inverse), stirlingTail);
  const tail = v.multiplyAddDoubles(series, inverse, v.double(stirlingConstant));
  const [factor, lessLog] = [v.op("f64x2.sub", x, v.double(0.5)), v.op("f64x2.sub", logX, v.double(1))];
  const far = v.multiplyAddDoubles(factor, lessLog, tail);
  return v.choose(v.op("f64x2.lt", x, v.double(3)), near, far);
}

/** 1 ULP, below 0 of 1 or of the result. `|Γ(x)|·Γ(−x) = π / |x·sin(πx)|` */
export function lgamma(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => {
    const magnitude = v.op("f64x2.abs", x);
    const positive = lgammaOfPositive(v, magnitude);
    const { isWhole, turns } = splitTurns(v, magnitude);
    const product = v.op("f64x2.abs", v.op("f64x2.mul", magnitude, sinOfTurns(v, turns)));
    const reflected = v.op("f64x2.sub", log(v, v.op("f64x2.div", v.double(Math.PI), product)), positive);
    const negative = v.choose(isWhole, v.double(Infinity), reflected);
    return v.choose(v.op("f64x2.lt", x, v.double(0)), negative, positive);
  });
}

function digammaOfPositive(v: Lanes, x: Local, inverse: Local): Local {
  // Below 1, where ψ(x) = ψ(1 + x) − 1/x.
  const isBelow1 = v.op("f64x2.lt", x, v.double(1));
  const y = v.choose(isBelow1, x, v.op("f64x2.sub", x, v.double(1)));
  const product = v.op("f64x2.mul", v.op("f64x2.sub", y, v.double(digammaRoot - 1)), quotient(v, y, digammaQuotient));
  const near = v.op("f64x2.sub", product, v.op("v128.and", isBelow1, inverse));
  const z = v.op("f64x2.mul", inverse, inverse);
  const tail = v.op("f64x2.mul", z, v.polynomialOfDoubles(z, digammaTail));
  const far = v.op("f64x2.sub", log(v, x), v.multiplyAddDoubles(inverse, v.double(0.5), tail));
  return v.choose(v.op("f64x2.lt", x, v.double(2)), near, far);
}

/** 1 ULP, below 0 of 1, of log |x| or of the result. `ψ(x) = ψ(1 − x) − π·cos(πx) / sin(πx)` */
export function digamma(v: Lanes, x: Local): Local {
  return inDouble(v, [x], (x) => {
    const magnitude = v.op("f64x2.abs", x);
    const inverse = v.op("f64x2.div", v.double(1), magnitude);
    const positive = digammaOfPositive(v, magnitude, inverse);
    const { isWhole, turns } = splitTurns(v, x);
    const cosine = sinOfTurns(v, v.op("f64x2.sub", v.double(0.5), v.op("f64x2.abs", turns)));
    const cotangent = v.op("f64x2.div", cosine, sinOfTurns(v, turns));
    const following = v.op("f64x2.add", positive, inverse);
    const reflected = v.op("f64x2.sub", following, v.op("f64x2.mul", cotangent, v.double(Math.PI)));
    // A mask of ones is a NaN.
    const negative = v.op("v128.or", reflected, isWhole);
    return v.choose(v.op("f64x2.le", x, v.double(0)), negative, positive);
  });
}
