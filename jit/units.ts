/**
 * The operations of a program as fusion sees them: elementwise work and reductions over a domain, everything else as it
 * is. Views are looked through: a unit reads elements of what another one computed, by an index map.
 */

import type { Combiner, Kernel, KernelOf } from "../ops/kernel.ts";
import type { Program } from "../ops/program.ts";
import { axisIndex, binary, constant, input, type Scalar, select, substitute, topological } from "../ops/scalar.ts";
import { type DType, highest, isFloat, lowest } from "../ops/dtype.ts";
import { contiguous, dropAxes, isContiguous, type Shape, type Strided, type TensorType } from "../ops/shape.ts";

/** A layout made from another one. */
export type View = (s: Strided) => Strided | null;

/** What a unit reads of a slot. */
export interface Read {
  readonly slot: number;
  /** How the unit sees the slot, if not as it is. */
  readonly view: View | null;
  /** The slot whose storage is shown: an input, or what a unit computes. */
  readonly base: number;
  /** Which elements of the base the unit sees, were it contiguous; null if they must be copied first. */
  readonly seen: Strided | null;
}

export interface Unit {
  readonly output: number;
  readonly type: TensorType;
  readonly reads: readonly Read[];
  readonly work: Work;
}

/** `domain` is the shape of what is read. Bodies read the unit's reads by their number. */
export type Work =
  | { readonly kind: "map"; readonly body: Scalar; readonly domain: Shape }
  | {
    readonly kind: "reduce";
    readonly body: Scalar;
    readonly domain: Shape;
    readonly combiner: Combiner;
    readonly axes: readonly number[];
  }
  | { readonly kind: "other"; readonly kernel: Kernel };

/** A slot that shows another one. */
export interface ViewOf {
  readonly slot: number;
  readonly kernel: Kernel;
}

export interface Lowered {
  /** In order. */
  readonly units: readonly Unit[];
  readonly views: ReadonlyMap<number, ViewOf>;
  /** Slots whose elements are all one number, which is computed wherever it is read. */
  readonly uniform: ReadonlyMap<number, Scalar>;
  /** The type of every slot: the program's, and those of units that are only parts of equations. */
  readonly types: readonly TensorType[];
}

