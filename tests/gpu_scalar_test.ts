// Scalar expressions on the GPU against the reference: special values of every operation, errors of functions,
// integers.
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { compileScalar } from "../cpu/reference_scalar.ts";
import { allocateArray, type DType, isFloat, kindOf, toDType, type TypedArray } from "../ops/dtype.ts";
import * as s from "../ops/scalar.ts";
import type { BinaryOp, Scalar, UnaryOp } from "../ops/scalar.ts";
import { type Computed, functionOf } from "../ops/scalar_value.ts";
import { polygamma } from "./precise.ts";
import { floorOf, gpuBounds, type Operation } from "./gpu_bounds.ts";
import { type Column, evaluate, openGpu, shaderOf } from "./gpu_scalar.ts";
import { judgedFunctions } from "./judged.ts";
import { precise } from "./precise.ts";
import { errorOf, type ShortFloat } from "./ulp.ts";

const device = await openGpu();

// deno-fmt-ignore
const unaryOps: readonly UnaryOp[] = [
  "neg", "abs", "sign", "sqrt", "floor", "ceil", "trunc", "round", "exp", "exp2", "expm1", "log", "log2", "log10",
  "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "cbrt",
  "erf", "erfc", "erfinv", "lgamma", "digamma",
];
// deno-fmt-ignore
const binaryOps: readonly BinaryOp[] = [
  "add", "sub", "mul", "div", "rem", "min", "max", "pow", "atan2", "polygamma", "eq", "ne", "lt", "le",
];
const integerUnary: readonly UnaryOp[] = ["neg", "abs", "sign", "floor", "ceil", "trunc", "round", "not"];
// deno-fmt-ignore
const integerBinary: readonly BinaryOp[] = [
  "add", "sub", "mul", "div", "rem", "min", "max", "pow", "and", "or", "xor", "shl", "shr", "eq", "ne", "lt", "le",
];
const boolUnary: readonly UnaryOp[] = ["neg", "abs", "sign", "not"];
// deno-fmt-ignore
const boolBinary: readonly BinaryOp[] = [
  "add", "sub", "mul", "min", "max", "pow", "and", "or", "xor", "eq", "ne", "lt", "le",
];
const dtypes: readonly DType[] = ["float32", "float16", "int32", "uint32", "bool"];

/** Values that an operation may treat in a way of its own. */
function specialsOf(dtype: DType): readonly number[] {
  if (dtype === "bool") return [0, 1];
  const whole = [0, 1, 2, 3, 4, 7, 8, 31, 32, 33, 100, 255, 65536, 2 ** 24 + 1, 2 ** 30, 2 ** 31 - 1, 2 ** 31];
  if (kindOf(dtype) === "integer") return distinct([...whole, ...whole.map((n) => -n)], dtype);
  // deno-fmt-ignore
  const positive = [
    ...whole, 2 ** -149, 3 * 2 ** -149, 2 ** -126 - 2 ** -149, 2 ** -126, 2 ** -24, 2 ** -14, 1e-30, 1e-5, 0.1, 0.5,
    0.75, 1 - 2 ** -24, 1 + 2 ** -23, 1.5, 2.5, 3.3, 9.5, 88.7, 89, 127.5, 1e3, 65504, 65520, 2 ** 23 + 1, 2 ** 33,
    1e15, 1e30, 2 ** 127, 3.4028234663852886e38, Infinity, NaN,
  ];
  return distinct([...positive, ...positive.map((x) => -x)], dtype);
}

function distinct(values: readonly number[], dtype: DType): readonly number[] {
  const stored = values.map((value) => toDType(value, dtype));
  return stored.filter((value, i) => stored.findIndex((other) => Object.is(value, other)) === i);
}

/** Every value beside every other. */
function pairs(values: readonly number[], dtype: DType): [Column, Column] {
  const every = (pick: (i: number) => number) => ({
    dtype,
    data: Array.from({ length: values.length ** 2 }, (_, i) => values[pick(i)]!),
  });
  return [every((i) => Math.floor(i / values.length)), every((i) => i % values.length)];
}

