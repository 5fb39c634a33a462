/** jax-js on WebAssembly with its own workers or on WebGPU, everything compiled; images channels first, as it wants them. */

import { values } from "../values.ts";
import { checkedSteps, place, type Prepared, products, report } from "./workloads.ts";

/** Values are used up by what is given them, unless it is given their `ref`. */
interface Tensor {
  readonly ref: Tensor;
  add(other: Tensor | number): Tensor;
  sub(other: Tensor | number): Tensor;
  mul(other: Tensor | number): Tensor;
  data(): Promise<Float32Array>;
  blockUntilReady(): Promise<Tensor>;
  gpuBufferSync(): GPUBuffer;
  dispose(): void;
}

type Loss = (params: Tensor[], x: Tensor) => Tensor;

/** The part of jax-js that is used here. */
interface JaxJs {
  init(backend: string): Promise<readonly string[]>;
  defaultDevice(backend: string): void;
  getWebGPUDevice(): GPUDevice;
  jit<F>(f: F): F;
  grad(f: Loss): (params: Tensor[], x: Tensor) => Tensor[];
  vjp(
    f: (x: Tensor, w: Tensor) => Tensor,
    primals: Tensor[],
  ): [Tensor, ((g: Tensor) => Tensor[]) & { dispose?(): void }];
  readonly numpy: {
    readonly float32: unknown;
    array(data: Float32Array, options: { shape: readonly number[]; dtype: unknown }): Tensor;
    add(a: Tensor, b: Tensor): Tensor;
    matmul(a: Tensor, b: Tensor): Tensor;
    maximum(a: Tensor, b: Tensor): Tensor;
    sqrt(x: Tensor): Tensor;
    abs(x: Tensor): Tensor;
    divide(a: Tensor, b: Tensor): Tensor;
    sum(x: Tensor, axis: number): Tensor;
    mean(x: Tensor, axis?: number | readonly number[], options?: { keepdims: boolean }): Tensor;
    max(x: Tensor, axes: readonly number[]): Tensor;
    reshape(x: Tensor, shape: readonly number[]): Tensor;
    transpose(x: Tensor, axes: readonly number[]): Tensor;
    square(x: Tensor): Tensor;
  };
  readonly nn: {
    relu(x: Tensor): Tensor;
    gelu(x: Tensor, options: { approximate: boolean }): Tensor;
    softmax(x: Tensor, axis: number): Tensor;
    logSoftmax(x: Tensor, axis: number): Tensor;
  };
  readonly lax: {
    convGeneralDilated(
      x: Tensor,
      w: Tensor,
      strides: readonly number[],
      padding: readonly (readonly [number, number])[],
    ): Tensor;
  };
}

// Not written as a literal, so that nothing but a run of this file downloads it. peers.lock pins it.
const name = "npm:@jax-js/jax@0.1.25";
const jax = await import(name) as JaxJs;
if (!(await jax.init(place)).includes(place)) throw new Error(`jax-js finds no ${place} here`);
jax.defaultDevice(place);
const { numpy: np, nn, jit } = jax;

function sample(shape: readonly number[], seed: number, scale = 1): Tensor {
  return tensor(values(shape.reduce((n, size) => n * size, 1), seed, scale), shape);
}

function tensor(data: Float32Array, shape: readonly number[]): Tensor {
  return np.array(data, { shape, dtype: np.float32 });
}

function prepared(first: Prepared["first"], compute: () => Tensor[]): Prepared {
  if (place === "webgpu") {
    return {
      first,
      // Values are computed when they are asked for; this asks without waiting.
      run: () => compute().forEach((y) => y.gpuBufferSync()),
      settle: () => jax.getWebGPUDevice().queue.onSubmittedWorkDone(),
    };
  }
  return {
    first,
    async run() {
      for (const y of await Promise.all(compute().map((y) => y.blockUntilReady()))) y.dispose();
    },
  };
}

function operation(compute: () => Tensor[], toOurs: (results: Tensor[]) => Tensor[] = (results) => results): Prepared {
  return prepared(() => Promise.all(toOurs(compute()).map((y) => y.data())), compute);
}

/** Work that takes ten seconds on WebAssembly. */
function onlyOnGpu(prepare: () => Prepared): (() => Prepared) | string {
  return place === "webgpu" ? prepare : "takes ten seconds a step";
}

function matmul(n: number, k: number, m: number): Prepared {
  const [a, b] = [sample([n, k], 1), sample([k, m], 2)];
  const f = jit((a: Tensor, b: Tensor) => np.matmul(a, b));
  return operation(() => [f(a.ref, b.ref)]);
}

