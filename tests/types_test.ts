/** What TypeScript infers in ordinary programs: asserted by the type checker, and run once to see that it is no lie. */

import { assertEquals } from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import {
  add,
  arange,
  cast,
  data,
  type DType,
  evalShape,
  grad,
  type Grads,
  hessian,
  hvp,
  jacfwd,
  jacrev,
  jit,
  jvp,
  linearize,
  matmul,
  mul,
  nn,
  ones,
  optim,
  random,
  square,
  sum,
  type Tensor,
  tensor,
  type TensorType,
  toDevice,
  tree,
  valueAndGrad,
  vjp,
  vjpWithAux,
  vmap,
  zeros,
} from "../mod.ts";

interface Line {
  readonly w: Tensor;
  b: Tensor;
}

interface Net {
  readonly layers: readonly [Line, Line];
  readonly scale: number;
  readonly tags: null;
  extra?: Tensor;
}

const line: Line = { w: ones([2]), b: tensor(0.5) };
const net: Net = { layers: [line, line], scale: 2, tags: null };
const x = ones([2]);

function predict(p: Line, x: Tensor): Tensor {
  return add(sum(mul(p.w, x)), p.b);
}

function loss(p: Net, x: Tensor): Tensor {
  return mul(p.scale, add(predict(p.layers[0], x), square(predict(p.layers[1], x))));
}

Deno.test("types: grad of interfaces, tuples and numbers keeps their structure", () => {
  const one = grad(predict)(line, x);
  assertType<IsExact<typeof one, { readonly w: Tensor; b: Tensor }>>(true);
  assertEquals(one.w.shape, [2]);

  const all = grad(loss)(net, x);
  assertType<IsExact<typeof all.layers, readonly [Grads<Line>, Grads<Line>]>>(true);
  assertType<IsExact<typeof all.scale, Tensor>>(true);
  assertType<IsExact<typeof all.tags, null>>(true);
  assertType<IsExact<typeof all.extra, Tensor | undefined>>(true);
  assertEquals([all.scale.shape, all.tags], [[], null]);

  const number = grad((t: number) => square(t))(3);
  assertType<IsExact<typeof number, Tensor>>(true);
  assertEquals(number.item(), 6);

  const transformed = grad(predict);
  assertType<IsExact<Parameters<typeof transformed>, [p: Line, x: Tensor]>>(true);
});

Deno.test("types: moving to a GPU gives the tree, moving to the CPU a promise of it", async () => {
  const moves = {
    away: () => toDevice(net, "gpu"),
    home: () => toDevice(net, "cpu"),
    anywhere: (device: string) => toDevice(net, device),
  };
  assertType<IsExact<ReturnType<typeof moves.away>, Net>>(true);
  assertType<IsExact<ReturnType<typeof moves.home>, Promise<Net>>>(true);
  assertType<IsExact<ReturnType<typeof moves.anywhere>, Net | Promise<Net>>>(true);
  assertEquals((await moves.home()).scale, 2);
});

Deno.test("types: argnums gives one gradient, or a tuple of them", () => {
  const second = grad(predict, { argnums: 1 })(line, x);
  assertType<IsExact<typeof second, Tensor>>(true);
  const both = grad(predict, { argnums: [1, 0] })(line, x);
  assertType<IsExact<typeof both, [Tensor, Grads<Line>]>>(true);
  assertEquals(both.length, 2);
  const [value, [slope]] = valueAndGrad(predict, { argnums: [0] })(line, x);
  assertType<IsExact<typeof value, Tensor>>(true);
  assertType<IsExact<typeof slope, Grads<Line>>>(true);
  assertEquals(slope.b.item(), 1);
});

