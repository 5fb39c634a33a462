// Long work on the GPU. Mesa's software adapter ends loops after 65,535 turns of a thread without a word.
import { conv, vjp } from "@pullback/pullback";
import * as ops from "../ops/mod.ts";
import { tensor, zeros } from "../ops/mod.ts";
import type { Tensor } from "../ops/tensor.ts";
import { assertNear, numbersOf } from "./derivatives.ts";
import { onGpu, readNumbers } from "./gpu.ts";

const n = 300_000;

/** Small numbers that repeat late. */
function values(shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.25), { shape });
}

const cases: Readonly<Record<string, () => Tensor>> = {
  "a sum of all": () => ops.sum(values([n])),
  "sums of few long columns": () => ops.sum(values([n, 3]), { axis: 0 }),
  "sums of few long rows": () => ops.sum(values([3, n]), { axis: 1 }),
  "sums of long columns, many of them": () => ops.sum(values([70_001, 40]), { axis: 0 }),
  "a largest element at the end": () => ops.max(ops.indexUpdate(values([n]), [n - 1], tensor([2]))),
  "the place of the largest element": () => ops.argmax(ops.indexUpdate(values([n]), [n - 2], tensor([2]))),
  "places in few long columns": () =>
    ops.argmin(ops.indexUpdate(values([n, 2]), [n - 1], tensor([[-2, -2]])), { axis: 0 }),
  "a running sum": () => ops.slice(ops.cumsum(values([n])), { start: [n - 5] }),
  "running maxima of few long columns": () => ops.slice(ops.cummax(values([n, 2]), { axis: 0 }), { start: [n - 5] }),
  "a softmax of a long row": () => ops.slice(ops.softmax(values([2, n])), { start: [0, n - 5] }),
  "variances of long rows": () => ops.variance(values([2, n]), { axis: 1 }),
  "a product of thin matrices": () => ops.matmul(values([2, n]), values([n, 3])),
  "a product of matrices": () => ops.matmul(values([20, n + 1]), values([n + 1, 20])),
  "a product of matrices by the largest tiles": () => ops.matmul(values([66, n / 3]), values([n / 3, 70])),
  "a product of vectors": () => ops.dot(values([n]), values([n])),
  "many updates of one element": () => ops.segmentSum(values([n]), zeros([n], { dtype: "int32" }), 2),
  "the pooling of a large picture": () => ops.globalAvgPool(values([1, 600, 500, 1])),
  "the largest element of a large picture": () => ops.globalMaxPool(values([1, 600, 500, 1])),
  "the gradient of a pooling": () =>
    ops.slice(vjp((x: Tensor) => ops.globalAvgPool(x), values([1, 600, 500, 1]))[1](tensor([[1]]))[0], {
      start: [0, 598, 498],
    }),
  "the gradient of a kernel": () =>
    vjp((w: Tensor) => ops.sum(conv(values([2, 400, 400, 1]), w, { padding: "same" })), values([3, 3, 1, 2]))[1](
      tensor(1),
    )[0],
  "a sort": () => ops.slice(ops.sort(values([n])), { start: [n - 5] }),
};

for (const [name, make] of Object.entries(cases)) {
  Deno.test(`gpu: long: ${name}`, async () => {
    const expected = numbersOf([make()]);
    // Sums of 300,000 numbers in another order.
    assertNear(await readNumbers([onGpu(make)]), expected, 2e-5, name);
  });
}
