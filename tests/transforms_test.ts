// Transforms of functions: each nests in each, derivatives of one never mix with those of another, batches are loops.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import * as pb from "../mod.ts";
import type { Tensor } from "../mod.ts";
import { pointwise } from "../ops/families.ts";
import { bind1, run } from "../ops/bind.ts";
import { evaluate, trace } from "../ops/program.ts";
import * as s from "../ops/scalar.ts";
import { checkBothModes, differences, dot, type ListFunction, numbersOf } from "./derivatives.ts";
import { between, directions, shapes, upload } from "./draw.ts";
import { check } from "./property.ts";

const { add, div, grad, jvp, mul, program, sin, square, sum, vjp, vmap } = pb;

function f64(data: pb.NestedArray): Tensor {
  return pb.tensor(data, { dtype: "float64" });
}

/** Fails unless tensors agree to float64 rounding, where a few operations differ in order. */
function assertSame(actual: Tensor, expected: Tensor, what = ""): void {
  assertEquals(actual.shape, expected.shape, what);
  assert(
    pb.allClose(actual, expected, { rtol: 1e-11, atol: 1e-11 }),
    `${what}\n  got  ${actual}\n  want ${expected}`,
  );
}

/** Nothing about it is symmetric, linear or separable. */
function f(x: Tensor): Tensor {
  return sum(mul(sin(x), square(pb.roll(x, 1, { axis: 0 }))));
}

const x = f64([0.5, -1.25, 2]);
const v = f64([1, -0.5, 0.25]);
const w = f64([-0.75, 2, 1]);

Deno.test("transforms: every way to the Hessian is the same", () => {
  const h = pb.hessian(f)(x);
  const slope = differences(([y]) => [grad(f)(y!)], [x], [v]);
  pb.matmul(h, v).dataSync<Float64Array>().forEach((value, i) => assert(Math.abs(value - slope[i]!) < 1e-8));
  assertSame(pb.jacfwd(grad(f))(x), h, "jacfwd of grad");
  assertSame(pb.jacrev(grad(f))(x), h, "jacrev of grad");
  assertSame(pb.jacfwd(pb.jacfwd(f))(x), h, "jacfwd of jacfwd");
  assertSame(pb.jacrev(pb.jacfwd(f))(x), h, "jacrev of jacfwd");
  assertSame(pb.jacobian(pb.jacrev(f))(x), h, "jacobian of jacrev");
  assertSame(vmap((row: Tensor) => jvp(grad(f), [x], [row])[1])(pb.eye(3, 3, { dtype: "float64" })), h, "vmap of jvp");
  assertSame(pb.transpose(h), h, "symmetry");
});

Deno.test("transforms: every way to a Hessian-vector product is the same", () => {
  const product = pb.matmul(pb.hessian(f)(x), v);
  assertSame(pb.hvp(f, x, v), product, "hvp");
  assertSame(jvp(grad(f), [x], [v])[1], product, "jvp of grad");
  assertSame(grad((y: Tensor) => jvp(f, [y], [v])[1])(x), product, "grad of jvp");
  assertSame(grad((y: Tensor) => sum(mul(grad(f)(y), v)))(x), product, "grad of grad");
  assertSame(pb.linearize(grad(f), x)[1](v), product, "linearize of grad");
  assertSame(grad((y: Tensor) => pb.linearize(f, y)[1](v))(x), product, "grad of linearize");
  assertSame(vjp(grad(f), x)[1](v)[0], product, "vjp of grad");
  assertSame(grad((y: Tensor) => sum(mul(vjp(f, y)[1](f64(1))[0], v)))(x), product, "grad of vjp");
  const inner = (y: Tensor): Tensor => vmap((row: Tensor) => jvp(f, [y], [row])[1])(pb.expandDims(v, 0));
  assertSame(grad((y: Tensor) => sum(inner(y)))(x), product, "grad of vmap of jvp");
  assertSame(vmap((row: Tensor) => pb.hvp(f, x, row))(pb.expandDims(v, 0)), pb.expandDims(product, 0), "vmap of hvp");
});

