// Random numbers are distributed as they say: moments, Kolmogorov and Smirnov's distance, χ², at fixed keys.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { add, log, mean, mul, random, sub, take, type Tensor, tensor, vmap, zeros } from "../mod.ts";
import { erf } from "./erf.ts";

const list = (x: Tensor): number[] => [...x.dataSync()];

const many = 20_000;

/** Kolmogorov and Smirnov's distance times √n, which exceeds 1.63 for one key in a hundred. */
function assertDistributed(x: Tensor, cumulative: (x: number) => number): void {
  const sorted = x.dataSync().slice().sort();
  const n = sorted.length;
  const distance = sorted.reduce((worst, value, i) => {
    const c = cumulative(value);
    return Math.max(worst, c - i / n, (i + 1) / n - c);
  }, 0);
  assert(distance * Math.sqrt(n) < 1.63, `the distance is ${distance * Math.sqrt(n)}`);
}

/** Pearson's χ²; `critical` is what one key in a hundred exceeds. */
function assertCounts(drawn: readonly number[], probabilities: readonly number[], critical: number): void {
  const counts = probabilities.map(() => 0);
  for (const k of drawn) counts[k]! += 1;
  const chi2 = probabilities.reduce(
    (total, p, k) => total + (counts[k]! - p * drawn.length) ** 2 / (p * drawn.length),
    0,
  );
  assert(chi2 < critical, `χ² is ${chi2} for counts ${counts}`);
}

Deno.test("uniform and normal: moments within four standard errors, and the whole distribution", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const u = random.uniform(random.key(1), [many], { dtype, min: -1, max: 3 });
    assertDistributed(u, (x) => (x + 1) / 4);
    const z = random.normal(random.key(2), [many], { dtype });
    assertEquals([u.dtype, z.dtype], [dtype, dtype]);
    assertDistributed(z, (x) => (1 + erf(x / Math.SQRT2)) / 2);
    assertAlmostEquals(Number(mean(z).item()), 0, 4 / Math.sqrt(many));
    assertAlmostEquals(Number(mean(mul(z, z)).item()), 1, 4 * Math.sqrt(2 / many));
    assertAlmostEquals(Number(mean(mul(mul(z, z), z)).item()), 0, 4 * Math.sqrt(15 / many));
  }
});

/** Mean and variance within four standard errors, that of the variance by the fourth central moment. */
function assertMoments(x: Tensor, expected: { mean: number; variance: number; fourth: number }): void {
  const values = list(x);
  const n = values.length;
  const average = values.reduce((total, v) => total + v, 0) / n;
  const spread = values.reduce((total, v) => total + (v - expected.mean) ** 2, 0) / n;
  assertAlmostEquals(average, expected.mean, 4 * Math.sqrt(expected.variance / n));
  assertAlmostEquals(spread, expected.variance, 4 * Math.sqrt((expected.fourth - expected.variance ** 2) / n));
}

Deno.test("exponential, laplace, gumbel: moments within four standard errors, and the whole distribution", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const waits = random.exponential(random.key(1), [many], { dtype });
    assertDistributed(waits, (x) => 1 - Math.exp(-x));
    assertMoments(waits, { mean: 1, variance: 1, fourth: 9 });
    const sided = random.laplace(random.key(2), [many], { dtype });
    assertDistributed(sided, (x) => x < 0 ? Math.exp(x) / 2 : 1 - Math.exp(-x) / 2);
    assertMoments(sided, { mean: 0, variance: 2, fourth: 24 });
    const extreme = random.gumbel(random.key(3), [many], { dtype });
    assertDistributed(extreme, (x) => Math.exp(-Math.exp(-x)));
    // The fourth central moment is (3 + 12/5) times the square of the variance π²/6.
    const variance = Math.PI ** 2 / 6;
    assertMoments(extreme, { mean: 0.5772156649015329, variance, fourth: 5.4 * variance ** 2 });
    assertEquals([waits.dtype, sided.dtype, extreme.dtype], [dtype, dtype, dtype]);
  }
});

