/**
 * Reductions of rows one after another, and what is computed from them: in one go where there are rows enough to keep
 * the machine busy, or else each reduction for itself and then the rest.
 */

import type { Dispatch, Generator, Machine } from "../kernel.ts";
import { readInputs } from "../nest.ts";
import { foldOf } from "./fold.ts";
import { writeMap } from "./map.ts";
import { neutral, writeReduction } from "./reduce.ts";
import { acrossRows, type Domain, rowDomain, strideOfRows } from "./row_domain.ts";
import { type RowWork, wholeRowWork } from "./row_work.ts";
import { RowWriter } from "./rows.ts";
import type { Place } from "../../jit/place.ts";
import type { KernelOf, LoopOutput } from "../../ops/kernel.ts";
import { constant, input, type Scalar, substitute } from "../../ops/scalar.ts";
import { contiguous, dropAxes, rowMajor, type Shape, sizeOf } from "../../ops/shape.ts";

type Loop = KernelOf<"loop">;

export const loop: Generator<"loop"> = (kernel, inputs, outputs, machine) => {
  const { shape, axes, stages } = kernel;
  if (axes.length === 0) return writeMaps(shape, kernel.outputs, inputs, outputs, machine);
  if (sizeOf(shape) === 0) return writeEmpty(kernel, inputs, outputs, machine);
  if (stages.length > 0) {
    const whole = writeWhole(kernel, inputs, outputs, machine);
    if (whole !== null) return [whole];
  }
  return writeApart(kernel, inputs, outputs, machine);
};

/** Rows without elements: their results are neutral. */
function writeEmpty(
  { shape, axes, stages, outputs: computed }: Loop,
  inputs: readonly Place[],
  outputs: readonly Place[],
  machine: Machine,
): readonly Dispatch[] {
  const neutrals = stages.map(({ combiner, body: { dtype } }) => constant(neutral(combiner, dtype), dtype));
  const perRow = computed.flatMap(({ body, perRow }, n) => perRow ? [{ body: known(body), output: outputs[n]! }] : []);
  function known(body: Scalar): Scalar {
    return substitute(body, (n, dtype) => neutrals[n] ?? input(n - stages.length, dtype));
  }
  return writeMaps(
    dropAxes(shape, axes, true),
    perRow.map(({ body }) => ({ body, perRow: false })),
    inputs,
    perRow.map(({ output }) => output),
    machine,
  );
}

/** Elementwise work over a shape, in as many shaders as its operands need. */
function writeMaps(
  shape: Shape,
  computed: readonly LoopOutput[],
  inputs: readonly Place[],
  outputs: readonly Place[],
  machine: Machine,
): readonly Dispatch[] {
  const groups: number[][] = [];
  let bases = new Set<number>();
  computed.forEach(({ body }, n) => {
    const own = [...readInputs([body])].map((i) => inputs[i]!.base).concat(outputs[n]!.base);
    const together = new Set([...bases, ...own]);
    if (groups.length > 0 && together.size <= machine.limits.buffers) {
      groups.at(-1)!.push(n);
      bases = together;
    } else {
      groups.push([n]);
      bases = new Set(own);
    }
  });
  return groups.flatMap((group) =>
    writeMap(
      group.map((n) => computed[n]!.body),
      inputs,
      // Axes of size 1 may be missing in outputs, or more.
      group.map((n) => ({ ...outputs[n]!, ...contiguous(shape) })),
      machine,
    )
  );
}

