/** A device as a GPU is one: programs run on it at once, and what it holds can be read by waiting alone. */

import { type CpuDevice, cpuWith } from "../cpu/device.ts";
import { kernels } from "../cpu/kernels.ts";
import { inline } from "../jit/inline.ts";
import type { TypedArray } from "../ops/dtype.ts";
import type { Program } from "../ops/program.ts";
import type { TensorType } from "../ops/shape.ts";
import { type Backend, ConcreteTensor, type ProgramFacts, type Tensor } from "../ops/tensor.ts";

/** A CPU behind a wall: its tensors are the storage of ours. */
export class FarDevice implements Backend {
  readonly name: string;
  readonly readSync = null;
  readonly mostOperands = 10;
  readonly #inner: CpuDevice;
  readonly #programs = new WeakMap<Program, Program>();
  /** How often values were read. */
  reads = 0;
  /** How many tensors live here that were not released. */
  held = 0;

  constructor(name: string) {
    this.name = name;
    this.#inner = cpuWith(kernels, { name, threads: 1 });
  }

  get info(): Readonly<Record<string, unknown>> {
    return this.#inner.info;
  }

  upload(data: TypedArray, type: TensorType): ConcreteTensor {
    return this.#wrap(this.#inner.upload(data, type));
  }

  async read(x: ConcreteTensor): Promise<TypedArray> {
    this.reads++;
    const values = await this.#inner.read(innerOf(x));
    await new Promise((done) => setTimeout(done, 0));
    return values;
  }

  /** What tests look at without waiting. */
  peek(x: Tensor): TypedArray {
    return this.#inner.readSync(innerOf(x.concrete()));
  }

  run(program: Program, inputs: readonly ConcreteTensor[], donated?: ReadonlySet<number>): ConcreteTensor[] {
    return this.#inner.run(this.#translate(program), inputs.map(innerOf), donated).map((y) => this.#wrap(y));
  }

  factsOf(program: Program): ProgramFacts | null {
    return this.#inner.factsOf(this.#translate(program));
  }

  share(x: ConcreteTensor): ConcreteTensor {
    return this.#wrap(this.#inner.share(innerOf(x)));
  }

  release(x: ConcreteTensor): void {
    this.held--;
    innerOf(x)[Symbol.dispose]();
  }

  #wrap(inner: ConcreteTensor): ConcreteTensor {
    this.held++;
    return new ConcreteTensor(this, inner.type, inner, inner);
  }

  /** The program with what it captured here as the tensors behind the wall. */
  #translate(program: Program): Program {
    let known = this.#programs.get(program);
    if (known === undefined) {
      const written = inline(program);
      const constants = written.constants.map(({ slot, value }) => ({
        slot,
        value: value instanceof ConcreteTensor && value.device === this ? innerOf(value) : value,
      }));
      known = constants.length === 0 ? written : { ...written, constants };
      this.#programs.set(program, known);
    }
    return known;
  }
}

function innerOf(x: ConcreteTensor): ConcreteTensor {
  return x.storage as ConcreteTensor;
}
