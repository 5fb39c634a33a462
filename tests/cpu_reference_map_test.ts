// The reference's scalar operations: special values, integers that wrap, casts, and fusion without a difference.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { DType } from "../ops/dtype.ts";
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
import { check } from "./property.ts";
import { machine, operand, run } from "./reference.ts";

const lowestInt = -2147483648;

/** A map over vectors: one value for each element of the inputs. */
function evaluate(body: Scalar, ...inputs: readonly (readonly [DType, readonly number[]])[]): number[] {
  const size = inputs[0]?.[1].length ?? 1;
  return run({ kind: "map", body }, inputs.map(([dtype, v]) => operand(v, [size], dtype)), [size], body.dtype);
}

function unaryOf(op: UnaryOp, dtype: DType, values: readonly number[]): number[] {
  return evaluate(unary(op, input(0, dtype)), [dtype, values]);
}

function binaryOf(op: BinaryOp, dtype: DType, pairs: readonly (readonly [number, number])[]): number[] {
  const body = binary(op, input(0, dtype), input(1, dtype));
  return evaluate(body, [dtype, pairs.map(([a]) => a)], [dtype, pairs.map(([, b]) => b)]);
}

function castOf(from: DType, to: DType, values: readonly number[]): number[] {
  return evaluate(cast(input(0, from), to), [from, values]);
}

Deno.test("map: float functions at special values", () => {
  assertEquals(unaryOf("sign", "float32", [-0, 0, NaN, -3, 5]), [-0, 0, NaN, -1, 1]);
  assertEquals(
    unaryOf("round", "float32", [0.5, 1.5, 2.5, -0.5, -1.5, -0, 8388609, Infinity, NaN]),
    [0, 2, 2, -0, -2, -0, 8388609, Infinity, NaN],
  );
  assertEquals(unaryOf("round", "float64", [4503599627370495.5, 0.49999999999999994]), [4503599627370496, 0]);
  assertEquals(unaryOf("neg", "float32", [0, -0]), [-0, 0]);
  assertEquals(unaryOf("abs", "float32", [-0, -Infinity]), [0, Infinity]);
  assertEquals(unaryOf("trunc", "float32", [-0.5, 1.9]), [-0, 1]);
  assertEquals(unaryOf("log", "float32", [0, -1, 1]), [-Infinity, NaN, 0]);
  assertEquals(unaryOf("exp2", "float64", [-1074, 10, -Infinity]), [5e-324, 1024, 0]);
  assertEquals(unaryOf("exp", "float32", [88.8, -104, -87]), [Infinity, 0, Math.fround(Math.exp(-87))]);
  assertEquals(unaryOf("expm1", "float64", [1e-20, -0]), [1e-20, -0]);
  assertEquals(unaryOf("log1p", "float64", [1e-20, -1]), [1e-20, -Infinity]);
  assertEquals(binaryOf("max", "float32", [[-0, 0], [0, -0], [NaN, 1], [1, NaN]]), [0, 0, NaN, NaN]);
  assertEquals(binaryOf("min", "float32", [[-0, 0], [0, -0], [NaN, 1], [1, NaN]]), [-0, -0, NaN, NaN]);
  assertEquals(
    binaryOf("pow", "float64", [[1, NaN], [-1, Infinity], [-1, -Infinity], [NaN, 0], [0, 0], [0, -1], [-8, 1 / 3], [
      -2,
      3,
    ]]),
    [1, 1, 1, 1, 1, Infinity, NaN, -8],
  );
  assertEquals(binaryOf("rem", "float32", [[-5, 3], [5, -3], [5, 0], [-6, 3], [5, Infinity]]), [-2, 2, NaN, -0, 5]);
  assertEquals(binaryOf("div", "float32", [[1, 0], [-1, 0], [0, 0], [1, 3]]), [
    Infinity,
    -Infinity,
    NaN,
    Math.fround(1 / 3),
  ]);
  assertEquals(binaryOf("atan2", "float64", [[0, -1], [-0, -1], [1, 0]]), [Math.PI, -Math.PI, Math.PI / 2]);
  assertEquals(binaryOf("eq", "float32", [[NaN, NaN], [0, -0], [1, 1]]), [0, 1, 1]);
  assertEquals(binaryOf("ne", "float32", [[NaN, NaN], [0, -0]]), [1, 0]);
  assertEquals(binaryOf("lt", "float32", [[NaN, 1], [-0, 0], [1, 2]]), [0, 0, 1]);
  assertEquals(binaryOf("le", "float32", [[NaN, 1], [-0, 0], [2, 1]]), [0, 1, 0]);
});

