// The allocator: no overlap, alignment, coalescing, growth in steps, and errors, under random sequences.
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { Allocator } from "../cpu/allocator.ts";
import { check } from "./property.ts";

const page = 65536;

/** A memory that only counts: it starts at `start`, ends at `limit`, and may lose a page to others before it grows. */
function fakeMemory(start = 0, limit = 2 ** 32): {
  grow(bytes: number): number;
  readonly steps: number[];
  skip: number;
} {
  let end = start;
  const memory = {
    steps: [] as number[],
    skip: 0,
    grow(bytes: number): number {
      const address = end + memory.skip;
      if (address + bytes > limit) throw new RangeError("memory is full");
      memory.steps.push(bytes);
      end = address + bytes;
      return address;
    },
  };
  return memory;
}

/** Allocates that many bytes, or frees a live block: the one at this fraction of them. */
type Step = { readonly allocate: number } | { readonly free: number };

const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 100_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 5_000_000 }) },
);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ allocate: bytes }),
    fc.record({ free: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }) }),
  ),
  { maxLength: 200, size: "max" },
);

interface Live {
  readonly address: number;
  readonly size: number;
}

function apply(allocator: Allocator, live: Live[], step: Step): void {
  if ("allocate" in step) {
    const address = allocator.allocate(step.allocate);
    const size = Math.max(16, Math.ceil(step.allocate / 16) * 16);
    assertEquals(address % 16, 0);
    for (const other of live) {
      assert(address + size <= other.address || other.address + other.size <= address, "two blocks overlap");
    }
    live.push({ address, size });
  } else if (live.length > 0) {
    const [{ address }] = live.splice(Math.floor(step.free * live.length), 1) as [Live];
    allocator.free(address);
  }
  assertEquals(allocator.usedBytes, live.reduce((sum, { size }) => sum + size, 0));
}

/** The longest run of memory, from `start` to `end`, that no live block covers. */
function largestGap(live: readonly Live[], start: number, end: number): number {
  let gap = 0;
  let at = start;
  for (const { address, size } of live.toSorted((a, b) => a.address - b.address)) {
    gap = Math.max(gap, address - at);
    at = address + size;
  }
  return Math.max(gap, end - at);
}

Deno.test("allocator: no overlap, growth only where no gap fits, and one block again when all are free", () => {
  // Near the end of the address space no sum may wrap at 2^31 or 2^32.
  const start = fc.constantFrom(0, page, 2 ** 31 - page, 2 ** 32 - 2 ** 30);
  check(fc.tuple(start, steps, fc.boolean()), ([start, steps, backwards]) => {
    const memory = fakeMemory(start);
    const allocator = new Allocator(memory.grow);
    const live: Live[] = [];
    for (const step of steps) {
      const gap = largestGap(live, start, start + allocator.totalBytes);
      const grown = memory.steps.length;
      apply(allocator, live, step);
      if ("allocate" in step) assertEquals(memory.steps.length > grown, live.at(-1)!.size > gap);
    }
    assertEquals(allocator.totalBytes, memory.steps.reduce((sum, n) => sum + n, 0));
    assert(live.every(({ address, size }) => address >= start && address + size <= start + allocator.totalBytes));
    if (backwards) live.reverse();
    for (const { address } of live) allocator.free(address);
    assertEquals(allocator.usedBytes, 0);
    const grown = memory.steps.length;
    if (grown > 0) assertEquals(allocator.allocate(allocator.totalBytes), start);
    assertEquals(memory.steps.length, grown);
  }, { share: 4 });
});

Deno.test("allocator: others may grow the same memory in between", () => {
  check(fc.array(fc.tuple(fc.nat(2), steps), { maxLength: 4 }), (phases) => {
    const memory = fakeMemory();
    const allocator = new Allocator(memory.grow);
    const live: Live[] = [];
    for (const [pages, steps] of phases) {
      memory.skip = pages * page;
      for (const step of steps) apply(allocator, live, step);
    }
    for (const { address } of live) allocator.free(address);
    assertEquals(allocator.usedBytes, 0);
  }, { share: 4 });
});

Deno.test("allocator: grows by the free end's shortage, by a quarter, or by a mebibyte, in whole pages", () => {
  const memory = fakeMemory();
  const allocator = new Allocator(memory.grow);
  allocator.allocate(100);
  assertEquals(memory.steps, [2 ** 20]);
  const large = allocator.allocate(40 * 2 ** 20);
  const missing = 40 * 2 ** 20 - (2 ** 20 - 112);
  assertEquals(memory.steps, [2 ** 20, Math.ceil(missing / page) * page]);
  assertEquals(large, 112);
  allocator.allocate(2 ** 20);
  assertEquals(memory.steps[2], Math.ceil((memory.steps[0]! + memory.steps[1]!) / 4 / page) * page);
});