Deno.test("types: hasAux returns what else the function returns", () => {
  const withAux = (p: Line, x: Tensor): [Tensor, { rows: number; y: Tensor }] => {
    const y = predict(p, x);
    return [y, { rows: x.size, y }];
  };
  const [slope, aux] = grad(withAux, { hasAux: true })(line, x);
  assertType<IsExact<typeof slope, Grads<Line>>>(true);
  assertType<IsExact<typeof aux, { rows: number; y: Tensor }>>(true);
  const [[value, more], slopes] = valueAndGrad(withAux, { hasAux: true, argnums: [0, 1] })(line, x);
  assertType<IsExact<typeof value, Tensor>>(true);
  assertType<IsExact<typeof more, { rows: number; y: Tensor }>>(true);
  assertType<IsExact<typeof slopes, [Grads<Line>, Tensor]>>(true);
  assertEquals([aux.rows, more.rows, slopes.length], [2, 2, 2]);
});

Deno.test("types: vjp, vjpWithAux, jvp and linearize", () => {
  const f = (p: Line, x: Tensor) => ({ y: predict(p, x), twice: [mul(x, 2)] as const });
  const [y, pullback] = vjp(f, line, x);
  assertType<IsExact<typeof y, { y: Tensor; twice: readonly [Tensor] }>>(true);
  const pulled = pullback({ y: tensor(1), twice: [ones([2])] });
  assertType<IsExact<typeof pulled, [Grads<Line>, Tensor]>>(true);
  assertEquals(pulled[1].arraySync(), [3, 3]);

  const [, pull, aux] = vjpWithAux((x: Tensor): [Tensor, string] => [square(x), "aux"], x);
  assertType<IsExact<typeof aux, string>>(true);
  const [back] = pull(x);
  assertType<IsExact<typeof back, Tensor>>(true);

  const [primal, tangent] = jvp(f, [line, x], [line, x]);
  assertType<IsExact<typeof primal, { y: Tensor; twice: readonly [Tensor] }>>(true);
  assertType<IsExact<typeof tangent, { y: Tensor; twice: readonly [Tensor] }>>(true);

  const [value, push] = linearize((p: Line) => predict(p, x), line);
  assertType<IsExact<typeof value, Tensor>>(true);
  const pushed = push(line);
  assertType<IsExact<typeof pushed, Tensor>>(true);
  assertEquals(pushed.shape, []);
});

Deno.test("types: Jacobians, Hessians and hvp nest trees", () => {
  const f = (p: Line) => ({ y: mul(p.w, p.b) });
  const rows = jacrev(f)(line);
  assertType<IsExact<typeof rows, { y: Grads<Line> }>>(true);
  const columns = jacfwd(f)(line);
  assertType<IsExact<typeof columns, { y: Grads<Line> }>>(true);
  assertEquals(rows.y.w.shape, [2, 2]);
  const curvature = hessian((p: Line) => sum(square(mul(p.w, p.b))))(line);
  assertType<IsExact<typeof curvature.w.b, Tensor>>(true);
  assertEquals(curvature.w.b.shape, [2]);
  const product = hvp((p: Line) => sum(square(mul(p.w, p.b))), line, line);
  assertType<IsExact<typeof product, Grads<Line>>>(true);
  assertEquals(product.w.shape, [2]);
});

Deno.test("types: vmap keeps the function's type, and nests with grad", () => {
  const batched = vmap(predict, { inAxes: [null, 0] });
  assertType<IsExact<typeof batched, (p: Line, x: Tensor) => Tensor>>(true);
  assertEquals(batched(line, ones([5, 2])).shape, [5]);
  const perExample = vmap(grad(predict), { inAxes: [null, 0] })(line, ones([5, 2]));
  assertType<IsExact<typeof perExample, Grads<Line>>>(true);
  assertEquals(perExample.w.shape, [5, 2]);
  const shapes = evalShape(predict, line, x);
  assertType<IsExact<typeof shapes, TensorType>>(true);
});

Deno.test("types: random.split gives as many keys as it is asked for", () => {
  const two = random.split(random.key(0));
  assertType<IsExact<typeof two, [Tensor, Tensor]>>(true);
  const three = random.split(random.key(0), 3);
  assertType<IsExact<typeof three, [Tensor, Tensor, Tensor]>>(true);
  const n: number = 3;
  const some = random.split(random.key(0), n);
  assertType<IsExact<typeof some, Tensor[]>>(true);
  const [a, b] = random.split(random.key(0), 5);
  assertType<IsExact<typeof a, Tensor>>(true);
  assertEquals([two.length, three.length, some.length, b.shape], [2, 3, 3, [2]]);
});

