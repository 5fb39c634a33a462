// Generated loops around rows: any stages and outputs over any axes of any views like the reference, and special values.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { loop } from "../cpu/loop.ts";
import type { Operand } from "../cpu/machine.ts";
import { reference } from "../cpu/reference.ts";
import type { KernelOf, Stage } from "../ops/kernel.ts";
import { binary, constant, input, type Scalar } from "../ops/scalar.ts";
import { dropAxes } from "../ops/shape.ts";
import { choices, emptyLoops, given, kernelOf } from "./loops.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { framed, layouts, placeOperand, shapes, signed } from "./views.ts";

const machine = testMachine();

function expectReference(kernel: KernelOf<"loop">, inputs: readonly Operand[]): void {
  const [actual, expected] = [loop, reference.loop].map((run) => {
    const outputs = kernel.outputs.map(({ body, perRow }) =>
      framed(machine, perRow ? dropAxes(kernel.shape, kernel.axes) : kernel.shape, body.dtype)
    );
    run(kernel, inputs, outputs, machine);
    return outputs.map((output) => machine.array(output).slice());
  });
  actual!.forEach((values, n) => {
    const at = values.findIndex((value, i) => !Object.is(value, expected![n]![i]));
    assertEquals(
      ...[values, expected![n]!].map((x) => signed([x[at]!])) as [unknown, unknown],
      `at ${at} of output ${n}`,
    );
  });
}

Deno.test("loop: any stages and outputs over any axes of any views", () => {
  const cases = shapes().chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axes: fc.subarray(shape.map((_, axis) => axis)),
      stages: choices(4),
      outputs: choices(3, 1),
      views: fc.tuple(...given.map(() => layouts(shape))),
    })
  );
  check(cases, ({ shape, axes, stages, outputs, views }) => {
    machine.reset();
    const inputs = given.map(({ dtype, values }, n) => placeOperand(machine, dtype, values, shape, views[n]!));
    expectReference(kernelOf(shape, axes, stages, outputs), inputs);
  }, { share: 50 });
});

Deno.test("loop: any stages and outputs of large arrays that are gone over once", () => {
  const large = [[1200, 113], [10, 140, 97], [17, 8210], [2, 33, 2000], [2601, 53], [2, 1301, 53], [33_000, 4]];
  const cases = fc.constantFrom(...large).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axes: fc.subarray(shape.map((_, axis) => axis).slice(0, -1), { minLength: 1 }),
      stages: choices(3, 1),
      outputs: choices(2, 1),
      gaps: fc.tuple(...given.map(() => fc.constantFrom(0, 0, 1, 2))),
      repeated: fc.tuple(...given.map(() => fc.constantFrom(-1, -1, 0, shape.length - 1))),
    })
  );
  // To look for a smaller case would take minutes.
  check(fc.noShrink(cases), ({ shape, axes, stages, outputs, gaps, repeated }) => {
    machine.reset();
    const inputs = given.map(({ dtype, values }, n) => {
      const own = shape.map((_, axis) => ({ gap: 1, reversed: false, repeated: axis === repeated[n] }));
      const axesOf = own.with(-1, { ...own.at(-1)!, gap: 1 + gaps[n]!, reversed: gaps[n] === 2 });
      return placeOperand(machine, dtype, values, shape, {
        order: [...shape.keys()],
        axes: axesOf,
        offset: n,
        seed: n,
      });
    });
    const kernel = kernelOf(shape, axes, stages, outputs, true);
    const results = kernel.stages.map(({ body }, k) => ({ body: input(k, body.dtype), perRow: true }));
    expectReference({ ...kernel, outputs: [...kernel.outputs, ...results] }, inputs);
  }, { share: 0.7 });
});

