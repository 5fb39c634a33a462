// Properties of whole programs: what holds of each operation holds of what is composed of them, under nested transforms.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { jvp } from "../grad/jvp.ts";
import { program } from "../grad/program.ts";
import { grad, vjp } from "../grad/vjp.ts";
import { vmap } from "../grad/vmap.ts";
import { evaluate, trace } from "../ops/program.ts";
import { add, flip, mul, stack, sum } from "../ops/mod.ts";
import type { Tensor } from "../ops/tensor.ts";
import { read } from "./close.ts";
import {
  assertNear,
  checkBothModes,
  dot,
  type ListFunction,
  numbersOf,
  pulledFrom,
  pushedFrom,
  shapedLike,
} from "./derivatives.ts";
import { onReference } from "./devices.ts";
import { directions, upload } from "./draw.ts";
import { functionOf, type RandomProgram, randomPrograms, runSteps } from "./programs.ts";
import { check } from "./property.ts";

/** What is equal but for the order of additions, many operations deep. */
const roundingError = 1e-9;

interface Case {
  readonly program: RandomProgram;
  readonly u: readonly number[];
  readonly v: readonly number[];
}

const cases: fc.Arbitrary<Case> = fc.record({ program: randomPrograms(), u: directions(), v: directions() });

function testPrograms(sentence: string, holds: (drawn: Case) => void, share = 1): void {
  const test = `random programs: ${sentence}`;
  Deno.test(test, () => check(cases, holds, { share, test }));
}

function pointOf({ inputs }: RandomProgram): Tensor[] {
  return inputs.map((x) => upload(x));
}

/** Points close to the program's, stacked along a new first axis. */
function pointsOf(program: RandomProgram, u: readonly number[]): { loop: Tensor[][]; batch: Tensor[] } {
  const xs = pointOf(program);
  const loop = [0, 1, 2].map((k) => xs.map((x) => add(x, mul(shapedLike([x], u)[0]!, k / 8))));
  return { loop, batch: xs.map((_, i) => stack(loop.map((one) => one[i]!))) };
}

/** Results of examples as one list, in the order of a batched result. */
function stackedNumbers(results: readonly (readonly Tensor[])[]): number[] {
  return numbersOf(results[0]!.map((_, i) => stack(results.map((one) => one[i]!))));
}

/** A scalar: the results of `f` times drawn numbers, added up. */
function weighted(f: ListFunction, weights: readonly number[]): (xs: Tensor[]) => Tensor {
  return (xs) => {
    const ys = f(xs);
    return ys.map((y, i) => sum(mul(y, shapedLike(ys, weights)[i]!))).reduce((a, b) => add(a, b));
  };
}

testPrograms("a program typechecks, and evaluating it is calling the function", ({ program: drawn }) => {
  const f = functionOf(drawn);
  const xs = pointOf(drawn);
  program(f)(xs).typecheck();
  const traced = trace("program", (inputs) => f([...inputs]), xs.map((x) => x.type));
  assertEquals(evaluate(traced, xs).map(read), f(xs).map(read));
});

testPrograms("float32 is close to float64 on the reference kernels", ({ program: drawn }) => {
  const single = functionOf(drawn)(drawn.inputs.map((x) => upload({ ...x, dtype: "float32" })));
  const double = onReference(() => numbersOf(functionOf(drawn)(pointOf(drawn))));
  // 2⁻²⁴ for each of some hundred roundings, which later steps may magnify a hundredfold.
  assertNear(numbersOf(single), double, 1e-3, "float32");
});

testPrograms("float64 is the same on both kernels", ({ program: drawn }) => {
  const fast = numbersOf(functionOf(drawn)(pointOf(drawn)));
  const plain = onReference(() => numbersOf(functionOf(drawn)(pointOf(drawn))));
  assertNear(fast, plain, roundingError, "float64");
});

testPrograms("both modes are differences and agree", ({ program: drawn, u, v }) => {
  const xs = pointOf(drawn);
  checkBothModes(functionOf(drawn), xs, shapedLike(xs, u), v, "of a program");
});

testPrograms("both modes over both modes are differences and agree", ({ program: drawn, u, v }) => {
  const xs = pointOf(drawn);
  const f = functionOf(drawn);
  checkBothModes(pulledFrom(f, v), xs, shapedLike(xs, u), v, "over a pullback");
  checkBothModes(pushedFrom(f, shapedLike(xs, v)), xs, shapedLike(xs, u), u, "over a jvp");
});

