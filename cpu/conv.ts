/** Convolution of float32 and its two gradients in WebAssembly; other dtypes go to the reference. */

import { type Contraction, contractionOf, ifFinite, withScratch } from "./contraction.ts";
import { forward, inputGradient, kernelGradient } from "./conv_roles.ts";
import {
  contiguousAddress,
  convAxes,
  type ConvAxis,
  insidePadding,
  isPadded,
  paddedInput,
  paddedShape,
  realTaps,
  type Three,
  type Volume,
  volumeAt,
  withThreeAxes,
} from "./conv_tables.ts";
import { isPlane, planeForward, planeInputGradient, planeKernelGradient } from "./conv_winograd.ts";
import { copyStrided, rowMajorWalker } from "./copy.ts";
import { blocksOf, finishAll, type FinishBlock, type Unfinished } from "./epilogue.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import type { Walker } from "./nest.ts";
import { reference } from "./reference.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { sizeOf } from "../ops/shape.ts";

type Role = KernelOf<"conv">["role"];

/** One of the three derivatives. x, w and g have three spatial axes; one of them is the output. */
interface Convolution {
  readonly machine: Machine;
  readonly kernels: Contraction;
  readonly groups: number;
  readonly axes: Three<ConvAxis>;
  readonly x: Operand;
  readonly w: Operand;
  readonly g: Operand;
  readonly output: Operand;
  readonly unfinished: Unfinished | undefined;
}

export const conv: Implementation<"conv"> = (kernel, inputs, output, machine) => {
  if (output.dtype !== "float32") return reference.conv(kernel, inputs, output, machine);
  const { role, geometry, epilogue } = kernel;
  const { groups } = geometry;
  const [first, second, ...others] = inputs as [Operand, Operand, ...Operand[]];
  const unfinished = epilogue && { epilogue, output, others, machine };
  const kernels = contractionOf(machine);
  if (sizeOf(first.shape) * sizeOf(second.shape) === 0) {
    kernels.clear(addressOf(output), sizeOf(output.shape));
    return unfinished && finishAll(unfinished);
  }
  const x = withThreeAxes(role === "input" ? output : first, 1);
  const w = withThreeAxes(role === "kernel" ? output : second, 0);
  const g = withThreeAxes(role === "output" ? output : role === "input" ? first : second, 1);
  const axes = convAxes(geometry, x, w, g);
  const convolution = { machine, kernels, groups, axes, x, w, g, output, unfinished };
  if (isPlane(axes, groups, x.shape[0]!, x.shape[4]!, g.shape[4]!)) withFewerProducts(convolution, role);
  else if (role === "output") computeOutput(convolution);
  else if (role === "input") computeInputGradient(convolution, false);
  else computeKernelGradient(convolution);
};

/** And once more, as it is defined, if something on the way was not finite. */
function withFewerProducts(convolution: Convolution, role: Role): void {
  const { machine, kernels, axes, x, w, g, unfinished } = convolution;
  withScratch(machine, (allocate) => {
    const poison = allocate(16);
    kernels.clear(poison, 4);
    const weights = contiguousAddress(machine, allocate, w);
    const plane = { machine, kernels, axes, x, g, w: weights, poison };
    if (role === "kernel") {
      planeKernelGradient(plane);
      if (unfinished) finishAll(unfinished);
    } else {
      const blocks = finishing(convolution);
      if (role === "output") planeForward(plane, blocks);
      else planeInputGradient(plane, blocks);
      if (unfinished && blocks === null) finishAll(unfinished);
    }
    ifFinite(machine, poison, 4, () => {}, () => {
      if (role === "input") return computeInputGradient(convolution, true);
      const padded = paddedInput(machine, allocate, x, axes);
      if (role === "output") sumTaps(convolution, padded, weights);
      else sumKernelTaps(convolution, padded, contiguousAddress(machine, allocate, g));
      if (unfinished) finishAll(unfinished);
    });
  });
}

function finishing({ output: { shape }, unfinished }: Convolution): FinishBlock | null {
  return unfinished ? blocksOf(unfinished, [1, sizeOf(shape.slice(0, -1)), shape.at(-1)!]) : null;
}

// A cell of padding is no term of a sum. As a zero it does no harm, unless it meets ∞ or NaN: then the taps are summed
// one by one over their real cells.

