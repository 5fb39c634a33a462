// The op table on the GPU: values against the references, and transforms against what the CPU gives in float64.
import * as fc from "fast-check";
import { jit } from "../jit/jit.ts";
import type { DType } from "../ops/dtype.ts";
import type { Tensor } from "../ops/tensor.ts";
import { assertMatchesReference, batchOf, type Directed, directed, ofTensors, smoothPart } from "./applications.ts";
import { type Batched, batched } from "./batches.ts";
import { listOf } from "./close.ts";
import { assertNear, numbersOf, pulledFrom, pushedFrom, shapedLike } from "./derivatives.ts";
import { toTensor } from "./draw.ts";
import { onGpu, readAll, readNumbers, toleranceOf } from "./gpu.ts";

import { table } from "./op_table.ts";
import { isFloat } from "./plain.ts";
import { checkAsync } from "./property.ts";
import type { Drawn, Row } from "./row.ts";

async function checkValue(row: Row, drawn: Drawn<unknown>): Promise<void> {
  const forGpu = { ...row, tolerance: toleranceOf(row) };
  const eager = onGpu(() => {
    const { f, xs } = ofTensors(row, drawn);
    return f(xs);
  });
  assertMatchesReference(forGpu, await readAll(eager), drawn, `${row.name} on the gpu`);
  const compiled = onGpu(() =>
    jit((...xs: Parameters<Row["call"]>[0][number][]) => listOf(row.call(xs, drawn.settings)))(
      ...drawn.operands.map((x) => toTensor(x, "bare")),
    )
  );
  assertMatchesReference(forGpu, await readAll(compiled), drawn, `jit of ${row.name} on the gpu`);
}

async function checkBatch(row: Row, drawn: Batched): Promise<void> {
  for (const wrap of [undefined, jit]) {
    const batch = batchOf({ ...row, tolerance: toleranceOf(row) }, drawn, wrap);
    batch.assertLoop(await readAll(onGpu(() => batch.run())));
  }
}

/** Both modes, alone and over one another, eager and compiled, in float32; against float64 on the CPU. */
async function checkDerivatives(row: Row, { drawn, along, cotangents }: Directed): Promise<void> {
  const { operands, settings } = drawn;
  const derivatives = (dtype: DType, wrap: typeof jit | null): readonly Tensor[] => {
    const given = operands.map((x) => (isFloat(x.dtype) ? { ...x, dtype } : x));
    const { f, xs } = smoothPart(row, { operands: given, settings: dtype === "float64" ? settings : single(settings) });
    const pulled = pulledFrom(f, cotangents);
    const t = shapedLike(xs, along);
    const all = (xs: Tensor[]): Tensor[] => [...pulled(xs), ...pushedFrom(f, t)(xs), ...pushedFrom(pulled, t)(xs)];
    return wrap === null ? all(xs) : wrap(all)(xs);
  };
  const expected = numbersOf(derivatives("float64", null));
  for (const wrap of [null, jit]) {
    const results = await readNumbers(onGpu(() => derivatives("float32", wrap)));
    // 2⁻²⁴ for each rounding, which conditioning may magnify a thousandfold, as on the CPU.
    assertNear(results, expected, 1e-4, `derivatives of ${row.name} on the gpu`);
  }
}

/** Cases with nothing that a GPU cannot hold. */
function casesOf(row: Row, dtype: DType): fc.Arbitrary<Drawn<unknown>> {
  return row.draw(dtype, "value").filter(({ operands, settings }) =>
    operands.every((x) => x.dtype !== "float64") && isForGpu(settings)
  );
}

/** Settings that name float64, as a cast does, with float32 instead. */
function single(settings: unknown): unknown {
  return isForGpu(settings) ? settings : JSON.parse(JSON.stringify(settings).replaceAll("float64", "float32"));
}

function isForGpu(settings: unknown): boolean {
  return !JSON.stringify(settings ?? null).includes("float64");
}

for (const row of table) {
  if (row.valuesOnly !== undefined) continue;
  const effort = row.effort ?? 1;
  const test = `gpu: ${row.name}`;
  Deno.test(test, async (t) => {
    const dtypes = row.dtypes.filter((dtype) => dtype !== "float64");
    for (const dtype of dtypes) {
      await t.step(dtype, async () => {
        await checkAsync(casesOf(row, dtype), (drawn) => checkValue(row, drawn), { share: effort / 8, test });
      });
    }
    if (row.nullary) return;
    await t.step("batches", async () => {
      const cases = fc.constantFrom(...dtypes).chain((dtype) => casesOf(row, dtype));
      await checkAsync(batched(cases), (drawn) => checkBatch(row, drawn), { share: effort / 16, test });
    });
    if (row.discrete !== undefined) return;
    await t.step("derivatives", async () => {
      await checkAsync(directed(row), (drawn) => checkDerivatives(row, drawn), { share: effort / 16, test });
    });
  });
}
