// Kernels cut for threads: the parts, one after another, compute what the whole does, and none writes what another does.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { kernels } from "../cpu/kernels.ts";
import type { Operand } from "../cpu/machine.ts";
import { runTask } from "../cpu/record.ts";
import { split } from "../cpu/split.ts";
import type { DType } from "../ops/dtype.ts";
import type { Combiner, ComputeKind, Kernel, KernelOf, WindowRole } from "../ops/kernel.ts";
import { axisIndex, binary, cast, input, type Scalar } from "../ops/scalar.ts";
import { dropAxes, type Shape } from "../ops/shape.ts";
import { indicesOf } from "./indices.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { layouts, placeOperand, signed } from "./views.ts";

const machine = testMachine();

interface Case {
  readonly kernel: Kernel;
  /** Along the axes where they stand still, inputs have one element. */
  readonly inputs: readonly { readonly dtype: DType; readonly shape: Shape; readonly still?: readonly number[] }[];
  readonly outputs: readonly { readonly dtype: DType; readonly shape: Shape }[];
}

/** Small integers, so that sums are exact in whatever order. */
const values = [3, -7, 0, 5, 1, -2, 8, -5, 4, -1, 6, -8, 2];

/** Whether it was cut. */
function expectSame(
  { kernel, inputs, outputs }: Case,
  threads: number,
  views: fc.Arbitrary<unknown>[],
  seed: number,
): boolean {
  machine.reset();
  const chosen = views.map((view, n) => fc.sample(view, { seed: seed + n, numRuns: 1 })[0]);
  const from = inputs.map(({ dtype, shape, still = [] }, n) => {
    const x = placeOperand(machine, dtype, dtype === "bool" ? [0, 1, 1] : values, shape, chosen[n] as never);
    return { ...x, strides: x.strides.map((stride, axis) => still.includes(axis) ? 0 : stride) };
  });
  const [whole, parts] = [0, 1].map(() => outputs.map(({ dtype, shape }) => machine.output(shape, dtype)));
  const task = { kernel: kernel as KernelOf<ComputeKind>, inputs: from };
  runTask(kernels, { ...task, outputs: whole! }, machine);
  const allocate = (bytes: number): number => machine.allocate(bytes);
  const rounds = split({ ...task, outputs: parts! }, { threads, allocate });
  for (const round of rounds ?? []) {
    assert(round.length <= threads);
    expectApart(round.map((tasks) => tasks.flatMap((part) => part.outputs)));
    // The last thread first: order is what barriers are for.
    for (const tasks of round.toReversed()) for (const part of tasks) runTask(kernels, part, machine);
  }
  if (rounds === null) return false;
  parts!.forEach((part, n) => {
    const [actual, expected] = [part, whole![n]!].map((x) => signed(machine.read(x)));
    const at = actual!.findIndex((value, i) => !Object.is(value, expected![i]));
    assertEquals(actual![at], expected![at], `element ${at} of output ${n}`);
  });
  return true;
}

/** Fails if two threads write the same element. */
function expectApart(written: readonly (readonly Operand[])[]): void {
  const writers = new Map<string, number>();
  written.forEach((operands, thread) => {
    for (const { address, offset, shape, strides } of operands) {
      for (const index of indicesOf(shape)) {
        const at = `${address} ${index.reduce((sum, i, axis) => sum + i * strides[axis]!, offset)}`;
        assert((writers.get(at) ?? thread) === thread, `threads ${writers.get(at)} and ${thread} write ${at}`);
        writers.set(at, thread);
      }
    }
  });
}

const x = input(0, "float32");
const y = input(1, "float32");

const shapes = fc.array(fc.constantFrom(1, 2, 3, 5, 8, 70, 140), { minLength: 1, maxLength: 3 });

function bodiesOf(shape: Shape): fc.Arbitrary<Scalar> {
  return fc.constantFrom(
    x,
    binary("mul", x, y),
    binary("lt", x, y),
    ...shape.map((_, axis) => binary("add", binary("sub", x, y), cast(axisIndex(axis), "float32"))),
  );
}

function floats(...of: readonly Shape[]): Case["inputs"] {
  return of.map((shape) => ({ dtype: "float32", shape }));
}

const maps = shapes.chain((shape) =>
  bodiesOf(shape).map((body): Case => ({
    kernel: { kind: "map", body },
    inputs: floats(shape, shape),
    outputs: [{ dtype: body.dtype, shape }],
  }))
);

