/** Convolution of float32 and its two gradients in WebAssembly; other dtypes go to the reference. */

import { sizeOf } from "../ops/shape.ts";
import { contractionOf, withScratch } from "./contraction.ts";
import { forward, inputGradient, kernelGradient } from "./conv_roles.ts";
import {
  contiguousAddress,
  convAxes,
  insidePadding,
  isPadded,
  paddedInput,
  paddedShape,
  realTaps,
  volumeAt,
  withThreeAxes,
} from "./conv_tables.ts";
import { copyStrided, rowMajorWalker } from "./copy.ts";
import type { Implementation, Operand } from "./machine.ts";
import { reference } from "./reference.ts";

// A cell of padding is no term of a sum. As a zero it does no harm, unless it meets ∞ or NaN: then the taps are summed
// one by one over their real cells.

export const conv: Implementation<"conv"> = ({ kind, role, geometry }, inputs, output, machine) => {
  if (output.dtype !== "float32") return reference.conv({ kind, role, geometry }, inputs, output, machine);
  const [first, second] = inputs as [Operand, Operand];
  const kernels = contractionOf(machine);
  const [target, size] = [output.address + 4 * output.offset, sizeOf(output.shape)];
  if (sizeOf(first.shape) * sizeOf(second.shape) === 0) return kernels.clear(target, size);
  const x = withThreeAxes(role === "input" ? output : first, 1);
  const w = withThreeAxes(role === "kernel" ? output : second, 0);
  const g = withThreeAxes(role === "output" ? output : role === "input" ? first : second, 1);
  const axes = convAxes(geometry, x, w, g);
  const tapBytes = 4 * w.shape[3]! * w.shape[4]!;

  withScratch(machine, (allocate) => {
    const [weights, cells] = [contiguousAddress(machine, allocate, w), contiguousAddress(machine, allocate, g)];
    const common = { machine, kernels, groups: geometry.groups, w: weights, g: volumeAt(cells, g.shape) };
    if (role === "input") {
      const shape = paddedShape(x, axes);
      const sums = isPadded(axes) ? allocate(4 * sizeOf(shape)) : target;
      kernels.clear(sums, sizeOf(shape));
      const padded = volumeAt(sums, shape);
      inputGradient({ ...common, x: padded }, axes);
      if (sums === target) return;
      const inside = { ...rowMajorWalker(sums, shape), address: insidePadding(padded, axes) };
      copyStrided(kernels.copy, x.shape, rowMajorWalker(target, x.shape), inside);
      return;
    }
    const convolution = { ...common, x: paddedInput(machine, allocate, x, axes) };
    if (role === "output") {
      if (!isPadded(axes) || kernels.allFinite(weights, sizeOf(w.shape))) return forward(convolution, axes, false);
      kernels.clear(target, size);
      realTaps(axes).forEach((tap, i) => forward({ ...convolution, w: weights + i * tapBytes }, tap, true));
      return;
    }
    kernelGradient(convolution, axes);
    if (!isPadded(axes) || kernels.allFinite(target, size)) return;
    const packed = allocate(4 * sizeOf(g.shape));
    realTaps(axes).forEach((tap, i) => {
      const shape = [g.shape[0]!, ...tap.map((axis) => axis.cells), g.shape[4]!];
      const start = tap.reduce((at, { cell }, axis) => at + cell * common.g.steps[axis]!, cells);
      copyStrided(kernels.copy, shape, rowMajorWalker(packed, shape), rowMajorWalker(start, g.shape));
      kernelGradient({ ...convolution, g: volumeAt(packed, shape), w: target + i * tapBytes }, tap);
    });
  });
};
