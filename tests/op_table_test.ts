// Properties of every public operation, over the op table.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { cpu, cpuWith } from "../cpu/device.ts";
import { jvp, linearize } from "../grad/jvp.ts";
import { evalShape } from "../grad/program.ts";
import { vjp } from "../grad/vjp.ts";
import { vmap } from "../grad/vmap.ts";
import type { DType } from "../ops/dtype.ts";
import * as ops from "../ops/mod.ts";
import { installDevice } from "../ops/devices.ts";
import type { Tensor } from "../ops/tensor.ts";
import {
  assertMatchesReference,
  checkBatch,
  type Directed,
  directed,
  ofTensors,
  smoothPart,
  unbiased,
} from "./applications.ts";
import { type Batched, batched, batches, pick } from "./batches.ts";
import { listOf, read } from "./close.ts";
import {
  assertNear,
  checkBothModes,
  differencesOf,
  type ListFunction,
  numbersOf,
  pulledFrom,
  pushedFrom,
  shapedLike,
} from "./derivatives.ts";
import { directions, upload } from "./draw.ts";
import { table } from "./op_table.ts";
import { held, isFloat, type Plain } from "./plain.ts";
import { check } from "./property.ts";
import type { Drawn, Row } from "./row.ts";
import { strictReference } from "./strict.ts";

Deno.test("op table: every exported function has a row", () => {
  const exported = Object.entries(ops).filter(([, value]) => typeof value === "function" && !isClass(value))
    .map(([name]) => name);
  const rows = new Set(table.map(({ name }) => name));
  assertEquals(exported.filter((name) => !rows.has(name)), []);
  assertEquals(rows.size, table.length, "two rows of one name");
});

/** Classes are capitalised, functions are not. */
function isClass(value: { readonly name: string }): boolean {
  return /^[A-Z]/.test(value.name);
}

/** What is equal but for the order of additions. */
const roundingError = 1e-11;

/** Result, type, and operands as they were. */
function checkValue(row: Row, drawn: Drawn<unknown>): void {
  const { f, xs } = ofTensors(row, drawn);
  const before = xs.map(read);
  const results = f(xs).map(read);
  assertMatchesReference(row, results, drawn, row.name);
  xs.map(read).forEach((after, i) =>
    assert(before[i]!.data.every((v, k) => Object.is(v, after.data[k])), "an operand changed")
  );
  if (row.valuesOnly !== undefined) return;
  const types = evalShape(f, xs.map((x) => x.type) as unknown as Tensor[]);
  assertEquals(
    types.map(({ dtype, shape }) => ({ dtype, shape })),
    results.map(({ dtype, shape }) => ({ dtype, shape })),
    "evalShape",
  );
}

const plainCpu = cpuWith(strictReference);

/** The reference kernels must pass where the fast ones do. */
function checkOnReference(row: Row, drawn: Drawn<unknown>): void {
  installDevice(plainCpu);
  try {
    const { f, xs } = ofTensors(row, drawn);
    assertMatchesReference(row, f(xs).map(read), drawn, `${row.name} with reference kernels`);
  } finally {
    installDevice(cpu());
  }
}

/** Cotangents have the types of the operands and tangents those of the results, also where dtypes are mixed. */
function checkDerivativeTypes(row: Row, drawn: Drawn<unknown>): void {
  const { f, xs } = ofTensors(row, drawn);
  const typesOf = (ts: readonly (Tensor | null)[]): unknown[] => ts.map((t) => t?.type ?? null);
  const floatTypes = (ts: readonly Tensor[]): unknown[] => ts.map((t) => (isFloat(t.dtype) ? t.type : null));
  const [ys, pullback] = vjp(f, xs);
  assertEquals(typesOf(pullback(ys.map((y) => ops.onesLike(y)))[0]), floatTypes(xs), "cotangents");
  assertEquals(typesOf(jvp(f, [xs], [xs.map((x) => ops.onesLike(x))])[1]), floatTypes(ys), "tangents");
}

