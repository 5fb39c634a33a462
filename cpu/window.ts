/** Pooling of float32 in WebAssembly; other dtypes go to the reference. */

import type { WindowRole } from "../ops/kernel.ts";
import { sizeOf } from "../ops/shape.ts";
import { functionsOf, type KernelModule, kernelModule } from "./code.ts";
import { contractionOf, withScratch } from "./contraction.ts";
import { contiguousAddress, withThreeAxes } from "./conv_tables.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import { reference } from "./reference.ts";
import { axisArguments, type SlideWindows, windowModule } from "./window_kernel.ts";

export const window: Implementation<"window"> = ({ kind, role, geometry }, inputs, output, machine) => {
  const [first, positions] = inputs as [Operand, Operand | undefined];
  if (first.dtype !== "float32") return reference.window({ kind, role, geometry }, inputs, output, machine);
  const transposed = role === "spread" || role === "put";
  const cells = withThreeAxes(transposed ? output : first, 1);
  const windows = withThreeAxes(transposed ? first : output, 1);
  const missing = 3 - geometry.window.length;
  const axes = [0, 1, 2].map((axis) => ({
    input: cells.shape[1 + axis]!,
    output: windows.shape[1 + axis]!,
    window: geometry.window[axis - missing] ?? 1,
    stride: geometry.strides[axis - missing] ?? 1,
    low: geometry.padding[axis - missing]?.[0] ?? 0,
  }));
  withScratch(machine, (allocate) => {
    const address = (s: Operand): number => contiguousAddress(machine, allocate, s);
    const [from, chosen] = [address(first), positions ? address(positions) : 0];
    const to = address(output);
    // What is added to starts at 0.
    if (transposed) contractionOf(machine).clear(to, sizeOf(output.shape));
    const [atCells, atWindows] = transposed ? [to, from] : [from, to];
    const [batch, channels] = [cells.shape[0]!, cells.shape[4]!];
    slideOf(machine, role)(atCells, atWindows, chosen, batch, channels, ...axisArguments(axes));
  });
};

const modules = new Map<WindowRole, KernelModule>();

function slideOf(machine: Machine, role: WindowRole): SlideWindows {
  let module = modules.get(role);
  if (module === undefined) modules.set(role, module = kernelModule(windowModule(role)));
  return functionsOf(module, machine)["slide"] as SlideWindows;
}