Deno.test("loop: extremes at special values, and what is made of them", () => {
  const values = [-0, 0, 1, NaN, -Infinity, 3, Infinity, -1e-45];
  const once = { gap: 1, reversed: false, repeated: false };
  const [m, x] = [input(0, "float32"), input(1, "float32")];
  for (const combiner of ["max", "min"] as const) {
    for (const shape of [[2], [9], [70], [3, 5], [9, 4], [20, 33]]) {
      const plain = { order: [...shape.keys()], axes: shape.map(() => once), offset: 0, seed: 0 };
      for (const some of [values, [-0, 0], [-0], [-Infinity, -0, 5], [Infinity, 0, -0]]) {
        for (const axis of shape.keys()) {
          machine.reset();
          const outputs = [
            { body: m, perRow: true },
            { body: binary("sub", x, m), perRow: false },
            { body: binary("eq", x, m), perRow: false },
          ];
          expectReference(
            { kind: "loop", shape, axes: [axis], stages: [{ combiner, body: x }], outputs },
            [placeOperand(machine, "float32", some, shape, plain)],
          );
        }
      }
    }
  }
});

Deno.test("loop: rows without elements have neutral results, and no rows have none", () => {
  for (const kernel of emptyLoops) {
    machine.reset();
    const { shape } = kernel;
    const operand = { ...machine.output([4], "float32"), shape, strides: shape.map(() => 1) };
    expectReference(kernel, [operand]);
  }
});

Deno.test("loop: sums of a million equal addends keep six digits, along rows and across columns", () => {
  const n = 1 << 20;
  const tenths = machine.put(new Float32Array(4 * n).fill(0.1), "float32");
  for (const [shape, axis] of [[[4, n], 1], [[n, 4], 0]] as const) {
    const output = machine.output([4], "float32");
    const kernel: KernelOf<"loop"> = {
      kind: "loop",
      shape,
      axes: [axis],
      stages: [{ combiner: "sum", body: input(2, "float32") }, { combiner: "max", body: input(2, "float32") }],
      outputs: [{ body: binary("div", input(0, "float32"), input(1, "float32")), perRow: true }],
    };
    loop(kernel, [{ ...tenths, shape, strides: [shape[1], 1] }], [output], machine);
    for (const sum of machine.read(output)) assert(Math.abs(sum / n - 1) < 1e-6);
  }
});

Deno.test("loop: elementwise work can be done in place", () => {
  for (const length of [1, 3, 4, 7, 64, 131]) {
    machine.reset();
    const values = Float32Array.from({ length }, (_, i) => i - 5);
    const x = machine.put(values, "float32");
    const body = binary("mul", input(0, "float32"), binary("add", input(0, "float32"), constant(1, "float32")));
    loop(
      { kind: "loop", shape: [length], axes: [], stages: [], outputs: [{ body, perRow: false }] },
      [x],
      [x],
      machine,
    );
    assertEquals(machine.read(x), [...values].map((v) => v * (v + 1)));
  }
});

Deno.test("loop: thousands of shapes share few modules", () => {
  const [total, x] = [input(0, "float32"), input(1, "float32")];
  const Module = WebAssembly.Module;
  let compiled = 0;
  const counting = function (bytes: BufferSource): WebAssembly.Module {
    compiled++;
    return new Module(bytes);
  };
  Object.assign(WebAssembly, { Module: counting });
  try {
    for (let n = 0; n < 3000; n++) {
      machine.reset();
      const shape = [1 + n % 7, 1 + n % 5, 1 + n % 11];
      const operand = machine.output(shape, "float32");
      // A kernel object of its own each time: equal bodies are found by their structure.
      const stages: Stage[] = [{ combiner: "sum", body: { ...x } as Scalar }];
      const outputs = [{ body: binary("div", x, total), perRow: false }];
      const kernel: KernelOf<"loop"> = { kind: "loop", shape, axes: [[2], [0, 1], [1]][n % 3]!, stages, outputs };
      loop(kernel, [operand], [machine.output(shape, "float32")], machine);
    }
  } finally {
    Object.assign(WebAssembly, { Module });
  }
  assert(compiled > 0 && compiled < 60, `${compiled} modules`);
});
