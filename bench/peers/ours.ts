/** Pullback itself on the CPU (all cores, default flags) or the GPU; single operations eagerly, chains and training steps compiled. */

import {
  abs,
  add,
  conv,
  div,
  gpu,
  grad,
  jit,
  matmul,
  maximum,
  mean,
  mul,
  setDefaultDevice,
  softmax,
  sqrt,
  sub,
  sum,
  type Tensor,
  tensor,
  tree,
  variance,
  vjp,
} from "../../mod.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import { sample } from "../measure.ts";
import { checkedSteps, place, type Prepared, products, report } from "./workloads.ts";

if (place === "gpu") setDefaultDevice(await gpu());

const one = sample([1], 1);
const waiting = place === "gpu" ? { settle: () => add(one, 1).data() } : {};

/** Results are freed at once, as TensorFlow.js's and PyTorch's are. */
function operation(compute: () => Tensor | readonly Tensor[]): Prepared {
  return {
    first: () => Promise.all(tree.leaves(compute()).map((y) => y.data())),
    run() {
      const results = compute();
      if (Array.isArray(results)) { for (const y of results) y[Symbol.dispose](); }
      else (results as Tensor)[Symbol.dispose]();
    },
    ...waiting,
  };
}

function product(n: number, k: number, m: number): Prepared {
  const [a, b] = [sample([n, k], 1), sample([k, m], 2)];
  return operation(() => matmul(a, b));
}

function convolution(kernel: number, channels: number, features: number): Prepared {
  const x = sample([32, 32, 32, channels], 1);
  const w = sample([kernel, kernel, channels, features], 2);
  return operation(() => conv(x, w, { padding: 1 }));
}

/** The result, and both gradients of its product with a tensor of its shape. */
function convolutionAndGradients(kernel: number, channels: number, features: number, size: number): Prepared {
  const x = sample([32, 32, 32, channels], 1);
  const w = sample([kernel, kernel, channels, features], 2);
  const g = sample([32, size, size, features], 3);
  const both = jit((x: Tensor, w: Tensor, g: Tensor) => {
    const [y, pullback] = vjp((x: Tensor, w: Tensor) => conv(x, w, { padding: 1 }), x, w);
    return [y, ...pullback(g)];
  });
  return operation(() => both(x, w, g));
}

const four = 4 * 2 ** 20;

/** The shapes of parameters, and the loss that their training makes small. */
interface Net {
  readonly shapes: readonly (readonly number[])[];
  loss(params: readonly Tensor[], x: Tensor): Tensor;
}

const labels = (n: number): Tensor => tensor(Int32Array.from({ length: n }, (_, i) => i % 10));

function classifier(
  shapes: Net["shapes"],
  n: number,
  logits: (params: readonly Tensor[], x: Tensor) => Tensor,
): Net {
  const y = labels(n);
  return { shapes, loss: (params, x) => nn.loss.crossEntropy(logits(params, x), y) };
}

/** Steps of gradient descent, whose parameters are used up. */
function training({ shapes, loss }: Net, x: Tensor): Prepared {
  let params: readonly Tensor[] = shapes.map((shape, i) => sample(shape, i + 2, 0.05));
  const optimizer = optim.sgd({ learningRate: 0.1 });
  const state = optimizer.init(params);
  const step = jit((params: readonly Tensor[], x: Tensor) => {
    const [updates] = optimizer.update(grad(loss)(params, x), state, params);
    return optim.applyUpdates(params, updates);
  }, { donate: [0] });
  return {
    first() {
      for (let i = 0; i < checkedSteps; i++) params = step(params, x);
      return Promise.all(params.map((p) => p.data()));
    },
    run() {
      params = step(params, x);
    },
    ...waiting,
  };
}

const dense = (x: Tensor, w: Tensor, b: Tensor): Tensor => add(matmul(x, w), b);
const flat = (x: Tensor): Tensor => nn.flatten().apply({ params: null, state: null }, x)[0];
const pool = (x: Tensor): Tensor => nn.maxPool({ window: 2 }).apply({ params: null, state: null }, x)[0];

