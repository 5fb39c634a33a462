// float16 in generated kernels: every number through memory, rounding, fused bodies, and kernels that run in float32.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { conv } from "../cpu/conv.ts";
import { inFloat32 } from "../cpu/in_float32.ts";
import type { Implementation, Operand } from "../cpu/machine.ts";
import { map } from "../cpu/map.ts";
import { matmul } from "../cpu/matmul.ts";
import { reduce } from "../cpu/reduce.ts";
import { reference } from "../cpu/reference.ts";
import { scalarFunctions } from "../ops/scalar_functions.ts";
import { window } from "../cpu/window.ts";
import type { DType } from "../ops/dtype.ts";
import type { WindowRole } from "../ops/kernel.ts";
import {
  binary,
  type BinaryOp,
  cast,
  constant,
  input,
  type Scalar,
  select,
  topological,
  unary,
  type UnaryOp,
} from "../ops/scalar.ts";
import { contiguous, type Shape } from "../ops/shape.ts";
import { ulp } from "./close.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { type Layout, layouts, placeOperand, signed } from "./views.ts";

const machine = testMachine();

/** Every float16 there is, in the order of its bits. */
const patterns = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
const everyHalf = new Float16Array(patterns.buffer);

function halves(): Operand {
  machine.reset();
  return machine.put(everyHalf, "float16");
}

function run(body: Scalar, inputs: readonly Operand[], shape: Shape, by: Implementation<"map"> = map): Operand {
  const output = machine.output(shape, body.dtype);
  by({ kind: "map", body }, inputs, output, machine);
  return output;
}

/** Equal to the last bit; NaN is NaN. */
function assertSame(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assertEquals(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    assert(Object.is(actual[i], expected[i]), `${what}: element ${i} is ${actual[i]}, not ${expected[i]}`);
  }
}

const h = input(0, "float16");

Deno.test("float16: every number is read and written as it is, and moved bit for bit", () => {
  const x = halves();
  const wide = run(cast(h, "float32"), [x], [2 ** 16]);
  assertSame(machine.array(wide), everyHalf, "widened");
  assertSame(machine.array(run(cast(input(0, "float32"), "float16"), [wide], [2 ** 16])), everyHalf, "narrowed");
  // Backwards, so that elements are moved one by one.
  const reversed = { ...x, strides: [-1], offset: 2 ** 16 - 1 };
  for (const [moved, expected] of [[x, patterns], [reversed, patterns.toReversed()]] as const) {
    const copy = machine.array(run(h, [moved], [2 ** 16]));
    assertEquals(new Uint16Array(copy.buffer, copy.byteOffset, copy.length), expected);
  }
});

Deno.test("float16: float32 is rounded to nearest, ties to even, next to every halfway point", () => {
  const floats = new Float32Array(3 * 2 ** 16);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < 2 ** 16; i++) {
    // The middle between a float16 and the next, and the float32 on either side.
    const middle = new Float32Array([(everyHalf[i]! + everyHalf[(i + 1) % 2 ** 16]!) / 2]);
    if ((i & 0x7fff) === 0x7bff) middle[0] = i < 2 ** 15 ? 65520 : -65520;
    for (const step of [-1, 0, 1]) bits[3 * i + 1 + step] = new Uint32Array(middle.buffer)[0]! + step;
  }
  machine.reset();
  const x = machine.put(floats, "float32");
  const rounded = machine.array(run(cast(input(0, "float32"), "float16"), [x], [floats.length]));
  assertSame(rounded, new Float16Array(floats), "rounded");
  assertEquals(rounded.filter((v: number) => v === Infinity).length > 0, true);
});

Deno.test("float16: float64 is rounded once", () => {
  machine.reset();
  const doubles = new Float64Array([
    1 + 2 ** -11 + 2 ** -40,
    1 + 2 ** -11 - 2 ** -40,
    2 ** -25 + 2 ** -60,
    65520 - 2 ** -30,
  ]);
  const x = machine.put(doubles, "float64");
  const once = [1 + 2 ** -10, 1, 2 ** -24, 65504];
  assertEquals([...machine.array(run(cast(input(0, "float64"), "float16"), [x], [4]))], once);
});

Deno.test("float16: arithmetic of all numbers is that of the reference", () => {
  const x = halves();
  const y = machine.put(everyHalf.map((_, i) => everyHalf[(i * 40503 + 77) % 2 ** 16]!), "float16");
  for (const op of ["add", "sub", "mul", "div", "rem", "min", "max", "lt"] satisfies BinaryOp[]) {
    const body = binary(op, h, input(1, "float16"));
    const [actual, expected] = [map, reference.map].map((by) =>
      machine.array(run(body, [x, y], [2 ** 16], by)).slice()
    );
    assertSame(actual!, expected!, op);
  }
});

