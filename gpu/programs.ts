/** Runs plans: has their shaders written and compiled once for the layouts of their inputs, and submits them. */

import type { Block, Buffers, Value } from "./buffers.ts";
import { compile, type Executable } from "./executable.ts";
import { type Doubt, doubtAbout, join } from "./failures.ts";
import type { GeneratorTable, Machine } from "./kernel.ts";
import type { Pipelines } from "./pipelines.ts";
import type { Queue } from "./queue.ts";
import { fuse } from "../jit/fuse.ts";
import type { Plan } from "../jit/plan.ts";
import type { Program } from "../ops/program.ts";
import type { TensorType } from "../ops/shape.ts";
import type { Backend } from "../ops/tensor.ts";

interface Compiled {
  readonly plan: Plan;
  readonly variants: Executable[];
  /** Of the last run. */
  donated: ReadonlySet<number>;
}

/** What was compiled for a program last. */
export interface Facts {
  readonly executable: Executable;
  readonly donated: ReadonlySet<number>;
}

const nothing: ReadonlySet<number> = new Set();

/** Variants of a plan beyond these are forgotten, the oldest first. */
const variantsKept = 16;
/** Single kernels, likewise. */
const kernelsKept = 1024;

export class Programs {
  readonly #device: GPUDevice;
  readonly #queue: Queue;
  readonly #buffers: Buffers;
  readonly #pipelines: Pipelines;
  readonly #generators: GeneratorTable;
  readonly #machine: Omit<Machine, "parametric" | "temporary">;
  readonly #constantOf: (value: number, type: TensorType) => Value;
  /** Where programs run. */
  readonly #owner: Backend;
  readonly #compiled = new WeakMap<Program, Compiled>();
  readonly #single = new Map<string, Executable>();

  /** `constantOf` makes a value of one number, whose block it holds. */
  constructor(
    device: GPUDevice,
    queue: Queue,
    buffers: Buffers,
    pipelines: Pipelines,
    generators: GeneratorTable,
    machine: Omit<Machine, "parametric" | "temporary">,
    constantOf: (value: number, type: TensorType) => Value,
    owner: Backend,
  ) {
    this.#owner = owner;
    this.#device = device;
    this.#queue = queue;
    this.#buffers = buffers;
    this.#pipelines = pipelines;
    this.#generators = generators;
    this.#machine = machine;
    this.#constantOf = constantOf;
  }

  /**
   * Runs a program; each result holds its block. Inputs begin at the first element of their block. Programs of jit() come
   * with a set of donated inputs, which the pool takes back as they are given up; the shaders of others are shared
   * between shapes.
   */
  run(program: Program, inputs: readonly Value[], donated?: ReadonlySet<number>): Value[] {
    let compiled = this.#compiled.get(program);
    if (compiled === undefined) {
      this.#compiled.set(program, compiled = { plan: fuse(program, this.#owner), variants: [], donated: nothing });
    }
    let executable = compiled.variants.find(({ strides }) => fits(strides, inputs));
    if (executable === undefined) {
      executable = this.#compile(compiled.plan, inputs, donated === undefined);
      if (compiled.variants.length >= variantsKept) compiled.variants.shift()!.release();
      compiled.variants.push(executable);
    }
    compiled.donated = donated ?? nothing;
    return this.#execute(executable, inputs);
  }

  /** Runs one kernel, which `key` tells from all others; shaders are shared between shapes. */
  runKernel(key: string, makePlan: () => Plan, inputs: readonly Value[]): Value[] {
    let executable = this.#single.get(key);
    if (executable === undefined) {
      executable = this.#compile(makePlan(), inputs, true);
      if (this.#single.size >= kernelsKept) {
        const oldest = this.#single.keys().next().value!;
        this.#single.get(oldest)!.release();
        this.#single.delete(oldest);
      }
      this.#single.set(key, executable);
    }
    return this.#execute(executable, inputs);
  }

  /** Null if a program has not run. */
  factsOf(program: Program): Facts | null {
    const compiled = this.#compiled.get(program);
    const executable = compiled?.variants.at(-1);
    return compiled === undefined || executable === undefined ? null : { executable, donated: compiled.donated };
  }

  #compile(plan: Plan, inputs: readonly Value[], parametric: boolean): Executable {
    return compile(
      this.#device,
      this.#queue,
      this.#pipelines,
      this.#generators,
      { ...this.#machine, parametric },
      plan,
      inputs,
      this.#constantOf,
      (block) => this.#buffers.drop(block),
    );
  }

  #execute(executable: Executable, inputs: readonly Value[]): Value[] {
    const buffers = this.#buffers;
    const taken: Block[] = [];
    try {
      for (const bytes of executable.slotBytes) taken.push(buffers.take(bytes));
      const blocks = executable.blocksOf(inputs, taken);
      const doubts = join(
        [...inputs, ...taken.map((block) => ({ block }))].map(({ block }) => block.doubts),
        executable.doubts,
      );
      const all = doubts.length === 0 ? doubts : [...doubts, this.#submitInDoubt(executable, blocks)];
      if (doubts.length === 0) executable.submit(blocks);
      for (const block of taken) block.doubts = all;
      return executable.results.map(({ type, shape, strides, offset, base }) => {
        const block = blocks[base]!;
        buffers.hold(block);
        return { type, block, shape, strides, offset };
      });
    } finally {
      // Those of results are held by them now; the others are free for what is submitted later.
      for (const block of taken) buffers.drop(block);
    }
  }

  /** Where something may have failed before, what this leads to is no failure of the device. */
  #submitInDoubt(executable: Executable, blocks: readonly Block[]): Doubt {
    const explain = (message: string): Error => new Error(`the gpu refuses a program: ${message}`);
    return doubtAbout(this.#device, ["validation"], () => executable.submit(blocks), explain).doubt;
  }
}

function fits(known: readonly (readonly number[])[], inputs: readonly Value[]): boolean {
  for (let i = 0; i < inputs.length; i++) {
    const [strides, actual] = [known[i]!, inputs[i]!.strides];
    if (strides === actual) continue;
    for (let axis = 0; axis < strides.length; axis++) if (strides[axis] !== actual[axis]) return false;
  }
  return true;
}
