// Where values lie while a program runs, and how much code it takes.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { planArena } from "../cpu/arena.ts";
import { type CpuDevice, cpuWith } from "../cpu/device.ts";
import { kernels } from "../cpu/kernels.ts";
import type { CpuFacts } from "../cpu/programs.ts";
import { baseOf, offsetOf, symbol } from "../cpu/symbols.ts";
import { run } from "../ops/bind.ts";
import { cumsum, exp, matmul, mul, ones, sort } from "../ops/mod.ts";
import { trace } from "../ops/program.ts";
import type { ConcreteTensor, Tensor } from "../ops/tensor.ts";
import { check } from "./property.ts";

Deno.test("schedule: values in use at the same time do not overlap, and others share", () => {
  const span = fc.record({ sizeBytes: fc.nat(500), first: fc.nat(20), length: fc.nat(5) })
    .map(({ sizeBytes, first, length }) => ({ sizeBytes, first, last: first + length }));
  check(fc.array(span, { maxLength: 12 }), (spans) => {
    const { offsets, sizeBytes } = planArena(spans);
    spans.forEach((a, n) => {
      assert(offsets[n]! >= 0 && offsets[n]! + a.sizeBytes <= sizeBytes);
      for (let m = 0; m < n; m++) {
        const b = spans[m]!;
        const together = a.first <= b.last && b.first <= a.last;
        const apart = offsets[n]! + a.sizeBytes <= offsets[m]! || offsets[m]! + b.sizeBytes <= offsets[n]!;
        assert(!together || apart || a.sizeBytes === 0 || b.sizeBytes === 0, `spans ${m} and ${n} overlap`);
      }
    });
  }, { share: 10 });
  const chain = Array.from({ length: 50 }, (_, n) => ({ sizeBytes: 1024, first: n, last: n + 1 }));
  assertEquals(planArena(chain).sizeBytes, 2048);
});

Deno.test("schedule: symbols keep bases and offsets apart", () => {
  const cases = fc.record({
    base: fc.integer({ min: 1, max: 2 ** 18 - 1 }),
    offset: fc.integer({ min: -(2 ** 32), max: 2 ** 32 }),
  });
  check(cases, ({ base, offset }) => {
    assertEquals([baseOf(symbol(base) + offset), offsetOf(symbol(base) + offset)], [base, offset]);
    assertEquals(baseOf(offset), 0);
  }, { share: 10 });
});

function factsOf(device: CpuDevice, shape: readonly number[], f: (x: Tensor) => Tensor): CpuFacts {
  const x = device.upload(new Float32Array(shape.reduce((a, b) => a * b, 1)), { dtype: "float32", shape });
  const program = trace("test", ([x]) => [f(x!)], [x.type]);
  run(program, [x as ConcreteTensor]);
  return device.factsOf(program)!;
}

Deno.test("schedule: a chain takes two places, and elementwise work none of its own", () => {
  const device = cpuWith(kernels, { threads: 1 });
  const once = (x: Tensor): Tensor => exp(cumsum(x, { axis: 0 }));
  const facts = factsOf(device, [64, 64], (x) => once(once(once(once(once(x))))));
  assertEquals(facts.arenaBytes, 2 * 64 * 64 * 4);
  assertEquals(facts.barriers, 0);
});

Deno.test("schedule: calls that go on in equal steps are a loop, so code stays small", () => {
  const device = cpuWith(kernels, { threads: 1 });
  const [small, large] = [256, 1024].map((n) => factsOf(device, [n, n], (x) => matmul(mul(x, 2), x)).codeBytes);
  assert(large! < 4 * small!, `${large} bytes after ${small}`);
});

Deno.test("schedule: programs of little work stay on one thread", () => {
  const device = cpuWith(kernels, { threads: 2 });
  assertEquals(factsOf(device, [8, 8], (x) => matmul(exp(x), x)).threads, 1);
  assertEquals(factsOf(device, [256, 256], (x) => sort(matmul(exp(x), x), { axis: 0 })).threads, 2);
  assertEquals(factsOf(device, [4, 4], () => exp(ones([2]))).threads, 1);
});
