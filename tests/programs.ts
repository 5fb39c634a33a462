/** Random programs: lists of operations over earlier values, right in shape and away from kinks by construction. */

import * as fc from "fast-check";
import * as ops from "../ops/mod.ts";
import type { Tensor } from "../ops/tensor.ts";
import { read } from "./close.ts";
import type { ListFunction } from "./derivatives.ts";
import { between, upload } from "./draw.ts";
import { type Plain, sizeOf } from "./plain.ts";

/** One application: `text` names its operands v0, v1 … and says everything else. */
interface Step {
  readonly text: string;
  readonly of: readonly number[];
  apply(...xs: Tensor[]): Tensor;
}

export interface RandomProgram {
  readonly inputs: readonly Plain[];
  readonly steps: readonly Step[];
}

/** Numbers that choose an operation, its operands and its settings among those that fit. */
interface Choice {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly setting: number;
}

/** What a step may choose from: the values so far, at the point where derivatives will be taken. */
interface Choices {
  readonly values: readonly Tensor[];
  readonly a: number;
  /** Other values that `fits` holds of; one at least is `a` itself. */
  other(fits: (x: Tensor) => boolean): number;
  readonly setting: number;
}

/** A step, or null where this operation has no place. */
type Maker = (choices: Choices) => Step | null;

/** No element is this close to a kink: more than values move in differences. */
const margin = 1 / 32;
const largestSize = 36;
const largestValue = 4;

const { add, sub, mul, div, square, exp, log1p, sqrt, sum, abs } = ops;

const smooth: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  neg: ops.neg,
  sin: ops.sin,
  cos: ops.cos,
  tanh: ops.tanh,
  square,
  exp,
  expm1: ops.expm1,
  "log1p∘square": (x) => log1p(square(x)),
  "sqrt∘(1+square)": (x) => sqrt(add(square(x), 1)),
  "rsqrt∘(1+square)": (x) => ops.rsqrt(add(square(x), 1)),
  flatten: ops.flatten,
  transpose: (x) => ops.transpose(x),
  stopGradientOfSign: (x) => mul(x, ops.stopGradient(ops.sign(x))),
};

/** Operations along one axis. */
const along: Readonly<Record<string, (x: Tensor, axis: number) => Tensor>> = {
  sum: (x, axis) => sum(x, { axis }),
  mean: (x, axis) => ops.mean(x, { axis, keepDims: true }),
  prod: (x, axis) => ops.prod(x, { axis }),
  logSumExp: (x, axis) => ops.logSumExp(x, { axis }),
  variance: (x, axis) => ops.variance(x, { axis }),
  softmax: (x, axis) => ops.softmax(x, { axis }),
  cumsum: (x, axis) => ops.cumsum(x, { axis }),
  flip: (x, axis) => ops.flip(x, { axis }),
  roll: (x, axis) => ops.roll(x, 1, { axis }),
  expandDims: (x, axis) => ops.expandDims(x, axis),
  stack: (x, axis) => ops.stack([x, ops.sin(x)], { axis }),
  concatenate: (x, axis) => ops.concatenate([ops.cos(x), x], { axis }),
  take: (x, axis) => ops.take(x, ops.tensor([0, x.shape[axis]! - 1, 0], { dtype: "int32" }), { axis }),
  slice: (x, axis) =>
    ops.slice(x, {
      start: x.shape.map((n, i) => (i === axis ? n - 1 : 0)),
      step: x.shape.map((_, i) => (i === axis ? -2 : 1)),
    }),
  pad: (x, axis) => ops.pad(x, x.shape.map((_, i): [number, number] => (i === axis ? [1, 0] : [0, 0]))),
};

const pairwise: Readonly<Record<string, (x: Tensor, y: Tensor) => Tensor>> = {
  add,
  sub,
  mul,
  "div by 1+square": (x, y) => div(x, add(square(y), 1)),
  "pow of 1+square": (x, y) => ops.pow(add(square(x), 1), y),
  "where of alternating": (x, y) => {
    const [wide, other] = [add(x, mul(y, 0)), add(y, mul(x, 0))];
    const mask = ops.equal(ops.mod(ops.reshape(ops.arange(sizeOf(wide.shape)), wide.shape), 2), 0);
    return ops.where(mask, wide, other);
  },
};

function smallestOf(x: Tensor): number {
  return Math.min(...read(abs(x)).data);
}

/** Whether elements along an axis are well apart, so that no order changes nearby. */
function apartAlong(x: Tensor, axis: number): boolean {
  const n = x.shape[axis]!;
  if (n === 1) return true;
  const sorted = ops.sort(x, { axis });
  const part = (start: number) => ops.take(sorted, ops.arange(start, start + n - 1), { axis });
  return smallestOf(sub(part(1), part(0))) > margin;
}

function broadcasts(x: Tensor, y: Tensor): boolean {
  return x.shape.every((n, i) => {
    const m = y.shape[y.shape.length - x.shape.length + i] ?? 1;
    return n === m || n === 1 || m === 1;
  });
}

