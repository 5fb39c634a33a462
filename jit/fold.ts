/** What depends on captured constants alone, computed when a program is compiled. */

import { run } from "../ops/bind.ts";
import { bytesPerElement } from "../ops/dtype.ts";
import type { Kernel, KernelOf } from "../ops/kernel.ts";
import { type Equation, part } from "../ops/program.ts";
import { topological } from "../ops/scalar.ts";
import { enterScope, type Owner } from "../ops/scope.ts";
import { sizeOf, type Strided, type TensorType } from "../ops/shape.ts";
import type { ConcreteTensor } from "../ops/tensor.ts";

/** Larger results take longer to read than most are to compute. */
const largestBytes = 65536;

/**
 * What a slot is made of. `value`: captured constants, and perhaps numbers and positions. `position`: only the latter,
 * which cost less in a kernel than in memory. Nothing is known of slots that depend on inputs.
 */
type Origin = "value" | "position";

export class Folder {
  readonly #types: readonly TensorType[];
  readonly #owner: Owner;
  readonly #values = new Map<number, ConcreteTensor>();
  readonly #origins = new Map<number, Origin>();
  /** The equations of slots that have an origin and no value yet. */
  readonly #equations = new Map<number, Equation>();
  /** Slots with one number everywhere. */
  readonly #uniform = new Set<number>();

  /** The owner is given all that is computed. */
  constructor(types: readonly TensorType[], owner: Owner) {
    this.#types = types;
    this.#owner = owner;
  }

  know(slot: number, value: ConcreteTensor): void {
    this.#values.set(slot, value);
    this.#origins.set(slot, "value");
    if (hasOneNumber(value)) this.#uniform.add(slot);
  }

  /** The results of an equation, if they are worth computing now. */
  fold(equation: Equation, kernel: Kernel): readonly ConcreteTensor[] | null {
    const { inputs, outputs } = equation;
    const origins = new Set(inputs.map((slot) => this.#origins.get(slot)));
    if (origins.has(undefined)) return null;
    const origin = origins.has("value") ? "value" : "position";
    const isElementwise = kernel.kind === "view" || kernel.kind === "map";
    if (origin === "position" && !isElementwise) return null;
    const isUniform = isElementwise && inputs.every((slot) => this.#uniform.has(slot)) && !readsPositions(kernel);
    for (const slot of outputs) {
      if (isUniform) this.#uniform.add(slot);
      this.#origins.set(slot, origin);
      this.#equations.set(slot, equation);
    }
    if (origin === "position") return null;
    const seen = kernel.kind === "view" ? this.#look(kernel, inputs[0]!) : null;
    const isWorthIt = seen === null ? outputs.every((slot) => this.#isSmall(slot)) : !hasRepeats(seen);
    return isWorthIt ? this.#compute(outputs) : null;
  }

  /** What a view shows of a value, if it need not be copied. */
  #look(kernel: KernelOf<"view">, slot: number): Strided | null {
    const value = this.#values.get(slot);
    return value === undefined ? null : kernel.apply(value);
  }

  /** Whether a slot is small, and not one number in many places. */
  #isSmall(slot: number): boolean {
    const { dtype, shape } = this.#types[slot]!;
    const size = sizeOf(shape);
    return size * bytesPerElement(dtype) <= largestBytes && (size <= 1 || !this.#uniform.has(slot));
  }

  #compute(outputs: readonly number[]): readonly ConcreteTensor[] {
    const equations = new Set<Equation>();
    const values = new Map<number, ConcreteTensor>();
    const visit = (slot: number): void => {
      const value = this.#values.get(slot);
      if (value !== undefined) {
        values.set(slot, value);
        return;
      }
      const equation = this.#equations.get(slot)!;
      if (equations.has(equation)) return;
      for (const from of equation.inputs) visit(from);
      equations.add(equation);
    };
    for (const slot of outputs) visit(slot);
    // As inputs, they choose the device.
    const program = part({
      inputs: [...values.keys()],
      types: this.#types,
      constants: [],
      equations: [...equations],
      outputs,
    });
    const outer = enterScope(this.#owner);
    try {
      return run(program, [...values.values()]);
    } finally {
      enterScope(outer);
    }
  }
}

function readsPositions(kernel: Kernel): boolean {
  return kernel.kind === "map" && topological(kernel.body).some(({ op }) => op === "index");
}

function hasOneNumber({ shape, strides }: Strided): boolean {
  return shape.every((n, axis) => n === 1 || strides[axis] === 0);
}

/** Whether an element is seen several times. Kernels gain from knowing that. */
function hasRepeats({ shape, strides }: Strided): boolean {
  return shape.some((n, axis) => n !== 1 && strides[axis] === 0);
}