testPrograms("grad of grad is the derivative of grad", ({ program: drawn, u, v }) => {
  const xs = pointOf(drawn);
  const g = grad(weighted(functionOf(drawn), v));
  const along = shapedLike(xs, u);
  const twice = grad((xs: Tensor[]) => g(xs).map((y, i) => sum(mul(y, along[i]!))).reduce((a, b) => add(a, b)))(xs);
  assertNear(numbersOf(twice), numbersOf(jvp(g, [xs], [along])[1]), roundingError, "grad of grad");
});

testPrograms("hessians are symmetric", ({ program: drawn, u, v }) => {
  const xs = pointOf(drawn);
  const g = grad(weighted(functionOf(drawn), u));
  const [a, b] = [shapedLike(xs, u), shapedLike(xs, v)];
  const [ab, ba] = [dot(b, jvp(g, [xs], [a])[1]), dot(a, jvp(g, [xs], [b])[1])];
  assertNear([ab], [ba], roundingError, "Hessian");
});

testPrograms("the pullback is linear", ({ program: drawn, u, v }) => {
  const [y, pullback] = vjp(functionOf(drawn), pointOf(drawn));
  const [a, b] = [shapedLike(y, u), shapedLike(y, v)];
  const together = pullback(a.map((x, i) => add(mul(x, 2), mul(b[i]!, -3))))[0];
  const [ofA, ofB] = [numbersOf(pullback(a)[0]), numbersOf(pullback(b)[0])];
  assertNear(numbersOf(together), ofA.map((x, i) => 2 * x - 3 * ofB[i]!), roundingError, "pullback");
});

testPrograms("the pullback of a composition is the composition of pullbacks", ({ program: drawn, v }) => {
  const half = drawn.steps.length >> 1;
  const first: ListFunction = (xs) => runSteps(drawn.steps.slice(0, half), xs);
  const second: ListFunction = (values) => runSteps(drawn.steps.slice(half), values).slice(-3);
  const xs = pointOf(drawn);
  const [middle, pullFirst] = vjp(first, xs);
  const [y, pullSecond] = vjp(second, middle);
  const g = shapedLike(y, v);
  const [whole] = vjp(functionOf(drawn), xs)[1](g);
  assertNear(numbersOf(pullFirst(pullSecond(g)[0])[0]), numbersOf(whole), roundingError, "chain rule");
});

testPrograms("vmap is the stacked loop", ({ program: drawn, u }) => {
  const f = functionOf(drawn);
  const { loop, batch } = pointsOf(drawn, u);
  assertNear(numbersOf(vmap(f)(batch)), stackedNumbers(loop.map(f)), roundingError, "vmap");
});

testPrograms("vmap of grad is the loop of grads, and grad of vmap too", ({ program: drawn, u, v }) => {
  const h = weighted(functionOf(drawn), v);
  const { loop, batch } = pointsOf(drawn, u);
  const expected = stackedNumbers(loop.map((xs) => grad(h)(xs)));
  assertNear(numbersOf(vmap(grad(h))(batch)), expected, roundingError, "vmap of grad");
  assertNear(numbersOf(grad((xs: Tensor[]) => sum(vmap(h)(xs)))(batch)), expected, roundingError, "grad of vmap");
});

testPrograms("vmap nests with itself, with jvp on either side, and around jvp of grad", ({ program: drawn, u, v }) => {
  const f = functionOf(drawn);
  const { loop, batch } = pointsOf(drawn, u);
  const t = shapedLike(loop[0]!, v);
  const pushed = stackedNumbers(loop.map(pushedFrom(f, t)));
  assertNear(numbersOf(vmap(pushedFrom(f, t))(batch)), pushed, roundingError, "vmap of jvp");
  const tangents = t.map((x) => stack(loop.map(() => x)));
  assertNear(numbersOf(jvp(vmap(f), [batch], [tangents])[1]), pushed, roundingError, "jvp of vmap");
  const h = grad(weighted(f, v));
  const bent = stackedNumbers(loop.map(pushedFrom(h, t)));
  assertNear(numbersOf(vmap(pushedFrom(h, t))(batch)), bent, roundingError, "vmap of jvp of grad");
  // The examples twice, the second time in another order, along a last axis.
  const twice = batch.map((x) => stack([x, flip(x, { axis: 0 })], { axis: -1 }));
  const nested = vmap(vmap(f, { inAxes: -1 }))(twice);
  const loops = loop.map((xs, k) => [f(xs), f(loop.at(-1 - k)!)].reduce((a, b) => a.map((y, i) => stack([y, b[i]!]))));
  assertNear(numbersOf(nested), stackedNumbers(loops), roundingError, "vmap of vmap");
});
