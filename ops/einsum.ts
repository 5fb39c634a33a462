/** Sums of products named by their indices. */

import { promoted } from "./arguments.ts";
import { matmul } from "./contraction.ts";
import { derived } from "./derived.ts";
import { mul } from "./arithmetic.ts";
import { count, describe, ShapeError } from "./errors.ts";
import { moveAxis, reshape, slice, transpose } from "./movement.ts";
import { sum } from "./reduction.ts";
import { throughFloat32 } from "./rounded_once.ts";
import { sizeOf, type TensorType, typeString } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** One letter, or an axis under an ellipsis: "...1" is the last of those. */
type Index = string;

/** A tensor with a name for each axis. Past {@linkcode simplified}, no name is there twice. */
interface Term {
  readonly x: Tensor;
  readonly indices: readonly Index[];
}

interface Parsed {
  /** The indices of each operand, axis by axis. */
  readonly operands: readonly (readonly Index[])[];
  readonly output: readonly Index[];
  readonly sizes: ReadonlyMap<Index, number>;
}

const einsumOf = derived(
  "einsum",
  (xs, spec: string) => throughFloat32(xs, (...wide) => contracted(wide, spec)),
);

function contracted(xs: readonly Tensor[], spec: string): Tensor {
  const { operands, output, sizes } = parse(spec, xs.map((x) => x.type));
  let terms = xs.map((x, i) => simplified({ x, indices: operands[i]! }, sizes));
  while (terms.length > 1) {
    const { a, b, others } = cheapestPair(terms, output, sizes);
    terms = [...others, product(a, b, [...output, ...others.flatMap((term) => term.indices)])];
  }
  const { x, indices } = summed(terms[0]!, output);
  return transpose(x, output.map((index) => indices.indexOf(index)));
}

/**
 * Multiplies tensors and sums over indices, as the spec names them: `einsum("ij,jk->ik", a, b)` is a matrix product.
 *
 * Left of `->` stand the indices of each operand, one letter an axis; right of it those of the result. Every index that
 * the result lacks is summed over. An index twice in one operand takes the diagonal. `...` stands for any further axes,
 * which broadcast. Without `->` the result has the axes of `...`, then the letters that appear once, in alphabetical
 * order. Axes of size 1 stretch to the size their index has elsewhere. Spaces do not count.
 *
 * Bare numbers adopt the dtype of the tensors, which are promoted; float16 is rounded once, in the end. Of three operands or more, the pair whose product
 * frees most memory goes first. Reference: `numpy.einsum`.
 *
 * @throws {RangeError} If the spec is malformed, or does not fit the operands.
 *
 * @example Products, traces, batches
 * ```ts
 * import { einsum, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const a = tensor([[1, 2], [3, 4]]);
 * const b = tensor([[0, 1], [1, 0]]);
 * assertEquals(einsum("ij,jk->ik", a, b).arraySync(), [[2, 1], [4, 3]]);
 * assertEquals(einsum("ij,ij->", a, b).item(), 5);
 * assertEquals(einsum("ii", a).item(), 5);
 * assertEquals(einsum("...i->...", a).arraySync(), [3, 7]);
 * assertEquals(einsum("i,j,ij->", tensor([1, 2]), tensor([3, 4]), a).item(), 61);
 * ```
 */
export function einsum(spec: string, ...xs: readonly TensorLike[]): Tensor {
  if (typeof spec !== "string") {
    throw new TypeError(`einsum() takes a spec such as "ij,jk->ik" first, got ${describe(spec)}`);
  }
  if (xs.length === 0) throw new RangeError(`einsum() needs an operand to apply "${spec}" to`);
  const ts = promoted("einsum", xs);
  if (ts[0]!.dtype === "bool") {
    throw new TypeError(
      `einsum() cannot multiply ${ts.map((t) => typeString(t.type)).join(", ")}: cast them to a number type`,
    );
  }
  return einsumOf(ts, spec);
}

