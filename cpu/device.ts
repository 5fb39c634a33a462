/** The CPU as a device: runs programs kernel by kernel over wasm memory. */

import { kernels } from "./kernels.ts";
import type { ComputeKind, Implementation, KernelTable, Operand } from "./machine.ts";
import { arrayBytes, type Block, Memory } from "./memory.ts";
import { fuse, type Plan, type Step } from "../jit/fuse.ts";
import { allocateArray, type TypedArray, viewArray } from "../ops/dtype.ts";
import { perDType } from "../ops/families.ts";
import type { Kernel, KernelOf } from "../ops/kernel.ts";
import type { Program } from "../ops/program.ts";
import { input } from "../ops/scalar.ts";
import { contiguous, isContiguous, sizeOf, type Strided, type TensorType } from "../ops/shape.ts";
import { type Backend, ConcreteTensor } from "../ops/tensor.ts";

/** An array on its way through a program: a view of a block, of which it holds one count. */
interface Value extends Strided {
  readonly type: TensorType;
  readonly block: Block;
}

/** Whether a program is what `bind` makes of one operation: it takes all inputs in order, and its result is the only one. */
function isOneOperation({ equations, constants, inputs, outputs }: Program): boolean {
  if (equations.length !== 1 || constants.length !== 0 || outputs.length !== 1 || outputs[0] !== inputs) return false;
  const slots = equations[0]!.inputs;
  if (slots.length !== inputs) return false;
  for (let i = 0; i < inputs; i++) if (slots[i] !== i) return false;
  return true;
}

const copyKernel = perDType((dtype): Kernel => ({ kind: "map", body: input(0, dtype) }));

class CpuDevice implements Backend {
  readonly name = "cpu";
  readonly #kernels: KernelTable;
  readonly #memory = new Memory();
  readonly #plans = new WeakMap<Program, Plan>();
  /** Scalars that constants are views of, by dtype and value. */
  readonly #constants = new Map<string, Block>();

  constructor(kernels: KernelTable) {
    this.#kernels = kernels;
  }