const channelsFirst = (x: Tensor): Tensor => np.transpose(x, [0, 3, 1, 2]);
const channelsLast = (x: Tensor): Tensor => np.transpose(x, [0, 2, 3, 1]);
const kernelFirst = (w: Tensor): Tensor => np.transpose(w, [3, 2, 0, 1]);
const kernelLast = (w: Tensor): Tensor => np.transpose(w, [2, 3, 1, 0]);

function convolve(x: Tensor, w: Tensor, padding = 0, stride = 1): Tensor {
  return jax.lax.convGeneralDilated(x, w, [stride, stride], [[padding, padding], [padding, padding]]);
}

function conv(kernel: number, channels: number, features: number): Prepared {
  const x = channelsFirst(sample([32, 32, 32, channels], 1));
  const w = kernelFirst(sample([kernel, kernel, channels, features], 2));
  const f = jit((x: Tensor, w: Tensor) => convolve(x, w, 1));
  return operation(() => [f(x.ref, w.ref)], ([y]) => [channelsLast(y!)]);
}

function convAndGradients(kernel: number, channels: number, features: number, size: number): Prepared {
  const x = channelsFirst(sample([32, 32, 32, channels], 1));
  const w = kernelFirst(sample([kernel, kernel, channels, features], 2));
  const g = channelsFirst(sample([32, size, size, features], 3));
  const f = jit((x: Tensor, w: Tensor, g: Tensor) => {
    const [y, pullback] = jax.vjp((x, w) => convolve(x, w, 1), [x, w]);
    const gradients = pullback(g);
    pullback.dispose?.();
    return [y, ...gradients];
  });
  return operation(
    () => f(x.ref, w.ref, g.ref),
    ([y, dx, dw]) => [channelsLast(y!), channelsLast(dx!), kernelLast(dw!)],
  );
}

function elementwise(f: (x: Tensor, y: Tensor) => Tensor, shape: readonly number[], scale = 1): Prepared {
  const [x, y] = [sample(shape, 1, scale), sample(shape, 2)];
  const compiled = jit(f);
  return operation(() => [compiled(x.ref, y.ref)]);
}

/** A function of one operand. */
function unary(f: (x: Tensor) => Tensor, shape: readonly number[], scale = 1): Prepared {
  const x = sample(shape, 1, scale);
  const compiled = jit(f);
  return operation(() => [compiled(x.ref)]);
}

function layerNorm(): Prepared {
  const [x, scale, bias] = [sample([4096, 1024], 1), sample([1024], 2), sample([1024], 3)];
  const f = jit((x: Tensor, scale: Tensor, bias: Tensor) => {
    const shifted = x.ref.sub(np.mean(x, 1, { keepdims: true }));
    const variance = np.mean(np.square(shifted.ref), 1, { keepdims: true });
    return np.divide(shifted, np.sqrt(variance.add(1e-5))).mul(scale).add(bias);
  });
  return operation(() => [f(x.ref, scale.ref, bias.ref)]);
}

function training(
  shapes: readonly (readonly number[])[],
  loss: Loss,
  x: Tensor,
  toOurs: (params: Tensor[]) => Tensor[] = (params) => params,
  fromOurs: (params: Tensor[]) => Tensor[] = (params) => params,
): Prepared {
  let params = fromOurs(shapes.map((shape, i) => sample(shape, i + 2, 0.05)));
  const step = jit((params: Tensor[], x: Tensor) => {
    const slopes = jax.grad(loss)(params.map((p) => p.ref), x);
    return params.map((p, i) => p.sub(slopes[i]!.mul(0.1)));
  });
  const next = (): Tensor[] => (params = step(params, x.ref)).map((p) => p.ref);
  return prepared(() => {
    for (let i = 1; i < checkedSteps; i++) for (const p of next()) p.dispose();
    return Promise.all(toOurs(next()).map((p) => p.data()));
  }, next);
}

const dense = (x: Tensor, w: Tensor, b: Tensor): Tensor => np.matmul(x, w).add(b);
const plane = (bias: Tensor, n: number): Tensor => np.reshape(bias, [n, 1, 1]);

/** The mean cross entropy of labels 0 … 9, 0 … 9, …. */
function crossEntropy(logits: Tensor, n: number, classes: number): Tensor {
  const oneHot = new Float32Array(n * classes);
  for (let i = 0; i < n; i++) oneHot[i * classes + i % 10] = 1;
  return np.mean(np.sum(nn.logSoftmax(logits, -1).mul(tensor(oneHot, [n, classes])), 1)).mul(-1);
}

function pool(x: Tensor, channels: number, size: number): Tensor {
  return np.max(np.reshape(x, [128, channels, size / 2, 2, size / 2, 2]), [3, 5]);
}

