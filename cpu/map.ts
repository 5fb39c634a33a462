/** Elementwise kernels in WebAssembly: a loop nest over merged axes around vector code for the body. */

import { i32, type Local } from "./assembler.ts";
import { analyse, type Body, cursorTypes, sourceWalkers, writeBody, writeInvariants } from "./body.ts";
import { codeFor, type CodeTable, planner } from "./code.ts";
import {
  advance,
  type Cursor,
  cursorsOf,
  type CursorType,
  elementBytes,
  load,
  loadSome,
  move,
  store,
  storeSome,
} from "./cursor.ts";
import { Lanes } from "./lanes.ts";
import { countDown, newLocals } from "./loops.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import {
  collapse,
  nestArguments,
  type NestAxis,
  nestParameters,
  type Walk,
  walkerOf,
  walksAlong,
  writeLoops,
} from "./nest.ts";
import { inWideRows } from "./narrow.ts";
import { reference } from "./reference.ts";
import { perDType } from "../ops/families.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { input, scalarKey } from "../ops/scalar.ts";
import { isContiguous, sizeOf } from "../ops/shape.ts";

interface Plan {
  readonly body: Body;
  readonly table: CodeTable;
  /** Variants for flat loops, by a bit for each source that stands still. */
  readonly flat: FlatVariant[];
}

interface FlatVariant {
  readonly walks: readonly Walk[];
  readonly key: string;
}

/** Null if only the reference can run it. */
const planOf: (kernel: KernelOf<"map">) => Plan | null = planner(
  ({ body }) => scalarKey(body),
  ({ body }) => {
    const analysed = analyse(body);
    return analysed && { body: analysed, table: new Map(), flat: [] };
  },
);

function variantKey(rank: number, walks: readonly Walk[]): string {
  return `${rank} ${walks.join(" ")}`;
}

export const map: Implementation<"map"> = (kernel, inputs, output, machine) => {
  const plan = planOf(kernel);
  if (plan === null) return reference.map(kernel, inputs, output, machine);
  // Some columns of a product of float16 end here, so that they do not lie side by side.
  if (isContiguous(output) && runFlat(plan, inputs, output, machine)) return;
  const run = (operands: readonly Operand[]): void => runNest(plan, operands.slice(0, -1), operands.at(-1)!, machine);
  const wide = withoutIndices(plan.body, inputs, output);
  if (wide === null || !inWideRows(output.shape, [...wide, output], machine, copier(machine), run)) {
    runNest(plan, inputs, output, machine);
  }
};

/** The inputs with another operand in place of those that nothing reads; null if a position is read. */
export function withoutIndices(
  { sources }: Pick<Body, "sources">,
  inputs: readonly Operand[],
  other: Operand,
): readonly Operand[] | null {
  if (sources.some(({ type }) => type === "index")) return null;
  return inputs.map((x, n) => sources.some(({ of }) => of === n) ? x : other);
}

const copyKernel = perDType((dtype): KernelOf<"map"> => ({ kind: "map", body: input(0, dtype) }));

/** Copies arrays of equal shape. */
export function copier(machine: Machine): (source: Operand, target: Operand) => void {
  return (source, target) => mapInto(copyKernel(target.dtype), [source], target, machine);
}

/** The same for an output with any strides, where no dtype is float64. */
export const mapInto: Implementation<"map"> = (kernel, inputs, output, machine) => {
  runNest(planOf(kernel)!, inputs, output, machine);
};

/** Where all is contiguous or one element, the nest is one loop, and is quickly called. False if it is not so. */
function runFlat({ body, table, flat }: Plan, inputs: readonly Operand[], output: Operand, machine: Machine): boolean {
  const args: number[] = [];
  let constants = 0;
  for (const { type, of } of body.sources) {
    if (type === "index" || args.length === 31) return false;
    const x = inputs[of]!;
    if (!isContiguous(x)) {
      for (const stride of x.strides) if (stride !== 0) return false;
      constants |= 1 << args.length;
    }
    args.push(x.address + x.offset * elementBytes(type));
  }
  const n = sizeOf(output.shape);
  if (n === 0) return true;
  args.push(output.address + output.offset * elementBytes(body.type), n);
  const { key, walks } = flat[constants] ??= flatVariant(body, constants);
  codeFor(table, key, machine, (relaxed) => writeMap(body, 1, walks, relaxed))(...args);
  return true;
}