function parse(spec: string, types: readonly TensorType[]): Parsed {
  const [left, right, ...more] = spec.split("->");
  if (more.length > 0) throw new RangeError(`einsum() cannot read "${spec}": it has more than one ->`);
  const named = left!.split(",").map((text) => readIndices(spec, text));
  if (named.length !== types.length) {
    throw new RangeError(
      `einsum() cannot apply "${spec}" to ${count(types.length, "operand")}: it names ${named.length}`,
    );
  }
  const ranks = named.map((names, i) => ellipsisRank(names, types[i]!));
  const operands = named.map((names, i) => expand(names, ranks[i]!));
  const stretched = expand(["..."], Math.max(...ranks));
  const output = right === undefined
    ? [...stretched, ...appearOnce(named.flat()).sort()]
    : expand(readIndices(spec, right), stretched.length);
  checkOutput(spec, output, new Set(operands.flat()));
  return { operands, output, sizes: sizesOf(spec, operands, types) };
}

/** The letters of one operand, and "..." for its ellipsis. */
function readIndices(spec: string, text: string): readonly string[] {
  const names = text.replaceAll(/\s/g, "").match(/\.\.\.|./gu) ?? [];
  const wrong = names.find((name) => !/^([A-Za-z]|\.\.\.)$/.test(name));
  if (wrong !== undefined) {
    throw new RangeError(
      `einsum() cannot read "${wrong}" in "${spec}": indices are letters, and ... stands for the rest`,
    );
  }
  if (names.filter((name) => name === "...").length > 1) {
    throw new RangeError(`einsum() cannot read "${spec}": each operand has one ... at most`);
  }
  return names;
}

/** How many axes the ellipsis of an operand stands for. */
function ellipsisRank(names: readonly string[], type: TensorType): number {
  const letters = names.filter((name) => name !== "...").length;
  const rest = type.shape.length - letters;
  if (rest < 0 || (rest > 0 && letters === names.length)) {
    throw new ShapeError(
      `einsum() cannot name the axes of ${typeString(type)} by "${names.join("")}": ` +
        `its rank is ${type.shape.length}`,
    );
  }
  return rest;
}

/** Names with the ellipsis written out; aligned at the last axis, as broadcasting is. */
function expand(names: readonly string[], rank: number): readonly Index[] {
  return names.flatMap((name) => name === "..." ? Array.from({ length: rank }, (_, i) => `...${rank - i}`) : [name]);
}

function appearOnce(names: readonly string[]): string[] {
  return names.filter((name) => name !== "..." && names.indexOf(name) === names.lastIndexOf(name));
}

function checkOutput(spec: string, output: readonly Index[], known: ReadonlySet<Index>): void {
  const unknown = output.find((index) => !known.has(index));
  if (unknown !== undefined) {
    throw new RangeError(`einsum() cannot make index ${unknown} of the output in "${spec}": no operand has it`);
  }
  const twice = output.find((index, i) => output.indexOf(index) !== i);
  if (twice !== undefined) throw new RangeError(`einsum() cannot make index ${twice} of the output twice in "${spec}"`);
  if ([...known].some((index) => index.startsWith("...") && !output.includes(index))) {
    throw new RangeError(`einsum() cannot sum over the axes of ... in "${spec}": the output needs ... too`);
  }
}

/** The size of every index: what its axes have, where 1 gives way. */
function sizesOf(spec: string, operands: Parsed["operands"], types: readonly TensorType[]): Parsed["sizes"] {
  const sizes = new Map<Index, number>();
  operands.forEach((indices, k) =>
    indices.forEach((index, axis) => {
      const n = types[k]!.shape[axis]!;
      const own = types[k]!.shape[indices.indexOf(index)]!;
      const known = sizes.get(index) ?? 1;
      if (n !== own || (n !== 1 && known !== 1 && n !== known)) {
        const name = index.startsWith("...") ? "..." : index;
        throw new ShapeError(
          `einsum() cannot match index ${name} in "${spec}" with ${types.map(typeString).join(", ")}: ` +
            `sizes ${n !== own ? own : known} and ${n} must be equal${n !== own ? "" : " or 1"}`,
        );
      }
      if (known === 1) sizes.set(index, n);
    })
  );
  return sizes;
}