/** What cpu/math*.ts state of float32. */
// deno-fmt-ignore
const ulps: { readonly [Op in UnaryOp]?: number } = {
  exp: 2, exp2: 2, expm1: 2, log: 2, log2: 2, log10: 3, log1p: 3, sinh: 3, cosh: 2, tanh: 3, sin: 2, cos: 2, tan: 4,
  asin: 1, acos: 1, atan: 1, asinh: 1, acosh: 1, atanh: 1, cbrt: 1, erf: 1, erfc: 1, erfinv: 1, sqrt: 0,
};

Deno.test("float16: functions of all numbers are those of float32, rounded", () => {
  const x = halves();
  for (const [op, bound] of Object.entries(ulps) as [UnaryOp, number][]) {
    const result = machine.array(run(unary(op, h), [x], [2 ** 16]));
    everyHalf.forEach((value, i) => {
      const exact = scalarFunctions[op](value);
      const error = Math.abs(result[i]! - exact);
      const allowed = ulp(Math.max(Math.abs(result[i]!), Math.abs(exact)), "float16") / 2 +
        bound * ulp(exact, "float32");
      assert(
        Object.is(result[i], Math.f16round(exact)) || (Number.isFinite(exact) && error <= allowed),
        `${op}(${value}) is ${result[i]}, not ${exact}`,
      );
    });
  }
});

/** One node of a random body: what it computes, from which of the nodes before it. */
interface Choice {
  readonly op: number;
  readonly a: number;
  readonly b: number;
}

/** Operations of float16 whose results both kernels round alike. */
const makers: readonly ((a: Scalar, b: Scalar) => Scalar)[] = [
  ...(["add", "sub", "mul", "div", "min", "max", "rem"] satisfies BinaryOp[]).map((op) => (a: Scalar, b: Scalar) =>
    binary(op, a, b)
  ),
  ...(["neg", "abs", "sqrt", "floor", "round", "sign", "trunc"] satisfies UnaryOp[]).map((op) => (a: Scalar) =>
    unary(op, a)
  ),
  (a, b) => select(binary("lt", a, b), a, b),
  (a) => binary("mul", a, constant(0.1, "float16")),
  (a, b) => cast(binary("add", cast(a, "float32"), cast(b, "float32")), "float16"),
  (a) => cast(cast(a, "int32"), "float16"),
];

function bodyOf(choices: readonly Choice[]): Scalar {
  const nodes: Scalar[] = [h, input(1, "float16")];
  for (const { op, a, b } of choices) {
    const recent = (n: number): Scalar => nodes[nodes.length - 1 - n % Math.min(nodes.length, 4)]!;
    nodes.push(makers[op % makers.length]!(recent(a), recent(b)));
  }
  return nodes.at(-1)!;
}

/** The nodes of a body one by one, each in a kernel of its own that reads what the others wrote. */
function oneByOne(body: Scalar, inputs: readonly Operand[], shape: Shape): Operand {
  const results = new Map<Scalar, Operand>();
  for (const node of topological(body)) {
    if (node.op === "input") results.set(node, inputs[node.index]!);
    else if (node.op === "const" || node.op === "index") results.set(node, run(node, [], shape));
    else {
      const args = node.args.map((arg, i) => input(i, arg.dtype));
      results.set(node, run({ ...node, args }, node.args.map((arg) => results.get(arg)!), shape));
    }
  }
  return results.get(body)!;
}

// deno-fmt-ignore
const some = [0, -0, 1, -1, 0.1, 3.14, -2.5, 700, -41.3, 2 ** -24, 1e-3, -6e-5, 2049, 65504, -60000, Infinity, NaN, 0.99, 12];

Deno.test("float16: fused bodies are their operations one by one, and those of the reference, bit for bit", () => {
  const number = fc.nat(999);
  const cases = fc.record({
    choices: fc.array(fc.record({ op: number, a: number, b: number }), { minLength: 1, maxLength: 14, size: "max" }),
    shape: fc.constantFrom([1], [3], [19], [5, 7], [64]),
  }).chain(({ choices, shape }) =>
    fc.record({
      choices: fc.constant(choices),
      shape: fc.constant(shape),
      views: fc.tuple(layouts(shape), layouts(shape)),
    })
  );
  check(cases, ({ choices, shape, views }) => {
    machine.reset();
    const inputs = views.map((view) => placeOperand(machine, "float16", some, shape, view));
    const body = bodyOf(choices);
    const fused = machine.array(run(body, inputs, shape)).slice();
    assertSame(fused, machine.array(run(body, inputs, shape, reference.map)), "reference");
    assertSame(fused, machine.read(oneByOne(body, inputs, shape)), "one by one");
  }, { share: 8 });
});

