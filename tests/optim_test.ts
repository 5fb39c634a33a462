/** Optimisers: traces against formulas and PyTorch's numbers, trees with null, schedules, and use under transforms. */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import {
  add,
  cast,
  div,
  grad,
  mul,
  optim,
  pow,
  random,
  ShapeError,
  sub,
  sum,
  type Tensor,
  tensor,
  tree,
  vmap,
  zeros,
} from "../mod.ts";
import { assertNear } from "./derivatives.ts";
import { between } from "./draw.ts";
import { check } from "./property.ts";

function f64(values: readonly number[]): Tensor {
  return tensor(Float64Array.from(values));
}

function numbers(x: Tensor): number[] {
  return [...x.dataSync<Float64Array>()];
}

/** The parameters after each step on these gradients. */
function trace<S>(
  optimizer: optim.Transform<S>,
  start: readonly number[],
  grads: readonly (readonly number[])[],
): number[][] {
  let params = f64(start);
  let state = optimizer.init(params);
  return grads.map((g) => {
    const [updates, next] = optimizer.update(f64(g), state, params);
    params = optim.applyUpdates(params, updates);
    state = next;
    return numbers(params);
  });
}

/** A start of two numbers, and the gradients of a few steps. */
const walks = fc.tuple(
  fc.array(between(-4, 4), { minLength: 2, maxLength: 2 }),
  fc.array(fc.array(between(-4, 4), { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 6 }),
);

Deno.test("sgd: T2, heavy ball and Nesterov follow their formulas, with weight decay added to the gradient", () => {
  const options = fc.record({
    learningRate: between(0, 2),
    momentum: fc.constantFrom(0, 0.5, 0.9, 1),
    nesterov: fc.boolean(),
    weightDecay: fc.constantFrom(0, 0.25),
  });
  check(fc.tuple(walks, options), ([[start, grads], drawn]) => {
    const { learningRate, momentum, weightDecay } = drawn;
    const nesterov = drawn.nesterov && momentum > 0;
    let w = [...start];
    let v = w.map(() => 0);
    const expected = grads.map((grad) => {
      const g = grad.map((x, i) => x + weightDecay * w[i]!);
      v = g.map((x, i) => momentum * v[i]! + x);
      w = w.map((x, i) => x - learningRate * (nesterov ? g[i]! + momentum * v[i]! : v[i]!));
      return w;
    });
    const got = trace(optim.sgd({ learningRate, momentum, nesterov, weightDecay }), start, grads);
    assertNear(got.flat(), expected.flat(), 1e-13, "parameters");
  });
});

Deno.test("sgd: T2, momentum 1 − fΔt with rate Δt² is semi-implicit Euler of ẍ = −fẋ − ∇J", () => {
  const [dt, friction, n] = [0.125, 0.5, 20];
  const slope = (x: number): number => Math.sin(x);
  let [position, velocity] = [1, 0];
  let params = f64([position]);
  const optimizer = optim.sgd({ learningRate: dt * dt, momentum: 1 - friction * dt });
  let state = optimizer.init(params);
  for (let i = 0; i < n; i++) {
    velocity += dt * (-friction * velocity - slope(position));
    position += dt * velocity;
    const [updates, next] = optimizer.update(f64([slope(numbers(params)[0]!)]), state);
    [params, state] = [optim.applyUpdates(params, updates), next];
    assertAlmostEquals(numbers(params)[0]!, position, 1e-13);
  }
});

Deno.test("adam: T4, both forms follow a loop in float64", () => {
  const options = fc.record({
    learningRate: between(0, 2),
    b1: fc.constantFrom(0, 0.5, 0.9),
    b2: fc.constantFrom(0, 0.9, 0.999),
    epsilon: fc.constantFrom(1e-8, 1e-2),
    weightDecay: fc.constantFrom(0, 0.25),
    epsilonInsideRoot: fc.boolean(),
    biasCorrection: fc.boolean(),
  });
  const lecture = { learningRate: 0.1, b1: 0.9, b2: 0.9, epsilon: 1e-8, weightDecay: 0, biasCorrection: false };
  const forms = fc.oneof(options, fc.constant({ ...lecture, epsilonInsideRoot: true }));
  check(fc.tuple(walks, forms), ([[start, grads], settings]) => {
    const { learningRate, b1, b2, epsilon, weightDecay, epsilonInsideRoot, biasCorrection } = settings;
    let w = [...start];
    let [m, v] = [w.map(() => 0), w.map(() => 0)];
    const expected = grads.map((grad, step) => {
      const g = grad.map((x, i) => x + weightDecay * w[i]!);
      m = m.map((x, i) => b1 * x + (1 - b1) * g[i]!);
      v = v.map((x, i) => b2 * x + (1 - b2) * g[i]! ** 2);
      const [c1, c2] = biasCorrection ? [1 - b1 ** (step + 1), 1 - b2 ** (step + 1)] : [1, 1];
      w = w.map((x, i) => {
        const [mean, square] = [m[i]! / c1, v[i]! / c2];
        const root = epsilonInsideRoot ? Math.sqrt(square + epsilon) : Math.sqrt(square) + epsilon;
        return x - learningRate * mean / root;
      });
      return w;
    });
    assertNear(trace(optim.adam(settings), start, grads).flat(), expected.flat(), 1e-11, "parameters");
  });
});

Deno.test("optim: sgd and adam reach PyTorch's parameters", () => {
  // PyTorch 1.13.1 in float64: five steps on Σ c (w − 1)⁴ / 4.
  const c = f64([1, 0.1, 2]);
  const slope = grad((w: Tensor) => div(sum(mul(c, pow(sub(w, 1), 4))), 4));
  const after5 = <S>(optimizer: optim.Transform<S>): number[] => {
    let params = f64([3, -2, 0.5]);
    let state = optimizer.init(params);
    for (let i = 0; i < 5; i++) {
      const [updates, next] = optimizer.update(slope(params), state, params);
      [params, state] = [optim.applyUpdates(params, updates), next];
    }
    return numbers(params);
  };
  const near = (got: number[], want: number[]): void => assertNear(got, want, 1e-11, "parameters");
  near(after5(optim.sgd({ learningRate: 0.01 })), [2.677327589932, -1.871915922726, 0.512135932317]);
  near(after5(optim.sgd({ learningRate: 0.01, momentum: 0.9 })), [2.17348738841, -1.666204984248, 0.531741827531]);
  near(
    after5(optim.sgd({ learningRate: 0.01, momentum: 0.9, nesterov: true, weightDecay: 0.1 })),
    [2.049993590119, -1.561545029351, 0.531584362282],
  );
  near(after5(optim.adam({ learningRate: 0.1 })), [2.511966362208, -1.506741837205, 0.912879280333]);
  near(
    after5(optim.adam({ learningRate: 0.1, b1: 0.8, b2: 0.95, epsilon: 1e-3, weightDecay: 0.1 })),
    [2.515605782324, -1.509314378097, 0.784888013753],
  );
});

Deno.test("adam: the bias correction keeps its digits in float32", () => {
  const optimizer = optim.adam({ learningRate: 1, epsilon: 0 });
  const [updates] = optimizer.update(tensor([1e-3, 5]), optimizer.init(tensor([0, 0])));
  // 1 − 0.999 in float32 would be off by 1.3e-5.
  numbers(updates).forEach((u) => assertAlmostEquals(u, -1, 5e-7));
});

Deno.test("optim: states count steps in int32, and schedules are given the steps taken before", () => {
  const seen: number[] = [];
  const learningRate = (step: Tensor): Tensor => {
    assertEquals(step.type, { dtype: "int32", shape: [] });
    seen.push(step.item() as number);
    return div(1, add(step, 1));
  };
  for (const make of [optim.sgd, optim.adam]) {
    const optimizer = make({ learningRate, ...(make === optim.sgd ? { momentum: 0 } : { epsilon: 0 }) });
    let state = optimizer.init(tensor([0]));
    assertEquals(state.step.type, { dtype: "int32", shape: [] });
    const rates = [0, 1, 2].map(() => {
      const [updates, next] = optimizer.update(tensor([1]), state as never);
      state = next;
      return numbers(updates)[0]!;
    });
    rates.forEach((r, i) => assertAlmostEquals(r, -1 / (i + 1), 1e-6));
    assertEquals(state.step.item(), 3);
  }
  assertEquals(seen, [0, 1, 2, 0, 1, 2]);
});

Deno.test("optim: leaves keep their dtype and shape, scalars and empty ones too", () => {
  const params = { a: zeros([2, 0]), b: tensor(1), c: zeros([2, 3], { dtype: "float64" }) };
  const grads = tree.map((x) => add(x, 1), params);
  for (const learningRate of [0.1, optim.cosineDecay(0.1, 10)]) {
    for (const optimizer of [optim.sgd({ learningRate, momentum: 0.9 }), optim.adam({ learningRate })]) {
      const [updates, state] = optimizer.update(grads, optimizer.init(params) as never, params);
      const types = (t: unknown) => tree.leaves(t).map((x) => x.type);
      assertEquals(types(updates), types(params));
      assertEquals(types(optimizer.update(grads, state as never)[0]), types(params));
      assertEquals(types(optim.applyUpdates(params, updates)), types(params));
    }
  }
});

Deno.test("optim: null gradients have no update, and leave what is remembered and the parameters as they are", () => {
  const params = { frozen: tensor([1, 2]), moved: tensor([3]), count: tensor(new Int32Array([7])), none: null };
  const grads = { frozen: null, moved: tensor([2]), count: null, none: null };
  for (const optimizer of [optim.sgd({ momentum: 0.9, weightDecay: 0.1 }), optim.adam({ weightDecay: 0.1 })]) {
    const state = optimizer.init(params);
    const [updates, next] = optimizer.update(grads, state as never, params);
    assertEquals([updates.frozen, updates.count, updates.none], [null, null, null]);
    const moments = "velocity" in next ? next.velocity : next.m;
    assertEquals((moments as typeof params).frozen.arraySync(), [0, 0]);
    assertEquals((moments as typeof params).count, null);
    const after = optim.applyUpdates(params, updates);
    assert(after.frozen === params.frozen && after.count === params.count);
    assertEquals(after.none, null);
    assert((after.moved.item() as number) < 3);
  }
  // As grad gives it: null for the integers of a tree.
  const slopes = grad((p: { w: Tensor; n: Tensor }) => sum(mul(p.w, cast(p.n, "float32"))))({
    w: tensor([1]),
    n: tensor(new Int32Array([4])),
  });
  assertEquals(optim.sgd({ learningRate: 1 }).update(slopes, optim.sgd().init(slopes))[0].w.arraySync(), [-4]);
});

Deno.test("optim: chain hands updates on and keeps a tuple of states", () => {
  const clipped: optim.Transform<{ calls: number }> = {
    init: () => ({ calls: 0 }),
    update: (grads, { calls }) => [grads, { calls: calls + 1 }],
  };
  const optimizer = optim.chain(clipped, optim.scale(0.5), optim.sgd({ learningRate: 1, momentum: 0.5 }));
  const params = tensor([1]);
  const [updates, state] = optimizer.update(tensor([4]), optimizer.init(params), params);
  assertEquals(updates.arraySync(), [-2]);
  assertEquals(state[0], { calls: 1 });
  assertEquals(state[1], null);
  assertEquals(state[2].step.item(), 1);
  // The parameters are passed on.
  const decayed = optim.chain(optim.scale(1), optim.sgd({ learningRate: 1, weightDecay: 2 }));
  assertEquals(decayed.update(tensor([0]), decayed.init(params), params)[0].arraySync(), [-2]);
  assertEquals(optim.chain().update(params, [])[0], params);
});

Deno.test("optim: updates run under vmap and are differentiated through", () => {
  const optimizer = optim.adam({ learningRate: 0.1 });
  const params = random.normal(random.key(0), [3, 2]);
  const state = vmap((p: Tensor) => optimizer.init(p), { inAxes: [0] })(params);
  const [updates] = vmap((g: Tensor, s: typeof state) => optimizer.update(g, s))(params, state);
  const [whole] = optimizer.update(params, optimizer.init(params));
  numbers(updates).forEach((u, i) => assertAlmostEquals(u, numbers(whole)[i]!, 1e-6));
  // The loss after one step of descent on (w − 1)², by its rate r: (w − 2r(w − 1) − 1)², with slope −4(w − 1)²(1 − 2r).
  const slope = (w: Tensor) => grad((w: Tensor) => pow(sub(w, 1), 2))(w);
  const rateSlope = grad((rate: Tensor) => {
    const descent = optim.sgd({ learningRate: () => rate });
    const w = tensor(3);
    const [update] = descent.update(slope(w), descent.init(w));
    return pow(sub(optim.applyUpdates(w, update), 1), 2);
  })(tensor(0.25));
  assertAlmostEquals(rateSlope.item() as number, -8, 1e-5);
});

Deno.test("schedules: cosine decay and warm-up", () => {
  const at = (rate: optim.Schedule, step: number): number =>
    rate(tensor(new Int32Array([step]), { shape: [] })).item() as number;
  const half = optim.cosineDecay(2, 8, { alpha: 0.25 });
  for (let step = 0; step <= 10; step++) {
    const t = Math.min(step, 8) / 8;
    assertAlmostEquals(at(half, step), 2 * (0.75 * 0.5 * (1 + Math.cos(Math.PI * t)) + 0.25), 1e-6);
  }
  const warm = optim.warmupCosine(0.5, 2, 4, 12, { end: 0.25 });
  for (let step = 0; step <= 14; step++) {
    const t = Math.min(step - 4, 8) / 8;
    const expected = step < 4 ? 0.5 + 1.5 * step / 4 : 0.25 + 1.75 * 0.5 * (1 + Math.cos(Math.PI * t));
    assertAlmostEquals(at(warm, step), expected, 1e-6);
  }
  assertAlmostEquals(at(optim.warmupCosine(0, 1, 0, 10), 0), 1, 1e-6);
});

Deno.test("optim: errors say what came and the rule", () => {
  const throws = (f: () => unknown, kind: new (message: string) => Error, message: string): void => {
    assertEquals(assertThrows(f, kind).message, message);
  };
  throws(
    () => optim.sgd({ learningRate: -1 }),
    RangeError,
    "sgd() needs learningRate of 0 or more, got -1",
  );
  throws(
    () => optim.sgd({ learningRate: "1" as unknown as number }),
    TypeError,
    'sgd() takes learningRate as a number, got the string "1"',
  );
  throws(() => optim.sgd({ nesterov: true }), RangeError, "sgd() with nesterov needs a momentum above 0");
  throws(() => optim.adam({ b1: 1 }), RangeError, "adam() needs b1 of 0 or more and below 1, got 1");
  throws(() => optim.cosineDecay(1, 0), RangeError, "cosineDecay() needs steps of at least 1, got 0");
  throws(
    () => optim.warmupCosine(0, 1, 10, 10),
    RangeError,
    "warmupCosine() needs steps of at least 11, got 10",
  );
  const params = { layer: { w: zeros([2]), b: zeros([1]) } };
  const optimizer = optim.sgd({ momentum: 0.5, weightDecay: 0.1 });
  const state = optimizer.init(params);
  throws(
    () => optimizer.update(params, state),
    TypeError,
    "sgd() with weightDecay needs the parameters: call update(grads, state, params)",
  );
  throws(
    () => optim.adam().update({ layer: { w: zeros([2]) } }, optim.adam().init(params)),
    TypeError,
    "adam() needs gradients of the structure of the parameters, got [w] for [w, b] at layer",
  );
  throws(
    () => optim.applyUpdates(params as { layer: unknown }, { layer: { w: zeros([3]), b: zeros([1]) } }),
    ShapeError,
    "applyUpdates() got a gradient f32[3] for a leaf f32[2] at layer/w",
  );
});