Deno.test("transforms: third order, in every order of modes", () => {
  const along = (g: (y: Tensor) => Tensor): (y: Tensor) => Tensor => (y) => jvp(g, [y], [v])[1];
  const back = (g: (y: Tensor) => Tensor): (y: Tensor) => Tensor => (y) => sum(mul(grad(g)(y), v));
  const third = along(along(along(f)))(x);
  assert(Math.abs(Number(third.item()) - differences(([y]) => [along(along(f))(y!)], [x], [v])[0]!) < 1e-7);
  for (const first of [along, back]) {
    for (const second of [along, back]) {
      for (const last of [along, back]) assertSame(last(second(first(f)))(x), third);
    }
  }
});

Deno.test("transforms: linearize is jvp, wherever it is applied, as often as it is asked", () => {
  const g = (y: Tensor, z: Tensor): Tensor => div(sin(mul(y, z)), add(1, square(z)));
  const [value, linear] = pb.linearize(g, x, w);
  assertSame(value, g(x, w));
  for (const [t, u] of [[v, w], [w, v], [v, v]] as const) assertSame(linear(t, u), jvp(g, [x, w], [t, u])[1]);
  assertSame(vmap(linear)(pb.stack([v, w]), pb.stack([w, v])), pb.stack([linear(v, w), linear(w, v)]));
  assertSame(grad((t: Tensor) => sum(linear(t, w)))(v), vjp((t: Tensor) => linear(t, w), v)[1](pb.onesLike(v))[0]);
});

Deno.test("transforms: perturbations of nested derivatives are not confused", () => {
  const one = f64(1);
  const forward = (g: (y: Tensor) => Tensor, at: Tensor): Tensor => jvp(g, [at], [pb.onesLike(at)])[1];
  const reverse = (g: (y: Tensor) => Tensor, at: Tensor): Tensor => grad(g)(at);
  for (const outer of [forward, reverse]) {
    for (const inner of [forward, reverse]) {
      // d/dx x·(d/dy (x + y)) = 1, where a confused inner derivative gives 2.
      assertEquals(outer((a) => mul(a, inner((b) => add(a, b), one)), one).item(), 1);
      // d/dx x·(d/dy x·y) = 2x
      assertEquals(outer((a) => mul(a, inner((b) => mul(a, b), f64(2))), f64(3)).item(), 6);
      // d/dx (d/dy x²·y³ at y = x) = d/dx 3x⁴ = 12x³
      assertEquals(outer((a) => inner((b) => mul(square(a), mul(b, square(b))), a), f64(2)).item(), 96);
      // What the inner function captures is constant to it, though it varies outside.
      assertEquals(outer((a) => inner(() => square(a), a), f64(2)).item(), 0);
    }
  }
});

Deno.test("transforms: vmap of grad, grad of vmap, and vmap of vmap are loops", () => {
  const rows = pb.stack([x, v, w]);
  const loop = (g: (row: Tensor) => Tensor): Tensor => pb.stack([g(x), g(v), g(w)]);
  assertSame(vmap(f)(rows), loop(f));
  assertSame(vmap(grad(f))(rows), loop(grad(f)));
  assertSame(vmap(pb.hessian(f))(rows), loop(pb.hessian(f)));
  assertSame(vmap((row: Tensor) => jvp(f, [row], [v])[1])(rows), loop((row) => jvp(f, [row], [v])[1]));
  assertSame(grad((all: Tensor) => sum(vmap(f)(all)))(rows), loop(grad(f)));
  assertSame(jvp(vmap(f), [rows], [pb.onesLike(rows)])[1], loop((row) => jvp(f, [row], [pb.onesLike(row)])[1]));
  assertSame(
    vmap((a: Tensor) => vmap((b: Tensor) => sum(mul(a, b)))(rows))(rows),
    pb.matmul(rows, pb.transpose(rows)),
  );
  assertSame(
    vmap(vmap((a: Tensor, b: Tensor) => add(a, mul(2, b)), { inAxes: [0, null] }), { inAxes: [null, 0] })(x, w),
    add(pb.expandDims(x, 0), mul(2, pb.expandDims(w, 1))),
  );
});

