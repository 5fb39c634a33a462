// The training: a loss, its gradient, a compiled step, a loop over batches; and the test. All are functions of the parameters.
import { add, data, jit, nn, optim, random, type Tensor, toDevice, valueAndGrad, zeros } from "@pullback/pullback";
import type { Digits } from "./digits.ts";
import type { Settings } from "./flags.ts";
import { Problem } from "./problem.ts";

/** What one step tells of itself. Epochs, and the steps of an epoch, count from 1. */
export interface Step {
  readonly epoch: number;
  readonly stepOfEpoch: number;
  readonly stepsPerEpoch: number;
  readonly images: number;
  readonly loss: number;
  readonly accuracy: number;
}

export interface Trained {
  readonly params: nn.models.Lenet5Params;
  readonly history: readonly Step[];
}

const model = nn.models.lenet5();

/** The scores of the ten digits for each image: `f32[n,28,28,1] → f32[n,10]`. */
function scores(params: nn.models.Lenet5Params, images: Tensor): Tensor {
  // LeNet-5 has nothing to remember: the state of each of its parts is null.
  const [logits] = model.apply({ params, state: params.map(() => null) }, images);
  return logits;
}

/** What training makes small, and beside it what we want to see grow. */
function lossAndAccuracy(params: nn.models.Lenet5Params, { images, labels }: Digits): [loss: Tensor, accuracy: Tensor] {
  const logits = scores(params, images);
  return [nn.loss.crossEntropy(logits, labels), nn.metrics.accuracy(logits, labels)];
}

/** Learning rates rise to their peak in the first steps and then fall along a cosine, to 0 at the last step. */
function makeOptimizer({ optimizer, learningRate: peak }: Settings, steps: number): optim.Transform {
  const learningRate = optim.warmupCosine(0, peak, Math.floor(steps / 20), steps);
  return optimizer === "adam"
    ? optim.adam({ learningRate })
    : optim.sgd({ learningRate, momentum: 0.9, nesterov: true });
}

/** Trains from scratch; what the key does not decide, the settings do. `onStep` is told of every step. */
export async function train(
  key: Tensor,
  digits: Digits,
  settings: Settings,
  onStep: (step: Step) => Promise<void>,
): Promise<Trained> {
  const size = Math.min(settings.batch, digits.labels.size);
  const stepsPerEpoch = Math.floor(digits.labels.size / size);
  const optimizer = makeOptimizer(settings, settings.epochs * stepsPerEpoch);
  const gradient = valueAndGrad(lossAndAccuracy, { hasAux: true });
  const [initKey, orderKey, shiftKey] = random.split(key, 3);

  // What the device has made stays there. The images wait on the CPU and go there batch by batch.
  const device = settings.device;
  const { params } = model.init(await toDevice(initKey, device), [28, 28, 1]);
  const keyOfShifts = await toDevice(shiftKey, device);
  let state = { params, memory: optimizer.init(params) };
  // Traced and compiled by its first call. Each state is used up by the step to the next one, which takes its place.
  const descend = jit(function descend({ params, memory }: typeof state, batch: Digits, key: Tensor) {
    const images = data.augment(key, batch.images, { shift: 2 });
    const [[loss, accuracy], grads] = gradient(params, { images, labels: batch.labels });
    const [updates, next] = optimizer.update(grads, memory, params);
    return { state: { params: optim.applyUpdates(params, updates), memory: next }, loss, accuracy };
  }, { donate: [0] });
  const history: Step[] = [];
  for (let epoch = 1; epoch <= settings.epochs; epoch++) {
    let steps = 0;
    // What steps tell of themselves is read for some of them together: to wait for each would leave a GPU idle.
    let unread: { readonly loss: Tensor; readonly accuracy: Tensor }[] = [];
    for (const batch of data.batches(random.foldIn(orderKey, epoch), digits, { size, dropLast: true })) {
      const key = random.foldIn(keyOfShifts, history.length + unread.length);
      const { loss, accuracy, ...next } = descend(state, await toDevice(batch, device), key);
      state = next.state;

      unread.push({ loss, accuracy });
      if (++steps < stepsPerEpoch && unread.length < stepsPerRead) continue;
      for (const [loss, accuracy] of await Promise.all(unread.map(readStep))) {
        if (!Number.isFinite(loss)) {
          throw new Problem(`the loss became ${loss} in epoch ${epoch}: lower --learning-rate`);
        }
        const stepOfEpoch = history.length + 1 - (epoch - 1) * stepsPerEpoch;
        const step = { epoch, stepOfEpoch, stepsPerEpoch, images: size, loss, accuracy };
        history.push(step);
        await onStep(step);
      }
      unread = [];
    }
  }
  return { params: state.params, history };
}

const stepsPerRead = 10;

async function readStep(
  { loss, accuracy }: { readonly loss: Tensor; readonly accuracy: Tensor },
): Promise<[loss: number, accuracy: number]> {
  const [[a], [b]] = await Promise.all([loss.data(), accuracy.data()]);
  return [a!, b!];
}

/** How often each digit was taken for each: row by what the image shows, column by the highest score. */
export async function confusionMatrix(
  params: nn.models.Lenet5Params,
  digits: Digits,
  { device }: Settings,
): Promise<number[][]> {
  let counts = await toDevice(zeros([10, 10], { dtype: "int32" }), device);
  // The order is the same for every key: there is no shuffling.
  for (const batch of data.batches(random.key(0), digits, { size: 500, shuffle: false })) {
    const { images, labels } = await toDevice(batch, device);
    counts = add(counts, nn.metrics.confusionMatrix(scores(params, images), labels));
  }
  return await counts.array() as number[][];
}
