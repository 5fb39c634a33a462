/**
 * Trees: nested arrays and plain objects with tensors, numbers, booleans or null at the leaves.
 *
 * @module
 */

import { tensorsOf, toTensor } from "./arguments.ts";
import { count, describe } from "./errors.ts";
import {
  countLeaves,
  leavesAs,
  putTogether,
  sameStructure,
  showStructure,
  type Structure,
  takeApart,
} from "./structure.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

export type { Structure };

/**
 * Any function; it is no leaf.
 *
 * @internal
 */
export type AnyFunction = (...args: never[]) => unknown;

/** The same tree with every leaf replaced by `R`. */
export type MapLeaves<T, R> = unknown extends T ? T
  : T extends TensorLike ? R
  : T extends null | undefined ? T
  : T extends string | bigint | symbol | AnyFunction ? null
  : { [K in keyof T]: MapLeaves<T[K], R> };

/**
 * The tree of what f returns for every leaf; with several trees of one structure, for the leaves at the same place.
 * Numbers and booleans are given to f as tensors, on the device of the trees' tensors; null stays null.
 *
 * @throws {TypeError} If the structures differ, or a leaf is no tensor, number, boolean or null.
 *
 * @example Usage
 * ```ts
 * import { mul, sub, tensor, tree } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { w: tensor([1, 2]), b: tensor(3) };
 * const gradient = { w: tensor([10, 10]), b: tensor(20) };
 * const next = tree.map((p, g) => sub(p, mul(0.5, g)), params, gradient);
 * assertEquals(next.w.arraySync(), [-4, -3]);
 * assertEquals(next.b.item(), -7);
 * ```
 */
export function map<T, R = Tensor>(
  f: (leaf: Tensor, ...rest: Tensor[]) => R,
  tree: T,
  ...rest: MapLeaves<T, TensorLike>[]
): MapLeaves<T, R> {
  if (typeof f !== "function") throw new TypeError(`tree.map() takes a function, got ${describe(f)}`);
  const { leaves, structure } = takeApart("tree.map", tree);
  const others = rest.map((other) => leavesAs("tree.map", structure, other, "trees"));
  const all = [leaves, ...others];
  const beside = all.flat();
  const mapped = leaves.map((_, i) =>
    f(...all.map((tree) => toTensor("tree.map", tree[i], beside)) as [Tensor, ...Tensor[]])
  );
  return putTogether(structure, mapped) as MapLeaves<T, R>;
}

/**
 * The leaves of a tree as tensors, in order; null is none.
 *
 * @example Usage
 * ```ts
 * import { tensor, tree } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tree.leaves({ w: tensor([1, 2]), b: [3, null] }).map((x) => x.arraySync()), [[1, 2], 3]);
 * ```
 */
export function leaves(tree: unknown): Tensor[] {
  return tensorsOf("tree.leaves", takeApart("tree.leaves", tree).leaves);
}

/**
 * A tree taken apart: its leaves as tensors, in order, and the structure that {@linkcode unflatten} takes.
 *
 * @example Usage
 * ```ts
 * import { tensor, tree } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [leaves, structure] = tree.flatten({ w: tensor([1, 2]), b: [3] });
 * assertEquals(leaves.length, 2);
 * assertEquals(tree.unflatten(structure, ["first", "second"]), { w: "first", b: ["second"] });
 * ```
 */
export function flatten(tree: unknown): [leaves: Tensor[], structure: Structure] {
  const flat = takeApart("tree.flatten", tree);
  return [tensorsOf("tree.flatten", flat.leaves), flat.structure];
}

/**
 * The tree of a structure with the given leaves, in order. They may be anything.
 *
 * @throws {TypeError} If there are more or fewer leaves than places.
 *
 * @example Usage
 * ```ts
 * import { tree } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const [, structure] = tree.flatten({ a: 1, b: { c: 2 } });
 * assertEquals(tree.unflatten(structure, [10, 20]), { a: 10, b: { c: 20 } });
 * ```
 */
export function unflatten(structure: Structure, leaves: readonly unknown[]): unknown {
  const slots = countLeaves(structure);
  if (leaves.length !== slots) {
    const given = count(leaves.length, "value");
    throw new TypeError(`tree.unflatten() cannot fill ${showStructure(structure)} with ${given}: it takes ${slots}`);
  }
  return putTogether(structure, leaves);
}

/**
 * The path of every leaf, as text, in order: keys and positions joined by `/`.
 *
 * @example Usage
 * ```ts
 * import { tree } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tree.paths({ layers: [{ weight: 1, bias: 2 }], scale: 3 }), ["layers/0/weight", "layers/0/bias", "scale"]);
 * ```
 */
export function paths(tree: unknown): string[] {
  const found: string[] = [];
  const visit = (node: Structure, path: readonly string[]): void => {
    if (node === "leaf") found.push(path.join("/"));
    else if (node !== null) Object.entries(node).forEach(([key, child]) => visit(child, [...path, key]));
  };
  visit(takeApart("tree.paths", tree).structure, []);
  return found;
}

/**
 * What f accumulates over the leaves, in order, from an initial value on.
 *
 * @example Counting elements
 * ```ts
 * import { tensor, tree, zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { weight: zeros([3, 4]), bias: tensor([1, 2]) };
 * assertEquals(tree.reduce((n, leaf) => n + leaf.size, params, 0), 14);
 * ```
 */
export function reduce<R>(f: (accumulated: R, leaf: Tensor) => R, tree: unknown, initial: R): R {
  if (typeof f !== "function") throw new TypeError(`tree.reduce() takes a function, got ${describe(f)}`);
  return tensorsOf("tree.reduce", takeApart("tree.reduce", tree).leaves).reduce<R>((r, leaf) => f(r, leaf), initial);
}

/**
 * Whether two trees have leaves and nulls at the same places, whatever the leaves and the order of keys.
 *
 * @example Usage
 * ```ts
 * import { tree } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * assert(tree.equalStructure({ a: 1, b: [2] }, { b: [3], a: 4 }));
 * assert(!tree.equalStructure([1, 2], [1, null]));
 * ```
 */
export function equalStructure(a: unknown, b: unknown): boolean {
  return sameStructure(takeApart("tree.equalStructure", a).structure, takeApart("tree.equalStructure", b).structure);
}
