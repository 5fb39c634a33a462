/**
 * Convolution and its two gradients as contractions: since operands are padded, each is a sum over positions that lie
 * evenly. The input's gradient is one such sum for each remainder of positions by the strides.
 */

import type { Dispatch, Generator, Machine } from "../kernel.ts";
import { contract, mostCopied } from "./contract.ts";
import type { Cell } from "./careful.ts";
import { type Contraction, type Factor, factorOf } from "./contraction.ts";
import { roomOf, spreadGradient } from "./conv_spread.ts";
import { depthwise } from "./depthwise.ts";
import { withEpilogue } from "./finish.ts";
import { place } from "./place.ts";
import type { Place } from "../../jit/place.ts";
import type { ConvGeometry } from "../../ops/kernel.ts";
import type { Scalar } from "../../ops/scalar.ts";

export const conv: Generator<"conv"> = ({ role, geometry, epilogue }, [first, second, ...others], [output], machine) =>
  withEpilogue(epilogue, others, output!, machine, (output, epilogue, others) => {
    const channels = second!.shape.at(-2)!;
    if (role !== "kernel" && channels === 1 && second!.shape.at(-1) === geometry.groups) {
      return [depthwise(role, geometry, first!, second!, output, epilogue, others, machine)];
    }
    const isNarrow = role === "input" && geometry.groups === 1 && channels < fewChannels;
    const products = roomOf(first!, second!);
    if (isNarrow && products.rows * products.columns <= mostCopied(machine)) {
      return spreadGradient(geometry, first!, second!, output, epilogue, others, machine);
    }
    const operands = { first: first!, second: second!, output, epilogue, others, geometry, machine };
    if (role === "output") return forward(operands);
    return role === "kernel" ? kernelGradient(operands) : inputGradient(operands);
  });

/** Fewer columns than this leave tiles mostly empty. */
const fewChannels = 8;

interface Operands {
  readonly first: Place;
  readonly second: Place;
  readonly output: Place;
  readonly epilogue: Scalar | undefined;
  readonly others: readonly Place[];
  readonly geometry: ConvGeometry;
  readonly machine: Machine;
}

function forward({ first: x, second: w, output, epilogue, others, geometry, machine }: Operands): readonly Dispatch[] {
  const { strides, dilation, padding, groups } = geometry;
  const { dispatches, padded } = pad(x, padding, machine);
  const [channels, features] = [w.shape.at(-2)!, w.shape.at(-1)! / groups];
  const shapes = {
    batch: [groups],
    rows: output.shape.slice(0, -1),
    columns: [features],
    depth: w.shape.slice(0, -1),
  };
  const cells = padding.map(([low], axis): Cell => ({
    rowAxis: axis + 1,
    rowStep: strides[axis]!,
    depthAxis: axis,
    depthStep: dilation[axis]!,
    start: -low,
    size: x.shape[axis + 1]!,
  }));
  const a = factorOf(padded, shapes, {
    batch: [channels * last(padded)],
    rows: [padded.strides[0]!, ...times(spatial(padded), strides)],
    depth: [...times(spatial(padded), dilation), last(padded)],
  });
  const ofFeatures = (y: Place, kind: "rows" | "depth"): Factor =>
    factorOf(y, shapes, { batch: [features * last(y)], [kind]: y.strides.slice(0, -1), columns: [last(y)] });
  const finish = { output: ofFeatures(output, "rows"), epilogue, others: others.map((y) => ofFeatures(y, "rows")) };
  const b = ofFeatures(w, "depth");
  return [...dispatches, ...sum({ shapes, a, b, ...finish }, padded === x ? [] : cells, machine)];
}

function kernelGradient(
  { first: x, second: g, output, epilogue, others, geometry, machine }: Operands,
): readonly Dispatch[] {
  const { strides, dilation, padding, groups } = geometry;
  const { dispatches, padded } = pad(x, padding, machine);
  const [channels, features] = [output.shape.at(-2)!, output.shape.at(-1)! / groups];
  const shapes = { batch: [groups], rows: output.shape.slice(0, -1), columns: [features], depth: g.shape.slice(0, -1) };
  const cells = padding.map(([low], axis): Cell => ({
    rowAxis: axis,
    rowStep: dilation[axis]!,
    depthAxis: axis + 1,
    depthStep: strides[axis]!,
    start: -low,
    size: x.shape[axis + 1]!,
  }));
  const a = factorOf(padded, shapes, {
    batch: [channels * last(padded)],
    rows: [...times(spatial(padded), dilation), last(padded)],
    depth: [padded.strides[0]!, ...times(spatial(padded), strides)],
  });
  const ofFeatures = (y: Place, kind: "rows" | "depth"): Factor =>
    factorOf(y, shapes, { batch: [features * last(y)], [kind]: y.strides.slice(0, -1), columns: [last(y)] });
  const finish = { output: ofFeatures(output, "rows"), epilogue, others: others.map((y) => ofFeatures(y, "rows")) };
  const b = ofFeatures(g, "depth");
  return [...dispatches, ...sum({ shapes, a, b, ...finish }, padded === x ? [] : cells, machine)];
}

