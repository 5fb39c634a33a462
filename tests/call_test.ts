// Programs called as one operation: results of several dtypes, calls in calls, and what is not computed for nothing.
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as pb from "../mod.ts";
import type { Tensor } from "../mod.ts";
import type { CallParams } from "../grad/call.ts";
import { split } from "../grad/split.ts";
import { evaluate, type Program, trace } from "../ops/program.ts";

const { add, exp, grad, jit, jvp, mul, sin, square, sum, tensor, vmap } = pb;

const x = tensor([0.5, -1.25, 2], { dtype: "float64" });
const v = tensor([1, -0.5, 0.25], { dtype: "float64" });

function assertSame(actual: Tensor, expected: Tensor): void {
  assertEquals(actual.type, expected.type);
  assert(pb.allClose(actual, expected, { rtol: 1e-12, atol: 1e-12 }), `got ${actual}, want ${expected}`);
}

Deno.test("call: a call in a call, with results of which one is an integer", () => {
  const parts = (x: Tensor): { y: Tensor; n: Tensor } => ({ y: sin(x), n: pb.argmax(x) });
  const weighed = (inner: typeof parts) => (x: Tensor): Tensor => {
    const { y, n } = inner(x);
    return sum(mul(square(y), pb.cast(add(n, 1), "float64")));
  };
  const [plain, nested] = [weighed(parts), jit(weighed(jit((x: Tensor) => jit(parts)(x))))];
  assertSame(grad(nested)(x), grad(plain)(x));
  assertSame(jvp(nested, [x], [v])[1], jvp(plain, [x], [v])[1]);
  assertSame(pb.linearize(nested, x)[1](v), jvp(plain, [x], [v])[1]);
  assertSame(pb.hessian(nested)(x), pb.hessian(plain)(x));
  assertSame(vmap(grad(nested))(pb.stack([x, v])), vmap(grad(plain))(pb.stack([x, v])));
});

