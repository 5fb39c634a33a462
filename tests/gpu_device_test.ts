// The GPU as a device: reads, failures, memory. That its results are right, tests of operations say.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect } from "../gpu/adapter.ts";
import { GpuDevice } from "../gpu/device.ts";
import { gpu, shared } from "../gpu/gpu.ts";
import { generators } from "../gpu/generators.ts";
import type { GeneratorTable } from "../gpu/kernel.ts";
import { jit } from "../jit/jit.ts";
import { cpu } from "../cpu/device.ts";
import { installDevice, registerDevice, toDevice } from "../ops/devices.ts";
import { add, cast, concatenate, mul, slice, tensor, transpose, zeros } from "../ops/mod.ts";
import type { Backend, Tensor } from "../ops/tensor.ts";
import { device } from "./gpu.ts";

function on<T>(place: Backend, f: () => T): T {
  installDevice(place);
  try {
    return f();
  } finally {
    installDevice(cpu());
  }
}

function count(name: string, place: GpuDevice = device): number {
  return place.info[name] as number;
}

Deno.test("gpu: the same device every time, which tells what it is", async () => {
  assertEquals(await gpu(), device);
  const { name, backend, adapter, features, limits } = device.info;
  assertEquals([name, backend], ["gpu", "WebGPU"]);
  assert(typeof adapter === "string" && adapter !== "" && Array.isArray(features));
  assert((limits as { bufferBytes: number }).bufferBytes >= 2 ** 27);
});

Deno.test("gpu: tensors of all dtypes but float64 come back as they went, also odd numbers of float16", async () => {
  for (const dtype of ["float32", "int32", "uint32", "bool", "float16"] as const) {
    for (const values of [[], [1], [1, 0, 1], [1, 0, 1, 1, 0]]) {
      const x = tensor(values, { dtype, shape: [values.length] });
      assertEquals(await toDevice(x, device).data(), x.dataSync());
    }
  }
  const message = 'the gpu has no float64: WebGPU computes in float32; cast() to "float32", or compute it on the CPU';
  assertThrows(() => toDevice(tensor([1], { dtype: "float64" }), device), TypeError, message);
  assertThrows(() => cast(toDevice(tensor([1]), device), "float64"), TypeError, message);
});

Deno.test("gpu: views are read as what they show", async () => {
  const x = toDevice(tensor([[1, 2, 3], [4, 5, 6]]), device);
  assertEquals(await transpose(x).array(), [[1, 4], [2, 5], [3, 6]]);
  assertEquals(await slice(x, { start: [1, 1] }).array(), [[5, 6]]);
  assertEquals(await slice(x, { start: [0, 2], step: [1, -2] }).array(), [[3, 1], [6, 4]]);
});

Deno.test("gpu: reads at the same time, and of tensors that are disposed meanwhile", async () => {
  const xs = [1, 2, 3].map((n) => toDevice(tensor([n, n + 1]), device));
  const reads = xs.map((x) => add(x, 1).data());
  for (const x of xs) x[Symbol.dispose]();
  on(device, () => zeros([2]));
  assertEquals((await Promise.all(reads)).map((data) => [...data]), [[2, 3], [3, 4], [4, 5]]);
});

Deno.test("gpu: a tensor larger than a buffer is an error", () => {
  const bytes = (device.info["limits"] as { bufferBytes: number }).bufferBytes;
  const wide = toDevice(tensor(new Float32Array(bytes / 8)), device);
  assertThrows(() => concatenate([wide, wide, wide]), RangeError, "the gpu cannot hold float32");
  wide[Symbol.dispose]();
});

function breaking(table: GeneratorTable): GeneratorTable {
  return {
    ...table,
    map: (...args) => table.map(...args).map((dispatch) => ({ ...dispatch, code: `${dispatch.code}\nnonsense` })),
  };
}

Deno.test("gpu: what a refused shader makes cannot be read, nor what is made of it; all else can", async () => {
  const broken = new GpuDevice(await connect(), breaking(generators));
  const x = on(broken, () => tensor([1, 2]));
  const sum = add(x, x);
  const joined = concatenate([sum, x]);
  for (const made of [sum, joined]) {
    const error = await assertRejects(() => made.data(), Error, "the gpu refuses the shader of map");
    assert(error.message.includes("nonsense"), "the source");
  }
  // From now on it is known at once.
  assertThrows(() => add(x, x), Error, "the gpu refuses the shader of map");
  assertThrows(() => concatenate([sum, x]), Error, "the gpu refuses the shader of map");
  assertEquals(await concatenate([x, x]).array(), [1, 2, 1, 2]);
});

Deno.test("gpu: a lost device says so, and another one works", async () => {
  const connection = await connect();
  const lost = new GpuDevice(connection);
  const x = on(lost, () => tensor([1, 2]));
  connection.device.destroy();
  await connection.device.lost;
  await assertRejects(() => x.data(), Error, "the gpu was lost");
  assertThrows(() => add(x, x), Error, "the gpu was lost");
  assertEquals(await add(toDevice(tensor([1, 2]), device), 1).array(), [2, 3]);
});

Deno.test("gpu: steps that dispose, donate or await now and then use the same buffers again", async () => {
  const step = jit((w: Tensor, x: Tensor) => add(mul(w, 0.5), x), { donate: [0] });
  const x = toDevice(tensor(new Float32Array(4096).fill(1)), device);
  let w = toDevice(tensor(new Float32Array(4096)), device);
  const run = (steps: number): void => {
    for (let i = 0; i < steps; i++) {
      w = step(w, x);
      using _ = mul(w, 2);
    }
  };
  run(10);
  await w.data();
  const [made, held] = [count("buffersMade"), count("heldBytes")];
  run(1000);
  assertEquals([...await w.data()].every((v) => v === 2), true);
  assertEquals(count("buffersMade"), made);
  assert(count("heldBytes") <= held, "what is held");
});

Deno.test("gpu: what nobody holds any more is found by the collector in loops that wait", async () => {
  const x = toDevice(tensor(new Float32Array(2 ** 18)), device);
  let most = 0;
  let y = x;
  for (let i = 0; i < 400; i++) {
    y = add(y, 1);
    if (i % 10 === 9) await slice(y, { stop: [1] }).data();
    most = Math.max(most, count("heldBytes"));
  }
  assertEquals((await y.data())[0], 400);
  // All of them together are 400 MB.
  assert(most < 200 * 2 ** 20, `${most} bytes held`);
});

Deno.test("gpu: what was lost, or could not be had, is asked for again", async () => {
  const made: GPUDevice[] = [];
  let calls = 0;
  const get = shared(async () => {
    if (++calls === 2) throw new TypeError("none");
    const connection = await connect();
    made.push(connection.device);
    return connection;
  });
  const first = await get();
  assertEquals(await get(), first);
  made[0]!.destroy();
  await made[0]!.lost;
  await assertRejects(get, TypeError, "none");
  const second = await get();
  assert(second !== first);
  assertEquals(await add(toDevice(tensor([1]), second), 1).array(), [2]);
  registerDevice(device);
});
