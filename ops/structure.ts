/** Taking trees apart into leaves and a structure, and putting them together again. */

import { describe } from "./errors.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/** The shape of a tree without its leaves: `"leaf"`, null, or the children by position or name. */
export type Structure = "leaf" | null | readonly Structure[] | { readonly [key: string]: Structure };

/** A tree taken apart. Leaves are as they stand: tensors, numbers and booleans. */
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

/** Takes a tree apart; `op` is named in the error for a value that cannot be in one, with the cure. */
export function takeApart(op: string, tree: unknown, cure = "let the function capture other values"): Flat {
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
      `${op}() cannot use ${describe(node)} in a tree: leaves are tensors, numbers, booleans or null; ${cure}`,
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

/** How many leaves a structure has. */
export function countLeaves(structure: Structure): number {
  if (structure === "leaf") return 1;
  return structure === null ? 0 : Object.values(structure).reduce<number>((n, child) => n + countLeaves(child), 0);
}

function isStructureList(
  node: readonly Structure[] | { readonly [key: string]: Structure },
): node is readonly Structure[] {
  return Array.isArray(node);
}

/** Whether two structures are equal, whatever the order of their keys. */
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