Deno.test("call: what no derivative flows through is called once", () => {
  const f = jit((y: Tensor) => sin(exp(y)));
  const g = grad((y: Tensor) => sum(mul(y, f(pb.stopGradient(y)))));
  const text = `${pb.program(g)(x)}`;
  assertEquals(text.match(/= call\[/g)?.length, 1, text);
  assertSame(g(x), sin(exp(x)));
});

Deno.test("call: what is computed from a result that no derivative reaches has no tangent", () => {
  const parts = jit((x: Tensor) => ({ y: sin(x), fixed: pb.stopGradient(square(x)) }));
  const f = (x: Tensor): Tensor => {
    const { y, fixed } = parts(x);
    return add(mul(y, exp(fixed)), pb.cumsum(pb.matmul(pb.diag(fixed), fixed)));
  };
  const expected = mul(mul(pb.cos(x), exp(square(x))), v);
  assertSame(pb.linearize(f, x)[1](v), expected);
  assertSame(jvp(f, [x], [v])[1], expected);
  assertSame(grad((x: Tensor) => sum(mul(f(x), v)))(x), expected);
});

Deno.test("call: a tangent that is missing is zero, of the shape of its argument", () => {
  const parts = jit((x: Tensor) => ({ y: sin(x), fixed: pb.stopGradient(square(x)) }));
  const dotted = jit((a: Tensor, b: Tensor) => sum(mul(a, b)));
  const f = (x: Tensor): Tensor => {
    const { y, fixed } = parts(x);
    return dotted(y, fixed);
  };
  assertSame(pb.linearize(f, x)[1](v), sum(mul(mul(pb.cos(x), square(x)), v)));
});

/** The programs that a function calls, in order, with how many inputs each has. */
function calledBy(f: (x: Tensor) => Tensor): { readonly program: Program; readonly inputs: number }[] {
  const { equations } = trace("calls", ([x]) => [f(x!)], [x.type]);
  return equations.filter(({ primitive }) => primitive.name === "call")
    .map(({ params, inputs }) => ({ program: (params as CallParams).program, inputs: inputs.length }));
}

Deno.test("call: the halves of a program are made once", () => {
  const c = jit((y: Tensor) => sum(mul(sin(y), exp(y))));
  const [once, again] = [calledBy(grad(c)), calledBy(grad(c))];
  assertEquals(once.length, 2);
  once.forEach(({ program }, i) => assertStrictEquals(again[i]!.program, program));
});

Deno.test("call: only cotangents of results that the derivative reaches go backward", () => {
  const parts = jit((x: Tensor, w: Tensor) => ({ a: sin(x), b: exp(w), c: pb.floor(x) }));
  const calls = calledBy(grad((x: Tensor) => {
    const { a, b, c } = parts(x, v);
    return sum(mul(mul(a, b), c));
  }));
  // The argument, for its cosine, and the cotangent of a.
  assertEquals(calls.map(({ inputs }) => inputs), [2, 2]);
});

Deno.test("split: the halves one after the other are the whole, whatever comes early and is needed again", () => {
  const type = { dtype: "float64", shape: [3] } as const;
  const captured = tensor([1, 2, 3], { dtype: "float64" });
  const whole = trace("whole", ([a, b, late]) => {
    const kept = exp(mul(a!, b!));
    const cheap = add(square(kept), captured);
    const both = mul(cheap, late!);
    return [kept, a!, add(both, a!), both, late!, captured, kept];
  }, [type, type, type]);
  const { first, second, residuals } = split(whole, 2, 2);
  const early = [x, v];
  const made = evaluate(first, early);
  const kept = residuals.map(({ of, at }) => (of === "inputs" ? early : made)[at]!);
  const results = [...made.slice(0, 2), ...evaluate(second, [...kept, captured])];
  const expected = evaluate(whole, [...early, captured]);
  assertEquals(results.map((y) => y.arraySync()), expected.map((y) => y.arraySync()));
  assertEquals([first.inputs, first.outputs.length, second.inputs], [2, 2, residuals.length + 1]);
});

interface Cut {
  /** The operations of both halves. */
  readonly first: readonly string[];
  readonly second: readonly string[];
  /** What crosses: "input 0", or a result of the first half and its shape. */
  readonly residuals: readonly string[];
}

/** Cuts a function of one early and one late argument. */
function cut(f: (early: Tensor, late: Tensor) => Tensor[], early: number[], late: number[], outputs = 0): Cut {
  const types = [early, late].map((shape) => ({ dtype: "float64", shape }) as const);
  const { first, second, residuals } = split(trace("whole", ([a, b]) => f(a!, b!), types), 1, outputs);
  const names = ({ equations }: Program): string[] => equations.map(({ primitive }) => primitive.name);
  return {
    first: names(first),
    second: names(second),
    residuals: residuals.map(({ of, at }) =>
      of === "inputs" ? `input ${at}` : `output ${at}: ${first.types[first.outputs[at]!]!.shape}`
    ),
  };
}

Deno.test("split: what crosses is what is dear to compute, or less than what is made of it", () => {
  const three = [3];
  const cases: [what: string, is: Cut, wanted: Cut][] = [
    ["arithmetic on an argument is done again", cut((a, late) => [mul(square(a), late)], three, three), {
      first: [],
      second: ["mul", "mul"],
      residuals: ["input 0"],
    }],
    [
      "an exponential crosses, and what it is made of does not",
      cut((a, late) => [mul(exp(pb.neg(a)), late)], three, three),
      {
        first: ["neg", "exp"],
        second: ["mul"],
        residuals: ["output 0: 3"],
      },
    ],
    [
      "what crosses anyway serves for more",
      cut(
        (a, late) => {
          const e = exp(a);
          return [mul(square(e), late), mul(e, late)];
        },
        three,
        three,
      ),
      { first: ["exp"], second: ["mul", "mul", "mul"], residuals: ["output 0: 3"] },
    ],
    ["a sum crosses rather than its two terms", cut((a, late) => [mul(add(exp(a), sin(a)), late)], three, three), {
      first: ["exp", "sin", "add"],
      second: ["mul"],
      residuals: ["output 0: 3"],
    }],
    [
      "a sum crosses, small, rather than stretched",
      cut((a, late) => [mul(pb.broadcastTo(add(exp(a), sin(a)), [2, 3]), late)], three, [2, 3]),
      { first: ["exp", "sin", "add"], second: ["broadcast", "mul"], residuals: ["output 0: 3"] },
    ],
    ["an empty tensor, too", cut((_, late) => [mul(pb.zeros([0], { dtype: "float64" }), late)], three, [0]), {
      first: [],
      second: ["full", "mul"],
      residuals: [],
    }],
    [
      "of two that are as large, the one that is needed crosses",
      cut((a, late) => [mul(pb.neg(exp(a)), late)], three, three),
      {
        first: ["exp", "neg"],
        second: ["mul"],
        residuals: ["output 0: 3"],
      },
    ],
    [
      "float32 crosses rather than float64",
      cut((a, late) => [mul(pb.cast(pb.cast(exp(a), "float32"), "float64"), late)], three, three),
      { first: ["exp", "cast"], second: ["cast", "mul"], residuals: ["output 0: 3"] },
    ],
    ["a number is made where it is needed", cut((_, late) => [mul(late, 2)], three, three), {
      first: [],
      second: ["full", "broadcast", "mul"],
      residuals: [],
    }],
    ["constants are at hand on both sides", cut((_, late) => [mul(late, v)], three, three), {
      first: [],
      second: ["mul"],
      residuals: [],
    }],
    ["one byte is worth a comparison", cut((a, late) => [pb.where(pb.equal(a, a), late, pb.neg(late))], [], []), {
      first: [],
      second: ["equal", "neg", "where"],
      residuals: ["input 0"],
    }],
    [
      "one byte is worth a comparison with what crosses",
      cut(
        (a, late) => {
          const e = exp(a);
          return [pb.where(pb.equal(e, e), late, e)];
        },
        [],
        [],
      ),
      { first: ["exp"], second: ["equal", "where"], residuals: ["output 0: "] },
    ],
    [
      "a result that is returned early is at hand",
      cut(
        (a, late) => {
          const y = pb.neg(a);
          return [y, mul(y, late)];
        },
        three,
        three,
        1,
      ),
      { first: ["neg"], second: ["mul"], residuals: ["output 0: 3"] },
    ],
  ];
  for (const [what, is, wanted] of cases) assertEquals(is, wanted, what);
});
