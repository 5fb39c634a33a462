// jit: what it computes, what it remembers, what it says, and what it refuses.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as pb from "../mod.ts";
import type { Tensor, TensorLike } from "../mod.ts";
import { refuses, untyped } from "./refuses.ts";

const { add, grad, jit, jvp, mul, sin, square, sum, tensor, vmap } = pb;

/** Nothing about it is symmetric, linear or separable. */
function f(x: Tensor): Tensor {
  return sum(mul(sin(x), square(pb.roll(x, 1, { axis: 0 }))));
}

const x = tensor([0.5, -1.25, 2], { dtype: "float64" });
const v = tensor([1, -0.5, 0.25], { dtype: "float64" });

function assertSame(actual: Tensor, expected: Tensor, what = ""): void {
  assertEquals(actual.type, expected.type, what);
  assert(pb.allClose(actual, expected, { rtol: 1e-12, atol: 1e-12 }), `${what}\n  got  ${actual}\n  want ${expected}`);
}

Deno.test("jit: a function is run once for each kind of arguments", () => {
  let runs = 0;
  const g = jit((x: TensorLike) => {
    runs++;
    return mul(x, 2);
  });
  const kinds: readonly (() => TensorLike)[] = [
    () => tensor([1, 2]),
    () => tensor([1, 2, 3]),
    () => tensor([1, 2], { dtype: "int32" }),
    () => 1.5,
    () => true,
  ];
  for (let round = 0; round < 3; round++) {
    for (const [i, kind] of kinds.entries()) {
      assertEquals(g(kind()).arraySync(), mul(kind(), 2).arraySync());
      assertEquals(runs, round === 0 ? i + 1 : kinds.length);
    }
  }
  assertEquals(g.explain().compiled.map(({ calls }) => calls), [3, 3, 3, 3, 3]);
});

Deno.test("jit: each jit(f) remembers for itself", () => {
  const g = (x: Tensor): Tensor => mul(x, x);
  const [one, other] = [jit(g), jit(g)];
  one(x);
  assertEquals([one, other].map((h) => h.explain().compiled.length), [1, 0]);
});

Deno.test("jit: arguments and results are trees, keys in any order", () => {
  const g = jit(({ a, b }: { a: Tensor; b: readonly [Tensor, null] }, n: number) => ({
    y: [mul(a, n), b[0], null],
    n,
  }));
  const [a, b] = [tensor([1, 2]), tensor(5)];
  const first = g({ a, b: [b, null] }, 3);
  assertEquals(pb.tree.map((leaf: Tensor) => leaf.arraySync(), first), { y: [[3, 6], 5, null], n: 3 } as never);
  const second = g({ b: [b, null], a }, 4);
  assertEquals(second.y[0]!.arraySync(), [4, 8]);
  assertEquals(g.explain().compiled.length, 1);
  assertEquals(jit(() => tensor(3))().item(), 3);
});

Deno.test("jit: bare numbers adopt the dtype of the tensors beside them, as they do without jit", () => {
  const g = (x: TensorLike, n: TensorLike): Tensor => add(mul(x, n), n);
  const numbers = [2, -3, 1.5, 0.1, true];
  for (const dtype of ["float32", "float64", "int32", "uint32"] as const) {
    for (const n of numbers) {
      const operand = tensor([1, 2, 3], { dtype });
      const compiled = jit(g);
      let expected: Tensor;
      try {
        expected = g(operand, n);
      } catch (error) {
        assertThrows(
          () => compiled(operand, n),
          (error as Error).constructor as ErrorConstructor,
          (error as Error).message,
        );
        continue;
      }
      assertEquals(compiled(operand, n).type, expected.type);
      assertEquals(compiled(operand, n).arraySync(), expected.arraySync(), `${dtype} and ${n}`);
    }
  }
  const compiled = jit(g);
  // 0.1 is rounded once, to the dtype that it meets.
  assertEquals(compiled(x, 0.1).arraySync(), g(x, 0.1).arraySync());
  // Between two numbers, float32; a number that met integers must be whole from call to call.
  assertEquals(compiled(2, 3).dtype, "float32");
  const whole = tensor([1], { dtype: "int32" });
  assertEquals([3, -2].map((n) => compiled(whole, n).arraySync()), [[6], [-4]]);
  assertThrows(() => compiled(whole, 2.5), TypeError, "mul() cannot use 2.5 beside a tensor of int32");
  assertThrows(() => compiled(whole, 2 ** 31), RangeError, "g() cannot use 2147483648 beside a tensor of int32");
});

