// The largest errors that the documentation states, in both dtypes, and the functions that its table must list.
import { assert, assertEquals } from "@std/assert";
import { judgedFunctions, worst64, worstShort } from "./judged.ts";
import { precise } from "./precise.ts";
import { errorOf, preciseErrorOf } from "./ulp.ts";

for (const f of judgedFunctions) {
  const [bound32, bound64] = f.bounds;
  Deno.test(`ulp: ${f.name} within ${bound32} ULP in float32 and ${bound64} in float64`, () => {
    const [half, single, double] = [
      worstShort(f, "float16", 16_384),
      worstShort(f, "float32", 16_384),
      worst64(f, 64),
    ];
    // float16 is float32, or float64, rounded once more.
    assert(half.ulps <= 0.51, `float16: ${half.ulps} ULP at ${half.at}`);
    assert(single.ulps <= bound32, `float32: ${single.ulps} ULP at ${single.at}`);
    assert(double.ulps <= bound64, `float64: ${double.ulps} ULP at ${double.at}`);
  });
}

/** The documentation of an exported function, as one line. */
function documentationOf(name: string): string {
  const files = ["ops/functions.ts", "ops/special.ts", "ops/arithmetic.ts", "ops/activation.ts", "nn/activations.ts"];
  for (const file of files) {
    const text = Deno.readTextFileSync(new URL(`../${file}`, import.meta.url));
    const at = text.indexOf(`export function ${name}(`);
    if (at >= 0) return text.slice(text.lastIndexOf("/**", at), at).replace(/\s+\*?\s*/g, " ");
  }
  throw new Error(`no file exports ${name}`);
}

Deno.test("ulp: the documentation states the errors", () => {
  for (const { name, bounds: [single, double] } of judgedFunctions) {
    const stated = double === 0.5
      ? "is correctly rounded"
      : `is within ${single} ULP in float32 and ${double} in float64`;
    assert(documentationOf(name).includes(stated), `${name}() does not say that the value ${stated}`);
  }
});

Deno.test("ulp: what was an error once", () => {
  const at = (name: string, x: number): number => {
    const f = judgedFunctions.find((f) => f.name === name)!;
    const one = { ...f, sampled64: () => [Float64Array.of(x)] };
    return worst64(one, 1).ulps;
  };
  // Two logarithms of 15 and 18 were subtracted: 5.8 ULP.
  assert(at("lgamma", -9.999999987549838) <= 1);
  // Ten terms of the recurrence were: 4.9 ULP of 1, and no digit at the root.
  assert(at("digamma", 0.5214970054579783) <= 1);
  assert(at("digamma", 1.4616321449683622) <= 1);
  // x and a part of it that is rounded as subnormal: 1 ULP.
  assert(at("erf", -3.8264284993557947e-308) <= 0.6);
});

Deno.test("ulp: errors of float32 by hand", () => {
  assertEquals(errorOf(1, 1), 0);
  assertEquals(errorOf(1, 1 + 2 ** -24), 0.5);
  assertEquals(errorOf(1 - 2 ** -24, 1), 0.5); // numbers above 1 are 2⁻²³ apart
  assertEquals(errorOf(1, 1 - 2 ** -24), 1);
  assertEquals(errorOf(2 ** -149, 0), 1);
  assertEquals(errorOf(2 ** -149, 2 ** -150), 0.5);
  assertEquals(errorOf(Infinity, 1e39), 0);
  assertEquals(errorOf(3.4028234663852886e38, Infinity), 1);
  assertEquals([errorOf(0, -0), errorOf(NaN, 1), errorOf(1, NaN), errorOf(NaN, NaN)], [
    Infinity,
    Infinity,
    Infinity,
    0,
  ]);
  assertEquals(errorOf(2 ** -20, 2 ** -21, 1), 2 ** 2);
});

Deno.test("ulp: errors of float16 by hand", () => {
  assertEquals(errorOf(1 + 2 ** -10, 1, 0, "float16"), 1);
  assertEquals(errorOf(2 ** -24, 2 ** -25, 0, "float16"), 0.5);
  assertEquals(errorOf(Infinity, 65520, 0, "float16"), 0.5);
  assertEquals(errorOf(Infinity, 1e9, 0, "float16"), 0);
});

Deno.test("ulp: errors of float64 by hand", () => {
  const third = precise(1).div(3);
  assertEquals(preciseErrorOf(1, precise(1)), 0);
  assertEquals(preciseErrorOf(1 + 2 ** -52, precise(1)), 1);
  // The float nearest to 1/3 is a third of a unit below.
  assertEquals(preciseErrorOf(1 / 3, third), 1 / 3);
  assertEquals(preciseErrorOf(5e-324, precise(0)), 1);
  assertEquals(preciseErrorOf(Infinity, precise(1e308).times(1e10)), 0);
  assertEquals(preciseErrorOf(Number.MAX_VALUE, precise(1e308).times(1e10)), Infinity);
  assertEquals([preciseErrorOf(NaN, precise(NaN)), preciseErrorOf(0, precise(-0))], [0, Infinity]);
});
