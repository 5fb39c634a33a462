// Gather, scatter, running results, positions of extremes and sorting: any layout, ties and special values, against the reference.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { argReduce } from "../cpu/arg_reduce.ts";
import { argsort } from "../cpu/argsort.ts";
import { cumulative } from "../cpu/cumulative.ts";
import { gather } from "../cpu/gather.ts";
import type { Implementation, Operand, SingleKind } from "../cpu/machine.ts";
import { reference } from "../cpu/reference.ts";
import { scatter } from "../cpu/scatter.ts";
import { type DType, dtypes } from "../ops/dtype.ts";
import type { KernelOf } from "../ops/kernel.ts";
import type { Shape } from "../ops/shape.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { framed, type Layout, layouts, placeOperand, shapes, signed } from "./views.ts";

const machine = testMachine();
const fast = { gather, scatter, cumulative, argReduce, argsort };

/** Few different values, so that there are ties; the float ones sort in their own way. */
const values: { readonly [D in DType]: readonly number[] } = {
  float32: [1.5, -0, NaN, 0, -3, Infinity, 1.5, 1e-45, -Infinity, NaN, -1e-45, 2, -3],
  float64: [1.5, -0, NaN, 0, -3, Infinity, 1.5, 5e-324, -Infinity, 1 + 2 ** -52, NaN, -1e300, 1, 2, -3],
  float16: [1.5, -0, NaN, 0, -3, Infinity, 1.5, 2 ** -24, -Infinity, 65504, NaN, -(2 ** -24), 65504, 2, -3],
  int32: [1, -1, 0, 2 ** 31 - 1, -(2 ** 31), 5, 1, -7, 2 ** 31 - 1],
  uint32: [1, 0, 2 ** 32 - 1, 7, 2 ** 31, 1, 7],
  bool: [1, 0, 0, 1, 1, 0, 1],
};

function agrees(
  kernel: KernelOf<keyof typeof fast>,
  inputs: readonly Operand[],
  shape: Shape,
  dtype: DType,
): void {
  const [actual, expected] = [fast, reference].map((table) => {
    const output = framed(machine, shape, dtype);
    // The table pairs every kind with its own implementation, which an index by a union cannot say.
    (table[kernel.kind] as Implementation<SingleKind>)(kernel, inputs, output, machine);
    return signed([...machine.array(output)]);
  });
  assertEquals(actual, expected);
}

/** A shape of rank 1 or more, and a layout for it. */
function laidOut(): fc.Arbitrary<{ shape: number[]; layout: Layout }> {
  return shapes().filter((shape) => shape.length > 0).chain((shape) =>
    layouts(shape).map((layout) => ({ shape, layout }))
  );
}

for (const dtype of dtypes) {
  Deno.test(`argReduce, argsort and cumulative of ${dtype} in random layouts`, () => {
    const combiner = fc.constantFrom("sum" as const, "max" as const, "min" as const);
    check(
      fc.record({ x: laidOut(), axis: fc.nat(9), flag: fc.boolean(), combiner }),
      ({ x: { shape, layout }, axis: any, flag, combiner }) => {
        machine.reset();
        const x = placeOperand(machine, dtype, values[dtype], shape, layout);
        const axis = any % shape.length;
        agrees({ kind: "argsort", descending: flag }, [x], shape, "int32");
        const reduced = shape.toSpliced(axis, 1);
        agrees({ kind: "argReduce", extreme: flag ? "max" : "min", axis }, [x], reduced, "int32");
        agrees({ kind: "cumulative", combiner, axis, reverse: flag }, [x], shape, dtype);
      },
      { share: 8 },
    );
  });

  Deno.test(`gather and scatter of ${dtype} in random layouts`, () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(0), fc.integer({ min: 15, max: 40 }));
    const cases = fc.tuple(size, size, size, size, fc.nat(6)).chain(([b, p, i, q, n]) =>
      fc.record({
        shape: fc.constant([b, p, i, q]),
        n: fc.constant(n),
        ofIndices: layouts([b, i]),
        ofUpdates: layouts([b, p, i, q]),
        ofSource: layouts([b, p, n, q]),
        combiner: fc.constantFrom("sum" as const, "max" as const, "min" as const),
      })
    );
    check(cases, ({ shape, n, ofIndices, ofUpdates, ofSource, combiner }) => {
      machine.reset();
      const [b, p, i, q] = shape as [number, number, number, number];
      const positions = [0, 3, -1, 2, 1, 6, 0, 4, 5, 2, 0];
      const indices = placeOperand(machine, "int32", positions, [b, i], ofIndices);
      const updates = placeOperand(machine, dtype, values[dtype], shape, ofUpdates);
      agrees({ kind: "scatter", combiner }, [indices, updates], [b, p, n, q], dtype);
      const source = placeOperand(machine, dtype, values[dtype], [b, p, n, q], ofSource);
      agrees({ kind: "gather" }, [source, indices], shape, dtype);
    }, { share: 4 });
  });
}

Deno.test("argsort: long lines whose elements differ in any of their bits", () => {
  const element = fc.oneof(fc.double(), fc.integer(), fc.integer({ min: 0, max: 3 }).map((n) => 1 + n * 2 ** -52));
  check(fc.array(element, { minLength: 97, maxLength: 300 }), (line) => {
    machine.reset();
    const axes = [{ gap: 1, reversed: false, repeated: false }];
    for (const descending of [false, true]) {
      const x = placeOperand(machine, "float64", line, [line.length], { order: [0], axes, offset: 0, seed: 0 });
      agrees({ kind: "argsort", descending }, [x], [line.length], "int32");
    }
  });
});

Deno.test("argsort: every NaN is last and in place, whatever its sign and payload", () => {
  machine.reset();
  const bits = [
    0xfff8000000000000n,
    0x7ff8000000000001n,
    0x7ff0000000000000n,
    0xbff0000000000000n,
    0xfff8000000000007n,
  ];
  const line = new Float64Array(BigUint64Array.from({ length: 200 }, (_, i) => bits[i % bits.length]!).buffer);
  for (const descending of [false, true]) {
    agrees({ kind: "argsort", descending }, [machine.put(line, "float64")], [200], "int32");
  }
});
