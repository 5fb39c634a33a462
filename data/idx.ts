/** Reader of the IDX format, in which MNIST and its kin are distributed. */

import { tensor } from "../ops/literal.ts";
import type { TypedArray } from "../ops/dtype.ts";
import { describe } from "../ops/errors.ts";
import { sizeOf } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";

interface ElementType {
  readonly name: string;
  readonly sizeBytes: number;
  /** Reads `n` big-endian elements. */
  read(view: DataView, offset: number, n: number): TypedArray;
}

function each<A extends TypedArray>(array: A, element: (i: number) => number): A {
  for (let i = 0; i < array.length; i++) array[i] = element(i);
  return array;
}

/** The types by their code, the third byte of a file. */
const elementTypes: Readonly<Record<number, ElementType>> = {
  0x08: {
    name: "unsigned bytes",
    sizeBytes: 1,
    read: (view, offset, n) => new Int32Array(new Uint8Array(view.buffer, view.byteOffset + offset, n)),
  },
  0x09: {
    name: "signed bytes",
    sizeBytes: 1,
    read: (view, offset, n) => new Int32Array(new Int8Array(view.buffer, view.byteOffset + offset, n)),
  },
  0x0b: {
    name: "16-bit integers",
    sizeBytes: 2,
    read: (view, offset, n) => each(new Int32Array(n), (i) => view.getInt16(offset + 2 * i)),
  },
  0x0c: {
    name: "32-bit integers",
    sizeBytes: 4,
    read: (view, offset, n) => each(new Int32Array(n), (i) => view.getInt32(offset + 4 * i)),
  },
  0x0d: {
    name: "32-bit floats",
    sizeBytes: 4,
    read: (view, offset, n) => each(new Float32Array(n), (i) => view.getFloat32(offset + 4 * i)),
  },
  0x0e: {
    name: "64-bit floats",
    sizeBytes: 8,
    read: (view, offset, n) => each(new Float64Array(n), (i) => view.getFloat64(offset + 8 * i)),
  },
};

/**
 * Reads an IDX file: two zero bytes, a byte for the element type, a byte for the number of axes, their sizes as 32-bit
 * big-endian integers, and the elements, big-endian, in row-major order.
 *
 * Integers of all sizes become int32; floats keep their size. MNIST's images become `i32[60000,28,28]` with values 0 to
 * 255. A compressed file must be decompressed first, by `DecompressionStream("gzip")`.
 *
 * @throws {TypeError} if the bytes are no IDX file.
 * @throws {RangeError} if the file is shorter or longer than its header says.
 *
 * @example Usage
 * ```ts
 * import { data } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 255);
 * assertEquals(data.parseIdx(bytes).arraySync(), [7, 8, 255]);
 * ```
 *
 * Reference: LeCun, Cortes, Burges, The MNIST database, "FILE FORMATS FOR THE MNIST DATABASE".
 */
export function parseIdx(bytes: Uint8Array): Tensor {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`parseIdx() takes a Uint8Array, got ${describe(bytes)}`);
  if (bytes.length < 4) {
    throw new RangeError(`parseIdx() cannot read a file of ${bytes.length} bytes: the header has at least 4`);
  }
  const [zero1, zero2, code, axes] = bytes as unknown as readonly [number, number, number, number];
  if (zero1 === 0x1f && zero2 === 0x8b) {
    throw new TypeError("parseIdx() cannot read a gzip file: decompress it first");
  }
  const type = elementTypes[code];
  if (zero1 !== 0 || zero2 !== 0 || type === undefined) {
    const start = [zero1, zero2, code, axes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new TypeError(
      `parseIdx() cannot read a file that starts with the bytes ${start}: ` +
        "an IDX file starts with 00 00, a type among 08 09 0b 0c 0d 0e, and the number of axes",
    );
  }
  const start = 4 + 4 * axes;
  if (bytes.length < start) {
    throw new RangeError(
      `parseIdx() cannot read a file of ${bytes.length} bytes: the sizes of its ${axes} axes take ${start}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = start + sizeOf(shape) * type.sizeBytes;
  if (bytes.length !== expected) {
    throw new RangeError(
      `parseIdx() cannot read a file of ${bytes.length} bytes: [${shape}] ${type.name} with their header take ${expected}` +
        (bytes.length < expected ? ", so it is truncated" : ""),
    );
  }
  return tensor(type.read(view, start, sizeOf(shape)), { shape });
}
