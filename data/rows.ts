/** Data sets as trees of tensors whose first axis counts the examples. */

import { describe, ShapeError } from "../ops/errors.ts";
import { take } from "../ops/indexing.ts";
import { slice } from "../ops/movement.ts";
import { typeString } from "../ops/shape.ts";
import { isTensor, type Tensor } from "../ops/tensor.ts";
import { putTogether, takeApart } from "../ops/structure.ts";

/** How many examples a data set has: the size of the first axis of every leaf. */
export function countRows(op: string, dataset: unknown): number {
  const leaves = tensorsOf(op, dataset);
  const [first] = leaves;
  if (first === undefined) throw new TypeError(`${op}() needs a data set with at least one tensor`);
  for (const leaf of leaves) {
    if (leaf.ndim === 0 || leaf.shape[0] !== first.shape[0]) {
      throw new ShapeError(
        `${op}() needs a data set whose leaves have one first size, the number of examples, got ${
          leaves.map((x) => typeString(x.type)).join(", ")
        }`,
      );
    }
  }
  return first.shape[0]!;
}

/** The leaves, which must be tensors. */
function tensorsOf(op: string, dataset: unknown): readonly Tensor[] {
  const { leaves } = takeApart(op, dataset);
  const odd = leaves.find((leaf) => !isTensor(leaf));
  if (odd !== undefined) throw new TypeError(`${op}() needs a data set of tensors, got ${describe(odd)} in it`);
  return leaves as readonly Tensor[];
}

/** The examples at these positions. */
export function takeRows<D>(op: string, dataset: D, positions: Tensor): D {
  return mapRows(op, dataset, (leaf) => take(leaf, positions, { axis: 0 }));
}

/** The examples from `start` up to `stop`. */
export function sliceRows<D>(op: string, dataset: D, start: number, stop: number): D {
  return mapRows(op, dataset, (leaf) => slice(leaf, { start: [start], stop: [stop] }));
}

function mapRows<D>(op: string, dataset: D, f: (leaf: Tensor) => Tensor): D {
  const { structure } = takeApart(op, dataset);
  return putTogether(structure, tensorsOf(op, dataset).map(f)) as D;
}
