/** Runs single kernels on the GPU beside the reference: what the tests of the GPU's generators share. */

import { connect } from "../gpu/adapter.ts";
import { type Block, Buffers, type Value } from "../gpu/buffers.ts";
import { machineOf } from "../gpu/device.ts";
import { compile, type Executable } from "../gpu/executable.ts";
import { settle } from "../gpu/failures.ts";
import { generators } from "../gpu/generators.ts";
import type { Machine as GpuMachine } from "../gpu/kernel.ts";
import { Pipelines } from "../gpu/pipelines.ts";
import { Queue } from "../gpu/queue.ts";
import { Reader } from "../gpu/reading.ts";
import { decode, encode, storageType } from "../gpu/storage.ts";
import type { Plan } from "../jit/plan.ts";
import type { Implementation, Operand, SingleKind } from "../cpu/machine.ts";
import { reference } from "../cpu/reference.ts";
import { viewArray } from "../ops/dtype.ts";
import type { ComputeKind, KernelOf } from "../ops/kernel.ts";
import { sizeOf, type TensorType } from "../ops/shape.ts";
import { type Allowance, assertClose } from "./close.ts";
import type { Plain } from "./plain.ts";
import { machine } from "./reference.ts";

/** One for the whole process: an adapter gives few devices. Without an adapter there is nothing to test, and this throws. */
export const connection: Awaited<ReturnType<typeof connect>> = await connect();
const { device } = connection;
const buffers = new Buffers(device);
const pipelines = new Pipelines(device);
const queue = new Queue(device);
const reader = new Reader(device, buffers, queue);
const actual = machineOf(connection);

/** What generators are told of the machine; what is not said here is as it is. */
export type Told = Partial<Omit<GpuMachine, "temporary">>;

/** All ways in which generators write a kernel. */
export const ways: readonly Told[] = [false, true].flatMap((parametric) =>
  [false, true].map((hasFastBarriers) => ({ parametric, hasFastBarriers }))
);

/** A kernel that was compiled for its operands. */
export interface Prepared {
  readonly executable: Executable;
  /** Its shaders. */
  readonly text: string;
  /** Submits it once. */
  run(): void;
  /** The elements of its results. Throws what the device reports, with the text of the shader. */
  read(): Promise<Plain[]>;
  /** Gives up its memory. */
  release(): void;
}

/** Whole words of rubbish after a result, which must not change. */
const margin = 16;
const rubbish = 0x7fc0beef;

/** A kernel with operands of the reference's machine. All that it may write to is full of rubbish, NaN as a float. */
export function prepare(
  kernel: KernelOf<ComputeKind>,
  inputs: readonly Operand[],
  types: readonly TensorType[],
  told: Told,
): Prepared {
  const all = { ...actual, parametric: true, ...told };
  const uploaded = new Map<number, Block>();
  const literals: Block[] = [];
  const values = inputs.map((x) => valueOf(x, uploaded, all));
  const plan: Plan = {
    steps: [{
      kernel,
      inputs: inputs.map((_, n) => n),
      outputs: types.map((_, n) => inputs.length + n),
      types,
      lastUses: [],
    }],
    constants: [],
    outputs: types.map((_, n) => inputs.length + n),
  };
  const executable = compile(device, queue, pipelines, generators, all, plan, values, (value, type) => {
    const data = viewArray(type.dtype, new ArrayBuffer(8), 0, 1);
    data[0] = value;
    const block = upload(encode(data, type.dtype, all.hasFloat16));
    literals.push(block);
    return { type, block, shape: type.shape, strides: type.shape.map(() => 0), offset: 0 };
  }, () => {});
  for (const { label, bindings, workgroups } of executable.dispatches) {
    const { buffers, workgroupsPerDimension } = all.limits;
    if (bindings.length > buffers) throw new Error(`${label} binds ${bindings.length} buffers of ${buffers}`);
    if (workgroups.some((n) => n > workgroupsPerDimension)) throw new Error(`${label} has ${workgroups} workgroups`);
  }
  const taken = executable.slotBytes.map((bytes) => upload(new Uint32Array(bytes / 4 + margin).fill(rubbish)));
  const blocks = executable.blocksOf(values, taken);

  const text = executable.dispatches.map(({ code, workgroups, parameters }) =>
    `${code}\n// ${workgroups} workgroups, parameters ${parameters}`
  ).join("\n");

  async function read(): Promise<Plain[]> {
    const doubts = [...executable.doubts, ...blocks.flatMap((block) => block?.doubts ?? [])];
    const words = executable.results.map(({ base, type }) => {
      const block = blocks[base]!;
      return reader.read(block, bytesOf(type, all) + 4 * margin);
    });
    const read = await Promise.all(words);
    await settle(doubts);
    return executable.results.map(({ type }, n) => {
      const bytes = bytesOf(type, all);
      const beyond = new Uint32Array(read[n]!, bytes);
      if (beyond.some((word) => word !== rubbish)) {
        throw new Error(`${kernel.kind} wrote beyond result ${n}: ${beyond}\n${text}`);
      }
      const data = decode(read[n]!, type.dtype, sizeOf(type.shape), all.hasFloat16);
      return { ...type, data: [...data] };
    });
  }

  return {
    executable,
    text,
    run: () => executable.submit(blocks),
    read,
    release() {
      executable.release();
      for (const block of [...uploaded.values(), ...taken, ...literals]) buffers.drop(block);
    },
  };
}