function flatVariant({ sources }: Body, constants: number): FlatVariant {
  const walks: Walk[] = sources.map((_, n) => constants >> n & 1 ? "constant" : "contiguous");
  walks.push("contiguous");
  return { walks, key: variantKey(1, walks) };
}

function runNest({ body, table }: Plan, inputs: readonly Operand[], output: Operand, machine: Machine): void {
  if (sizeOf(output.shape) === 0) return;
  const rank = output.shape.length;
  const walkers = sourceWalkers(body, inputs, rank, output.origin);
  walkers.push(walkerOf(output, elementBytes(body.type)));
  const axes = collapse(output.shape, walkers);
  const walks = walksAlong(axes.at(-1)!, walkers);
  const run = codeFor(
    table,
    variantKey(axes.length, walks),
    machine,
    (relaxed) => writeMap(body, axes.length, walks, relaxed),
  );
  const panel = panelSize(axes);
  if (panel === undefined) {
    run(...nestArguments(axes, walkers, walks));
    return;
  }
  const inner = axes.at(-1)!;
  for (let start = 0; start < inner.size; start += panel) {
    const size = Math.min(panel, inner.size - start);
    const args = nestArguments(axes.with(-1, { size, strides: inner.strides }), walkers, walks);
    for (let n = 0; n < walkers.length; n++) args[n]! += start * inner.strides[n]!;
    run(...args);
  }
}

const cacheLineBytes = 64;

/**
 * How many elements of the innermost axis to walk at a time, if not all. Where an operand jumps from line to line of the
 * cache along it, but creeps along the axis outside (a transpose), narrow panels find lines again before they are evicted.
 */
function panelSize(axes: readonly NestAxis[]): number | undefined {
  const inner = axes.at(-1)!;
  const outer = axes.at(-2);
  if (outer === undefined || outer.size < 16) return undefined;
  const transposed = inner.strides.some((stride, n) =>
    Math.abs(stride) >= cacheLineBytes && Math.abs(outer.strides[n]!) < cacheLineBytes
  );
  return transposed ? 16 : undefined;
}

function writeMap(body: Body, rank: number, walks: readonly Walk[], relaxed: boolean): Lanes {
  const nest = nestParameters(rank, walks);
  const v = new Lanes(nest.count, relaxed);
  const cursors = cursorsOf(body.nodes.length === 0 ? cursorTypes(body).map(bitsOf) : cursorTypes(body), walks, nest);
  writeLoops(v.f, nest.outer, nest.pointers, () => writeRow(v, body, cursors, nest.innerSize));
  return v;
}

/** How a mere copy moves its elements: of float16 the bits, as they are. */
function bitsOf(type: CursorType): CursorType {
  return type === "float16" ? "bits16" : type;
}

/** Walks `size` elements along the innermost axis; the last cursor is the output's. */
function writeRow(v: Lanes, body: Body, cursors: readonly Cursor[], size: Local): void {
  const { f } = v;
  const output = cursors.at(-1)!;
  const invariants = writeInvariants(v, body, cursors);
  const vectors = (count: number): void => {
    for (let ahead = 0; ahead < count; ahead++) {
      v.scope(() => store(v, output, writeBody(v, body, cursors, invariants, (c) => load(v, c, ahead)), ahead));
    }
    advance(f, cursors, 4 * count);
  };
  const [left, back] = newLocals(f, i32, 2);
  f.get(size).set(left);
  f.get(size).i32(4).op("i32.lt_s").if(
    () => {
      v.scope(() => {
        const result = writeBody(v, body, cursors, invariants, (c) => loadSome(v, c, size));
        storeSome(v, output, result, size);
      });
      advance(f, cursors, { local: size });
    },
    () => {
      const step = 4 * body.unroll;
      if (body.unroll > 1) {
        f.block(() => {
          f.get(left).i32(step).op("i32.sub").tee(left).i32(0).op("i32.lt_s").brIf(0);
          f.loop(() => {
            vectors(body.unroll);
            f.get(left).i32(step).op("i32.sub").tee(left).i32(0).op("i32.ge_s").brIf(0);
          });
        });
        f.increment(left, step);
      }
      countDown(f, left, () => {
        // A last vector that would reach beyond the end starts earlier, and computes some elements again.
        f.get(left).i32(4).op("i32.sub").tee(back).i32(0).op("i32.lt_s").if(() => move(f, cursors, back));
        vectors(1);
      }, 4);
    },
  );
}
