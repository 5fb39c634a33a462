/** Data: batches that cover every example once, splits, scaling, shifts of images, and IDX files good and bad. */

import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import {
  arange,
  data,
  div,
  flatten,
  mean,
  mul,
  ones,
  random,
  reshape,
  ShapeError,
  type Tensor,
  tensor,
  variance,
  zeros,
} from "../mod.ts";
import { check } from "./property.ts";

const key = random.key(5);

function numbers(x: Tensor): number[] {
  return [...x.dataSync()];
}

function sorted(xs: readonly number[]): number[] {
  return [...xs].sort((a, b) => a - b);
}

function throws(f: () => unknown, kind: new (message: string) => Error, message: string): void {
  assertEquals(assertThrows(f, kind).message, message);
}

/** Examples numbered in two leaves of different shape and dtype. */
function numbered(n: number): { x: Tensor; parts: [Tensor, null] } {
  return { x: div(reshape(arange(2 * n), [n, 2]), 2), parts: [arange(n), null] };
}

Deno.test("batches: every example comes once, whole, in batches of the size", () => {
  const cases = fc.record({
    n: fc.integer({ min: 0, max: 20 }),
    size: fc.integer({ min: 1, max: 7 }),
    shuffle: fc.boolean(),
    dropLast: fc.boolean(),
  });
  check(cases, ({ n, size, ...options }) => {
    const epoch = data.batches(key, numbered(n), { size, ...options });
    const all = [...epoch];
    assertEquals(all.length, epoch.length);
    assertEquals(all.length, options.dropLast ? Math.floor(n / size) : Math.ceil(n / size));
    const seen = all.flatMap(({ x, parts: [label, none] }) => {
      assertEquals(none, null);
      assertEquals(numbers(x), numbers(label).flatMap((i) => [i, i + 0.5]));
      return numbers(label);
    });
    const full = all.slice(0, Math.floor(n / size));
    assert(full.every(({ x }) => x.shape[0] === size));
    assertEquals(new Set(seen).size, seen.length);
    const count = options.dropLast ? Math.floor(n / size) * size : n;
    assertEquals(seen.length, count);
    if (!options.shuffle) assertEquals(seen, Array.from({ length: count }, (_, i) => i));
  });
});

Deno.test("batches: the key alone decides the order", () => {
  const labels = (key: Tensor): number[] => [...data.batches(key, arange(50), { size: 8 })].flatMap(numbers);
  const epoch = data.batches(key, arange(50), { size: 8 });
  assertEquals([...epoch].flatMap(numbers), labels(key));
  assertEquals([...epoch].flatMap(numbers), labels(key));
  assertNotEquals(labels(random.foldIn(key, 1)), labels(key));
  assertNotEquals(labels(key), sorted(labels(key)));
});

Deno.test("split: two parts that cover the data set", () => {
  for (const [part, count] of [[0.8, 16], [0.33, 7], [5, 5], [0, 0], [20, 20], [1, 1]] as const) {
    const [first, rest] = data.split(key, numbered(20), part);
    assertEquals(first.parts[0].size, count);
    assertEquals(sorted([...numbers(first.parts[0]), ...numbers(rest.parts[0])]), numbers(arange(20)));
    assertEquals(numbers(rest.x), numbers(rest.parts[0]).flatMap((i) => [i, i + 0.5]));
  }
  const of = (key: Tensor): number[] => numbers(data.split(key, arange(100), 50)[0]);
  assertEquals(of(key), of(key));
  assertNotEquals(of(key), of(random.key(6)));
});

Deno.test("batches and split: errors", () => {
  const set = { x: zeros([4, 2]), y: zeros([3]) };
  throws(
    () => data.batches(key, set, { size: 2 }),
    ShapeError,
    "batches() needs a data set whose leaves have one first size, the number of examples, got f32[4,2], f32[3]",
  );
  throws(
    () => data.batches(key, zeros([]), { size: 2 }),
    ShapeError,
    "batches() needs a data set whose leaves have one first size, the number of examples, got f32[]",
  );
  throws(
    () => data.batches(key, [3], { size: 2 }),
    TypeError,
    "batches() needs a data set of tensors, got the number 3 in it",
  );
  throws(() => data.batches(key, null, { size: 2 }), TypeError, "batches() needs a data set with at least one tensor");
  for (const size of [0, 1.5, NaN]) {
    throws(
      () => data.batches(key, ones([3]), { size }),
      RangeError,
      `batches() needs a size that is a positive integer, got the number ${size}`,
    );
  }
  for (const part of [5, -1, 1.5]) {
    throws(
      () => data.split(key, ones([4]), part),
      RangeError,
      `split() cannot take ${part} of 4 examples: give a fraction between 0 and 1, or a number up to 4`,
    );
  }
});

