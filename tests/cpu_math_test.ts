// Generated transcendental functions of float32: their largest errors over all floats, and special values.
import { assert, assertEquals } from "@std/assert";
import { assemble, type Local } from "../cpu/assembler.ts";
import { Lanes } from "../cpu/lanes.ts";
import { newMemory } from "../cpu/shared.ts";
import { scalarFunctions } from "../ops/scalar_functions.ts";
import { emitNode, importedFunction } from "../cpu/vector.ts";
import { binary, input, type Scalar, unary, type UnaryOp } from "../ops/scalar.ts";
import { errorOf } from "./ulp.ts";
import { signed } from "./views.ts";

const x = input(0, "float32");
const y = input(1, "float32");
const capacity = 1 << 16;

/** Float32 inputs and outputs of a compiled operation; `run` computes all of them. */
interface Compiled {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly result: Float32Array;
  readonly run: () => void;
}

/** The operation as the backend writes it, with and without fused products and sums. */
function compile(node: Scalar, relaxed: boolean): Compiled {
  const memory = newMemory(Math.ceil(3 * capacity * 4 / 65536));
  const v = new Lanes(1, relaxed);
  const { f } = v;
  const at: Local = 0;
  f.loop(() => {
    const values = new Map([x, y].map((source, n) => {
      f.get(at).memory("v128.load", n * capacity * 4);
      return [source, v.take()];
    }));
    const result = emitNode(v, node, values);
    f.get(at).get(result).memory("v128.store", 2 * capacity * 4);
    f.increment(at, 16).get(at).i32(capacity * 4).op("i32.lt_u").brIf(0);
  });
  const functions = Object.fromEntries(v.imports.map(({ name }) => [name, importedFunction(name)]));
  const module = new WebAssembly.Module(assemble({ run: f }, v.imports));
  const { exports } = new WebAssembly.Instance(module, { env: { memory, ...functions } });
  const [xs, ys, result] = [0, 1, 2].map((n) => new Float32Array(memory.buffer, n * capacity * 4, capacity));
  return { x: xs!, y: ys!, result: result!, run: () => (exports["run"] as (start: number) => void)(0) };
}

function worstError(
  { x, y, result, run }: Compiled,
  exact: (x: number, y: number) => number,
): readonly [number, string] {
  run();
  let worst = 0;
  let where = "";
  for (let i = 0; i < capacity; i++) {
    const error = errorOf(result[i]!, exact(x[i]!, y[i]!));
    if (error > worst) [worst, where] = [error, `at ${x[i]}, ${y[i]}: ${result[i]}`];
  }
  return [worst, where];
}

/** The bounds that cpu/math*.ts state. */
// deno-fmt-ignore
const bounds = {
  exp: 2, exp2: 2, expm1: 2, log: 2, log2: 2, log10: 3, log1p: 3, sinh: 3, cosh: 2, tanh: 3, sin: 2, cos: 2, tan: 4,
  asin: 1, acos: 1, atan: 1, asinh: 1, acosh: 1, atanh: 1, cbrt: 1, erf: 1, erfc: 1, erfinv: 1,
} as const satisfies Partial<Record<UnaryOp, number>>;

const functions = [...Object.keys(bounds), "lgamma", "digamma"] as UnaryOp[];

/** A prime number of bit patterns between one test value and the next: about a million over all floats. */
const stride = 4099;

for (const [op, bound] of Object.entries(bounds) as [keyof typeof bounds, number][]) {
  Deno.test(`${op}: within ${bound} ULP over all floats`, () => {
    for (const relaxed of [true, false]) {
      const compiled = compile(unary(op, x), relaxed);
      const bits = new Int32Array(compiled.x.buffer, 0, capacity);
      for (let start = 0; start < 2 ** 32; start += capacity * stride) {
        for (let i = 0; i < capacity; i++) bits[i] = start + i * stride;
        const [worst, where] = worstError(compiled, scalarFunctions[op]);
        assert(worst <= bound, `${worst} ULP ${where}`);
      }
    }
  });
}

