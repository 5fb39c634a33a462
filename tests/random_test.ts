// Random numbers: equal to JAX's by published values, and ordinary under every transform.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { fuse } from "../jit/fuse.ts";
import {
  cast,
  evalShape,
  grad,
  mul,
  ones,
  program,
  random,
  stack,
  sum,
  take,
  type Tensor,
  tensor,
  vjp,
  vmap,
  zeros,
} from "../mod.ts";
import { trace } from "../ops/program.ts";
import { erfInv } from "../ops/random/erfinv.ts";
import { threefry } from "../ops/random/threefry.ts";
import { inverseErf } from "./erf.ts";
import * as jax from "./jax.ts";
import { between } from "./draw.ts";
import { check } from "./property.ts";

const u32 = (...words: number[]): Tensor => tensor(Uint32Array.from(words));
const list = (x: Tensor): number[] => [...x.dataSync()];
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const words: fc.Arbitrary<jax.Words> = fc.tuple(word, word);

// ——— The same as JAX ———

Deno.test("threefry: the vectors of Random123", () => {
  // Random123, tests/kat_vectors, "threefry2x32 20"; also in JAX, tests/random_test.py, testThreefry2x32.
  const vectors: [key: jax.Words, counter: jax.Words, cipher: jax.Words][] = [
    [[0, 0], [0, 0], [0x6b200159, 0x99ba4efe]],
    [[0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [0x1cb996fc, 0xbb002be7]],
    [[0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3], [0xc4923a9c, 0x483df7a0]],
  ];
  for (const [key, [high, low], cipher] of vectors) {
    assertEquals(threefry(u32(...key), u32(high), u32(low)).map((x) => x.item()), [...cipher]);
    assertEquals(jax.threefry(key, [high, low]), cipher);
  }
});

Deno.test("key: words as JAX makes them of seeds", () => {
  // JAX, tests/random_test.py, test_prng_seeds_and_keys, without x64.
  const cases: [seed: number, words: number[]][] = [
    [0, [0, 0]],
    [1, [0, 1]],
    [2 ** 31 + 99, [0, 2147483747]],
    [2 ** 31 + 100, [0, 2147483748]],
    [-1, [0, 4294967295]],
    [-2, [0, 4294967294]],
    [-(2 ** 31) - 100, [0, 2147483548]],
  ];
  // The same function with x64, whose seeds have 64 bits.
  cases.push([2 ** 32, [1, 0]], [2 ** 32 + 1, [1, 1]], [2 ** 53 - 1, [2 ** 21 - 1, 2 ** 32 - 1]]);
  for (const [seed, expected] of cases) {
    const key = random.key(seed);
    assertEquals([key.dtype, key.shape, list(key)], ["uint32", [2], expected]);
  }
});

Deno.test("split, keys, foldIn: as JAX 0.5 and later", () => {
  // NVIDIA TensorRT-Incubator, mlir-tensorrt, jax test_random.py: random.split(PRNGKey(seed)) for seeds 0, 1, 2.
  const published = [
    [[1797259609, 2579123966], [928981903, 3453687069]],
    [[507451445, 1853169794], [1948878966, 4237131848]],
    [[1821159224, 3364244817], [637334850, 3278974502]],
  ];
  published.forEach((pair, seed) => assertEquals(random.split(random.key(seed)).map(list), pair));
  // jax-js, test/random.test.ts: jax.random.split(jax.random.key(0), 3) and of key(1).
  assertEquals(list(random.split(random.key(0), 3)[2]), [4146024105, 2718843009]);
  assertEquals(list(random.split(random.key(1), 3)[2]), [2441914641, 3819641963]);
  // JAX, tests/random_test.py, test_threefry_split_fold_in_symmetry.
  const key = random.key(72);
  assertEquals([0, 1, 2].map((i) => list(random.foldIn(key, i))), random.split(key, 3).map(list));
  assertEquals(random.keys(key, 3).arraySync(), random.split(key, 3).map(list));
  assertEquals(list(random.foldIn(key, 2 ** 32 - 1)), [...jax.threefry([0, 72], [0, 2 ** 32 - 1])]);
  assertEquals(
    list(random.foldIn(key, tensor(Int32Array.of(-1), { shape: [] }))),
    list(random.foldIn(key, 2 ** 32 - 1)),
  );
  assertEquals([random.split(key, 0), random.keys(key, 0).shape], [[], [0, 2]]);
});

Deno.test("bits and uniform: as JAX 0.5 and later", () => {
  // jax-js, test/random.test.ts: jax.random.bits(key(0)), bits(key(10), (4,)), uniform(key(51), (4,)).
  assertEquals(random.bits(random.key(0)).item(), 4070199207);
  assertEquals(list(random.bits(random.key(10), [4])), [169096361, 1572511259, 2689743692, 2228103506]);
  assertPrinted(random.uniform(random.key(51), [4]), [0.471269, 0.12344253, 0.17550635, 0.5663593]);
  // The documentation of jax.random: uniform(key(0)), and of the second key of its split.
  const [, subkey] = random.split(random.key(0));
  assertPrinted(random.uniform(random.key(0)), [0.947667]);
  assertPrinted(random.uniform(subkey), [0.00729382]);
  // mlir-tensorrt, as above: random.uniform(random.split(PRNGKey(0))[1], (4, 4)).
  assertPrinted(
    random.uniform(subkey, [4, 4]),
    [
      [0.00729382, 0.02089119, 0.5814265, 0.36183798],
      [0.22303772, 0.11928833, 0.12543893, 0.61683],
      [0.0950073, 0.9834225, 0.4248221, 0.8324801],
      [0.0966121, 0.22702086, 0.3545748, 0.67104137],
    ].flat(),
  );
});

/** Equality with numbers as NumPy prints them: the shortest that means this float32, but eight decimals at most. */
function assertPrinted(x: Tensor, printed: readonly number[]): void {
  const values = list(x);
  assertEquals(values.length, printed.length);
  values.forEach((value, i) => {
    const same = Math.fround(printed[i]!) === value || Math.abs(printed[i]! - value) <= 5e-9;
    assert(same, `${value} is not printed as ${printed[i]}`);
  });
}

Deno.test("normal: as JAX 0.5 and later, within the rounding of erfInv", () => {
  const close = (x: Tensor, expected: number[]) =>
    // Four float32 ULP of the value, and what is printed of it.
    list(x).forEach((value, i) =>
      assertAlmostEquals(value, expected[i]!, 5e-7 * Math.max(0.02, Math.abs(expected[i]!)))
    );
  // JAX's documentation, "Pseudorandom numbers".
  const key = random.key(42);
  close(random.normal(key), [-0.028304616]);
  close(random.normal(key, [3]), [-0.02830462, 0.46713185, 0.29570296]);
  close(stack(random.split(key, 3).map((k) => random.normal(k))), [0.07592554, 0.60576403, 0.4323065]);
  let current = key;
  for (const drawn of [0.6057640314102173, -0.21089035272598267, -0.3948981463909149]) {
    const [next, subkey] = random.split(current);
    close(random.normal(subkey), [drawn]);
    current = next;
  }
  // mlir-tensorrt, as above: random.normal(random.split(PRNGKey(0))[0], (4, 4)).
  close(
    random.normal(random.split(random.key(0))[0], [4, 4]),
    [
      [1.0040143, -0.9063372, -0.7481722, -1.1713669],
      [-0.8712328, 0.58883816, 0.72392994, -1.0255982],
      [1.661628, -1.8910251, -1.2889339, 0.13360691],
      [-1.1530392, 0.23929629, 1.7448071, 0.5050189],
    ].flat(),
  );
});

Deno.test("JAX in plain numbers gives the values that JAX's tests publish", () => {
  // JAX, tests/random_test.py, testPRNGValues and testRngRandomBits, which hold in the original layout.
  const key: jax.Words = [0, 0];
  assertEquals(jax.split("original", key, 4), [
    [2285895361, 1501764800],
    [1518642379, 4090693311],
    [433833334, 4221794875],
    [839183663, 3740430601],
  ]);
  assertEquals(jax.bits("original", [0, 1701], 3), [56197195, 4200222568, 961309823]);
  assertEquals(jax.randint("original", key, 9, 0, 8), [2, 1, 3, 6, 1, 5, 6, 3, 4]);
  // jax-ml/jax issue 21061: 1 + randint(key(72), (), 0, 10) prints 4 in the original layout and 8 in the other.
  assertEquals(jax.randint("original", [0, 72], 1, 0, 10), [3]);
  assertEquals(jax.randint("partitionable", [0, 72], 1, 0, 10), [7]);
  assertEquals(random.randint(random.key(72), [], { minval: 0, maxval: 10 }).item(), 7);
});

Deno.test("every draw equals JAX in plain numbers", () => {
  const size = fc.integer({ min: 0, max: 40 });
  const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  check(fc.tuple(words, size), ([key, n]) => {
    const k = u32(...key);
    assertEquals(random.split(k, n).map(list), jax.split("partitionable", key, n).map((pair) => [...pair]));
    assertEquals(list(random.bits(k, [n])), jax.bits("partitionable", key, n));
    assertEquals(list(random.uniform(k, [n])), jax.uniform(key, n));
    assertEquals(list(random.uniform(k, [n], { dtype: "float64" })), jax.uniform64(key, n));
    assertEquals(list(random.uniform(k, [n], { min: -3, max: 0.1 })), jax.uniform(key, n, -3, 0.1));
    assertEquals(list(random.permutation(k, n)), jax.permutation("partitionable", key, n));
    assertEquals(list(random.bernoulli(k, [n], { p: 0.3 })), jax.uniform(key, n).map((u) => +(u < Math.fround(0.3))));
  });
  check(fc.tuple(words, int32, int32), ([key, a, b]) => {
    const [minval, maxval] = [Math.min(a, b), Math.max(a, b) + (a === b ? 1 : 0)];
    fc.pre(maxval < 2 ** 31);
    const drawn = random.randint(u32(...key), [20], { minval, maxval });
    assertEquals(drawn.dtype, "int32");
    assertEquals(list(drawn), jax.randint("partitionable", key, 20, minval, maxval));
  });
  check(
    fc.tuple(words, fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 6 })),
    ([key, logits]) => {
      assertEquals(
        list(random.categorical(u32(...key), tensor(logits), { shape: [10] })),
        jax.categorical(key, logits, 10),
      );
    },
  );
  const weights = fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 8 });
  check(fc.tuple(words, weights, size), ([key, p, n]) => {
    const [k, some] = [u32(...key), Math.min(n, p.length)];
    for (const from of [p, p.length]) {
      const [x, options] = [p.length, typeof from === "number" ? {} : { p: tensor(from) }];
      assertEquals(list(random.choice(k, x, { ...options, shape: [n] })), jax.choice(key, from, n, true));
      assertEquals(
        list(random.choice(k, x, { ...options, shape: [some], replace: false })),
        jax.choice(key, from, some, false),
      );
    }
    assertEquals(
      list(random.multinomial(k, n, tensor(p))),
      p.map((_, i) => jax.choice(key, p, n, true).filter((at) => at === i).length),
    );
  });
  check(fc.tuple(words, fc.tuple(between(-3, 2), between(-3, 2)), size), ([key, bounds, n]) => {
    const k = u32(...key);
    const [lower, upper] = [Math.min(...bounds), Math.max(...bounds) + 1];
    // Two float32 ULP of the value, or of 1: a log near 0 keeps the error of the log inside.
    const close = (x: Tensor, expected: readonly number[]) =>
      list(x).forEach((v, i) => assertAlmostEquals(v, expected[i]!, 2 ** -22 * Math.max(1, Math.abs(expected[i]!))));
    close(random.gumbel(k, [n]), jax.gumbel(key, n));
    close(random.exponential(k, [n]), jax.exponential(key, n));
    close(random.laplace(k, [n]), jax.laplace(key, n));
    // erfInv rounds u², by 2^-25 at most, which its slope, 1 / 2φ(3) = 113, magnifies.
    const expected = jax.truncatedNormal(key, n, lower, upper);
    list(random.truncatedNormal(k, [n], { lower, upper })).forEach((v, i) => {
      assertAlmostEquals(v, expected[i]!, 113 * 2 ** -25);
      assert(lower < v && v < upper);
    });
  });
  // From 1,626 elements on there are two rounds.
  assertEquals(list(random.permutation(random.key(3), 2000)), jax.permutation("partitionable", [0, 3], 2000));
});