/** The units of a program without calls, in which nothing is dead. */
export function lower(program: Program): Lowered {
  const types = [...program.types];
  const units = new Map<number, Unit>();
  const views = new Map<number, ViewOf>();
  const uniform = new Map<number, Scalar>();
  const sources = new Map<number, { readonly base: number; readonly seen: Strided | null }>();

  function read(slot: number, view: View | null = null): Read {
    const { base, seen } = sources.get(slot) ?? { base: slot, seen: contiguous(types[slot]!.shape) };
    return { slot, view, base, seen: view === null || seen === null ? seen : view(seen) };
  }

  function add(output: number, reads: readonly Read[], work: Work): void {
    units.set(output, { output, type: types[output]!, reads, work });
  }

  function addMap(output: number, reads: readonly Read[], body: Scalar): void {
    const same = reads.every(({ slot }) => uniform.has(slot)) && !topological(body).some(({ op }) => op === "index");
    if (same) uniform.set(output, substitute(body, (i) => uniform.get(reads[i]!.slot)!));
    add(output, same ? [] : reads, { kind: "map", body: uniform.get(output) ?? body, domain: types[output]!.shape });
  }

  function addView(output: number, slot: number, kernel: KernelOf<"view">): void {
    const value = uniform.get(slot);
    if (value !== undefined) return addMap(output, [], value);
    const { base, seen } = read(slot);
    sources.set(output, { base, seen: seen && kernel.apply(seen) });
    views.set(output, { slot, kernel });
  }

  function addReduce(output: number, inputs: readonly number[], kernel: KernelOf<"reduce">, domain: Shape): void {
    const { combiner, body, axes } = kernel;
    if (axes.some((axis) => domain[axis] !== 1)) {
      return add(output, inputs.map((slot) => read(slot)), { ...kernel, domain });
    }
    // There is one element of everything, but a sum with it makes −0 into 0.
    const shape = types[output]!.shape;
    const without: View = ({ strides, offset }) => ({ shape, strides: dropAxes(strides, axes), offset });
    const joined = binary(combiner === "sum" ? "add" : combiner, neutralOf(combiner, body.dtype), body);
    addMap(output, inputs.map((slot) => read(slot, without)), joined);
  }

  /** One element of each line, by its position. Only where the lines are computed: what lies in memory is better read. */
  function addPick(output: number, x: Read, indices: number): void {
    const { shape, dtype } = types[x.slot]!;
    const n = shape[2]!;
    const [at, element] = [input(1, "int32"), input(0, dtype)];
    // The largest of the element and of what is never larger is the element itself, NaN and −0 too.
    const picked = select(binary("eq", axisIndex(2), at), element, constant(lowest(dtype), dtype));
    const found = types.push({ dtype, shape: [shape[0]!, shape[1]!, shape[3]!] }) - 1;
    const work = { kind: "reduce", body: picked, domain: shape, combiner: "max", axes: [2] } as const;
    add(found, [x, read(indices, spreadIndices(shape))], work);
    const inside = binary("and", binary("le", constant(0, "int32"), at), binary("lt", at, constant(n, "int32")));
    const body = select(inside, element, constant(isFloat(dtype) ? NaN : 0, dtype));
    const out = types[output]!.shape;
    addMap(output, [
      read(found, (s) => ({ ...s, shape: out, strides: s.strides.toSpliced(2, 0, 0) })),
      read(indices, spreadIndices(out)),
    ], body);
  }

  /** One update of each line is elementwise work: the update where the position is the index, what is neutral elsewhere. */
  function addPut(output: number, indices: number, updates: number, combiner: Combiner): void {
    const { shape, dtype } = types[output]!;
    const [at, update] = [input(0, "int32"), input(1, dtype)];
    const neutral = neutralOf(combiner, dtype);
    const written = binary(combiner === "sum" ? "add" : combiner, neutral, update);
    const body = select(binary("eq", axisIndex(2), at), written, neutral);
    addMap(output, [read(indices, spreadIndices(shape)), read(updates, spreadAxis(shape, 2))], body);
  }

  for (const { primitive, params, inputs, outputs } of program.equations) {
    const kernel = primitive.kernel(inputs.map((slot) => types[slot]!), params);
    const output = outputs[0]!;
    const reads = inputs.map((slot) => read(slot));
    const domain = inputs.length > 0 ? types[inputs[0]!]!.shape : [];
    if (kernel.kind === "map") addMap(output, reads, kernel.body);
    else if (kernel.kind === "reduce") addReduce(output, inputs, kernel, domain);
    else if (kernel.kind === "view") addView(output, inputs[0]!, kernel);
    else if (kernel.kind === "gather" && takesOne(types, inputs[1]!) && isComputed(units, reads[0]!)) {
      addPick(output, reads[0]!, inputs[1]!);
    } else if (kernel.kind === "scatter" && takesOne(types, inputs[0]!)) {
      addPut(output, inputs[0]!, inputs[1]!, kernel.combiner);
    } else add(output, reads, { kind: "other", kernel });
  }
  return { units: [...units.values()], views, uniform, types };
}

/** Whether indices `[b, i]` are one for each batch. */
function takesOne(types: readonly TensorType[], indices: number): boolean {
  return types[indices]!.shape[1] === 1;
}

/** Whether what is read, element by element, is elementwise work, on lines of more than one element. */
function isComputed(units: ReadonlyMap<number, Unit>, { base, seen }: Read): boolean {
  const unit = units.get(base);
  return unit?.work.kind === "map" && unit.reads.length > 0 && seen !== null && isContiguous(seen) &&
    seen.shape[2] !== 1;
}

/** Indices `[b, 1]` as everything of shape `[b, p, n, q]` sees them. */
function spreadIndices(shape: Shape): View {
  return ({ strides, offset }) => ({ shape, strides: [strides[0]!, 0, 0, 0], offset });
}

/** An axis of size 1 as one of any size. */
function spreadAxis(shape: Shape, axis: number): View {
  return ({ strides, offset }) => ({ shape, strides: strides.with(axis, 0), offset });
}

/** What changes nothing, but for −0 in a sum. */
function neutralOf(combiner: Combiner, dtype: DType): Scalar {
  return constant(combiner === "sum" ? 0 : combiner === "max" ? lowest(dtype) : highest(dtype), dtype);
}
