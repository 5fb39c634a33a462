// Values: what a tensor is made of, how it is read and printed, and that nothing changes it.
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import * as pb from "../mod.ts";
import type { Tensor } from "../mod.ts";
import { ConcreteTensor } from "../ops/tensor.ts";
import { elements, operand, shapes, toTensor } from "./draw.ts";
import { check } from "./property.ts";
import { everyDType } from "./row.ts";

const { tensor } = pb;

Deno.test("tensor: numbers are float32, booleans bool, typed arrays what they are", () => {
  assertEquals(tensor([[1, 2], [3, 4]]).type, { dtype: "float32", shape: [2, 2] });
  assertEquals(tensor(3).type, { dtype: "float32", shape: [] });
  assertEquals(tensor(true).type, { dtype: "bool", shape: [] });
  assertEquals(tensor([[true], [false]]).type, { dtype: "bool", shape: [2, 1] });
  assertEquals(tensor([1, true]).dtype, "float32");
  assertEquals(tensor([]).type, { dtype: "float32", shape: [0] });
  assertEquals(tensor([[], []]).shape, [2, 0]);
  const typed = [
    Float32Array,
    Float64Array,
    Float16Array,
    Int32Array,
    Uint32Array,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
  ];
  assertEquals(
    typed.map((array) => tensor(new array([1, 2])).dtype),
    ["float32", "float64", "float16", "int32", "uint32", "int32", "int32", "int32", "int32", "int32"],
  );
  assertEquals(tensor(new Int16Array([-5, 7])).arraySync(), [-5, 7]);
  assertEquals(tensor(new Float32Array(6), { shape: [2, 3] }).shape, [2, 3]);
  assertEquals(tensor([0, 2, NaN], { dtype: "bool" }).arraySync(), [false, true, true]);
});

Deno.test("tensor: what it says of itself", () => {
  const x = pb.zeros([2, 0, 3], { dtype: "int32" });
  assertEquals([x.shape, x.dtype, x.ndim, x.size], [[2, 0, 3], "int32", 3, 0]);
  assertEquals([tensor(1).ndim, tensor(1).size], [0, 1]);
  assertEquals(x.device.name, "cpu");
});

Deno.test("tensor: reads as flat and nested arrays, and as one element", async () => {
  const x = tensor([[1, 2], [3, 4]]);
  assertEquals(await x.data(), new Float32Array([1, 2, 3, 4]));
  assertEquals(x.dataSync(), new Float32Array([1, 2, 3, 4]));
  assertEquals(await x.array(), [[1, 2], [3, 4]]);
  assertEquals(x.arraySync(), [[1, 2], [3, 4]]);
  assertEquals(await tensor([true, false]).data(), new Uint8Array([1, 0]) as never);
  assertEquals(tensor([true, false]).arraySync(), [true, false]);
  assertEquals([tensor(2.5).item(), tensor([[true]]).item(), tensor(4).arraySync()], [2.5, true, 4]);
  assertEquals(pb.zeros([2, 0]).arraySync(), [[], []]);
  assertEquals(pb.transpose(x).dataSync(), new Float32Array([1, 3, 2, 4]));
});

Deno.test("tensor: every layout of every dtype reads back what was put in", () => {
  for (const dtype of everyDType) {
    const cases = shapes().chain((shape) => operand({ shape, dtype, elements: elements(dtype) }));
    check(cases, (x) => assertEquals([...toTensor(x).dataSync()], [...x.data]));
  }
  // Floats keep every bit: signed zeros, subnormal numbers, NaN, infinities.
  for (
    const array of [new Float32Array([-0, 2 ** -149, NaN, -Infinity]), new Float64Array([-0, 5e-324, NaN, Infinity])]
  ) {
    const read = [...tensor(array).dataSync()];
    array.forEach((value, i) => assertStrictEquals(read[i], value));
  }
});