Deno.test("transforms: a pullback works under vmap, and outside the vmap of another", () => {
  const [, pullback] = vjp((y: Tensor) => mul(sin(y), y), x);
  const cotangents = pb.stack([v, w]);
  assertSame(vmap((ct: Tensor) => pullback(ct)[0])(cotangents), pb.stack([pullback(v)[0], pullback(w)[0]]));
  // The pullback of a batched primal, called within the batch.
  const inside = vmap((row: Tensor, ct: Tensor) => vjp(sin, row)[1](ct)[0]);
  assertSame(inside(cotangents, cotangents), mul(cotangents, pb.cos(cotangents)));
});

Deno.test("transforms: pullbacks outlive their call and can be called again", () => {
  const g = (y: Tensor, z: Tensor): [Tensor, Tensor] => [mul(y, sin(z)), sum(square(y))];
  const [[first, second], pullback] = vjp(g, x, w);
  const once = pullback([v, f64(2)]);
  for (let i = 0; i < 100; i++) sum(square(pb.ones([64, 64])));
  const again = pullback([v, f64(2)]);
  assertEquals(once.map(String), again.map(String));
  assertSame(once[0], add(mul(v, sin(w)), mul(4, x)));
  assertSame(once[1], mul(v, mul(x, pb.cos(w))));
  // Linear in the cotangent.
  const [left] = pullback([w, f64(-1)]);
  assertSame(pullback([add(v, w), f64(1)])[0], add(once[0], left));
  assertSame(first, mul(x, sin(w)));
  assertSame(second, sum(square(x)));
});

Deno.test("transforms: shared subexpressions, unused arguments, results that are arguments", () => {
  assertSame(
    grad((y: Tensor) => {
      const shared = mul(y, y);
      return sum(add(mul(shared, shared), shared));
    })(x),
    add(mul(4, mul(x, square(x))), mul(2, x)),
  );
  // A function used twice along two paths, as in a net with shared weights (seeds.md, M14).
  assertSame(grad((y: Tensor) => add(f(y), mul(2, f(y))))(x), mul(3, grad(f)(x)));
  const [unused, used] = grad((_: Tensor, z: Tensor) => sum(z), { argnums: [0, 1] })(x, w);
  assertSame(unused, pb.zerosLike(x));
  assertSame(used, pb.onesLike(w));
  assertSame(vjp((y: Tensor) => y, x)[1](v)[0], v);
  assertSame(jvp((y: Tensor) => y, [x], [v])[1], v);
  assertSame(grad((_: Tensor) => f64(3))(x), pb.zerosLike(x));
  assertSame(jvp((_: Tensor) => w, [x], [v])[1], pb.zerosLike(w));
  assertSame(pb.linearize((_: Tensor) => w, x)[1](v), pb.zerosLike(w));
  // What is padded with varies with nothing.
  assertSame(jvp((y: Tensor) => pb.pad(y, [[1, 2]], { value: 7 }), [x], [v])[1], pb.pad(v, [[1, 2]]));
  // The same tensor as two arguments is two arguments.
  assertSame(grad((y: Tensor, z: Tensor) => sum(mul(y, square(z))), { argnums: [0, 1] })(x, x)[1], mul(2, square(x)));
  assertSame(grad((y: Tensor) => sum(mul(y, pb.stopGradient(y))))(x), x);
});

Deno.test("transforms: an argument that integers or branches stand between has no derivative", () => {
  assertSame(grad((y: Tensor) => sum(mul(y, pb.cast(pb.greater(y, 0), "float64"))))(x), f64([1, 0, 1]));
  assertSame(grad((y: Tensor) => sum(pb.cast(pb.cast(y, "int32"), "float64")))(x), pb.zerosLike(x));
  assertEquals(grad((y: Tensor) => sum(pb.cast(y, "float64")))(pb.tensor([1, 2])).dtype, "float32");
  assertSame(grad((y: Tensor) => sum(pb.floor(y)))(x), pb.zerosLike(x));
  // Ties share the derivative of max, and halve that of maximum.
  assertSame(grad((y: Tensor) => pb.max(y))(f64([2, 1, 2])), f64([0.5, 0, 0.5]));
  assertSame(grad((y: Tensor) => sum(pb.maximum(y, 1)))(f64([1, 2, 0])), f64([0.5, 1, 0]));
  assertSame(grad((y: Tensor) => sum(pb.abs(y)))(f64([0, -2])), f64([0, -1]));
  assertSame(grad((y: Tensor) => pb.prod(y))(f64([0, 2, 3])), f64([6, 0, 0]));
  assertSame(pb.hessian((y: Tensor) => pb.prod(y))(f64([0, 0, 3])), f64([[0, 3, 0], [3, 0, 0], [0, 0, 0]]));
  assertSame(grad((y: Tensor) => sum(pb.pow(y, 2)))(f64([0, -3])), f64([0, -6]));
});

