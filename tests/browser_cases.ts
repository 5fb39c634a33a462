/** What tests/browser_test.ts computes in Deno, in pages and in workers of a browser: it imports nothing but the library. */

import {
  add,
  arange,
  argsort,
  cast,
  conv,
  cumsum,
  div,
  einsum,
  erf,
  exp,
  full,
  gpu,
  grad,
  hessian,
  isNaN,
  jit,
  log,
  matmul,
  max,
  maxPool,
  mean,
  mod,
  mul,
  nn,
  optim,
  pow,
  random,
  reshape,
  setDefaultDevice,
  sin,
  softmax,
  sort,
  square,
  sub,
  sum,
  take,
  type Tensor,
  tensor,
  transpose,
  valueAndGrad,
  vmap,
} from "@pullback/pullback";
import { type Trained, trained } from "./browser_training.ts";
import type { Plain } from "./plain.ts";

/** What was computed, by name. */
export type Outcomes = Readonly<Record<string, readonly Plain[]>>;

/** What a page tells of itself. */
export interface Report {
  readonly isIsolated: boolean;
  readonly hasSharedMemory: boolean;
  readonly threadsAtFirst: number;
  /** Computed before the page has returned to its event loop. */
  readonly early: Outcomes;
  readonly threads: number;
  readonly outcomes: Outcomes;
  /** The same again. */
  readonly again: Outcomes;
}

/** What a page tells of its GPU. */
export interface GpuReport {
  readonly adapter: string;
  readonly outcomes: Outcomes;
  readonly learnt: Trained;
}

/** Numbers that look like noise, the same everywhere: no function is called whose last bit is up to the engine. */
function noise(...shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, (_, i) => ((i * 7919 + 104729) % 2003) / 1024 - 1), { shape });
}

interface Net {
  readonly first: Tensor;
  readonly bias: Tensor;
  readonly second: Tensor;
}

function net(inputs: number, hidden: number, outputs: number): Net {
  return {
    first: mul(noise(inputs, hidden), 0.1),
    bias: noise(hidden),
    second: mul(noise(hidden, outputs), 0.1),
  };
}

function predict({ first, bias, second }: Net, x: Tensor): Tensor {
  return matmul(nn.gelu(add(matmul(x, first), bias)), second);
}

function loss(params: Net, x: Tensor, y: Tensor): Tensor {
  return mean(square(sub(predict(params, x), y)));
}

/** Small programs, which one thread runs wherever it is. */
const small: Readonly<Record<string, () => Tensor | readonly Tensor[]>> = {
  "elementwise": () => {
    const x = mul(noise(4, 33), 3);
    return [exp(x), log(x), sin(mul(x, 1000)), erf(x), mod(x, 0.7), pow(square(x), 1.3), isNaN(log(x))];
  },
  "special values": () => {
    const x = tensor([NaN, Infinity, -Infinity, -0, 1e-30, 8e37]);
    return [mul(x, 5), div(1, x), max(x), sort(x), cast(x, "int32"), cast(x, "float16")];
  },
  "dtypes": () => [
    exp(cast(noise(50), "float16")),
    mul(add(arange(20), 2 ** 30), 3),
    cast(mul(cast(arange(20), "uint32"), 0x9e3779b9), "uint32"),
  ],
  "reductions, indices and joining": () => {
    const x = noise(7, 12);
    const rows = tensor([6, 0, 9], { dtype: "int32" });
    return [
      sum(x, { axis: 0 }),
      cumsum(x, { axis: 1 }),
      argsort(x, { axis: 1 }),
      softmax(x),
      take(x, rows, { axis: 0 }),
    ];
  },
  "contraction": () => [
    matmul(noise(5, 7), noise(7, 9)),
    einsum("bij,bjk->ik", noise(3, 4, 5), noise(3, 5, 6)),
    maxPool(conv(noise(2, 9, 9, 3), noise(3, 3, 3, 8), { padding: "same" }), { window: 2 }),
  ],
  "random bits": () => {
    const [a, b, c, d] = random.split(random.key(42), 4) as [Tensor, Tensor, Tensor, Tensor];
    return [
      random.bits(a, [100]),
      random.uniform(b, [100]),
      random.permutation(c, 50),
      random.randint(d, [40], { minval: -5, maxval: 1000 }),
    ];
  },
  "grad": () => {
    const { first, bias, second } = grad(loss)(net(6, 8, 3), noise(10, 6), noise(10, 3));
    return [first, bias, second, hessian((x: Tensor) => sum(exp(square(x))))(noise(5))];
  },
  "vmap": () => {
    const perExample = vmap(grad(loss), { inAxes: [null, 0, 0] });
    const { first, second } = perExample(net(6, 8, 3), noise(10, 6), noise(10, 3));
    return [first, second, vmap((x: Tensor) => sort(x))(noise(5, 9))];
  },
  "jit": () => {
    const step = jit((params: Net, x: Tensor, y: Tensor) => valueAndGrad(loss)(params, x, y));
    const [value, { first }] = step(net(6, 8, 3), noise(10, 6), noise(10, 3));
    return [value, first, grad(jit((x: Tensor) => sum(mul(sin(x), x))))(noise(20))];
  },
};