Deno.test("tensor: neither the array that made it nor the one it gave can change it", async () => {
  const source = new Float32Array([1, 2, 3]);
  const nested = [[1, 2], [3, 4]];
  const [fromTyped, fromNested] = [tensor(source), tensor(nested)];
  source.fill(9);
  nested[0]![0] = 9;
  nested.pop();
  assertEquals(fromTyped.arraySync(), [1, 2, 3]);
  assertEquals(fromNested.arraySync(), [[1, 2], [3, 4]]);
  const given = await fromTyped.data();
  given.fill(7);
  fromTyped.dataSync().fill(7);
  (fromNested.arraySync() as number[][])[0]![0] = 7;
  assertEquals(fromTyped.arraySync(), [1, 2, 3]);
  assertEquals(fromNested.arraySync(), [[1, 2], [3, 4]]);
  assertNotStrictEquals(await fromTyped.data(), await fromTyped.data());
  // Nor through a shape that was handed in, or a view.
  const shape = [3, 1];
  const reshaped = pb.reshape(fromTyped, shape);
  shape[0] = 100;
  assertEquals(reshaped.shape, [3, 1]);
  const zeros = [2];
  const made = pb.zeros(zeros);
  zeros[0] = 5;
  assertEquals(made.shape, [2]);
  reshaped.dataSync().fill(8);
  assertEquals(fromTyped.arraySync(), [1, 2, 3]);
});

Deno.test("tensor: what is taken unless it is given", () => {
  const { eye, linspace, arange, oneHot, ones, zeros, full } = pb;
  const floats = [eye(2), linspace(0, 1, 3), oneHot([0], 2), ones([1]), zeros([1]), full([1], 2)];
  assertEquals(floats.map(({ dtype }) => dtype), floats.map(() => "float32"));
  assertEquals(arange(3).dtype, "int32");
  assertEquals(pb.meshgrid([ones([2]), ones([3])]).map(({ shape }) => shape), [[3, 2], [3, 2]]);
  assertEquals([...linspace(1, 3, 2).dataSync()], [1, 3]);
});

Deno.test("tensor: options that are arrays may change after the call", () => {
  const axes = [0];
  const f = (x: Tensor): Tensor => pb.sum(x, { axis: axes });
  const [, pullback] = pb.vjp(f, pb.ones([2, 3]));
  axes[0] = 1;
  assertEquals(pullback(tensor([1, 2, 3]))[0].arraySync(), [[1, 2, 3], [1, 2, 3]]);
  const perm = [1, 0];
  const program = pb.program((x: Tensor) => pb.transpose(x, perm))(pb.ones([2, 3]));
  perm.reverse();
  program.typecheck();
  const padding: [number, number][] = [[1, 0]];
  const signal = tensor([1, 2, 3], { shape: [1, 3, 1] });
  const [, pullKernel] = pb.vjp((w: Tensor) => pb.conv(signal, w, { padding }), pb.ones([2, 1, 1]));
  padding[0]!.reverse();
  assertEquals([...pullKernel(pb.ones([1, 3, 1]))[0].dataSync()], [3, 6]);
});

Deno.test("tensor: no operation writes, whatever shares the storage", () => {
  check(shapes({ rank: [1, 3], sizes: [1, 4] }).chain((shape) => operand({ shape, dtype: "float32" })), (x) => {
    const t = toTensor(x);
    const flat = pb.reshape(t, [-1]);
    const views = [
      flat,
      pb.transpose(t),
      pb.flip(t),
      pb.slice(flat, { step: [2] }),
      pb.broadcastTo(t, [2, ...t.shape]),
    ];
    const before = [t, ...views].map((view) => [...view.dataSync()]);
    const written = pb.indexUpdate(flat, [0], 100);
    pb.indexAdd(flat, [-1], 100);
    pb.sort(flat);
    pb.add(flat, flat);
    assertEquals(written.dataSync()[0], 100);
    assertEquals([t, ...views].map((view) => [...view.dataSync()]), before);
  });
});

