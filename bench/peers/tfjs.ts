/** TensorFlow.js on its WebAssembly backend, one thread, default flags. */

import { registerHooks } from "node:module";
import { values } from "../values.ts";
import { checkedSteps, type Prepared, products, report } from "./workloads.ts";

interface Tensor {
  dataSync(): Float32Array;
  dispose(): void;
}

/** The part of TensorFlow.js that is used here. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  tensor(data: Float32Array, shape: readonly number[]): Tensor;
  variable(initial: Tensor): Tensor;
  tidy<T>(f: () => T): T;
  add(a: Tensor | number, b: Tensor | number): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  div(a: Tensor, b: Tensor): Tensor;
  maximum(a: Tensor, b: Tensor): Tensor;
  abs(x: Tensor): Tensor;
  sqrt(x: Tensor): Tensor;
  moments(x: Tensor, axis: number, keepDims: boolean): { mean: Tensor; variance: Tensor };
  mul(a: Tensor | number, b: Tensor | number): Tensor;
  tanh(x: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  neg(x: Tensor): Tensor;
  sum(x: Tensor, axis?: number): Tensor;
  mean(x: Tensor): Tensor;
  softmax(x: Tensor): Tensor;
  logSoftmax(x: Tensor): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
  conv2d(x: Tensor, w: Tensor, strides: number, padding: number, format: "NHWC", dilation: 1, round: "floor"): Tensor;
  readonly train: { sgd(learningRate: number): { minimize(f: () => Tensor): unknown } };
}

interface WasmBackend {
  setWasmPaths(folder: string): void;
  setThreadsCount(count: number): void;
}

// The gradients are not part of the package's bundle, and their own files import each other without extensions.
registerHooks({
  resolve: (specifier, context, next) =>
    context.parentURL?.includes("/tfjs-core/") && /^\.\.?\/.*(?<!\.js)$/.test(specifier)
      ? next(`${specifier}.js`, context)
      : next(specifier, context),
});

// Not written as literals, so that nothing but a run of this file downloads them. peers.lock pins them.
const version = "4.22.0";
const load = (path: string): Promise<unknown> => import(`npm:@tensorflow/tfjs-${path}`);
const tf = await load(`core@${version}`) as TensorFlow;
await load(`core@${version}/dist/register_all_gradients.js`);
await load(`backend-cpu@${version}`);
const backend = await load(`backend-wasm@${version}`) as WasmBackend;
backend.setWasmPaths(
  new URL("dist/", import.meta.resolve(`npm:@tensorflow/tfjs-backend-wasm@${version}/package.json`)).href,
);
backend.setThreadsCount(1);
if (!await tf.setBackend("wasm")) throw new Error("TensorFlow.js found no WebAssembly backend");

const withoutGradient = "no gradient of convolution on this backend";

function sample(shape: readonly number[], seed: number, scale = 1): Tensor {
  return tf.tensor(values(shape.reduce((n, size) => n * size, 1), seed, scale), shape);
}

function operation(compute: () => Tensor): Prepared {
  return {
    first: () => [compute().dataSync()],
    run: () => tf.tidy(compute).dispose(),
  };
}

function matmul(n: number, k: number, m: number): Prepared {
  const [a, b] = [sample([n, k], 1), sample([k, m], 2)];
  return operation(() => tf.matMul(a, b));
}

function conv(kernel: number, channels: number, features: number): Prepared {
  const x = sample([32, 32, 32, channels], 1);
  const w = sample([kernel, kernel, channels, features], 2);
  return operation(() => tf.conv2d(x, w, 1, 1, "NHWC", 1, "floor"));
}

/** x/2 · (1 + tanh(√(2/π)(x + 0.044715x³))), for which TensorFlow.js has no function. */
function gelu(x: Tensor): Tensor {
  const cube = tf.mul(x, tf.mul(x, x));
  const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, cube)));
  return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(inner)));
}

function mlp(): Prepared {
  const x = sample([128, 784], 1);
  const oneHot = new Float32Array(1280);
  for (let i = 0; i < 128; i++) oneHot[i * 10 + i % 10] = 1;
  const labels = tf.tensor(oneHot, [128, 10]);
  const shapes = [[784, 512], [512], [512, 512], [512], [512, 10], [10]];
  const params = shapes.map((shape, i) => tf.variable(sample(shape, i + 2, 0.05)));
  const [w1, b1, w2, b2, w3, b3] = params as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const optimizer = tf.train.sgd(0.1);
  const step = (): unknown =>
    optimizer.minimize(() => {
      const h1 = tf.relu(tf.add(tf.matMul(x, w1), b1));
      const h2 = tf.relu(tf.add(tf.matMul(h1, w2), b2));
      const logits = tf.add(tf.matMul(h2, w3), b3);
      return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), 1)));
    });
  return {
    first() {
      for (let i = 0; i < checkedSteps; i++) step();
      return params.map((p) => p.dataSync());
    },
    run: () => void step(),
  };
}

await report("tfjs-wasm", {
  ...products(matmul),
  "conv 3x3, 32x32x32x64 to 64": () => conv(3, 64, 64),
  "conv 4x4, 32x32x32x3 to 128": () => conv(4, 3, 128),
  "conv 3x3, forward and backward": withoutGradient,
  "conv 4x4, forward and backward": withoutGradient,
  "gelu of 4M": () => {
    const x = sample([4 * 2 ** 20], 1, 4);
    return operation(() => gelu(x));
  },
  "chain of 7 operations on 4M": () => {
    const [x, y] = [sample([4 * 2 ** 20], 1), sample([4 * 2 ** 20], 2)];
    return operation(() => tf.sub(tf.mul(tf.sqrt(tf.abs(tf.add(tf.mul(x, y), x))), 0.5), tf.maximum(x, y)));
  },
  "add of 4M": () => {
    const [x, y] = [sample([4 * 2 ** 20], 1), sample([4 * 2 ** 20], 2)];
    return operation(() => tf.add(x, y));
  },
  "sum of rows, 4096x1024": () => {
    const x = sample([4096, 1024], 1);
    return operation(() => tf.sum(x, 1));
  },
  "softmax of rows, 4096x1024": () => {
    const x = sample([4096, 1024], 1, 8);
    return operation(() => tf.softmax(x));
  },
  "layer norm of rows, 4096x1024": () => {
    const [x, scale, bias] = [sample([4096, 1024], 1), sample([1024], 2), sample([1024], 3)];
    return operation(() => {
      const { mean, variance } = tf.moments(x, 1, true);
      return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5))), scale), bias);
    });
  },
  "MLP training step": mlp,
  "LeNet-5 training step": withoutGradient,
  "residual block training step": withoutGradient,
  "small convnet training step": withoutGradient,
});
