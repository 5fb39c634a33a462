// The reference's convolutions and pools: the lectures' examples, and the linear ones as each other's transposes.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { Operand } from "../cpu/machine.ts";
import type { DType } from "../ops/dtype.ts";
import type { ConvGeometry, KernelOf, WindowGeometry } from "../ops/kernel.ts";
import type { Shape } from "../ops/shape.ts";
import { indicesOf } from "./indices.ts";
import { check } from "./property.ts";
import { integers, machine, operand, run } from "./reference.ts";

const noPadding = [[0, 0], [0, 0]] as const;

const noDilation: ConvGeometry = { strides: [1, 1], dilation: [1, 1], padding: noPadding, groups: 1 };

/** The lectures' X * K: one channel, no batch. */
function correlate(x: number[][], k: number[][], geometry: Partial<ConvGeometry> = {}): number[][] {
  const all = { ...noDilation, ...geometry };
  const shape = [0, 1].map((d) => {
    const [n, m] = [d ? x[0]!.length : x.length, d ? k[0]!.length : k.length];
    return Math.floor((n + all.padding[d]![0] + all.padding[d]![1] - m) / all.strides[d]!) + 1;
  });
  const out = run(
    { kind: "conv", role: "output", geometry: all },
    [operand(x.flat(), [1, x.length, x[0]!.length, 1]), operand(k.flat(), [k.length, k[0]!.length, 1, 1])],
    [1, ...shape, 1],
    "float32",
  );
  return Array.from({ length: shape[0]! }, (_, i) => out.slice(i * shape[1]!, (i + 1) * shape[1]!));
}

Deno.test("conv: the lectures' examples", () => {
  assertEquals(correlate([[1, 2, 1], [3, 4, 0], [2, 6, 1]], [[-1, 2], [1, 0]]), [[6, 4], [7, 2]]);
  const signal = [[1, 2, 3, 4, 5, 6]];
  assertEquals(correlate(signal, [[0.5, 0.5]]), [[1.5, 2.5, 3.5, 4.5, 5.5]]);
  assertEquals(correlate(signal, [[0.5, 0.5]], { padding: [[0, 0], [1, 1]] }), [[0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 3]]);
  assertEquals(correlate(signal, [[0.5, 0.5]], { strides: [1, 2] }), [[1.5, 3.5, 5.5]]);
  const x = [[1, 2, 3, 2], [4, 0, -1, 3], [0, 1, 2, 1], [6, 2, -1, 4]];
  assertEquals(correlate(x, [[-1, 4], [1, 5]], { strides: [2, 2] }), [[11, 19], [20, 21]]);
  const padded = correlate(x, [[-1, 4], [1, 5]], { padding: [[1, 1], [1, 1]] });
  assertEquals(padded.map((row) => row.length), [5, 5, 5, 5, 5]);
  assertEquals(padded[0], [5, 11, 17, 13, 2]);
});

Deno.test("conv: depthwise, with a multiplier", () => {
  const x = operand([1, 10, 2, 20, 3, 30], [1, 3, 2]);
  const w = operand([1, 2, 3, 4, -1, -2, -3, -4], [2, 1, 4]);
  const geometry = { strides: [1], dilation: [1], padding: [[0, 0]], groups: 2 } as const;
  assertEquals(
    run({ kind: "conv", role: "output", geometry }, [x, w], [1, 2, 4], "float32"),
    [-1, -2, -30, -40, -1, -2, -30, -40],
  );
});

interface ConvCase {
  readonly geometry: ConvGeometry;
  readonly x: Shape;
  readonly w: Shape;
  readonly g: Shape;
}

function sizes(min: number, max: number, length: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min, max }), { minLength: length, maxLength: length });
}

function paddings(rank: number): fc.Arbitrary<[number, number][]> {
  return fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: rank, maxLength: rank });
}

