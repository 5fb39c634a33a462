// Random numbers on the GPU: those that are whole numbers or made of bits alone are the CPU's, bit for bit.
import { assertEquals } from "@std/assert";
import * as random from "../ops/random/mod.ts";
import { sort, tensor } from "../ops/mod.ts";
import type { Tensor } from "../ops/tensor.ts";
import { assertNear } from "./derivatives.ts";
import { read } from "./close.ts";
import { onGpu, readAll } from "./gpu.ts";

/** What a key gives; it is made where the draws are. */
type Draw = (key: Tensor) => Tensor;

const exact: Readonly<Record<string, Draw>> = {
  "keys": (key) => random.keys(key, 9),
  "foldIn": (key) => random.foldIn(key, 12345),
  "bits": (key) => random.bits(key, [3, 111]),
  "uniform": (key) => random.uniform(key, [1000]),
  "uniform of float16": (key) => random.uniform(key, [1000], { dtype: "float16" }),
  "randint": (key) => random.randint(key, [1000], { minval: -7, maxval: 1000003 }),
  "bernoulli": (key) => random.bernoulli(key, [1000], { p: 0.3 }),
  "permutation": (key) => random.permutation(key, 777),
  "choice": (key) => random.choice(key, 50, { shape: [20], replace: false }),
};

/** Units of 2⁻²⁴ of the largest of them, for functions that a GPU computes in another way. */
const near: Readonly<Record<string, readonly [Draw, ulps: number]>> = {
  "normal": [(key) => random.normal(key, [4096]), 8],
  "gumbel": [(key) => random.gumbel(key, [4096]), 8],
  "exponential": [(key) => random.exponential(key, [4096]), 4],
  "laplace": [(key) => random.laplace(key, [4096]), 4],
  "truncatedNormal": [(key) => random.truncatedNormal(key, [4096]), 16],
};

async function both(draw: Draw, seed: number): Promise<[gpu: readonly number[], cpu: readonly number[]]> {
  const [found] = await readAll([onGpu(() => draw(random.key(seed)))]);
  const expected = read(draw(random.key(seed)));
  assertEquals({ ...found, data: null }, { ...expected, data: null });
  return [found!.data, expected.data];
}

for (const [name, draw] of Object.entries(exact)) {
  Deno.test(`gpu: random: ${name}`, async () => {
    for (const seed of [0, 10, -1, 2 ** 40 + 3]) {
      const [found, expected] = await both(draw, seed);
      assertEquals(found, expected);
    }
  });
}

for (const [name, [draw, ulps]] of Object.entries(near)) {
  Deno.test(`gpu: random: ${name}`, async () => {
    const [found, expected] = await both(draw, 3);
    assertNear(found, expected, ulps * 2 ** -24, name);
  });
}

Deno.test("gpu: random: a draw from logits is the CPU's, but where two are as good as equal", async () => {
  const logits = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i));
  const draw: Draw = (key) => random.categorical(key, tensor(logits), { shape: [500] });
  const [found, expected] = await both(draw, 5);
  const different = found.filter((v, i) => v !== expected[i]).length;
  assertEquals(different <= 1, true, `${different} of 500 differ`);
});

Deno.test("gpu: sorting is stable and puts NaN last, for lines of all lengths", async () => {
  for (const n of [1, 2, 31, 32, 33, 100, 1000, 4097]) {
    const values = Float32Array.from({ length: n }, (_, i) => i % 7 === 3 ? NaN : Math.round(8 * Math.sin(i)) || -0);
    const [found] = await readAll([onGpu(() => sort(tensor(values)))]);
    assertEquals(found!.data, [...sort(tensor(values)).dataSync()]);
  }
});
