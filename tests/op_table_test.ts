// Properties of every public operation, over the op table.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { cpu, cpuWith } from "../cpu/device.ts";
import { reference } from "../cpu/reference.ts";
import { jvp } from "../grad/jvp.ts";
import { evalShape } from "../grad/program.ts";
import { vjp } from "../grad/vjp.ts";
import { vmap } from "../grad/vmap.ts";
import type { DType } from "../ops/dtype.ts";
import * as ops from "../ops/mod.ts";
import { installDevice, type Tensor, type TensorLike } from "../ops/tensor.ts";
import { assertClose, listOf, read } from "./close.ts";
import {
  assertNear,
  checkBothModes,
  type ListFunction,
  numbersOf,
  pulledFrom,
  pushedFrom,
  shapedLike,
} from "./derivatives.ts";
import { directions, type Operand, toTensor, upload } from "./draw.ts";
import { table } from "./op_table.ts";
import { build, indices, isFloat, type Plain, sizeOf } from "./plain.ts";
import { check } from "./property.ts";
import type { Drawn, Row } from "./row.ts";

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

/** A row's operation as a function of tensors alone; bare numbers are captured. */
function ofTensors(row: Row, { operands, settings }: Drawn<unknown>): { f: ListFunction; xs: Tensor[] } {
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

function assertMatchesReference(
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

const plainCpu = cpuWith(reference);

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

/** Draws evenly: fast-check prefers small numbers, and a direction of zeros tells nothing. */
function unbiased<T>(cases: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.noBias(cases);
}

interface Directed {
  readonly drawn: Drawn<unknown>;
  readonly along: readonly number[];
  readonly alsoAlong: readonly number[];
  readonly cotangents: readonly number[];
}

function directed(row: Row): fc.Arbitrary<Directed> {
  return unbiased(fc.record({
    drawn: row.draw("float64", "derivative"),
    along: directions(),
    alsoAlong: directions(),
    cotangents: directions(),
  }));
}

/** Float operands to float results; all other operands are captured. */
function smoothPart(row: Row, { operands, settings }: Drawn<unknown>): { f: ListFunction; xs: Tensor[] } {
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

function checkFirstOrder(row: Row, { drawn, along, cotangents }: Directed): void {
  const { f, xs } = smoothPart(row, drawn);
  checkBothModes(f, xs, shapedLike(xs, along), cotangents, `of ${row.name}`);
}

function checkSecondOrder(row: Row, { drawn, along, alsoAlong, cotangents }: Directed): void {
  const { f, xs } = smoothPart(row, drawn);
  const second = shapedLike(xs, alsoAlong);
  checkBothModes(pulledFrom(f, cotangents), xs, second, along, `over the vjp of ${row.name}`);
  checkBothModes(pushedFrom(f, shapedLike(xs, along)), xs, second, cotangents, `over the jvp of ${row.name}`);
}

interface Batched {
  readonly drawn: Drawn<unknown>;
  readonly size: number;
  /** For each operand, whether it is batched; the first is if none is. */
  readonly which: readonly boolean[];
  readonly axis: 0 | -1;
}

function batched(cases: fc.Arbitrary<Drawn<unknown>>): fc.Arbitrary<Batched> {
  return unbiased(fc.record({
    drawn: cases,
    size: fc.constantFrom(2, 3, 2, 3, 1, 0),
    which: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    axis: fc.constantFrom(0, -1) as fc.Arbitrary<0 | -1>,
  }));
}

/** The k-th example of a batch: elements moved along by k, floats made a little smaller, all within their domain. */
function example(x: Operand, k: number): Operand {
  const n = x.data.length;
  const data = x.data.map((_, i) => x.data[(i + k) % n]! * (isFloat(x.dtype) ? 1 - k / 8 : 1));
  return { dtype: x.dtype, shape: x.shape, data, layout: x.layout === "bare" ? "rows" : x.layout };
}

/** Examples in one operand, along a new axis. */
function stacked(x: Operand, size: number, axis: 0 | -1): Operand {
  const examples = Array.from({ length: size }, (_, k) => example(x, k));
  const shape = axis === 0 ? [size, ...x.shape] : [...x.shape, size];
  const all = build(shape, x.dtype, (index) => {
    const [k, rest] = axis === 0 ? [index[0]!, index.slice(1)] : [index.at(-1)!, index.slice(0, -1)];
    return examples[k]!.data[rest.reduce((offset, i, a) => offset * x.shape[a]! + i, 0)]!;
  });
  return { ...all, layout: x.layout === "stretched" || x.layout === "bare" ? "rows" : x.layout };
}

/** `vmap` of a function of all operands, and the examples it is to agree with. */
function batches({ drawn: { operands, settings }, size, which, axis }: Batched): {
  xs: Tensor[];
  inAxes: (number | null)[];
  examples: Drawn<unknown>[];
} {
  const chosen = operands.map((_, i) => which[i]! || !operands.some((_, k) => which[k]));
  const fixed = operands.map((x): Operand => ({ ...x, layout: x.layout === "bare" ? "rows" : x.layout }));
  return {
    xs: fixed.map((x, i) => toTensor(chosen[i] ? stacked(x, size, axis) : x)),
    inAxes: chosen.map((isChosen) => (isChosen ? axis : null)),
    examples: Array.from({ length: size }, (_, k) => ({
      operands: fixed.map((x, i): Operand => withoutBare(chosen[i] ? example(x, k) : x)),
      settings,
    })),
  };
}

function withoutBare({ dtype, shape, data, layout }: Operand): Operand {
  return { dtype, shape, data, layout };
}

/** The k-th example of a batched result whose batch axis is first or last. */
function pick(x: Plain, k: number, axis: 0 | -1, size: number): Plain {
  const shape = axis === 0 ? x.shape.slice(1) : x.shape.slice(0, -1);
  const n = sizeOf(shape);
  return { dtype: x.dtype, shape, data: indices(shape).map((_, i) => x.data[axis === 0 ? k * n + i : i * size + k]!) };
}

function checkBatch(row: Row, drawn: Batched): void {
  const { xs, inAxes, examples } = batches(drawn);
  const f = (...all: Tensor[]): Tensor[] => [...listOf(row.call(all, drawn.drawn.settings))];
  const results = vmap(f, { inAxes, outAxes: drawn.axis })(...xs).map(read);
  examples.forEach((one, k) => {
    assertMatchesReference(
      row,
      results.map((y) => pick(y, k, drawn.axis, drawn.size)),
      one,
      `vmap of ${row.name}, example ${k}`,
    );
  });
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
    return [...pulledFrom(f, cotangents)(primals), ...pushedFrom(f, shapedLike(primals, along))(primals)];
  };
  const results = vmap((...all: Tensor[]) => derivatives(all), { inAxes })(...xs).map(read);
  examples.forEach(({ operands }, k) => {
    const expected = derivatives(operands.map((x) => upload(x)));
    assertNear(
      results.flatMap((y) => pick(y, k, 0, drawn.size).data),
      numbersOf(expected),
      1e-11, // the same operations in another order of addition
      `vmap of derivatives of ${row.name}, example ${k}`,
    );
  });
}

for (const row of table) {
  const examples = (dtype: DType) => row.examples?.filter(({ operands }) => (operands[0]?.dtype ?? dtype) === dtype);
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
    await t.step("vmap is the stacked loop", () => {
      const cases = fc.constantFrom(...row.dtypes).chain((dtype) => row.draw(dtype, "value"));
      check(batched(cases), (drawn) => checkBatch(row, drawn), { share: effort, test });
    });
    await t.step("derivatives have the types of what they are of", () => {
      for (const dtype of row.dtypes) {
        check(row.draw(dtype, "value"), (drawn) => checkDerivativeTypes(row, drawn), { share: 0.25 });
      }
    });
    if (row.discrete !== undefined) return;
    await t.step("vjp and jvp are differences and agree", () => {
      check(directed(row), (drawn) => checkFirstOrder(row, drawn), { share: effort, test });
    });
    await t.step("to second order", () => {
      check(directed(row), (drawn) => checkSecondOrder(row, drawn), { share: effort / 2, test });
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
