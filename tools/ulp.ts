/** Prints the largest error of each elementwise function in float16, float32 and float64: `deno task ulp`. */

import { judgedFunctions, type Worst, worst64, worstShort } from "../tests/judged.ts";

const [singles, doubles] = [1_000_003, 1_500];

function cells(stated: number, { ulps, at }: Worst): string {
  return `${stated} | ${ulps.toFixed(3)} | ${at.join(", ")}`;
}

const rows = judgedFunctions.map((f) => {
  const half = worstShort(f, "float16", singles);
  const [single, double] = [worstShort(f, "float32", singles), worst64(f, doubles)];
  return `| ${f.name} | ${cells(f.bounds[0], single)} | ${cells(f.bounds[1], double)} | ${half.ulps.toFixed(4)} |`;
});

console.log(`# Errors of elementwise functions

The largest errors found, in units in the last place of the exact result (ULP), beside those that the documentation
states. Correctly rounded results are within 0.5. Written by \`deno task ulp\`, with Deno ${Deno.version.deno} and V8
${Deno.version.v8}; \`tests/ulp_test.ts\` holds the functions to what is stated, at fewer arguments.

- float64 is judged in decimal arithmetic of eighty digits (\`tests/precise.ts\`) at ${doubles} arguments: of every magnitude
  from the subnormal to the largest, and more of them near roots, poles, edges of the domain, and where results overflow
  or become subnormal.
- float32 is judged by float64 at ${singles} arguments, spread evenly over all bit patterns, of both signs, subnormal ones
  included. Many functions are computed in double with an error of about 10⁻⁹, and rounded once: they say 1.
- float16 is judged by float64 at all of its numbers. It is float32 or float64 rounded once more; 0.51 is stated.
- pow is taken of negative bases with whole exponents as well, and of bases so near to 1 that exponents are huge.
- At negative arguments \`lgamma\` and \`digamma\` are differences, which have roots: what counts is the last place of 1,
  or, for digamma, of log |x|, where that is larger than the result.

neg, abs, sign, floor, ceil, trunc, round, square, relu, add, sub, mul, div, mod, minimum and maximum are exact or
correctly rounded. The other activation functions are compositions of these.

| function | float32 stated | found | at | float64 stated | found | at | float16 found |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${rows.join("\n")}`);