Deno.test("transforms: programs of transformed functions are programs", () => {
  for (
    const g of [grad(f), pb.hessian(f), (y: Tensor) => pb.hvp(f, y, v), (y: Tensor) => vmap(grad(f))(pb.stack([y, w]))]
  ) {
    program(g)(x).typecheck();
    assertTraced(g, x);
  }
  const g = (y: Tensor): Tensor => sum(mul(sin(y), y));
  assertEquals(
    String(program(g)(pb.tensor([1, 2, 3]))),
    [
      "{ lambda a:f32[3] .",
      "  let",
      "    b:f32[3] = sin a",
      "    c:f32[3] = mul b a",
      "    d:f32[] = sum[axes=(0)] c",
      "  in (d) }",
    ].join("\n"),
  );
  assertEquals(pb.evalShape(pb.hessian(f), x), { dtype: "float64", shape: [3, 3] });
});

/** Fails unless the program of a function computes what it does, equation by equation and fused as a whole. */
function assertTraced(g: (y: Tensor) => Tensor, y: Tensor): void {
  const traced = trace("program", ([input]) => [g(input!)], [y.type]);
  assertSame(evaluate(traced, [y])[0]!, g(y), "program");
  assertSame(run(traced, [y.concrete()])[0]!, g(y), "fused program");
}

Deno.test("transforms: vmap puts batch axes anywhere, in trees, and takes a size where none tells it", () => {
  const a = upload({ dtype: "float64", shape: [2, 3, 4], data: Array.from({ length: 24 }, (_, i) => i - 7) });
  assertSame(vmap((m: Tensor) => sum(m, { axis: 0 }), { inAxes: 1 })(a), pb.transpose(sum(a, { axis: 0 }), [0, 1]));
  assertSame(vmap((m: Tensor) => m, { inAxes: -1, outAxes: 1 })(a), pb.moveAxis(a, -1, 1));
  assertSame(vmap((m: Tensor) => m, { inAxes: 2, outAxes: -1 })(a), a);
  assertSame(vmap((m: Tensor, c: Tensor) => mul(m, c), { inAxes: [0, null] })(a, f64(2)), mul(a, 2));
  const tree = { left: a, right: [f64([1, 2]), null] as const };
  const mixed = vmap((t: typeof tree) => ({ y: mul(t.left, t.right[0]), z: t.right[1] }), {
    inAxes: [{ left: 0, right: [0, null] }],
    outAxes: { y: 2, z: null },
  })(tree);
  assertSame(mixed.y, pb.moveAxis(mul(a, pb.reshape(f64([1, 2]), [2, 1, 1])), 0, 2));
  assertEquals(mixed.z, null);
  assertSame(vmap(() => f64([1, 2]), { size: 3 })(), f64([[1, 2], [1, 2], [1, 2]]));
  assertSame(vmap((c: Tensor) => c, { inAxes: [null], outAxes: null, size: 3 })(v), v);
  // An unbatched result is the same for the whole batch.
  const constant = vmap((_: Tensor) => v, { outAxes: 1 })(a);
  assertEquals(constant.shape, [3, 2]);
  assertEquals(vmap((m: Tensor) => sum(m))(pb.zeros([0, 5])).shape, [0]);
  assertEquals(vmap((m: Tensor) => sin(m), { outAxes: 1 })(pb.zeros([0, 5])).shape, [5, 0]);
  assertEquals(vmap((m: Tensor) => pb.conv(pb.ones([1, 5, 1]), m))(pb.zeros([0, 2, 1, 3])).shape, [0, 1, 4, 3]);
});

