/** Random shapes, and operands that see their storage in every way a view can: permuted, reversed, repeated, with gaps. */

import * as fc from "fast-check";
import type { Operand } from "../cpu/machine.ts";
import { allocateArray, type DType } from "../ops/dtype.ts";
import { contiguous, type Shape, sizeOf } from "../ops/shape.ts";
import type { TestMachine } from "./machine.ts";

/** Rank 0 to 4 with small sizes, 0 among them; often with one axis long enough for whole vectors and unrolled loops. */
export function shapes(): fc.Arbitrary<number[]> {
  const small = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 });
  const withLong = fc.tuple(
    fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
    fc.nat(3),
    fc.integer({ min: 6, max: 150 }),
  )
    .map(([sizes, at, long]) => sizes.toSpliced(Math.min(at, sizes.length), 0, long));
  return fc.oneof(small, withLong);
}

/** A row-major output between other elements, which must not change. */
export function framed(machine: TestMachine, shape: Shape, dtype: DType): Operand {
  const margin = 5;
  return { ...machine.output([sizeOf(shape) + 2 * margin], dtype), ...contiguous(shape, margin) };
}

/** Values to be compared with `assertEquals`, which does not tell −0 from 0. */
export function signed(values: readonly number[]): (number | string)[] {
  return values.map((x) => Object.is(x, -0) ? "-0" : x);
}

/** How an operand of some shape lies in its storage. */
export interface Layout {
  readonly order: readonly number[];
  readonly axes: readonly { readonly gap: number; readonly reversed: boolean; readonly repeated: boolean }[];
  readonly offset: number;
  /** Shifts the values that fill the storage. */
  readonly seed: number;
}

export function layouts(shape: Shape): fc.Arbitrary<Layout> {
  const rowMajor = shape.map((_, axis) => axis);
  const plain = shape.map(() => ({ gap: 1, reversed: false, repeated: false }));
  const rarely = fc.integer({ min: 0, max: 4 }).map((n) => n === 4);
  return fc.oneof(
    fc.record({ order: fc.constant(rowMajor), axes: fc.constant(plain), offset: fc.nat(3), seed: fc.nat(99) }),
    fc.record({
      order: fc.shuffledSubarray(rowMajor, { minLength: shape.length }),
      axes: fc.tuple(
        ...shape.map(() => fc.record({ gap: fc.integer({ min: 1, max: 2 }), reversed: rarely, repeated: rarely })),
      ),
      offset: fc.nat(3),
      seed: fc.nat(99),
    }),
  );
}

/** An operand over storage filled with the given values, over and over. */
export function placeOperand(
  machine: TestMachine,
  dtype: DType,
  values: readonly number[],
  shape: Shape,
  { order, axes, offset, seed }: Layout,
): Operand {
  const strides = new Array<number>(shape.length).fill(0);
  let [step, start] = [1, offset];
  for (const axis of order.toReversed()) {
    const { gap, reversed, repeated } = axes[axis]!;
    if (repeated) continue;
    strides[axis] = (reversed ? -1 : 1) * step * gap;
    if (reversed) start += step * gap * Math.max(0, shape[axis]! - 1);
    step *= gap * Math.max(1, shape[axis]!);
  }
  const storage = allocateArray(dtype, offset + step);
  for (let i = 0; i < storage.length; i++) storage[i] = values[(i + seed) % values.length]!;
  return machine.put(storage, dtype, { shape, strides, offset: start });
}