Deno.test("tensor: prints as NumPy does, after its type", () => {
  const printed: [Tensor, string][] = [
    [tensor(1), "f32[] 1"],
    [tensor([1, 2.5, -3]), "f32[3] [  1, 2.5,  -3]"],
    [tensor([[1, 2], [3, 4]], { dtype: "int32" }), "i32[2,2] [[1, 2],\n          [3, 4]]"],
    [
      tensor([[[1], [2]], [[3], [4]]]),
      "f32[2,2,1] [[[1],\n             [2]],\n\n            [[3],\n             [4]]]",
    ],
    [tensor([true, false]), "bool[2] [ true, false]"],
    [
      tensor([0.1, 1 / 3, 1e-8, 1e20, NaN, -Infinity, -0]),
      "f32[7] [       0.1, 0.33333334,       1e-8,      1e+20,        NaN,  -Infinity,         -0]",
    ],
    [tensor([16777216, 1234567, 0.5]), "f32[3] [16777216,  1234567,      0.5]"],
    [tensor([1 / 3], { dtype: "float64" }), "f64[1] [0.33333333]"],
    [
      tensor([0.1, 1 / 3, 1e-7, 65504, 65520], { dtype: "float16" }),
      "f16[5] [     0.1,   0.3333,     1e-7,    65504, Infinity]",
    ],
    [pb.zeros([0, 3]), "f32[0,3] []"],
    [pb.arange(2000), "i32[2000] [   0,    1,    2, …, 1997, 1998, 1999]"],
  ];
  for (const [x, text] of printed) {
    assertEquals(String(x), text);
    assertEquals(`${x}`, text);
    assertEquals(Deno.inspect(x), text);
  }
  const disposed = tensor([1]);
  disposed[Symbol.dispose]();
  assertEquals(String(disposed), "f32[1] (disposed)");
  pb.vmap((row: Tensor) => {
    assertEquals(String(row), "f32[2]");
    return row;
  })(pb.ones([3, 2]));
});

Deno.test("tensor: promotion is JAX's lattice, and a bare number adopts the dtype beside it", () => {
  const of = (dtype: pb.DType): Tensor => pb.ones([2], { dtype });
  const order = ["bool", "uint32", "int32", "float16", "float32", "float64"] as const;
  for (const [i, a] of order.entries()) {
    for (const [k, b] of order.entries()) assertEquals(pb.maximum(of(a), of(b)).dtype, order[Math.max(i, k)]);
  }
  assertEquals(order.map((dtype) => pb.maximum(of(dtype), 2).dtype), [
    "float32",
    "uint32",
    "int32",
    "float16",
    "float32",
    "float64",
  ]);
  assertEquals(order.map((dtype) => pb.maximum(of(dtype), true).dtype), [...order]);
  assertEquals([pb.add(1, 2).dtype, pb.maximum(true, false).dtype, pb.add(true, 1).dtype], [
    "float32",
    "bool",
    "float32",
  ]);
  assertEquals(order.map((dtype) => pb.sum(of(dtype)).dtype), ["int32", ...order.slice(1)]);
  assertEquals(
    order.map((dtype) => pb.mean(of(dtype)).dtype),
    ["float32", "float32", "float32", "float16", "float32", "float64"],
  );
  assertEquals(
    [pb.argmax(of("float64")), pb.argsort(of("bool")), pb.topK(of("uint32"), 1).indices].map((x) => x.dtype),
    ["int32", "int32", "int32"],
  );
});

Deno.test("tensor: a result's type never depends on a value", () => {
  const operations = [
    (x: Tensor) => pb.sqrt(x),
    (x: Tensor) => pb.div(x, 0),
    (x: Tensor) => pb.pow(x, 3),
    (x: Tensor) => pb.sum(x),
  ];
  check(
    fc.tuple(
      fc.constantFrom(...operations),
      fc.constantFrom("float32", "int32", "uint32").chain((dtype) => operand({ shape: [3], dtype: dtype as pb.DType })),
    ),
    ([f, x]) => {
      assertEquals(f(toTensor(x)).type, f(pb.zeros([3], { dtype: x.dtype })).type);
    },
  );
});

Deno.test("tensor: class and identity", () => {
  const x = tensor([1, 2]);
  assert(x instanceof pb.Tensor && x instanceof ConcreteTensor);
  assertStrictEquals(pb.reshape(x, [2]), x);
  assertStrictEquals(pb.cast(x, "float32"), x);
  assertEquals(Object.isFrozen(x.shape) || [...x.shape], Object.isFrozen(x.shape) || [2]);
});
