/** Reads: those asked for at the same time share one copy, one submission and one map, which may take ten milliseconds. */

import type { Block, Buffers } from "./buffers.ts";
import { settle } from "./failures.ts";
import type { Queue } from "./queue.ts";

interface Request {
  readonly block: Block;
  readonly bytes: number;
  readonly resolve: (bytes: ArrayBuffer) => void;
  readonly reject: (error: unknown) => void;
}

interface Staging {
  readonly buffer: GPUBuffer;
  readonly sizeBytes: number;
}

/** A buffer for reads up to this size is kept for the next one. */
const keptBytes = 16 * 2 ** 20;

/**
 * Deno's `mapAsync` waits for the device in the call itself, and its promise then sleeps for ten milliseconds. These
 * versions have the contents ready when the call returns, provided that the buffer was mapped at its creation: otherwise
 * asking for them too early ends the process. Other runtimes wait for the promise.
 */
function mapsAtOnce(): boolean {
  return /^2\.9\./.test(globalThis.Deno?.version.deno ?? "");
}

export class Reader {
  readonly #device: GPUDevice;
  readonly #buffers: Buffers;
  readonly #queue: Queue;
  readonly #mapsAtOnce: boolean = mapsAtOnce();
  #waiting: Request[] = [];
  #kept: Staging | null = null;

  constructor(device: GPUDevice, buffers: Buffers, queue: Queue) {
    this.#device = device;
    this.#buffers = buffers;
    this.#queue = queue;
  }

  /** The first bytes of a block, a multiple of 4, as they are when all work submitted so far is done. */
  read(block: Block, bytes: number): Promise<ArrayBuffer> {
    this.#buffers.hold(block);
    if (this.#waiting.length === 0) queueMicrotask(() => this.#flush());
    return new Promise((resolve, reject) => this.#waiting.push({ block, bytes, resolve, reject }));
  }

  async #flush(): Promise<void> {
    const requests = this.#waiting;
    this.#waiting = [];
    const doubts = requests.map(({ block }) => block.doubts);
    try {
      const contents = await this.#copy(requests);
      requests.forEach(({ resolve, reject }, n) => settle(doubts[n]!).then(() => resolve(contents[n]!), reject));
    } catch (error) {
      // What went wrong before tells more than that nothing can be read.
      requests.forEach(({ reject }, n) => settle(doubts[n]!).then(() => reject(error), reject));
    }
  }

  async #copy(requests: readonly Request[]): Promise<ArrayBuffer[]> {
    const total = requests.reduce((sum, { bytes }) => sum + bytes, 0);
    const staging = this.#takeStaging(total);
    const encoder = this.#device.createCommandEncoder({ label: "read" });
    let end = 0;
    for (const { block, bytes } of requests) {
      encoder.copyBufferToBuffer(block.buffer, 0, staging.buffer, end, bytes);
      end += bytes;
    }
    this.#queue.submit(encoder.finish());
    for (const { block } of requests) this.#buffers.drop(block);
    const all = await this.#contentsOf(staging.buffer, total);
    let start = 0;
    const parts = requests.map(({ bytes }) => all.slice(start, start += bytes));
    staging.buffer.unmap();
    if (this.#kept === null && staging.sizeBytes <= keptBytes) this.#kept = staging;
    else staging.buffer.destroy();
    return parts;
  }

  #takeStaging(bytes: number): Staging {
    const kept = this.#kept;
    if (kept !== null && kept.sizeBytes >= bytes) {
      this.#kept = null;
      return kept;
    }
    const buffer = this.#device.createBuffer({
      label: "read",
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      mappedAtCreation: this.#mapsAtOnce,
    });
    if (this.#mapsAtOnce) buffer.unmap();
    return { buffer, sizeBytes: bytes };
  }

  async #contentsOf(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const mapped = buffer.mapAsync(GPUMapMode.READ, 0, bytes);
    if (!this.#mapsAtOnce) await mapped;
    else {
      mapped.catch(() => {});
      // A turn of the event loop, in which finalizers run: loops that wait for values then hold no garbage.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return buffer.getMappedRange(0, bytes);
  }
}
