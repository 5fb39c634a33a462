/** The CPU as a device: tensors in wasm memory, and the kernels and programs that run on them. */

import { kernels } from "./kernels.ts";
import type { KernelTable, Operand } from "./machine.ts";
import { arrayBytes, type Block, Memory, type Value } from "./memory.ts";
import { type CpuFacts, type CpuOptions, Programs } from "./programs.ts";
import { runTask } from "./record.ts";
import { tileInUse } from "./wide.ts";
import { allocateArray, type TypedArray, viewArray } from "../ops/dtype.ts";
import { perDType } from "../ops/families.ts";
import type { ComputeKind, Kernel, KernelOf } from "../ops/kernel.ts";
import type { Program } from "../ops/program.ts";
import { input } from "../ops/scalar.ts";
import { contiguous, isContiguous, sizeOf, type TensorType } from "../ops/shape.ts";
import { type Backend, ConcreteTensor } from "../ops/tensor.ts";

/** Whether a program is what `bind` makes of one operation: it takes all inputs in order, and its results are all. */
function isOneOperation({ equations, constants, inputs, outputs }: Program): boolean {
  if (equations.length !== 1 || constants.length !== 0 || outputs.length !== equations[0]!.outputs.length) return false;
  for (let i = 0; i < outputs.length; i++) if (outputs[i] !== inputs + i) return false;
  const slots = equations[0]!.inputs;
  if (slots.length !== inputs) return false;
  for (let i = 0; i < inputs; i++) if (slots[i] !== i) return false;
  return true;
}

const copyKernel = perDType((dtype): Kernel => ({ kind: "map", body: input(0, dtype) }));

export class CpuDevice implements Backend {
  readonly name: string;
  /** Each operand is an argument of a kernel's code for each of its loops, and WebAssembly allows for 1000. */
  readonly mostOperands = 100;
  readonly #own: KernelTable;
  #kernels: KernelTable;
  /** The library that has kernels of its own run. */
  #blas: string | null = null;
  readonly #memory = new Memory();
  readonly #programs: Programs;
  /** Scalars that constants are views of, by dtype and value. */
  readonly #constants = new Map<string, Block>();

  constructor(kernels: KernelTable, options: CpuOptions = {}) {
    this.name = options.name ?? "cpu";
    this.#own = this.#kernels = kernels;
    this.#programs = new Programs(this, kernels, this.#memory, options, (value, type) => this.#constant(value, type));
  }

  get info(): Readonly<Record<string, unknown>> {
    const { threads } = this.#programs;
    return {
      name: this.name,
      backend: "WebAssembly SIMD",
      tile: tileInUse(),
      blas: this.#blas,
      threads,
      ...this.#memory.info,
    };
  }

  /** Has other kernels run from now on, which call a library; null for its own. */
  useKernels(kernels: KernelTable | null, blas: string | null = null): void {
    this.#kernels = kernels ?? this.#own;
    this.#blas = blas;
    this.#programs.useKernels(this.#kernels);
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

  run(program: Program, inputs: readonly ConcreteTensor[], donated?: ReadonlySet<number>): ConcreteTensor[] {
    const values = inputs.map((x) => this.#valueOf(x));
    if (isOneOperation(program)) {
      const { primitive, params } = program.equations[0]!;
      const kernel = primitive.kernel(program.types, params);
      if (kernel.kind === "call") return this.run(kernel.program, inputs, donated);
      return [this.#tensor(this.#execute(kernel, values, program.types[inputs.length]!))];
    }
    return this.#programs.run(program, values, donated).map((value) => this.#tensor(value));
  }

  /** What was compiled for a program; null if it has not been. */
  factsOf(program: Program): CpuFacts | null {
    return this.#programs.factsOf(program);
  }

  /** Runs one kernel. The result holds its block once. */
  #execute(kernel: Kernel, inputs: readonly Value[], type: TensorType): Value {
    if (kernel.kind === "call") throw new TypeError("a call was not written out");
    if (kernel.kind === "view") return this.#view(kernel, inputs[0]!, type);
    if (kernel.kind === "map" && kernel.body.op === "const") return this.#constant(kernel.body.value, type);
    return this.#programs.isShared(kernel, inputs, type)
      ? this.#programs.runKernel(kernel, inputs, type) ?? this.#runAlone(kernel, inputs, type)
      : this.#runAlone(kernel, inputs, type);
  }

  #runAlone(kernel: KernelOf<ComputeKind>, inputs: readonly Value[], type: TensorType): Value {
    const memory = this.#memory;
    const operands: Operand[] = [];
    try {
      for (const { type: { dtype }, block, shape, strides, offset } of inputs) {
        const length = block.sizeBytes / arrayBytes(dtype, 1);
        operands.push({ dtype, shape, strides, offset, address: memory.pin(block), length });
      }
      const length = sizeOf(type.shape);
      const block = memory.create(arrayBytes(type.dtype, length));
      const { shape, strides } = contiguous(type.shape);
      const output = { dtype: type.dtype, shape, strides, offset: 0, address: memory.pin(block), length };
      try {
        runTask(this.#kernels, { kernel, inputs: operands, outputs: [output] }, memory);
      } catch (error) {
        memory.drop(block);
        throw error;
      }
      memory.unpin(block);
      return { type, block, shape, strides, offset: 0 };
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

  #tensor(value: Value): ConcreteTensor {
    const tensor = new ConcreteTensor(this, value.type, value.block, value);
    this.#memory.watch(tensor, value.block);
    return tensor;
  }
}

let device: CpuDevice | null = null;

/** The CPU, the same object every time; nothing is made before the first call. */
export function cpu(): CpuDevice {
  return device ??= cpuWith(kernels);
}

/** Another CPU device, with kernels, memory and threads of its own: for comparing implementations. */
export function cpuWith(kernels: KernelTable, options?: CpuOptions): CpuDevice {
  return new CpuDevice(kernels, options);
}
