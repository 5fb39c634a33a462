/** Walking trees of gradients together with the trees that an optimiser keeps. */

import { toTensor } from "../ops/arguments.ts";
import { constantOf, zerosLike } from "../ops/create.ts";
import { placeBeside } from "../ops/devices.ts";
import { isFloat, wideOf } from "../ops/dtype.ts";
import { describe, ShapeError } from "../ops/errors.ts";
import { sameShape, typeString } from "../ops/shape.ts";
import { isTensor, type Tensor } from "../ops/tensor.ts";
import { takeApart } from "../ops/structure.ts";
import { map } from "../ops/tree.ts";

/** From a gradient and the values at the same leaf of other trees: what takes their places, in order. */
type LeafRule = (grad: Tensor, ...others: Tensor[]) => readonly Tensor[];

/**
 * Applies a rule at every leaf of `grads`, together with what stands there in `others`. Returns all these trees with
 * what the rule gave in place of their leaves; where it gave nothing, or the gradient is null, they are as they were.
 */
export function atEachLeaf<G, O extends readonly unknown[]>(
  op: string,
  rule: LeafRule,
  grads: G,
  others: readonly [...O],
): [G, ...O] {
  return visit(op, rule, grads, others, "", [grads, ...others]) as [G, ...O];
}

function visit(
  op: string,
  rule: LeafRule,
  grads: unknown,
  others: readonly unknown[],
  path: string,
  roots: readonly unknown[],
): unknown[] {
  if (grads === null || grads === undefined) return [null, ...others];
  if (isTensor(grads) || typeof grads !== "object") {
    const given = [grads, ...others];
    // Leaves that are bare numbers in all trees live where the tensors of the trees do.
    const beside = given.some(isTensor) ? given : takeApart(op, roots).leaves;
    const all = given.map((x) => toTensor(op, x, beside));
    checkShapes(op, all, path);
    const made = rule(...all as [Tensor, ...Tensor[]]);
    return all.map((_, k) => made[k] ?? (k === 0 ? grads : others[k - 1]));
  }
  const keys = Object.keys(grads);
  others.forEach((other) => checkKeys(op, keys, other, path));
  const trees = [grads, ...others] as Record<string, unknown>[];
  const children = keys.map((key) => {
    const [grad, ...rest] = trees.map((tree) => tree[key]);
    return visit(op, rule, grad, rest, path === "" ? key : `${path}/${key}`, roots);
  });
  return trees.map((_, k) => {
    const values = children.map((child) => child[k]);
    return Array.isArray(grads) ? values : Object.fromEntries(keys.map((key, i) => [key, values[i]]));
  });
}

function checkShapes(op: string, [grad, ...others]: readonly Tensor[], path: string): void {
  for (const other of others) {
    if (!sameShape(grad!.shape, other.shape)) {
      throw new ShapeError(
        `${op}() got a gradient ${typeString(grad!.type)} for a leaf ${typeString(other.type)}${at(path)}`,
      );
    }
  }
}

function checkKeys(op: string, keys: readonly string[], other: unknown, path: string): void {
  const there = typeof other === "object" && other !== null && !isTensor(other) ? Object.keys(other) : null;
  if (there?.length === keys.length && keys.every((key) => Object.hasOwn(other as object, key))) return;
  const found = there === null ? (isTensor(other) ? "a tensor" : describe(other)) : `[${there.join(", ")}]`;
  throw new TypeError(
    `${op}() needs gradients of the structure of the parameters, got [${keys.join(", ")}] for ${found}${at(path)}`,
  );
}

function at(path: string): string {
  return path === "" ? "" : ` at ${path}`;
}

/** The number of steps before the first, `i32[]`, where the parameters live. */
export function stepZero(op: string, params: unknown): Tensor {
  return constantOf(0, "int32", [], placeBeside(takeApart(op, params).leaves));
}

/** The same tree of zeros, in float32 for float16; null for leaves of integers and bools, which have no gradient. */
export function zerosFor(params: unknown): unknown {
  return map<unknown, Tensor | null>((x) => isFloat(x.dtype) ? zerosLike(x, { dtype: wideOf(x.dtype) }) : null, params);
}
