// Generated reductions: any views, axes and bodies like the reference, special values, and sums that stay exact.
import { assert, assertEquals } from "@std/assert";
import type { Operand } from "../cpu/machine.ts";
import { reduce } from "../cpu/reduce.ts";
import { reference } from "../cpu/reference.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { binary, cast } from "../ops/scalar.ts";
import { dropAxes, type Shape } from "../ops/shape.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { given, i, reductions, x, y } from "./reductions.ts";
import { arrayOf } from "./reference.ts";
import { framed, placeOperand, signed } from "./views.ts";

const machine = testMachine();

function expectReference(kernel: KernelOf<"reduce">, inputs: readonly Operand[]): void {
  const [actual, expected] = [reduce, reference.reduce].map((run) => {
    const output = framed(machine, dropAxes(inputs[0]!.shape, kernel.axes), kernel.body.dtype);
    run(kernel, inputs, output, machine);
    return signed([...machine.array(output)]);
  });
  assertEquals(actual, expected);
}

Deno.test("reduce: any body over any axes of any views", () => {
  check(reductions([cast(x, "float64")]), ({ shape, axes, combiner, body, views }) => {
    machine.reset();
    const inputs = given.map(({ dtype, values }, n) => placeOperand(machine, dtype, values, shape, views[n]!));
    expectReference({ kind: "reduce", combiner, axes, body }, inputs);
  }, { share: 96 });
});

Deno.test("reduce: more columns than are held at a time", () => {
  machine.reset();
  for (const columns of [2048, 2049, 4099]) {
    const values = Array.from({ length: 3 * columns }, (_, n) => n % 23);
    const rows = machine.put(arrayOf(values, "float32"), "float32", {
      shape: [3, columns],
      strides: [columns, 1],
      offset: 0,
    });
    for (const combiner of ["sum", "max"] as const) {
      expectReference({ kind: "reduce", combiner, axes: [0], body: x }, [rows]);
    }
  }
});

Deno.test("reduce: columns of several large arrays, which are gone through in the order of memory", () => {
  const body = binary("mul", x, binary("sub", y, cast(i, "float32")));
  for (const [shape, axes] of [[[40, 50, 70], [1]], [[40, 50, 70], [0, 1]], [[1301, 107], [0]]] as const) {
    machine.reset();
    const plain = { order: [...shape.keys()], axes: shape.map(() => once), offset: 3, seed: 1 };
    const inputs = given.slice(0, 3).map(({ dtype, values }) => {
      return placeOperand(machine, dtype, dtype === "int32" ? [1, -5, 7, 0] : values, shape, plain);
    });
    for (const combiner of ["sum", "max"] as const) expectReference({ kind: "reduce", combiner, axes, body }, inputs);
  }
});

Deno.test("reduce: extremes at special values, along rows and across columns", () => {
  const values = [-0, 0, 1, NaN, -Infinity, 3, Infinity, -1e-45];
  for (const combiner of ["max", "min"] as const) {
    for (const shape of [[2], [9], [70], [3, 5], [9, 4], [20, 33]]) {
      for (const seed of values.keys()) {
        machine.reset();
        const plain = { order: shape.map((_, axis) => axis), axes: shape.map(() => once), offset: 0, seed };
        // All of them, and those without NaN, which hides the others.
        for (const some of [values, [-0, 0], [-0], [-Infinity, -0, 5], [Infinity, 0, -0]]) {
          const operand = placeOperand(machine, "float32", some, shape, plain);
          for (const axis of shape.keys()) {
            expectReference({ kind: "reduce", combiner, axes: [axis], body: x }, [operand]);
          }
        }
      }
    }
  }
});

const once = { gap: 1, reversed: false, repeated: false };

/** The sum of all elements of a view, and its exact value. */
function sums(shape: Shape, axes: readonly number[], values: Float32Array): { sum: number[]; exact: number } {
  machine.reset();
  const strides = shape.length === 1 ? [1] : [shape[1]!, 1];
  const operand = machine.put(values, "float32", { shape, strides, offset: 0 });
  const output = machine.output(dropAxes(shape, axes), "float32");
  reduce({ kind: "reduce", combiner: "sum", axes, body: x }, [operand], output, machine);
  return { sum: machine.read(output), exact: values.reduce((sum, value) => sum + value, 0) };
}

Deno.test("reduce: ten million equal addends keep six digits", () => {
  const n = 10_000_000;
  const tenths = new Float32Array(n).fill(0.1);
  const along = sums([n], [0], tenths);
  assert(Math.abs(along.sum[0]! / along.exact - 1) < 1e-6);
  const across = sums([n / 4, 4], [0], tenths);
  for (const sum of across.sum) assert(Math.abs(4 * sum / across.exact - 1) < 1e-6);
});

Deno.test("reduce: a sum's error is a few units of its largest partial sum, however many addends", () => {
  const n = 1 << 18;
  // A fixed sequence that looks random, between -1 and 1.
  const values = Float32Array.from({ length: n }, (_, k) => Math.sin(k * k));
  const magnitude = values.reduce((sum, value) => sum + Math.abs(value), 0);
  const { sum, exact } = sums([n], [0], values);
  // Runs of 16 additions of trees of depth 3, each rounding by half a unit.
  assert(Math.abs(sum[0]! - exact) <= 20 * 2 ** -25 * magnitude);
});
