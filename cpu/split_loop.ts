/** Loop kernels cut between rows; where there are too few, and rows are needed once, within them. */

import type { Operand } from "./machine.ts";
import type { Task } from "./record.ts";
import {
  type Context,
  leastRowBytes,
  parts,
  type Round,
  slice,
  sliceAll,
  slices,
  type TaskOf,
  vectorLanes,
} from "./slices.ts";
import { bytesPerElement } from "../ops/dtype.ts";
import { axisIndex, input, type Scalar, substituteLeaves, topological } from "../ops/scalar.ts";
import { contiguous, dropAxes, sizeOf } from "../ops/shape.ts";

export function cutLoop(task: TaskOf<"loop">, context: Context): Round[] | null {
  const { kernel: { shape, axes, stages, outputs }, inputs } = task;
  // Positions count from where the first input begins.
  const indexed = [...stages, ...outputs].some(({ body }) => topological(body).some(({ op }) => op === "index"));
  if (indexed && inputs.length === 0) return null;
  const rows = shape.map((size, axis) => axes.includes(axis) ? 1 : size);
  const grain = (axis: number): number =>
    axis < shape.length - 1 ? 1 : axes.length === 0 ? vectorLanes : leastRowBytes / 4;
  const cut = slices(rows, context.threads, grain)?.map((list) =>
    list.map((ranges) => ranges.filter(({ axis }) => !axes.includes(axis)))
  );
  if (!cut) return cutRows(task, context);
  return [cut.map((list) =>
    list.map((ranges): Task => ({
      kernel: { ...task.kernel, shape: ranges.reduce((sizes, { axis, size }) => sizes.with(axis, size), [...shape]) },
      inputs: inputs.map((x) => sliceAll(x, ranges)),
      outputs: task.outputs.map((x, n) =>
        sliceAll({ ...x, ...contiguous(outputs[n]!.perRow ? rows : shape, x.offset) }, ranges)
      ),
    }))
  )];
}

/** Each thread goes along a part of every row. Then the results of the parts are combined, for what is made of them. */
function cutRows({ kernel, inputs, outputs }: TaskOf<"loop">, { threads, allocate }: Context): Round[] | null {
  const { shape, axes, stages } = kernel;
  const axis = axes.reduce((best, axis) => shape[axis]! > shape[best]! ? axis : best, axes[0] ?? 0);
  const ofElements = [...kernel.outputs.keys()].filter((n) => !kernel.outputs[n]!.perRow);
  const ofRows = [...kernel.outputs.keys()].filter((n) => kernel.outputs[n]!.perRow);
  const first = [...stages, ...ofElements.map((n) => kernel.outputs[n]!)];
  if (ofRows.length === 0 || shape[axis]! < 2 * threads || first.some(({ body }) => readsStage(body, stages.length))) {
    return null;
  }
  const nest = dropAxes(shape, axes);
  const results = stages.map(({ body: { dtype } }): Operand => {
    const length = threads * sizeOf(nest);
    const address = allocate(length * bytesPerElement(dtype));
    return { dtype, ...contiguous([threads, ...nest]), address, length };
  });
  const grain = shape[axis]! >= 2 * threads * vectorLanes ? vectorLanes : 1;
  const round = parts(axis, shape[axis]!, threads, grain).map((range, t): Task[] => [{
    kernel: {
      ...kernel,
      shape: shape.with(axis, range.size),
      outputs: [
        ...ofElements.map((n) => kernel.outputs[n]!),
        ...stages.map(({ body }, k) => ({ body: input(k, body.dtype), perRow: true })),
      ],
    },
    inputs: inputs.map((x) => slice(x, range)),
    outputs: [
      ...ofElements.map((n) => slice({ ...outputs[n]!, ...contiguous(shape, outputs[n]!.offset) }, range)),
      ...results.map((x) => ({ ...x, ...contiguous(nest, t * sizeOf(nest)) })),
    ],
  }]);
  const kept = [...shape.keys()].filter((axis) => !axes.includes(axis));
  /** The results of the parts stand before the inputs. */
  const combined = (body: Scalar): Scalar =>
    substituteLeaves(body, (leaf) => {
      if (leaf.op === "index") return axisIndex(1 + kept.indexOf(leaf.axis));
      return leaf.op === "input" && leaf.index >= stages.length ? input(leaf.index + stages.length, leaf.dtype) : leaf;
    });
  const last: Task = {
    kernel: {
      kind: "loop",
      shape: [threads, ...nest],
      axes: [0],
      stages: stages.map(({ combiner, body }, k) => ({ combiner, body: input(stages.length + k, body.dtype) })),
      outputs: ofRows.map((n) => ({ body: combined(kernel.outputs[n]!.body), perRow: true })),
    },
    inputs: [
      ...results,
      ...inputs.map((x) => ({
        ...x,
        shape: [threads, ...nest],
        strides: [0, ...kept.map((axis) => x.strides[axis]!)],
      })),
    ],
    outputs: ofRows.map((n) => outputs[n]!),
  };
  return [round, [[last]]];
}

function readsStage(body: Scalar, stages: number): boolean {
  return topological(body).some((node) => node.op === "input" && node.index < stages);
}