Deno.test("the shape only arranges the draws", () => {
  const key = random.key(5);
  for (const shape of [[], [6], [2, 3], [1, 2, 3], [0, 3]]) {
    const n = shape.reduce((a, b) => a * b, 1);
    const draws: ((shape: number[]) => Tensor)[] = [
      (s) => random.bits(key, s),
      (s) => random.uniform(key, s, { min: 2, max: 3 }),
      (s) => random.normal(key, s),
      (s) => random.truncatedNormal(key, s),
      (s) => random.gumbel(key, s),
      (s) => random.exponential(key, s),
      (s) => random.laplace(key, s),
      (s) => random.choice(key, 9, { shape: s }),
      (s) => random.choice(key, 9, { shape: s, replace: false }),
      (s) => random.choice(key, 3, { shape: s, p: tensor([1, 2, 3]) }),
      (s) => random.bernoulli(key, s),
      (s) => random.randint(key, s, { minval: 0, maxval: 100 }),
    ];
    for (const draw of draws) {
      assertEquals(draw(shape).shape, shape);
      assertEquals(list(draw(shape)), list(draw([n])));
    }
  }
});

// ——— The inverse of the error function ———

Deno.test("erfInv: within a few ULP, in both precisions, out to the last number below 1", () => {
  const compare = (ys: Float32Array | Float64Array, ulps: number, ulp: number) => {
    const xs = erfInv(tensor(ys)).dataSync<Float64Array>();
    ys.forEach((y, i) => {
      const x = inverseErf(y);
      // Besides, XLA and so JAX round y² in log1p(−y²): by up to ulp / 4 above 1/2, which erfInv magnifies by its slope.
      const rounded = y * y > 0.5 ? Math.sqrt(Math.PI) / 4 * Math.exp(x * x) / Math.abs(x) * ulp / 4 : 0;
      assertAlmostEquals(xs[i]! / x, 1, ulps * ulp + rounded);
    });
  };
  const powers = Array.from({ length: 52 }, (_, i) => 2 ** -i);
  const inner = Array.from({ length: 400 }, (_, i) => (i + 0.5) / 400);
  const ys = [...inner, ...powers.slice(1).map((p) => 1 - p), ...powers.slice(1)].flatMap((y) => [y, -y]);
  // What is left is measured: Giles's polynomials and their evaluation.
  compare(Float32Array.from(ys.filter((y) => Math.abs(Math.fround(y)) < 1)), 6, 2 ** -23);
  compare(Float64Array.from(ys), 8, 2 ** -52);
});