Deno.test("jit: operations on constants are recorded, and captured tensors outlive their owner", () => {
  const g = jit((x: Tensor) => {
    const captured = tensor([10, 20, 30], { dtype: "float64" });
    const y = add(mul(x, captured), pb.arange(3));
    captured[Symbol.dispose]();
    return y;
  });
  for (let i = 0; i < 3; i++) assertEquals(g(x).arraySync(), [5, -24, 62]);
});

Deno.test("jit: every transform of a compiled function is that of the function, and stays compiled", () => {
  const c = jit(f);
  const hessian = pb.hessian(f)(x);
  assertSame(grad(c)(x), grad(f)(x), "grad of jit");
  assertSame(jit(grad(f))(x), grad(f)(x), "jit of grad");
  assertSame(jit(grad(c))(x), grad(f)(x), "jit of grad of jit");
  assertSame(jvp(c, [x], [v])[1], jvp(f, [x], [v])[1], "jvp of jit");
  assertSame(pb.linearize(c, x)[1](v), jvp(f, [x], [v])[1], "linearize of jit");
  assertSame(pb.hessian(c)(x), hessian, "hessian of jit");
  assertSame(jit(pb.hessian(c))(x), hessian, "jit of hessian of jit");
  assertSame(grad(jit((y: Tensor) => sum(mul(grad(c)(y), v))))(x), pb.hvp(f, x, v), "grad of jit of grad of jit");
  assertSame(jvp(jit(grad(c)), [x], [v])[1], pb.hvp(f, x, v), "jvp of jit of grad of jit");
  const rows = pb.stack([x, v, add(x, v)]);
  assertSame(vmap(c)(rows), vmap(f)(rows), "vmap of jit");
  assertSame(vmap(jit(grad(c)))(rows), vmap(grad(f))(rows), "vmap of jit of grad of jit");
  assertSame(jit(vmap(grad(c)))(rows), vmap(grad(f))(rows), "jit of vmap of grad of jit");
  assertSame(grad((rows: Tensor) => sum(vmap(c)(rows)))(rows), vmap(grad(f))(rows), "grad of vmap of jit");
  const text = `${pb.program(grad(c))(x)}`;
  assertEquals(text.match(/= call\[name=f /g)?.length, 2, `forward and backward are one call each:\n${text}`);
});

Deno.test("jit: several arguments and results, some of integers, some that no derivative reaches", () => {
  const g = (x: Tensor, w: Tensor, i: Tensor) => ({
    y: mul(sin(x), w),
    count: add(i, 1),
    slope: pb.stopGradient(square(w)),
    z: [sum(w), pb.argmax(x)],
  });
  const i = tensor([1, 2], { dtype: "int32" });
  const weigh = (h: typeof g) => (x: Tensor, w: Tensor): Tensor => {
    const { y, slope, z } = h(x, w, i);
    return add(add(sum(mul(y, slope)), z[0]!), pb.cast(z[1]!, "float64"));
  };
  const [plain, compiled] = [grad(weigh(g), { argnums: [0, 1] })(x, v), grad(weigh(jit(g)), { argnums: [0, 1] })(x, v)];
  assertSame(compiled[0], plain[0]);
  assertSame(compiled[1], plain[1]);
  const tangents = [v, x, null] as const;
  const [a, b] = [jvp(g, [x, v, i], [...tangents] as never), jvp(jit(g), [x, v, i], [...tangents] as never)];
  assertEquals(
    pb.tree.map((t: Tensor) => t.arraySync(), b as never),
    pb.tree.map((t: Tensor) => t.arraySync(), a as never),
  );
});

Deno.test("jit: what is captured from an outer transform is traced anew in every call", () => {
  const outer = (y: Tensor): Tensor => {
    const inner = jit((z: Tensor) => mul(sin(z), y));
    return sum(add(inner(x), inner(v)));
  };
  const plain = (y: Tensor): Tensor => sum(add(mul(sin(x), y), mul(sin(v), y)));
  assertSame(grad(outer)(x), grad(plain)(x));
  assertSame(jvp(outer, [x], [v])[1], jvp(plain, [x], [v])[1]);
  assertSame(vmap(outer)(pb.stack([x, v])), vmap(plain)(pb.stack([x, v])));
  assertSame(jit(outer)(x), plain(x));
  let shared: ReturnType<typeof jit<readonly [Tensor], Tensor>> | null = null;
  const held = (y: Tensor): Tensor => {
    shared = jit((z: Tensor) => mul(z, y));
    return sum(shared(x));
  };
  assertSame(grad(held)(v), x);
  assertEquals(shared!.explain().compiled, []);
});

Deno.test("jit: perturbations of nested derivatives are not confused", () => {
  const one = tensor(1, { dtype: "float64" });
  const slope = (g: (y: Tensor) => Tensor, at: Tensor): Tensor => grad(jit(g))(at);
  const push = (g: (y: Tensor) => Tensor, at: Tensor): Tensor => jvp(jit(g), [at], [pb.onesLike(at)])[1];
  for (const outer of [slope, push]) {
    for (const inner of [slope, push]) {
      assertEquals(outer((a) => mul(a, inner((b) => add(a, b), one)), one).item(), 1);
      assertEquals(outer((a) => inner((b) => mul(square(a), mul(b, square(b))), a), mul(one, 2)).item(), 96);
    }
  }
});

Deno.test("jit: donated tensors are used up, also in trees, and not under a transform", () => {
  const step = jit(
    ({ w, b }: { w: Tensor; b: Tensor }, x: Tensor) => ({ w: add(w, x), b: mul(b, 2) }),
    { donate: [0] },
  );
  let state = { w: tensor([1, 2]), b: tensor(3) };
  const [first, increment] = [state, tensor([10, 20])];
  for (let i = 0; i < 3; i++) state = step(state, increment);
  assertEquals([state.w.arraySync(), state.b.item()], [[31, 62], 24]);
  assertThrows(
    () => add(first.w, 1),
    TypeError,
    "this tensor f32[2] was donated to function() as argument 0 and has no values",
  );
  assertEquals(`${first.b}`, "f32[] (donated to function() as argument 0)");
  assertEquals(increment.arraySync(), [10, 20]);
  const g = jit((x: Tensor) => sum(square(x)), { donate: [0] });
  assertEquals(grad(g)(increment).arraySync(), [20, 40]);
  // Not even where it is a known value beside what is differentiated: the pullback needs it.
  const weighted = jit((w: Tensor, x: Tensor) => sum(mul(mul(w, x), w)), { donate: [1] });
  assertEquals(grad((w: Tensor) => weighted(w, increment))(tensor([3, 4])).arraySync(), [60, 160]);
  assertEquals(jit((w: Tensor) => weighted(w, increment))(tensor([3, 4])).item(), 410);
  assertEquals(increment.arraySync(), [10, 20]);
  // The same tensor twice, once donated; and a view of storage that others hold.
  const twice = jit((a: Tensor, b: Tensor) => add(mul(a, 2), b), { donate: [0] });
  const shared = tensor([1, 2]);
  assertEquals(twice(shared, shared).arraySync(), [3, 6]);
  const whole = tensor([[1, 2], [3, 4]]);
  const row = pb.reshape(whole, [4]);
  assertEquals(jit((a: Tensor) => mul(a, 0), { donate: [0] })(row).arraySync(), [0, 0, 0, 0]);
  assertEquals(whole.arraySync(), [[1, 2], [3, 4]]);
  // explain() counts what became a result, and what others held.
  const large = jit((a: Tensor) => add(a, 1), { donate: [0] });
  const own = large(pb.zeros([8]));
  large(own);
  const held = tensor(new Float32Array(8));
  const view = pb.stopGradient(held);
  large(view);
  assertEquals(held.arraySync(), new Array(8).fill(0));
  const [{ device, donated }] = large.explain().compiled as [pb.Compiled];
  assertEquals([donated, device!.reusable, device!.copies], [1, [0], 1]);
  // What a donated tensor is returned as, too.
  const same = tensor([5, 6]);
  assertEquals(jit((a: Tensor) => [a, a], { donate: [0] })(same).map((t) => t.arraySync()), [[5, 6], [5, 6]]);
});

Deno.test("jit: a failed call leaves everything as it was", () => {
  let fails = true;
  const g = jit((x: Tensor) => {
    if (fails) throw new Error("not now");
    return mul(x, 2);
  }, { donate: [0] });
  const operand = tensor([1, 2]);
  assertThrows(() => g(operand), Error, "not now");
  assertEquals(g.explain().compiled, []);
  assertEquals(operand.arraySync(), [1, 2]);
  fails = false;
  assertEquals(g(operand).arraySync(), [2, 4]);
});

Deno.test("jit: explain tells what was compiled and why", () => {
  const scaled = jit(function scaled({ w }: { w: Tensor }, n: number, mode: string) {
    return mode === "double" ? mul(w, 2 * n) : sum(mul(w, w));
  }, { static: [1, 2] });
  scaled({ w: tensor([1, 2]) }, 1, "sum");
  scaled({ w: tensor([1, 2]) }, 1, "sum");
  scaled({ w: tensor([1, 2, 3]) }, 1, "sum");
  scaled({ w: tensor([1, 2, 3]) }, 1, "double");
  scaled({ w: tensor([1, 2, 3]) }, NaN, "double");
  scaled({ w: tensor([1, 2, 3]) }, NaN, "double");
  scaled(untyped({ w: tensor([1, 2, 3]), extra: 1 }), NaN, "double");
  const { compiled } = scaled.explain();
  assertEquals(compiled.map(({ signature, reason, calls }) => [signature, reason, calls]).reverse(), [
    ['({w: f32[2]}, static 1, static "sum")', "first call", 2],
    ['({w: f32[3]}, static 1, static "sum")', "argument 0.w is f32[3], not f32[2]", 1],
    ['({w: f32[3]}, static 1, static "double")', 'static argument 2 is "double", not "sum"', 1],
    ['({w: f32[3]}, static NaN, static "double")', "static argument 1 is NaN, not 1", 2],
    [
      '({w: f32[3], extra: number}, static NaN, static "double")',
      "there is a leaf argument 0.extra that was not there before",
      1,
    ],
  ]);
  const [{ kernels, flops, inputBytes, outputBytes }] = compiled.slice(-1) as [typeof compiled[number]];
  assertEquals([kernels, flops, inputBytes, outputBytes], [{ reduce: 1 }, 4, 8, 4]);
  assertStringIncludes(`${scaled.explain()}`, "jit(scaled): 5 programs\n");
});

const ints = tensor([1, 2], { dtype: "int32" });
const branching = jit((x: Tensor) => (x.item() as number) > 0 ? x : mul(x, 2));
let leaked: Tensor | null = null;
const leaking = jit(function leaking(x: Tensor) {
  leaked = mul(x, 2);
  return x;
});

refuses("what cannot be compiled", [
  [() => jit(untyped<() => Tensor>(3)), TypeError, "jit() takes a function, got the number 3"],
  [() => jit(f, untyped(3)), TypeError, "jit() takes its options as an object, got the number 3"],
  [
    () => jit(f, { static: untyped(0) }),
    TypeError,
    "jit() takes static as an array of argument positions from 0, got the number 0",
  ],
  [
    () => jit(f, { donate: [-1] }),
    TypeError,
    "jit() takes donate as an array of argument positions from 0, got an array",
  ],
  [() => jit(f, { donate: [0], static: [0] }), TypeError, "jit() cannot donate argument 0, which is static"],
  [
    () => jit(f, { static: [0] })(tensor([1, 2])),
    TypeError,
    "jit() cannot compare static argument 0, a tensor f32[2] [1, 2]: static arguments are settings; pass tensors as others",
  ],
  [
    () => jit(untyped<(x: string) => Tensor>(f))("sum"),
    TypeError,
    'jit() cannot use the string "sum" in a tree: leaves are tensors, numbers, booleans or null; ' +
    "let the function capture other values, or name their arguments in { static }",
  ],
  [
    () => jit(untyped<(x: Tensor) => Tensor>((x: Tensor) => Promise.resolve(x)))(ints),
    TypeError,
    "jit() cannot transform an async function: await what it needs before, and pass it in",
  ],
  [
    () => branching(tensor(1)),
    TypeError,
    "f32[] has no value while jit() traces the function: use where() or cond() to choose by a value, or compute it outside",
  ],
  [
    () => jit((x: Tensor) => pb.nonzero(x))(ints),
    TypeError,
    "nonzero() cannot run inside jit(): the shape of its result depends on the values of i32[2], so call it outside " +
    "and pass the result in",
  ],
]);

Deno.test("jit: a tracer that leaked says where it was made", () => {
  leaking(ints);
  const { message } = assertThrows(() => add(leaked!, 1), TypeError) as Error;
  assertStringIncludes(message, "add() was given a tracer made by mul() inside jit(), which has finished (called at ");
  assertStringIncludes(message, "jit_test.ts");
});