const reductions = shapes.chain((shape) =>
  fc.record({
    axes: fc.subarray(shape.map((_, axis) => axis), { minLength: 1 }),
    combiner: fc.constantFrom<Combiner>("sum", "max", "min"),
    body: bodiesOf(shape),
  }).map(({ axes, combiner, body }): Case => ({
    kernel: { kind: "reduce", combiner, axes, body },
    inputs: floats(shape, shape),
    outputs: [{ dtype: body.dtype, shape: dropAxes(shape, axes) }],
  }))
);

const loops = shapes.chain((shape) =>
  fc.record({ axes: fc.subarray(shape.map((_, axis) => axis)), body: bodiesOf(shape) }).map(({ axes, body }): Case => {
    const rows = axes.length > 0;
    // A result of rows comes before the inputs.
    const shift = (node: Scalar): Scalar =>
      node.op === "input" ? input(node.index + 1, node.dtype) : { ...node, args: node.args.map(shift) } as Scalar;
    const element = binary("sub", shift(x), input(0, "float32"));
    return {
      kernel: {
        kind: "loop",
        shape,
        axes,
        stages: rows ? [{ combiner: "max", body: shift(y) }] : [],
        outputs: rows
          ? [{ body: element, perRow: false }, { body: input(0, "float32"), perRow: true }]
          : [{ body, perRow: false }, { body: binary("add", x, y), perRow: false }],
      },
      inputs: floats(shape, shape),
      outputs: rows
        ? [...floats(shape), { dtype: "float32", shape: dropAxes(shape, axes) }]
        : [{ dtype: body.dtype, shape }, ...floats(shape)],
    };
  })
);

/** Rows needed once: sums and extremes of elements, some of which are results, too, and what is made of them for each row. */
const streams = shapes.chain((shape) =>
  fc.record({ axes: fc.subarray(shape.map((_, axis) => axis), { minLength: 1 }), body: bodiesOf(shape) }).map(
    ({ axes, body }): Case => {
      const [total, most, x, y, ofRow] = [0, 1, 2, 3, 4].map((n) => input(n, "float32")) as [Scalar, ...Scalar[]];
      const shift = (node: Scalar): Scalar =>
        node.op === "input" ? input(node.index + 2, node.dtype) : { ...node, args: node.args.map(shift) } as Scalar;
      const kept = shape.flatMap((_, axis) => axes.includes(axis) ? [] : [cast(axisIndex(axis), "float32")]);
      const made = kept.reduce((sum, position) => binary("add", sum, position), binary("mul", total, ofRow!));
      return {
        kernel: {
          kind: "loop",
          shape,
          axes,
          stages: [
            { combiner: "sum", body: binary("mul", x!, binary("add", y!, ofRow!)) },
            { combiner: "max", body: cast(shift(body), "float32") },
          ],
          outputs: [
            { body: binary("sub", made, most!), perRow: true },
            { body: binary("sub", x!, ofRow!), perRow: false },
            { body: most!, perRow: true },
          ],
        },
        inputs: [...floats(shape, shape), { dtype: "float32", shape, still: axes }],
        outputs: floats(dropAxes(shape, axes), shape, dropAxes(shape, axes)),
      };
    },
  )
);

/** The same with elementwise work behind it, now and then. */
function finished({ kernel, inputs, outputs }: Case): fc.Arbitrary<Case> {
  const { shape } = outputs[0]!;
  const position = cast(axisIndex(0), "float32");
  const epilogues = [binary("sub", y, x), binary("add", binary("mul", x, position), y)].map((epilogue): Case => {
    return { kernel: { ...kernel, epilogue } as Kernel, inputs: [...inputs, ...floats(shape)], outputs };
  });
  return fc.constantFrom({ kernel, inputs, outputs }, ...epilogues);
}

const size = fc.constantFrom(1, 2, 7, 16, 40, 65);
const products = fc.tuple(fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 2 }), size, size, size)
  .map(([batch, m, k, n]): Case => ({
    kernel: { kind: "matmul" },
    inputs: floats([...batch, m, k], [...batch, k, n]),
    outputs: floats([...batch, m, n]),
  })).chain(finished);

/** One spatial axis, which is all that is cut; images are few or many. */
const sliding = {
  batch: fc.integer({ min: 1, max: 7 }),
  input: fc.integer({ min: 6, max: 14 }),
  stride: fc.integer({ min: 1, max: 2 }),
  padding: fc.tuple(fc.nat(2), fc.nat(3)),
};