/** The expression's values by the reference, its inputs rounded first by `read`. */
function expected(body: Scalar, columns: readonly Column[], read = (x: number): number => x): TypedArray {
  const arrays = columns.map(({ dtype, data }) => {
    const array = allocateArray(dtype, data.length);
    for (let i = 0; i < data.length; i++) array[i] = read(data[i]!);
    return array;
  });
  const value = compileScalar(body, arrays);
  const result = allocateArray(body.dtype, columns[0]!.data.length);
  const offsets = new Int32Array(columns.length);
  for (let i = 0; i < result.length; i++) result[i] = value(offsets.fill(i), Int32Array.of(i));
  return result;
}

/** A GPU may take subnormal numbers for 0. */
function flushed(x: number): number {
  return Math.abs(x) < 2 ** -126 ? x * 0 : x;
}

/** Where it does, a function without a value at 0 may give what it comes to near 0. */
function vanishing(x: number): number {
  return Math.abs(x) < 2 ** -126 ? Math.sign(x) * Number.MIN_VALUE : x;
}

/** What arithmetic does with subnormal numbers; all others go by bits and keep them. */
const onBits: ReadonlySet<string> = new Set([
  "neg",
  "abs",
  "sign",
  "min",
  "max",
  "eq",
  "ne",
  "lt",
  "le",
  "rem",
  "input",
]);

/** Fails unless a result is the exact one, or one that a GPU gives which flushes subnormal numbers. */
function assertExact(body: Scalar, actual: TypedArray, columns: readonly Column[]): void {
  const exact = expected(body, columns);
  const mayFlush = isFloat(body.dtype) && !onBits.has(body.op);
  const accepted = mayFlush ? [exact, exact.map(flushed), expected(body, columns, flushed)] : [exact];
  const isNear = (i: number): boolean => {
    // Quotients that are subnormal are rounded twice; products may be flushed before they are rounded to a normal number.
    if (body.op === "div") return Math.abs(actual[i]! - exact[i]!) <= 2 ** -149;
    return body.op === "mul" && actual[i] === 0 && Math.abs(exact[i]!) === 2 ** -126;
  };
  const wrong = [...actual.keys()].filter((i) =>
    !accepted.some((values) => Object.is(values[i], actual[i])) && !(mayFlush && isNear(i))
  );
  const shown = wrong.slice(0, 5).map((i) =>
    `(${columns.map(({ data }) => data[i])}) is ${actual[i]}, not ${exact[i]}`
  );
  assertEquals(shown, [], `${s.scalarKey(body)}: ${wrong.length} differ`);
}

/** The largest error of a function of float32 at some arguments, judged by the function of float64. */
function worstError(
  op: Operation,
  results: TypedArray,
  columns: readonly Column[],
  exactAt: (a: number, b: number) => number,
  dtype: ShortFloat = "float32",
): { readonly ulps: number; readonly at: string } {
  const [first, second] = [columns[0]!.data, (columns[1] ?? columns[0])!.data];
  let [ulps, at] = [0, ""];
  for (let i = 0; i < results.length; i++) {
    const [a, b] = [first[i]!, second[i]!];
    const error = Math.min(
      ...[exactAt(a, b), exactAt(flushed(a), flushed(b)), exactAt(vanishing(a), vanishing(b))].flatMap((exact) =>
        [exact, flushed(exact)].map((exact) => errorOf(results[i]!, rounded(exact), floorOf(op, [a, b]), dtype))
      ),
    );
    if (error > ulps) [ulps, at] = [error, `${op}(${a}, ${b}) is ${results[i]}, not ${exactAt(a, b)}`];
  }
  return { ulps, at };
}

/** What is closer to 0 than half of the least float is 0 with a sign, of which errors can tell. */
function rounded(exact: number): number {
  return Math.abs(exact) < 2 ** -150 ? exact * 0 : exact;
}