/** Diagonals taken, and axes dropped that stretch: whoever has the index at its full size decides. */
function simplified({ x, indices }: Term, sizes: Parsed["sizes"]): Term {
  const twice = indices.findIndex((index, i) => indices.indexOf(index) !== i);
  if (twice >= 0) {
    const first = indices.indexOf(indices[twice]!);
    const others = indices.filter((_, i) => i !== first && i !== twice);
    return simplified({ x: diagonal(x, first, twice), indices: [...others, indices[twice]!] }, sizes);
  }
  const stays = indices.map((index, i) => x.shape[i] === sizes.get(index));
  return { x: reshape(x, x.shape.filter((_, i) => stays[i])), indices: indices.filter((_, i) => stays[i]) };
}

/** The diagonal over two axes of equal size, as the last axis. */
function diagonal(x: Tensor, i: number, j: number): Tensor {
  const last = moveAxis(x, [i, j], [-2, -1]);
  const rows = last.shape.slice(0, -2);
  const n = last.shape.at(-1)!;
  const step = [...rows.map(() => 1), n + 1];
  return slice(reshape(last, [...rows, n * n]), { step });
}

/** The term without the indices that are not kept. */
function summed({ x, indices }: Term, kept: readonly Index[]): Term {
  const axis = indices.flatMap((index, i) => kept.includes(index) ? [] : [i]);
  return axis.length === 0 ? { x, indices } : { x: sum(x, { axis }), indices: indices.filter((i) => kept.includes(i)) };
}

/** The two terms whose product, less the two themselves, takes least memory: opt_einsum's greedy rule. */
function cheapestPair(
  terms: readonly Term[],
  output: readonly Index[],
  sizes: Parsed["sizes"],
): { readonly a: Term; readonly b: Term; readonly others: readonly Term[] } {
  const pairs = terms.flatMap((a, i) =>
    terms.slice(i + 1).map((b) => {
      const others = terms.filter((term) => term !== a && term !== b);
      const kept = new Set([...output, ...others.flatMap((term) => term.indices)]);
      const made = [...new Set([...a.indices, ...b.indices])].filter((index) => kept.has(index));
      const cost = sizeOf(made.map((index) => sizes.get(index)!)) - a.x.size - b.x.size;
      return { a, b, others, cost };
    })
  );
  return pairs.reduce((best, pair) => pair.cost < best.cost ? pair : best);
}

/** The product of two terms, summed over the indices that are not kept. */
function product(first: Term, second: Term, kept: readonly Index[]): Term {
  const a = summed(first, [...kept, ...second.indices]);
  const b = summed(second, [...kept, ...first.indices]);
  const shared = a.indices.filter((index) => b.indices.includes(index));
  const batch = shared.filter((index) => kept.includes(index));
  const inner = shared.filter((index) => !kept.includes(index));
  const freeA = a.indices.filter((index) => !shared.includes(index));
  const freeB = b.indices.filter((index) => !shared.includes(index));
  const left = grouped(a, [batch, freeA, inner]);
  const right = grouped(b, [batch, inner, freeB]);
  const indices = [...batch, ...freeA, ...freeB];
  const x = inner.length === 0 ? mul(left, right) : matmul(left, right);
  return { x: reshape(x, indices.map((index) => sizeAt(a.indices.includes(index) ? a : b, index))), indices };
}

/** The term's tensor with each group of indices made one axis. */
function grouped(term: Term, groups: readonly (readonly Index[])[]): Tensor {
  const moved = transpose(term.x, groups.flat().map((index) => term.indices.indexOf(index)));
  return reshape(moved, groups.map((group) => sizeOf(group.map((index) => sizeAt(term, index)))));
}

function sizeAt({ x, indices }: Term, index: Index): number {
  return x.shape[indices.indexOf(index)]!;
}
