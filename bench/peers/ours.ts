/** Pullback itself: eager, one thread, default flags. */

import { add, conv, grad, matmul, softmax, sum, type Tensor, tensor } from "../../mod.ts";
import { key } from "../../ops/random/mod.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import { sample } from "../measure.ts";
import { checkedSteps, type Prepared, report } from "./workloads.ts";

/** Results are freed at once, as TensorFlow.js's and PyTorch's are. */
function operation(compute: () => Tensor): Prepared {
  return {
    first: () => [compute().dataSync()],
    run: () => compute()[Symbol.dispose](),
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

/** Layers with weight and bias, and null for the functions between them. */
type Params = readonly (nn.AffineParams | null)[];

/** Steps of gradient descent. Parameters are left to the library, as a program would leave them. */
function training(net: nn.Layer<Params, readonly null[]>, x: Tensor): Prepared {
  const labels = tensor(Int32Array.from({ length: 128 }, (_, i) => i % 10));
  const { params: random, state } = net.init(key(0), x.shape.slice(1));
  let seed = 2;
  const known = (like: Tensor): Tensor => sample(like.shape, seed++, 0.05);
  let params: Params = random.map((part) => part && { weight: known(part.weight), bias: known(part.bias!) });

  const gradient = grad((params: Params) => nn.loss.crossEntropy(net.apply({ params, state }, x)[0], labels));
  const optimizer = optim.sgd({ learningRate: 0.1 });
  let optimizerState = optimizer.init(params);
  const step = (): void => {
    const [updates, next] = optimizer.update(gradient(params), optimizerState, params);
    [params, optimizerState] = [optim.applyUpdates(params, updates), next];
  };
  return {
    first() {
      for (let i = 0; i < checkedSteps; i++) step();
      return params.flatMap((part) => part ? [part.weight.dataSync(), part.bias!.dataSync()] : []);
    },
    run: step,
  };
}

report("Pullback", {
  "matmul 256": () => product(256, 256, 256),
  "matmul 512": () => product(512, 512, 512),
  "matmul 1024": () => product(1024, 1024, 1024),
  "matmul 2048": () => product(2048, 2048, 2048),
  "matmul 128x784 · 784x512": () => product(128, 784, 512),
  "conv 3x3, 32x32x32x64 to 64": () => convolution(3, 64, 64),
  "conv 4x4, 32x32x32x3 to 128": () => convolution(4, 3, 128),
  "gelu of 4M": () => {
    const x = sample([4 * 2 ** 20], 1, 4);
    return operation(() => nn.gelu(x));
  },
  "add of 4M": () => {
    const [x, y] = [sample([4 * 2 ** 20], 1), sample([4 * 2 ** 20], 2)];
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
  "MLP training step": () =>
    training(nn.sequential(nn.dense(512), nn.relu, nn.dense(512), nn.relu, nn.dense(10)), sample([128, 784], 1)),
  "LeNet-5 training step": () => training(nn.models.lenet5(), sample([128, 28, 28, 1], 1)),
});