function functionOfOp(op: Operation): (a: number, b: number) => number {
  const x = s.input(0, "float64");
  return functionOf(s.binary(op as BinaryOp, x, x) as Computed);
}

function bodyOf(op: Operation, dtype: DType): Scalar {
  const [x, y] = [s.input(0, dtype), s.input(1, dtype)];
  return (binaryOps as readonly string[]).includes(op) ? s.binary(op as BinaryOp, x, y) : s.unary(op as UnaryOp, x);
}

for (const dtype of ["float32", "float16"] as const) {
  Deno.test(`gpu scalar: ${dtype} operations on special values`, async () => {
    const columns = pairs(specialsOf(dtype), dtype);
    const ops = [...unaryOps, ...binaryOps];
    const bodies = ops.map((op) => bodyOf(op, dtype));
    const results = await evaluate(device, bodies, columns);
    ops.forEach((op, n) => {
      const bound = gpuBounds[op];
      if (bound === undefined) return assertExact(bodies[n]!, results[n]!, columns);
      const { ulps, at } = worstError(op, results[n]!, columns, functionOfOp(op), dtype);
      // Orders of polygamma are any number here.
      const allowed = dtype === "float16" ? 0.51 : op === "polygamma" ? 64 : bound;
      assert(ulps <= allowed, `${ulps} ULP: ${at}`);
    });
  });
}

for (const dtype of ["int32", "uint32"] as const) {
  Deno.test(`gpu scalar: ${dtype} operations on extremes`, async () => {
    const columns = pairs(specialsOf(dtype), dtype);
    const [x, y] = [s.input(0, dtype), s.input(1, dtype)];
    const bodies = [...integerUnary.map((op) => s.unary(op, x)), ...integerBinary.map((op) => s.binary(op, x, y))];
    const results = await evaluate(device, bodies, columns);
    bodies.forEach((body, n) => assertExact(body, results[n]!, columns));
  });
}

Deno.test("gpu scalar: operations on bools", async () => {
  const columns = pairs([0, 1], "bool");
  const [x, y] = [s.input(0, "bool"), s.input(1, "bool")];
  const bodies = [...boolUnary.map((op) => s.unary(op, x)), ...boolBinary.map((op) => s.binary(op, x, y))];
  const results = await evaluate(device, bodies, columns);
  bodies.forEach((body, n) => assertExact(body, results[n]!, columns));
});

Deno.test("gpu scalar: casts between all dtypes saturate, wrap and round", async () => {
  for (const from of dtypes) {
    const edges = [
      -0.5,
      0.5,
      1.9,
      -1.9,
      2 ** 31 - 128,
      2 ** 32 - 256,
      2 ** 32,
      -(2 ** 31) - 256,
      2 ** 25 + 3,
      2049,
      4095.5,
    ];
    const some = Array.from({ length: 1000 }, (_, i) => (i * 2654435761) % 2 ** 32);
    const columns = [{ dtype: from, data: distinct([...specialsOf(from), ...edges, ...some], from) }];
    const bodies = dtypes.filter((to) => to !== from).map((to) => s.cast(s.input(0, from), to));
    const results = await evaluate(device, bodies, columns);
    bodies.forEach((body, n) => assertExact(body, results[n]!, columns));
  }
});

Deno.test("gpu scalar: constants keep every bit, alone and beside others", async () => {
  const columns = [{ dtype: "bool" as const, data: [1] }];
  for (const dtype of dtypes) {
    const constants = specialsOf(dtype).map((value) => s.constant(value, dtype));
    const sums = dtype === "bool" ? [] : constants.map((c) => s.binary("add", c, c));
    const chosen = constants.map((c) => s.select(s.input(0, "bool"), c, s.constant(0, dtype)));
    const bodies = [...constants, ...sums, ...chosen];
    const results = await evaluate(device, bodies, columns);
    bodies.forEach((body, n) => assertExact(body, results[n]!, columns));
  }
});

