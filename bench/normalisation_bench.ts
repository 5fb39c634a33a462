/** What is reduced and gone over again, compiled: layer and batch norm, cross entropy, and what they pull back. */

import { add, mean, mul, nn, rsqrt, square, sub, type Tensor, tensor, valueAndGrad, variance, vjp } from "../mod.ts";
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

function batchNorm(x: Tensor, gain: Tensor, bias: Tensor): Tensor {
  const axis = [0, 1, 2];
  const spread = add(variance(x, { axis }), 1e-5);
  return add(mul(mul(sub(x, mean(x, { axis })), rsqrt(spread)), gain), bias);
}

for (const [images, channels] of [[4, 16], [64, 64]] as const) {
  const shape = [images, 32, 32, channels];
  const inputs = () => {
    const x = sample(shape, 1, 8);
    const xs = x.dataSync();
    const count = xs.length / channels;
    const sums = (f: (i: number) => number) => {
      const sums = new Float64Array(channels);
      for (let i = 0; i < xs.length; i++) sums[i % channels]! += f(i) / count;
      return sums;
    };
    const means = sums((i) => xs[i]!);
    const scales = sums((i) => (xs[i]! - means[i % channels]!) ** 2).map((v) => 1 / Math.sqrt(v + 1e-5));
    return { x, sums, normal: (i: number) => (xs[i]! - means[i % channels]!) * scales[i % channels]!, scales };
  };
  const [gain, bias] = [sample([channels], 2), sample([channels], 3)];
  const [gains, biases] = [gain.dataSync(), bias.dataSync()];

  measure("normalisation", `batch norm ${shape.join("x")}`, () => {
    const { x, normal } = inputs();
    const f = jit(batchNorm);
    return { run: () => f(x, gain, bias), expected: (i) => normal(i) * gains[i % channels]! + biases[i % channels]! };
  });

  measure("normalisation", `batch norm's gradient by its input, ${shape.join("x")}`, () => {
    const { x, sums, normal, scales } = inputs();
    const cotangent = sample(shape, 4);
    const gs = cotangent.dataSync();
    const f = jit((x: Tensor, g: Tensor) => vjp((x: Tensor) => batchNorm(x, gain, bias), x)[1](g)[0]);
    const [sum, along] = [sums((i) => gs[i]!), sums((i) => gs[i]! * normal(i))];
    return {
      run: () => f(x, cotangent),
      expected: (i) => {
        const c = i % channels;
        return scales[c]! * gains[c]! * (gs[i]! - sum[c]! - normal(i) * along[c]!);
      },
    };
  });
}