function inputGradient(
  { first: g, second: w, output, epilogue, others, geometry, machine }: Operands,
): readonly Dispatch[] {
  const { strides, groups } = geometry;
  const [channels, features] = [w.shape.at(-2)!, w.shape.at(-1)! / groups];
  const phases = output.shape.slice(1, -1).map((size, axis) => phasesOf(geometry, axis, size, w.shape[axis]!));
  // Around all cells of g that any phase reads.
  const margins = phases.map((some, axis): readonly [number, number] => [
    Math.max(0, ...some.map(({ taps, back, first }) => (taps - 1) * back - first)),
    Math.max(0, ...some.map(({ first, count }) => first + count - g.shape[axis + 1]!)),
  ]);
  const { dispatches, padded } = pad(g, margins, machine);

  const sums = combinations(phases).flatMap((chosen) => {
    const shapes = {
      batch: [groups],
      rows: [output.shape[0]!, ...chosen.map(({ count }) => count)],
      columns: [channels],
      depth: [...chosen.map(({ taps }) => taps), features],
    };
    const a = factorOf(
      padded,
      shapes,
      {
        batch: [features * last(padded)],
        rows: padded.strides.slice(0, -1),
        depth: [...times(spatial(padded), chosen.map(({ back }) => -back)), last(padded)],
      },
      dot(spatial(padded), chosen.map(({ first }, axis) => first + margins[axis]![0])),
    );
    const b = factorOf(
      w,
      shapes,
      {
        batch: [features * last(w)],
        columns: [w.strides.at(-2)!],
        depth: [...times(w.strides, chosen.map(({ tapStep }) => tapStep)), last(w)],
      },
      dot(w.strides, chosen.map(({ tap }) => tap)),
    );
    const ofCells = (y: Place): Factor => {
      const rows = [y.strides[0]!, ...times(spatial(y), strides)];
      const start = dot(spatial(y), chosen.map(({ start }) => start));
      return factorOf(y, shapes, { batch: [channels * last(y)], rows, columns: [last(y)] }, start);
    };
    const finish = { output: ofCells(output), epilogue, others: others.map(ofCells) };
    const cells = chosen.map(({ first, back }, axis): Cell => ({
      rowAxis: axis + 1,
      rowStep: 1,
      depthAxis: axis,
      depthStep: -back,
      start: first,
      size: g.shape[axis + 1]!,
    }));
    return sum({ shapes, a, b, ...finish }, padded === g ? [] : cells, machine);
  });
  return [...dispatches, ...sums];
}

function sum(
  given: Omit<Contraction, "parts" | "padding">,
  cells: readonly Cell[],
  machine: Machine,
): readonly Dispatch[] {
  const { shapes, a, b } = given;
  return contract({ ...given, parts: null, padding: cells.length === 0 ? null : { shapes, a, b, cells } }, machine);
}

/**
 * Along one axis, the cells of the input that have one remainder by the stride, counted with the padding: they are met by
 * the same taps. The cell `start + n · stride` is met by tap `tap + j · tapStep` from cell `first + n − j · back` of g.
 */
interface Phase {
  readonly start: number;
  readonly count: number;
  readonly tap: number;
  readonly tapStep: number;
  readonly taps: number;
  readonly first: number;
  readonly back: number;
}

function phasesOf({ strides, dilation, padding }: ConvGeometry, axis: number, size: number, kernel: number): Phase[] {
  const [stride, step, low] = [strides[axis]!, dilation[axis]!, padding[axis]![0]];
  const common = greatestCommonDivisor(stride, step);
  const tapStep = stride / common;
  const phases: Phase[] = [];
  for (let start = 0; start < Math.min(stride, size); start++) {
    const count = Math.ceil((size - start) / stride);
    let tap = 0;
    while (tap < tapStep && (start + low - tap * step) % stride !== 0) tap++;
    const taps = tap < tapStep ? Math.max(0, Math.ceil((kernel - tap) / tapStep)) : 0;
    const first = taps === 0 ? 0 : (start + low - tap * step) / stride;
    phases.push({ start, count, tap: taps === 0 ? 0 : tap, tapStep, taps, first, back: step / common });
  }
  return phases;
}

/** The operand between zeros, so many at the low and the high end of each spatial axis. */
function pad(
  x: Place,
  margins: readonly (readonly [number, number])[],
  machine: Machine,
): { readonly dispatches: readonly Dispatch[]; readonly padded: Place } {
  if (margins.every(([low, high]) => low === 0 && high === 0)) return { dispatches: [], padded: x };
  const { dtype } = x.type;
  const sizes = x.shape.slice(1, -1).map((size, axis) => size + margins[axis]![0] + margins[axis]![1]);
  const padded = machine.temporary({ dtype, shape: [x.shape[0]!, ...sizes, x.shape.at(-1)!] });
  const start = [0, ...margins.map(([low]) => low), 0];
  const at = [{ start, step: start.map(() => 1) }];
  return { dispatches: place({ kind: "place", fill: 0, at }, [x], [padded], machine), padded };
}

function last(x: Place): number {
  return x.strides.at(-1)!;
}

function spatial(x: Place): readonly number[] {
  return x.strides.slice(1, -1);
}

/** As many strides as there are factors. */
function times(strides: readonly number[], factors: readonly number[]): number[] {
  return factors.map((factor, axis) => factor * strides[axis]!);
}

function dot(strides: readonly number[], factors: readonly number[]): number {
  return times(strides, factors).reduce((sum, n) => sum + n, 0);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** One of each list, in all ways. */
function combinations<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((found, list) => found.flatMap((some) => list.map((one) => [...some, one])), [[]]);
}