const mlpShapes = [[784, 512], [512], [512, 512], [512], [512, 10], [10]];
const lenetShapes = [[5, 5, 1, 6], [6], [5, 5, 6, 16], [16], [400, 120], [120], [120, 84], [84], [84, 10], [10]];
const residualShapes = [[3, 3, 64, 64], [3, 3, 64, 64]];
const convnetShapes = [[3, 3, 3, 32], [32], [3, 3, 32, 64], [64], [64, 100], [100]];
const kernelsTo = (order: (w: Tensor) => Tensor, shapes: readonly (readonly number[])[]) => (params: Tensor[]) =>
  params.map((p, i) => (shapes[i]!.length === 4 ? order(p) : p));

/** The rows of the first dense layer follow the order in which the images are flattened. */
function lenetTo(order: (w: Tensor) => Tensor, from: readonly number[], axes: readonly number[]) {
  return (params: Tensor[]): Tensor[] => {
    const moved = kernelsTo(order, lenetShapes)(params);
    moved[4] = np.reshape(np.transpose(np.reshape(moved[4]!, [...from, 120]), [...axes, 3]), [400, 120]);
    return moved;
  };
}

const four = 4 * 2 ** 20;

await report({
  ...products(matmul),
  "conv 3x3, 32x32x32x64 to 64": () => conv(3, 64, 64),
  "conv 4x4, 32x32x32x3 to 128": () => conv(4, 3, 128),
  "conv 3x3, forward and backward": onlyOnGpu(() => convAndGradients(3, 64, 64, 32)),
  "conv 4x4, forward and backward": () => convAndGradients(4, 3, 128, 31),
  "gelu of 4M": () => unary((x) => nn.gelu(x, { approximate: true }), [four], 4),
  "chain of 7 operations on 4M": () =>
    elementwise((x, y) => {
      const root = np.sqrt(np.abs(x.ref.mul(y.ref).add(x.ref)));
      return root.mul(0.5).sub(np.maximum(x, y));
    }, [four]),
  "add of 4M": () => elementwise((x, y) => np.add(x, y), [four]),
  "sum of rows, 4096x1024": () => unary((x) => np.sum(x, 1), [4096, 1024]),
  "softmax of rows, 4096x1024": () => unary((x) => nn.softmax(x, -1), [4096, 1024], 8),
  "layer norm of rows, 4096x1024": layerNorm,
  "MLP training step": () =>
    training(mlpShapes, ([w1, b1, w2, b2, w3, b3], x) => {
      const hidden = nn.relu(dense(nn.relu(dense(x, w1!, b1!)), w2!, b2!));
      return crossEntropy(dense(hidden, w3!, b3!), 128, 10);
    }, sample([128, 784], 1)),
  "LeNet-5 training step": () =>
    training(
      lenetShapes,
      ([k1, c1, k2, c2, w1, b1, w2, b2, w3, b3], x) => {
        const one = pool(nn.relu(convolve(x, k1!, 2).add(plane(c1!, 6))), 6, 28);
        const two = pool(nn.relu(convolve(one, k2!).add(plane(c2!, 16))), 16, 10);
        const hidden = nn.relu(dense(nn.relu(dense(np.reshape(two, [128, 400]), w1!, b1!)), w2!, b2!));
        return crossEntropy(dense(hidden, w3!, b3!), 128, 10);
      },
      sample([128, 1, 28, 28], 1),
      lenetTo(kernelLast, [16, 5, 5], [1, 2, 0]),
      lenetTo(kernelFirst, [5, 5, 16], [2, 0, 1]),
    ),
  "residual block training step": onlyOnGpu(() =>
    training(
      residualShapes,
      ([k1, k2], x) => np.mean(nn.relu(convolve(nn.relu(convolve(x.ref, k1!, 1)), k2!, 1).add(x))),
      channelsFirst(sample([16, 32, 32, 64], 1)),
      kernelsTo(kernelLast, residualShapes),
      kernelsTo(kernelFirst, residualShapes),
    )
  ),
  "small convnet training step": onlyOnGpu(() =>
    training(
      convnetShapes,
      ([k1, c1, k2, c2, w, b], x) => {
        const one = nn.relu(convolve(x, k1!, 1).add(plane(c1!, 32)));
        const two = nn.relu(convolve(one, k2!, 1, 2).add(plane(c2!, 64)));
        return crossEntropy(dense(np.mean(two, [2, 3]), w!, b!), 64, 100);
      },
      channelsFirst(sample([64, 32, 32, 3], 1)),
      kernelsTo(kernelLast, convnetShapes),
      kernelsTo(kernelFirst, convnetShapes),
    )
  ),
});
// Its workers would keep the process alive.
Deno.exit(0);
