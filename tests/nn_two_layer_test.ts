/** M2: two-layer nets with biases, whose backward table, derived by hand, equals what the library differentiates. */

import { assertAlmostEquals } from "@std/assert";
import * as fc from "fast-check";
import { grad, nn, random, reshape, type Tensor, tensor, tree, valueAndGrad, vjp } from "../mod.ts";
import { assertNear } from "./derivatives.ts";
import { between } from "./draw.ts";
import { check } from "./property.ts";

type Matrix = readonly (readonly number[])[];

const times = (a: Matrix, x: readonly number[]): number[] => a.map((row) => dot(row, x));
const transposed = (a: Matrix): number[][] => a[0]!.map((_, j) => a.map((row) => row[j]!));
const outer = (a: readonly number[], b: readonly number[]): number[][] => a.map((v) => b.map((w) => v * w));
const plus = (a: readonly number[], b: readonly number[]): number[] => a.map((v, i) => v + b[i]!);
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, v, i) => sum + v * b[i]!, 0);
}

interface Net {
  readonly W1: Matrix;
  readonly b1: readonly number[];
  readonly W2: Matrix;
  readonly b2: readonly number[];
}

interface Activation {
  readonly f: (z: number) => number;
  /** The slope, by the value of f. */
  readonly slope: (h: number) => number;
  readonly ours: (x: Tensor) => Tensor;
}

const activations: readonly Activation[] = [
  { f: Math.tanh, slope: (h) => 1 - h * h, ours: nn.tanh },
  { f: sigmoid, slope: (h) => h * (1 - h), ours: nn.sigmoid },
  { f: (z) => Math.max(0, z), slope: (h) => Number(h > 0), ours: nn.relu },
];

/** What the output means: its loss, and the derivative of the loss by the output, u. */
interface Task {
  readonly name: string;
  readonly target: (outputs: number, seed: number) => readonly number[];
  readonly loss: (u: readonly number[], f: readonly number[]) => number;
  readonly delta: (u: readonly number[], f: readonly number[]) => number[];
  readonly ours: (u: Tensor, f: readonly number[]) => Tensor;
}

const f64 = (values: readonly number[]): Tensor => tensor(Float64Array.from(values));
const exps = (u: readonly number[]): number[] => u.map((v) => Math.exp(v));
const total = (xs: readonly number[]): number => xs.reduce((sum, v) => sum + v, 0);

const tasks: readonly Task[] = [
  {
    name: "regression, squared error",
    target: (k, seed) => Array.from({ length: k }, (_, i) => Math.sin(seed + i)),
    loss: (u, f) => total(u.map((v, i) => (v - f[i]!) ** 2)),
    delta: (u, f) => u.map((v, i) => 2 * (v - f[i]!)),
    ours: (u, f) => nn.loss.mse(u, f64(f), { reduction: "sum" }),
  },
  {
    name: "binary, sigmoid and binary cross entropy",
    target: (k, seed) => Array.from({ length: k }, (_, i) => (seed + i) % 2),
    loss: (u, f) => total(u.map((v, i) => Math.log1p(Math.exp(v)) - f[i]! * v)),
    delta: (u, f) => u.map((v, i) => sigmoid(v) - f[i]!),
    ours: (u, f) => nn.loss.bceWithLogits(u, f64(f), { reduction: "sum" }),
  },
  {
    name: "multiclass, softmax and cross entropy",
    target: (k, seed) => Array.from({ length: k }, (_, i) => Number(i === seed % k)),
    loss: (u, f) => Math.log(total(exps(u))) - dot(u, f),
    delta: (u, f) => exps(u).map((e, i) => e / total(exps(u)) - f[i]!),
    ours: (u, f) => nn.loss.crossEntropy(u, f64(f)),
  },
];