const convCases: fc.Arbitrary<ConvCase> = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc.record({
    batch: fc.integer({ min: 0, max: 2 }),
    input: sizes(1, 5, rank),
    kernel: sizes(1, 3, rank),
    strides: sizes(1, 3, rank),
    dilation: sizes(1, 2, rank),
    padding: paddings(rank),
    groups: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 2 }),
    features: fc.integer({ min: 1, max: 2 }),
  }).map(({ batch, input, kernel, strides, dilation, padding, groups, channels, features }) => ({
    geometry: { strides, dilation, padding, groups },
    x: [batch, ...input, channels * groups],
    w: [...kernel, channels, features * groups],
    g: [
      batch,
      ...outputSizes(input, kernel.map((k, d) => (k - 1) * dilation[d]! + 1), strides, padding),
      features * groups,
    ],
  }))
);

function outputSizes(
  input: Shape,
  window: Shape,
  strides: Shape,
  padding: readonly (readonly [number, number])[],
): number[] {
  return input.map((n, d) =>
    Math.max(0, Math.floor((n + padding[d]![0] + padding[d]![1] - window[d]!) / strides[d]!) + 1)
  );
}

function inner(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/** T(x, w, g) as ops/kernel.ts states it. */
function trilinear({ geometry, ...shapes }: ConvCase, x: number[], w: number[], g: number[]): number {
  const { strides, dilation, padding, groups } = geometry;
  const at = (values: number[], shape: Shape, index: number[]) =>
    index.some((i, d) => i < 0 || i >= shape[d]!) ? 0 : values[index.reduce((n, i, d) => n * shape[d]! + i, 0)]!;
  const [channels, features] = [shapes.w.at(-2)!, shapes.w.at(-1)! / groups];
  let total = 0;
  for (const [b, ...rest] of indicesOf(shapes.g) as Generator<[number, ...number[]]>) {
    const [o, f] = [rest.slice(0, -1), rest.at(-1)!];
    for (const k of indicesOf(shapes.w.slice(0, -2))) {
      for (let c = 0; c < channels * groups; c++) {
        if (Math.floor(c / channels) !== Math.floor(f / features)) continue;
        const p = o.map((n, d) => n * strides[d]! + k[d]! * dilation[d]! - padding[d]![0]);
        total += at(x, shapes.x, [b, ...p, c]) * at(w, shapes.w, [...k, c % channels, f]) *
          at(g, shapes.g, [b, ...o, f]);
      }
    }
  }
  return total;
}

Deno.test("conv: the three roles are the derivatives of one trilinear form", () => {
  const cases = convCases.chain((shapes) =>
    fc.tuple(fc.constant(shapes), integers(shapes.x), integers(shapes.w), integers(shapes.g))
  );
  check(fc.tuple(cases, fc.constantFrom<DType>("float32", "float64", "int32")), ([[shapes, x, w, g], dtype]) => {
    machine.reset();
    const { geometry } = shapes;
    const [xs, ws, gs] = [operand(x, shapes.x, dtype), operand(w, shapes.w, dtype), operand(g, shapes.g, dtype)];
    const expected = trilinear(shapes, x, w, g);
    assertEquals(inner(g, run({ kind: "conv", role: "output", geometry }, [xs, ws], shapes.g, dtype)), expected);
    assertEquals(inner(x, run({ kind: "conv", role: "input", geometry }, [gs, ws], shapes.x, dtype)), expected);
    assertEquals(inner(w, run({ kind: "conv", role: "kernel", geometry }, [xs, gs], shapes.w, dtype)), expected);
  }, { share: 10 });
});

const square: WindowGeometry = { window: [2, 2], strides: [2, 2], padding: noPadding };

Deno.test("window: the lectures' pools, and the positions of their extremes", () => {
  const x = operand([1, 2, 3, 1, 1, 5, 2, 7, 10, 1, 2, 4, 8, 9, 1, 8], [1, 4, 4, 1]);
  const pool = (role: "sum" | "max" | "min" | "argMax" | "argMin", geometry = square) =>
    run({ kind: "window", role, geometry }, [x], [1, 2, 2, 1], role.startsWith("arg") ? "int32" : "float32");
  assertEquals(pool("max"), [5, 7, 10, 8]);
  assertEquals(pool("min"), [1, 1, 1, 1]);
  assertEquals(pool("sum").map((sum) => sum / 4), [2.25, 3.25, 7, 3.75]);
  assertEquals(pool("argMax"), [3, 3, 0, 3]);
  assertEquals(pool("argMin"), [0, 1, 1, 2]);
});

Deno.test("window: NaN wins, padding is outside, and a window of padding alone gives the identity", () => {
  const geometry: WindowGeometry = { window: [2], strides: [2], padding: [[3, 0]] };
  const x = operand([-5, NaN, -7, -7, 2], [1, 5, 1]);
  const positions = operand([0, 1, 0, 1], [1, 4, 1], "int32");
  const pool = (role: "sum" | "max" | "min" | "argMax" | "argMin", dtype: DType) =>
    run({ kind: "window", role, geometry }, [x], [1, 4, 1], dtype);
  assertEquals(pool("max", "float32"), [-Infinity, -5, NaN, 2]);
  assertEquals(pool("min", "float32"), [Infinity, -5, NaN, -7]);
  assertEquals(pool("sum", "float32"), [0, -5, NaN, -5]);
  assertEquals(pool("argMax", "int32"), [0, 1, 0, 1]);
  assertEquals(pool("argMin", "int32"), [0, 1, 0, 0]);
  assertEquals(run({ kind: "window", role: "take", geometry }, [x, positions], [1, 4, 1], "float32"), [0, -5, NaN, 2]);
  const g = operand([1, 2, 3, 4], [1, 4, 1]);
  assertEquals(run({ kind: "window", role: "spread", geometry }, [g], [1, 5, 1], "float32"), [2, 3, 3, 4, 4]);
  assertEquals(run({ kind: "window", role: "put", geometry }, [g, positions], [1, 5, 1], "float32"), [2, 3, 0, 0, 4]);
});

interface WindowCase {
  readonly geometry: WindowGeometry;
  readonly x: Shape;
  readonly y: Shape;
}

const windowCases: fc.Arbitrary<WindowCase> = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc.record({
    batch: fc.integer({ min: 0, max: 2 }),
    input: sizes(1, 5, rank),
    window: sizes(1, 3, rank),
    strides: sizes(1, 3, rank),
    padding: paddings(rank),
    channels: fc.integer({ min: 0, max: 3 }),
  }).map(({ batch, input, channels, ...geometry }) => ({
    geometry,
    x: [batch, ...input, channels],
    y: [batch, ...outputSizes(input, geometry.window, geometry.strides, geometry.padding), channels],
  }))
);

Deno.test("window: spread is the transpose of sum, put that of take, and take at argMax is max", () => {
  const cases = windowCases.chain((shapes) => fc.tuple(fc.constant(shapes), integers(shapes.x), integers(shapes.y)));
  check(cases, ([{ geometry, ...shapes }, x, g]) => {
    machine.reset();
    const [xs, gs] = [operand(x, shapes.x, "float64"), operand(g, shapes.y, "float64")];
    const window = (role: KernelOf<"window">["role"], inputs: Operand[], shape: Shape, dtype: DType = "float64") =>
      run({ kind: "window", role, geometry }, inputs, shape, dtype);
    assertEquals(inner(g, window("sum", [xs], shapes.y)), inner(x, window("spread", [gs], shapes.x)));
    for (const [arg, extreme] of [["argMax", "max"], ["argMin", "min"]] as const) {
      const positions = operand(window(arg, [xs], shapes.y, "int32"), shapes.y, "int32");
      const taken = window("take", [xs, positions], shapes.y);
      assertEquals(taken, window(extreme, [xs], shapes.y).map((value) => Number.isFinite(value) ? value : 0));
      assertEquals(inner(g, taken), inner(x, window("put", [gs, positions], shapes.x)));
    }
  }, { share: 10 });
});