Deno.test("map: integers wrap", () => {
  assertEquals(binaryOf("add", "int32", [[2147483647, 1], [lowestInt, -1]]), [lowestInt, 2147483647]);
  assertEquals(binaryOf("add", "uint32", [[4294967295, 2]]), [1]);
  assertEquals(binaryOf("sub", "uint32", [[0, 1]]), [4294967295]);
  assertEquals(binaryOf("mul", "int32", [[123456789, 987654321]]), [
    Number(BigInt.asIntN(32, 123456789n * 987654321n)),
  ]);
  assertEquals(binaryOf("mul", "uint32", [[4294967295, 4294967294]]), [2]);
  assertEquals(binaryOf("div", "int32", [[7, -2], [-7, 2], [7, 0], [lowestInt, -1]]), [-3, -3, 0, lowestInt]);
  assertEquals(binaryOf("rem", "int32", [[-7, 2], [7, -2], [7, 0], [lowestInt, -1]]), [-1, 1, 0, 0]);
  assertEquals(binaryOf("rem", "uint32", [[4294967295, 10], [5, 0]]), [5, 0]);
  assertEquals(unaryOf("neg", "int32", [lowestInt, 0, 5]), [lowestInt, 0, -5]);
  assertEquals(unaryOf("neg", "uint32", [1]), [4294967295]);
  assertEquals(unaryOf("abs", "int32", [lowestInt, -5]), [lowestInt, 5]);
  assertEquals(unaryOf("sign", "uint32", [0, 4294967295]), [0, 1]);
  assertEquals(unaryOf("not", "int32", [0, -1]), [-1, 0]);
  assertEquals(unaryOf("not", "uint32", [0]), [4294967295]);
  assertEquals(unaryOf("not", "bool", [0, 1]), [1, 0]);
  assertEquals(binaryOf("and", "uint32", [[4294967295, 2147483648]]), [2147483648]);
  assertEquals(binaryOf("xor", "bool", [[0, 0], [0, 1], [1, 1]]), [0, 1, 0]);
  assertEquals(binaryOf("shl", "int32", [[1, 31], [1, 32], [1, -1]]), [lowestInt, 0, 0]);
  assertEquals(binaryOf("shl", "uint32", [[3, 31], [3, 4294967295]]), [2147483648, 0]);
  assertEquals(binaryOf("shr", "int32", [[-5, 1], [-5, 32], [5, 32], [-5, -1], [lowestInt, 31]]), [-3, -1, 0, -1, -1]);
  assertEquals(binaryOf("shr", "uint32", [[4294967295, 1], [4294967295, 31], [4294967295, 32]]), [2147483647, 1, 0]);
  assertEquals(
    binaryOf("pow", "int32", [[3, 4], [-2, 31], [3, 40], [2, -1], [1, -7], [-1, -7], [-1, -8], [0, 0], [0, -1]]),
    [81, lowestInt, Number(BigInt.asIntN(32, 3n ** 40n)), 0, 1, -1, 1, 1, 0],
  );
  assertEquals(
    binaryOf("pow", "uint32", [[4294967295, 2], [3, 4294967295]]),
    [1, Number(BigInt.asUintN(32, 2863311531n))], // 3^(2^32 − 1) is the inverse of 3, as 3^(2^32) = 1 modulo 2^32
  );
  assertEquals(binaryOf("lt", "uint32", [[1, 4294967295]]), [1]);
});

Deno.test("map: casts", () => {
  assertEquals(castOf("float32", "int32", [1.9, -1.9, NaN, 3e9, -3e9, Infinity]), [
    1,
    -1,
    0,
    2147483647,
    lowestInt,
    2147483647,
  ]);
  assertEquals(castOf("float64", "uint32", [1.9, -1, NaN, 5e9, 4294967295.5]), [1, 0, 0, 4294967295, 4294967295]);
  assertEquals(castOf("int32", "uint32", [-1]), [4294967295]);
  assertEquals(castOf("uint32", "int32", [4294967295]), [-1]);
  assertEquals(castOf("int32", "float32", [16777217]), [16777216]);
  assertEquals(castOf("float64", "float32", [0.1, 1e39]), [Math.fround(0.1), Infinity]);
  assertEquals(castOf("float32", "bool", [NaN, -0, 1e-45, 2]), [1, 0, 1, 1]);
  assertEquals(castOf("int32", "bool", [256, 0]), [1, 0]);
  assertEquals(castOf("bool", "float32", [0, 1]), [0, 1]);
  // No −0 survives a visit to the integers.
  assertEquals(evaluate(cast(cast(input(0, "float32"), "int32"), "float32"), ["float32", [-0.5]]), [0]);
});

Deno.test("map: select, constants, positions, and shared nodes", () => {
  const x = input(0, "float32");
  assertEquals(evaluate(select(binary("lt", x, constant(0, "float32")), unary("neg", x), x), ["float32", [-2, 3]]), [
    2,
    3,
  ]);
  assertEquals(evaluate(constant(0.1, "float32")), [Math.fround(0.1)]);
  assertEquals(evaluate(constant(-1, "uint32")), [4294967295]);
  const at = binary("sub", axisIndex(1), axisIndex(0));
  assertEquals(run({ kind: "map", body: at }, [], [2, 3], "int32"), [0, 1, 2, -1, 0, 1]);
  const square = binary("mul", x, x);
  const eighth = binary("mul", binary("mul", square, square), binary("mul", square, square));
  assertEquals(evaluate(eighth, ["float32", [2, 3]]), [256, 6561]);
  assertEquals(run({ kind: "map", body: square }, [operand([3], [])], [], "float32"), [9]);
});

Deno.test("map: a fused float32 expression equals its parts one after another, bit for bit", () => {
  const x = input(0, "float32");
  const y = input(1, "float32");
  const fused = unary("exp", binary("div", binary("add", binary("mul", x, y), x), unary("sqrt", unary("abs", y))));
  const values = fc.array(fc.tuple(fc.float({ noNaN: true }), fc.float({ noNaN: true })), {
    minLength: 1,
    maxLength: 8,
  });
  check(values, (pairs) => {
    machine.reset();
    const [a, b] = [pairs.map(([v]) => v), pairs.map(([, v]) => v)];
    const product = binaryOf("mul", "float32", pairs);
    const sum = binaryOf("add", "float32", product.map((p, i) => [p, a[i]!]));
    const root = unaryOf("sqrt", "float32", unaryOf("abs", "float32", b));
    const quotient = binaryOf("div", "float32", sum.map((s, i) => [s, root[i]!]));
    assertEquals(evaluate(fused, ["float32", a], ["float32", b]), unaryOf("exp", "float32", quotient));
  }, { share: 4 });
});