Deno.test("types: tree.map replaces the leaves", () => {
  const halved = tree.map((leaf) => mul(leaf, 0.5), net);
  assertType<IsExact<typeof halved.layers, readonly [Grads<Line>, Grads<Line>]>>(true);
  assertType<IsExact<typeof halved.scale, Tensor>>(true);
  const shapes = tree.map((leaf) => leaf.ndim, line);
  assertType<IsExact<typeof shapes, { readonly w: number; b: number }>>(true);
  const step = tree.map((p, g) => add(p, g), line, grad(predict)(line, x));
  assertType<IsExact<typeof step, Grads<Line>>>(true);
  assertEquals([shapes.w, step.b.item()], [1, 1.5]);
});

Deno.test("types: a sequential has tuples of params and state, with null for parts that have none", () => {
  const normed: nn.Layer<{ gain: Tensor }, { mean: Tensor }> = {
    init: (_key, inputShape) => ({
      params: { gain: ones(inputShape) },
      state: { mean: zeros(inputShape) },
      outputShape: inputShape,
    }),
    apply: ({ params, state }, x) => [mul(x, params.gain), state],
  };
  const model = nn.sequential(
    nn.conv(4, { kernel: 3, padding: "same" }),
    normed,
    nn.relu,
    nn.gelu,
    nn.maxPool({ window: 2 }),
    nn.flatten(),
    nn.sequential(nn.dense(8), nn.dropout(0.5)),
    (x) => mul(x, 2),
    nn.dense(3),
  );
  const { params, state } = model.init(random.key(0), [4, 4, 1]);
  type Affine = nn.AffineParams;
  type Params = [Affine, { gain: Tensor }, null, null, null, null, [Affine, null], null, Affine];
  assertType<IsExact<typeof params, Params>>(true);
  assertType<
    IsExact<typeof state, [null, { mean: Tensor }, null, null, null, null, [null, null], null, null]>
  >(true);
  assertType<IsExact<typeof params[0]["bias"], Tensor | undefined>>(true);

  const objective = (p: typeof params, x: Tensor, y: Tensor, key: Tensor): [Tensor, typeof state] => {
    const [logits, next] = model.apply({ params: p, state }, x, { training: true, key });
    return [nn.loss.crossEntropy(logits, y), next];
  };
  const [[value, next], slopes] = valueAndGrad(objective, { hasAux: true })(
    params,
    ones([2, 4, 4, 1]),
    arange(2),
    random.key(1),
  );
  assertType<IsExact<typeof value, Tensor>>(true);
  assertType<IsExact<typeof next, typeof state>>(true);
  assertType<IsExact<typeof slopes, Grads<Params>>>(true);
  assertEquals(slopes[6][0].weight.shape, [16, 8]);

  const lenet = nn.models.lenet5().init(random.key(0), [28, 28, 1]);
  assertType<IsExact<typeof lenet.params[7], Affine>>(true);
  // A layer of any parameters is a Layer.
  const layers: nn.Layer[] = [model, normed, nn.dense(1), nn.models.lenet5()];
  assertEquals(layers.length, 4);
  assertType<IsExact<nn.ParamsOf<typeof nn.relu>, null>>(true);
  assertType<IsExact<nn.StateOf<typeof normed>, { mean: Tensor }>>(true);
});

