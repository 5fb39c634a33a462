// The functions that judge ours, by published digits and by identities that they are not computed by.
import { assert, assertEquals } from "@std/assert";
import * as p from "./precise.ts";
import { type Precise, precise } from "./precise.ts";

/** That many digits of x, as they are printed. */
function digits(x: Precise, count: number): string {
  return x.toPrecision(count, 1);
}

Deno.test("precise: a float64 is taken as it is", () => {
  assertEquals(precise(0.1).toString(), "0.1000000000000000055511151231257827021181583404541015625");
  assertEquals(precise(-(2 ** 60) - 256).toString(), "-1152921504606847232");
  assertEquals(digits(precise(5e-324), 20), "4.9406564584124654417e-324");
  assertEquals(precise(1.7976931348623157e308).toFixed(), (2n ** 1024n - 2n ** 971n).toString());
  for (const x of [0, -0, Infinity, -Infinity, NaN, 1 / 3, -1e300, 2 ** -1074, 2 ** 52 + 0.5]) {
    assert(Object.is(precise(x).toNumber(), x), String(x));
  }
});

/** Digits cut off, not rounded: OEIS by number; AS is Abramowitz and Stegun, DLMF the Digital Library of NIST. */
// deno-fmt-ignore
const published: readonly (readonly [what: string, value: Precise, digits: string])[] = [
  ["e, A001113", p.exp(precise(1)), "2.71828182845904523536028747135266249775724709369995"],
  ["ln 2, A002162", p.log(precise(2)), "0.69314718055994530941723212145817656807550013436025"],
  ["ln 10, A002392", p.log(precise(10)), "2.30258509299404568401799145468436420760110148862877"],
  ["ln 2, A002162", p.log1p(precise(1)), "0.69314718055994530941723212145817656807550013436025"],
  ["e − 1, A001113", p.expm1(precise(1)), "1.71828182845904523536028747135266249775724709369995"],
  ["√2, A002193", p.sqrt(precise(2)), "1.41421356237309504880168872420969807856967187537694"],
  ["√2, A002193", p.exp2(precise(0.5)), "1.41421356237309504880168872420969807856967187537694"],
  ["∛2, A002580", p.cbrt(precise(2)), "1.25992104989487316476721060727822835057025146470150"],
  ["sin 1, A049469", p.sin(precise(1)), "0.84147098480789650665250232163029899962256306079837"],
  ["cos 1, A049470", p.cos(precise(1)), "0.54030230586813971740093660744297660373231042061792"],
  ["tan 1, A049471", p.tan(precise(1)), "1.55740772465490223050697480745836017308725077238152"],
  ["sinh 1, A073742", p.sinh(precise(1)), "1.17520119364380145688238185059560081515571798133409"],
  ["cosh 1, A073743", p.cosh(precise(1)), "1.54308063481524377847790562075706168260152911236586"],
  ["tanh 1, A073744", p.tanh(precise(1)), "0.76159415595576488811945828260479359041276859725793"],
  ["π/4, A003881", p.atan(precise(1)), "0.78539816339744830961566084581987572104929234984377"],
  ["π/2, A019669", p.asin(precise(1)), "1.57079632679489661923132169163975144209858469968755"],
  ["π/3, A019670", p.acos(precise(0.5)), "1.04719755119659774615421446109316762806572313312503"],
  ["arsinh 1, A091648", p.asinh(precise(1)), "0.88137358701954302523260932497979230902816032826163"],
  ["arcosh 3, twice that", p.acosh(precise(3)), "1.76274717403908605046521864995958461805632065652327"],
  ["artanh ½, half of ln 3, A002391", p.atanh(precise(0.5)).times(2), "1.09861228866810969139524523692252570464749055782274"],
  ["erf 1, A099286, and AS table 7.1", p.erf(precise(1)), "0.84270079294971486934122063508260925929606699796630"],
  ["erfc 1, A099287", p.erfc(precise(1)), "0.15729920705028513065877936491739074070393300203369"],
  ["−ψ(1), Euler's constant, A001620", p.digamma(precise(1)).neg(), "0.57721566490153286060651209008240243104215933593992"],
  ["log Γ(½) = log √π, A155968", p.lgamma(precise(0.5)), "0.57236494292470008707171367567652935582364740645765"],
  ["ψ′(1) = π²/6, A013661", p.polygamma(1, precise(1)), "1.64493406684822643647241516664602518921894990120679"],
  ["−ψ″(1)/2 = ζ(3), A002117", p.polygamma(2, precise(1)).div(-2), "1.20205690315959428539973816151144999076498629234049"],
  // No float64 is nearer to a multiple of π/2 for its size: Muller, "Elementary Functions"; the digits are mpmath's.
  ["cos of a huge number near a root", p.cos(precise(6381956970095103 * 2 ** 797)).abs(), "4.6871659242546276111225828019638843987e-19"],
];