/** The backward table of y = W2 h(W1 x + b1) + b2, from δ = ∂ρ/∂y on, step by step. */
function backward(net: Net, { f, slope }: Activation, x: readonly number[], delta: (y: readonly number[]) => number[]) {
  // Forward: z, h, y.
  const h = plus(times(net.W1, x), net.b1).map(f);
  const y = plus(times(net.W2, h), net.b2);
  // Backward: ∂y, ∂b2 = ∂y, ∂W2 = ∂y hᵀ, ∂h = W2ᵀ ∂y, ∂z = ∂h ⊙ h′(z), ∂b1 = ∂z, ∂W1 = ∂z xᵀ, ∂x = W1ᵀ ∂z.
  const dy = delta(y);
  const dW2 = outer(dy, h);
  const dh = times(transposed(net.W2), dy);
  const dz = dh.map((v, i) => v * slope(h[i]!));
  return { y, W1: outer(dz, x), b1: dz, W2: dW2, b2: dy, x: times(transposed(net.W1), dz) };
}

const cases = fc.tuple(
  fc.integer({ min: 1, max: 4 }),
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 4 }),
  fc.nat(9),
).chain(([inputs, hidden, outputs, seed]) => {
  const list = (n: number) => fc.array(between(-2, 2), { minLength: n, maxLength: n });
  const matrix = (m: number, n: number) => fc.array(list(n), { minLength: m, maxLength: m });
  return fc.record({
    net: fc.record({
      W1: matrix(hidden, inputs),
      b1: list(hidden),
      W2: matrix(outputs, hidden),
      b2: list(outputs),
    }),
    x: list(inputs),
    seed: fc.constant(seed),
    activation: fc.constantFrom(...activations),
  });
});

/** Our weights are [in, out], the lectures' [out, in]. */
function weightOf(rows: Matrix): Tensor {
  return tensor(Float64Array.from(transposed(rows).flat()), { shape: [rows[0]!.length, rows.length] });
}

function numbers(tensors: readonly Tensor[]): number[] {
  return tensors.flatMap((x) => [...x.dataSync<Float64Array>()]);
}

for (const task of tasks) {
  Deno.test(`two layers: M2, the backward table by hand equals vjp and grad (${task.name})`, () => {
    check(cases, ({ net, x, seed, activation }) => {
      const f = task.target(net.b2.length, seed);
      const table = backward(net, activation, x, (y) => task.delta(y, f));
      const expected = [transposed(table.W1), table.b1, transposed(table.W2), table.b2, table.x].flat(2);

      const model = nn.sequential(nn.dense(net.b1.length), activation.ours, nn.dense(net.b2.length));
      const params: ReturnType<typeof model.init>["params"] = [
        { weight: weightOf(net.W1), bias: f64(net.b1) },
        null,
        { weight: weightOf(net.W2), bias: f64(net.b2) },
      ];
      const state: [null, null, null] = [null, null, null];
      const output = (p: typeof params, x: Tensor): Tensor => {
        const [y] = model.apply({ params: p, state }, reshape(x, [1, x.size]));
        return reshape(y, [net.b2.length]);
      };
      const [value, [slopes, slopeOfX]] = valueAndGrad(
        (p: typeof params, x: Tensor) => task.ours(output(p, x), f),
        { argnums: [0, 1] },
      )(params, f64(x));
      assertNear([value.item() as number], [task.loss(table.y, f)], 1e-12, "loss");
      assertNear(numbers([...tree.leaves(slopes), slopeOfX]), expected, 1e-12, "grad");

      const [y, pullback] = vjp(output, params, f64(x));
      assertNear(numbers([y]), table.y, 1e-12, "output");
      assertNear(numbers(tree.leaves(pullback(f64(task.delta(table.y, f))))), expected, 1e-12, "vjp");
    });
  });
}

Deno.test("two layers: M14, a weight used on two paths gets the sum of their gradients", () => {
  const x = random.normal(random.key(0), [3, 2], { dtype: "float64" });
  const W = random.normal(random.key(1), [2, 2], { dtype: "float64" });
  const layer = nn.dense(2, { bias: false });
  const through = (weight: Tensor, x: Tensor) => layer.apply({ params: { weight }, state: null }, x)[0];
  const rho = (a: Tensor, b: Tensor) => nn.loss.mse(through(a, nn.tanh(through(b, x))), 0);
  const shared = grad((w: Tensor) => rho(w, w))(W);
  const [first, second] = grad(rho, { argnums: [0, 1] })(W, W);
  numbers([shared]).forEach((v, i) => assertAlmostEquals(v, numbers([first])[i]! + numbers([second])[i]!, 1e-12));
});
