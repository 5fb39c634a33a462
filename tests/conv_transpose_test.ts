// Transposed convolution: the adjoint of conv by name and by number, and JAX's sizes and values.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import {
  conv,
  type ConvOptions,
  convTranspose,
  correlate,
  flip,
  grad,
  mul,
  sum,
  swapAxes,
  type Tensor,
  tensor,
  zeros,
} from "../mod.ts";
import { upload } from "./draw.ts";
import { type Plain, sizeOf } from "./plain.ts";
import { check } from "./property.ts";

/** Integers, of which all sums are exact, so equal means equal. */
function integers(shape: readonly number[]): fc.Arbitrary<Tensor> {
  const n = sizeOf(shape);
  return fc.array(fc.integer({ min: -8, max: 8 }), { minLength: n, maxLength: n })
    .map((data): Plain => ({ dtype: "float32", shape, data })).map(upload);
}

interface Case {
  readonly sizes: readonly number[];
  readonly w: Tensor;
  readonly x: Tensor;
  readonly options: ConvOptions;
}

function cases(mostGroups = 2): fc.Arbitrary<Case> {
  return fc.constantFrom(1, 2).chain((n) => {
    const each = (min: number, max: number): fc.Arbitrary<number[]> =>
      fc.array(fc.integer({ min, max }), { minLength: n, maxLength: n });
    return fc.record({
      batch: fc.integer({ min: 0, max: 2 }),
      sizes: each(2, 4),
      kernel: each(1, 3),
      channels: fc.integer({ min: 1, max: 2 }),
      features: fc.integer({ min: 1, max: 2 }),
      strides: each(1, 3),
      dilation: each(1, 2),
      groups: fc.integer({ min: 1, max: mostGroups }),
      padding: fc.constantFrom<ConvOptions["padding"]>(
        "valid",
        "same",
        "circular",
        0,
        1,
        [...Array(n)].map(() => [1, 0]),
      ),
    });
  }).filter(({ sizes, kernel, strides, dilation, padding }) =>
    sizes.every((size, i) => {
      const reach = (kernel[i]! - 1) * dilation[i]! + 1;
      return padding !== "circular" || reach - strides[i]! <= size * strides[i]!;
    })
  ).chain(({ batch, sizes, kernel, channels, features, groups, ...options }) =>
    fc.record({
      sizes: fc.constant(sizes),
      w: integers([...kernel, channels, features * groups]),
      x: integers([batch, ...sizes, features * groups]),
      options: fc.constant({ ...options, groups }),
    })
  );
}

Deno.test("convTranspose: ⟨conv(y, w), x⟩ = ⟨y, convTranspose(x, w)⟩, exactly", () => {
  const withY = cases().chain((drawn) =>
    integers(convTranspose(drawn.x, drawn.w, drawn.options).shape).map((y) => ({ ...drawn, y }))
  );
  check(withY, ({ y, w, x, options }) => {
    const forward = conv(y, w, options);
    // The size it chooses is one that conv maps back.
    assertEquals(forward.shape, x.shape);
    const back = convTranspose(x, w, options);
    assertEquals(sum(mul(forward, x)).item(), sum(mul(y, back)).item());
    const gradient = grad((z: Tensor) => sum(mul(conv(z, w, options), x)))(y);
    assertEquals(gradient.arraySync(), back.arraySync());
  });
});

Deno.test("convTranspose: sizes as jax.lax.conv_transpose gives them", () => {
  check(cases(), ({ sizes, w, x, options }) => {
    const shape = (padding: "same" | "valid"): readonly number[] =>
      convTranspose(x, w, { ...options, padding }).shape.slice(1, -1);
    const { strides, dilation } = options as { strides: number[]; dilation: number[] };
    assertEquals(shape("same"), sizes.map((n, i) => n * strides[i]!));
    assertEquals(
      shape("valid"),
      sizes.map((n, i) => n * strides[i]! + Math.max(((w.shape[i]! - 1) * dilation[i]! + 1) - strides[i]!, 0)),
    );
  });
});

/** `_conv_transpose_padding` of `jax/_src/lax/convolution.py`: of the input set apart, for a kernel that reaches over k. */
function jaxPadding(k: number, s: number, padding: "same" | "valid"): [number, number] {
  const total = padding === "same" ? k + s - 2 : k + s - 2 + Math.max(k - s, 0);
  const low = padding === "valid" || s > k - 1 ? k - 1 : Math.ceil(total / 2);
  return [low, total - low];
}

Deno.test("convTranspose: as JAX computes it with transpose_kernel, by conv with an input dilation", () => {
  check(fc.tuple(cases(1), fc.constantFrom<("same" | "valid")[]>("same", "valid")), ([{ w, x, options }, padding]) => {
    const { strides, dilation } = options as { strides: number[]; dilation: number[] };
    const pads = strides.map((s, i) => jaxPadding((w.shape[i]! - 1) * dilation[i]! + 1, s, padding));
    const flipped = flip(swapAxes(w, -1, -2), { axis: strides.map((_, i) => i) });
    assertEquals(
      convTranspose(x, w, { ...options, padding }).arraySync(),
      conv(x, flipped, { inputDilation: strides, dilation, padding: pads }).arraySync(),
    );
  });
});

Deno.test("conv and convTranspose: empty inputs", () => {
  assertEquals(conv(zeros([0, 3, 1]), zeros([2, 1, 4]), { inputDilation: 3 }).shape, [0, 6, 4]);
  assertEquals(conv(zeros([1, 0, 1]), zeros([2, 1, 4]), { inputDilation: 3, padding: 1 }).shape, [1, 1, 4]);
  assertEquals(convTranspose(zeros([0, 3, 4]), zeros([2, 1, 4]), { strides: 2 }).shape, [0, 6, 1]);
  assertEquals(convTranspose(zeros([1, 3, 4]), zeros([2, 0, 4])).shape, [1, 4, 0]);
  assertEquals([...convTranspose(zeros([1, 0, 4]), zeros([2, 1, 4])).dataSync()], [0]);
  assertEquals(convTranspose(zeros([1, 0, 4]), zeros([1, 1, 4]), { strides: 3, padding: 0 }).shape, [1, 0, 1]);
});

Deno.test("conv and convTranspose: periodic padding, by hand, and once around the whole axis", () => {
  const w = tensor([1, 10, 100], { shape: [3, 1, 1] });
  const signal = (...values: number[]): Tensor => tensor(values, { shape: [1, values.length, 1] });
  assertEquals([...conv(signal(1, 2, 3), w, { padding: "circular" }).dataSync()], [213, 321, 132]);
  assertEquals([...convTranspose(signal(1, 2, 3), w, { padding: "circular" }).dataSync()], [312, 123, 231]);
  assertEquals([...conv(signal(5), w, { padding: "circular" }).dataSync()], [555]);
  assertEquals([...convTranspose(signal(5), w, { padding: "circular" }).dataSync()], [555]);
});

Deno.test("correlate: dtypes promote, and integers become float32", () => {
  const integers = tensor([1, 2, 3], { dtype: "int32" });
  const [half, one] = [tensor([0.5, 1], { dtype: "float64" }), tensor([1, 1], { dtype: "int32" })];
  const results = [correlate(integers, half), correlate(integers, one)];
  assertEquals(results.map((y) => [y.dtype, ...y.dataSync()]), [["float64", 2.5, 4], ["float32", 3, 5]]);
});
