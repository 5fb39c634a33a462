/** Applications of rows of the op table: as functions of tensors, beside their references, and in some direction. */

import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { vmap } from "../grad/vmap.ts";
import type { Tensor, TensorLike } from "../ops/tensor.ts";
import { type Batched, batches, outAxesOf, pick } from "./batches.ts";
import { assertClose, listOf, read } from "./close.ts";
import type { ListFunction } from "./derivatives.ts";
import { directions, toTensor } from "./draw.ts";
import { isFloat, type Plain } from "./plain.ts";
import type { Drawn, Row } from "./row.ts";

/** A row's operation as a function of tensors alone; bare numbers are captured. */
export function ofTensors(row: Row, { operands, settings }: Drawn<unknown>): { f: ListFunction; xs: Tensor[] } {
  const given = operands.map((x) => toTensor(x, "bare"));
  const isBare = operands.map((x) => x.layout === "bare");
  return {
    xs: given.filter((_, i) => !isBare[i]) as Tensor[],
    f(xs) {
      let next = 0;
      const all = given.map((x, i): TensorLike => (isBare[i] ? x : xs[next++]!));
      return [...listOf(row.call(all, settings))];
    },
  };
}

export function assertMatchesReference(
  row: Row,
  results: readonly Plain[],
  { operands, settings }: Drawn<unknown>,
  what: string,
): void {
  const expected = listOf(row.reference(operands, settings));
  const { ulps, of } = row.tolerance;
  const magnitudes = of ? listOf(of.call(row.tolerance, operands, settings)) : [];
  assertEquals(results.length, expected.length, `${what}: number of results`);
  expected.forEach((e, i) => {
    assertClose(results[i]!, e, { ulps, of: magnitudes[i], signedZeros: row.signedZeros }, what);
  });
}

/** Draws evenly: fast-check prefers small numbers, and a direction of zeros tells nothing. */
export function unbiased<T>(cases: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.noBias(cases);
}

export interface Directed {
  readonly drawn: Drawn<unknown>;
  readonly along: readonly number[];
  readonly alsoAlong: readonly number[];
  readonly cotangents: readonly number[];
}

export function directed(row: Row): fc.Arbitrary<Directed> {
  return unbiased(fc.record({
    drawn: row.draw("float64", "derivative"),
    along: directions(),
    alsoAlong: directions(),
    cotangents: directions(),
  }));
}

/** Float operands to float results; all other operands are captured. */
export function smoothPart(row: Row, { operands, settings }: Drawn<unknown>): { f: ListFunction; xs: Tensor[] } {
  const given = operands.map((x) => toTensor(x));
  return {
    xs: given.filter((x) => isFloat(x.dtype)),
    f(xs) {
      let next = 0;
      const all = given.map((x) => (isFloat(x.dtype) ? xs[next++]! : x));
      return listOf(row.call(all, settings)).filter((y) => isFloat(y.dtype));
    },
  };
}

/** `vmap` once for each level, outermost first, each with axes of its own for operands and results. */
function batchedBy(
  f: ListOfTensors,
  inAxes: readonly (readonly (number | null)[])[],
  outAxes: readonly (readonly number[])[],
): ListOfTensors {
  return inAxes.reduceRight((inner, axes, level) => vmap(inner, { inAxes: axes, outAxes: outAxes[level] }), f);
}

type ListOfTensors = (...xs: Tensor[]) => readonly Tensor[];

/** A batch of applications, not yet run, and how its results are compared with the examples one by one. */
export interface BatchOf {
  run(): readonly Tensor[];
  assertLoop(results: readonly Plain[]): void;
}

/** `transformed` does something to the function of one example. */
export function batchOf(
  row: Row,
  drawn: Batched,
  transformed: (f: ListOfTensors) => ListOfTensors = (f) => f,
): BatchOf {
  const { operands, settings } = drawn.drawn;
  const outAxes = outAxesOf(drawn, listOf(row.reference(operands, settings)).map(({ shape }) => shape.length));
  const f = (...all: Tensor[]): Tensor[] => [...listOf(row.call(all, settings))];
  return {
    run() {
      const { xs, inAxes } = batches(drawn);
      return batchedBy(transformed(f), inAxes, outAxes)(...xs);
    },
    assertLoop(results) {
      for (const { place, one } of batches(drawn).examples) {
        const own = results.map((y, i) => pick(y, place, outAxes.map((axes) => axes[i]!)));
        assertMatchesReference(row, own, one, `vmap of ${row.name}, example ${place}`);
      }
    },
  };
}

/** A batch of applications is the loop over its examples. */
export function checkBatch(
  row: Row,
  drawn: Batched,
  transformed?: (f: ListOfTensors) => ListOfTensors,
): void {
  const batch = batchOf(row, drawn, transformed);
  batch.assertLoop(batch.run().map(read));
}
