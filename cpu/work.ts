/** How long kernels take on one thread, roughly: what decides whether threads pay. */

import { bytesPerElement } from "../ops/dtype.ts";
import type { ComputeKind, KernelOf } from "../ops/kernel.ts";
import { type Scalar, topological } from "../ops/scalar.ts";
import { type Shape, sizeOf, type TensorType } from "../ops/shape.ts";

const perFlop = 1 / 50;
const perByte = 0.012;
/** An operation of a few instructions on one element, and one of dozens. */
const perShort = 0.015;
const perLong = 0.8;

const short: ReadonlySet<string> = new Set(
  "input const index add sub mul min max neg abs select cast eq ne lt le and or xor not floor ceil trunc round sign sqrt div"
    .split(" "),
);

/** An array, of which only the shape is asked. */
interface Shaped {
  readonly shape: Shape;
}

/** Nanoseconds. */
export function workOf(kernel: KernelOf<ComputeKind>, inputs: readonly Shaped[], output: TensorType): number {
  const size = sizeOf(output.shape);
  switch (kernel.kind) {
    case "map":
      return workOn(size, kernel.body);
    case "reduce":
      return workOn(sizeOf(inputs[0]!.shape), kernel.body);
    case "loop":
      return sizeOf(kernel.shape) *
        [...kernel.stages, ...kernel.outputs].reduce((sum, { body }) => sum + perElement(body), 0);
    case "matmul":
      return 2 * size * inputs[0]!.shape.at(-1)! * perFlop;
    case "conv":
      return 2 * perFlop * convTerms(kernel, inputs.map(({ shape }) => shape), output.shape);
    case "window": {
      const windows = kernel.role === "spread" || kernel.role === "put" ? inputs[0]!.shape : output.shape;
      return sizeOf(windows) * sizeOf(kernel.geometry.window) * 0.3;
    }
    case "place":
      return 2 * size * perByte * bytesPerElement(output.dtype);
    case "gather":
      return size * 0.5;
    case "scatter":
      return size * 0.2 + sizeOf(inputs[1]!.shape);
    case "cumulative":
      return size * 0.8;
    case "argReduce":
      return sizeOf(inputs[0]!.shape) * 0.3;
    case "argsort":
      return size * 20;
  }
}

/** Products: for each cell and feature of the output, or of its gradient, the taps and their channels. */
function convTerms({ role }: KernelOf<"conv">, [first, second]: readonly Shape[], output: Shape): number {
  const cells = role === "output" ? output : role === "input" ? first! : second!;
  const kernel = role === "kernel" ? output : second!;
  return sizeOf(cells) * sizeOf(kernel.slice(0, -1));
}

/** Quickly said of the many small ones. */
function workOn(elements: number, body: Scalar): number {
  return elements < 2048 ? elements : elements * (perElement(body) + perByte * bytesPerElement(body.dtype));
}

const costs = new WeakMap<Scalar, number>();

function perElement(body: Scalar): number {
  let cost = costs.get(body);
  if (cost === undefined) {
    cost = topological(body).reduce((sum, node) => {
      return sum + (short.has(node.op) ? perShort : perLong) +
        (node.op === "input" ? perByte * bytesPerElement(node.dtype) : 0);
    }, 0);
    costs.set(body, cost);
  }
  return cost;
}