/** Large programs, which threads share. */
const large: Readonly<Record<string, () => Tensor | readonly Tensor[]>> = {
  "a product": () => matmul(noise(300, 200), noise(200, 257)),
  "rows and columns": () => {
    const x = noise(300, 400);
    return [sum(softmax(x), { axis: 0 }), sum(exp(transpose(x)), { axis: 1 })];
  },
  "steps of training": () => {
    const optimizer = optim.adam({ learningRate: 0.01 });
    let params = net(64, 256, 10);
    let memory = optimizer.init(params);
    const step = jit((p: Net, m: typeof memory, x: Tensor, y: Tensor) => {
      const [value, slopes] = valueAndGrad(loss)(p, x, y);
      const [updates, next] = optimizer.update(slopes, m, p);
      return { value, params: optim.applyUpdates(p, updates), memory: next };
    }, { donate: [0, 1] });
    const [x, y] = [noise(256, 64), noise(256, 10)];
    const losses: Tensor[] = [];
    for (let n = 0; n < 30; n++) {
      const result = step(params, memory, x, y);
      [params, memory] = [result.params, result.memory];
      losses.push(result.value);
    }
    return [...losses, params.first];
  },
  "convolution and its gradients": () => {
    const [image, kernel] = [noise(8, 24, 24, 8), mul(noise(3, 3, 8, 16), 0.1)];
    const total = (x: Tensor, w: Tensor) => sum(square(maxPool(nn.relu(conv(x, w)), { window: 2 })));
    const [value, [dx, dw]] = jit(valueAndGrad(total, { argnums: [0, 1] }))(image, kernel);
    return [value, dx, dw, reshape(full([2, 3], 7), [6])];
  },
};

async function valuesOf(cases: typeof small): Promise<Outcomes> {
  const outcomes: Record<string, Plain[]> = {};
  for (const [name, make] of Object.entries(cases)) {
    const made = make();
    outcomes[name] = await Promise.all((Array.isArray(made) ? made : [made as Tensor]).map(plain));
  }
  return outcomes;
}

async function plain(x: Tensor): Promise<Plain> {
  return { dtype: x.dtype, shape: x.shape, data: [...await x.data()] };
}

export function outcomes(): Promise<Outcomes> {
  return valuesOf({ ...small, ...large });
}

function threadsNow(): number {
  return Number(tensor(0).device.info["threads"]);
}

/** Goes back to the event loop until threads have come, but for no longer than so many milliseconds. */
async function untilThreads(patienceMs: number): Promise<void> {
  const end = performance.now() + patienceMs;
  while (threadsNow() === 1 && performance.now() < end) await new Promise((done) => setTimeout(done, 10));
}

/** On the CPU. Waits for threads between what is computed early and the rest. */
export async function report(patienceMs: number): Promise<string> {
  const threadsAtFirst = threadsNow();
  // Reading does not go back to the event loop.
  const early = await valuesOf(large);
  await untilThreads(patienceMs);
  const said: Report = {
    isIsolated: (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated ?? false,
    hasSharedMemory: typeof SharedArrayBuffer === "function",
    threadsAtFirst,
    early,
    threads: threadsNow(),
    outcomes: await outcomes(),
    again: await outcomes(),
  };
  return toText(said);
}

/** What the training gives on all threads. */
export async function training(patienceMs: number): Promise<string> {
  large["a product"]!();
  await untilThreads(patienceMs);
  return toText(await trained(await digits(), "cpu"));
}

async function digits(): Promise<ArrayBuffer> {
  const response = await fetch("/digits.bin");
  return await response.arrayBuffer();
}

/** The same on the GPU. */
export async function onGpu(): Promise<string> {
  const device = await gpu();
  const learnt = await trained(await digits(), "gpu");
  setDefaultDevice(device);
  const said: GpuReport = { adapter: String(device.info["adapter"]), outcomes: await outcomes(), learnt };
  return toText(said);
}

const unlike: ReadonlySet<string> = new Set(["NaN", "Infinity", "-Infinity", "-0"]);

/** JSON, with the numbers that it cannot write as strings. */
function toText(said: unknown): string {
  return JSON.stringify(said, (_, value) => {
    if (typeof value !== "number") return value;
    const text = Object.is(value, -0) ? "-0" : String(value);
    return unlike.has(text) ? text : value;
  });
}

/** What was said. */
export function fromText<T>(text: string): T {
  return JSON.parse(text, (_, value) => unlike.has(value) ? Number(value) : value);
}
