// Generated elementwise kernels: every operation and cast at special values, any views, and few modules for many shapes.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { Operand } from "../cpu/machine.ts";
import { map } from "../cpu/map.ts";
import { place } from "../cpu/place.ts";
import { reference } from "../cpu/reference.ts";
import { type DType, dtypes } from "../ops/dtype.ts";
import type { KernelOf } from "../ops/kernel.ts";
import {
  axisIndex,
  binary,
  type BinaryOp,
  cast,
  constant,
  input,
  type Scalar,
  select,
  unary,
  type UnaryOp,
} from "../ops/scalar.ts";
import type { Shape } from "../ops/shape.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { arrayOf } from "./reference.ts";
import { framed, layouts, placeOperand, shapes, signed } from "./views.ts";

const machine = testMachine();

/** Values at which something is special: a prime number of them, so that vectors and their ends meet all of them. */
// deno-fmt-ignore
const specials: { readonly [D in DType]: readonly number[] } = {
  float32: [
    0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -7, 1e-45, -1e-45, 1e-39, 1.1754943508222875e-38, 1e-20, -1e-4, 0.1, 10,
    -88.5, 127.75, 8388607.5, 16777217, -4294967295, 4294967040, 1e10, 3.4028234663852886e38, Infinity, -Infinity, NaN, 31,
  ],
  // Some lie so near a halfway point of float16 that float32 on the way would go to the wrong side.
  float64: [0, -0, 1, -1.5, 1e300, NaN, Infinity, 65519.999999999, 1e-9, 1 + 2 ** -11 + 2 ** -40, -(2 ** -25)],
  float16: [
    0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -7, 2 ** -24, -(2 ** -24), 1023 * 2 ** -24, 2 ** -14, 2 ** -10, -0.001,
    0.1, 10, -88.5, 127.75, 1023.5, -2049, 40000, 65504, -65504, Infinity, -Infinity, NaN,
  ],
  int32: [0, 1, -1, 2, 3, -7, 31, 32, 33, 100, 65536, 2147483647, -2147483648],
  uint32: [0, 1, 2, 3, 7, 31, 32, 100, 65537, 2147483647, 2147483648, 4294967295, 5],
  bool: [0, 1, 1],
};

const comparisons: readonly BinaryOp[] = ["eq", "ne", "lt", "le"];
const exactUnary: { readonly [D in DType]: readonly UnaryOp[] } = {
  float32: ["neg", "abs", "sign", "sqrt", "floor", "ceil", "trunc", "round"],
  float64: ["neg", "abs", "sqrt", "exp"],
  float16: ["neg", "abs", "sign", "sqrt", "floor", "ceil", "trunc", "round"],
  int32: ["neg", "abs", "sign", "floor", "ceil", "trunc", "round", "not"],
  uint32: ["neg", "abs", "sign", "floor", "ceil", "trunc", "round", "not"],
  bool: ["not", "neg", "abs", "sign"],
};
const exactBinary: { readonly [D in DType]: readonly BinaryOp[] } = {
  float32: ["add", "sub", "mul", "div", "rem", "min", "max", "polygamma", ...comparisons],
  float64: ["add", "div", ...comparisons],
  float16: ["add", "sub", "mul", "div", "rem", "min", "max", "polygamma", ...comparisons],
  int32: ["add", "sub", "mul", "div", "rem", "min", "max", "pow", "and", "or", "xor", "shl", "shr", ...comparisons],
  uint32: ["add", "sub", "mul", "div", "rem", "min", "max", "pow", "and", "or", "xor", "shl", "shr", ...comparisons],
  bool: ["add", "sub", "mul", "min", "max", "and", "or", "xor", ...comparisons],
};

function expectReference(body: Scalar, inputs: readonly Operand[], shape: Shape): void {
  const kernel: KernelOf<"map"> = { kind: "map", body };
  const [actual, expected] = [map, reference.map].map((run) => {
    const output = framed(machine, shape, body.dtype);
    run(kernel, inputs, output, machine);
    return signed([...machine.array(output)]);
  });
  assertEquals(actual, expected);
}

function vector(values: readonly number[], dtype: DType): Operand {
  return machine.put(arrayOf(values, dtype), dtype);
}

Deno.test("map: every unary operation at special values", () => {
  for (const dtype of dtypes) {
    const values = specials[dtype];
    for (const op of exactUnary[dtype]) {
      machine.reset();
      expectReference(unary(op, input(0, dtype)), [vector(values, dtype)], [values.length]);
    }
  }
});