// ——— Parameters that are tensors ———

Deno.test("uniform, bernoulli, randint: parameters broadcast", () => {
  const key = random.key(3);
  const [min, max] = [tensor([[0], [10]]), tensor([1, 20, 300])];
  const u = random.uniform(key, [2, 3], { min, max });
  const expected = [[0, 1], [0, 20], [0, 300], [10, 1], [10, 20], [10, 300]].map(([low, high], i) =>
    jax.uniform([0, 3], 6, low, high)[i]!
  );
  assertEquals(list(u), expected);
  const p = tensor([0, 1, 0.5], { dtype: "float64" });
  assertEquals((random.bernoulli(key, [4, 3], { p }).arraySync() as boolean[][]).map((row) => row.slice(0, 2)), [
    [false, true],
    [false, true],
    [false, true],
    [false, true],
  ]);
  assertEquals(random.bernoulli(key, undefined, { p }).shape, [3]);
  const maxval = tensor(Int32Array.of(1, 0, 100));
  const drawn = list(random.randint(key, [3], { minval: 0, maxval }));
  // Where minval >= maxval the result is minval, as in JAX.
  assertEquals(drawn, [0, 0, jax.randint("partitionable", [0, 3], 3, 0, 100)[2]!]);
});

Deno.test("categorical: axes and shapes", () => {
  const key = random.key(3);
  const logits = random.normal(random.key(4), [2, 3, 5]);
  assertEquals(random.categorical(key, logits).shape, [2, 3]);
  assertEquals(random.categorical(key, logits, { axis: 0 }).shape, [3, 5]);
  assertEquals(random.categorical(key, logits, { axis: -2, shape: [7, 2, 5] }).shape, [7, 2, 5]);
  assertEquals(random.categorical(key, zeros([1, 4]), { shape: [6] }).shape, [6]);
  const sure = tensor([[[0, 50], [50, 0], [0, 50]], [[50, 0], [50, 0], [0, 50]]]);
  assertEquals(random.categorical(key, sure).arraySync(), [[1, 0, 1], [0, 0, 1]]);
  assertEquals(random.categorical(key, sure, { axis: 0, shape: [2, 3, 2] }).shape, [2, 3, 2]);
  // One row for all draws.
  assertEquals(random.categorical(key, tensor([[0, 50]]), { shape: [3] }).arraySync(), [1, 1, 1]);
});

