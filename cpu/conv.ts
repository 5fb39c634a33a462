/** Convolution of float32 and its two gradients in WebAssembly; other dtypes go to the reference. */

import { sizeOf } from "../ops/shape.ts";
import { contractionOf, ifFinite, withScratch } from "./contraction.ts";
import { blocksOf, finishAll } from "./epilogue.ts";
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
import type { Walker } from "./nest.ts";
import { reference } from "./reference.ts";

// A cell of padding is no term of a sum. As a zero it does no harm, unless it meets ∞ or NaN: then the taps are summed
// one by one over their real cells.

export const conv: Implementation<"conv"> = (kernel, inputs, output, machine) => {
  if (output.dtype !== "float32") return reference.conv(kernel, inputs, output, machine);
  const { role, geometry, epilogue } = kernel;
  const [first, second, ...others] = inputs as [Operand, Operand, ...Operand[]];
  const unfinished = epilogue && { epilogue, output, others, machine };
  const finish = (): void => unfinished && finishAll(unfinished);
  const kernels = contractionOf(machine);
  const [target, size] = [output.address + 4 * output.offset, sizeOf(output.shape)];
  if (sizeOf(first.shape) * sizeOf(second.shape) === 0) {
    kernels.clear(target, size);
    return finish();
  }
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
      if (sums === target) return finish();
      const inside = { ...rowMajorWalker(sums, shape), address: insidePadding(padded, axes) };
      if (unfinished) return finishAll(unfinished, insideOf(output, inside));
      copyStrided(kernels.copy, x.shape, rowMajorWalker(target, x.shape), inside);
      return;
    }
    const convolution = { ...common, x: paddedInput(machine, allocate, x, axes) };
    if (role === "output") {
      const blocks = unfinished ? blocksOf(unfinished, [1, sizeOf(g.shape.slice(0, -1)), g.shape[4]!]) : null;
      const atOnce = (): void => {
        forward(convolution, axes, false, blocks);
        if (blocks === null) finish();
      };
      if (!isPadded(axes)) return atOnce();
      return ifFinite(machine, weights, sizeOf(w.shape), atOnce, () => {
        kernels.clear(target, size);
        realTaps(axes).forEach((tap, i) =>
          forward({ ...convolution, w: weights + i * tapBytes, coarse: true }, tap, true, null)
        );
        finish();
      });
    }
    kernelGradient(convolution, axes);
    if (!isPadded(axes)) return finish();
    const packed = allocate(4 * sizeOf(g.shape));
    ifFinite(machine, target, size, () => {}, () =>
      realTaps(axes).forEach((tap, i) => {
        const shape = [g.shape[0]!, ...tap.map((axis) => axis.cells), g.shape[4]!];
        const start = tap.reduce((at, { cell }, axis) => at + cell * common.g.steps[axis]!, cells);
        copyStrided(kernels.copy, shape, rowMajorWalker(packed, shape), rowMajorWalker(start, g.shape));
        kernelGradient({ ...convolution, g: volumeAt(packed, shape), w: target + i * tapBytes, coarse: true }, tap);
      }));
    finish();
  });
};

/** The output's elements where they lie in a padded array, which is walked over three spatial axes. */
function insideOf(output: Operand, { address, strides }: Walker): Operand {
  const [batch, ...spatial] = strides.slice(0, -1).map((stride) => stride / 4);
  const own = spatial.slice(spatial.length - (output.shape.length - 2));
  return { ...output, address, offset: 0, strides: [batch!, ...own, 1] };
}