Deno.test("map: every binary operation at all pairs of special values", () => {
  for (const dtype of dtypes) {
    const values = specials[dtype];
    const [a, b] = [values.flatMap((x) => values.map(() => x)), values.flatMap(() => values)];
    for (const op of exactBinary[dtype]) {
      machine.reset();
      const body = binary(op, input(0, dtype), input(1, dtype));
      expectReference(body, [vector(a, dtype), vector(b, dtype)], [a.length]);
    }
  }
});

Deno.test("map: operations with a constant on either side", () => {
  for (const dtype of dtypes) {
    const values = specials[dtype];
    for (
      const op of ["min", "max", "add", ...(dtype === "int32" || dtype === "uint32" ? ["shl", "shr"] : [])] as const
    ) {
      for (const value of values) {
        machine.reset();
        const [x, c] = [input(0, dtype), constant(value, dtype)];
        expectReference(binary(op as BinaryOp, x, c), [vector(values, dtype)], [values.length]);
        expectReference(binary(op as BinaryOp, c, x), [vector(values, dtype)], [values.length]);
      }
    }
  }
});

Deno.test("map: every cast, and select of every dtype", () => {
  for (const from of dtypes) {
    for (const to of dtypes) {
      machine.reset();
      const values = specials[from];
      const x = vector(values, from);
      if (from !== to) expectReference(cast(input(0, from), to), [x], [values.length]);
      const condition = cast(input(0, from), "bool");
      const y = vector(values.map((_, i) => specials[to][i % specials[to].length]!), to);
      expectReference(select(condition, input(1, to), constant(1, to)), [x, y], [values.length]);
    }
  }
});

const a = input(0, "float32");
const b = input(1, "float32");
const h = input(4, "float16");

/** Bodies of two float32 inputs, an int32, a bool and a float16, in every dtype; exact, so that the reference is met. */
const bodies: readonly Scalar[] = [
  a,
  binary("add", a, b),
  binary("mul", binary("sub", a, b), binary("add", a, constant(-0, "float32"))),
  select(binary("lt", a, b), unary("neg", a), b),
  select(input(3, "bool"), a, cast(input(2, "int32"), "float32")),
  binary("and", input(3, "bool"), binary("le", a, constant(2, "float32"))),
  unary("not", input(3, "bool")),
  binary("xor", input(2, "int32"), constant(5, "int32")),
  cast(binary("max", a, constant(0, "float32")), "uint32"),
  binary("rem", input(2, "int32"), constant(3, "int32")),
  // The same input twice under different nodes.
  binary("div", a, input(0, "float32")),
  // Much to hoist when b stands still.
  binary("add", a, unary("sqrt", unary("abs", binary("mul", b, constant(3, "float32"))))),
  constant(7, "int32"),
  h,
  binary("add", h, binary("mul", h, constant(0.1, "float16"))),
  binary("sub", cast(a, "float16"), h),
  cast(h, "float32"),
  binary("lt", h, cast(input(2, "int32"), "float16")),
  constant(0.1, "float16"),
];

const given: readonly { readonly dtype: DType; readonly values: readonly number[] }[] = [
  { dtype: "float32", values: specials.float32 },
  { dtype: "float32", values: specials.float32.toReversed() },
  { dtype: "int32", values: specials.int32 },
  { dtype: "bool", values: [0, 1, 1, 0, 1] },
  { dtype: "float16", values: specials.float16 },
];

Deno.test("map: any body on any views of any shape", () => {
  const cases = shapes().chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      body: fc.constantFrom(...bodies, ...shape.map((_, axis) => binary("add", input(2, "int32"), axisIndex(axis)))),
      views: fc.tuple(...given.map(() => layouts(shape))),
    })
  );
  check(cases, ({ shape, body, views }) => {
    machine.reset();
    const inputs = given.map(({ dtype, values }, n) => placeOperand(machine, dtype, values, shape, views[n]!));
    expectReference(body, inputs, shape);
  }, { share: 64 });
});

Deno.test("map: matrices wide enough to be transposed by panels", () => {
  const [rows, columns] = [37, 83];
  const x = vector(Array.from({ length: rows * columns }, (_, i) => i), "float32");
  const transposed = { ...x, shape: [columns, rows], strides: [1, columns] };
  expectReference(binary("add", a, b), [transposed, { ...transposed, strides: [rows, 1] }], [columns, rows]);
  expectReference(a, [{ ...transposed, strides: [-1, columns], offset: columns - 1 }], [columns, rows]);
});