Deno.test("permutation: rows of a tensor", () => {
  const key = random.key(6);
  const x = random.normal(random.key(7), [5, 2, 3]);
  assertEquals(list(random.permutation(key, x)), list(take(x, random.permutation(key, 5), { axis: 0 })));
  assertEquals([0, 1].map((n) => list(random.permutation(key, n))), [[], [0]]);
  assertEquals(random.permutation(key, zeros([0, 3])).shape, [0, 3]);
});

// ——— Under transforms ———

const draws: readonly ((key: Tensor) => Tensor)[] = [
  (key) => stack(random.split(key, 3)),
  (key) => random.keys(key, 2),
  (key) => random.foldIn(key, 7),
  (key) => random.bits(key, [2, 3]),
  (key) => random.uniform(key, [3], { min: 1, max: 5 }),
  (key) => random.uniform(key, [3], { dtype: "float64" }),
  (key) => random.normal(key, [3]),
  (key) => random.truncatedNormal(key, [3], { lower: -1 }),
  (key) => random.gumbel(key, [3]),
  (key) => random.exponential(key, [3], { dtype: "float64" }),
  (key) => random.laplace(key, [3]),
  (key) => random.choice(key, tensor([[1, 2], [3, 4], [5, 6]]), { shape: [2], replace: false }),
  (key) => random.choice(key, 3, { shape: [2, 2], p: tensor([1, 2, 3]) }),
  (key) => random.choice(key, 3, { shape: [2], p: tensor([1, 2, 3]), replace: false }),
  (key) => random.multinomial(key, 20, tensor([1, 2, 3])),
  (key) => random.bernoulli(key, [4], { p: 0.4 }),
  (key) => random.randint(key, [4], { minval: -3, maxval: 30 }),
  (key) => random.permutation(key, 6),
  (key) => random.categorical(key, tensor([[1, 2, 3], [3, 2, 1]]), { shape: [4, 2] }),
];

