// The shaders of typical kernels, as text: no adapter is needed to see what changed. `-- --update` takes them anew.
import { assert } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import { generators } from "../gpu/generators.ts";
import type { Generator, Machine } from "../gpu/kernel.ts";
import type { Place } from "../jit/place.ts";
import type { DType } from "../ops/dtype.ts";
import type { ComputeKind, KernelOf } from "../ops/kernel.ts";
import { binary, constant, input, unary } from "../ops/scalar.ts";
import { contiguous, type Shape } from "../ops/shape.ts";

interface Case {
  readonly kernel: KernelOf<ComputeKind>;
  readonly inputs: readonly Place[];
  readonly outputs: readonly Place[];
}

let bases = 0;

function value(dtype: DType, shape: Shape, strides?: readonly number[]): Place {
  const place = contiguous(shape);
  return { type: { dtype, shape }, base: ++bases, ...place, strides: strides ?? place.strides };
}

const x = input(0, "float32");

const cases: Readonly<Record<string, Case>> = {
  "an elementwise chain": {
    kernel: { kind: "map", body: binary("max", binary("add", x, input(1, "float32")), constant(0, "float32")) },
    inputs: [value("float32", [32, 64]), value("float32", [32, 64], [0, 1])],
    outputs: [value("float32", [32, 64])],
  },
  "a function of a transposed matrix": {
    kernel: { kind: "map", body: unary("exp", x) },
    inputs: [value("float32", [3, 5], [1, 3])],
    outputs: [value("float32", [3, 5])],
  },
  "a comparison of float16": {
    kernel: { kind: "map", body: binary("lt", input(0, "float16"), input(1, "float16")) },
    inputs: [value("float16", [7]), value("float16", [7])],
    outputs: [value("bool", [7])],
  },
  "sums of rows": {
    kernel: { kind: "reduce", combiner: "sum", axes: [1], body: x },
    inputs: [value("float32", [256, 1024])],
    outputs: [value("float32", [256])],
  },
  "a product of matrices, with bias and relu": {
    kernel: {
      kind: "matmul",
      epilogue: binary("max", binary("add", x, input(1, "float32")), constant(0, "float32")),
    },
    inputs: [value("float32", [128, 256]), value("float32", [256, 128]), value("float32", [128, 128], [0, 1])],
    outputs: [value("float32", [128, 128])],
  },
  "a convolution": {
    kernel: {
      kind: "conv",
      role: "output",
      geometry: { strides: [1, 1], dilation: [1, 1], padding: [[1, 1], [1, 1]], groups: 1 },
    },
    inputs: [value("float32", [2, 16, 16, 8]), value("float32", [3, 3, 8, 16])],
    outputs: [value("float32", [2, 16, 16, 16])],
  },
  "padding": {
    kernel: { kind: "place", fill: 0, at: [{ start: [1, 1], step: [1, 2] }] },
    inputs: [value("float32", [4, 4])],
    outputs: [value("float32", [6, 9])],
  },
  "max pooling": {
    kernel: { kind: "window", role: "max", geometry: { window: [2, 2], strides: [2, 2], padding: [[0, 0], [0, 0]] } },
    inputs: [value("float32", [8, 28, 28, 6])],
    outputs: [value("float32", [8, 14, 14, 6])],
  },
  "rows by their indices": {
    kernel: { kind: "gather" },
    inputs: [value("float32", [1, 1, 100, 16]), value("int32", [1, 5])],
    outputs: [value("float32", [1, 1, 5, 16])],
  },
  "updates of many indices": {
    kernel: { kind: "scatter", combiner: "sum" },
    inputs: [value("int32", [1, 64]), value("float32", [1, 1, 64, 16])],
    outputs: [value("float32", [1, 1, 10, 16])],
  },
};

/** What a graphics card offers at the least. */
const machine: Omit<Machine, "parametric" | "temporary"> = {
  hasFloat16: false,
  hasSubgroups: false,
  hasFastBarriers: true,
  limits: { threads: 256, sharedBytes: 16384, workgroupsPerDimension: 65535, buffers: 8, bufferBytes: 2 ** 27 },
};

for (const [name, { kernel, inputs, outputs }] of Object.entries(cases)) {
  for (const parametric of [false, true]) {
    Deno.test(`gpu shaders: ${name}${parametric ? ", for all sizes" : ""}`, async (t) => {
      const temporary = ({ dtype, shape }: Place["type"]): Place => value(dtype, shape);
      const generator = generators[kernel.kind] as Generator<ComputeKind>;
      const dispatches = generator(kernel, inputs, outputs, { ...machine, parametric, temporary });
      assert(dispatches.every(({ bindings }) => bindings.length <= machine.limits.buffers));
      const text = dispatches.map(({ label, workgroups, parameters, code }) =>
        `// ${label}, ${workgroups} workgroups${parametric ? `, parameters ${parameters}` : ""}\n${code}`
      );
      await assertSnapshot(t, text.join("\n\n"));
    });
  }
}