/**
 * Fails unless a kernel gives on the GPU what the reference gives, in every way that it can be written.
 * Results must be equal, signs of zeros too, unless an allowance says otherwise.
 */
export async function compare(
  kernel: KernelOf<ComputeKind>,
  inputs: readonly Operand[],
  types: readonly TensorType[],
  { allowance = { ulps: 0, signedZeros: true }, told = {} }: { allowance?: Allowance; told?: Told } = {},
): Promise<void> {
  const expected = expectedOf(kernel, inputs, types);
  device.pushErrorScope("validation");
  const prepared = ways.map((way) => prepare(kernel, inputs, types, { ...way, ...told }));
  for (const one of prepared) one.run();
  const error = await device.popErrorScope();
  const results = await Promise.all(prepared.map((one) => one.read()));
  for (const one of prepared) one.release();
  if (error !== null) throw new Error(`${error.message}\n${prepared.map(({ text }) => text).join("\n")}`);
  results.forEach((plain, n) => {
    const way = JSON.stringify({ ...ways[n], ...told });
    plain.forEach((result, k) => {
      try {
        assertClose(result, expected[k]!, allowance, `result ${k} of ${kernel.kind}, ${way}`);
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${prepared[n]!.text}`);
      }
    });
  });
}

/** What the reference gives. */
export function expectedOf(
  kernel: KernelOf<ComputeKind>,
  inputs: readonly Operand[],
  types: readonly TensorType[],
): Plain[] {
  const outputs = types.map(({ shape, dtype }) => machine.output(shape, dtype));
  if (kernel.kind === "loop") reference.loop(kernel, inputs, outputs, machine);
  else {
    // The table pairs every kind with its own implementation, which an index by a union cannot say.
    (reference[kernel.kind] as Implementation<SingleKind>)(kernel, inputs, outputs[0]!, machine);
  }
  return types.map(({ shape, dtype }, n) => ({ dtype, shape, data: machine.read(outputs[n]!) }));
}

/** Milliseconds that one of many runs takes, the least of several rounds. For scripts that measure. */
export async function timed(prepared: Prepared, runs: number, rounds = 5): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    await device.queue.onSubmittedWorkDone();
    const start = performance.now();
    for (let run = 0; run < runs; run++) prepared.run();
    await device.queue.onSubmittedWorkDone();
    best = Math.min(best, (performance.now() - start) / runs);
  }
  return best;
}

type Complete = Omit<GpuMachine, "temporary">;

/** An operand's whole storage, once for all views of it. */
function valueOf(x: Operand, uploaded: Map<number, Block>, { hasFloat16 }: Complete): Value {
  const { address, dtype, shape, strides, offset } = x;
  let block = uploaded.get(address);
  if (block === undefined) uploaded.set(address, block = upload(encode(machine.array(x), dtype, hasFloat16)));
  return { type: { dtype, shape }, block, shape, strides, offset };
}

function upload(bytes: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): Block {
  const block = buffers.take(bytes.byteLength);
  queue.write(block.buffer, bytes);
  return block;
}

function bytesOf({ dtype, shape }: TensorType, { hasFloat16 }: Complete): number {
  return Math.ceil(sizeOf(shape) * storageType(dtype, hasFloat16).bytes / 4) * 4;
}
