/**
 * Trees: nested arrays and plain objects with tensors, numbers, booleans or null at the leaves.
 *
 * @module
 */

import { toTensor } from "./arguments.ts";
import { count, describe } from "./errors.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

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

/** The shape of a tree without its leaves: `"leaf"`, null, or the children by position or name. */
export type Structure = "leaf" | null | readonly Structure[] | { readonly [key: string]: Structure };

/**
 * A tree taken apart. Leaves are as they stand: tensors, numbers and booleans.
 *
 * @internal
 */
export interface Flat {
  /** The leaves in order: of arrays by position, of objects by the order of their keys. */
  readonly leaves: TensorLike[];
  /** What is left without them. */
  readonly structure: Structure;
}

function isLeaf(x: unknown): x is TensorLike {
  return x instanceof Tensor || typeof x === "number" || typeof x === "boolean";
}

function isPlain(x: unknown): x is Readonly<Record<string, unknown>> {
  // Built-in objects (dates, maps, promises, typed arrays, …) are no trees.
  return Object.prototype.toString.call(x) === "[object Object]";
}

/**
 * Takes a tree apart; `op` is named in the error for a value that cannot be in one.
 *
 * @internal
 */
export function takeApart(op: string, tree: unknown): Flat {
  const leaves: TensorLike[] = [];
  const visit = (node: unknown): Structure => {
    if (isLeaf(node)) {
      leaves.push(node);
      return "leaf";
    }
    if (node === null || node === undefined) return null;
    if (Array.isArray(node)) return node.map(visit);
    if (isPlain(node)) return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, visit(child)]));
    throw new TypeError(
      `${op}() cannot use ${describe(node)} in a tree: leaves are tensors, numbers, booleans or null; ` +
        "let the function capture other values",
    );
  };
  const structure = visit(tree);
  return { leaves, structure };
}

/**
 * Puts a tree together again from leaves in order.
 *
 * @internal
 */
export function putTogether(structure: Structure, leaves: readonly unknown[]): unknown {
  let next = 0;
  const build = (node: Structure): unknown => {
    if (node === "leaf") return leaves[next++];
    if (node === null) return null;
    if (isStructureList(node)) return node.map(build);
    return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, build(child)]));
  };
  return build(structure);
}

function countLeaves(structure: Structure): number {
  if (structure === "leaf") return 1;
  return structure === null ? 0 : Object.values(structure).reduce<number>((n, child) => n + countLeaves(child), 0);
}

function isStructureList(
  node: readonly Structure[] | { readonly [key: string]: Structure },
): node is readonly Structure[] {
  return Array.isArray(node);
}

/**
 * Whether two structures are equal, whatever the order of their keys.
 *
 * @internal
 */
export function sameStructure(a: Structure, b: Structure): boolean {
  if (a === null || b === null || a === "leaf" || b === "leaf") return a === b;
  if (isStructureList(a) !== isStructureList(b)) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return left.length === right.length &&
    left.every(([key, child]) => Object.hasOwn(b, key) && sameStructure(child, (b as Record<string, Structure>)[key]!));
}

/**
 * A structure in a few words, for messages: `{w: *, b: [*, null]}`.
 *
 * @internal
 */
export function showStructure(structure: Structure): string {
  if (structure === null) return "null";
  if (structure === "leaf") return "*";
  if (isStructureList(structure)) return `[${structure.map(showStructure).join(", ")}]`;
  return `{${Object.entries(structure).map(([key, child]) => `${key}: ${showStructure(child)}`).join(", ")}}`;
}

/**
 * The leaves of `tree` in the order of `structure`, which it must have.
 *
 * @internal
 */
export function leavesAs(op: string, structure: Structure, tree: unknown, what: string): TensorLike[] {
  const flat = takeApart(op, tree);
  if (!sameStructure(structure, flat.structure)) {
    throw new TypeError(
      `${op}() needs ${what} of the structure ${showStructure(structure)}, got ${showStructure(flat.structure)}`,
    );
  }
  // Objects may list their keys in another order.
  return takeApart(op, reorder(structure, tree)).leaves;
}

function reorder(structure: Structure, tree: unknown): unknown {
  if (structure === null || structure === "leaf") return tree;
  if (isStructureList(structure)) return structure.map((child, i) => reorder(child, (tree as unknown[])[i]));
  return Object.fromEntries(
    Object.entries(structure).map(([key, child]) => [key, reorder(child, (tree as Record<string, unknown>)[key])]),
  );
}

/**
 * The tree of what f returns for every leaf; with several trees of one structure, for the leaves at the same place.
 * Numbers and booleans are given to f as tensors; null stays null.
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
  const mapped = leaves.map((leaf, i) =>
    f(toTensor("tree.map", leaf), ...others.map((o) => toTensor("tree.map", o[i])))
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
  return takeApart("tree.leaves", tree).leaves.map((leaf) => toTensor("tree.leaves", leaf));
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
  return [flat.leaves.map((leaf) => toTensor("tree.flatten", leaf)), flat.structure];
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
  return takeApart("tree.reduce", tree).leaves.reduce<R>((r, leaf) => f(r, toTensor("tree.reduce", leaf)), initial);
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
