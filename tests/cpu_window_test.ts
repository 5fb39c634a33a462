// The generated windows in all roles: any geometry and layout, ties, NaN and padding, against the reference.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { reference } from "../cpu/reference.ts";
import { window } from "../cpu/window.ts";
import type { DType } from "../ops/dtype.ts";
import type { WindowGeometry, WindowRole } from "../ops/kernel.ts";
import { type Shape, sizeOf } from "../ops/shape.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { type Layout, layouts, placeOperand } from "./views.ts";

const machine = testMachine();

const roles: readonly WindowRole[] = ["sum", "max", "min", "argMax", "argMin", "take", "spread", "put"];

interface Case {
  readonly geometry: WindowGeometry;
  readonly x: Shape;
  readonly y: Shape;
}

/** Few different integers, so that there are ties; their sums are exact. */
const integers = [1, 3, -2, 3, 0, 1, -2, 2, 3, -1, 0];
const specials = [NaN, 1, Infinity, -Infinity, NaN, -Infinity, -Infinity, 0, 2, -Infinity, Infinity, NaN, -3];

const cases: fc.Arbitrary<Case> = fc.integer({ min: 1, max: 3 }).chain((rank) => {
  const axes = (min: number, max: number) => fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });
  return fc.record({
    batch: fc.nat(3),
    input: axes(0, 6),
    window: axes(1, 3),
    strides: axes(1, 3),
    padding: fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: rank, maxLength: rank }),
    channels: fc.oneof(fc.nat(9), fc.integer({ min: 15, max: 40 })),
  }).map(({ batch, input, channels, ...geometry }) => {
    const { window, strides, padding } = geometry;
    const output = input.map((n, d) =>
      Math.max(0, Math.floor((n + padding[d]![0] + padding[d]![1] - window[d]!) / strides[d]!) + 1)
    );
    return { geometry, x: [batch, ...input, channels], y: [batch, ...output, channels] };
  });
});

function both(
  role: WindowRole,
  { geometry, x, y }: Case,
  ofFirst: Layout,
  ofPositions: Layout,
  values: readonly number[],
  dtype: DType = "float32",
): { readonly actual: number[]; readonly expected: number[] } {
  machine.reset();
  const transposed = role === "spread" || role === "put";
  const inputs = [placeOperand(machine, dtype, values, transposed ? y : x, ofFirst)];
  if (role === "take" || role === "put") {
    // Out of range now and then: no cell is there.
    const positions = Array.from({ length: 31 }, (_, i) => (i * 7) % (sizeOf(geometry.window) + 2) - 1);
    inputs.push(placeOperand(machine, "int32", positions, y, ofPositions));
  }
  const [actual, expected] = [window, reference.window].map((implementation) => {
    const output = machine.output(transposed ? x : y, role === "argMax" || role === "argMin" ? "int32" : dtype);
    implementation({ kind: "window", role, geometry }, inputs, output, machine);
    return machine.read(output);
  });
  return { actual: actual!, expected: expected! };
}

function rows(shape: Shape): Layout {
  const axes = shape.map(() => ({ gap: 1, reversed: false, repeated: false }));
  return { order: shape.map((_, axis) => axis), axes, offset: 0, seed: 0 };
}

for (const role of roles) {
  Deno.test(`window: ${role} with random geometries and layouts`, () => {
    const drawn = cases.chain((shapes) =>
      fc.tuple(
        fc.constant(shapes),
        layouts(role === "spread" || role === "put" ? shapes.y : shapes.x),
        layouts(shapes.y),
        fc.constantFrom(integers, specials),
      )
    );
    check(drawn, ([shapes, ofFirst, ofPositions, values]) => {
      const { actual, expected } = both(role, shapes, ofFirst, ofPositions, values);
      assertEquals(actual, expected);
    }, { share: 8 });
  });
}

Deno.test("window: ties, NaN and padding as specified", () => {
  const geometry: WindowGeometry = { window: [3], strides: [3], padding: [[3, 1]] };
  // Windows: padding alone; 1 2 2; −∞ −∞ −∞; 5 NaN and padding.
  const values = [1, 2, 2, -Infinity, -Infinity, -Infinity, 5, NaN];
  const shapes: Case = { geometry, x: [1, 8, 1], y: [1, 4, 1] };
  const result = (role: WindowRole) => both(role, shapes, rows(shapes.x), rows(shapes.y), values).actual;
  assertEquals(result("max"), [-Infinity, 2, -Infinity, NaN]);
  assertEquals(result("min"), [Infinity, 1, -Infinity, NaN]);
  assertEquals(result("sum"), [0, 5, -Infinity, NaN]);
  assertEquals(result("argMax"), [0, 1, 0, 1]);
  assertEquals(result("argMin"), [0, 0, 0, 1]);
});

Deno.test("window: other dtypes", () => {
  const geometry: WindowGeometry = { window: [2, 2], strides: [2, 1], padding: [[1, 0], [0, 1]] };
  const shapes: Case = { geometry, x: [2, 5, 4, 3], y: [2, 3, 4, 3] };
  for (const dtype of ["float64", "int32", "uint32", "bool"] as const) {
    for (const role of roles) {
      const ofFirst = rows(role === "spread" || role === "put" ? shapes.y : shapes.x);
      const { actual, expected } = both(role, shapes, ofFirst, rows(shapes.y), [1, 0, 1, 1, 0], dtype);
      assertEquals(actual, expected, `${role} of ${dtype}`);
    }
  }
});
