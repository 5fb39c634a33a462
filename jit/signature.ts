/** What a compiled program is remembered by: the trees, types and static values of the arguments it was traced for. */

import { sameShape, type TensorType, typeString } from "../ops/shape.ts";
import { countLeaves, type Structure, takeApart } from "../ops/structure.ts";
import { Tensor, type TensorLike } from "../ops/tensor.ts";

/** A leaf of the arguments: a tensor of some type, or a bare number or boolean. */
export type LeafType = TensorType | "number" | "boolean";

/** The arguments a program was traced for. */
export interface Signature {
  /** One for each argument: the structure of its tree, or the value of a static one. */
  readonly parts: readonly Part[];
  /** Of all trees together. */
  readonly leaves: readonly LeafType[];
}

type Part =
  | { readonly kind: "tree"; readonly structure: Structure }
  | { readonly kind: "static"; readonly value: unknown };

const cure = "let the function capture other values, or name their arguments in { static }";

/** The signature of a call, and its leaves. */
export function signatureOf(
  args: readonly unknown[],
  isStatic: (i: number) => boolean,
): { readonly signature: Signature; readonly leaves: readonly TensorLike[] } {
  const leaves: TensorLike[] = [];
  const parts = args.map((arg, i): Part => {
    if (isStatic(i)) return { kind: "static", value: arg };
    const flat = takeApart("jit", arg, cure);
    leaves.push(...flat.leaves);
    return { kind: "tree", structure: flat.structure };
  });
  return { signature: { parts, leaves: leaves.map(leafType) }, leaves };
}

function leafType(leaf: TensorLike): LeafType {
  return leaf instanceof Tensor ? leaf.type : typeof leaf as "number" | "boolean";
}

/** The leaves of a call's arguments if they have this signature, else null. This is on the way of every call. */
export function leavesOf({ parts, leaves }: Signature, args: readonly unknown[]): TensorLike[] | null {
  if (args.length !== parts.length) return null;
  const found: TensorLike[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    const fits = part.kind === "static"
      ? Object.is(part.value, args[i])
      : collect(part.structure, args[i], leaves, found);
    if (!fits) return null;
  }
  return found;
}

/** Appends the leaves of a tree; false if it has another structure, or leaves of other types. */
function collect(structure: Structure, tree: unknown, types: readonly LeafType[], found: TensorLike[]): boolean {
  if (structure === "leaf") {
    const type = types[found.length]!;
    if (tree instanceof Tensor) {
      const own = tree.type;
      if (own !== type && (typeof type === "string" || own.dtype !== type.dtype || !sameShape(own.shape, type.shape))) {
        return false;
      }
    } else if (type !== "number" && type !== "boolean" || typeof tree !== type) {
      return false;
    }
    found.push(tree as TensorLike);
    return true;
  }
  if (structure === null) return tree === null || tree === undefined;
  if (typeof tree !== "object" || tree === null || tree instanceof Tensor) return false;
  if (Array.isArray(structure)) {
    if (!Array.isArray(tree) || tree.length !== structure.length) return false;
    return structure.every((child, i) => collect(child, tree[i], types, found));
  }
  if (Array.isArray(tree)) return false;
  let keys = 0;
  for (const key in structure) {
    keys++;
    if (!Object.hasOwn(tree, key)) return false;
    const child = (structure as { readonly [key: string]: Structure })[key]!;
    if (!collect(child, (tree as Readonly<Record<string, unknown>>)[key], types, found)) return false;
  }
  return Object.keys(tree).length === keys;
}

/** How a signature differs from another, in words: the first difference. */
export function difference(now: Signature, before: Signature): string {
  if (now.parts.length !== before.parts.length) {
    return `it was called with ${count(now.parts.length, "argument")}, not ${before.parts.length}`;
  }
  const [ownPaths, otherPaths] = [pathsOf(now), pathsOf(before)];
  for (const [i, part] of now.parts.entries()) {
    const other = before.parts[i]!;
    if (part.kind === "static" && other.kind === "static" && !Object.is(part.value, other.value)) {
      const same = typeof part.value === "object"
        ? "another object than before"
        : `${show(part.value)}, not ${show(other.value)}`;
      return `static argument ${i} is ${same}`;
    }
  }
  if (ownPaths.join() !== otherPaths.join()) {
    const path = ownPaths.find((own) => !otherPaths.includes(own));
    if (path !== undefined) return `there is a leaf ${path} that was not there before`;
    return `the leaf ${otherPaths.find((other) => !ownPaths.includes(other))} is missing`;
  }
  const at = now.leaves.findIndex((leaf, i) => showLeaf(leaf) !== showLeaf(before.leaves[i]!));
  if (at < 0) return "a bare number beside integers is whole, and was not before, or the other way round";
  return `${ownPaths[at]} is ${showLeaf(now.leaves[at]!)}, not ${showLeaf(before.leaves[at]!)}`;
}

/** `1 leaf`, `2 leaves`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** Where each leaf is: `argument 0.w`. */
function pathsOf({ parts }: Signature): string[] {
  const visit = (structure: Structure, path: string): string[] => {
    if (structure === "leaf") return [path];
    if (structure === null) return [];
    return Object.entries(structure).flatMap(([key, child]) =>
      visit(child, Array.isArray(structure) ? `${path}[${key}]` : `${path}.${key}`)
    );
  };
  return parts.flatMap((part, i) => (part.kind === "tree" ? visit(part.structure, `argument ${i}`) : []));
}

/** A type as it is printed: `f32[2]`, or a bare `number`. */
export function showLeaf(leaf: LeafType): string {
  return typeof leaf === "string" ? leaf : typeString(leaf);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** A signature longer than this counts leaves instead of naming them. */
const longest = 120;

/** The arguments as they are printed: `(f32[2], {w: f32[3]}, static "sum")`. */
export function showSignature({ parts, leaves }: Signature): string {
  let next = 0;
  const visit = (structure: Structure): string => {
    if (structure === null) return "null";
    if (structure === "leaf") return showLeaf(leaves[next++]!);
    if (Array.isArray(structure)) return `[${structure.map(visit).join(", ")}]`;
    return `{${Object.entries(structure).map(([key, child]) => `${key}: ${visit(child)}`).join(", ")}}`;
  };
  const one = (part: Part): string => {
    if (part.kind === "static") return `static ${show(part.value)}`;
    const whole = visit(part.structure);
    return whole.length <= longest ? whole : `a tree of ${count(countLeaves(part.structure), "leaf", "leaves")}`;
  };
  return `(${parts.map(one).join(", ")})`;
}