/** Every bit pattern is as likely: numbers of all magnitudes, some of them infinite or not numbers. */
function fillWithAnyFloats(xs: Float32Array, seed: number): void {
  const bits = new Int32Array(xs.buffer, xs.byteOffset, xs.length);
  // The golden ratio, as a fraction of 2^32, and a second irrational number.
  for (let i = 0; i < xs.length; i++) bits[i] = Math.imul(i, 0x9e3779b9) + Math.imul(seed, 0x6a09e667);
}

/** Below 0, where they are differences, the last place of these counts at least. */
const floors = { lgamma: () => 1, digamma: (x: number) => Math.max(1, Math.log(-x)) } as const;

for (const op of ["lgamma", "digamma"] as const) {
  Deno.test(`${op}: within 1 ULP over all floats, and between −12 and 8`, () => {
    for (const relaxed of [true, false]) {
      const { x: xs, result, run } = compile(unary(op, x), relaxed);
      for (let round = 0; round < 16; round++) {
        if (round % 2 === 0) fillWithAnyFloats(xs, round);
        else xs.forEach((_, i) => xs[i] = ((i + round / 16) / capacity) * 20 - 12);
        run();
        for (let i = 0; i < capacity; i++) {
          const [at, exact] = [xs[i]!, scalarFunctions[op](xs[i]!)];
          const error = errorOf(result[i]!, exact, at < 0 ? floors[op](at) : 0);
          assert(error <= 1, `${error} ULP at ${at}: ${result[i]}`);
        }
      }
    }
  });
}

Deno.test("transcendental functions at special values, exactly", () => {
  const values = [0, -0, Infinity, -Infinity, NaN, 1, -1, 1e-45, -1e-45, 1e-39, -1e-39, 128, -150, 1e30, -1e30].map(
    Math.fround,
  );
  for (const op of functions) {
    const { x: given, result, run } = compile(unary(op, x), true);
    given.set(values);
    run();
    values.forEach((value, i) => {
      const exact = Math.fround(scalarFunctions[op](value));
      // Where the result is a rounded irrational number the bound above holds; these are exact.
      if (!Number.isFinite(exact) || Number.isInteger(exact) || Math.abs(exact) < 1e-30) {
        assertEquals(signed([result[i]!]), signed([exact]), `${op}(${value})`);
      }
    });
  }
});

Deno.test("exp2 and log2 of powers of 2, and log10 of powers of 10, are exact", () => {
  const exponents = Array.from({ length: 277 }, (_, i) => i - 149);
  const [exp2, log2, log10] = (["exp2", "log2", "log10"] as const).map((op) => compile(unary(op, x), true));
  exp2!.x.set(exponents);
  log2!.x.set(exponents.map((n) => 2 ** n));
  log10!.x.set(Array.from({ length: 39 }, (_, n) => 10 ** n));
  for (const { run } of [exp2!, log2!, log10!]) run();
  assertEquals([...exp2!.result.slice(0, 277)], exponents.map((n) => 2 ** n));
  assertEquals([...log2!.result.slice(0, 277)], exponents);
  assertEquals([...log10!.result.slice(0, 11)], Array.from({ length: 11 }, (_, n) => n));
});

Deno.test("pow: within 1 ULP, from results below the smallest float to those above the largest", () => {
  for (const relaxed of [true, false]) {
    const compiled = compile(binary("pow", x, y), relaxed);
    for (let round = 0; round < 8; round++) {
      for (let i = 0; i < capacity; i++) {
        // Bases over all exponents and close to 1; results spread over 2^−160 … 2^140.
        const wide = round % 2 === 0;
        const base = Math.fround(wide ? 2 ** (((i * 0.618) % 1) * 276 - 149) : 0.7 + ((i * 0.618) % 1) * 0.6);
        compiled.x[i] = base;
        compiled.y[i] = (((i * 0.414 + round / 8) % 1) * 300 - 160) / Math.log2(base);
      }
      const [worst, where] = worstError(compiled, scalarFunctions.pow);
      assert(worst <= 1, `${worst} ULP ${where}`);
    }
  }
});