Deno.test("transforms: checkGrads accepts right derivatives and refuses wrong ones, in either mode and order", () => {
  pb.checkGrads((y: Tensor, n: Tensor) => mul(sin(y), n), [pb.tensor([0.5, -1]), pb.tensor(3, { dtype: "int32" })]);
  pb.checkGrads(pb.hessian(f), [x], { order: 1 });
  const wrong = pointwise("wrong", (a) => s.unary("sin", a), [{ keeps: [0], of: (g, a) => mul(g, sin(a)) }]);
  const wrongSine = (y: Tensor): Tensor => bind1(wrong, [y], null);
  const error = assertThrows(() => pb.checkGrads(wrongSine, [pb.tensor([0.5])]), Error);
  assert(
    /^checkGrads\(\) found a wrong derivative \(fwd\): .* where differences give .*$/.test(error.message),
    error.message,
  );
  assertThrows(() => pb.checkGrads(wrongSine, [pb.tensor([0.5])], { modes: ["rev"] }), Error, "(rev)");
  // Right to first order only: the derivative is written with a constant.
  const flat = pointwise("flat", (a) => s.unary("sin", a), [{
    keeps: [0],
    of: (g, a) => mul(g, pb.stopGradient(pb.cos(a))),
  }]);
  const flatSine = (y: Tensor): Tensor => bind1(flat, [y], null);
  pb.checkGrads(flatSine, [pb.tensor([0.5])], { order: 1 });
  assertStringIncludes(
    assertThrows(() => pb.checkGrads(flatSine, [pb.tensor([0.5])]), Error).message,
    "checkGrads() found a wrong derivative (fwd over fwd)",
  );
});

/** A function of one vector: operations applied one after another to what is there, chosen by drawn numbers. */
interface Steps {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly steps: readonly { readonly op: number; readonly with: number }[];
}

const bounded: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  (a) => sin(a),
  (a) => pb.tanh(a),
  (a, b) => add(a, mul(0.5, b)),
  (a, b) => mul(pb.cos(a), pb.tanh(b)),
  (a) => pb.logSoftmax(a),
  (a) => pb.cumsum(mul(a, 0.25), { axis: 0 }),
  (a, b) => div(a, add(2, square(b))),
  (a) => pb.flip(a),
  (a) => pb.softmax(a, { axis: 0 }),
  (a, b) => pb.where(pb.greater(pb.stopGradient(b), 0), a, pb.neg(a)),
  (a) => pb.exp(pb.neg(square(a))),
  (a) => pb.sub(a, pb.mean(a, { axis: 0, keepDims: true })),
];

const programs: fc.Arbitrary<Steps> = shapes({ rank: [1, 2], sizes: [1, 3] }).chain((shape) => {
  const size = shape.reduce((n, m) => n * m, 1);
  return fc.record({
    shape: fc.constant(shape),
    data: fc.array(between(-2, 2).map((n) => n + 1 / 1024), { minLength: size, maxLength: size }),
    steps: fc.array(fc.record({ op: fc.nat(bounded.length - 1), with: fc.nat(9) }), { minLength: 5, maxLength: 10 }),
  });
});

function apply({ steps }: Steps, a: Tensor): Tensor {
  const made = [a];
  for (const step of steps) made.push(bounded[step.op]!(made.at(-1)!, made[step.with % made.length]!));
  return made.at(-1)!;
}

Deno.test("transforms: random programs have right derivatives, and the same in batches and as traced", () => {
  check(fc.tuple(programs, directions(), directions()), ([steps, along, cotangents]) => {
    const a = upload({ dtype: "float64", shape: steps.shape, data: steps.data });
    const t = upload({
      dtype: "float64",
      shape: steps.shape,
      data: steps.data.map((_, i) => along[i % along.length]!),
    });
    const g: ListFunction = ([y]) => [apply(steps, y!)];
    checkBothModes(g, [a], [t], cotangents, "of a program");
    checkBothModes(([y]) => [grad((z: Tensor) => sum(apply(steps, z)))(y!)], [a], [t], cotangents, "of its gradient");
    const batch = pb.stack([a, t]);
    const each = (row: Tensor): Tensor => apply(steps, row);
    assertSame(vmap(each)(batch), pb.stack([each(a), each(t)]));
    assertTraced(each, a);
    assert(
      Math.abs(
        dot(
          [t],
          numbersOf([grad((y: Tensor) => sum(each(y)))(a)]),
        ) - dot([pb.onesLike(a)], [jvp(each, [a], [t])[1]]),
      ) < 1e-9,
    );
  });
});