Deno.test("gpu scalar: select chooses, whatever it does not choose", async () => {
  const columns = [...pairs(specialsOf("float32"), "float32")];
  const [x, y] = [s.input(0, "float32"), s.input(1, "float32")];
  const bodies = [
    s.select(s.binary("lt", x, y), x, y),
    s.select(s.binary("ne", x, x), s.constant(-1, "float32"), x),
    s.select(s.binary("eq", x, x), x, s.constant(Infinity, "float32")),
    s.select(s.unary("not", s.binary("le", x, y)), x, y),
  ];
  const results = await evaluate(device, bodies, columns);
  bodies.forEach((body, n) => assertExact(body, results[n]!, columns));
});

Deno.test("gpu scalar: sums are rounded where they are written", async () => {
  const random = Array.from({ length: 2000 }, (_, i) => Math.fround(Math.sin(i) * 2 ** (i % 40 - 20)));
  const dtype = "float32";
  const [x, y] = [s.input(0, dtype), s.input(1, dtype)];
  const [sum, difference] = [s.binary("add", x, y), s.binary("sub", x, y)];
  const bodies = [
    s.binary("sub", sum, x),
    s.binary("sub", x, sum),
    s.binary("add", difference, y),
    s.binary("sub", difference, x),
    s.binary("sub", x, x),
    s.binary("sub", s.binary("sub", sum, x), y),
  ];
  for (
    const columns of [
      [{ dtype, data: random }, { dtype, data: random.toReversed() }] as const,
      pairs(specialsOf(dtype), dtype),
    ]
  ) {
    const results = await evaluate(device, bodies, columns);
    bodies.forEach((body, n) => assertExact(body, results[n]!, columns));
  }
});

for (const dtype of ["float32", "float16"] as const) {
  Deno.test(`gpu scalar: ${dtype} arithmetic with constants that compilers have rules for`, async () => {
    const x = s.input(0, dtype);
    const columns = [{ dtype, data: specialsOf(dtype) }];
    const bodies = [0, -0, 1, -1, 2, Infinity, NaN].map((value) => s.constant(value, dtype)).flatMap((c) =>
      (["add", "sub", "mul", "div", "rem", "min", "max", "eq", "ne", "lt", "le"] as const).flatMap((op) => [
        s.binary(op, x, c),
        s.binary(op, c, x),
        s.binary(op, s.unary("neg", x), x),
        s.binary(op, s.unary("abs", x), s.binary("mul", x, x)),
      ])
    );
    const results = await evaluate(device, bodies, columns);
    bodies.forEach((body, n) => assertExact(body, results[n]!, columns));
  });
}

Deno.test("gpu scalar: the position", async () => {
  const columns = [{ dtype: "uint32" as const, data: [5, 6, 7] }];
  const body = s.binary("mul", s.axisIndex(0), s.cast(s.input(0, "uint32"), "int32"));
  assertEquals(Array.from((await evaluate(device, [body], columns))[0]!), [0, 6, 14]);
});