function checkFirstOrder(row: Row, { drawn, along, cotangents }: Directed): void {
  const { f, xs } = smoothPart(row, drawn);
  const t = shapedLike(xs, along);
  // Of the reference, which knows nothing of the library.
  const { operands, settings } = drawn;
  const isSmooth = operands.map(({ dtype }) => isFloat(dtype));
  const reference = (moved: readonly Plain[]): number[] => {
    let next = 0;
    const all = operands.map((x, i) => (isSmooth[i] ? moved[next++]! : x));
    return listOf(row.reference(all, settings)).filter(({ dtype }) => isFloat(dtype)).flatMap(({ data }) => data);
  };
  const slope = differencesOf(reference, operands.filter((_, i) => isSmooth[i]), t.map(read));
  checkBothModes(f, xs, t, cotangents, `of ${row.name}`, slope);
}

function checkSecondOrder(row: Row, { drawn, along, alsoAlong, cotangents }: Directed): void {
  const { f, xs } = smoothPart(row, drawn);
  const second = shapedLike(xs, alsoAlong);
  checkBothModes(pulledFrom(f, cotangents), xs, second, along, `over the vjp of ${row.name}`);
  checkBothModes(pushedFrom(f, shapedLike(xs, along)), xs, second, cotangents, `over the jvp of ${row.name}`);
}

/** In float32, where other kernels run, derivatives of first and second order are those of float64 but for rounding. */
function checkSinglePrecision(row: Row, { drawn, along, cotangents }: Directed): void {
  const { operands, settings } = drawn;
  const derivatives = (dtype: DType): number[] => {
    const given = operands.map((x) => (isFloat(x.dtype) ? { ...x, dtype } : x));
    const { f, xs } = smoothPart(row, { operands: given, settings });
    const pulled = pulledFrom(f, cotangents);
    const t = shapedLike(xs, along);
    return numbersOf([...pulled(xs), ...pushedFrom(f, t)(xs), ...pushedFrom(pulled, t)(xs)]);
  };
  // 2⁻²⁴ for each rounding, which conditioning may magnify a thousandfold.
  assertNear(derivatives("float32"), derivatives("float64"), 1e-4, `derivatives of ${row.name} in float32`);
}

/** Both modes are linear maps: each is the other transposed, and of a batch of directions it makes a batch. */
function checkLinearMaps(row: Row, { drawn, along, alsoAlong, cotangents }: Directed): void {
  const { f, xs } = smoothPart(row, drawn);
  const [ys, pullback] = vjp(f, xs);
  const pull: ListFunction = (g) => pullback(g)[0];
  const [, push] = linearize(f, xs);
  const assertMaps = (
    map: ListFunction,
    transposed: ListFunction,
    ts: readonly Tensor[],
    gs: readonly Tensor[],
  ): void => {
    const what = `of ${row.name}`;
    const [values, pullbackOfMap] = vjp(map, [...ts]);
    assertNear(
      numbersOf(pullbackOfMap([...gs])[0]),
      numbersOf(transposed([...gs])),
      roundingError,
      `transpose ${what}`,
    );
    const others = shapedLike(ts, alsoAlong);
    const batch = vmap(map)(ts.map((t, i) => ops.stack([t, others[i]!])));
    const loop = map([...others]).map((other, i) => ops.stack([values[i]!, other]));
    assertNear(numbersOf(batch), numbersOf(loop), roundingError, `batch of directions ${what}`);
  };
  const [t, g] = [shapedLike(xs, along), shapedLike(ys, cotangents)];
  assertMaps(pull, push, g, t);
  assertMaps(push, pull, t, g);
}

