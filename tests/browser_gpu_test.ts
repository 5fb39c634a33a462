// WebGPU in Chromium, where another compiler than Deno's reads the shaders and another GPU runs them.
import { assert, assertAlmostEquals } from "@std/assert";
import { random } from "@pullback/pullback";
import { packageDigits } from "../examples/01_digits/digits.ts";
import { answers } from "./browser.ts";
import { fromText, type GpuReport, outcomes } from "./browser_cases.ts";
import type { Outcomes } from "./browser_runner.ts";
import { digitBytes, trained } from "./browser_training.ts";
import { assertClose } from "./close.ts";
import type { Plain } from "./plain.ts";
import { runs } from "./property.ts";

/**
 * How many units of its largest element a result may be off: sums are added up in another order. Adam divides slopes by
 * their size, so that a slope which is nothing but rounding still makes a step. 0 stands for: to the bit.
 */
const allowances: Readonly<Record<string, number>> = { "random bits": 0, "steps of training": 2 ** 10 };
const usual = 16;

/** All elements as large as the largest. */
function largest(x: Plain): Plain {
  const size = Math.max(...x.data.filter(Number.isFinite).map(Math.abs));
  return { ...x, data: x.data.map(() => size) };
}

Deno.test("browser: a page computes on the GPU what Deno does on the CPU, and learns the digits", async (t) => {
  const digits = await digitBytes(packageDigits(random.key(0)).train);
  const [text] = await answers([
    { path: "/plain", expression: `import("/browser_cases.js").then(({ onGpu }) => onGpu())` },
  ], { modules: ["browser_cases"], files: { "/digits.bin": digits } });
  const said = fromText<GpuReport>(text as string);
  for (const [name, expected] of Object.entries(await outcomes())) {
    await t.step(name, () => {
      const ulps = allowances[name] ?? usual;
      expected.forEach((e, n) => {
        const of = name === "special values" ? undefined : largest(e);
        assertClose(said.outcomes[name]![n]!, e, { ulps, of }, `result ${n} on ${said.adapter}`);
      });
    });
  }
  await t.step("the digits", async () => {
    const here = await trained(digits.buffer, "cpu");
    // Roundings differ by 6e-8, and steps magnify what earlier ones did: tenfold on this GPU.
    here.losses.forEach((loss, n) => assertAlmostEquals(said.learnt.losses[n]!, loss, 1e-4 * loss, `step ${n}`));
    // An image between two digits may be taken for either.
    assertAlmostEquals(said.learnt.accuracy, here.accuracy, 0.01);
    assert(said.learnt.accuracy > 0.85, `${said.learnt.accuracy}`);
  });
});

/** The GPU's own tests, and with how many of the cases that Deno draws: a software GPU takes its time for a shader. */
const files: Readonly<Record<string, number>> = {
  gpu_conv_test: 1 / 16,
  gpu_device_test: 1 / 8,
  gpu_long_test: 1 / 8,
  gpu_loop_test: 1 / 32,
  gpu_map_test: 1 / 8,
  gpu_matmul_test: 1 / 16,
  gpu_programs_test: 1 / 8,
  gpu_random_test: 1 / 8,
  gpu_reduce_test: 1 / 32,
  gpu_scalar_test: 1 / 16,
  gpu_scan_test: 1 / 32,
  gpu_table_test: 1 / 8,
};

Deno.test("browser: the GPU's tests hold in Chromium", async (t) => {
  const questions = Object.entries(files).map(([name, share]) => ({
    path: "/isolated",
    expression: `import("/browser_runner.js").then(({ run }) =>
      run("/${name}.js", { PROPERTY_RUNS: "${Math.ceil(runs * share)}", PROPERTY_TALLY: "kept" }))`,
  }));
  const results = await answers(questions, { tests: ["browser_runner", ...Object.keys(files)] }) as Outcomes[];
  const tally = Deno.env.get("PROPERTY_TALLY");
  for (const { outcomes, tally: lines } of results) {
    assert(outcomes.length > 0);
    if (tally) Deno.writeTextFileSync(tally, lines, { append: true });
    for (const { name, failure } of outcomes) await t.step(name, () => assert(failure === null, failure ?? ""));
  }
});