  get info(): Readonly<Record<string, unknown>> {
    return { name: this.name, backend: "WebAssembly SIMD", threads: 1, ...this.#memory.info };
  }

  upload(data: TypedArray, type: TensorType): ConcreteTensor {
    const block = this.#memory.create(data.byteLength);
    viewArray(type.dtype, this.#memory.memory.buffer, block.address, data.length).set(data);
    return this.#tensor({ type, block, ...contiguous(type.shape) });
  }

  readSync(x: ConcreteTensor): TypedArray {
    const type = x.type;
    const value = this.#valueOf(x);
    const n = sizeOf(type.shape);
    const out = allocateArray(type.dtype, n);
    // The offset of an empty view can lie anywhere.
    if (n === 0) return out;
    const row = this.#contiguous(value);
    const address = this.#memory.pin(row.block) + arrayBytes(type.dtype, row.offset);
    out.set(viewArray(type.dtype, this.#memory.memory.buffer, address, n));
    this.#memory.unpin(row.block);
    if (row !== value) this.#memory.drop(row.block);
    return out;
  }

  read(x: ConcreteTensor): Promise<TypedArray> {
    return Promise.resolve(this.readSync(x));
  }

  share(x: ConcreteTensor): ConcreteTensor {
    const value = this.#valueOf(x);
    this.#memory.hold(value.block);
    return this.#tensor(value);
  }

  release(x: ConcreteTensor): void {
    const block = x.storage as Block;
    this.#memory.unwatch(x, block);
    this.#memory.drop(block);
  }

  run(program: Program, inputs: readonly ConcreteTensor[]): ConcreteTensor[] {
    if (isOneOperation(program)) {
      const { primitive, params } = program.equations[0]!;
      const kernel = primitive.kernel(program.types, params);
      return [this.#tensor(this.#execute(kernel, inputs.map((x) => this.#valueOf(x)), program.types[inputs.length]!))];
    }
    let plan = this.#plans.get(program);
    if (plan === undefined) {
      plan = fuse(program);
      this.#plans.set(program, plan);
    }
    return this.#runPlan(plan, inputs);
  }

  #runPlan(plan: Plan, inputs: readonly ConcreteTensor[]): ConcreteTensor[] {
    const slots = new Map<number, Value>();
    inputs.forEach((x, i) => slots.set(i, this.#borrow(x)));
    for (const { slot, value } of plan.constants) slots.set(slot, this.#borrow(value));
    try {
      for (const step of plan.steps) this.#runStep(step, slots);
      return plan.outputs.map((slot) => {
        const value = slots.get(slot)!;
        this.#memory.hold(value.block);
        return this.#tensor(value);
      });
    } finally {
      for (const value of slots.values()) this.#memory.drop(value.block);
    }
  }

  #runStep({ kernel, inputs, output, type, lastUses }: Step, slots: Map<number, Value>): void {
    slots.set(output, this.#execute(kernel, inputs.map((slot) => slots.get(slot)!), type));
    for (const slot of lastUses) {
      this.#memory.drop(slots.get(slot)!.block);
      slots.delete(slot);
    }
  }

  /** Runs one kernel. The result holds its block once. */
  #execute(kernel: Kernel, inputs: readonly Value[], type: TensorType): Value {
    if (kernel.kind === "view") return this.#view(kernel, inputs[0]!, type);
    if (kernel.kind === "map" && kernel.body.op === "const") return this.#constant(kernel.body.value, type);
    const memory = this.#memory;
    const operands: Operand[] = [];
    try {
      for (const { type: { dtype }, block, shape, strides, offset } of inputs) {
        operands.push({
          dtype,
          shape,
          strides,
          offset,
          address: memory.pin(block),
          length: block.sizeBytes / arrayBytes(dtype, 1),
        });
      }
      const length = sizeOf(type.shape);
      const block = memory.create(arrayBytes(type.dtype, length));
      const view = contiguous(type.shape);
      const { dtype } = type;
      const output = { dtype, shape: view.shape, strides: view.strides, offset: 0, address: memory.pin(block), length };
      const implementation = this.#kernels[kernel.kind] as Implementation<ComputeKind>;
      try {
        implementation(kernel as KernelOf<ComputeKind>, operands, output, memory);
      } catch (error) {
        memory.drop(block);
        throw error;
      }
      memory.unpin(block);
      return { type, block, shape: view.shape, strides: view.strides, offset: 0 };
    } finally {
      // Only the first few are pinned if there was no room for the next.
      for (let i = 0; i < operands.length; i++) memory.unpin(inputs[i]!.block);
    }
  }

  #view(kernel: KernelOf<"view">, x: Value, type: TensorType): Value {
    const seen = kernel.apply(x);
    if (seen !== null) {
      this.#memory.hold(x.block);
      return { type, block: x.block, shape: seen.shape, strides: seen.strides, offset: seen.offset };
    }
    const copy = this.#contiguous(x);
    return { type, block: copy.block, ...kernel.apply(copy)! };
  }

  #constant(value: number, type: TensorType): Value {
    const key = `${type.dtype}${Object.is(value, -0) ? "-0" : value}`;
    let block = this.#constants.get(key);
    if (block === undefined) {
      block = this.#memory.create(8);
      viewArray(type.dtype, this.#memory.memory.buffer, block.address, 1)[0] = value;
      if (this.#constants.size >= 1024) this.#forgetConstants();
      this.#constants.set(key, block);
    }
    this.#memory.hold(block);
    return { type, block, shape: type.shape, strides: type.shape.map(() => 0), offset: 0 };
  }

  #forgetConstants(): void {
    for (const block of this.#constants.values()) this.#memory.drop(block);
    this.#constants.clear();
  }

  /** The same elements in row-major order: the value itself, or a copy that holds its own block. */
  #contiguous(x: Value): Value {
    if (isContiguous(x)) return x;
    return this.#execute(copyKernel(x.type.dtype), [x], x.type);
  }

  #valueOf(x: ConcreteTensor): Value {
    return { type: x.type, block: x.storage as Block, shape: x.shape, strides: x.strides, offset: x.offset };
  }

  #borrow(x: ConcreteTensor): Value {
    const value = this.#valueOf(x);
    this.#memory.hold(value.block);
    return value;
  }

  #tensor(value: Value): ConcreteTensor {
    const tensor = new ConcreteTensor(this, value.type, value.block, value);
    this.#memory.watch(tensor, value.block);
    return tensor;
  }
}

let device: Backend | null = null;

/** The CPU, the same object every time; nothing is made before the first call. */
export function cpu(): Backend {
  return device ??= cpuWith(kernels);
}

/** Another CPU device, with kernels and memory of its own: for comparing implementations. */
export function cpuWith(kernels: KernelTable): Backend {
  return new CpuDevice(kernels);
}
