/** Convolution of float32 and its two gradients in WebAssembly; other dtypes go to the reference. */

import type { ConvGeometry } from "../ops/kernel.ts";
import { contiguous, rowMajor, sizeOf } from "../ops/shape.ts";
import { type Contraction, contractionOf, withScratch } from "./contraction.ts";
import { type AxisPlan, backwardAxis, type ConvAxis, forwardAxis, type GatherAxis, realTap } from "./conv_axes.ts";
import { correlate } from "./conv_correlate.ts";
import { gather, type Weights } from "./conv_gather.ts";
import { contiguousAddress, isPadded, paddedVolume, type Three, volumeAt, withThreeAxes } from "./conv_volume.ts";
import { copyStrided } from "./copy.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import { reference } from "./reference.ts";

/** The three arrays of the trilinear form, each with three spatial axes. */
interface Operands {
  readonly x: Operand;
  readonly w: Operand;
  readonly g: Operand;
}

export const conv: Implementation<"conv"> = ({ kind, role, geometry }, inputs, output, machine) => {
  if (output.dtype !== "float32") return reference.conv({ kind, role, geometry }, inputs, output, machine);
  const [first, second] = inputs as [Operand, Operand];
  const kernels = contractionOf(machine);
  if (sizeOf(first.shape) * sizeOf(second.shape) === 0) {
    return kernels.clear(output.address + 4 * output.offset, sizeOf(output.shape));
  }
  const x = withThreeAxes(role === "input" ? output : first, 1, 1);
  const w = withThreeAxes(role === "kernel" ? output : second, 0, 2);
  const g = withThreeAxes(role === "output" ? output : role === "input" ? first : second, 1, 1);
  const operands = { x, w, g };
  const axes = convAxes(geometry, operands);
  if (role === "kernel") kernelGradient(machine, kernels, map3(axes, forwardAxis), operands, geometry.groups);
  else if (role === "output") runGather(machine, kernels, map3(axes, forwardAxis), x, operands, geometry.groups, g);
  else runGather(machine, kernels, map3(axes, backwardAxis), g, operands, geometry.groups, x);
};

function convAxes({ strides, dilation, padding }: ConvGeometry, { x, w, g }: Operands): Three<ConvAxis> {
  const missing = 3 - strides.length;
  return map3([0, 1, 2], (axis) => ({
    input: x.shape[1 + axis]!,
    output: g.shape[1 + axis]!,
    kernel: w.shape[axis]!,
    stride: strides[axis - missing] ?? 1,
    dilation: dilation[axis - missing] ?? 1,
    padding: padding[axis - missing] ?? [0, 0],
  }));
}

/** Writes `target` (the output, or the input's gradient) by gathering from `source`, which is the other one. */
function runGather(
  machine: Machine,
  kernels: Contraction,
  plans: Three<AxisPlan>,
  source: Operand,
  { w, g }: Operands,
  groups: number,
  target: Operand,
): void {
  withScratch(machine, (allocate) => {
    const volume = paddedVolume(machine, kernels, allocate, source, plans);
    const kernel = { ...w, ...contiguous(w.shape), address: contiguousAddress(machine, allocate, w) };
    const weights = weightsOf(kernel, groups, target === g);
    const to = volumeAt(target.address + 4 * target.offset, target.shape);
    // A cell of padding is no term of the sum, but 0·∞ would be NaN: then only what is real is gathered, tap by tap.
    const careful = isPadded(plans) && !kernels.allFinite(kernel.address, sizeOf(w.shape));
    if (careful) kernels.clear(to.address, sizeOf(target.shape));
    for (const parts of combinations(plans)) {
      if (!careful) gather(machine, kernels, volume, parts, weights, to, false);
      else for (const tap of realTaps(plans, parts)) gather(machine, kernels, volume, tap, weights, to, true);
    }
  });
}

/** Forward, a position of the kernel takes channels to features; backward, its transpose takes them back. */
function weightsOf({ address, shape, strides }: Operand, groups: number, forward: boolean): Weights {
  const [z, y, x, channelStep, featureStep] = strides.map((stride) => 4 * stride) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const [channels, features] = [shape[3]!, shape[4]! / groups];
  const matrix = forward
    ? { rows: channels, rowStep: channelStep, columns: features, columnStep: featureStep }
    : { rows: features, rowStep: featureStep, columns: channels, columnStep: channelStep };
  return { address, groups, positionSteps: [z, y, x], groupStep: features * featureStep, ...matrix };
}

function kernelGradient(
  machine: Machine,
  kernels: Contraction,
  plans: Three<AxisPlan>,
  { x, w, g }: Operands,
  groups: number,
): void {
  withScratch(machine, (allocate) => {
    const volume = paddedVolume(machine, kernels, allocate, x, plans);
    const target = w.address + 4 * w.offset;
    const features = g.shape[4]!;
    const gradient = { address: contiguousAddress(machine, allocate, g), features };
    const whole = map3(plans, ({ parts }) => parts[0]!);
    correlate(machine, kernels, volume, whole, gradient, groups, target);
    if (!isPadded(plans) || kernels.allFinite(target, sizeOf(w.shape))) return;
    // As above: what is not finite may come from padding, so the taps are summed over their real cells alone.
    let to = target;
    for (const tap of realTaps(plans, whole)) {
      withScratch(machine, (allocate) => {
        const shape = [g.shape[0]!, ...tap.map(({ count }) => count), features];
        const offset = tap.reduce((at, part, axis) => at + part.target * g.strides[1 + axis]!, g.offset);
        const address = allocate(4 * sizeOf(shape));
        const from = { address: g.address + 4 * offset, strides: g.strides };
        copyStrided(kernels.copy, shape, { address, strides: rowMajor(shape) }, from);
        correlate(machine, kernels, volume, tap, { address, features }, groups, to);
      });
      to += 4 * w.shape[3]! * features;
    }
  });
}

function map3<T, R>([z, y, x]: Three<T>, f: (value: T) => R): Three<R> {
  return [f(z), f(y), f(x)];
}

/** Every choice of one part per axis. */
function combinations(plans: Three<AxisPlan>): Three<GatherAxis>[] {
  const [z, y, x] = plans;
  return z.parts.flatMap((a) => y.parts.flatMap((b) => x.parts.map((c): Three<GatherAxis> => [a, b, c])));
}

/** Each tap by itself, in order. */
function realTaps([z, y, x]: Three<AxisPlan>, [a, b, c]: Three<GatherAxis>): Three<GatherAxis>[] {
  const along = (plan: AxisPlan, part: GatherAxis): GatherAxis[] =>
    part.positions.map((_, tap) => realTap(plan, part, tap));
  return along(z, a).flatMap((atZ) =>
    along(y, b).flatMap((atY) => along(x, c).map((atX): Three<GatherAxis> => [atZ, atY, atX]))
  );
}