Deno.test("standardize: T8, what was fitted has mean 0 and variance 1 in every component, for either ddof", () => {
  const x = random.uniform(key, [50, 3], { min: -5, max: 30, dtype: "float64" });
  for (const ddof of [0, 1]) {
    const scaler = data.standardize({ ddof });
    const y = scaler.apply(scaler.fit(x), x);
    numbers(mean(y, { axis: 0 })).forEach((v) => assertAlmostEquals(v, 0, 1e-12));
    numbers(variance(y, { axis: 0, ddof })).forEach((v) => assertAlmostEquals(v, 1, 1e-12));
  }
});

Deno.test("standardize: test data are scaled by what was fitted on training data", () => {
  const scaler = data.standardize({ ddof: 1 });
  const fitted = scaler.fit(tensor([[1, 0], [3, 0], [5, 0]]));
  assertEquals(fitted.mean.arraySync(), [[3, 0]]);
  assertEquals(fitted.std.arraySync(), [[2, 0]]);
  assertEquals(scaler.apply(fitted, tensor([[7, 4]])).arraySync(), [[2, 4]]);
  // Integers, as pixels come, and one value for each channel.
  const images = reshape(arange(2 * 3 * 3 * 2), [2, 3, 3, 2]);
  const byChannel = data.standardize({ axis: [0, 1, 2] });
  const measured = byChannel.fit(images);
  assertEquals(measured.mean.shape, [1, 1, 1, 2]);
  assertEquals(measured.mean.arraySync(), [[[[17, 18]]]]);
  assertAlmostEquals(variance(byChannel.apply(measured, images)).item() as number, 1, 1e-6);
});

Deno.test("standardize: a constant component is shifted to 0, without noise from rounding", () => {
  const scaler = data.standardize();
  const x = mul(ones([7, 1]), 0.1);
  const fitted = scaler.fit(x);
  assertEquals(fitted.std.arraySync(), [[0]]);
  numbers(scaler.apply(fitted, x)).forEach((v) => assertAlmostEquals(v, 0, 1e-7));
  throws(() => scaler.fit(3), ShapeError, "standardize() needs an axis of examples, got f32[]");
});

/** One image `[height][width]` moved down and right, zeros moving in. */
function moved(image: readonly (readonly number[])[], down: number, right: number): number[][] {
  return image.map((row, i) => row.map((_, j) => image[i - down]?.[j - right] ?? 0));
}

Deno.test("augment: every image is moved by its own offset, up to the shift, and zeros move in", () => {
  const cases = fc.record({
    n: fc.integer({ min: 1, max: 4 }),
    height: fc.integer({ min: 1, max: 5 }),
    width: fc.integer({ min: 1, max: 5 }),
    shift: fc.integer({ min: 0, max: 3 }),
    seed: fc.nat(1000),
  });
  check(cases, ({ n, height, width, shift, seed }) => {
    const images = reshape(mul(arange(1, n * height * width + 1), 1), [n, height, width, 1]);
    const result = data.augment(random.key(seed), images, { shift });
    assertEquals(result.type, images.type);
    const [before, after] = [images, result].map((x) => reshape(x, [n, height, width]).arraySync() as number[][][]);
    after!.forEach((image, k) => {
      const offsets = Array.from({ length: 2 * shift + 1 }, (_, i) => i - shift);
      const all = offsets.flatMap((down) => offsets.map((right) => JSON.stringify(moved(before![k]!, down, right))));
      assert(all.includes(JSON.stringify(image)), `image ${k} is no shifted one: ${JSON.stringify(image)}`);
    });
  });
});

Deno.test("augment: all offsets are equally likely, channels move together, the key decides", () => {
  // One bright pixel in the middle: where it is afterwards is the offset.
  const n = 5000;
  const bright = reshape(tensor(Array.from({ length: 50 }, (_, i) => Number(i >= 24 && i < 26))), [1, 5, 5, 2]);
  const images = mul(ones([n, 1, 1, 1]), bright);
  const result = data.augment(key, images, { shift: 2 });
  const counts = numbers(result).reduce((found, v, i) => {
    found[i % 50]! += v;
    return found;
  }, new Array<number>(50).fill(0));
  counts.forEach((count, i) => {
    assertEquals(count, counts[i ^ 1]);
    // Five standard deviations of a binomial count.
    assertAlmostEquals(count, n / 25, 5 * Math.sqrt(n / 25));
  });
  assertEquals(numbers(data.augment(key, images, { shift: 2 })), numbers(result));
  assertNotEquals(numbers(data.augment(random.key(6), images, { shift: 2 })), numbers(result));
});

