/** Where values lie, and which there are. */

import { checkOptions, promoted, toTensor } from "./arguments.ts";
import { add } from "./arithmetic.ts";
import { allConcrete } from "./bind.ts";
import { constantOf } from "./create.ts";
import { derived } from "./derived.ts";
import { isFloat, type TypedArray } from "./dtype.ts";
import { describe, ShapeError } from "./errors.ts";
import { gather } from "./indexing.ts";
import { literal } from "./literal.ts";
import { equal, less, lessEqual, logicalAnd, logicalOr, notEqual, where } from "./logic.ts";
import { flatten, reshape } from "./movement.ts";
import { typeString } from "./shape.ts";
import { readNow, type Tensor, type TensorLike } from "./tensor.ts";
import { recordingTrace, Tracer } from "./trace.ts";

/** Options of {@linkcode searchSorted}. */
export interface SearchOptions {
  /** Whether the position is that before (`left`, the default) or after (`right`) all elements equal to the value. */
  readonly side?: "left" | "right" | undefined;
}

type Side = NonNullable<SearchOptions["side"]>;

/** Whether an element lies before the position of a value. NaN is the largest value, equal to itself. */
function liesBefore(element: Tensor, value: Tensor, side: Side): Tensor {
  const ordered = side === "left" ? less(element, value) : lessEqual(element, value);
  if (!isFloat(value.dtype)) return ordered;
  const valueIsNaN = notEqual(value, value);
  return logicalOr(ordered, side === "left" ? logicalAnd(valueIsNaN, equal(element, element)) : valueIsNaN);
}

/** Binary search for all values at once: the bits of each position from the highest to the lowest. */
const search = derived("searchSorted", ([sorted, values]: readonly Tensor[], side: Side) => {
  const [n, count] = [sorted!.size, values!.size];
  const line = reshape(sorted!, [1, 1, n, 1]);
  const wanted = flatten(values!);
  let position = constantOf(0, "int32", [count], wanted.device);
  for (let bit = 2 ** (31 - Math.clz32(n)); bit >= 1; bit /= 2) {
    const next = add(position, bit);
    const element = reshape(gather(line, reshape(add(next, -1), [1, count])), [count]);
    position = where(logicalAnd(lessEqual(next, n), liesBefore(element, wanted, side)), next, position);
  }
  return reshape(position, values!.shape);
});

/**
 * Where values would have to be inserted into a sorted vector to keep it sorted: `f32[n], f32[…] → i32[…]`. By default
 * the first such position, before all equal elements; with side `right` the last, after them. Operands promote as in
 * `add`.
 *
 * NaN counts as the largest value, as it does in {@linkcode sort}, and −0 equals 0. If the vector is not sorted in
 * ascending order, the positions mean nothing.
 *
 * @throws {ShapeError} If `sorted` is no vector.
 *
 * @example Usage
 * ```ts
 * import { searchSorted, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const sorted = tensor([1, 2, 2, 3]);
 * assertEquals(searchSorted(sorted, tensor([0, 2, 9])).arraySync(), [0, 1, 4]);
 * assertEquals(searchSorted(sorted, tensor([0, 2, 9]), { side: "right" }).arraySync(), [0, 3, 4]);
 * ```
 */
export function searchSorted(sorted: Tensor, values: TensorLike, options: SearchOptions = {}): Tensor {
  checkOptions("searchSorted", options, ["side"]);
  const { side = "left" } = options;
  if (side !== "left" && side !== "right") {
    throw new TypeError(`searchSorted() takes the side "left" or "right", got ${describe(side)}`);
  }
  const [line, wanted] = promoted("searchSorted", [toTensor("searchSorted", sorted, [values]), values]);
  if (line!.ndim !== 1) throw new ShapeError(`searchSorted() searches a sorted vector, got ${typeString(line!.type)}`);
  return search([line!, wanted!], side);
}

/** The elements of a tensor whose values are known; throws under a transform, where the shape asked for is not. */
function elementsOf(op: string, t: Tensor): TypedArray {
  if (allConcrete([t])) return readNow(op, t, 'await toDevice(x, "cpu") before');
  const trace = t instanceof Tracer ? t.trace : recordingTrace();
  throw new TypeError(
    `${op}() cannot run inside ${trace!.transform}(): the shape of its result depends on the values of ` +
      `${typeString(t.type)}, so call it outside and pass the result in`,
  );
}

/**
 * The different values among all elements, in ascending order: `f32[…] → f32[k]`. NaN counts once and comes last; 0
 * and −0 are one value, given as −0 if that is among them.
 *
 * How many there are depends on the values, so it works on the CPU and outside transforms alone.
 *
 * @throws {TypeError} If x is traced by a transform, or lives on a GPU.
 *
 * @example Usage
 * ```ts
 * import { tensor, unique } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(unique(tensor([[3, 1], [NaN, 3]])).arraySync(), [1, 3, NaN]);
 * ```
 */
export function unique(x: TensorLike): Tensor {
  const t = toTensor("unique", x);
  // A typed array sorts by value, NaN last.
  const values = elementsOf("unique", t).sort();
  const isNew = (v: number, previous: number | undefined): boolean =>
    v !== previous && (v === v || previous === undefined || previous === previous);
  const found = values.filter((v: number, i: number) => isNew(v, values[i - 1]));
  return literal(found, { shape: [found.length], dtype: t.dtype }, t.device);
}

/**
 * The positions of all elements that are not 0 (or are true), in row-major order, as a vector of int32 for each axis:
 * `f32[m,n] → [i32[k], i32[k]]`. NaN is not 0; −0 is.
 *
 * How many there are depends on the values, so it works on the CPU and outside transforms alone.
 *
 * @throws {TypeError} If x is traced by a transform, or lives on a GPU.
 * @throws {ShapeError} If x has no axes.
 *
 * @example Usage
 * ```ts
 * import { nonzero, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [rows, columns] = nonzero(tensor([[0, 5], [6, 0], [7, 8]]));
 * assertEquals(rows?.arraySync(), [0, 1, 2, 2]);
 * assertEquals(columns?.arraySync(), [1, 0, 0, 1]);
 * ```
 */
export function nonzero(x: TensorLike): Tensor[] {
  const t = toTensor("nonzero", x);
  if (t.ndim === 0) throw new ShapeError(`nonzero() cannot say where ${typeString(t.type)} is not 0: it has no axes`);
  const values = elementsOf("nonzero", t);
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) count++;
  const found = t.shape.map(() => new Int32Array(count));
  let to = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i] === 0) continue;
    let rest = i;
    for (let axis = t.ndim - 1; axis >= 0; axis--) {
      const n = t.shape[axis]!;
      found[axis]![to] = rest % n;
      rest = Math.floor(rest / n);
    }
    to++;
  }
  return found.map((positions) => literal(positions, {}, t.device));
}
