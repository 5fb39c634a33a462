// Generated elementwise work on the GPU: any body over any views like the reference.
import * as fc from "fast-check";
import type { DType } from "../ops/dtype.ts";
import { axisIndex, binary, cast, constant, input, type Scalar, select } from "../ops/scalar.ts";
import { compare } from "./gpu_kernels.ts";
import { checkAsync } from "./property.ts";
import { machine } from "./reference.ts";
import { layouts, placeOperand, shapes } from "./views.ts";

const [x, y, i, u, flag, h] = [
  input(0, "float32"),
  input(1, "float32"),
  input(2, "int32"),
  input(3, "uint32"),
  input(4, "bool"),
  input(5, "float16"),
];

const given: readonly { readonly dtype: DType; readonly values: readonly number[] }[] = [
  { dtype: "float32", values: [0, 1, -2, 3, 5, NaN, -0, Infinity, -Infinity, -4.5, 1e-20] },
  { dtype: "float32", values: [2, -1, 0, 6, -0, NaN, 9] },
  { dtype: "int32", values: [1, -5, 2147483647, 0, -2147483648, 77, 2000000000] },
  { dtype: "uint32", values: [1, 4294967295, 3000000000, 0, 2] },
  { dtype: "bool", values: [0, 1, 0, 0, 1, 1, 0] },
  { dtype: "float16", values: [0, 1, -2, 3000, 0.125, -8, 13, 2.5, -1001, 60000] },
];

const bodies: readonly Scalar[] = [
  x,
  i,
  u,
  flag,
  h,
  binary("mul", x, y),
  binary("max", x, y),
  select(flag, x, binary("sub", y, constant(1, "float32"))),
  binary("lt", x, y),
  binary("add", h, h),
  cast(h, "float32"),
  cast(x, "float16"),
  cast(u, "int32"),
];

Deno.test("gpu map: any body over any views", async () => {
  const cases = shapes().chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      body: fc.constantFrom(...bodies, ...shape.map((_, axis) => binary("mul", i, axisIndex(axis)))),
      views: fc.tuple(...given.map(() => layouts(shape))),
    })
  );
  await checkAsync(cases, async ({ shape, body, views }) => {
    machine.reset();
    const inputs = given.map(({ dtype, values }, n) => placeOperand(machine, dtype, values, shape, views[n]!));
    await compare({ kind: "map", body }, inputs, [{ dtype: body.dtype, shape }]);
  }, { share: 3 });
});
