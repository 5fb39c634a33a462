/** Rows that are reduced and gone over again, compiled: layer normalisation, cross entropy, and what they pull back. */

import { add, mean, mul, nn, rsqrt, square, sub, type Tensor, tensor, valueAndGrad, vjp } from "../mod.ts";
import { jit } from "../jit/mod.ts";
import { measure, sample } from "./measure.ts";

function layerNorm(x: Tensor, gain: Tensor, bias: Tensor): Tensor {
  const centered = sub(x, mean(x, { axis: -1, keepDims: true }));
  const variance = mean(square(centered), { axis: -1, keepDims: true });
  return add(mul(mul(centered, rsqrt(add(variance, 1e-5))), gain), bias);
}

for (const [rows, columns] of [[128, 64], [4096, 1024]] as const) {
  const inputs = () => {
    const x = sample([rows, columns], 1, 8);
    const xs = x.dataSync();
    /** Mean, and one over the standard deviation, of a row. */
    const moments = (row: number) => {
      const values = xs.subarray(row * columns, (row + 1) * columns);
      const mean = values.reduce((sum, v) => sum + v, 0) / columns;
      return { mean, scale: 1 / Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / columns + 1e-5) };
    };
    return { x, xs, moments };
  };
  const [gain, bias] = [sample([columns], 2), sample([columns], 3)];
  const [gains, biases] = [gain.dataSync(), bias.dataSync()];

  measure("normalisation", `layer norm ${rows}x${columns}`, () => {
    const { x, xs, moments } = inputs();
    const f = jit(layerNorm);
    return {
      run: () => f(x, gain, bias),
      expected: (i) => {
        const { mean, scale } = moments(Math.floor(i / columns));
        return (xs[i]! - mean) * scale * gains[i % columns]! + biases[i % columns]!;
      },
    };
  });

  measure("normalisation", `layer norm's gradient by its input, ${rows}x${columns}`, () => {
    const { x, xs, moments } = inputs();
    const cotangent = sample([rows, columns], 4);
    const gs = cotangent.dataSync();
    const f = jit((x: Tensor, g: Tensor) => vjp((x: Tensor) => layerNorm(x, gain, bias), x)[1](g)[0]);
    return {
      run: () => f(x, cotangent),
      expected: (i) => {
        const row = Math.floor(i / columns);
        const { mean, scale } = moments(row);
        let [sum, along] = [0, 0];
        for (let k = row * columns; k < (row + 1) * columns; k++) {
          const g = gs[k]! * gains[k % columns]!;
          sum += g;
          along += g * (xs[k]! - mean) * scale;
        }
        const normal = (xs[i]! - mean) * scale;
        return scale * (gs[i]! * gains[i % columns]! - sum / columns - normal * along / columns);
      },
    };
  });

  measure("normalisation", `cross entropy and its gradient, ${rows}x${columns}`, () => {
    const { x, xs } = inputs();
    const labels = tensor(Int32Array.from({ length: rows }, (_, i) => i % columns));
    const f = jit((x: Tensor) => valueAndGrad((x: Tensor) => nn.loss.crossEntropy(x, labels))(x)[1]);
    return {
      run: () => f(x),
      expected: (i) => {
        const row = Math.floor(i / columns);
        const total = xs.subarray(row * columns, (row + 1) * columns).reduce((sum, v) => sum + Math.exp(v), 0);
        return (Math.exp(xs[i]!) / total - Number(i % columns === row % columns)) / rows;
      },
    };
  });
}
