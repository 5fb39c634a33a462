/** TensorFlow.js on WebAssembly (one thread) or WebGPU, default flags. */

import { registerHooks } from "node:module";
import { values } from "../values.ts";
import { checkedSteps, place, type Prepared, products, report } from "./workloads.ts";

interface Tensor {
  data(): Promise<Float32Array>;
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
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  maxPool(x: Tensor, size: number, strides: number, padding: "valid"): Tensor;
  softmax(x: Tensor): Tensor;
  logSoftmax(x: Tensor): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
  conv2d(x: Tensor, w: Tensor, strides: number, padding: number, format: "NHWC", dilation: 1, round: "floor"): Tensor;
  valueAndGrads(
    f: (x: Tensor, w: Tensor) => Tensor,
  ): (primals: readonly Tensor[], g: Tensor) => { value: Tensor; grads: readonly Tensor[] };
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
const backend = await load(`backend-${place}@${version}`);
if (place === "wasm") {
  const { setWasmPaths, setThreadsCount } = backend as WasmBackend;
  const folder = import.meta.resolve(`npm:@tensorflow/tfjs-backend-wasm@${version}/package.json`);
  setWasmPaths(new URL("dist/", folder).href);
  setThreadsCount(1);
}
if (!await tf.setBackend(place)) throw new Error(`TensorFlow.js finds no ${place} here`);

function sample(shape: readonly number[], seed: number, scale = 1): Tensor {
  return tf.tensor(values(shape.reduce((n, size) => n * size, 1), seed, scale), shape);
}

/** The GPU works in order, so that what was begun last is done last. Up to 1,000 numbers would be added on the CPU. */
const settle = async (): Promise<void> => {
  const last = tf.tidy(() => tf.add(several, 1));
  await last.data();
  last.dispose();
};
const several = sample([2048], 1);
const waiting = place === "webgpu" ? { settle } : {};

function operation(compute: () => Tensor): Prepared {
  return operations(() => [compute()]);
}

function operations(compute: () => readonly Tensor[]): Prepared {
  return {
    first: () => Promise.all(tf.tidy(compute).map((y) => y.data())),
    run: () => tf.tidy(compute).forEach((y) => y.dispose()),
    ...waiting,
  };
}

/** On the GPU, one thread adds up all that becomes of one weight: here half a minute a step. */
const gradientTooSlow = "takes half a minute, if there is a gradient of convolution at all";

/** Work with gradients of convolutions. */
function onlyOnGpu(prepare: () => Prepared): (() => Prepared) | string {
  return place === "webgpu" ? prepare : "no gradient of convolution on this backend";
}

function matmul(n: number, k: number, m: number): Prepared {
  const [a, b] = [sample([n, k], 1), sample([k, m], 2)];
  return operation(() => tf.matMul(a, b));
}

function conv(kernel: number, channels: number, features: number): Prepared {
  const x = sample([32, 32, 32, channels], 1);
  const w = sample([kernel, kernel, channels, features], 2);
  return operation(() => convolve(x, w, 1));
}

function convolve(x: Tensor, w: Tensor, padding: number): Tensor {
  return tf.conv2d(x, w, 1, padding, "NHWC", 1, "floor");
}

function convAndGradients(kernel: number, channels: number, features: number, size: number): Prepared {
  const x = sample([32, 32, 32, channels], 1);
  const w = sample([kernel, kernel, channels, features], 2);
  const g = sample([32, size, size, features], 3);
  const both = tf.valueAndGrads((x, w) => convolve(x, w, 1));
  return operations(() => {
    const { value, grads } = both([x, w], g);
    return [value, ...grads];
  });
}

/** x/2 · (1 + tanh(√(2/π)(x + 0.044715x³))), for which TensorFlow.js has no function. */
function gelu(x: Tensor): Tensor {
  const cube = tf.mul(x, tf.mul(x, x));
  const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, cube)));
  return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(inner)));
}

function training(shapes: readonly (readonly number[])[], loss: (params: readonly Tensor[]) => Tensor): Prepared {
  const params = shapes.map((shape, i) => tf.variable(sample(shape, i + 2, 0.05)));
  const optimizer = tf.train.sgd(0.1);
  const step = (): unknown => optimizer.minimize(() => loss(params));
  return {
    first() {
      for (let i = 0; i < checkedSteps; i++) step();
      return Promise.all(params.map((p) => p.data()));
    },
    run: () => void step(),
    ...waiting,
  };
}

const dense = (x: Tensor, w: Tensor, b: Tensor): Tensor => tf.add(tf.matMul(x, w), b);
const pool = (x: Tensor): Tensor => tf.maxPool(x, 2, 2, "valid");

/** The mean cross entropy of labels 0 … 9, 0 … 9, …. */
function crossEntropy(n: number, classes: number): (logits: Tensor) => Tensor {
  const oneHot = new Float32Array(n * classes);
  for (let i = 0; i < n; i++) oneHot[i * classes + i % 10] = 1;
  const labels = tf.tensor(oneHot, [n, classes]);
  return (logits) => tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), 1)));
}

function mlp(): Prepared {
  const [x, entropy] = [sample([128, 784], 1), crossEntropy(128, 10)];
  return training([[784, 512], [512], [512, 512], [512], [512, 10], [10]], ([w1, b1, w2, b2, w3, b3]) => {
    const hidden = tf.relu(dense(tf.relu(dense(x, w1!, b1!)), w2!, b2!));
    return entropy(dense(hidden, w3!, b3!));
  });
}

function lenet(): Prepared {
  const [x, entropy] = [sample([128, 28, 28, 1], 1), crossEntropy(128, 10)];
  const shapes = [[5, 5, 1, 6], [6], [5, 5, 6, 16], [16], [400, 120], [120], [120, 84], [84], [84, 10], [10]];
  return training(shapes, ([k1, c1, k2, c2, w1, b1, w2, b2, w3, b3]) => {
    const one = pool(tf.relu(tf.add(convolve(x, k1!, 2), c1!)));
    const two = pool(tf.relu(tf.add(convolve(one, k2!, 0), c2!)));
    const hidden = tf.relu(dense(tf.relu(dense(tf.reshape(two, [128, 400]), w1!, b1!)), w2!, b2!));
    return entropy(dense(hidden, w3!, b3!));
  });
}

await report({
  ...products(matmul),
  "conv 3x3, 32x32x32x64 to 64": () => conv(3, 64, 64),
  "conv 4x4, 32x32x32x3 to 128": () => conv(4, 3, 128),
  "conv 3x3, forward and backward": gradientTooSlow,
  "conv 4x4, forward and backward": onlyOnGpu(() => convAndGradients(4, 3, 128, 31)),
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
  "LeNet-5 training step": onlyOnGpu(lenet),
  "residual block training step": gradientTooSlow,
  "small convnet training step": gradientTooSlow,
});
