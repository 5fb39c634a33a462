/** A machine for kernel tests: a bump allocator over its own WebAssembly memory, and operands made from typed arrays. */

import { type Machine, type Operand, slackBytes } from "../cpu/machine.ts";
import { newMemory } from "../cpu/shared.ts";
import { allocateArray, bytesPerElement, type DType, type TypedArray, viewArray } from "../ops/dtype.ts";
import { contiguous, type Shape, sizeOf, type Strided } from "../ops/shape.ts";
import { indicesOf } from "./indices.ts";

export interface TestMachine extends Machine {
  /** Copies data into memory; without `strided` the operand is a vector. */
  put(data: TypedArray, dtype: DType, strided?: Strided): Operand;
  /** An output to be written, full of rubbish. */
  output(shape: Shape, dtype: DType): Operand;
  /** The elements of an operand in row-major order. */
  read(operand: Operand): number[];
  /** Gives back everything that was put or allocated. */
  reset(): void;
}

const pageBytes = 65536;

export function testMachine(): TestMachine {
  const memory = newMemory(16);
  let top = 16;

  function allocate(bytes: number): number {
    const address = top;
    top = Math.ceil((top + bytes) / 16) * 16;
    const missing = Math.ceil((top + slackBytes) / pageBytes) - memory.buffer.byteLength / pageBytes;
    if (missing > 0) memory.grow(missing);
    return address;
  }

  function array({ dtype, address, length }: Operand): TypedArray {
    return viewArray(dtype, memory.buffer, address, length);
  }

  function operand(dtype: DType, length: number, strided: Strided): Operand {
    const { shape, strides, offset } = strided;
    return { shape, strides, offset, dtype, length, address: allocate(length * bytesPerElement(dtype)) };
  }

  function put(data: TypedArray, dtype: DType, strided = contiguous([data.length])): Operand {
    const made = operand(dtype, data.length, strided);
    array(made).set(data);
    return made;
  }

  function output(shape: Shape, dtype: DType): Operand {
    const made = operand(dtype, sizeOf(shape), contiguous(shape));
    array(made).set(allocateArray(dtype, made.length).fill(dtype === "bool" ? 7 : 12345));
    return made;
  }

  function read(o: Operand): number[] {
    const values = array(o);
    return Array.from(indicesOf(o.shape), (index) => {
      let at = o.offset;
      for (const [axis, i] of index.entries()) at += i * o.strides[axis]!;
      return values[at]!;
    });
  }

  return { memory, recorder: null, allocate, free: () => {}, array, put, output, read, reset: () => void (top = 16) };
}