const makers: readonly Maker[] = [
  ...Object.entries(smooth).map(([name, apply]): Maker => ({ values, a }) =>
    name !== "stopGradientOfSign" || smallestOf(values[a]!) > margin ? { text: `${name}(v${a})`, of: [a], apply } : null
  ),
  ...Object.entries(along).map(([name, apply]): Maker => ({ values, a, setting }) => {
    const rank = values[a]!.ndim;
    if (rank === 0) return null;
    const axis = setting % rank;
    return { text: `${name}(v${a}, axis ${axis})`, of: [a], apply: (x) => apply(x, axis) };
  }),
  ...Object.entries(pairwise).map(([name, apply]): Maker => ({ values, a, other }) => {
    const b = other((y) => broadcasts(values[a]!, y));
    return { text: `${name}(v${a}, v${b})`, of: [a, b], apply };
  }),
  ({ values, a }) => smallestOf(values[a]!) > margin ? { text: `abs(v${a})`, of: [a], apply: abs } : null,
  ({ values, a, other }) => {
    const x = values[a]!;
    const b = other((y) => broadcasts(x, y) && smallestOf(sub(x, y)) > margin);
    return b === a ? null : { text: `maximum(v${a}, v${b})`, of: [a, b], apply: ops.maximum };
  },
  ...(["max", "min", "sort"] as const).map((name): Maker => ({ values, a, setting }) => {
    const x = values[a]!;
    const axis = setting % Math.max(1, x.ndim);
    if (x.ndim === 0 || !apartAlong(x, axis)) return null;
    return { text: `${name}(v${a}, axis ${axis})`, of: [a], apply: (x) => ops[name](x, { axis }) };
  }),
  ({ values, a, other }) => {
    const x = values[a]!;
    if (x.ndim !== 2) return null;
    const b = other((y) => y.ndim === 2 && y.shape[0] === x.shape[1]);
    if (b !== a) return { text: `matmul(v${a}, v${b})`, of: [a, b], apply: ops.matmul };
    return { text: `matmul(v${a}, transpose(v${a}))`, of: [a], apply: (x) => ops.matmul(x, ops.transpose(x)) };
  },
  ({ values, a }) => {
    const { shape } = values[a]!;
    if (shape.length !== 1 || shape[0]! < 2) return null;
    const wide = [1, shape[0]!, 1];
    const kernel = [2, 1, 1];
    return {
      text: `conv(v${a}, its first two)`,
      of: [a],
      apply: (x) =>
        ops.flatten(
          ops.conv(ops.reshape(x, wide), ops.reshape(ops.take(x, ops.tensor([0, 1], { dtype: "int32" })), kernel)),
        ),
    };
  },
];

/** Applies the steps to values, after the values themselves. */
export function runSteps(steps: readonly Step[], values: readonly Tensor[]): Tensor[] {
  const all = [...values];
  for (const { of, apply } of steps) all.push(apply(...of.map((i) => all[i]!)));
  return all;
}

/** The program as a function: its results are the last three values. */
export function functionOf({ steps }: RandomProgram): ListFunction {
  return (xs) => runSteps(steps, xs).slice(-3);
}

function stepFrom({ op, a, b, setting }: Choice, values: readonly Tensor[]): Step {
  // Recent values first, so that little of a program is dead.
  const recent = (n: number) => values.length - 1 - n % Math.min(values.length, 4);
  const first = recent(a);
  const choices: Choices = {
    values,
    a: first,
    other(fits) {
      const fitting = values.flatMap((x, i) => (i !== first && fits(x) ? [i] : []));
      return fitting.length === 0 ? first : fitting[b % fitting.length]!;
    },
    setting,
  };
  const step = makers[op % makers.length]!(choices);
  const fallback: Step = { text: `sin(v${first})`, of: [first], apply: ops.sin };
  if (step === null) return fallback;
  const y = step.apply(...step.of.map((i) => values[i]!));
  if (sizeOf(y.shape) > largestSize) return fallback;
  const largest = Math.max(...read(abs(y)).data);
  if (largest <= largestValue) return step;
  const scale = 2 ** -Math.ceil(Math.log2(largest / largestValue));
  return { text: `${scale} · ${step.text}`, of: step.of, apply: (...xs) => mul(step.apply(...xs), scale) };
}

function programFrom(inputs: readonly Plain[], choices: readonly Choice[]): RandomProgram {
  const steps: Step[] = [];
  let values = inputs.map((x) => upload(x));
  for (const choice of choices) {
    const step = stepFrom(choice, values);
    steps.push(step);
    values = [...values, ...runSteps([step], values).slice(-1)];
  }
  const lines = [
    ...inputs.map(({ shape, data }, i) => `  v${i} = f64[${shape}] ${JSON.stringify(data)}`),
    ...steps.map(({ text }, i) => `  v${i + inputs.length} = ${text}: [${values[i + inputs.length]!.shape}]`),
  ];
  const drawn = { inputs, steps };
  return Object.defineProperty(drawn, fc.toStringMethod, { value: () => `\n${lines.join("\n")}\n` });
}

/** Programs of 5 to 20 steps over two inputs, at a point where all of them are smooth. */
export function randomPrograms(): fc.Arbitrary<RandomProgram> {
  const size = fc.integer({ min: 1, max: 3 });
  const input = fc.array(size, { minLength: 1, maxLength: 3 }).chain((shape) => {
    const n = sizeOf(shape);
    return fc.array(between(-2, 2), { minLength: n, maxLength: n })
      .map((data): Plain => ({ dtype: "float64", shape, data }));
  });
  const number = fc.nat(999);
  const choice = fc.record({ op: number, a: number, b: number, setting: number });
  return fc.noBias(
    fc.tuple(fc.tuple(input, input), fc.array(choice, { minLength: 5, maxLength: 20, size: "max" }))
      .map(([inputs, choices]) => programFrom(inputs, choices)),
  );
}