Deno.test("types: optimisers keep the types of params and of their own state", () => {
  const optimizer = optim.adam({ learningRate: (step) => mul(0.1, cast(step, "float32")) });
  const state = optimizer.init(line);
  assertType<IsExact<typeof state.step, Tensor>>(true);
  const [updates, next] = optimizer.update(grad(predict)(line, x), state, line);
  assertType<IsExact<typeof updates, Grads<Line>>>(true);
  assertType<IsExact<typeof next, optim.AdamState>>(true);
  const params = optim.applyUpdates(line, updates);
  assertType<IsExact<typeof params, Line>>(true);
  assertEquals(params.w.shape, [2]);

  const chained = optim.chain(optim.scale(0.5), optim.sgd({ learningRate: 0.1, momentum: 0.9 }));
  const states = chained.init(line);
  assertType<IsExact<typeof states, [null, optim.SgdState]>>(true);
  assertType<IsExact<optim.StateOf<typeof chained>, [null, optim.SgdState]>>(true);
  // A transform of any state is a Transform.
  const transforms: optim.Transform[] = [optimizer, chained];
  assertEquals(transforms.length, 2);
});

Deno.test("types: batches and parts of a data set have its type", () => {
  const dataset = { x: ones([6, 2]), y: arange(6) };
  for (const batch of data.batches(random.key(0), dataset, { size: 4 })) {
    assertType<IsExact<typeof batch, { x: Tensor; y: Tensor }>>(true);
  }
  const [train, test] = data.split(random.key(0), dataset, 0.5);
  assertType<IsExact<typeof train, typeof dataset>>(true);
  assertEquals([train.y.size, test.y.size], [3, 3]);
});

Deno.test("types: wrong uses do not compile", () => {
  // Each is a type error that this file would not compile without; none is run.
  const wrong: readonly (() => unknown)[] = [
    // @ts-expect-error: the function returns no tensor
    () => grad((x: Tensor) => [x])(x),
    // @ts-expect-error: an argument is missing
    () => grad(predict)(line),
    // @ts-expect-error: the tangent has another structure
    () => jvp(predict, [line, x], [x, x]),
    // @ts-expect-error: the cotangent has another structure
    () => vjp(predict, line, x)[1](line),
    // @ts-expect-error: a part that is no function of tensors
    () => nn.sequential(nn.dense(1), (x: string) => x),
    // @ts-expect-error: conv needs a kernel
    () => nn.conv(4, {}),
    // @ts-expect-error: no such reduction
    () => nn.loss.mse(x, x, { reduction: "average" }),
    // @ts-expect-error: updates of another structure
    () => optim.applyUpdates(line, { w: x }),
    // @ts-expect-error: a batch needs a size
    () => data.batches(random.key(0), x, {}),
    // @ts-expect-error: approximations have no names
    () => nn.gelu(x, { approximate: "tanh" }),
    // @ts-expect-error: parameters of another model
    () => nn.dense(1).apply({ params: { gain: x }, state: null }, x),
    // @ts-expect-error: an option that does not exist
    () => optim.adam({ beta1: 0.9 }),
    // @ts-expect-error: a string is no tensor
    () => matmul("x", x),
  ];
  assertEquals(wrong.length, 13);
});

Deno.test("types: float16 is a dtype like others, and its elements are a Float16Array", () => {
  const halves = tensor(new Float16Array([1, 2]));
  const elements = halves.dataSync<Float16Array>();
  assertType<IsExact<typeof elements, Float16Array>>(true);
  assertType<IsExact<DType, "float32" | "float64" | "float16" | "int32" | "uint32" | "bool">>(true);
  assertEquals([halves.dtype, elements.constructor], ["float16", Float16Array]);
  assertEquals(nn.init.normal(random.key(0), [2], { dtype: "float16" }).dtype, "float16");
});

Deno.test("types: a compiled function has the type of the function", () => {
  const scaled = jit((p: Line, n: number) => ({ ...p, n: mul(p.w, n) }));
  assertType<IsExact<Parameters<typeof scaled>, [p: Line, n: number]>>(true);
  assertType<IsExact<ReturnType<typeof scaled>, { n: Tensor; w: Tensor; b: Tensor }>>(true);
  assertEquals(scaled(line, 3).n.arraySync(), [3, 3]);
  const slopes = grad(jit(loss));
  assertType<IsExact<ReturnType<typeof slopes>, Grads<Net>>>(true);
  const step = jit((p: Net, x: Tensor) => slopes(p, x), { donate: [1] });
  assertEquals(step(net, ones([2])).layers[0].w.shape, [2]);
});