/** Batches of derivatives in both modes are the derivatives of the examples. */
function checkBatchOfDerivatives(
  row: Row,
  drawn: Batched,
  along: readonly number[],
  cotangents: readonly number[],
): void {
  const { settings } = drawn.drawn;
  const { xs, inAxes, examples } = batches(drawn);
  const derivatives = (all: Tensor[]): Tensor[] => {
    const isSmooth = all.map((x) => isFloat(x.dtype));
    const f: ListFunction = (smooth) => {
      let next = 0;
      return listOf(row.call(all.map((x, i) => (isSmooth[i] ? smooth[next++]! : x)), settings)).filter((y) =>
        isFloat(y.dtype)
      );
    };
    const primals = all.filter((_, i) => isSmooth[i]);
    const [ys, pullback] = vjp(f, primals);
    const weights = shapedLike(ys, cotangents);
    return [
      ...pullback(weights)[0],
      // Cotangents that differ from example to example, as in gradients of single examples.
      ...pullback(ys.map((y, i) => ops.mul(y, weights[i]!)))[0],
      ...pushedFrom(f, shapedLike(primals, along))(primals),
    ];
  };
  const outAxes = inAxes.map(() => 0);
  const results = inAxes.reduceRight(
    (inner, axes) => vmap(inner, { inAxes: axes }),
    (...all: Tensor[]) => derivatives(all),
  )(...xs).map(read);
  for (const { place, one } of examples) {
    const expected = derivatives(one.operands.map((x) => upload(x)));
    assertNear(
      results.flatMap((y) => pick(y, place, outAxes).data),
      numbersOf(expected),
      roundingError,
      `vmap of derivatives of ${row.name}, example ${place}`,
    );
  }
}

for (const row of table) {
  const examples = (dtype: DType) =>
    row.examples?.filter(({ operands }) => (operands[0]?.dtype ?? dtype) === dtype)
      .map((example) => ({ ...example, operands: example.operands.map(held) }));
  const effort = row.effort ?? 1;
  const test = `op table: ${row.name}`;
  Deno.test(test, async (t) => {
    await t.step("value, type, operands unchanged", () => {
      for (const dtype of row.dtypes) {
        const options = { examples: examples(dtype), share: effort, test };
        check(row.draw(dtype, "value"), (drawn) => checkValue(row, drawn), options);
      }
    });
    await t.step("reference kernels", () => {
      for (const dtype of row.dtypes) {
        const options = { examples: examples(dtype), share: effort / 2, test };
        check(row.draw(dtype, "value"), (drawn) => checkOnReference(row, drawn), options);
      }
    });
    if (row.valuesOnly !== undefined || row.nullary) return;
    await t.step("vmap, over any axes and nested, is the stacked loop", () => {
      const cases = fc.constantFrom(...row.dtypes).chain((dtype) => row.draw(dtype, "value"));
      check(batched(cases), (drawn) => checkBatch(row, drawn), { share: effort, test });
    });
    await t.step("derivatives have the types of what they are of", () => {
      for (const dtype of row.dtypes) {
        check(row.draw(dtype, "value"), (drawn) => checkDerivativeTypes(row, drawn), { share: 0.25, test });
      }
    });
    if (row.discrete !== undefined) return;
    await t.step("vjp and jvp are differences and agree", () => {
      check(directed(row), (drawn) => checkFirstOrder(row, drawn), { share: effort, test });
    });
    await t.step("to second order", () => {
      check(directed(row), (drawn) => checkSecondOrder(row, drawn), { share: effort / 2, test });
    });
    await t.step("derivatives in float32 are those in float64", () => {
      check(directed(row), (drawn) => checkSinglePrecision(row, drawn), { share: effort / 2, test });
    });
    await t.step("each mode transposed is the other, and batches of directions are loops", () => {
      check(directed(row), (drawn) => checkLinearMaps(row, drawn), { share: effort / 2, test });
    });
    await t.step("vmap of derivatives", () => {
      const cases = fc.tuple(
        batched(row.draw("float64", "derivative")),
        unbiased(fc.tuple(directions(), directions())),
      );
      check(cases, ([drawn, [along, cotangents]]) => checkBatchOfDerivatives(row, drawn, along, cotangents), {
        share: effort,
        test,
      });
    });
  });
}
