/**
 * Elementwise work around reductions of rows in WebAssembly. As for reductions, vectors run along the innermost axis in
 * the order of the strides: it is one of those along a row, or one of those outside.
 */

import { sourceWalkers } from "./body.ts";
import { codeFor, type CodeTable, planner } from "./code.ts";
import { elementBytes } from "./cursor.ts";
import type { Lanes } from "./lanes.ts";
import { columnVectors, writeColumns } from "./loop_columns.ts";
import { analyseLoop, type LoopBody, loopKey } from "./loop_plan.ts";
import { writeRow } from "./loop_rows.ts";
import { columnsAtOnce, isOnePass, isWorthStreaming, resultBytes, rowsTogether, writeStream } from "./loop_stream.ts";
import { keptNodes, type LoopForm, LoopWriter } from "./loop_writer.ts";
import type { LoopImplementation, Machine, Operand } from "./machine.ts";
import { collapse, type NestAxis, orderByStride, type Walk, type Walker, walksAlong } from "./nest.ts";
import { copier, withoutIndices } from "./map.ts";
import { inWideRows } from "./narrow.ts";
import { reference } from "./reference.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { dropAxes, rowMajor, sameShape, type Shape, sizeOf } from "../ops/shape.ts";

interface Plan {
  readonly body: LoopBody;
  readonly table: CodeTable;
}

/** Null if only the reference can run it. */
const planOf: (kernel: KernelOf<"loop">) => Plan | null = planner(loopKey, (kernel) => {
  const body = analyseLoop(kernel);
  return body && { body, table: new Map() };
});

export const loop: LoopImplementation = (kernel, inputs, outputs, machine) => {
  if (planOf(kernel) === null) return reference.loop(kernel, inputs, outputs, machine);
  loopInto(kernel, kernel.shape, inputs, outputs, machine);
};

/**
 * The same over any domain, where no dtype is float64. An input without reductions may be an output too: each element is
 * read before it is written.
 */
export function loopInto(
  kernel: KernelOf<"loop">,
  shape: Shape,
  inputs: readonly Operand[],
  outputs: readonly Operand[],
  machine: Machine,
): void {
  const { axes } = kernel;
  const plan = planOf(kernel)!;
  if (sizeOf(dropAxes(shape, axes)) === 0) return;
  const used = axes.length === 0 ? withoutIndices(plan.body, inputs, outputs[0]!) : null;
  const run = (operands: readonly Operand[]): void => {
    const own = operands.slice(0, inputs.length);
    runNest(plan, operands.at(-1)!.shape, axes, own, operands.slice(inputs.length), machine);
  };
  if (used === null || !inWideRows(shape, [...used, ...outputs], machine, copier(machine), run)) {
    runNest(plan, shape, axes, inputs, outputs, machine);
  }
}

function runNest(
  { body, table }: Plan,
  shape: Shape,
  axes: readonly number[],
  inputs: readonly Operand[],
  outputs: readonly Operand[],
  machine: Machine,
): void {
  const sources = sourceWalkers(body, inputs, shape.length, inputs[0]?.origin);
  const walkers = [
    ...sources,
    ...outputs.map((output, n) => outputWalker(output, shape, body.outputs[n]!.perRow ? axes : [])),
  ];
  const nest = nestOf(shape, axes, walkers, isOnePass(body));
  const form = formOf(body, nest, walkers);
  const key = `${form.lanes} ${form.rowsTogether} ${form.outside} ${form.along} ${form.walks.join(" ")} ${
    form.still.map(Number).join("")
  } ${form.empty}`;
  const run = codeFor(table, key, machine, (relaxed) => writeLoop(body, form, relaxed));
  const bytes = scratchBytes(body, form, nest);
  const scratch = bytes > 0 ? machine.allocate(bytes) : 0;
  const lane = laneOf(nest);
  const most = form.lanes === "stream" ? columnsAtOnce : lane.size;
  for (let start = 0; start < lane.size; start += most) {
    const args = loopArguments(nest, form, walkers, Math.min(most, lane.size - start));
    for (let n = 0; n < walkers.length; n++) args[n]! += start * lane.strides[n]!;
    run(...args, scratch);
  }
  if (bytes > 0) machine.free(scratch);
}

/** An output as the axes of the domain see it. One with the same axes may be part of a larger array. */
function outputWalker(output: Operand, shape: Shape, missing: readonly number[]): Walker {
  const { address, offset, dtype } = output;
  const bytes = elementBytes(dtype as Exclude<typeof dtype, "float64">);
  const own = dropAxes(shape, missing, true);
  const strides = sameShape(output.shape, own) ? output.strides : rowMajor(own);
  return {
    address: address + offset * bytes,
    strides: strides.map((stride, axis) => missing.includes(axis) ? 0 : stride * bytes),
    elementBytes: bytes,
  };
}

