/** The GPU as a device: tensors in buffers, and the programs that run on them. */

import type { Connection } from "./adapter.ts";
import { type Block, Buffers, type Handle, type Value } from "./buffers.ts";
import { blockOf, tooLarge } from "./executable.ts";
import { generators } from "./generators.ts";
import type { GeneratorTable, Limits, Machine } from "./kernel.ts";
import { Pipelines } from "./pipelines.ts";
import { Programs } from "./programs.ts";
import { Queue } from "./queue.ts";
import { Reader } from "./reading.ts";
import { decode, encode, storageType } from "./storage.ts";
import type { Plan } from "../jit/plan.ts";
import { allocateArray, type TypedArray, viewArray } from "../ops/dtype.ts";
import { perDType } from "../ops/families.ts";
import type { Kernel, KernelOf } from "../ops/kernel.ts";
import type { Program } from "../ops/program.ts";
import { input, scalarKey } from "../ops/scalar.ts";
import { contiguous, isContiguous, sizeOf, type TensorType, typeString } from "../ops/shape.ts";
import { type Backend, ConcreteTensor, type ProgramFacts } from "../ops/tensor.ts";

const copyKernel = perDType((dtype): Kernel => ({ kind: "map", body: input(0, dtype) }));

export class GpuDevice implements Backend {
  readonly name = "gpu";
  readonly readSync = null;
  readonly mostOperands: number;
  readonly #connection: Connection;
  readonly #limits: Limits;
  readonly #hasFloat16: boolean;
  readonly #queue: Queue;
  readonly #buffers: Buffers;
  readonly #pipelines: Pipelines;
  readonly #programs: Programs;
  readonly #reader: Reader;
  /** Scalars that constants are views of, by dtype and value. */
  readonly #constants = new Map<string, Block>();
  #failure: Error | null = null;

