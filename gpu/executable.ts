/** A plan as dispatches on buffers: which shaders run, on what, and where values on the way lie. */

import type { Block, Handle, Value } from "./buffers.ts";
import { type Doubt, join } from "./failures.ts";
import type { Dispatch, Generator, GeneratorTable, Machine } from "./kernel.ts";
import type { Pipeline, Pipelines } from "./pipelines.ts";
import type { Queue } from "./queue.ts";
import { storageType } from "./storage.ts";
import { type Place, place, type Storage, type Work } from "../jit/place.ts";
import type { Plan } from "../jit/plan.ts";
import type { ComputeKind } from "../ops/kernel.ts";
import { contiguous, sizeOf, type TensorType } from "../ops/shape.ts";
import type { ConcreteTensor } from "../ops/tensor.ts";

/** Bind groups of a dispatch beyond these are forgotten, the oldest first. */
const groupsKept = 16;

/** A dispatch, ready to be submitted. */
interface Ready {
  readonly dispatch: Dispatch;
  readonly pipeline: Pipeline;
  readonly parameters: GPUBuffer | null;
  /** Bind groups, by the buffers that they bind. */
  readonly groups: Map<string, GPUBindGroup>;
}

export interface Executable {
  /** Of the inputs for which this was compiled. */
  readonly strides: readonly (readonly number[])[];
  /** The sizes of the buffers that a run takes: results, and places for values on the way. */
  readonly slotBytes: readonly number[];
  /** Of these, those for values on the way. */
  readonly arenaBytes: number;
  readonly dispatches: readonly Dispatch[];
  /** What the results depend on, besides the inputs, as long as it is open. Throws what proved right. */
  readonly doubts: readonly Doubt[];
  /** The block of every base, given the inputs and the buffers taken. */
  blocksOf(inputs: readonly Value[], taken: readonly Block[]): readonly Block[];
  submit(blocks: readonly Block[]): void;
  readonly results: readonly Place[];
  /** Gives up what it holds. */
  release(): void;
}

/** `constantOf` makes a value of one number, whose block it holds until `drop`. */
export function compile(
  device: GPUDevice,
  queue: Queue,
  pipelines: Pipelines,
  generators: GeneratorTable,
  machine: Omit<Machine, "temporary">,
  plan: Plan,
  inputs: readonly Value[],
  constantOf: (value: number, type: TensorType) => Value,
  drop: (block: Block) => void,
): Executable {
  const placed = place(plan, inputs);
  const storages = [...placed.storages];
  /** A value, counted from the beginning of its buffer. */
  const moved = (x: Place): Place => {
    const storage = storages[x.base - 1]!;
    if (storage.kind === "input") return { ...x, offset: x.offset + inputs[storage.index]!.offset };
    if (storage.kind === "constant") return { ...x, offset: x.offset + plan.constants[storage.index]!.value.offset };
    return x;
  };
  const results = placed.results.map(moved);
  const dispatches = placed.works.flatMap(({ kernel, inputs, outputs }) =>
    generate({ kernel, inputs: inputs.map(moved), outputs }, generators, machine, storages)
  );
  const ready = dispatches.map((dispatch) => prepare(device, queue, pipelines, dispatch));
  const { slotBytes, slotOf, arenaBytes } = planSlots(dispatches, storages, results, machine);
  const held = new Map<number, Block>();
  storages.forEach((storage, n) => {
    if (storage.kind === "literal") {
      held.set(n + 1, constantOf(storage.value, { dtype: storage.dtype, shape: [] }).block);
    } else if (storage.kind === "constant") held.set(n + 1, blockOf(plan.constants[storage.index]!.value));
  });
  const literals = [...held].filter(([base]) => storages[base - 1]!.kind === "literal").map(([, block]) => block);

  let doubts: readonly Doubt[] = [
    ...ready.map(({ pipeline }) => pipeline.doubt),
    ...[...held.values()].flatMap((block) => block.doubts),
  ];

  return {
    strides: inputs.map((x) => x.strides),
    slotBytes,
    arenaBytes,
    dispatches,
    get doubts() {
      if (doubts.length > 0) doubts = join([doubts]);
      return doubts;
    },
    blocksOf(inputs, taken) {
      const blocks = new Array<Block>(storages.length + 1);
      storages.forEach((storage, n) => {
        const base = n + 1;
        if (storage.kind === "input") blocks[base] = inputs[storage.index]!.block;
        else if (storage.kind === "made") blocks[base] = taken[slotOf.get(base) ?? -1]!;
        else blocks[base] = held.get(base)!;
      });
      return blocks;
    },
    submit(blocks) {
      if (ready.length > 0) submit(device, queue, ready, blocks);
    },
    results,
    release() {
      for (const { parameters } of ready) parameters?.destroy();
      for (const block of literals) drop(block);
    },
  };
}

/** The block of a tensor of this device. */
export function blockOf(x: ConcreteTensor): Block {
  return (x.storage as Handle).block;
}

