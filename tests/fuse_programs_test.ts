// Fusion of random programs and of their derivatives: what the fused kernels compute is what the operations do one by one.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { cpu, cpuWith } from "../cpu/device.ts";
import { reference } from "../cpu/reference.ts";
import { vjp } from "../grad/vjp.ts";
import { fuse } from "../jit/fuse.ts";
import {
  broadcastTo,
  floor,
  greater,
  max,
  maximum,
  min,
  minimum,
  mul,
  reshape,
  sub,
  sum,
  transpose,
  where,
} from "../ops/mod.ts";
import { run } from "../ops/bind.ts";
import { evaluate, trace } from "../ops/program.ts";
import { installDevice } from "../ops/devices.ts";
import type { ConcreteTensor, Tensor } from "../ops/tensor.ts";
import { read } from "./close.ts";
import { assertNear, type ListFunction, numbersOf, shapedLike } from "./derivatives.ts";
import { directions, upload } from "./draw.ts";
import { functionOf, type RandomProgram, randomPrograms } from "./programs.ts";
import { check } from "./property.ts";

interface Case {
  readonly program: RandomProgram;
  readonly v: readonly number[];
}

const cases: fc.Arbitrary<Case> = fc.record({ program: randomPrograms(), v: directions() });

function testPrograms(sentence: string, holds: (drawn: Case) => void): void {
  const test = `fused programs: ${sentence}`;
  Deno.test(test, () => check(cases, holds, { test }));
}

/** The results of a program and of its pullback. */
function withPullback(drawn: Case): ListFunction {
  const f = functionOf(drawn.program);
  return (xs) => {
    const [y, pullback] = vjp(f, xs);
    return [...y, ...pullback(shapedLike(y, drawn.v))[0]];
  };
}

/** Results of the fused program, and of its operations one by one. */
function bothWays(f: ListFunction, xs: Tensor[]): [fused: readonly Tensor[], single: readonly Tensor[]] {
  const program = trace("test", (inputs) => f([...inputs]), xs.map((x) => x.type));
  return [run(program, xs as ConcreteTensor[]), evaluate(program, xs)];
}

function onReference(use: () => void): void {
  installDevice(cpuWith(reference));
  try {
    use();
  } finally {
    installDevice(cpu());
  }
}

for (const dtype of ["float32", "float64"] as const) {
  testPrograms(`the same to the last bit on the reference kernels in ${dtype}`, (drawn) => {
    onReference(() => {
      const xs = drawn.program.inputs.map((x) => upload({ ...x, dtype }));
      const [fused, single] = bothWays(withPullback(drawn), xs);
      assertEquals(fused.map(read), single.map(read));
    });
  });
}

testPrograms("the same to rounding in float32", (drawn) => {
  const xs = drawn.program.inputs.map((x) => upload({ ...x, dtype: "float32" }));
  const [fused, single] = bothWays(withPullback(drawn), xs);
  // 2⁻²⁴ for each of some hundred roundings, which later steps may magnify a hundredfold.
  assertNear(numbersOf(fused), numbersOf(single), 1e-3, "float32");
});

/** One operation on values chosen by number; `axes` are those of a reduction, by their bits. */
interface RowStep {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly axes: number;
}

/** Functions of whole numbers that stay whole and small: elementwise, over any axes, with axes kept or left out. */
function rowFunction(shape: readonly number[], steps: readonly RowStep[], results: readonly number[]): ListFunction {
  // Sums of many elements only stay exact where these stay small.
  const elements = shape.reduce((a, b) => a * b, 1);
  const isLarge = elements > 2 ** 16;
  const share = isLarge ? 2 ** -Math.ceil(Math.log2(elements)) : 1 / 64;
  const small = (x: Tensor): Tensor => isLarge ? maximum(minimum(x, 9), -9) : x;
  return (inputs) => {
    const values = [...inputs];
    const whole = (n: number): Tensor => {
      const x = values[values.length - 1 - n % Math.min(values.length, 5)]!;
      return x.ndim === shape.length ? broadcastTo(x, shape) : broadcastTo(x, shape.slice(shape.length - x.ndim));
    };
    for (const { op, a, b, axes } of steps) {
      const [x, y] = [whole(a), whole(b)];
      const axis = shape.flatMap((_, i) => axes >> i & 1 && i < x.ndim ? [i] : []);
      const choices: (() => Tensor)[] = [
        () => small(sub(x, y)),
        () => maximum(x, y),
        () => where(greater(x, y), x, mul(y, 0.5)),
        () => floor(mul(x, 0.5)),
        () => floor(mul(sum(floor(x), { axis, keepDims: true }), share)),
        () => max(x, { axis, keepDims: true }),
        () => min(small(sub(x, y)), { axis, keepDims: true }),
        () => max(x, { axis: x.ndim > 0 ? -1 : [] }),
        () => x.ndim > 0 ? reshape(sum(sub(x, x), { axis: 0 }), [1, ...x.shape.slice(1)]) : x,
        () => x.ndim > 1 && x.shape.every((n) => n === x.shape[0]) ? transpose(x) : maximum(x, 1),
      ];
      const made = choices[op % choices.length]!();
      const fits = made.ndim <= shape.length &&
        made.shape.every((n, i) => n === 1 || n === shape[shape.length - made.ndim + i]);
      values.push(fits ? made : maximum(x, -1));
    }
    return [
      ...new Set(results.map((n) => values[values.length - 1 - n % Math.min(values.length, 6)]!)),
      values.at(-1)!,
    ];
  };
}

/** Checks random functions of rows, of shapes that are drawn, and that they become fewer kernels than operations. */
function checkRows(shapes: fc.Arbitrary<number[]>, fewer: number, share: number): void {
  const n = fc.nat(999);
  const drawn = fc.record({
    shape: shapes,
    steps: fc.array(fc.record({ op: n, a: n, b: n, axes: n }), { minLength: 3, maxLength: 16 }),
    results: fc.array(n, { maxLength: 3 }),
    seeds: fc.tuple(n, n),
  });
  let kernels = 0;
  let operations = 0;
  check(drawn, ({ shape, steps, results, seeds }) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const xs = seeds.map((seed) =>
      upload({
        dtype: "float32",
        shape,
        data: Array.from({ length: count }, (_, i) => (i * 7 + seed * (i % 5)) % 19 - 9),
      })
    );
    const f = rowFunction(shape, steps, results);
    const [fused, single] = bothWays(f, xs);
    fused.forEach((y, k) => {
      const [actual, expected] = [y, single[k]!].map((x) => x.dataSync());
      const at = actual!.findIndex((value, i) => value !== expected![i]);
      assertEquals(actual![at], expected![at], `element ${at} of result ${k}`);
    });
    const program = trace("test", (inputs) => f([...inputs]), xs.map((x) => x.type));
    kernels += fuse(program).steps.filter(({ kernel }) => kernel.kind !== "view").length;
    operations += program.equations.length;
  }, { share });
  assert(kernels < operations / fewer, `${kernels} kernels for ${operations} operations`);
}

Deno.test("fused programs: reductions and broadcasts of whole numbers, to the last bit", () => {
  const size = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(4, 8, 17, 33));
  checkRows(fc.oneof(fc.array(size, { minLength: 1, maxLength: 3 }), size.map((m) => [m, m])), 4, 10);
});

Deno.test("fused programs: reductions and broadcasts of large arrays, to the last bit", () => {
  const shapes = [[70_001], [520, 130], [2000, 70], [3, 30_000], [40, 30, 90], [9, 130, 117], [70_000, 2]];
  checkRows(fc.constantFrom(...shapes), 2.5, 0.5);
});
