/**
 * Runs one kind of program for many steps without ever waiting, and prints its resident memory: what
 * `tests/memory_test.ts` starts as a process of its own. `deno run memory_child.ts SCENARIO STEPS`.
 */

import {
  add,
  exp,
  grad,
  hessian,
  jit,
  jvp,
  matmul,
  mul,
  nn,
  optim,
  random,
  reshape,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  valueAndGrad,
  vjp,
  vmap,
} from "../mod.ts";

const key = random.key(0);
const [pixels, weights] = random.split(key);

/** Two dense layers, wide and shallow: each gradient makes about ten megabytes of intermediate values in little time. */
const net = {
  first: mul(random.normal(weights, [32, 2048]), 0.1),
  second: mul(random.normal(random.foldIn(weights, 1), [2048, 10]), 0.02),
};
const batch = random.normal(pixels, [256, 32]);
const large = random.normal(pixels, [512, 512]);

function loss(p: typeof net, x: Tensor): Tensor {
  return sum(square(matmul(nn.relu(matmul(x, p.first)), p.second)));
}

/** A step of one scenario; it gets the number of the step, and its result is dropped. */
type Step = (n: number) => unknown;

const model = nn.models.lenet5();
const optimizer = optim.adam({ learningRate: 1e-3 });
const { params: initial, state: none } = model.init(weights, [28, 28, 1]);

interface Training {
  readonly params: typeof initial;
  readonly memory: ReturnType<typeof optimizer.init>;
}

type TrainingStep = (
  old: Training,
  images: Tensor,
  labels: Tensor,
) => { readonly state: Training; readonly loss: Tensor };

function lenet(make: (step: TrainingStep) => TrainingStep): Step {
  const images = random.normal(pixels, [128, 28, 28, 1]);
  const labels = random.randint(pixels, [128], { minval: 0, maxval: 10 });
  const step = make(({ params, memory }, images, labels) => {
    const [loss, g] = valueAndGrad((p: typeof params) =>
      nn.loss.crossEntropy(model.apply({ params: p, state: none }, images)[0], labels)
    )(params);
    const [updates, next] = optimizer.update(g, memory, params);
    return { state: { params: optim.applyUpdates(params, updates), memory: next }, loss };
  });
  let state = { params: initial, memory: optimizer.init(initial) };
  return () => {
    const { loss, ...next } = step(state, images, labels);
    state = next.state;
    return loss;
  };
}

const scenarios: Record<string, () => Step> = {
  /** LeNet-5, batch 128: loss, gradient and update, as in the example. */
  lenet: () => lenet((step) => step),
  compiled: () => lenet((step) => jit(step)),
  donated: () => lenet((step) => jit(step, { donate: [0] })),
  gradient: () => () => grad(loss)(net, batch),
  /** Values nobody differentiates: each is in the user's hands, and dropped. */
  values: () => () => exp(mul(add(large, large), sub(large, 1))),
  forward: () => () => jvp((x: Tensor) => loss(net, x), [batch], [batch]),
  nested() {
    const small = slice(batch, { stop: [32, 32] });
    const f = (x: Tensor): Tensor => sum(exp(mul(x, 0.01)));
    const row = slice(small, { stop: [1, 24] });
    return () => [
      hessian(f)(row),
      vmap(grad(f))(small),
      grad((x: Tensor) => sum(square(grad(f)(x))))(large),
      grad((x: Tensor) => sum(vmap((y: Tensor) => jvp(f, [y], [y])[1])(x)))(large),
    ];
  },
  /** One pullback is kept and called again and again; others are made and dropped with all they hold. */
  pullback() {
    const [, kept] = vjp((x: Tensor) => loss(net, x), batch);
    return () => [kept(tensor(1)), vjp((x: Tensor) => loss(net, x), batch)[1](tensor(2))];
  },
  /** Views of large values, of which the last ten are kept. */
  views() {
    const kept: Tensor[] = [];
    return (n) => {
      const y = mul(large, n);
      kept[n % 10] = slice(transpose(reshape(y, [1024, 256])), { start: [n % 100], step: [3] });
      return sum(kept[n % 10]!);
    };
  },
  /** Functions that let tracers out, and functions that throw half-way. */
  leaks() {
    let leaked: Tensor | null = null;
    return () => {
      grad((x: Tensor) => sum(leaked = exp(mul(x, x))))(large);
      try {
        grad((x: Tensor) => {
          exp(mul(x, x));
          throw new Error("half-way");
        })(large);
      } catch {
        // What the gradient had made by then is given up.
      }
      try {
        add(leaked!, 1);
      } catch (error) {
        if (error instanceof TypeError) return;
      }
      throw new Error("a leaked tracer was used");
    };
  },
};

const [scenario = "", steps = "0"] = Deno.args;
const step = scenarios[scenario]!();
let last: unknown;
for (let n = 0; n < Number(steps); n++) last = step(n);
console.log(JSON.stringify({ megabytes: Math.round(Deno.memoryUsage().rss / 2 ** 20), last: typeof last }));