function computeOutput(convolution: Convolution): void {
  const { machine, kernels, groups, axes, x, w, g, unfinished } = convolution;
  withScratch(machine, (allocate) => {
    const weights = contiguousAddress(machine, allocate, w);
    const padded = paddedInput(machine, allocate, x, axes);
    const blocks = finishing(convolution);
    const atOnce = (): void => {
      const cells = volumeAt(addressOf(g), g.shape);
      forward({ machine, kernels, groups, x: padded, g: cells, w: weights }, axes, false, blocks);
      if (unfinished && blocks === null) finishAll(unfinished);
    };
    if (!isPadded(axes)) return atOnce();
    ifFinite(machine, weights, sizeOf(w.shape), atOnce, () => {
      sumTaps(convolution, padded, weights);
      if (unfinished) finishAll(unfinished);
    });
  });
}

function computeInputGradient(
  { machine, kernels, groups, axes, x, w, g, output, unfinished }: Convolution,
  coarse: boolean,
): void {
  withScratch(machine, (allocate) => {
    const [weights, cells] = [contiguousAddress(machine, allocate, w), contiguousAddress(machine, allocate, g)];
    const shape = paddedShape(x, axes);
    const sums = isPadded(axes) ? allocate(4 * sizeOf(shape)) : addressOf(x);
    const padded = volumeAt(sums, shape);
    kernels.clear(sums, sizeOf(shape));
    inputGradient({ machine, kernels, groups, x: padded, g: volumeAt(cells, g.shape), w: weights, coarse }, axes);
    if (!isPadded(axes)) return unfinished && finishAll(unfinished);
    const inside = { ...rowMajorWalker(sums, shape), address: insidePadding(padded, axes) };
    if (unfinished) finishAll(unfinished, insideOf(output, inside));
    else copyStrided(kernels.copy, x.shape, rowMajorWalker(addressOf(x), x.shape), inside);
  });
}

function computeKernelGradient(convolution: Convolution): void {
  const { machine, kernels, groups, axes, x, w, g, unfinished } = convolution;
  withScratch(machine, (allocate) => {
    const cells = contiguousAddress(machine, allocate, g);
    const padded = paddedInput(machine, allocate, x, axes);
    kernelGradient({ machine, kernels, groups, x: padded, g: volumeAt(cells, g.shape), w: addressOf(w) }, axes);
    if (isPadded(axes)) {
      ifFinite(machine, addressOf(w), sizeOf(w.shape), () => {}, () => sumKernelTaps(convolution, padded, cells));
    }
    if (unfinished) finishAll(unfinished);
  });
}

/** The output, tap by tap. */
function sumTaps({ machine, kernels, groups, axes, w, g }: Convolution, x: Volume, weights: number): void {
  const cells = volumeAt(addressOf(g), g.shape);
  kernels.clear(cells.address, sizeOf(g.shape));
  realTaps(axes).forEach((tap, i) => {
    const ofTap = weights + i * tapBytes(w);
    forward({ machine, kernels, groups, x, g: cells, w: ofTap, coarse: true }, tap, true, null);
  });
}

/** The kernel's gradient, tap by tap. */
function sumKernelTaps({ machine, kernels, groups, axes, w, g }: Convolution, x: Volume, cells: number): void {
  const { steps } = volumeAt(cells, g.shape);
  withScratch(machine, (allocate) => {
    const packed = allocate(4 * sizeOf(g.shape));
    realTaps(axes).forEach((tap, i) => {
      const shape = [g.shape[0]!, ...tap.map((axis) => axis.cells), g.shape[4]!];
      const start = tap.reduce((at, { cell }, axis) => at + cell * steps[axis]!, cells);
      copyStrided(kernels.copy, shape, rowMajorWalker(packed, shape), rowMajorWalker(start, g.shape));
      const ofTap = addressOf(w) + i * tapBytes(w);
      kernelGradient({ machine, kernels, groups, x, g: volumeAt(packed, shape), w: ofTap, coarse: true }, tap);
    });
  });
}

function tapBytes({ shape }: Operand): number {
  return 4 * shape[3]! * shape[4]!;
}

function addressOf({ address, offset }: Operand): number {
  return address + 4 * offset;
}

/** The output's elements where they lie in a padded array, which is walked over three spatial axes. */
function insideOf(output: Operand, { address, strides }: Walker): Operand {
  const [batch, ...spatial] = strides.slice(0, -1).map((stride) => stride / 4);
  const own = spatial.slice(spatial.length - (output.shape.length - 2));
  return { ...output, address, offset: 0, strides: [batch!, ...own, 1] };
}