const mlp = classifier(
  [[784, 512], [512], [512, 512], [512], [512, 10], [10]],
  128,
  ([w1, b1, w2, b2, w3, b3], x) => dense(nn.relu(dense(nn.relu(dense(x, w1!, b1!)), w2!, b2!)), w3!, b3!),
);

const lenet = classifier(
  [[5, 5, 1, 6], [6], [5, 5, 6, 16], [16], [400, 120], [120], [120, 84], [84], [84, 10], [10]],
  128,
  ([k1, c1, k2, c2, w1, b1, w2, b2, w3, b3], x) => {
    const one = pool(nn.relu(add(conv(x, k1!, { padding: 2 }), c1!)));
    const two = flat(pool(nn.relu(add(conv(one, k2!), c2!))));
    return dense(nn.relu(dense(nn.relu(dense(two, w1!, b1!)), w2!, b2!)), w3!, b3!);
  },
);

const residual: Net = {
  shapes: [[3, 3, 64, 64], [3, 3, 64, 64]],
  loss: ([k1, k2], x) => mean(nn.relu(add(conv(nn.relu(conv(x, k1!, { padding: 1 })), k2!, { padding: 1 }), x))),
};

const convnet = classifier(
  [[3, 3, 3, 32], [32], [3, 3, 32, 64], [64], [64, 100], [100]],
  64,
  ([k1, c1, k2, c2, w, b], x) => {
    const one = nn.relu(add(conv(x, k1!, { padding: 1 }), c1!));
    const two = nn.relu(add(conv(one, k2!, { padding: 1, strides: 2 }), c2!));
    return dense(mean(two, { axis: [1, 2] }), w!, b!);
  },
);

await report({
  ...products(product),
  "conv 3x3, 32x32x32x64 to 64": () => convolution(3, 64, 64),
  "conv 4x4, 32x32x32x3 to 128": () => convolution(4, 3, 128),
  "conv 3x3, forward and backward": () => convolutionAndGradients(3, 64, 64, 32),
  "conv 4x4, forward and backward": () => convolutionAndGradients(4, 3, 128, 31),
  "gelu of 4M": () => {
    const x = sample([four], 1, 4);
    return operation(() => nn.gelu(x));
  },
  "chain of 7 operations on 4M": () => {
    const [x, y] = [sample([four], 1), sample([four], 2)];
    const f = jit((x: Tensor, y: Tensor) => sub(mul(sqrt(abs(add(mul(x, y), x))), 0.5), maximum(x, y)));
    return operation(() => f(x, y));
  },
  "add of 4M": () => {
    const [x, y] = [sample([four], 1), sample([four], 2)];
    return operation(() => add(x, y));
  },
  "sum of rows, 4096x1024": () => {
    const x = sample([4096, 1024], 1);
    return operation(() => sum(x, { axis: 1 }));
  },
  "softmax of rows, 4096x1024": () => {
    const x = sample([4096, 1024], 1, 8);
    return operation(() => softmax(x));
  },
  "layer norm of rows, 4096x1024": () => {
    const [x, scale, bias] = [sample([4096, 1024], 1), sample([1024], 2), sample([1024], 3)];
    const f = jit((x: Tensor, scale: Tensor, bias: Tensor) => {
      const along = { axis: -1, keepDims: true };
      const normal = div(sub(x, mean(x, along)), sqrt(add(variance(x, along), 1e-5)));
      return add(mul(normal, scale), bias);
    });
    return operation(() => f(x, scale, bias));
  },
  "MLP training step": () => training(mlp, sample([128, 784], 1)),
  "LeNet-5 training step": () => training(lenet, sample([128, 28, 28, 1], 1)),
  "residual block training step": () => training(residual, sample([16, 32, 32, 64], 1)),
  "small convnet training step": () => training(convnet, sample([64, 32, 32, 3], 1)),
});
