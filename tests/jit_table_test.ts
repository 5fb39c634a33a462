// The op table compiled: every operation under jit is the operation, and so are its derivatives and batches.
import * as fc from "fast-check";
import { jit } from "../jit/jit.ts";
import type { Tensor } from "../ops/tensor.ts";
import { assertMatchesReference, checkBatch, type Directed, directed, smoothPart } from "./applications.ts";
import { batched } from "./batches.ts";
import { listOf, read } from "./close.ts";
import { assertNear, numbersOf, pulledFrom, pushedFrom, shapedLike } from "./derivatives.ts";
import { toTensor } from "./draw.ts";
import { table } from "./op_table.ts";
import { check } from "./property.ts";
import type { Drawn, Row } from "./row.ts";

/** What is equal but for the order of additions. */
const roundingError = 1e-11;

/** All operands are arguments, bare numbers too. */
function checkValue(row: Row, drawn: Drawn<unknown>): void {
  const compiled = jit((...xs: Parameters<Row["call"]>[0][number][]) => listOf(row.call(xs, drawn.settings)));
  const results = compiled(...drawn.operands.map((x) => toTensor(x, "bare")));
  assertMatchesReference(row, results.map(read), drawn, `jit of ${row.name}`);
}

function checkDerivatives(row: Row, { drawn, along, cotangents }: Directed): void {
  const { f, xs } = smoothPart(row, drawn);
  const t = shapedLike(xs, along);
  const [pulled, pushed] = [pulledFrom(f, cotangents)(xs), pushedFrom(f, t)(xs)];
  const same = (actual: readonly Tensor[], expected: readonly Tensor[], what: string): void =>
    assertNear(numbersOf(actual), numbersOf(expected), roundingError, `${what} of ${row.name}`);
  same(pulledFrom(jit(f), cotangents)(xs), pulled, "vjp of jit");
  same(jit(pulledFrom(jit(f), cotangents))(xs), pulled, "jit of vjp of jit");
  same(pushedFrom(jit(f), t)(xs), pushed, "jvp of jit");
  const twice = pushedFrom(pulledFrom(f, cotangents), t)(xs);
  same(pushedFrom(jit(pulledFrom(jit(f), cotangents)), t)(xs), twice, "jvp of jit of vjp of jit");
  same(
    pulledFrom(pulledFrom(jit(f), cotangents), along)(xs),
    pulledFrom(pulledFrom(f, cotangents), along)(xs),
    "vjp of vjp of jit",
  );
}

for (const row of table) {
  if (row.valuesOnly !== undefined) continue;
  const test = `jit of the op table: ${row.name}`;
  Deno.test(test, async (t) => {
    await t.step("value", () => {
      const cases = fc.constantFrom(...row.dtypes).chain((dtype) => row.draw(dtype, "value"));
      check(cases, (drawn) => checkValue(row, drawn), { share: row.effort ?? 1, test });
    });
    if (row.nullary) return;
    await t.step("batches", () => {
      const cases = fc.constantFrom(...row.dtypes).chain((dtype) => row.draw(dtype, "value"));
      check(batched(cases), (drawn) => checkBatch(row, drawn, (f) => jit(f)), { share: 0.5, test });
    });
    if (row.discrete !== undefined) return;
    await t.step("derivatives", () => {
      check(directed(row), (drawn) => checkDerivatives(row, drawn), { share: 0.5, test });
    });
  });
}