Deno.test("truncatedNormal: moments within four standard errors, and the whole distribution", () => {
  const phi = (x: number): number => Number.isFinite(x) ? Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI) : 0;
  const below = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;
  const bounds: [number, number][] = [[-2, 2], [-0.3, 0.3], [0, Infinity], [-Infinity, -1], [1, 3], [-1, 4], [
    2.5,
    2.75,
  ]];
  bounds.forEach(([lower, upper], i) => {
    for (const dtype of ["float32", "float64"] as const) {
      const x = random.truncatedNormal(random.key(10 + i), [many], { lower, upper, dtype });
      assertEquals(x.dtype, dtype);
      assert(list(x).every((v) => lower < v && v < upper));
      const [low, high] = [lower, upper].map((b) => b === Infinity ? 1 : b === -Infinity ? 0 : below(b)) as [
        number,
        number,
      ];
      assertDistributed(x, (v) => (below(v) - low) / (high - low));
      // E x^k = (k − 1) E x^(k−2) − (b^(k−1) φ(b) − a^(k−1) φ(a)) / (Φ(b) − Φ(a)), by parts.
      const raw = [1, 0];
      for (let k = 1; k <= 4; k++) {
        const at = (b: number): number => Number.isFinite(b) ? b ** (k - 1) * phi(b) : 0;
        raw[k] = (k === 1 ? 0 : (k - 1) * raw[k - 2]!) - (at(upper) - at(lower)) / (high - low);
      }
      const [, m1, m2, m3, m4] = raw as [number, number, number, number, number];
      const fourth = m4 - 4 * m1 * m3 + 6 * m1 ** 2 * m2 - 3 * m1 ** 4;
      assertMoments(x, { mean: m1, variance: m2 - m1 ** 2, fourth });
    }
  });
  // Where float32 cannot tell: next to the nearer bound, and inside.
  assertEquals(
    new Set(list(random.truncatedNormal(random.key(1), [50], { lower: 7, upper: 8 }))),
    new Set([7 + 2 ** -21]),
  );
  assertEquals(new Set(list(random.truncatedNormal(random.key(1), [50], { lower: -8, upper: -7 }))).size, 1);
});

Deno.test("choice and multinomial: counts", () => {
  const p = [0.1, 0.2, 0.3, 0.4];
  const key = random.key(4);
  assertCounts(list(random.choice(key, 4, { shape: [many] })), Array(4).fill(0.25), 11.34);
  assertCounts(list(random.choice(key, 4, { shape: [many], p: tensor(p) })), p, 11.34);
  // Pairs without replacement: the first by p, the second by p of the rest.
  const pair = (k: Tensor): Tensor => random.choice(k, 4, { shape: [2], p: tensor(p), replace: false });
  const pairs = (vmap(pair)(random.keys(key, 5000)).arraySync() as number[][]).map(([i, j]) => 4 * i! + j!);
  const expected = p.flatMap((first, i) => p.map((second, j) => i === j ? 0 : first * second / (1 - first)));
  const kept = expected.flatMap((probability, i) => probability > 0 ? [i] : []);
  assertCounts(pairs.map((i) => kept.indexOf(i)), kept.map((i) => expected[i]!), 24.72);
  const evenPair = (k: Tensor): Tensor => random.choice(k, 3, { shape: [2], replace: false });
  const even = (vmap(evenPair)(random.keys(key, 3000)).arraySync() as number[][]).map(([i, j]) =>
    2 * i! + +(j! > 3 - i! - j!)
  );
  assertCounts(even, Array(6).fill(1 / 6), 15.09);
  // Counts of 50: each is binomial, and two have covariance −n p q.
  const counts = vmap((k: Tensor) => random.multinomial(k, 50, tensor(p)))(random.keys(key, 4000))
    .arraySync() as number[][];
  assertEquals(counts.every((row) => row.reduce((a, b) => a + b) === 50), true);
  p.forEach((q, i) => {
    const column = counts.map((row) => row[i]!);
    const [mean, variance] = [50 * q, 50 * q * (1 - q)];
    assertMoments(tensor(column), { mean, variance, fourth: 3 * variance ** 2 + variance * (1 - 6 * q * (1 - q)) });
  });
  const product = counts.reduce((total, row) => total + (row[2]! - 15) * (row[3]! - 20), 0) / counts.length;
  // Nearly normal, so the product has variance σ²σ² + cov² = 10.5 · 12 + 6².
  assertAlmostEquals(product, -6, 4 * Math.sqrt((10.5 * 12 + 36) / counts.length));
});