Deno.test("vmap over keys is the loop", () => {
  const keys = random.keys(random.key(11), 4);
  for (const draw of draws) {
    const rows = random.split(random.key(11), 4).map((key) => draw(key));
    const mapped = vmap(draw)(keys);
    assertEquals([mapped.dtype, mapped.shape], [rows[0]!.dtype, [4, ...rows[0]!.shape]]);
    const [got, expected] = [list(mapped), rows.flatMap(list)];
    // The same operations, but one by one: logarithms may differ by an ULP between kernels.
    got.forEach((value, i) => assertAlmostEquals(value, expected[i]!, 1e-6 * Math.abs(expected[i]!)));
  }
  const steps = vmap((i: Tensor) => random.foldIn(random.key(1), i))(tensor(Int32Array.of(0, 1, 2)));
  assertEquals(steps.arraySync(), random.keys(random.key(1), 3).arraySync());
  const nested = vmap(vmap((key: Tensor) => random.uniform(key)))(vmap((key: Tensor) => random.keys(key, 3))(keys));
  assertEquals(nested.shape, [4, 3]);
});

Deno.test("a draw is traced into a program, and run on known values as one kernel for each table of numbers", () => {
  const key = random.key(12);
  for (const draw of draws) {
    program(draw)(key).typecheck();
    assertEquals(evalShape(draw, key), draw(key).type);
  }
  const kernels = (draw: (key: Tensor) => Tensor): string[] =>
    fuse(trace("test", ([k]) => [draw(k!)], [key.type])).steps
      .map(({ kernel }) => kernel.kind).filter((kind) => kind !== "view");
  const { exponential, gumbel, laplace, truncatedNormal } = random;
  const single = [random.bits, random.uniform, random.normal, random.bernoulli, exponential, gumbel, laplace];
  for (const draw of [...single, truncatedNormal]) {
    assertEquals(kernels((k) => draw(k, [3, 4])), ["map"]);
  }
  assertEquals(kernels((k) => random.uniform(k, [3, 4], { min: -2, max: 2 })), ["map"]);
  assertEquals(kernels((k) => random.foldIn(k, 1)), ["map"]);
});

