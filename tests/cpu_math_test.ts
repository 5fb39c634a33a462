// Generated transcendental functions of float32: their largest errors over all floats, and special values.
import { assert, assertEquals } from "@std/assert";
import { assemble, type Local } from "../cpu/assembler.ts";
import { Lanes } from "../cpu/lanes.ts";
import { scalarFunctions } from "../cpu/scalar_functions.ts";
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
  const memory = new WebAssembly.Memory({ initial: Math.ceil(3 * capacity * 4 / 65536) });
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

/** The bounds that cpu/math.ts states. */
// deno-fmt-ignore
const bounds = {
  exp: 2, exp2: 2, expm1: 2, log: 2, log2: 2, log10: 3, log1p: 3, sinh: 3, cosh: 2, tanh: 3, sin: 2, cos: 2, tan: 4,
} as const satisfies Partial<Record<UnaryOp, number>>;

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

Deno.test("transcendental functions at special values, exactly", () => {
  const values = [0, -0, Infinity, -Infinity, NaN, 1, -1, 1e-45, -1e-45, 1e-39, -1e-39, 128, -150, 1e30, -1e30].map(
    Math.fround,
  );
  for (const op of Object.keys(bounds) as (keyof typeof bounds)[]) {
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

Deno.test("pow: within 2 ULP, from results below the smallest float to those above the largest", () => {
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
      assert(worst <= 2, `${worst} ULP ${where}`);
    }
  }
});

Deno.test("pow: all pairs of special values are those of C", () => {
  // deno-fmt-ignore
  const values = [
    0, -0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, Infinity, -Infinity, NaN, 1e-40, -1e-40, 1e38, -1e38, 8388609,
    16777216, -16777217, 1.0000001, 0.99999994,
  ].map(Math.fround);
  const pairs = values.flatMap((a) => values.map((b) => [a, b] as const));
  const compiled = compile(binary("pow", x, y), true);
  compiled.x.set(pairs.map(([a]) => a));
  compiled.y.set(pairs.map(([, b]) => b));
  const [worst, where] = worstError(compiled, scalarFunctions.pow);
  assert(worst <= 2, `${worst} ULP ${where}`);
});