Deno.test("float16: sums are rounded once, along rows and across columns", () => {
  machine.reset();
  const n = 5000;
  const values = Float16Array.from({ length: 4 * n }, (_, i) => Math.sin(i * i));
  for (const [shape, axis] of [[[4, n], 1], [[n, 4], 0]] as const) {
    const x = machine.put(values, "float16", contiguous(shape));
    const output = machine.output([4], "float16");
    reduce({ kind: "reduce", combiner: "sum", axes: [axis], body: h }, [x], output, machine);
    const exact = Array.from({ length: 4 }, (_, k) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += values[axis === 1 ? k * n + i : i * 4 + k]!;
      return sum;
    });
    // The additions in float32, as in the tests of float32, and half a unit for the one rounding.
    machine.read(output).forEach((sum, k) => {
      assert(Math.abs(sum - exact[k]!) <= ulp(exact[k]!, "float16") / 2 + 20 * 2 ** -25 * n, `${sum}, not ${exact[k]}`);
    });
  }
});

/** Small integers: sums of their products are exact in float32, and rounded in float16. */
const integers = [3, -7, 0, 5, 31, -2, 8, -50, 4, -1, 63, -8, 2];

/** A kernel that knows float32 as one for float16, against the reference, in any layout. */
function agrees<K extends "matmul" | "conv" | "window">(
  by: Implementation<K>,
  expectedBy: Implementation<K>,
  kernel: Parameters<Implementation<K>>[0],
  given: readonly { readonly shape: Shape; readonly layout: Layout; readonly dtype?: DType }[],
  shape: Shape,
  dtype: DType = "float16",
): void {
  machine.reset();
  const inputs = given.map(({ shape, layout, dtype = "float16" }) =>
    placeOperand(machine, dtype, dtype === "int32" ? [0, 1, 2, 3] : integers, shape, layout)
  );
  const [actual, expected] = [inFloat32(by), expectedBy].map((run) => {
    const output = machine.output(shape, dtype);
    run(kernel, inputs, output, machine);
    return signed(machine.read(output));
  });
  assertEquals(actual, expected);
}

Deno.test("float16: matmul in any layout is computed in float32 and rounded once", () => {
  const size = fc.oneof(fc.nat(5), fc.constantFrom(8, 9, 33));
  const cases = fc.tuple(fc.array(fc.nat(3), { maxLength: 2 }), size, size, size).chain(([batch, m, k, n]) => {
    const [a, b] = [[...batch, m, k], [...batch, k, n]];
    return fc.record({ a: fc.constant(a), b: fc.constant(b), ofA: layouts(a), ofB: layouts(b) });
  });
  check(cases, ({ a, b, ofA, ofB }) => {
    const given = [{ shape: a, layout: ofA }, { shape: b, layout: ofB }];
    agrees(matmul, reference.matmul, { kind: "matmul" }, given, [...a.slice(0, -1), b.at(-1)!]);
  }, { share: 4 });
});

Deno.test("float16: convolution and its gradients, and windows of every role, in any layout", () => {
  const [x, w, g] = [[2, 6, 3], [3, 3, 4], [2, 6, 4]];
  const geometry = { strides: [1], dilation: [1], padding: [[1, 1]] as const, groups: 1 };
  const roles = { output: [x, w, g], input: [g, w, x], kernel: [x, g, w] } as const;
  const windows = { window: [2], strides: [2], padding: [[0, 0]] as const };
  const [cells, pooled] = [[2, 6, 3], [2, 3, 3]];
  const kinds: Readonly<Record<WindowRole, readonly [readonly Shape[], Shape]>> = {
    sum: [[cells], pooled],
    max: [[cells], pooled],
    min: [[cells], pooled],
    argMax: [[cells], pooled],
    argMin: [[cells], pooled],
    take: [[cells, pooled], pooled],
    spread: [[pooled], cells],
    put: [[pooled, pooled], cells],
  };
  const two = (a: Shape, b: Shape): fc.Arbitrary<[Layout, Layout]> => fc.tuple(layouts(a), layouts(b));
  for (const role of ["output", "input", "kernel"] as const) {
    const [a, b, shape] = roles[role];
    check(two(a, b), ([ofA, ofB]) => {
      const given = [{ shape: a, layout: ofA }, { shape: b, layout: ofB }];
      agrees(conv, reference.conv, { kind: "conv", role, geometry }, given, shape);
    }, { share: 0.5 });
  }
  for (const [role, [[a, b = a], shape]] of Object.entries(kinds) as [WindowRole, readonly [Shape[], Shape]][]) {
    check(two(a!, b!), ([ofA, ofB]) => {
      const given = [
        { shape: a!, layout: ofA },
        ...(role === "take" || role === "put" ? [{ shape: b!, layout: ofB, dtype: "int32" as const }] : []),
      ];
      const dtype = role === "argMax" || role === "argMin" ? "int32" : "float16";
      agrees(window, reference.window, { kind: "window", role, geometry: windows }, given, shape, dtype);
    }, { share: 0.5 });
  }
});