for (const { name, sampled, exact } of judgedFunctions) {
  const op = name as Operation;
  if (![...unaryOps, ...binaryOps].includes(op)) continue;
  const bound = gpuBounds[op] ?? 0.5000001;
  Deno.test(`gpu scalar: ${name} within ${bound} ULP in float32`, async () => {
    const columns = sampled("float32", 65_536).map((data): Column => ({ dtype: "float32", data }));
    const [results] = await evaluate(device, [bodyOf(op, "float32")], columns);
    const { ulps, at } = worstError(op, results!, columns, functionOfOp(op));
    assert(ulps <= bound, `${ulps} ULP: ${at}`);
    // The same of a few in decimal arithmetic, which shares nothing with the library.
    const few = columns.map(({ data }) => ({
      dtype: "float32" as const,
      data: Array.from(data).filter((_, i) => i % 2048 === 1),
    }));
    const [fewResults] = await evaluate(device, [bodyOf(op, "float32")], few);
    const decimal = worstError(op, fewResults!, few, (...args) => {
      const operands = few.map((_, n) => precise(args[n]!));
      return args.every(Number.isFinite) ? exact(...operands).toNumber() : functionOfOp(op)(...args);
    });
    assert(decimal.ulps <= bound, `${decimal.ulps} ULP: ${decimal.at}`);
  });
  Deno.test(`gpu scalar: ${name} of every float16 rounded once`, async () => {
    const columns = sampled("float16", 65_536).map((data): Column => ({ dtype: "float16", data }));
    const [results] = await evaluate(device, [bodyOf(op, "float16")], columns);
    const { ulps, at } = worstError(op, results!, columns, functionOfOp(op), "float16");
    assert(ulps <= 0.51, `${ulps} ULP: ${at}`);
  });
}

Deno.test("gpu scalar: polygamma within its bound", async () => {
  const count = 6000;
  const numbers = Float32Array.from(
    { length: count },
    (_, i) => i % 2 ? 2 ** (i / 200 - 15) : (i * 0.0061803) % 16 - 8,
  );
  const columns: Column[] = [
    { dtype: "float32", data: Array.from({ length: count }, (_, i) => 1 + i % 3) },
    { dtype: "float32", data: numbers },
  ];
  const [results] = await evaluate(device, [bodyOf("polygamma", "float32")], columns);
  const { ulps, at } = worstError("polygamma", results!, columns, functionOfOp("polygamma"));
  assert(ulps <= gpuBounds.polygamma!, `${ulps} ULP: ${at}`);
  for (let i = 1; i < count; i += 499) {
    const [n, x] = [columns[0]!.data[i]!, numbers[i]!];
    const error = errorOf(results![i]!, polygamma(n, precise(x)).toNumber(), floorOf("polygamma", [n, x]));
    assert(error <= gpuBounds.polygamma!, `${error} ULP: polygamma(${n}, ${x}) is ${results![i]}`);
  }
});

Deno.test("gpu scalar: random expressions of integers and bools are those of the reference", async () => {
  const { tree } = fc.letrec<{ tree: Scalar }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "medium", withCrossShrink: true },
      fc.constantFrom(s.input(0, "int32"), s.input(1, "int32")),
      fc.integer().map((value) => s.constant(value, "int32")),
      fc.tuple(fc.constantFrom(...integerUnary), tie("tree")).map(([op, x]) => s.unary(op, x)),
      fc.tuple(fc.constantFrom(...integerBinary), tie("tree"), tie("tree")).map(([op, x, y]) =>
        s.cast(s.binary(op, x, y), "int32")
      ),
      fc.tuple(fc.constantFrom(...integerBinary), tie("tree"), tie("tree")).map(([op, x, y]) =>
        s.cast(s.binary(op, s.cast(x, "uint32"), s.cast(y, "uint32")), "int32")
      ),
      fc.tuple(fc.constantFrom(...boolBinary), tie("tree"), tie("tree")).map(([op, x, y]) =>
        s.select(s.binary(op, s.cast(x, "bool"), s.binary("lt", x, y)), x, y)
      ),
    ),
  }));
  const bodies = fc.sample(tree, { seed: 1, numRuns: 60 });
  const columns = pairs(specialsOf("int32"), "int32");
  const results = await evaluate(device, bodies, columns);
  bodies.forEach((body, n) => assertExact(body, results[n]!, columns));
});

Deno.test("gpu scalar: no float64", () => {
  const refusal = 'the gpu has no float64: WebGPU computes in float32; cast() to "float32", or compute it on the CPU';
  for (const body of [s.unary("exp", s.input(0, "float64")), s.cast(s.input(0, "float64"), "float32")]) {
    assertThrows(() => shaderOf([body], ["float32"]), TypeError, refusal);
  }
});
