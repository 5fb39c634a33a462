/** Loops around rows with any stages and outputs, drawn for the tests of every device. */

import * as fc from "fast-check";
import type { DType } from "../ops/dtype.ts";
import type { Combiner, KernelOf, LoopOutput, Stage } from "../ops/kernel.ts";
import { axisIndex, binary, cast, constant, input, type Scalar, select, unary } from "../ops/scalar.ts";
import type { Shape } from "../ops/shape.ts";

/** Whole floats, so that sums are exact in any order; integers whose sums wrap. */
export const given: readonly { readonly dtype: DType; readonly values: readonly number[] }[] = [
  { dtype: "float32", values: [0, 1, -2, 3, 5, -8, 13, 0, 4, -4, 7] },
  { dtype: "float32", values: [2, -1, 0, 6, -3, 1, 9] },
  { dtype: "int32", values: [1, -5, 2147483647, 0, -2147483648, 77, 2000000000] },
  { dtype: "uint32", values: [1, 4294967295, 3000000000, 0, 2] },
  { dtype: "bool", values: [0, 1, 0, 0, 1, 1, 0] },
];

export interface Choice {
  readonly body: number;
  readonly combiner: number;
  readonly a: number;
  readonly b: number;
}

export const choices = (most: number, least = 0): fc.Arbitrary<Choice[]> => {
  const n = fc.nat(99);
  return fc.array(fc.record({ body: n, combiner: n, a: n, b: n }), { minLength: least, maxLength: most });
};

function pick<T>(from: readonly T[], n: number): T {
  return from[n % from.length]!;
}

/** Stages and outputs whose bodies read inputs, positions and earlier stages; what is summed is whole and small. */
export function kernelOf(
  shape: Shape,
  axes: readonly number[],
  ofStages: Choice[],
  ofOutputs: Choice[],
  inOnePass = false,
): KernelOf<"loop"> {
  const count = axes.length === 0 ? 0 : ofStages.length;
  const [x, y, i, u, flag] = given.map(({ dtype }, n) => input(count + n, dtype)) as [
    Scalar,
    Scalar,
    Scalar,
    Scalar,
    Scalar,
  ];
  /** Dear enough to be kept in scratch memory, and the same by both implementations. */
  const dear = (z: Scalar): Scalar => {
    const scaled = binary("mul", z, constant(0.125, "float32"));
    return unary("round", binary("mul", binary("rem", scaled, constant(0.75, "float32")), constant(64, "float32")));
  };
  const elements = (results: readonly Scalar[]): Scalar[] => [
    x,
    i,
    u,
    flag,
    binary("mul", x, y),
    select(flag, x, binary("sub", y, constant(1, "float32"))),
    binary("lt", x, y),
    dear(x),
    constant(2, "float32"),
    ...shape.map((_, axis) => binary("mul", i, axisIndex(axis))),
    ...results.flatMap((r) =>
      r.dtype === "float32"
        ? [binary("sub", x, r), select(binary("lt", y, r), r, x), binary("lt", r, x), dear(binary("sub", x, r))]
        : r.dtype === "int32"
        ? [binary("add", r, i)]
        : r.dtype === "bool"
        ? [binary("and", r, flag)]
        : []
    ),
  ]; // deno-fmt-ignore
  const results: Scalar[] = [];
  const extremes: Scalar[] = [];
  const stages = ofStages.slice(0, count).map(({ combiner: n, a }): Stage => {
    const combiner = pick<Combiner>(["sum", "max", "min"], n);
    const body = pick(elements(inOnePass ? [] : combiner === "sum" ? extremes : results), a);
    const result = input(results.length, body.dtype);
    results.push(result);
    if (combiner !== "sum") extremes.push(result);
    return { combiner, body };
  });
  const outputs = ofOutputs.map(({ body, a, b }): LoopOutput => {
    if (body % 3 === 0 && count > 0) {
      const [p, q] = [pick(results, a), pick(results, b)];
      return { perRow: true, body: p.dtype === q.dtype ? binary("sub", p, q) : cast(p, "float32") };
    }
    const known = inOnePass ? [] : results;
    const [p, q] = [pick(elements(known), a), pick(elements(known), b)];
    return {
      perRow: false,
      body: body % 3 === 1
        ? binary("mul", dear(x), cast(binary("mul", cast(p, "float32"), cast(q, "float32")), "float32"))
        : p,
    };
  });
  return { kind: "loop", shape, axes, stages, outputs };
}

const [total, most, element] = [input(0, "float32"), input(1, "int32"), input(2, "float32")];
/** Rows have neutral results where they have no elements. */
const neutral: Pick<KernelOf<"loop">, "stages" | "outputs"> = {
  stages: [{ combiner: "sum", body: element }, { combiner: "max", body: cast(element, "int32") }],
  outputs: [
    { body: binary("sub", constant(1, "float32"), total), perRow: true },
    { body: most, perRow: true },
    { body: binary("add", element, total), perRow: false },
  ],
};

/** Loops over domains without elements: with rows, and without. */
export const emptyLoops: readonly KernelOf<"loop">[] = ([
  [[0], [0]],
  [[3, 0], [1]],
  [[0, 3], [0]],
  [[0, 3], [1]],
  [[2, 0, 3], [0, 1]],
] as const).map(([shape, axes]) => ({ kind: "loop", shape, axes, ...neutral }));
