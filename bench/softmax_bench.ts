/** Softmax and its kin over the last axis: the logits of a batch of digits, and a matrix far beyond the caches. */

import { logSoftmax, logSumExp, softmax } from "../mod.ts";
import { measure, sample } from "./measure.ts";

for (const [rows, columns] of [[128, 10], [4096, 1024]] as const) {
  const logits = () => {
    const x = sample([rows, columns], 1, 8);
    const xs = x.dataSync();
    const total = (row: number) => xs.subarray(row * columns, (row + 1) * columns).reduce((s, v) => s + Math.exp(v), 0);
    return { x, xs, total };
  };
  measure("softmax", `softmax ${rows}x${columns}`, () => {
    const { x, xs, total } = logits();
    return { run: () => softmax(x), expected: (i) => Math.exp(xs[i]!) / total(Math.floor(i / columns)) };
  });
  measure("softmax", `logSoftmax ${rows}x${columns}`, () => {
    const { x, xs, total } = logits();
    return { run: () => logSoftmax(x), expected: (i) => xs[i]! - Math.log(total(Math.floor(i / columns))) };
  });
  measure("softmax", `logSumExp ${rows}x${columns}`, () => {
    const { x, total } = logits();
    return { run: () => logSumExp(x, { axis: -1 }), expected: (i) => Math.log(total(i)) };
  });
}