Deno.test("gradients: through noise, bounds and orders; keys get null", () => {
  const key = random.key(13);
  const noise = random.normal(key, [4]);
  const throughNoise = grad((w: Tensor) => sum(mul(w, random.normal(key, [4]))))(ones([4]));
  assertEquals(list(throughNoise), list(noise));
  // x = min + u (max − min)
  const u = list(random.uniform(key, [5]));
  const bounds = grad((min: Tensor, max: Tensor) => sum(random.uniform(key, [5], { min, max })), { argnums: [0, 1] });
  const [low, high] = bounds(tensor(-1), tensor(2));
  assertAlmostEquals(Number(high.item()), u.reduce((a, b) => a + b), 1e-5);
  assertAlmostEquals(Number(low.item()), u.reduce((a, b) => a + 1 - b, 0), 1e-5);
  const rows = grad((x: Tensor) => sum(random.choice(key, x, { shape: [6] })))(zeros([3]));
  assertEquals(
    list(rows),
    [0, 1, 2].map((i) => list(random.choice(key, 3, { shape: [6] })).filter((k) => k === i).length),
  );
  const weights = tensor([1, 2, 3, 4]);
  const order = random.permutation(key, 4);
  const moved = grad((x: Tensor) => sum(mul(weights, random.permutation(key, x))))(zeros([4]));
  assertEquals(list(take(moved, order)), [1, 2, 3, 4]);
  const [, pullback] = vjp((x: Tensor, k: Tensor) => sum(mul(x, random.uniform(k, [2]))), ones([2]), key);
  assertEquals(pullback(ones([]))[1] as unknown, null);
  // What is drawn by known probabilities may depend on a traced value.
  const drawn = grad((x: Tensor) => {
    const chosen = random.categorical(key, mul(x, x), { shape: [3] });
    return sum(mul(take(x, chosen), cast(random.bernoulli(key, [3], { p: x }), "float32")));
  })(tensor([0.2, 0.9, 0.4]));
  assertEquals(drawn.shape, [3]);
});

Deno.test("split: a tuple of keys for a literal, an array for a number", () => {
  const key = random.key(0);
  const three: [Tensor, Tensor, Tensor] = random.split(key, 3);
  const n: number = 2;
  const some: Tensor[] = random.split(key, n);
  assertEquals([three.length, some.length, random.split(key, 70).length], [3, 2, 70]);
});
