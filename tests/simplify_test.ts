// The passes before fusion: what they leave of a program, and that it computes the same to the last bit.
import { assert, assertEquals } from "@std/assert";
import { cpuWith } from "../cpu/device.ts";
import { reference } from "../cpu/reference.ts";
import { grad } from "../grad/vjp.ts";
import { simplify } from "../jit/simplify.ts";
import { StructuralKeys } from "../jit/structural_key.ts";
import * as ops from "../ops/mod.ts";
import { key, uniform } from "../ops/random/mod.ts";
import { evaluate, type Program, trace, typecheck } from "../ops/program.ts";
import { Owner } from "../ops/scope.ts";
import { currentDevice, installDevice } from "../ops/devices.ts";
import type { ConcreteTensor, Tensor } from "../ops/tensor.ts";
import { read } from "./close.ts";
import { shapedLike } from "./derivatives.ts";
import { directions, upload } from "./draw.ts";
import * as fc from "fast-check";
import { functionOf, randomPrograms } from "./programs.ts";
import { check } from "./property.ts";

const { add, sub, mul, div, neg, exp, sum, tensor, full, cast } = ops;

const x = tensor([[1, 2, 3], [4, 5, 6]]);

/** The program of a function of one tensor, before and after. Both compute the same. */
function both(f: (x: Tensor) => Tensor | readonly Tensor[], of: Tensor = x): { before: Program; after: Program } {
  const before = trace("test", ([x]) => [f(x!)].flat(), [of.type]);
  const after = simplify(before);
  typecheck(after);
  assertEquals(evaluate(after, [of]).map(read), evaluate(before, [of]).map(read));
  return { before, after };
}

/** The names of the operations that are left. */
function left(f: (x: Tensor) => Tensor | readonly Tensor[], of?: Tensor): string[] {
  return both(f, of).after.equations.map(({ primitive }) => primitive.name);
}

/** Runs with the reference kernels, which round after every operation, in one kernel or in many. */
function withReference(body: () => void): void {
  const device = currentDevice();
  installDevice(cpuWith(reference));
  try {
    body();
  } finally {
    installDevice(device);
  }
}

Deno.test("simplify: random programs and their gradients compute the same to the last bit, whatever is captured", () => {
  const cases = fc.record({ program: randomPrograms(), weights: directions(), captured: fc.nat(3) });
  withReference(() =>
    check(cases, ({ program, weights, captured }) => {
      const f = functionOf(program);
      const loss = (xs: Tensor[]): Tensor => {
        const ys = f(xs);
        return ys.map((y, i) => sum(mul(y, shapedLike(ys, weights)[i]!))).reduce((a, b) => add(a, b));
      };
      const points = program.inputs.map((x) => upload(x));
      const isInput = points.map((_, i) => (captured >> i & 1) === 0);
      const inputs = points.filter((_, i) => isInput[i]);
      const before = trace("test", (given) => {
        const rest = [...given];
        const xs = points.map((x, i) => isInput[i] ? rest.shift()! : x);
        return [...f(xs), ...grad(loss)(xs)];
      }, inputs.map((x) => x.type));
      const after = simplify(before);
      typecheck(after);
      assert(after.equations.length <= before.equations.length);
      assertEquals(evaluate(after, inputs).map(read), evaluate(before, inputs).map(read));
      assertEquals(simplify(after).equations.length, after.equations.length);
    })
  );
});

Deno.test("simplify: what no output needs is not computed", () => {
  assertEquals(left((x) => (exp(x), neg(x))), ["neg"]);
  assertEquals(left((x) => x), []);
});

Deno.test("simplify: what is computed twice is computed once", () => {
  assertEquals(left((x) => add(exp(x), exp(x))), ["exp", "add"]);
  assertEquals(left((x) => [mul(x, exp(x)), mul(exp(x), x)]), ["exp", "mul"]);
  assertEquals(left((x) => [sub(x, exp(x)), sub(exp(x), x)]), ["exp", "sub", "sub"]);
  assertEquals(left((x) => [sum(x, { axis: 0 }), sum(x, { axis: [0] }), sum(x, { axis: 1 })]), ["sum", "sum"]);
  assertEquals(left((x) => [cast(x, "int32"), cast(x, "bool"), cast(x, "int32")]), ["cast", "cast"]);
  assertEquals(left((x) => [add(x, full([2, 3], NaN)), add(x, full([2, 3], NaN))]), ["full", "add"]);
  assertEquals(left((x) => [mul(x, full([2, 3], 0)), mul(x, full([2, 3], -0))]), ["full", "mul", "full", "mul"]);
  const table = tensor([1, 2, 3]);
  assertEquals(left((x) => [add(x, table), add(x, table)]), ["broadcast", "add"]);
});

