// Cases of moving elements that random shapes seldom draw: steps and axes that differ from each other, under transforms.
import { assertEquals } from "@std/assert";
import * as pb from "../mod.ts";
import type { Tensor } from "../mod.ts";
import { refuses, untyped } from "./refuses.ts";

const { tensor } = pb;

/** Different elements in no order. */
function mixed(shape: number[]): Tensor {
  const n = shape.reduce((product, size) => product * size);
  return pb.reshape(tensor(Array.from({ length: n }, (_, i) => (i * 7 + 3) % n)), shape);
}

Deno.test("slice: a whole axis backward", () => {
  assertEquals(pb.slice(tensor([1, 2, 3]), { step: [-1] }).arraySync(), [3, 2, 1]);
});

Deno.test("slice: another step along each axis, in a batch, forward and transposed", () => {
  const x = mixed([2, 5, 7]);
  const step = [2, 3];
  const f = (row: Tensor) => pb.slice(row, { start: [1], step });
  const pulled = (row: Tensor) => pb.grad((r: Tensor) => pb.sum(pb.square(f(r))))(row);
  for (const map of [f, pulled]) {
    assertEquals(
      pb.vmap(map)(x).arraySync(),
      [0, 1].map((i) => map(pb.take(x, i, { axis: 0 })).arraySync()) as number[][][],
    );
  }
  const every = [1, 3].map((i) => [0, 3, 6].map((k) => pb.gatherNd(x, tensor([0, i, k], { dtype: "int32" })).item()));
  assertEquals(f(pb.take(x, 0, { axis: 0 })).arraySync(), every as number[][]);
});

Deno.test("pad: on one side, with 0 unless told, and with 0 in the tangent whatever it is told", () => {
  const x = tensor([1, 2]);
  assertEquals(pb.pad(x, [[1, 0]]).arraySync(), [0, 1, 2]);
  assertEquals(pb.pad(x, [[0, 1]]).arraySync(), [1, 2, 0]);
  const filled = (x: Tensor) => pb.pad(x, [[1, 2]], { value: 3 });
  assertEquals(filled(x).arraySync(), [3, 1, 2, 3, 3]);
  assertEquals(pb.jvp(filled, [x], [tensor([10, 20])])[1].arraySync(), [0, 10, 20, 0, 0]);
});

Deno.test("median: along every axis and pair of axes, the others stay in their order", () => {
  const x = mixed([2, 3, 4]);
  for (const axis of [0, 1, 2, [0, 1], [0, 2], [1, 2], [2, 0]]) {
    const over = [axis].flat();
    const kept = [0, 1, 2].filter((a) => !over.includes(a));
    const lines = pb.reshape(pb.transpose(x, [...kept, ...over]), [...kept.map((a) => x.shape[a]!), -1]);
    assertEquals(pb.median(x, { axis }).arraySync(), pb.median(lines, { axis: -1 }).arraySync());
  }
});

Deno.test("takeAlongAxis: sizes of 1 stretch, on either side", () => {
  const at = tensor([[2], [0]], { dtype: "int32" });
  assertEquals(pb.takeAlongAxis(tensor([[1, 2, 3]]), at, { axis: 1 }).arraySync(), [[3], [1]]);
  assertEquals(pb.takeAlongAxis(tensor([[1], [2], [3]]), pb.transpose(at), { axis: 0 }).arraySync(), [[3, 1]]);
  const one = tensor([[1]], { dtype: "int32" });
  assertEquals(pb.takeAlongAxis(tensor([[1, 2], [3, 4]]), one, { axis: 1 }).arraySync(), [[2], [4]]);
});

Deno.test("quantile: a float16 fraction finds its place among thousands", () => {
  assertEquals(pb.quantile(pb.arange(4098), tensor(0.5, { dtype: "float16" })).item(), 2048.5);
});

refuses("axes and values of the wrong kind", [
  [
    () => pb.moveAxis(tensor([1]), untyped("0"), 0),
    TypeError,
    'moveAxis() takes an axis that is an integer or an array of integers, got the string "0"',
  ],
  [
    () => pb.pad(tensor([1]), [[1, 1]], { value: untyped("0") }),
    TypeError,
    'pad() takes a number or a boolean, got the string "0"',
  ],
]);