Deno.test("atan2: within 1 ULP, in all directions and at all distances", () => {
  for (const relaxed of [true, false]) {
    const compiled = compile(binary("atan2", y, x), relaxed);
    for (let round = 0; round < 8; round++) {
      fillWithAnyFloats(compiled.y, round);
      // All quotients, and those near 1.
      if (round % 2 === 0) fillWithAnyFloats(compiled.x, round + 100);
      else compiled.x.set(compiled.y.map((y, i) => y * (((i * 0.618) % 1) * 8 - 4)));
      const [worst, where] = worstError(compiled, (x, y) => Math.atan2(y, x));
      assert(worst <= 1, `${worst} ULP ${where}`);
    }
  }
});

Deno.test("rem: exact, however large the quotient", () => {
  for (const relaxed of [true, false]) {
    const { x: xs, y: ys, result, run } = compile(binary("rem", x, y), relaxed);
    for (let round = 0; round < 16; round++) {
      fillWithAnyFloats(ys, round);
      fillWithAnyFloats(xs, round + 100);
      // Multiples and almost multiples, with quotients of as many bits as are taken at once, one less and one more.
      if (round >= 4) xs.set(ys.map((y, i) => y * Math.round(2 ** (16 + round) * ((i * 0.618) % 1))));
      run();
      for (let i = 0; i < capacity; i++) {
        const exact = Math.fround(xs[i]! % ys[i]!);
        assert(Object.is(result[i], exact), `${xs[i]} % ${ys[i]} is ${exact}, not ${result[i]}`);
      }
    }
  }
});

for (const [op, bound] of [["pow", 1], ["atan2", 1], ["rem", 0]] as const) {
  Deno.test(`${op}: all pairs of special values are those of C`, () => {
    // deno-fmt-ignore
    const values = [
      0, -0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, Infinity, -Infinity, NaN, 1e-40, -1e-40, 1e38, -1e38, 8388609,
      16777216, -16777217, 1.0000001, 0.99999994, 1e-45, 3.4028234663852886e38,
    ].map(Math.fround);
    const pairs = values.flatMap((a) => values.map((b) => [a, b] as const));
    const compiled = compile(binary(op, x, y), true);
    compiled.x.set(pairs.map(([a]) => a));
    compiled.y.set(pairs.map(([, b]) => b));
    const [worst, where] = worstError(compiled, scalarFunctions[op]);
    assert(worst <= bound, `${worst} ULP ${where}`);
  });
}

Deno.test("sin, cos and tan of the angles that are nearest to multiples of π/2", () => {
  // By continued fractions of 2^n·2/π: the first is within 2^−29.2, the second within 2^−28.8.
  const nearest = [16367173 * 2 ** 72, 10741887 * 2 ** 11];
  for (const op of ["sin", "cos", "tan"] as const) {
    const compiled = compile(unary(op, x), true);
    compiled.x.set(nearest.flatMap((angle) => [angle, 2 * angle, -angle]));
    const [worst, where] = worstError(compiled, scalarFunctions[op]);
    assert(worst <= bounds[op], `${op}: ${worst} ULP ${where}`);
  }
});

Deno.test("functions of floats call no JavaScript", () => {
  const called = functions.filter((op) => callsJavaScript(unary(op, x)));
  const calledWithTwo = (["pow", "atan2", "rem"] as const).filter((op) => callsJavaScript(binary(op, x, y)));
  assertEquals([called, calledWithTwo], [[], []]);
});

function callsJavaScript(node: Scalar): boolean {
  const v = new Lanes(0, true);
  emitNode(v, node, new Map([[x, v.temporary()], [y, v.temporary()]]));
  return v.imports.length > 0;
}
