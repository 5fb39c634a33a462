// Random programs: compiled, differentiated and batched in any order they give what they give uncompiled.
import * as fc from "fast-check";
import { jvp } from "../grad/jvp.ts";
import { grad, vjp } from "../grad/vjp.ts";
import { vmap } from "../grad/vmap.ts";
import { jit } from "../jit/jit.ts";
import { add, mul, stack, sum } from "../ops/mod.ts";
import type { Tensor } from "../ops/tensor.ts";
import { assertNear, dot, type ListFunction, numbersOf, pulledFrom, pushedFrom, shapedLike } from "./derivatives.ts";
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

/** A property of a program as a function of float64 tensors, at the point for which it was drawn. */
function testPrograms(sentence: string, holds: (f: ListFunction, xs: Tensor[], drawn: Case) => void, share = 1): void {
  const test = `jit of random programs: ${sentence}`;
  Deno.test(test, () => {
    check(cases, (drawn) => holds(functionOf(drawn.program), drawn.program.inputs.map((x) => upload(x)), drawn), {
      share,
      test,
    });
  });
}

function assertSame(actual: readonly Tensor[], expected: readonly Tensor[], what: string): void {
  assertNear(numbersOf(actual), numbersOf(expected), roundingError, what);
}

testPrograms("values, also of a part that is compiled by itself", (f, xs, { program: { steps } }) => {
  const expected = f(xs);
  assertSame(jit(f)(xs), expected, "jit");
  const half = steps.length >> 1;
  const first = jit((values: Tensor[]) => runSteps(steps.slice(0, half), values));
  const second = jit((values: Tensor[]) => runSteps(steps.slice(half), values));
  const last = (values: Tensor[]): Tensor[] => second(first(values)).slice(-expected.length);
  assertSame(last(xs), expected, "jit after jit");
  assertSame(jit(last)(xs), expected, "jit of jits");
});

testPrograms("both modes", (f, xs, { u, v }) => {
  const t = shapedLike(xs, u);
  const pulled = pulledFrom(f, v)(xs);
  const pushed = pushedFrom(f, t)(xs);
  assertSame(pulledFrom(jit(f), v)(xs), pulled, "vjp of jit");
  assertSame(jit(pulledFrom(f, v))(xs), pulled, "jit of vjp");
  assertSame(jit(pulledFrom(jit(f), v))(xs), pulled, "jit of vjp of jit");
  assertSame(pushedFrom(jit(f), t)(xs), pushed, "jvp of jit");
  assertSame(jit(pushedFrom(jit(f), t))(xs), pushed, "jit of jvp of jit");
});

testPrograms("both modes over both modes", (f, xs, { u, v }) => {
  const t = shapedLike(xs, u);
  const along = pushedFrom(pulledFrom(f, v), t)(xs);
  assertSame(pushedFrom(jit(pulledFrom(jit(f), v)), t)(xs), along, "jvp of jit of vjp of jit");
  assertSame(pushedFrom(pulledFrom(jit(f), v), t)(xs), along, "jvp of vjp of jit");
  const back = pulledFrom(pushedFrom(f, t), v)(xs);
  assertSame(pulledFrom(jit(pushedFrom(jit(f), t)), v)(xs), back, "vjp of jit of jvp of jit");
  const twice = pulledFrom(pulledFrom(f, v), u)(xs);
  assertSame(pulledFrom(jit(pulledFrom(jit(f), v)), u)(xs), twice, "vjp of jit of vjp of jit");
}, 0.5);

testPrograms("batches", (f, xs, { u, v }) => {
  const loop = [0, 1, 2].map((k) => xs.map((x) => add(x, mul(shapedLike([x], u)[0]!, k / 8))));
  const batch = xs.map((_, i) => stack(loop.map((one) => one[i]!)));
  const values = vmap(f)(batch);
  assertSame(vmap(jit(f))(batch), values, "vmap of jit");
  assertSame(jit(vmap(jit(f)))(batch), values, "jit of vmap of jit");
  const slopes = vmap(pulledFrom(f, v))(batch);
  assertSame(vmap(pulledFrom(jit(f), v))(batch), slopes, "vmap of vjp of jit");
  assertSame(vmap(jit(pulledFrom(jit(f), v)))(batch), slopes, "vmap of jit of vjp of jit");
  const total = (g: ListFunction) => (batch: Tensor[]): Tensor => {
    const ys = vmap(g)(batch);
    return ys.map((y) => sum(mul(y, y))).reduce((a, b) => add(a, b));
  };
  assertSame(grad(total(jit(f)))(batch), grad(total(f))(batch), "grad of vmap of jit");
}, 0.5);

testPrograms("a compiled pullback is the transpose of the compiled tangents", (f, xs, { u, v }) => {
  const [y, pullback] = vjp(jit(f), xs);
  const [g, t] = [shapedLike(y, v), shapedLike(xs, u)];
  assertNear([dot(g, jvp(jit(f), [xs], [t])[1])], [dot(t, pullback(g)[0])], roundingError, "transpose");
});
