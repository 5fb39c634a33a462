// einsum against loops over every index, for specs that are drawn; its derivatives, its batches, its errors.
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { cast, checkGrads, einsum, ones, stack, take, type Tensor, tensor, vmap } from "../mod.ts";
import { trace } from "../ops/program.ts";
import { sizeOf } from "../ops/shape.ts";
import { indicesOf } from "./indices.ts";
import { check } from "./property.ts";

interface Operand {
  /** Letters; "1" and "2" are the axes under the ellipsis, counted from the last. */
  readonly names: readonly string[];
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Case {
  readonly operands: readonly Operand[];
  /** Null where the spec has no arrow. */
  readonly output: readonly string[] | null;
  readonly spaced: boolean;
}

const letters = ["b", "a", "C", "d"];

/** Sizes for all names, then operands over them with some axes of size 1, then an output. */
const cases: fc.Arbitrary<Case> = fc.record({
  sizes: fc.array(fc.integer({ min: 0, max: 3 }).map((n) => n || 2), { minLength: 6, maxLength: 6 }),
  empty: fc.boolean().map((b) => b ? fc.integer({ min: 0, max: 5 }) : fc.constant(-1)).chain((i) => i),
}).chain(({ sizes, empty }) => {
  const sizeOfName = (name: string): number => {
    const i = [...letters, "1", "2"].indexOf(name);
    return i === empty ? 0 : sizes[i]!;
  };
  const operand = fc.record({
    own: fc.array(fc.constantFrom(...letters), { maxLength: 3 }),
    rank: fc.integer({ min: 0, max: 2 }),
    at: fc.nat(3),
    narrow: fc.subarray([...letters, "1", "2"], { maxLength: 2 }),
  }).chain(({ own, rank, at, narrow }): fc.Arbitrary<Operand> => {
    const names = [...own.slice(0, at), ...["2", "1"].slice(2 - rank), ...own.slice(at)];
    const shape = names.map((name) => narrow.includes(name) ? 1 : sizeOfName(name));
    const n = sizeOf(shape);
    return fc.array(fc.integer({ min: -3, max: 3 }), { minLength: n, maxLength: n }).map((data) => ({
      names,
      shape,
      data,
    }));
  });
  return fc.array(operand, { minLength: 1, maxLength: 4 }).chain((operands) => {
    const known = [...new Set(operands.flatMap(({ names }) => names))];
    const stretched = ["2", "1"].filter((name) => known.includes(name));
    const chosen = fc.shuffledSubarray(known.filter((name) => letters.includes(name)));
    const explicit = fc.tuple(chosen, fc.nat(4)).map((
      [own, at],
    ) => [...own.slice(0, at), ...stretched, ...own.slice(at)]);
    return fc.record({ operands: fc.constant(operands), output: fc.option(explicit), spaced: fc.boolean() });
  });
});

function specOf({ operands, output, spaced }: Case): string {
  const text = (names: readonly string[]): string => {
    const first = names.findIndex((name) => name === "1" || name === "2");
    const own = names.map((name, i) => name === "1" || name === "2" ? (i === first ? "..." : "") : name);
    return own.join(spaced ? " " : "");
  };
  const left = operands.map(({ names }) => text(names)).join(",");
  return output === null ? left : `${left}->${text(output)}`;
}

/** The names of the result where the spec has no arrow. */
function implicitOutput(operands: readonly Operand[]): string[] {
  const all = operands.flatMap(({ names }) => names);
  const once = letters.filter((letter) => all.filter((name) => name === letter).length === 1);
  return [...["2", "1"].filter((name) => all.includes(name)), ...once.sort()];
}

/** One term for every assignment of positions to names. */
function byLoops({ operands, output }: Case): { shape: number[]; data: number[] } {
  const names = [...new Set(operands.flatMap((operand) => operand.names))];
  const size = (name: string): number =>
    operands.flatMap((operand) => operand.names.flatMap((n, i) => n === name ? [operand.shape[i]!] : []))
      .reduce((known, n) => n === 1 ? known : n, 1);
  const kept = output ?? implicitOutput(operands);
  const shape = kept.map(size);
  const data = new Array<number>(sizeOf(shape)).fill(0);
  for (const index of indicesOf(names.map(size))) {
    const position = (at: readonly string[], sizes: readonly number[]): number =>
      at.reduce((p, name, i) => p * sizes[i]! + (sizes[i] === 1 ? 0 : index[names.indexOf(name)]!), 0);
    data[position(kept, shape)]! += operands.reduce((p, x) => p * x.data[position(x.names, x.shape)]!, 1);
  }
  return { shape, data };
}

Deno.test("einsum equals loops over every index", () => {
  check(cases, (drawn) => {
    const { shape, data } = byLoops(drawn);
    for (const dtype of ["float32", "int32"] as const) {
      const xs = drawn.operands.map((x) => cast(tensor(Float32Array.from(x.data), { shape: x.shape }), dtype));
      const y = einsum(specOf(drawn), ...xs);
      assertEquals([y.shape, y.dtype], [shape, dtype]);
      // Small integers: exact. −0 is 0 here.
      assertEquals([...y.dataSync()].map((v) => v + 0), data.map((v) => v + 0));
    }
  }, { share: 10 });
});

/** Values without a pattern, exact in float32. */
function varied(...shape: number[]): Tensor {
  return tensor(Float64Array.from({ length: sizeOf(shape) }, (_, i) => (i * 37 % 23 - 11) / 8), { shape });
}

const specs: readonly (readonly [spec: string, ...shapes: number[][]])[] = [
  ["ij->ji", [2, 3]],
  ["ii", [3, 3]],
  ["iij->ji", [2, 2, 3]],
  ["i,i->", [3], [3]],
  ["i,j->ij", [2], [3]],
  ["ij,jk->ik", [2, 3], [3, 2]],
  ["bij,bjk->bik", [2, 2, 3], [2, 3, 2]],
  ["ij,ij->j", [2, 3], [2, 3]],
  ["ij,j->", [2, 3], [3]],
  ["bhqd,bhkd->bhqk", [2, 1, 2, 3], [2, 1, 3, 3]],
  ["...i,...i->...", [2, 1, 3], [2, 3]],
  ["ij,jk,kl->il", [2, 3], [3, 2], [2, 2]],
  ["i,ij,j->", [2], [2, 3], [3]],
  ["ij,ij->ij", [2, 1], [2, 3]],
  ["ijk,k,ij->i", [2, 3, 2], [2], [2, 3]],
];

Deno.test("einsum: gradients, both modes, to second order", () => {
  for (const [spec, ...shapes] of specs) {
    checkGrads((...xs: Tensor[]) => einsum(spec, ...xs), shapes.map((shape) => varied(...shape)));
  }
});

Deno.test("einsum: vmap is the loop", () => {
  for (const [spec, first, ...rest] of specs) {
    const many = varied(3, ...first!);
    const others = rest.map((shape) => varied(...shape));
    const f = (x: Tensor): Tensor => einsum(spec, x, ...others);
    const loop = stack([0, 1, 2].map((i) => f(take(many, i, { axis: 0 }))));
    const y = vmap(f)(many);
    assertEquals([y.shape, [...y.dataSync()]], [loop.shape, [...loop.dataSync()]]);
  }
});

Deno.test("einsum: bare numbers and promotion", () => {
  assertEquals(einsum(",i->i", 2, tensor([1, 2])).arraySync(), [2, 4]);
  assertEquals(einsum("", 3).item(), 3);
  assertEquals(einsum("i,i", tensor(Int32Array.of(1, 2)), tensor([0.5, 0.5])).item(), 1.5);
  assertEquals(einsum("i,i", tensor(Int32Array.of(1, 2)), varied(2)).dtype, "float64");
});

Deno.test("einsum: the pair that frees most goes first", () => {
  const largest = (spec: string, ...shapes: number[][]): number => {
    const types = shapes.map((shape) => ({ dtype: "float32", shape }) as const);
    const { types: made } = trace("test", (xs) => [einsum(spec, ...xs)], types);
    return Math.max(...made.map(({ shape }) => sizeOf(shape)));
  };
  // Left to right these would make 8x8x8 and 8x8.
  assert(largest("i,j,k,ijk->", [8], [8], [8], [8, 8, 8]) === 8 ** 3);
  assert(largest("ij,jk,k->i", [8, 8], [8, 100], [100]) === 800);
  assertEquals(largest("i,j,j->i", [8], [9], [9]), 9);
  // What one operand alone has is summed before the product.
  assertEquals(largest("ij,k->k", [8, 8], [100]), 100);
  assertEquals(largest("k,ij->k", [100], [8, 8]), 100);
});

Deno.test("einsum: what a pair frees is its two operands, less what the rest and the result need of it", () => {
  const firstProduct = (...shapes: number[][]): number => {
    const types = shapes.map((shape) => ({ dtype: "float32", shape }) as const);
    const { equations, types: made } = trace("test", (xs) => [einsum("ij,jk,kl->il", ...xs)], types);
    return sizeOf(made[equations.find(({ primitive }) => primitive.name === "matmul")!.outputs[0]!]!.shape);
  };
  // 10 − 10 − 25 against 15 − 25 − 15, and 10 − 6 − 15 against 15 − 15 − 25.
  assertEquals(firstProduct([2, 5], [5, 5], [5, 3]), 2 * 5);
  assertEquals(firstProduct([2, 3], [3, 5], [5, 5]), 3 * 5);
});

Deno.test("einsum: without an arrow the letters come in alphabetical order, and every diagonal is taken", () => {
  assertEquals(einsum("ba", tensor([[1, 2, 3], [4, 5, 6]])).arraySync(), [[1, 4], [2, 5], [3, 6]]);
  const x = varied(2, 2, 3, 3);
  const diagonals = [0, 1].map((i) => [0, 1, 2].map((j) => x.dataSync()[i * 18 + i * 9 + j * 3 + j]));
  assertEquals(einsum("iijj->ij", x).arraySync(), diagonals);
  assertEquals(einsum("ii,i->i", tensor([[2]]), tensor([1, 3])).arraySync(), [2, 6]);
});

Deno.test("einsum: errors", () => {
  const cases: [f: () => unknown, type: new () => Error, message: string][] = [
    [
      () => einsum(ones([2]) as unknown as string),
      TypeError,
      'einsum() takes a spec such as "ij,jk->ik" first, got a tensor',
    ],
    [() => einsum("i"), RangeError, 'einsum() needs an operand to apply "i" to'],
    [
      () => einsum("i,i", tensor([true]), true),
      TypeError,
      "einsum() cannot multiply bool[1], bool[]: cast them to a number type",
    ],
    [() => einsum("i,j", ones([2])), RangeError, 'einsum() cannot apply "i,j" to 1 operand: it names 2'],
    [() => einsum("i", ones([2]), 1, 2), RangeError, 'einsum() cannot apply "i" to 3 operands: it names 1'],
    [() => einsum("i->j->k", ones([2])), RangeError, 'einsum() cannot read "i->j->k": it has more than one ->'],
    [
      () => einsum("i1", ones([2, 2])),
      RangeError,
      'einsum() cannot read "1" in "i1": indices are letters, and ... stands for the rest',
    ],
    [
      () => einsum("..i", ones([2])),
      RangeError,
      'einsum() cannot read "." in "..i": indices are letters, and ... stands for the rest',
    ],
    [
      () => einsum("...i...", ones([2])),
      RangeError,
      'einsum() cannot read "...i...": each operand has one ... at most',
    ],
    [() => einsum("ij", ones([2])), RangeError, 'einsum() cannot name the axes of f32[2] by "ij": its rank is 1'],
    [() => einsum("i", ones([2, 2])), RangeError, 'einsum() cannot name the axes of f32[2,2] by "i": its rank is 2'],
    [
      () => einsum("ij...", ones([2])),
      RangeError,
      'einsum() cannot name the axes of f32[2] by "ij...": its rank is 1',
    ],
    [
      () => einsum("ij,jk->ik", ones([2, 3]), ones([4, 2])),
      RangeError,
      'einsum() cannot match index j in "ij,jk->ik" with f32[2,3], f32[4,2]: sizes 3 and 4 must be equal or 1',
    ],
    [
      () => einsum("...,...", ones([2]), ones([3])),
      RangeError,
      'einsum() cannot match index ... in "...,..." with f32[2], f32[3]: sizes 2 and 3 must be equal or 1',
    ],
    [
      () => einsum("ii", ones([1, 3])),
      RangeError,
      'einsum() cannot match index i in "ii" with f32[1,3]: sizes 1 and 3 must be equal',
    ],
    [
      () => einsum("i->j", ones([2])),
      RangeError,
      'einsum() cannot make index j of the output in "i->j": no operand has it',
    ],
    [() => einsum("i->ii", ones([2])), RangeError, 'einsum() cannot make index i of the output twice in "i->ii"'],
    [
      () => einsum("...i->i", ones([2, 3])),
      RangeError,
      'einsum() cannot sum over the axes of ... in "...i->i": the output needs ... too',
    ],
    [
      () => einsum("i", [1, 2] as unknown as Tensor),
      TypeError,
      "einsum() takes tensors, numbers or booleans, got an array: make a tensor of it with tensor()",
    ],
  ];
  for (const [f, type, message] of cases) {
    const error = assertThrows(f, type);
    assertEquals((error as Error).message, message);
  }
});
