/** What a compiled function costs beside its kernels: calls on next to nothing, a small step, and the first compilation. */

import { add, grad, jit, matmul, type Tensor, tensor } from "../mod.ts";
import { key } from "../ops/random/mod.ts";
import * as nn from "../nn/mod.ts";
import * as optim from "../optim/mod.ts";
import { sample } from "./measure.ts";

const [x, y] = [tensor(1.5), tensor(2.5)];
const sum = jit((x: Tensor, y: Tensor) => add(x, y));
const sumOfNumbers = jit((x: number, y: number) => add(x, y));

Deno.bench({ group: "jit", name: "call with two scalars", fn: () => sum(x, y)[Symbol.dispose]() });
Deno.bench({ group: "jit", name: "call with two numbers", fn: () => sumOfNumbers(1.5, 2.5)[Symbol.dispose]() });

/** One step of gradient descent on a batch of 16, through a hidden layer of 64 units. */
function smallStep(): () => void {
  const [inputs, labels] = [sample([16, 64], 1), tensor(Int32Array.from({ length: 16 }, (_, i) => i % 10))];
  const optimizer = optim.sgd({ learningRate: 0.1 });
  let params = { w1: sample([64, 64], 2, 0.1), b1: sample([64], 3), w2: sample([64, 10], 4, 0.1), b2: sample([10], 5) };
  const state = optimizer.init(params);
  const loss = ({ w1, b1, w2, b2 }: typeof params): Tensor =>
    nn.loss.crossEntropy(add(matmul(nn.relu(add(matmul(inputs, w1), b1)), w2), b2), labels);
  const step = jit((params_: typeof params) => {
    const [updates] = optimizer.update(grad(loss)(params_), state, params_);
    return optim.applyUpdates(params_, updates);
  }, { donate: [0] });
  return () => void (params = step(params));
}

let step: (() => void) | null = null;
Deno.bench({ group: "jit", name: "training step of 64 units", fn: () => (step ??= smallStep())() });

/** The first call of a training step of LeNet-5: tracing, compiling, and one run. */
function firstStep(): void {
  const net = nn.models.lenet5();
  const { params, state } = net.init(key(0), [28, 28, 1]);
  const optimizer = optim.adam({ learningRate: 1e-3 });
  const images = sample([128, 28, 28, 1], 1);
  const labels = tensor(Int32Array.from({ length: 128 }, (_, i) => i % 10));
  jit((p: typeof params) => {
    const loss = (p: typeof params) => nn.loss.crossEntropy(net.apply({ params: p, state }, images)[0], labels);
    return optim.applyUpdates(p, optimizer.update(grad(loss)(p), optimizer.init(p), p)[0]);
  })(params);
}

Deno.bench({ group: "jit", name: "LeNet-5: trace, compile, first step", fn: firstStep });
