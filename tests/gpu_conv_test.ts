// Convolution on the GPU in its three roles: any geometry and layout, edges of tiles and padding, against the reference.
import * as fc from "fast-check";
import type { DType } from "../ops/dtype.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { axisIndex, binary, cast, constant, input, type Scalar } from "../ops/scalar.ts";
import { sizeOf } from "../ops/shape.ts";
import { type Case, caseOf, integers, type Role, roles, rows, shapesOf } from "./convolutions.ts";
import { compare } from "./gpu_kernels.ts";
import { checkAsync } from "./property.ts";
import { machine } from "./reference.ts";
import { type Layout, layouts, placeOperand } from "./views.ts";

/** Compilers of shaders take 0 + x for x, so that a sum of one product may be −0. */
const allowance = { ulps: 0, signedZeros: false };

interface Options {
  readonly layouts?: readonly [Layout, Layout];
  readonly dtype?: DType;
  readonly values?: readonly number[];
  readonly epilogue?: Scalar;
}

async function expectReference(role: Role, given: Case, options: Options = {}): Promise<void> {
  const { dtype = "float32", values = integers, epilogue } = options;
  const [first, second, target] = shapesOf(role, given);
  if (sizeOf(target) === 0) return;
  machine.reset();
  const [ofFirst, ofSecond] = options.layouts ?? [rows(first), rows(second, 5)];
  const inputs = [
    placeOperand(machine, dtype, values, first, ofFirst),
    placeOperand(machine, dtype, values, second, ofSecond),
  ];
  if (epilogue !== undefined) inputs.push(placeOperand(machine, dtype, values, target, rows(target, 2)));
  const kernel: KernelOf<"conv"> = {
    kind: "conv",
    role,
    geometry: given.geometry,
    ...epilogue === undefined ? {} : { epilogue },
  };
  await compare(kernel, inputs, [{ dtype, shape: target }], { allowance });
}

Deno.test("gpu conv: any geometry, over one to three axes, in any layout", async () => {
  const axis = fc.record({
    input: fc.integer({ min: 1, max: 6 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    padding: fc.tuple(fc.nat(2), fc.nat(2)),
  });
  const cases = fc.record({
    role: fc.constantFrom(...roles),
    axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
    batch: fc.integer({ min: 0, max: 2 }),
    groups: fc.integer({ min: 1, max: 3 }),
    channels: fc.constantFrom(1, 2, 4),
    features: fc.constantFrom(1, 3, 4),
  }).chain(({ role, axes, ...sizes }) => {
    const given = caseOf({
      ...sizes,
      input: axes.map(({ input }) => input),
      kernel: axes.map(({ kernel }) => kernel),
      strides: axes.map(({ stride }) => stride),
      dilation: axes.map(({ dilation }) => dilation),
      padding: axes.map(({ padding }) => padding),
    });
    const [first, second] = shapesOf(role, given);
    return fc.record({
      role: fc.constant(role),
      given: fc.constant(given),
      layouts: fc.tuple(layouts(first), layouts(second)),
    });
  });
  await checkAsync(cases, ({ role, given, layouts }) => expectReference(role, given, { layouts }), { share: 2 });
});

Deno.test("gpu conv: NaN and ∞ do not meet padding", async () => {
  const values = [1, NaN, 2, -3, 5, 4, 0, 5, -1, 6, 7, Infinity, 9, 10, 11, 12, 13];
  const rare = [...integers, ...integers, ...integers, Infinity, ...integers];
  const plain = { batch: 2, input: [5, 6], kernel: [3, 3], channels: 2, features: 3 } as const;
  const padding = [[1, 1], [2, 0]] as const;
  for (const role of roles) {
    await expectReference(role, caseOf({ ...plain, padding }), { values });
    for (const dtype of ["float32", "float16"] as const) {
      await expectReference(role, caseOf({ ...plain, padding, strides: [2, 1], groups: 2 }), { values: rare, dtype });
    }
    const bias = binary("add", input(0, "float32"), input(1, "float32"));
    await expectReference(role, caseOf({ ...plain, padding, features: 4 }), { values: rare, epilogue: bias });
    const ofEach = { ...plain, groups: 8, channels: 1, features: 1, padding } as const;
    await expectReference(role, caseOf({ ...ofEach, strides: [2, 1], dilation: [1, 2] }), { values: rare });
    await expectReference(role, caseOf(ofEach), { values: rare, epilogue: bias });
    // Where the depth is split.
    await expectReference(role, caseOf({ ...plain, input: [25, 23], channels: 35, padding }), { values: rare });
  }
});

Deno.test("gpu conv: sums so long that a loop would end early, with ∞ beside padding", async () => {
  // One infinite element, so that most sums have none.
  const values = Array.from({ length: 200_000 }, (_, n) => n === 0 ? Infinity : integers[n % integers.length]!);
  const one = [1, 1] as const;
  const plain = { batch: 2, input: [300, 300], kernel: [3, 3], channels: 1, features: 2, padding: [one, one] } as const;
  await expectReference("kernel", caseOf(plain), { values });
  await expectReference("kernel", caseOf({ ...plain, batch: 1, features: 5 }), { values });
  await expectReference("output", caseOf({ ...plain, kernel: [300, 300] }), { values });
  const wide = { batch: 1, input: [2, 3], kernel: [1, 2], channels: 8, features: 40_000 } as const;
  await expectReference("input", caseOf({ ...wide, padding: [[0, 0], one] }), { values });
});

Deno.test("gpu conv: edges of tiles", async () => {
  const plain = { batch: 2, input: [6, 5], kernel: [3, 2], channels: 4, features: 4 } as const;
  for (const role of roles) {
    for (const [channels, features] of [[1, 6], [16, 20], [9, 33]] as const) {
      await expectReference(role, caseOf({ ...plain, channels, features }));
    }
    await expectReference(role, caseOf({ ...plain, batch: 2, input: [26, 25], channels: 3, features: 68 }));
    await expectReference(role, caseOf({ ...plain, groups: 21, channels: 1, features: 1 }));
    await expectReference(role, caseOf({ ...plain, groups: 12, channels: 1, features: 2, strides: [2, 3] }));
  }
});

Deno.test("gpu conv: other dtypes, and nothing to sum", async () => {
  const some = { batch: 2, input: [4, 3], kernel: [2, 2], channels: 2, features: 3 } as const;
  for (const role of roles) {
    await expectReference(role, caseOf(some), { dtype: "int32", values: [3, -7, 2147483647, 65537, -2147483648] });
    await expectReference(role, caseOf(some), { dtype: "uint32", values: [3, 4294967295, 65537] });
    await expectReference(role, caseOf(some), { dtype: "bool", values: [0, 1, 0, 0, 0, 0, 1] });
    await expectReference(role, caseOf({ ...some, input: [0, 3], padding: [[1, 1], [0, 0]] }));
    await expectReference(role, caseOf({ ...some, batch: 0 }));
    await expectReference(role, caseOf({ ...some, input: [1, 1] }));
  }
});

Deno.test("gpu conv: epilogues, of positions too", async () => {
  const given = caseOf({ batch: 2, input: [7, 6], kernel: [3, 3], channels: 4, features: 8, strides: [2, 1] });
  const product = input(0, "float32");
  const epilogues = [
    binary("max", binary("add", product, input(1, "float32")), constant(0, "float32")),
    binary("add", binary("mul", product, input(1, "float32")), cast(axisIndex(2), "float32")),
  ];
  for (const role of roles) for (const epilogue of epilogues) await expectReference(role, given, { epilogue });
});