Deno.test("map: rows too narrow for vectors, with what repeats in each of them", () => {
  const bodies = [
    binary("add", a, b),
    select(input(3, "bool"), a, binary("mul", b, constant(2, "float32"))),
    binary("lt", b, cast(input(2, "int32"), "float32")),
    binary("add", input(2, "int32"), axisIndex(1)),
  ];
  const sizes = fc.record({ width: fc.integer({ min: 2, max: 33 }), rows: fc.integer({ min: 1500, max: 2100 }) });
  // Flat, the same in every row, one number, and one number for each row.
  const layouts = fc.constantFrom<readonly number[]>([], [0], [0, 1], [1]);
  const cases = fc.record({
    sizes,
    body: fc.constantFrom(...bodies),
    repeated: fc.array(layouts, { minLength: given.length, maxLength: given.length }),
  });
  check(cases, ({ sizes: { width, rows }, body, repeated }) => {
    machine.reset();
    const shape = [rows, width];
    const inputs = given.map(({ dtype, values }, n) => {
      const axes = shape.map((_, axis) => ({ gap: 1, reversed: false, repeated: repeated[n]!.includes(axis) }));
      return placeOperand(machine, dtype, values, shape, { order: [0, 1], axes, offset: n, seed: 0 });
    });
    expectReference(body, inputs, shape);
    expectReference(
      body,
      inputs.map((x) => ({ ...x, shape: [1, rows, 1, width], strides: [0, x.strides[0]!, 7, x.strides[1]!] })),
      [1, rows, 1, width],
    );
  });
});

Deno.test("map: more inputs than a word has bits", () => {
  const n = 40;
  const body = Array.from({ length: n }, (_, i) => input(i, "float32")).reduce<Scalar>(
    (sum, x) => binary("add", sum, x),
    constant(0, "float32"),
  );
  const x = vector([1, 2, 3, 4, 5], "float32");
  const repeated = { ...x, strides: [0] };
  expectReference(body, Array.from({ length: n }, (_, i) => i % 3 ? x : repeated), [5]);
});

Deno.test("map: thousands of shapes share few modules", () => {
  const Module = WebAssembly.Module;
  let compiled = 0;
  const counting = function (bytes: BufferSource): WebAssembly.Module {
    compiled++;
    return new Module(bytes);
  };
  Object.assign(WebAssembly, { Module: counting });
  try {
    const body = binary("sub", binary("mul", a, b), constant(123, "float32"));
    for (let n = 0; n < 5000; n++) {
      machine.reset();
      const shape = [1 + n % 7, 1 + n % 5, 1 + n % 11];
      const [x, y] = [0, 1].map((seed) =>
        placeOperand(machine, "float32", specials.float32, shape, {
          order: n % 2 ? [0, 1, 2] : [2, 0, 1],
          axes: shape.map((_, axis) => ({ gap: 1, reversed: false, repeated: n % 3 === axis && seed === 1 })),
          offset: 0,
          seed,
        })
      );
      // A kernel object of its own each time: equal bodies are found by their structure.
      map({ kind: "map", body: { ...body } as Scalar }, [x!, y!], machine.output(shape, "float32"), machine);
    }
  } finally {
    Object.assign(WebAssembly, { Module });
  }
  assert(compiled > 0 && compiled < 60, `${compiled} modules`);
});

Deno.test("place: any inputs, side by side, with gaps and a fill", () => {
  const cases = shapes().chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      dtype: fc.constantFrom(...dtypes),
      view: layouts(shape),
      step: fc.tuple(...shape.map(() => fc.integer({ min: 1, max: 2 }))),
      before: fc.tuple(...shape.map(() => fc.nat(1))),
      after: fc.tuple(...shape.map(() => fc.nat(1))),
      twice: fc.boolean(),
    })
  );
  check(cases, ({ shape, dtype, view, step, before, after, twice }) => {
    machine.reset();
    const x = placeOperand(machine, dtype, specials[dtype], shape, view);
    const extent = shape.map((n, axis) => before[axis]! + n * step[axis]! + after[axis]!);
    // The second copy lies behind the first along the first axis.
    const copies = twice && shape.length > 0 ? 2 : 1;
    const starts = Array.from(
      { length: copies },
      (_, n) => before.map((at, axis) => axis === 0 ? at + n * extent[0]! : at),
    );
    const kernel: KernelOf<"place"> = { kind: "place", fill: 1, at: starts.map((start) => ({ start, step })) };
    const whole = extent.map((n, axis) => axis === 0 ? n * copies : n);
    const [actual, expected] = [place, reference.place].map((run) => {
      const output = framed(machine, whole, dtype);
      run(kernel, starts.map(() => x), output, machine);
      return signed([...machine.array(output)]);
    });
    assertEquals(actual, expected);
  }, { share: 16 });
});
