/**
 * Who holds wasm memory, and who gives it up. Blocks held only by rules are freed at once (ops/scope.ts). All others sit
 * in a table with a budget: when it is exceeded, the least recently used are copied out to ordinary typed arrays, which
 * V8 collects even in a loop that never waits. Finalizers only add to this, for large blocks.
 */

import { Allocator } from "./allocator.ts";
import type { Machine, Operand } from "./machine.ts";
import { newMemory } from "./shared.ts";
import { bytesPerElement, type TypedArray, viewArray } from "../ops/dtype.ts";

import type { Strided, TensorType } from "../ops/shape.ts";

/** How many tensors hold a block. Finalizers see only this, so that they do not keep spilled values alive. */
interface Holders {
  count: number;
  block: Block | null;
}

/** A piece of storage: in wasm memory at `address`, or spilled to a typed array. */
export interface Block {
  readonly sizeBytes: number;
  readonly holders: Holders;
  /** −1 while spilled. */
  address: number;
  spilled: Uint8Array | null;
  lastUse: number;
  /** Kernels at work on it now: it must not move. */
  pins: number;
}

/** An array on its way through a program: a view of a block, of which it holds one count. */
export interface Value extends Strided {
  readonly type: TensorType;
  readonly block: Block;
}

/**
 * The budget for blocks, at least: it grows when spilled values turn out to be needed again, and shrinks when few are. So
 * programs that need little have little garbage, and soon hold the most that they ever will.
 */
const leastBudgetBytes = 16 * 2 ** 20;
/** Spilling is worth while if less than this part of what is spilled is needed again. */
const neededAgain = 1 / 8;
/** Spilled arrays are garbage of V8's: the fewer at once, the less of it lies about before it is collected. */
const keptBySpilling = 7 / 8;
/** Small blocks are bounded by their number, since each costs a JavaScript object. */
const maxBlocks = 65536;
/** Below this a finalizer costs more than it frees. */
const finalizedBytes = 16384;
const pageBytes = 65536;

export class Memory implements Machine {
  readonly memory: WebAssembly.Memory;
  readonly recorder = null;
  readonly #allocator: Allocator;
  readonly #table = new Set<Block>();
  readonly #finalizers: FinalizationRegistry<Holders>;
  #budgetBytes = leastBudgetBytes;
  #heldBytes = 0;
  #clock = 0;

  constructor() {
    // The allocator never gets the last page: kernels may read beyond their operands.
    this.memory = newMemory(2);
    this.#allocator = new Allocator((bytes) => {
      const start = this.memory.buffer.byteLength - pageBytes;
      this.memory.grow(Math.ceil(bytes / pageBytes));
      return start;
    });
    this.#finalizers = new FinalizationRegistry((holders) => this.#drop(holders));
  }

  /** What `device.info` tells of memory. */
  get info(): Readonly<Record<string, number>> {
    return {
      wasmBytes: this.memory.buffer.byteLength,
      heldBytes: this.#heldBytes,
      budgetBytes: this.#budgetBytes,
      blocks: this.#table.size,
    };
  }

  allocate(bytes: number): number {
    try {
      return this.#allocator.allocate(bytes);
    } catch (error) {
      this.#spillUntil(0, 0);
      try {
        return this.#allocator.allocate(bytes);
      } catch {
        throw new RangeError(`out of memory: ${bytes} bytes do not fit beside the ${this.#heldBytes} in use`, {
          cause: error,
        });
      }
    }
  }

  free(address: number): void {
    this.#allocator.free(address);
  }

  array(operand: Operand): TypedArray {
    return viewArray(operand.dtype, this.memory.buffer, operand.address, operand.length);
  }

  /** A new block held by one tensor. */
  create(sizeBytes: number): Block {
    if (this.#heldBytes + sizeBytes > this.#budgetBytes || this.#table.size >= maxBlocks) {
      const before = this.#heldBytes;
      this.#spillUntil(Math.max(0, keptBySpilling * this.#budgetBytes - sizeBytes), maxBlocks / 2);
      const spilledBytes = before - this.#heldBytes;
      this.#budgetBytes = Math.max(leastBudgetBytes, this.#budgetBytes - neededAgain * spilledBytes);
    }
    const holders: Holders = { count: 1, block: null };
    const block: Block = {
      sizeBytes,
      holders,
      address: this.allocate(sizeBytes),
      spilled: null,
      lastUse: ++this.#clock,
      pins: 0,
    };
    this.#enter(block);
    return block;
  }

  /** The address of a block's bytes, brought back to wasm memory if need be. The block stays there while pinned. */
  pin(block: Block): number {
    block.lastUse = ++this.#clock;
    if (block.spilled !== null) {
      block.address = this.allocate(block.sizeBytes);
      new Uint8Array(this.memory.buffer, block.address, block.sizeBytes).set(block.spilled);
      block.spilled = null;
      this.#enter(block);
      // What is needed again should not have been spilled: allow for that much more.
      this.#budgetBytes += block.sizeBytes;
    }
    block.pins++;
    return block.address;
  }

  unpin(block: Block): void {
    block.pins--;
  }

  hold(block: Block): void {
    block.holders.count++;
  }

  /** One tensor fewer holds the block. */
  drop(block: Block): void {
    if (--block.holders.count === 0 && block.spilled === null) this.#remove(block);
    if (block.holders.count === 0) block.spilled = null;
  }

  /** Has a large block dropped when `tensor` is collected. */
  watch(tensor: object, block: Block): void {
    if (block.sizeBytes >= finalizedBytes) this.#finalizers.register(tensor, block.holders, tensor);
  }

  unwatch(tensor: object, block: Block): void {
    if (block.sizeBytes >= finalizedBytes) this.#finalizers.unregister(tensor);
  }

  #drop(holders: Holders): void {
    if (holders.block !== null) this.drop(holders.block);
    else holders.count--;
  }

  #enter(block: Block): void {
    block.holders.block = block;
    this.#table.add(block);
    this.#heldBytes += block.sizeBytes;
  }

  #remove(block: Block): void {
    this.#table.delete(block);
    this.#heldBytes -= block.sizeBytes;
    this.free(block.address);
    block.address = -1;
    block.holders.block = null;
  }

  /** Spills the least recently used blocks until at most so many bytes and blocks remain; pinned ones stay. */
  #spillUntil(bytes: number, blocks: number): void {
    const bytesHeld = new Uint8Array(this.memory.buffer);
    const uses = Float64Array.from(this.#table, (block) => block.lastUse).sort();
    // In three steps by last use rather than in its exact order: sorting the blocks themselves takes ten times as long.
    for (const share of [0.5, 0.75, 1]) {
      const limit = uses[Math.ceil(share * uses.length) - 1]!;
      for (const block of this.#table) {
        if (this.#heldBytes <= bytes && this.#table.size <= blocks) return;
        if (block.pins > 0 || block.lastUse > limit) continue;
        block.spilled = bytesHeld.slice(block.address, block.address + block.sizeBytes);
        this.#remove(block);
      }
    }
  }
}

/** Bytes of a row-major array. */
export function arrayBytes(dtype: Operand["dtype"], length: number): number {
  return length * bytesPerElement(dtype);
}