Deno.test("allocator: what was freed is used again", () => {
  const memory = fakeMemory();
  const allocator = new Allocator(memory.grow);
  const first = allocator.allocate(1000);
  allocator.allocate(16);
  allocator.free(first);
  assertEquals(allocator.allocate(1000), first);
  allocator.free(first);
  assertEquals(allocator.allocate(10), first);
  assertEquals(allocator.allocate(900), first + 16);
  for (let i = 0; i < 1000; i++) allocator.free(allocator.allocate(500_000));
  assertEquals(memory.steps.length, 1);
});

Deno.test("allocator: thousands of blocks are freed in any order", () => {
  check(fc.shuffledSubarray(Array.from({ length: 5000 }, (_, i) => i), { minLength: 5000 }), (order) => {
    const memory = fakeMemory();
    const allocator = new Allocator(memory.grow);
    const addresses = order.map((i) => allocator.allocate(16 * (1 + i % 100)));
    for (const i of order) allocator.free(addresses[i]!);
    const grown = memory.steps.length;
    assertEquals(allocator.allocate(allocator.totalBytes), 0);
    assertEquals(memory.steps.length, grown);
  }, { share: 0.15 });
});

Deno.test("allocator: a fit is found behind any number of free blocks that are too small", () => {
  const memory = fakeMemory();
  const allocator = new Allocator(memory.grow);
  // The fitting block is freed first, so that it lies last in the bin of 16 to 31 units.
  const addresses = Array.from({ length: 50 }, (_, i) => {
    const address = allocator.allocate(i === 0 ? 30 * 16 : 16 * 16);
    allocator.allocate(16);
    return address;
  });
  allocator.allocate(allocator.totalBytes - allocator.usedBytes);
  for (const address of addresses) allocator.free(address);
  assertEquals(allocator.allocate(20 * 16), addresses[0]);
  assertEquals(memory.steps.length, 1);
});

Deno.test("allocator: regions that touch are joined, whichever is freed first", () => {
  for (const first of [0, 1]) {
    const memory = fakeMemory();
    const allocator = new Allocator(memory.grow);
    const addresses = [allocator.allocate(2 ** 20), allocator.allocate(2 ** 20)];
    allocator.free(addresses[first]!);
    allocator.free(addresses[1 - first]!);
    assertEquals(allocator.allocate(2 ** 21), 0);
    assertEquals(memory.steps, [2 ** 20, 2 ** 20]);
  }
});

Deno.test("allocator: a full memory throws, loses nothing, and is used to its last page", () => {
  const memory = fakeMemory(0, 20 * page);
  const allocator = new Allocator(memory.grow);
  const first = allocator.allocate(15 * page);
  assertThrows(() => allocator.allocate(6 * page), RangeError, "memory is full");
  assertEquals([allocator.usedBytes, allocator.totalBytes], [15 * page, 16 * page]);
  assertEquals(allocator.allocate(5 * page), 15 * page); // One page was free, four are left to grow by: less than a step.
  assertEquals(allocator.totalBytes, 20 * page);
  allocator.free(first);
  assertThrows(() => allocator.allocate(2 ** 34), RangeError, "memory is full");
  assertEquals(allocator.allocate(15 * page), first);
});

Deno.test("allocator: an address that is not allocated cannot be freed", () => {
  const allocator = new Allocator(fakeMemory().grow);
  const address = allocator.allocate(100);
  assertThrows(() => allocator.free(address + 16), RangeError, "free() got the address 16, where nothing is allocated");
  assertThrows(() => allocator.free(address + 1), RangeError, "free() got the address 1, where nothing is allocated");
  allocator.free(address);
  assertThrows(() => allocator.free(address), RangeError, "free() got the address 0, where nothing is allocated");
});

Deno.test("allocator: blocks of a real memory can be filled independently", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const allocator = new Allocator((bytes) => memory.grow(bytes / page) * page);
  const addresses = [0, 5, 70_000, 3_000_000].map((n) => allocator.allocate(n));
  addresses.forEach((address, i) => new Uint8Array(memory.buffer, address, 16).fill(i + 1));
  assertEquals(addresses.map((address) => new Uint8Array(memory.buffer)[address + 15]), [1, 2, 3, 4]);
  assert(addresses[0]! >= page);
});