/** Every reduction for itself, and then what is computed from them. */
function writeApart(
  { shape, axes, stages, outputs: computed }: Loop,
  inputs: readonly Place[],
  outputs: readonly Place[],
  machine: Machine,
): readonly Dispatch[] {
  const kept = dropAxes(shape, axes);
  const results = stages.map(({ body: { dtype } }) => machine.temporary({ dtype, shape: kept }));
  const strides = acrossRows(shape, axes);
  const operands = [...results.map((x) => ({ ...x, shape, strides, offset: 0 })), ...inputs];
  const reductions = stages.flatMap(({ combiner, body }, k) => {
    const reduction = { combiner, dtype: body.dtype, body, ofPartials: false };
    return writeReduction(reduction, shape, axes, operands, results[k]!, machine);
  });
  const maps = [true, false].flatMap((perRow) => {
    const chosen = computed.flatMap((one, n) => one.perRow === perRow ? [n] : []);
    const over = perRow ? dropAxes(shape, axes, true) : shape;
    return writeMaps(over, chosen.map((n) => computed[n]!), operands, chosen.map((n) => outputs[n]!), machine);
  });
  return [...reductions, ...maps];
}

/** All in one shader, if rows lie along one axis and there are enough of them. */
function writeWhole(
  { shape, axes, stages, outputs: computed }: Loop,
  inputs: readonly Place[],
  outputs: readonly Place[],
  machine: Machine,
): Dispatch | null {
  const bodies = [...stages, ...computed].map(({ body }) => body);
  const ofInputs = bodies.map((body) =>
    substitute(body, (n, dtype) => n < stages.length ? constant(0, dtype) : input(n - stages.length, dtype))
  );
  const storesElements = computed.some(({ perRow }) => !perRow);
  const { domain, left } = rowDomain(shape, axes, inputs, ofInputs, storesElements ? [rowMajor(shape)] : []);
  if (left.length > 0) return null;
  const ofElements = domain.strides.at(-1)!;
  const ofRows = strideOfRows(domain);
  const work = wholeRowWork(domain, machine);
  if (work === null) return null;
  const placesOf = outputs.map((place, n) => ({ place, strides: computed[n]!.perRow ? ofRows : ofElements }));
  for (const one of work.vector === null ? [work] : [work, wholeRowWork(domain, machine, false)]) {
    if (one === null) continue;
    const dispatch = writeRows({ stages, computed, placesOf, domain, inputs, work: one, machine });
    if (dispatch.bindings.length <= machine.limits.buffers) return dispatch;
  }
  return null;
}

interface Rows {
  readonly stages: Loop["stages"];
  readonly computed: readonly LoopOutput[];
  /** Of each output. */
  readonly placesOf: readonly { readonly place: Place; readonly strides: readonly number[] }[];
  readonly domain: Domain;
  readonly inputs: readonly Place[];
  readonly work: RowWork;
  readonly machine: Machine;
}

/** Goes along the rows as often as results depend on one another. */
function writeRows({ stages, computed, placesOf, domain, inputs, work, machine }: Rows): Dispatch {
  const rows = new RowWriter(domain, inputs, work, machine, stages.length);
  /** After how many passes all is known that a body reads. */
  const passOf: number[] = [];
  const needed = (body: Scalar): number =>
    Math.max(0, ...[...readInputs([body])].map((n) => n < stages.length ? passOf[n]! + 1 : 0));
  for (const { body } of stages) passOf.push(needed(body));
  const last = Math.max(...passOf, ...computed.map(({ body, perRow }) => perRow ? 0 : needed(body)));
  const targets = computed.map(({ body }, n) => ({ body, ...placesOf[n]! }));
  for (let pass = 0; pass <= last; pass++) {
    const now = [...stages.keys()].filter((k) => passOf[k] === pass);
    const terms = now.map((k) => {
      const { combiner, body } = stages[k]!;
      return { body, fold: foldOf(combiner, body.dtype, rows.writer.functions) };
    });
    const stored = targets.filter(({ body }, n) => !computed[n]!.perRow && needed(body) === pass);
    rows.pass(terms, stored).forEach((running, n) => rows.setResult(now[n]!, rows.leave(terms[n]!.fold, running)));
  }
  targets.forEach((target, n) => computed[n]!.perRow && rows.storeRow(target));
  return rows.finish("loop");
}