Deno.test("simplify: views of the same elements are one, and a view of everything is none", () => {
  assertEquals(left((x) => ops.reshape(x, [2, 3])), []);
  assertEquals(left((x) => ops.stopGradient(x)), []);
  assertEquals(left((x) => ops.transpose(ops.transpose(x))), []);
  assertEquals(left((x) => neg(ops.flip(ops.flip(x, { axis: 0 }), { axis: 0 }))), ["neg"]);
  assertEquals(left((x) => [ops.flatten(x), ops.reshape(ops.reshape(x, [3, 2]), [6])]), ["reshape"]);
  assertEquals(left((x) => [ops.transpose(x), ops.reshape(x, [3, 2])]), ["transpose", "reshape"]);
  const part = (x: Tensor, start: number) => ops.slice(x, { start: [0, start], stop: [2, start + 2] });
  assertEquals(left((x) => [part(x, 0), part(x, 1), part(x, 0)]), ["slice", "slice"]);
  assertEquals(left((x) => [ops.flip(x, { axis: 0 }), ops.flip(x, { axis: 1 })]), ["flip", "flip"]);
  // Its elements are others, in the same places.
  assertEquals(left((x) => ops.reshape(ops.transpose(x), [2, 3])), ["transpose", "reshape"]);
});

Deno.test("simplify: elementwise work that changes nothing goes, with the numbers it needed", () => {
  assertEquals(left((x) => mul(add(div(x, 1), -0), 1)), []);
  assertEquals(left((x) => add(x, 0)), ["full", "broadcast", "add"].filter((name) => name !== "broadcast"));
  assertEquals(left((x) => ops.where(ops.less(full([2, 3], 1), 2), x, exp(x))), []);
  assertEquals(left((x) => ops.maximum(x, x)), []);
  assertEquals(left((x) => mul(x, div(mul(full([], 3), 2), 6))), []);
  assertEquals(left((x) => mul(x, ops.broadcastTo(add(full([3], 1), 1), [2, 3]))), ["full", "mul"]);
  const n = tensor([[1, -2, 3]], { dtype: "int32" });
  assertEquals(left((n) => sub(n, n), n), ["full"]);
  assertEquals(left((n) => [add(n, 0), mul(n, 0)], n), ["full"]);
});

Deno.test("simplify: what depends on captured values alone is computed once, if it is small", () => {
  const table = tensor([[3, 1, 2], [6, 5, 4]]);
  const large = ops.reshape(ops.arange(20000, { dtype: "float32" }), [20000]);
  assertEquals(left((x) => mul(x, ops.matmul(table, ops.transpose(table)).shape.length)), ["full", "mul"]);
  assertEquals(left((x) => ops.matmul(ops.matmul(ops.transpose(table), table), ops.transpose(x))), [
    "transpose",
    "matmul",
  ]);
  assertEquals(left((x) => add(x, ops.sort(exp(add(table, cast(ops.arange(3), "float32")))))), ["add"]);
  // Small results of something large, but not the large thing itself.
  assertEquals(left((x) => add(x, sum(exp(large)))), ["broadcast", "add"]);
  assertEquals(left((x) => add(sum(x), exp(large))), ["sum", "exp", "broadcast", "add"]);
  // A view of a captured value costs nothing, however large it is.
  assertEquals(left((x) => add(ops.broadcastTo(sum(x), [20000]), ops.flip(large))), ["sum", "broadcast", "add"]);
  // Numbers and positions are cheaper in a kernel than in memory, and so is one number many times.
  assertEquals(left((x) => add(x, exp(cast(ops.arange(3), "float32")))).length, 5);
  assertEquals(left((x) => add(x, exp(ops.broadcastTo(tensor(2), [2, 3])))), ["broadcast", "exp", "add"]);
  const constantKey = key(7);
  assertEquals(left((x) => add(x, uniform(constantKey, [2, 3]))), ["add"]);
  assert(left((x) => add(sum(x), uniform(constantKey, [128, 200]))).length > 10);
});

Deno.test("simplify: folded results belong to the heir, and nothing else stays in memory", () => {
  const table = tensor([1, 2, 3]);
  const before = trace("test", ([x]) => [add(x!, exp(neg(exp(table))))], [x.type]);
  const blocks = () => table.device.info["blocks"] as number;
  const count = blocks();
  const heir = new Owner();
  const after = simplify(before, heir);
  assertEquals(after.constants.length, 1);
  assertEquals(blocks(), count + 1);
  const value = after.constants[0]!.value as ConcreteTensor;
  assert(value !== table && !value.isDisposed);
  heir.free();
  assert(value.isDisposed && !(table as ConcreteTensor).isDisposed);
  assertEquals(blocks(), count);
  const free = simplify(before).constants[0]!.value as ConcreteTensor;
  assert(!free.isDisposed && free.owner === null);
});

Deno.test("structural keys: equal exactly where settings are", () => {
  const [f, g] = [() => 0, () => 0];
  const y = tensor([1]);
  const different: readonly unknown[] = [
    0,
    -0,
    NaN,
    1,
    "1",
    "NaN",
    true,
    "true",
    null,
    undefined,
    "undefined",
    1n,
    [],
    [1],
    [[1]],
    [1, 1],
    ["1,1"],
    {},
    { a: 1 },
    { b: 1 },
    { a: { b: 1 } },
    { a: 1, b: 1 },
    { a: undefined },
    "#0",
    f,
    g,
    x,
    y,
    [x],
    { a: x },
  ]; // deno-fmt-ignore
  const keys = new StructuralKeys();
  const written = different.map((value) => keys.write(value));
  assertEquals(new Set(written).size, different.length);
  assertEquals(different.map((value) => keys.write(value)), written);
  assertEquals(keys.write({ a: [1, { b: f }], c: "d" }), keys.write({ a: [1, { b: f }], c: "d" }));
});
