/** Prints the largest error of each function that is computed in float32, over a sweep of all floats: `deno task ulp`. */

import { scalarFunctions } from "../cpu/scalar_functions.ts";
import * as ops from "../ops/mod.ts";
import { errorOf } from "../tests/ulp.ts";

/** The functions that WebAssembly computes in float32; the others are float64 functions rounded once. */
// deno-fmt-ignore
const functions = [
  "sqrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh",
] as const;

/** A prime number of bit patterns between one float and the next: about a million over all of them. */
const stride = 4099;
const count = Math.floor(2 ** 32 / stride);

interface Worst {
  readonly ulps: number;
  readonly at: number;
  /** Results that are not the exact one correctly rounded, as a share of all. */
  readonly rounded: number;
}

function sweep(given: Float32Array, results: ArrayLike<number>, exact: (x: number) => number): Worst {
  let [ulps, at, wrong] = [0, 0, 0];
  given.forEach((x, i) => {
    const error = errorOf(results[i]!, exact(x));
    if (error > 0.5) wrong++;
    if (error > ulps) [ulps, at] = [error, x];
  });
  return { ulps, at, rounded: 1 - wrong / given.length };
}

const bits = Int32Array.from({ length: count }, (_, i) => i * stride);
const given = new Float32Array(bits.buffer);
const x = ops.tensor(given);
const rows = functions.map((name) => {
  const { ulps, at, rounded } = sweep(given, ops[name](x).dataSync(), scalarFunctions[name]);
  return `| ${name} | ${ulps.toFixed(2)} | ${at} | ${(100 * rounded).toFixed(1)} % |`;
});

console.log(`# Errors of float32 functions

The largest error over ${count} floats, spread evenly over all bit patterns from the smallest subnormal to infinity and
both signs, in units in the last place of the exact result, which is the float64 function. Written by \`deno task ulp\`.

Here are the functions that the CPU computes in float32. All others, and all functions of float64, call the float64
function that would judge them, so that a figure here would say nothing. Those are JavaScript's own, whose errors we take
on trust, and erf, erfc, erfinv, lgamma and digamma, which the tests compare with series written apart.

| function | largest error (ULP) | at | within half an ULP |
| --- | ---: | ---: | ---: |
${rows.join("\n")}`);