Deno.test("choice: rows, shapes, certain and impossible", () => {
  const key = random.key(8);
  const x = random.normal(random.key(7), [5, 2, 3]);
  assertEquals(
    list(random.choice(key, x, { shape: [2, 4] })),
    list(take(x, random.choice(key, 5, { shape: [2, 4] }), { axis: 0 })),
  );
  assertEquals(random.choice(key, x).shape, [2, 3]);
  assertEquals(list(random.choice(key, x, { shape: [5], replace: false })), list(random.permutation(key, x)));
  assertEquals(random.choice(key, x, { shape: [0], replace: false }).shape, [0, 2, 3]);
  assertEquals(random.choice(key, 0, { shape: [2, 0] }).shape, [2, 0]);
  const p = tensor([0, 1, 0, 3, 0]);
  assertEquals(new Set(list(random.choice(key, 5, { shape: [1000], p }))), new Set([1, 3]));
  assertEquals(new Set(list(random.choice(key, 5, { shape: [2], p, replace: false }))), new Set([1, 3]));
  const counts = list(random.multinomial(key, 1000, p));
  assertEquals([counts[0], counts[1]! + counts[3]!, counts[2], counts[4]], [0, 1000, 0, 0]);
  assertEquals(list(random.multinomial(key, 0, p)), [0, 0, 0, 0, 0]);
  assertEquals(random.multinomial(key, 0, zeros([0])).shape, [0]);
  assertEquals(random.choice(key, 5, { p: tensor([1, 1, 1, 1, 1], { dtype: "int32" }) }).dtype, "int32");
});

Deno.test("streams of split keys do not correlate", () => {
  const z = random.split(random.key(0), 4).map((key) => random.normal(key, [many]));
  z.push(random.normal(random.key(0), [many]), random.normal(random.key(1), [many]));
  z.forEach((a, i) =>
    z.slice(0, i).forEach((b) => assertAlmostEquals(Number(mean(mul(a, b)).item()), 0, 4 / Math.sqrt(many)))
  );
});

Deno.test("bernoulli, randint, categorical, permutation: counts", () => {
  assertCounts(list(random.bernoulli(random.key(1), [many], { p: 0.3 })), [0.7, 0.3], 6.63);
  assertCounts(
    list(sub(random.randint(random.key(1), [many], { minval: -5, maxval: 5 }), -5)),
    Array(10).fill(0.1),
    21.67,
  );
  const p = [0.1, 0.2, 0.3, 0.4];
  const logits = add(log(tensor(p)), 42);
  assertCounts(list(random.categorical(random.key(1), logits, { shape: [many] })), p, 11.34);
  const orders = vmap((key: Tensor) => random.permutation(key, 3))(random.keys(random.key(1), 3000));
  // The order (a, b, c) as the number 2a + [b > c].
  const numbers = (orders.arraySync() as number[][]).map(([a, b, c]) => 2 * a! + +(b! > c!));
  assertCounts(numbers, Array(6).fill(1 / 6), 15.09);
});

Deno.test("bernoulli and categorical: certain and impossible", () => {
  const key = random.key(9);
  assertEquals(new Set(list(random.bernoulli(key, [1000], { p: 0 }))), new Set([0]));
  assertEquals(new Set(list(random.bernoulli(key, [1000], { p: 1 }))), new Set([1]));
  const logits = tensor([-Infinity, 0, -Infinity, 0]);
  assertEquals(new Set(list(random.categorical(key, logits, { shape: [1000] }))), new Set([1, 3]));
  assertEquals(random.categorical(key, tensor([7])).item(), 0);
});
