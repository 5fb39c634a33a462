/** A general allocator of WebAssembly memory: all its records are JavaScript objects, so kernels cannot corrupt them. */

/** A run of memory, in units of 16 bytes; so the greatest address, 2^32, is still a small integer. */
interface Block {
  readonly start: number;
  size: number;
  free: boolean;
  /** The blocks that touch this one in memory. */
  before: Block | null;
  after: Block | null;
  /** Its neighbours in a bin, if it is free. */
  previous: Block | null;
  next: Block | null;
}

const unitBytes = 16;
const pageBytes = 65536;
const smallestStep = 2 ** 20;

/** How many blocks of a bin are looked at for the best fit. */
const searched = 16;

/**
 * Bin n holds the free blocks of 2^n to 2^(n+1) − 1 units, the last freed first. A block in a higher bin than the
 * request's fits for sure. Free neighbours are joined at once, so no two free blocks touch.
 */
export class Allocator {
  readonly #grow: (bytes: number) => number;
  readonly #allocated = new BlockTable();
  readonly #bins: (Block | null)[] = new Array<Block | null>(32).fill(null);
  /** Bit n is set where bin n holds a block. */
  #filled = 0;
  #last: Block | null = null;
  #usedBytes = 0;
  #totalBytes = 0;

  /** `grow` adds bytes, a multiple of 64 KiB, to the memory; it returns where they start, a multiple of 16, or throws. */
  constructor(grow: (bytes: number) => number) {
    this.#grow = grow;
  }

  /** Bytes allocated and not freed, rounded up to multiples of 16. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes that `grow` has given. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** The address of `bytes` bytes, a multiple of 16. If memory cannot grow, throws what `grow` threw and changes nothing. */
  allocate(bytes: number): number {
    const size = Math.max(1, Math.ceil(bytes / unitBytes));
    const block = this.#find(size) ?? this.#extend(size);
    this.#unlink(block);
    block.free = false;
    if (block.size > size) {
      const { start, after } = block;
      const rest = newBlock(start + size, block.size - size, block, after);
      if (after) after.before = rest;
      else if (this.#last === block) this.#last = rest;
      block.after = rest;
      block.size = size;
      this.#link(rest);
    }
    this.#allocated.add(block);
    this.#usedBytes += size * unitBytes;
    return block.start * unitBytes;
  }

  free(address: number): void {
    const block = this.#allocated.get(address / unitBytes);
    if (!block) throw new RangeError(`free() got the address ${address}, where nothing is allocated`);
    this.#allocated.remove(block);
    this.#usedBytes -= block.size * unitBytes;
    this.#release(block);
  }

  /** Makes a block free and joins it with its free neighbours. Returns the block it is now part of. */
  #release(block: Block): Block {
    const { before, after } = block;
    if (after?.free) {
      this.#unlink(after);
      this.#join(block, after);
    }
    if (before?.free) {
      this.#unlink(before);
      this.#join(before, block);
      this.#link(before);
      return before;
    }
    this.#link(block);
    return block;
  }

  #join(block: Block, after: Block): void {
    block.size += after.size;
    block.after = after.after;
    if (after.after) after.after.before = block;
    if (this.#last === after) this.#last = block;
  }

  /** Grows the memory by more than is missing, so that it seldom has to; by what is missing if there is no more. */
  #extend(size: number): Block {
    const last = this.#last;
    const missing = (size - (last?.free ? last.size : 0)) * unitBytes;
    const wanted = wholePages(Math.max(missing, this.#totalBytes / 4, smallestStep));
    let bytes = wanted;
    let address: number;
    try {
      address = this.#grow(wanted);
    } catch {
      bytes = wholePages(missing);
      address = this.#grow(bytes);
    }
    const start = address / unitBytes;
    const touching = last && last.start + last.size === start ? last : null;
    const block = newBlock(start, bytes / unitBytes, touching, null);
    if (touching) touching.after = block;
    this.#last = block;
    this.#totalBytes += bytes;
    const released = this.#release(block);
    // Too small only if someone else grew the memory too, so that the new pages do not touch the free end.
    return released.size >= size ? released : this.#extend(size);
  }

  #find(size: number): Block | null {
    const bin = binOf(size);
    const higher = this.#filled & (-2 << bin);
    return bestFit(this.#bins[bin]!, size, searched) ??
      (higher === 0
        ? bestFit(this.#bins[bin]!, size, Infinity)
        : bestFit(this.#bins[31 - Math.clz32(higher & -higher)]!, size, searched));
  }

  #link(block: Block): void {
    const bin = binOf(block.size);
    const next = this.#bins[bin]!;
    block.free = true;
    block.previous = null;
    block.next = next;
    if (next) next.previous = block;
    this.#bins[bin] = block;
    this.#filled |= 1 << bin;
  }

  #unlink({ size, previous, next }: Block): void {
    if (next) next.previous = previous;
    if (previous) {
      previous.next = next;
      return;
    }
    const bin = binOf(size);
    this.#bins[bin] = next;
    if (!next) this.#filled &= ~(1 << bin);
  }
}

/**
 * Blocks by where they start: a hash table with linear probing. A Map keeps its deleted entries in their chains until it
 * is rebuilt, so that freeing and allocating one address over and over, which is what loops do, gets slower and slower.
 */
class BlockTable {
  #slots: (Block | null)[] = new Array<Block | null>(64).fill(null);
  #count = 0;

  get(start: number): Block | null {
    const slots = this.#slots;
    let i = slotOf(start, slots.length);
    while (slots[i] && slots[i]!.start !== start) i = (i + 1) & (slots.length - 1);
    return slots[i]!;
  }

  add(block: Block): void {
    if (2 * ++this.#count > this.#slots.length) {
      const old = this.#slots;
      this.#slots = new Array<Block | null>(2 * old.length).fill(null);
      for (const moved of old) if (moved) this.#put(moved);
    }
    this.#put(block);
  }

  remove({ start }: Block): void {
    this.#count--;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = slotOf(start, slots.length);
    while (slots[hole]!.start !== start) hole = (hole + 1) & mask;
    // Blocks that were pushed past the hole move back, so that every search still ends at the first empty slot.
    for (let i = (hole + 1) & mask; slots[i]; i = (i + 1) & mask) {
      const pushed = (i - slotOf(slots[i]!.start, slots.length)) & mask;
      if (pushed < ((i - hole) & mask)) continue;
      slots[hole] = slots[i]!;
      hole = i;
    }
    slots[hole] = null;
  }

  #put(block: Block): void {
    const slots = this.#slots;
    let i = slotOf(block.start, slots.length);
    while (slots[i]) i = (i + 1) & (slots.length - 1);
    slots[i] = block;
  }
}

/** Fibonacci hashing: the top bits of a product with 2^32 over the golden ratio. `slots` is a power of two. */
function slotOf(start: number, slots: number): number {
  return Math.imul(start, 0x9e3779b1) >>> (Math.clz32(slots) + 1);
}

function newBlock(start: number, size: number, before: Block | null, after: Block | null): Block {
  return { start, size, free: false, before, after, previous: null, next: null };
}

function binOf(size: number): number {
  return 31 - Math.clz32(size);
}

function wholePages(bytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}

/** The smallest block that fits among the first few of a bin. */
function bestFit(first: Block | null, size: number, limit: number): Block | null {
  let best: Block | null = null;
  for (let block = first; block && limit > 0; block = block.next, limit--) {
    if (block.size === size) return block;
    if (block.size > size && (!best || block.size < best.size)) best = block;
  }
  return best;
}
