/** Elementwise work and sums: one operation on small and large tensors, transcendentals, broadcasting, a strided read. */

import { add, exp, maximum, mul, sin, sum, tanh, transpose } from "../mod.ts";
import { measure, sample } from "./measure.ts";

const large = 4 * 2 ** 20;

for (const n of [1000, 100_000, large]) {
  measure("elementwise", `add ${n}`, () => {
    const [x, y] = [sample([n], 1), sample([n], 2)];
    const [xs, ys] = [x.dataSync(), y.dataSync()];
    return { run: () => add(x, y), expected: (i) => xs[i]! + ys[i]! };
  });
}

for (const [f, exact] of [[exp, Math.exp], [tanh, Math.tanh], [sin, Math.sin]] as const) {
  measure("elementwise", `${f.name} ${large}`, () => {
    const x = sample([large], 1, 4);
    const xs = x.dataSync();
    return { run: () => f(x), expected: (i) => exact(xs[i]!) };
  });
}

measure("elementwise", `maximum with a number ${large}`, () => {
  const x = sample([large], 1);
  const xs = x.dataSync();
  return { run: () => maximum(x, 0), expected: (i) => Math.max(xs[i]!, 0) };
});

measure("elementwise", "4096x1024 times a row", () => {
  const [x, row] = [sample([4096, 1024], 1), sample([1024], 2)];
  const [xs, rows] = [x.dataSync(), row.dataSync()];
  return { run: () => mul(x, row), expected: (i) => xs[i]! * rows[i % 1024]! };
});

measure("elementwise", "2048x2048 plus its transpose", () => {
  const x = sample([2048, 2048], 1);
  const xs = x.dataSync();
  return { run: () => add(x, transpose(x)), expected: (i) => xs[i]! + xs[(i % 2048) * 2048 + Math.floor(i / 2048)]! };
});

measure("elementwise", "sum of the rows of 4096x1024", () => {
  const x = sample([4096, 1024], 1);
  const xs = x.dataSync();
  return { run: () => sum(x, { axis: 1 }), expected: (i) => xs.subarray(i * 1024, (i + 1) * 1024).reduce(plus, 0) };
});

measure("elementwise", "sum of the columns of 4096x1024", () => {
  const x = sample([4096, 1024], 1);
  const xs = x.dataSync();
  return { run: () => sum(x, { axis: 0 }), expected: (i) => xs.filter((_, j) => j % 1024 === i).reduce(plus, 0) };
});

function plus(a: number, b: number): number {
  return a + b;
}
