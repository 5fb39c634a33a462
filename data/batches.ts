/** Data sets cut into batches and parts, in keyed random order. */

import { checkOptions } from "../ops/arguments.ts";
import { describe } from "../ops/errors.ts";
import { slice } from "../ops/movement.ts";
import { permutation } from "../ops/random/integers.ts";
import type { Tensor } from "../ops/tensor.ts";
import { countRows, sliceRows, takeRows } from "./rows.ts";

/** Options of {@linkcode batches}. */
export interface BatchOptions {
  /** How many examples a batch has. */
  readonly size: number;
  /** Whether the order is random; true unless given. */
  readonly shuffle?: boolean | undefined;
  /** Whether to leave out a last batch that is not full; false unless given. */
  readonly dropLast?: boolean | undefined;
}

/** The batches of one epoch. */
export interface Batches<D> extends Iterable<D> {
  /** How many there are. */
  readonly length: number;
}

/**
 * Goes through a data set once, batch by batch. The data set is a tree of tensors with one first size, the number of
 * examples; so is every batch.
 *
 * The order depends on the key alone: give each epoch its own, `random.foldIn(key, epoch)`. To go through the batches
 * again gives the same.
 *
 * @example An epoch
 * ```ts
 * import { arange, data, random, sum } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const dataset = { x: arange(10), y: arange(10) };
 * let total = 0;
 * for (const { x, y } of data.batches(random.key(0), dataset, { size: 4 })) {
 *   assertEquals(x.arraySync(), y.arraySync());
 *   total += sum(x).item() as number;
 * }
 * assertEquals(total, 45);
 * assertEquals(data.batches(random.key(0), dataset, { size: 4, dropLast: true }).length, 2);
 * ```
 *
 * @throws {RangeError} if the size is no positive integer, or leaves of the data set have different first sizes.
 */
export function batches<D>(key: Tensor, dataset: D, options: BatchOptions): Batches<D> {
  checkOptions("batches", options, ["size", "shuffle", "dropLast"]);
  const { size, shuffle = true, dropLast = false } = options;
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`batches() needs a size that is a positive integer, got ${describe(size)}`);
  }
  const n = countRows("batches", dataset);
  const length = dropLast ? Math.floor(n / size) : Math.ceil(n / size);
  return {
    length,
    *[Symbol.iterator](): Generator<D, void> {
      const order = shuffle ? permutation(key, n) : null;
      for (let i = 0; i < length; i++) {
        const [start, stop] = [i * size, Math.min(n, (i + 1) * size)];
        yield order === null
          ? sliceRows("batches", dataset, start, stop)
          : takeRows("batches", dataset, slice(order, { start: [start], stop: [stop] }));
      }
    },
  };
}

/**
 * Splits a data set at random into two: the first has the given number of examples, or the given fraction of them,
 * rounded; the second the rest.
 *
 * @param part How many examples, an integer; or a fraction between 0 and 1.
 *
 * @example Train and test
 * ```ts
 * import { arange, data, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [train, test] = data.split(random.key(0), { x: arange(10) }, 0.8);
 * assertEquals([train.x.size, test.x.size], [8, 2]);
 * ```
 *
 * @throws {RangeError} if the data set has fewer examples.
 */
export function split<D>(key: Tensor, dataset: D, part: number): [first: D, rest: D] {
  const n = countRows("split", dataset);
  const count = part > 0 && part < 1 ? Math.round(part * n) : part;
  if (!Number.isInteger(count) || count < 0 || count > n) {
    throw new RangeError(
      `split() cannot take ${part} of ${n} examples: give a fraction between 0 and 1, or a number up to ${n}`,
    );
  }
  const order = permutation(key, n);
  const rows = (start: number, stop: number): D =>
    takeRows("split", dataset, slice(order, { start: [start], stop: [stop] }));
  return [rows(0, count), rows(count, n)];
}