  constructor(connection: Connection, table: GeneratorTable = generators) {
    const { device, features } = connection;
    this.#connection = connection;
    this.#hasFloat16 = features.has("shader-f16");
    this.#limits = limitsOf(device.limits);
    // A contraction has two more operands than the work on its result.
    this.mostOperands = this.#limits.buffers - 3;
    this.#queue = new Queue(device);
    this.#buffers = new Buffers(device);
    this.#pipelines = new Pipelines(device);
    this.#reader = new Reader(device, this.#buffers, this.#queue);
    this.#programs = new Programs(
      device,
      this.#queue,
      this.#buffers,
      this.#pipelines,
      table,
      machineOf(connection),
      (value, type) => this.#constant(value, type),
      this,
    );
    device.addEventListener("uncapturederror", (event) => {
      this.#failure ??= new Error(`the gpu failed: ${(event as GPUUncapturedErrorEvent).error.message}`);
    });
    device.lost.then(({ reason, message }) => {
      this.#failure ??= new Error(`the gpu was lost (${reason || "unknown"}): ${message}; make a new one with gpu()`);
    });
  }

  get info(): Readonly<Record<string, unknown>> {
    return {
      name: this.name,
      backend: "WebGPU",
      adapter: this.#connection.description,
      vendor: this.#connection.vendor,
      features: [...this.#connection.features],
      limits: this.#limits,
      tiles: this.#connection.hasFastBarriers ? "shared memory" : "registers",
      shaders: this.#pipelines.count,
      ...this.#buffers.info,
    };
  }

  upload(data: TypedArray, type: TensorType): ConcreteTensor {
    this.#checkWorks();
    const bytes = encode(data, type.dtype, this.#hasFloat16);
    if (bytes.length > this.#limits.bufferBytes) throw tooLarge(bytes.length, this.#limits.bufferBytes, type);
    const block = this.#buffers.take(bytes.length);
    if (bytes.length > 0) this.#queue.write(block.buffer, bytes);
    return this.#tensor({ type, block, ...contiguous(type.shape) });
  }

  async read(x: ConcreteTensor): Promise<TypedArray> {
    this.#checkWorks();
    const { type } = x;
    const n = sizeOf(type.shape);
    if (n === 0) return allocateArray(type.dtype, 0);
    const row = this.#startingContiguous(this.#valueOf(x));
    const bytes = Math.ceil(n * storageType(type.dtype, this.#hasFloat16).bytes / 4) * 4;
    const words = this.#reader.read(row.block, bytes);
    this.#buffers.drop(row.block);
    const data = await words;
    this.#checkWorks();
    return decode(data, type.dtype, n, this.#hasFloat16);
  }

  share(x: ConcreteTensor): ConcreteTensor {
    const value = this.#valueOf(x);
    this.#buffers.hold(value.block);
    return this.#tensor(value, x.storage as Handle);
  }

  release(x: ConcreteTensor): void {
    this.#buffers.unwatch(x);
    this.#buffers.drop(blockOf(x));
  }

  run(program: Program, inputs: readonly ConcreteTensor[], donated?: ReadonlySet<number>): ConcreteTensor[] {
    this.#checkWorks();
    const { equations, constants, inputs: count, outputs, types } = program;
    const [equation] = equations;
    const isOne = equations.length === 1 && constants.length === 0 && equation!.inputs.length === count &&
      equation!.inputs.every((slot, i) => slot === i) && outputs.length === equation!.outputs.length &&
      outputs.every((slot, i) => slot === count + i);
    if (isOne) {
      const kernel = equation!.primitive.kernel(types, equation!.params);
      if (kernel.kind === "call") return this.run(kernel.program, inputs, donated);
      return [this.#tensor(this.#runOne(kernel, inputs.map((x) => this.#valueOf(x)), types[count]!))];
    }
    // Where an input begins is no part of a program's code.
    const values = inputs.map((x) => this.#valueOf(x));
    const moved = values.map((x) => x.offset === 0 ? x : this.#copy(x));
    try {
      return this.#programs.run(program, moved, donated).map((value) => this.#tensor(value));
    } finally {
      moved.forEach((x, i) => x !== values[i] && this.#buffers.drop(x.block));
    }
  }

  factsOf(program: Program): ProgramFacts | null {
    const facts = this.#programs.factsOf(program);
    if (facts === null) return null;
    const { executable, donated } = facts;
    return {
      device: this.name,
      how: counted(executable.dispatches.length, "dispatch", "es"),
      arenaBytes: executable.arenaBytes,
      codeBytes: executable.dispatches.reduce((sum, { code }) => sum + code.length, 0),
      reusable: [...donated],
      copies: 0,
    };
  }

  #runOne(kernel: Kernel, inputs: readonly Value[], type: TensorType): Value {
    if (kernel.kind === "view") return this.#view(kernel, inputs[0]!, type);
    if (kernel.kind === "map" && kernel.body.op === "const") return this.#constant(kernel.body.value, type);
    let key = `${keyOf(kernel)} ${typeString(type)}`;
    for (const x of inputs) key += `;${typeString(x.type)}${x.strides}+${x.offset}`;
    return this.#programs.runKernel(key, () => planOf(kernel, inputs, type), inputs)[0]!;
  }

  #view(kernel: KernelOf<"view">, x: Value, type: TensorType): Value {
    const seen = kernel.apply(x);
    if (seen !== null) {
      this.#buffers.hold(x.block);
      return { type, block: x.block, shape: seen.shape, strides: seen.strides, offset: seen.offset };
    }
    const copy = this.#copy(x);
    return { type, block: copy.block, ...kernel.apply(copy)! };
  }

  /** The same elements in row-major order from the first on; it holds its block. */
  #startingContiguous(x: Value): Value {
    if (!isContiguous(x) || x.offset !== 0) return this.#copy(x);
    this.#buffers.hold(x.block);
    return x;
  }

  #copy(x: Value): Value {
    return this.#runOne(copyKernel(x.type.dtype), [x], x.type);
  }

  #constant(value: number, type: TensorType): Value {
    const key = `${type.dtype}${Object.is(value, -0) ? "-0" : value}`;
    let block = this.#constants.get(key);
    if (block === undefined) {
      const data = viewArray(type.dtype, new ArrayBuffer(8), 0, 1);
      data[0] = value;
      const bytes = encode(data, type.dtype, this.#hasFloat16);
      block = this.#buffers.take(bytes.length);
      this.#queue.write(block.buffer, bytes);
      if (this.#constants.size >= 1024) {
        for (const known of this.#constants.values()) this.#buffers.drop(known);
        this.#constants.clear();
      }
      this.#constants.set(key, block);
    }
    this.#buffers.hold(block);
    return { type, block, shape: type.shape, strides: type.shape.map(() => 0), offset: 0 };
  }

  #valueOf(x: ConcreteTensor): Value {
    return { type: x.type, block: blockOf(x), shape: x.shape, strides: x.strides, offset: x.offset };
  }

  #tensor(value: Value, handle: Handle = this.#buffers.handle(value.block)): ConcreteTensor {
    const tensor = new ConcreteTensor(this, value.type, handle, value);
    this.#buffers.watch(tensor, value.block);
    return tensor;
  }

  #checkWorks(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

function counted(n: number, noun: string, plural: string): string {
  return `${n} ${noun}${n === 1 ? "" : plural}`;
}

/** A plan of one kernel, whose inputs are its own. */
function planOf(kernel: Kernel, inputs: readonly Value[], type: TensorType): Plan {
  const slots = inputs.map((_, i) => i);
  const step = { kernel, inputs: slots, outputs: [inputs.length], types: [type], lastUses: [] };
  return { steps: [step], constants: [], outputs: [inputs.length] };
}

function keyOf(kernel: Kernel): string {
  if (kernel.kind === "map") return scalarKey(kernel.body);
  if (kernel.kind === "reduce") return `${kernel.combiner} ${kernel.axes} ${scalarKey(kernel.body)}`;
  return JSON.stringify(kernel);
}

/** What generators are to know of a device. */
export function machineOf(
  { device, features, hasFastBarriers }: Connection,
): Omit<Machine, "parametric" | "temporary"> {
  return {
    hasFloat16: features.has("shader-f16"),
    hasSubgroups: features.has("subgroups"),
    hasFastBarriers,
    limits: limitsOf(device.limits),
  };
}

function limitsOf(limits: GPUSupportedLimits): Limits {
  return {
    threads: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
    sharedBytes: limits.maxComputeWorkgroupStorageSize,
    workgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    // One is for parameters.
    buffers: limits.maxStorageBuffersPerShaderStage - 1,
    bufferBytes: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
  };
}