Deno.test("precise: published digits", () => {
  for (const [what, value, expected] of published) {
    assertEquals(digits(value, expected.replace(/^0\.|\.|e.*$/g, "").length), expected, what);
  }
});

/** Numbers of many sizes, where each pair of functions is equal. */
// deno-fmt-ignore
const identities: readonly (readonly [what: string, (x: Precise) => Precise, (x: Precise) => Precise, readonly number[]])[] = [
  ["tan = sin / cos, from atan", (x) => p.tan(p.atan(x)), (x) => x, [1e-30, 0.3, -1, 700, 1e20]],
  ["asin inverts sin", (x) => p.asin(p.sin(x)), (x) => x, [1e-30, 0.3, -1.5]],
  ["acos inverts cos", (x) => p.acos(p.cos(x)), (x) => x, [0.3, 1.5, 3]],
  ["asinh inverts sinh", (x) => p.asinh(p.sinh(x)), (x) => x, [1e-30, 1e-20, 0.3, -20, 700]],
  ["acosh inverts cosh", (x) => p.acosh(p.cosh(x)), (x) => x, [0.3, 20, 700]],
  ["atanh inverts tanh", (x) => p.atanh(p.tanh(x)), (x) => x, [1e-30, 1e-20, 0.3, -5]],
  ["log1p inverts expm1", (x) => p.log1p(p.expm1(x)), (x) => x, [1e-30, 1e-20, 0.3, -5, 700]],
  ["erfinv inverts erf", (x) => p.erfinv(p.erf(x)), (x) => x, [1e-30, 1e-20, 0.3, -2, 3]],
  ["1 − erfc is erf, on both sides of 4", (x) => p.erf(x), (x) => p.erfc(x).neg().plus(1), [3.999, 4.001, -3.999, -4.001]],
  ["x^3 is a product", (x) => p.pow(x, precise(3)), (x) => x.times(x).times(x), [1e-100, 0.3, -7, 1e100]],
  ["2x has twice the sine and cosine of x", (x) => p.sin(x.times(2)), (x) => p.sin(x).times(p.cos(x)).times(2), [0.3, -7, 1e10]],
  ["Γ(2x) is Γ(x)·Γ(x + ½) over powers (6.1.18)",
    (x) => p.lgamma(x.times(2)).plus(p.log(p.acos(precise(-1))).div(2)),
    (x) => p.lgamma(x).plus(p.lgamma(x.plus(0.5))).plus(p.log(precise(2)).times(x.times(2).minus(1))),
    [1e-10, 0.3, 5.1, 100.25, -3.3, -60.2]],
  ["the derivative of that (6.3.8)",
    (x) => p.digamma(x.times(2)).minus(p.log(precise(2))).times(2),
    (x) => p.digamma(x).plus(p.digamma(x.plus(0.5))),
    [1e-10, 0.3, 5.1, 100.25, -3.3, -60.2]],
];

Deno.test("precise: identities to 48 digits", () => {
  for (const [what, left, right, numbers] of identities) {
    for (const x of numbers) {
      const [a, b] = [left(precise(x)), right(precise(x))];
      assert(a.minus(b).abs().lte(b.abs().times(1e-48)), `${what}: at ${x} ${a} and ${b}`);
    }
  }
});