function positions(input: number, [low, high]: readonly [number, number], reach: number, stride: number): number {
  return Math.floor((input + low + high - reach) / stride) + 1;
}

const convolutions = fc.record({
  ...sliding,
  role: fc.constantFrom("output" as const, "input" as const, "kernel" as const),
  dilation: fc.integer({ min: 1, max: 2 }),
}).map(({ batch, input, stride, padding, dilation, role }): Case => {
  const geometry = { strides: [stride], dilation: [dilation], padding: [padding], groups: 1 };
  const cells = positions(input, padding, 2 * dilation + 1, stride);
  const [x, w, g] = [[batch, input, 3], [3, 3, 5], [batch, cells, 5]];
  const [first, second, output] = role === "output" ? [x, w, g] : role === "input" ? [g, w, x] : [x, g, w];
  return { kernel: { kind: "conv", role, geometry }, inputs: floats(first!, second!), outputs: floats(output!) };
}).chain(finished);

const windows = fc.record({
  ...sliding,
  role: fc.constantFrom<WindowRole>("sum", "max", "argMax", "take", "spread", "put"),
}).map(({ batch, input, stride, padding, role }): Case => {
  const geometry = { window: [3], strides: [stride], padding: [padding] };
  const [x, y]: Shape[] = [[batch, input, 6], [batch, positions(input, padding, 3, stride), 6]];
  const transposed = role === "spread" || role === "put";
  return {
    kernel: { kind: "window", role, geometry },
    inputs: [
      ...floats(transposed ? y! : x!),
      ...(role === "take" || role === "put" ? [{ dtype: "int32" as const, shape: y! }] : []),
    ],
    outputs: [{ dtype: role === "argMax" ? "int32" : "float32", shape: transposed ? x! : y! }],
  };
});

const placements = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 2 }),
  start: fc.nat(4),
  step: fc.integer({ min: 1, max: 3 }),
  rest: fc.nat(5),
}).map(({ sizes: [a, b], start, step, rest }): Case => {
  const second = start + (a! - 1) * step + 1;
  return {
    kernel: {
      kind: "place",
      fill: 9,
      at: [{ start: [start, 1], step: [step, 1] }, { start: [second, 0], step: [1, 2] }],
    },
    inputs: floats([a!, 3], [b!, 2]),
    outputs: floats([second + b! + rest, 4]),
  };
});

const extents = fc.tuple(...[1, 2, 3, 4].map(() => fc.constantFrom(1, 2, 3, 8, 16)));

const gathered = extents.map(([b, p, i, q]): Case => ({
  kernel: { kind: "gather" },
  inputs: [...floats([b!, p!, 7, q!]), { dtype: "int32", shape: [b!, i!] }],
  outputs: floats([b!, p!, i!, q!]),
}));

const scattered = fc.tuple(extents, fc.constantFrom<Combiner>("sum", "max", "min"))
  .map(([[b, p, i, q], combiner]): Case => ({
    kernel: { kind: "scatter", combiner },
    inputs: [{ dtype: "int32", shape: [b!, i!] }, ...floats([b!, p!, i!, q!])],
    outputs: floats([b!, p!, 7, q!]),
  }));

const alongAxis = shapes.chain((shape) =>
  fc.record({ axis: fc.nat(shape.length - 1), positions: fc.boolean() }).map(({ axis, positions }): Case => ({
    kernel: positions
      ? { kind: "argReduce", extreme: "max", axis }
      : { kind: "cumulative", combiner: "sum", axis, reverse: axis === 1 },
    inputs: floats(shape),
    outputs: positions ? [{ dtype: "int32", shape: shape.toSpliced(axis, 1) }] : floats(shape),
  }))
);

const kinds: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  gather: gathered,
  scatter: scattered,
  "cumulative and argReduce": alongAxis,
  map: maps,
  reduce: reductions,
  loop: loops,
  "loop in one pass": streams,
  matmul: products,
  conv: convolutions,
  window: windows,
  place: placements,
};

for (const [kind, cases] of Object.entries(kinds)) {
  Deno.test(`split: ${kind} in parts is the whole`, () => {
    let cut = 0;
    const drawn = fc.record({ kernel: cases, threads: fc.constantFrom(2, 3, 4), seed: fc.nat(1e6) });
    check(drawn, ({ kernel, threads, seed }) => {
      const views = kernel.inputs.map(({ shape }) => layouts(shape));
      if (expectSame(kernel, threads, views, seed)) cut++;
    }, { share: 4 });
    assert(cut > 0, "nothing was cut");
  });
}