function generate(
  { kernel, inputs, outputs }: Work,
  generators: GeneratorTable,
  machine: Omit<Machine, "temporary">,
  storages: Storage[],
): readonly Dispatch[] {
  const temporary = (type: TensorType): Place => {
    return { type, base: storages.push({ kind: "made", type }), ...contiguous(type.shape) };
  };
  // The table pairs every kind with its own generator, which an index by a union cannot say.
  const generator = generators[kernel.kind] as Generator<ComputeKind>;
  return generator(kernel, inputs, outputs, { ...machine, temporary });
}

function prepare(device: GPUDevice, queue: Queue, pipelines: Pipelines, dispatch: Dispatch): Ready {
  const { label, parameters: words } = dispatch;
  let parameters: GPUBuffer | null = null;
  if (words.length > 0) {
    parameters = device.createBuffer({
      label,
      size: 4 * words.length,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
    queue.write(parameters, Uint32Array.from(words));
  }
  return { dispatch, pipeline: pipelines.get(dispatch), parameters, groups: new Map() };
}

/** Everything in one pass: the device sees to it that a shader waits for what it reads. */
function submit(device: GPUDevice, queue: Queue, ready: readonly Ready[], blocks: readonly Block[]): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const one of ready) {
    const [x, y, z] = one.dispatch.workgroups;
    pass.setPipeline(one.pipeline.pipeline);
    pass.setBindGroup(0, groupOf(device, one, blocks));
    pass.dispatchWorkgroups(x, y, z);
  }
  pass.end();
  queue.submit(encoder.finish());
}

function groupOf(
  device: GPUDevice,
  { dispatch: { label, bindings }, pipeline: { layout }, parameters, groups }: Ready,
  blocks: readonly Block[],
): GPUBindGroup {
  let key = "";
  for (const { base } of bindings) key += `${blocks[base]!.id} `;
  let group = groups.get(key);
  if (group === undefined) {
    const buffers = bindings.map(({ base }) => blocks[base]!.buffer);
    if (parameters !== null) buffers.push(parameters);
    group = device.createBindGroup({
      label,
      layout,
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    if (groups.size >= groupsKept) groups.delete(groups.keys().next().value!);
    groups.set(key, group);
  }
  return group;
}

interface Slots {
  readonly slotBytes: readonly number[];
  /** By base. */
  readonly slotOf: ReadonlyMap<number, number>;
  readonly arenaBytes: number;
}

/** Which values share a buffer: a value on the way may have that of an earlier one which nothing reads any more. */
function planSlots(
  dispatches: readonly Dispatch[],
  storages: readonly Storage[],
  results: readonly Place[],
  machine: Omit<Machine, "temporary">,
): Slots {
  const isResult = new Set(results.map(({ base }) => base));
  const lastUse = new Map<number, number>();
  dispatches.forEach(({ bindings }, n) => bindings.forEach(({ base }) => lastUse.set(base, n)));
  const slotBytes: number[] = [];
  const slotOf = new Map<number, number>();
  const free: number[] = [];
  const arena = new Set<number>();

  function enter(base: number): void {
    const storage = storages[base - 1]!;
    if (storage.kind !== "made" || slotOf.has(base)) return;
    const bytes = bytesOf(storage.type, machine);
    let slot = isResult.has(base) ? -1 : closest(free, slotBytes, bytes);
    if (slot < 0) slot = slotBytes.push(bytes) - 1;
    else {
      free.splice(free.indexOf(slot), 1);
      slotBytes[slot] = Math.max(slotBytes[slot]!, bytes);
    }
    slotOf.set(base, slot);
    if (!isResult.has(base)) arena.add(slot);
  }

  dispatches.forEach(({ bindings }, n) => {
    for (const { base } of bindings) enter(base);
    for (const base of new Set(bindings.map(({ base }) => base))) {
      const slot = slotOf.get(base);
      if (slot !== undefined && lastUse.get(base) === n && !isResult.has(base)) free.push(slot);
    }
  });
  // Results without elements are computed by nobody.
  for (const { base } of results) enter(base);
  const arenaBytes = [...arena].reduce((sum, slot) => sum + slotBytes[slot]!, 0);
  return { slotBytes, slotOf, arenaBytes };
}

/** The free slot that fits best: the smallest that is large enough, or else the largest. −1 if none is free. */
function closest(free: readonly number[], slotBytes: readonly number[], bytes: number): number {
  let best = -1;
  for (const slot of free) {
    if (best < 0) best = slot;
    else {
      const [size, known] = [slotBytes[slot]!, slotBytes[best]!];
      if (known >= bytes ? size >= bytes && size < known : size > known) best = slot;
    }
  }
  return best;
}

function bytesOf({ dtype, shape }: TensorType, { hasFloat16, limits }: Omit<Machine, "temporary">): number {
  const bytes = Math.ceil(sizeOf(shape) * storageType(dtype, hasFloat16).bytes / 4) * 4;
  if (bytes > limits.bufferBytes) throw tooLarge(bytes, limits.bufferBytes, { dtype, shape });
  return bytes;
}

export function tooLarge(bytes: number, limit: number, { dtype, shape }: TensorType): RangeError {
  return new RangeError(
    `the gpu cannot hold ${dtype}[${shape}] in one buffer: it takes ${bytes} bytes, and the limit is ${limit}`,
  );
}