Deno.test("augment: errors, and batches with nothing to move", () => {
  throws(
    () => data.augment(key, ones([8, 8, 1])),
    ShapeError,
    "augment() needs images [batch, height, width, channels], got f32[8,8,1]",
  );
  throws(
    () => data.augment(key, ones([1, 8, 8, 1]), { shift: 0.5 }),
    RangeError,
    "augment() needs a shift that is a non-negative integer, got 0.5",
  );
  assertEquals(data.augment(key, zeros([0, 8, 8, 1]), { shift: 2 }).shape, [0, 8, 8, 1]);
  const images = ones([1, 2, 2, 1]);
  assertEquals(data.augment(key, images), images);
});

/** An IDX file. */
function idx(code: number, shape: readonly number[], elements: readonly number[]): Uint8Array {
  const sizes = shape.flatMap((n) => [n >>> 24, n >>> 16 & 255, n >>> 8 & 255, n & 255]);
  return Uint8Array.of(0, 0, code, shape.length, ...sizes, ...elements);
}

Deno.test("parseIdx: all element types, big-endian, of any rank", () => {
  const read = (code: number, shape: readonly number[], elements: readonly number[]): unknown => {
    const x = data.parseIdx(idx(code, shape, elements));
    return [x.dtype, x.arraySync()];
  };
  assertEquals(read(0x08, [2, 3], [0, 1, 2, 127, 128, 255]), ["int32", [[0, 1, 2], [127, 128, 255]]]);
  assertEquals(read(0x09, [3], [0, 127, 128]), ["int32", [0, 127, -128]]);
  assertEquals(read(0x0b, [2], [1, 2, 255, 254]), ["int32", [258, -2]]);
  assertEquals(read(0x0c, [1], [1, 0, 0, 2]), ["int32", [16777218]]);
  assertEquals(read(0x0d, [1], [0xc0, 0x20, 0, 0]), ["float32", [-2.5]]);
  assertEquals(read(0x0e, [1], [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]), ["float64", [1.5]]);
  assertEquals(read(0x08, [], [9]), ["int32", 9]);
  assertEquals(read(0x08, [0, 28, 28], []), ["int32", []]);
  // A part of a larger buffer.
  const file = idx(0x0d, [1], [0xc0, 0x20, 0, 0]);
  const inside = new Uint8Array([7, ...file, 7]).subarray(1, -1);
  assertEquals(numbers(flatten(data.parseIdx(inside))), [-2.5]);
});

Deno.test("parseIdx: files that are truncated, corrupt, empty or compressed", async () => {
  const file = idx(0x08, [2, 2], [1, 2, 3, 4]);
  throws(
    () => data.parseIdx(file.subarray(0, -1)),
    RangeError,
    "parseIdx() cannot read a file of 15 bytes: [2,2] unsigned bytes with their header take 16, so it is truncated",
  );
  throws(
    () => data.parseIdx(Uint8Array.of(...file, 0)),
    RangeError,
    "parseIdx() cannot read a file of 17 bytes: [2,2] unsigned bytes with their header take 16",
  );
  throws(
    () => data.parseIdx(file.subarray(0, 7)),
    RangeError,
    "parseIdx() cannot read a file of 7 bytes: the sizes of its 2 axes take 12",
  );
  throws(
    () => data.parseIdx(new Uint8Array()),
    RangeError,
    "parseIdx() cannot read a file of 0 bytes: the header has at least 4",
  );
  for (const start of [[1, 0, 8, 1], [0, 9, 8, 1], [0, 0, 10, 1], [0x50, 0x4b, 3, 4]]) {
    const shown = start.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throws(
      () => data.parseIdx(Uint8Array.of(...start, 0, 0, 0, 0)),
      TypeError,
      `parseIdx() cannot read a file that starts with the bytes ${shown}: ` +
        "an IDX file starts with 00 00, a type among 08 09 0b 0c 0d 0e, and the number of axes",
    );
  }
  const zipped = new Blob([file as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(zipped).arrayBuffer());
  throws(() => data.parseIdx(bytes), TypeError, "parseIdx() cannot read a gzip file: decompress it first");
  throws(
    () => data.parseIdx("file" as unknown as Uint8Array),
    TypeError,
    'parseIdx() takes a Uint8Array, got the string "file"',
  );
});
