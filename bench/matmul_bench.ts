/** Matrix products: square, the shapes of a dense layer forward and backward, a batch, a matrix and a vector. */

import { matmul, transpose } from "../mod.ts";
import { measure, sample } from "./measure.ts";

for (const n of [16, 64, 256, 512, 1024, 2048]) product(n, n, n);
product(128, 784, 512);

/** f32[n,k], f32[k,m] → f32[n,m] */
function product(n: number, k: number, m: number): void {
  measure("matmul", `${n}x${k} · ${k}x${m}`, () => {
    const [a, b] = [sample([n, k], 1), sample([k, m], 2)];
    const [as, bs] = [a.dataSync(), b.dataSync()];
    return {
      run: () => matmul(a, b),
      expected: (i) => dotOf(k, (j) => as[Math.floor(i / m) * k + j]! * bs[j * m + i % m]!),
    };
  });
}

// The two products of the backward pass read one operand transposed.
measure("matmul", "transposed 784x128 · 128x512 (a weight's gradient)", () => {
  const [x, g] = [sample([128, 784], 1), sample([128, 512], 2)];
  const [xs, gs] = [x.dataSync(), g.dataSync()];
  return {
    run: () => matmul(transpose(x), g),
    expected: (i) => dotOf(128, (j) => xs[j * 784 + Math.floor(i / 512)]! * gs[j * 512 + i % 512]!),
  };
});

measure("matmul", "128x512 · transposed 512x784 (an input's gradient)", () => {
  const [g, w] = [sample([128, 512], 1), sample([784, 512], 2)];
  const [gs, ws] = [g.dataSync(), w.dataSync()];
  return {
    run: () => matmul(g, transpose(w)),
    expected: (i) => dotOf(512, (j) => gs[Math.floor(i / 784) * 512 + j]! * ws[(i % 784) * 512 + j]!),
  };
});

measure("matmul", "32 of 64x64 · 64x64", () => {
  const [a, b] = [sample([32, 64, 64], 1), sample([32, 64, 64], 2)];
  const [as, bs] = [a.dataSync(), b.dataSync()];
  return {
    run: () => matmul(a, b),
    expected(i) {
      const [first, row, column] = [Math.floor(i / 4096) * 4096, Math.floor(i / 64) * 64, i % 64];
      return dotOf(64, (j) => as[row + j]! * bs[first + j * 64 + column]!);
    },
  };
});

measure("matmul", "1024x1024 · 1024", () => {
  const [a, x] = [sample([1024, 1024], 1), sample([1024], 2)];
  const [as, xs] = [a.dataSync(), x.dataSync()];
  return { run: () => matmul(a, x), expected: (i) => dotOf(1024, (j) => as[i * 1024 + j]! * xs[j]!) };
});

function dotOf(n: number, term: (j: number) => number): number {
  let total = 0;
  for (let j = 0; j < n; j++) total += term(j);
  return total;
}