/** The loops of a kernel, outermost first. */
interface Nest {
  readonly outside: readonly NestAxis[];
  readonly along: readonly NestAxis[];
  readonly lanes: LoopForm["lanes"];
  readonly empty: boolean;
}

/** The loop that vectors run along. */
function laneOf({ outside, along, lanes }: Nest): NestAxis {
  return (lanes === "rows" ? along : outside).at(-1)!;
}

function nestOf(shape: Shape, axes: readonly number[], walkers: readonly Walker[], inOnePass: boolean): Nest {
  const empty = axes.some((axis) => shape[axis] === 0);
  // It moves where the rows change, and so keeps their axes apart.
  const steps = rowMajor(dropAxes(shape, axes, true));
  const marker = { address: 0, strides: steps.map((step, axis) => axes.includes(axis) ? 0 : step), elementBytes: 1 };
  const order = orderByStride(shape.length, walkers).filter((axis) => !empty || !axes.includes(axis));
  const loops = collapse(shape, [...walkers, marker], order);
  const one = { size: 1, strides: walkers.map(({ elementBytes }) => elementBytes) };
  if (axes.length === 0) {
    return { outside: loops.slice(0, -1), along: loops.slice(-1), lanes: "rows", empty };
  }
  const outside = loops.filter(({ size, strides }) => size !== 1 && strides.at(-1) !== 0);
  const along = loops.filter(({ size, strides }) => size !== 1 && strides.at(-1) === 0);
  const innermost = loops.at(-1)!;
  // Vectors need four columns.
  if (innermost === outside.at(-1) && innermost.size >= 4 && !empty) {
    const rows = sizeOf(along.map(({ size }) => size));
    const isStream = inOnePass && isWorthStreaming(sizeOf(shape), innermost.size, rows);
    return { outside, along, lanes: isStream ? "stream" : "columns", empty };
  }
  return { outside, along: along.length > 0 ? along : [one], lanes: "rows", empty };
}

function formOf(body: LoopBody, nest: Nest, walkers: readonly Walker[]): LoopForm {
  const { outside, along, lanes, empty } = nest;
  const walks: Walk[] = walksAlong(laneOf(nest), walkers);
  return {
    lanes,
    rowsTogether: lanes === "stream" ? rowsTogether(laneOf(nest).size) : 1,
    outside: outside.length - (lanes === "rows" ? 0 : 1),
    along: along.length - (lanes === "rows" ? 1 : 0),
    walks,
    still: body.sources.map((_, n) => along.every(({ size, strides }) => size === 1 || strides[n] === 0)),
    empty,
  };
}

function scratchBytes(body: LoopBody, form: LoopForm, nest: Nest): number {
  const { along } = nest;
  if (form.lanes === "stream") return resultBytes(body);
  const nodes = keptNodes(body, form).length;
  const turns = sizeOf(along.slice(0, form.along).map(({ size }) => size));
  const vectors = form.lanes === "rows" ? Math.ceil(along.at(-1)!.size / 4) : columnVectors(body);
  return 16 * nodes * turns * vectors;
}

function writeLoop(body: LoopBody, form: LoopForm, relaxed: boolean): Lanes {
  const writer = new LoopWriter(body, form, relaxed);
  const write = { rows: writeRow, columns: writeColumns, stream: writeStream }[form.lanes];
  writer.forEachRow(() => write(writer));
  return writer.v;
}

/** The arguments of the code: addresses, and for each loop what operands move by at its end. */
function loopArguments(nest: Nest, { lanes, walks }: LoopForm, walkers: readonly Walker[], laneSize: number): number[] {
  const { outside, along } = nest;
  const lane = laneOf(nest);
  const args = walkers.map(({ address }) => address);
  args.push(laneSize);
  walks.forEach((walk, n) => walk === "strided" && args.push(lane.strides[n]!));
  const push = (loops: readonly NestAxis[], within: NestAxis | undefined): void => {
    loops.forEach(({ size, strides }, i) => {
      const inner = loops[i + 1] ?? within;
      args.push(size);
      for (let n = 0; n < walkers.length; n++) args.push(strides[n]! - (inner ? inner.size * inner.strides[n]! : 0));
    });
  };
  push(lanes === "rows" ? outside : outside.slice(0, -1), undefined);
  push(lanes === "rows" ? along.slice(0, -1) : along, lanes === "rows" ? lane : undefined);
  return args;
}
