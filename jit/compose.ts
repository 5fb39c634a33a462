/** A group of units as one kernel: their bodies put into each other, over one domain. */

import { axesInOrder, type Group } from "./groups.ts";
import { simplifyBodies } from "./simplify_scalar.ts";
import type { Lowered, Read, Unit, View } from "./units.ts";
import type { Kernel, Stage } from "../ops/kernel.ts";
import { axisIndex, constant, input, type Scalar, substituteLeaves } from "../ops/scalar.ts";
import { sameShape, type Shape } from "../ops/shape.ts";

/** An input of a kernel: a slot, seen by way of a view if it has not the domain's shape. */
export interface Operand {
  readonly slot: number;
  readonly view: View | null;
}

export interface Composed {
  readonly kernel: Kernel;
  readonly inputs: readonly Operand[];
  /** The shape that all inputs are seen in. */
  readonly shape: Shape;
}

/** The kernel that computes `outputs`, which are units of the group. */
export function compose({ units, rows, perRow, core }: Group, outputs: readonly Unit[], lowered: Lowered): Composed {
  const reductions = units.filter(({ work }) => work.kind === "reduce");
  const shape = domainOf(reductions[0] ?? outputs[0]!);
  const all = axesInOrder(shape);
  const nest = all.filter((_, i) => !rows?.[i]);
  const inputs = new Map<string | Read, Operand>();
  const stages: Stage[] = [];
  const results = new Map<number, Scalar>();
  // Bodies read the results of stages, or of a contraction, before the inputs.
  const before = core === null ? reductions.length : 1;
  if (core !== null) results.set(core.output, input(0, core.type.dtype));

  /** The input for what a unit reads of the outside. */
  function inputFor(read: Read, axes: readonly number[]): Scalar {
    const { slot, view } = read;
    const { dtype, shape: own } = lowered.types[slot]!;
    const key = view === null ? `${slot} ${axes.length}` : read;
    let n = [...inputs.keys()].indexOf(key);
    if (n < 0) {
      n = inputs.size;
      inputs.set(key, { slot, view: view === null && sameShape(own, shape) ? null : placing(view, shape, axes) });
    }
    return input(before + n, dtype);
  }

  for (const unit of units) {
    const { work, reads, output, type } = unit;
    if (work.kind === "other") continue;
    const axes = perRow.has(unit) ? nest : all;
    const own = axesInOrder(work.domain);
    const body = substituteLeaves(work.body, (leaf) => {
      if (leaf.op === "const") return leaf;
      if (leaf.op === "index") {
        const i = own.indexOf(leaf.axis);
        return i < 0 ? constant(0, "int32") : axisIndex(axes[i]!);
      }
      const read = reads[leaf.index]!;
      return lowered.uniform.get(read.slot) ?? results.get(read.base) ?? inputFor(read, axes);
    });
    if (work.kind === "map") results.set(output, body);
    else results.set(output, input(stages.push({ combiner: work.combiner, body }) - 1, type.dtype));
  }

  if (core !== null) {
    const kernel = withEpilogue(core, results.get(outputs[0]!.output)!);
    const own = core.reads.map(({ slot }): Operand => ({ slot, view: null }));
    return { kernel, inputs: [...own, ...inputs.values()], shape };
  }
  const bodies = outputs.map((unit) => ({
    body: results.get(unit.output)!,
    perRow: unit.work.kind === "reduce" || perRow.has(unit),
  }));
  const axes = all.filter((_, i) => rows?.[i]);
  const kernel = simplest({ kind: "loop", shape, axes, stages, outputs: bodies }, outputs[0]!, inputs.size);
  return { kernel: simplifyBodies(kernel), inputs: [...inputs.values()], shape };
}

function domainOf({ work, type }: Unit): Shape {
  return work.kind === "other" ? type.shape : work.domain;
}

function withEpilogue({ work }: Unit, epilogue: Scalar): Kernel {
  if (work.kind !== "other") throw new TypeError("elementwise work has no epilogue");
  return epilogue.op === "input" && epilogue.index === 0 ? work.kernel : { ...work.kernel, epilogue } as Kernel;
}

/** A map or a reduction, if that is all there is. */
function simplest(kernel: Kernel & { kind: "loop" }, { work }: Unit, inputs: number): Kernel {
  const [{ body }, ...others] = kernel.outputs as [{ body: Scalar }, ...unknown[]];
  if (others.length > 0) return kernel;
  if (kernel.stages.length === 0) return { kind: "map", body };
  const [{ combiner, body: element }] = kernel.stages as [Stage];
  // A reduction learns the shape it works on from its inputs.
  if (kernel.stages.length > 1 || body.op !== "input" || work.kind !== "reduce" || inputs === 0) return kernel;
  const shifted = substituteLeaves(element, (leaf) => leaf.op === "input" ? input(leaf.index - 1, leaf.dtype) : leaf);
  return { kind: "reduce", combiner, axes: work.axes, body: shifted };
}

/** What a view shows, with its axes put at those of a domain: along the others it stands still. */
function placing(view: View | null, domain: Shape, axes: readonly number[]): View {
  return (s) => {
    const seen = view === null ? s : view(s);
    if (seen === null) return null;
    const strides = new Array<number>(domain.length).fill(0);
    axesInOrder(seen.shape).forEach((axis, i) => strides[axes[i]!] = seen.strides[axis]!);
    return { shape: domain, strides, offset: seen.offset };
  };
}
