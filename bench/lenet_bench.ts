/** One eager training step of LeNet-5 at batch 128: gradient and update. */

import { grad, type Tensor, tensor, tree } from "../mod.ts";
import * as nn from "../nn/mod.ts";
import * as optim from "../optim/mod.ts";
import { key } from "../ops/random/mod.ts";
import { sample } from "./measure.ts";

const images = sample([128, 28, 28, 1], 1);
const labels = tensor(Int32Array.from({ length: 128 }, (_, i) => i % 10));
const net = nn.models.lenet5();

const { params: initial, state } = net.init(key(0), [28, 28, 1]);
type Params = typeof initial;

function loss(params: Params): Tensor {
  return nn.loss.crossEntropy(net.apply({ params, state }, images)[0], labels);
}

const gradient = grad(loss);

/** A function that goes one step further each time it is called. */
function training<S>(optimizer: optim.Transform<S>): () => Params {
  let params = initial;
  let optimizerState = optimizer.init(params);
  return () => {
    const [updates, next] = optimizer.update(gradient(params), optimizerState, params);
    [params, optimizerState] = [optim.applyUpdates(params, updates), next];
    return params;
  };
}

Deno.bench({ group: "LeNet-5", name: "loss alone", fn: () => void loss(initial) });
Deno.bench({ group: "LeNet-5", name: "gradient", fn: () => void gradient(initial) });

// Rates so small that the loss follows its gradient.
const optimizers: Readonly<Record<string, () => () => Params>> = {
  "sgd": () => training(optim.sgd({ learningRate: 1e-3 })),
  "sgd with momentum": () => training(optim.sgd({ learningRate: 1e-3, momentum: 0.9 })),
  "adam": () => training(optim.adam({ learningRate: 1e-5 })),
};

for (const [name, start] of Object.entries(optimizers)) {
  let step: (() => Params) | null = null;
  Deno.bench({
    group: "LeNet-5",
    name: `gradient and update by ${name}`,
    fn() {
      step ??= checked(name, start);
      step();
    },
  });
}

/** The first step changes the loss by ⟨gradient, change of the parameters⟩, up to terms of second order. */
function checked(name: string, start: () => () => Params): () => Params {
  const stepped = start()();
  const [before, after, slopes] = [initial, stepped, gradient(initial)].map((t) =>
    tree.leaves(t).map((leaf) => leaf.dataSync())
  );
  let expected = 0;
  slopes!.forEach((slope, leaf) => {
    slope.forEach((g, i) => expected += g * (after![leaf]![i]! - before![leaf]![i]!));
  });
  const actual = Number(loss(stepped).item()) - Number(loss(initial).item());
  if (!(expected < 0 && Math.abs(actual - expected) < 0.05 * Math.abs(expected))) {
    throw new Error(`${name}: the first step changed the loss by ${actual}, not ${expected}`);
  }
  return start();
}
