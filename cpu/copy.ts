/** Moving 4-byte elements between layouts in wasm memory: any strides in, rows of contiguous elements out. */

import { FunctionBuilder, i32, v128 } from "./assembler.ts";
import { advance, countDown, newLocals, parameters, transpose4 } from "./loops.ts";
import { collapse, type Walker } from "./nest.ts";
import { rowMajor, type Shape } from "../ops/shape.ts";

/** Copies `n0 × n1 × n2` elements; `to` and `from` are byte strides, and the innermost of the target is one element. */
export type CopyBlocks = (
  target: number,
  source: number,
  n0: number,
  n1: number,
  n2: number,
  to0: number,
  to1: number,
  from0: number,
  from1: number,
  from2: number,
) => void;

/** The elements of a row-major array. */
export function rowMajorWalker(address: number, shape: Shape): Walker {
  return { address, strides: rowMajor(shape).map((stride) => 4 * stride), elementBytes: 4 };
}

/** Copies an array of 4-byte elements of any rank; the target's last axis has stride 1 (or size 1). */
export function copyStrided(copy: CopyBlocks, shape: Shape, target: Walker, source: Walker): void {
  if (shape.includes(0)) return;
  const axes = collapse(shape, [target, source]).map(({ size, strides: [to, from] }) => ({
    size,
    to: to!,
    from: from!,
  }));
  if (axes.at(-1)!.to !== 4) axes.push({ size: 1, to: 4, from: 4 });
  while (axes.length < 3) axes.unshift({ size: 1, to: 0, from: 0 });
  const outer = axes.splice(0, axes.length - 3);
  const [a, b, c] = axes as [typeof axes[0], typeof axes[0], typeof axes[0]];
  const walk = (axis: number, to: number, from: number): void => {
    const present = outer[axis];
    if (!present) return copy(to, from, a.size, b.size, c.size, a.to, b.to, a.from, b.from, c.from);
    for (let i = 0; i < present.size; i++) walk(axis + 1, to + i * present.to, from + i * present.from);
  };
  walk(0, target.address, source.address);
}

/** `scalars(target, source, n1, n2, to1, from1, from2)`: any strides, one element at a time. */
export function scalarCopy(): FunctionBuilder {
  const f = new FunctionBuilder([i32, i32, i32, i32, i32, i32, i32]);
  const [target, source, n1, n2, to1, from1, from2] = parameters(7);
  const [to, from, left] = newLocals(f, i32, 3);
  countDown(f, n1, () => {
    f.get(target).set(to).get(source).set(from).get(n2).set(left);
    countDown(f, left, () => {
      f.get(to).get(from).memory("i32.load").memory("i32.store").increment(to, 4);
      advance(f, from, from2);
    });
    advance(f, target, to1);
    advance(f, source, from1);
  });
  return f;
}

/** `CopyBlocks`, fast where either of the source's two inner axes is contiguous. `scalars` is the index of `scalarCopy`. */
export function blockCopy(scalars: number): FunctionBuilder {
  const f = new FunctionBuilder([i32, i32, i32, i32, i32, i32, i32, i32, i32, i32]);
  const [target, source, n0, n1, n2, to0, to1, from0, from1, from2] = parameters(10);
  countDown(f, n0, () => {
    f.get(from2).i32(4).op("i32.eq").if(
      () => copyRows(f, { target, source, n1, n2, to1, from1 }),
      () => {
        f.get(from1).i32(4).op("i32.eq").if(
          () => copyTransposed(f, { target, source, n1, n2, to1, from2 }, scalars),
          () => f.get(target).get(source).get(n1).get(n2).get(to1).get(from1).get(from2).call(scalars),
        );
      },
    );
    advance(f, target, to0);
    advance(f, source, from0);
  });
  return f;
}

interface Rows {
  readonly target: number;
  readonly source: number;
  readonly n1: number;
  readonly n2: number;
  readonly to1: number;
  readonly from1: number;
}

function copyRows(f: FunctionBuilder, { target, source, n1, n2, to1, from1 }: Rows): void {
  const [rowTo, rowFrom, to, from, rows, left] = newLocals(f, i32, 6);
  f.get(target).set(rowTo).get(source).set(rowFrom).get(n1).set(rows);
  countDown(f, rows, () => {
    f.get(rowTo).set(to).get(rowFrom).set(from).get(n2).i32(2).op("i32.shr_u").set(left);
    countDown(f, left, () => {
      f.get(to).get(from).memory("v128.load").memory("v128.store").increment(to, 16).increment(from, 16);
    });
    f.get(n2).i32(3).op("i32.and").set(left);
    countDown(f, left, () => {
      f.get(to).get(from).memory("i32.load").memory("i32.store").increment(to, 4).increment(from, 4);
    });
    advance(f, rowTo, to1);
    advance(f, rowFrom, from1);
  });
}

interface Columns {
  readonly target: number;
  readonly source: number;
  readonly n1: number;
  readonly n2: number;
  readonly to1: number;
  readonly from2: number;
}

/** The source is contiguous along the target's rows' index: 4x4 transposes, and scalars at the right and the lower edge. */
function copyTransposed(f: FunctionBuilder, { target, source, n1, n2, to1, from2 }: Columns, scalars: number): void {
  const [columnTo, columnFrom, to, from, columns, rows] = newLocals(f, i32, 6);
  const block = f.locals(v128, 4);
  const scratch = f.locals(v128, 2);
  f.get(target).set(columnTo).get(source).set(columnFrom).get(n2).i32(2).op("i32.shr_u").set(columns);
  // Down four columns at a time: the source is read along its contiguous axis.
  countDown(f, columns, () => {
    f.get(columnTo).set(to).get(columnFrom).set(from).get(n1).i32(2).op("i32.shr_u").set(rows);
    countDown(f, rows, () => {
      const at = f.local(i32);
      f.get(from).set(at);
      for (const lane of block) {
        f.get(at).memory("v128.load").set(lane);
        advance(f, at, from2);
      }
      transpose4(f, block, scratch);
      for (const lane of block) {
        f.get(to).get(lane).memory("v128.store");
        advance(f, to, to1);
      }
      f.increment(from, 16);
    });
    f.get(to).get(from).get(n1).i32(3).op("i32.and").i32(4).get(to1).i32(4).get(from2).call(scalars);
    f.increment(columnTo, 16).get(columnFrom).get(from2).i32(2).op("i32.shl").op("i32.add").set(columnFrom);
  });
  f.get(columnTo).get(columnFrom).get(n1).get(n2).i32(3).op("i32.and").get(to1).i32(4).get(from2).call(scalars);
}

/**
 * `offsets(target, n0, n1, n2, n3, s0, s1, s2, s3)` writes the row-major table of `i0·s0 + i1·s1 + i2·s2 + i3·s3`: where
 * the rows, or the pieces of a row, of an array lie.
 */
export function offsetTable(): FunctionBuilder {
  const f = new FunctionBuilder([i32, i32, i32, i32, i32, i32, i32, i32, i32]);
  const [target] = parameters(1);
  const nest = (axis: number, outer: number | null): void => {
    const [count, stride] = [1 + axis, 5 + axis];
    const [left, offset] = newLocals(f, i32, 2);
    f.get(count).set(left);
    if (outer === null) f.i32(0).set(offset);
    else f.get(outer).set(offset);
    countDown(f, left, () => {
      if (axis === 3) f.get(target).get(offset).memory("i32.store").increment(target, 4);
      else nest(axis + 1, offset);
      advance(f, offset, stride);
    });
  };
  nest(0, null);
  return f;
}
