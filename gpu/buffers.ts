/**
 * Who holds GPU memory. Buffers that nobody holds any more lie in a pool, sorted by size, from which new ones are taken:
 * the queue runs in order, so a buffer may be used again while work that reads it is still waiting.
 */

import { type Doubt, doubtAbout } from "./failures.ts";
import type { Strided, TensorType } from "../ops/shape.ts";

/** A buffer, and how many hold it. */
export interface Block {
  /** Never used again. */
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly sizeBytes: number;
  holders: number;
  /** What its contents depend on. */
  doubts: readonly Doubt[];
  /** About the buffer itself. */
  readonly made: Doubt;
}

/** An array on its way through a program: a view of a block, of which it holds one count. */
export interface Value extends Strided {
  readonly type: TensorType;
  readonly block: Block;
}

/** What tensors hold of a block. The weight is untouched memory of the same size, by which V8 knows when to collect. */
export interface Handle {
  readonly block: Block;
  readonly weight: ArrayBuffer | null;
}

/** The part of what was ever held at once that may lie idle. */
const idleShare = 1 / 2;
const leastIdleBytes = 64 * 2 ** 20;
/** Small buffers are not worth a finalizer's weight. */
const weighedBytes = 16384;

export class Buffers {
  readonly #device: GPUDevice;
  readonly #idle = new Map<number, Block[]>();
  readonly #finalizers = new FinalizationRegistry((block: Block) => this.drop(block));
  #made = 0;
  #heldBytes = 0;
  #idleBytes = 0;
  #peakBytes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** What `device.info` tells of memory. */
  get info(): Readonly<Record<string, number>> {
    return { heldBytes: this.#heldBytes, idleBytes: this.#idleBytes, buffersMade: this.#made };
  }

  /** A block of at least so many bytes, with one holder, and anything in it. */
  take(bytes: number): Block {
    const sizeBytes = classOf(bytes);
    let block = this.#idle.get(sizeBytes)?.pop();
    if (block === undefined) block = this.#make(sizeBytes);
    else this.#idleBytes -= sizeBytes;
    block.holders = 1;
    block.doubts = block.made.state === "cleared" ? [] : [block.made];
    this.#heldBytes += sizeBytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#heldBytes);
    return block;
  }

  hold(block: Block): void {
    block.holders++;
  }

  /** One holder fewer. */
  drop(block: Block): void {
    if (--block.holders > 0) return;
    const { sizeBytes } = block;
    this.#heldBytes -= sizeBytes;
    if (block.made.state instanceof Error) return block.buffer.destroy();
    const idle = this.#idle.get(sizeBytes);
    if (idle === undefined) this.#idle.set(sizeBytes, [block]);
    else idle.push(block);
    this.#idleBytes += sizeBytes;
    if (this.#idleBytes > Math.max(leastIdleBytes, idleShare * this.#peakBytes)) this.#destroyIdle();
  }

  /** A handle for tensors, which hold the block. */
  handle(block: Block): Handle {
    return { block, weight: block.sizeBytes < weighedBytes ? null : new ArrayBuffer(block.sizeBytes) };
  }

  /** Has the block dropped once more when `tensor` is collected. */
  watch(tensor: object, block: Block): void {
    this.#finalizers.register(tensor, block, tensor);
  }

  unwatch(tensor: object): void {
    this.#finalizers.unregister(tensor);
  }

  #make(sizeBytes: number): Block {
    const device = this.#device;
    const id = ++this.#made;
    const { result: buffer, doubt: made } = doubtAbout(
      device,
      ["out-of-memory", "validation"],
      () =>
        device.createBuffer({
          label: `${sizeBytes} bytes`,
          size: sizeBytes,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        }),
      (message) =>
        new RangeError(
          `the gpu has no room for ${sizeBytes} bytes beside the ${this.#heldBytes} in use: ` +
            `free tensors (using x = …), donate them to jit(), or await now and then; ` +
            `some drivers refuse single buffers from 37 MB on (deno#35195): make smaller tensors there (${message})`,
        ),
    );
    return { id, buffer, sizeBytes, holders: 0, doubts: [], made };
  }

  #destroyIdle(): void {
    for (const blocks of this.#idle.values()) for (const { buffer } of blocks) buffer.destroy();
    this.#idle.clear();
    this.#idleBytes = 0;
  }
}

/** Sizes come in steps of a quarter of a power of two, so that buffers fit what is asked for later. */
function classOf(bytes: number): number {
  if (bytes <= 16) return 16;
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / step) * step;
}
