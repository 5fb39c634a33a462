/** Trees: nested arrays and plain objects with tensors, numbers, booleans or null at the leaves. */

import { toTensor } from "./arguments.ts";
import { count, describe } from "./errors.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/** Any function; it is no leaf. */
export type AnyFunction = (...args: never[]) => unknown;

/** The same tree with every leaf replaced by `R`. */
export type MapLeaves<T, R> = unknown extends T ? T
  : T extends TensorLike ? R
  : T extends null | undefined ? T
  : T extends string | bigint | symbol | AnyFunction ? null
  : { [K in keyof T]: MapLeaves<T[K], R> };

/** The shape of a tree without its leaves: `"leaf"`, null, or the children by position or name. */
export type Structure = "leaf" | null | readonly Structure[] | { readonly [key: string]: Structure };

/** A tree taken apart. Leaves are as they stand: tensors, numbers and booleans. */
export interface Flat {
  readonly leaves: TensorLike[];
  readonly structure: Structure;
}

function isLeaf(x: unknown): x is TensorLike {
  return x instanceof Tensor || typeof x === "number" || typeof x === "boolean";
}

function isPlain(x: unknown): x is Readonly<Record<string, unknown>> {
  // Built-in objects (dates, maps, promises, typed arrays, …) are no trees.
  return Object.prototype.toString.call(x) === "[object Object]";
}

/** Takes a tree apart; `op` is named in the error for a value that cannot be in one. */
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

/** Puts a tree together again from leaves in order. */
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

export function sameStructure(a: Structure, b: Structure): boolean {
  if (a === null || b === null || a === "leaf" || b === "leaf") return a === b;
  if (isStructureList(a) !== isStructureList(b)) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return left.length === right.length &&
    left.every(([key, child]) => Object.hasOwn(b, key) && sameStructure(child, (b as Record<string, Structure>)[key]!));
}

/** A structure in a few words, for messages: `{w: *, b: [*, null]}`. */
export function showStructure(structure: Structure): string {
  if (structure === null) return "null";
  if (structure === "leaf") return "*";
  if (isStructureList(structure)) return `[${structure.map(showStructure).join(", ")}]`;
  return `{${Object.entries(structure).map(([key, child]) => `${key}: ${showStructure(child)}`).join(", ")}}`;
}

/** The leaves of `tree` in the order of `structure`, which it must have. */
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

export function leaves(tree: unknown): Tensor[] {
  return takeApart("tree.leaves", tree).leaves.map((leaf) => toTensor("tree.leaves", leaf));
}

export function flatten(tree: unknown): [leaves: Tensor[], structure: Structure] {
  const flat = takeApart("tree.flatten", tree);
  return [flat.leaves.map((leaf) => toTensor("tree.flatten", leaf)), flat.structure];
}

export function unflatten(structure: Structure, leaves: readonly unknown[]): unknown {
  const slots = countLeaves(structure);
  if (leaves.length !== slots) {
    const given = count(leaves.length, "value");
    throw new TypeError(`tree.unflatten() cannot fill ${showStructure(structure)} with ${given}: it takes ${slots}`);
  }
  return putTogether(structure, leaves);
}

/** The path of every leaf, as text: `0/weight`. */
export function paths(tree: unknown): string[] {
  const found: string[] = [];
  const visit = (node: Structure, path: readonly string[]): void => {
    if (node === "leaf") found.push(path.join("/"));
    else if (node !== null) Object.entries(node).forEach(([key, child]) => visit(child, [...path, key]));
  };
  visit(takeApart("tree.paths", tree).structure, []);
  return found;
}

export function reduce<R>(f: (accumulated: R, leaf: Tensor) => R, tree: unknown, initial: R): R {
  if (typeof f !== "function") throw new TypeError(`tree.reduce() takes a function, got ${describe(f)}`);
  return takeApart("tree.reduce", tree).leaves.reduce<R>((r, leaf) => f(r, toTensor("tree.reduce", leaf)), initial);
}

export function equalStructure(a: unknown, b: unknown): boolean {
  return sameStructure(takeApart("tree.equalStructure", a).structure, takeApart("tree.equalStructure", b).structure);
}
