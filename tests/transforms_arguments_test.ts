// What transforms do around a function: trees of arguments and results, argnums, aux values, known values inside.
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as pb from "../mod.ts";
import type { Tensor } from "../mod.ts";

const { add, grad, jvp, mul, square, sum, tensor, valueAndGrad, vjp, vmap } = pb;

/** The tree with arrays of numbers in place of tensors. */
function plain(tree: unknown): unknown {
  if (tree instanceof pb.Tensor) return tree.arraySync();
  if (Array.isArray(tree)) return tree.map(plain);
  if (typeof tree === "object" && tree !== null) {
    return Object.fromEntries(Object.entries(tree).map(([key, child]) => [key, plain(child)]));
  }
  return tree;
}

const x = tensor([1, 2, 3]);

Deno.test("argnums: a number, one from the end, several, each with its own gradient", () => {
  const f = (a: Tensor, b: Tensor, c: Tensor): Tensor => sum(mul(mul(a, b), square(c)));
  const args = [tensor(2), tensor(3), tensor(5)] as const;
  assertEquals(grad(f)(...args).item(), 75);
  assertEquals(grad(f, { argnums: 1 })(...args).item(), 50);
  assertEquals(grad(f, { argnums: -1 })(...args).item(), 60);
  assertEquals(plain(grad(f, { argnums: [2, 0] })(...args)), [60, 75]);
  assertEquals(plain(grad(f, { argnums: [] })(...args)), []);
  assertEquals(plain(valueAndGrad(f, { argnums: [1] })(...args)), [150, [50]]);
  assertEquals(plain(pb.jacrev(f, { argnums: 1 })(...args)), 50);
  assertEquals(plain(pb.hessian(f, { argnums: 2 })(...args)), 12);
});

Deno.test("trees: gradients have the structure of the argument; null, booleans and integers have none", () => {
  const params = {
    layers: [{ weight: x, bias: 0.5 }, null],
    frozen: true,
    steps: tensor([7], { dtype: "int32" }),
    scale: 2,
    nothing: null,
  };
  const loss = (p: typeof params): Tensor =>
    sum(add(mul(mul(p.layers[0]!.weight, p.scale), p.frozen ? 1 : 0), p.layers[0]!.bias));
  const gradient = grad(loss)(params);
  assertEquals(plain(gradient), {
    layers: [{ weight: [2, 2, 2], bias: 3 }, null],
    frozen: null,
    steps: null,
    scale: 6,
    nothing: null,
  });
  assertEquals(gradient.scale.dtype, "float32");
  const [y, dy] = jvp(loss, [params], [gradient]);
  assertEquals([y.item(), dy.item()], [13.5, 6 * 2 + 6 * 6 + 3 * 3]);
});

Deno.test("trees: of results, in every mode", () => {
  const f = (a: Tensor, n: number): { sums: [Tensor, Tensor]; where: Tensor; none: null } => ({
    sums: [sum(mul(a, n)), square(a)],
    where: pb.argmax(a),
    none: null,
  });
  const [y, pullback] = vjp(f, x, 2);
  assertEquals(plain(y), { sums: [12, [1, 4, 9]], where: 2, none: null });
  const ct = { sums: [tensor(1), tensor([1, 0, -1])], where: null, none: null };
  assertEquals(plain(pullback(ct as never)), [[2 + 2, 2, 2 - 6], 6]);
  // An integer result may have any cotangent; it is not read.
  assertEquals(plain(pullback({ ...ct, where: tensor(5) } as never)), [[4, 2, -4], 6]);
  const [, dy] = jvp(f, [x, 2], [tensor([1, 0, 0]), tensor(1)]);
  assertEquals(plain(dy), { sums: [2 + 6, [2, 0, 0]], where: null, none: null });
  assertEquals(plain(pb.linearize(f, x, 2)[1](tensor([1, 0, 0]), tensor(1))), plain(dy));
  assertEquals(plain(vmap(f, { inAxes: [0, null], size: 1 })(pb.expandDims(x, 0), 2)), {
    sums: [[12], [[1, 4, 9]]],
    where: [2],
    none: null,
  });
});

Deno.test("trees: Jacobians are trees of the result's structure with trees of the argument's at the leaves", () => {
  const f = ({ a, b }: { a: Tensor; b: Tensor }): { sum: Tensor; product: Tensor } => ({
    sum: add(a, b),
    product: mul(a, b),
  });
  const at = { a: tensor([1, 2]), b: tensor(3) };
  const expected = {
    sum: { a: [[1, 0], [0, 1]], b: [1, 1] },
    product: { a: [[3, 0], [0, 3]], b: [1, 2] },
  };
  assertEquals(plain(pb.jacrev(f)(at)), expected);
  assertEquals(plain(pb.jacfwd(f)(at)), expected);
  assertEquals(plain(pb.hessian((p: typeof at) => sum(mul(square(p.a), p.b)))(at)), {
    a: { a: [[6, 0], [0, 6]], b: [2, 4] },
    b: { a: [2, 4], b: 0 },
  });
});

Deno.test("trees: integer arguments beside floats have null, and pass through", () => {
  const ids = tensor([0, 0, 1], { dtype: "int32" });
  const f = (a: Tensor, i: Tensor): Tensor => pb.segmentSum(square(a), i, 2);
  const [y, pullback] = vjp(f, x, ids);
  assertEquals(y.arraySync(), [5, 9]);
  assertEquals(plain(pullback(tensor([1, 2]))), [[2, 4, 12], null]);
  assertEquals(plain(jvp(f, [x, ids], [pb.onesLike(x), ids])[1]), [6, 6]);
  const swapped = (i: Tensor, a: Tensor): Tensor => f(a, i);
  assertEquals(plain(jvp(swapped, [ids, x], [ids, pb.onesLike(x)])[1]), [6, 6]);
  assertEquals(plain(pb.linearize(swapped, ids, x)[1](null as never, pb.onesLike(x))), [6, 6]);
  assertEquals(
    plain(
      grad((a: Tensor, t: { i: Tensor; w: Tensor }) => sum(mul(f(a, t.i), t.w)), { argnums: 1 })(x, {
        i: ids,
        w: tensor([1, 1]),
      }),
    ),
    {
      i: null,
      w: [5, 9],
    },
  );
});

Deno.test("hasAux: what else the function returns comes out as values, whatever it is", () => {
  const f = (a: Tensor): [Tensor, { squares: Tensor; history: (Tensor | string)[]; log: Map<string, number> }] => {
    const squares = square(a);
    return [sum(squares), { squares, history: ["start", sum(a)], log: new Map([["calls", 1]]) }];
  };
  const [gradient, aux] = grad(f, { hasAux: true })(x);
  assertEquals(gradient.arraySync(), [2, 4, 6]);
  assertEquals(aux.squares.arraySync(), [1, 4, 9]);
  assertEquals((aux.history[1] as Tensor).item(), 6);
  assertEquals([aux.history[0], aux.log.get("calls")], ["start", 1]);
  const [[value, again], sameGradient] = valueAndGrad(f, { hasAux: true })(x);
  assertEquals([value.item(), plain(again.squares), plain(sameGradient)], [14, [1, 4, 9], [2, 4, 6]]);
  const [y, pullback, third] = pb.vjpWithAux(f, x);
  assertEquals([y.item(), plain(pullback(tensor(2))[0]), plain(third.squares)], [14, [4, 8, 12], [1, 4, 9]]);
  // Aux is constant to this derivative, but not to one around it.
  const outer = grad((a: Tensor) => sum(grad(f, { hasAux: true })(a)[1].squares));
  assertEquals(outer(x).arraySync(), [2, 4, 6]);
});

Deno.test("known values: JavaScript decides inside grad, vjp, jvp and linearize", () => {
  const f = (a: Tensor): Tensor => {
    let y = a;
    // Newton's steps for a square root, as many as are needed.
    for (let i = 0; i < 50; i++) {
      const next = mul(0.5, add(y, pb.div(a, y)));
      if (Math.abs(Number(pb.sub(next, y).item())) < 1e-6) return next;
      y = next;
    }
    throw new Error("no convergence");
  };
  const four = tensor(4, { dtype: "float64" });
  for (
    const slope of [
      grad(f)(four),
      jvp(f, [four], [tensor(1, { dtype: "float64" })])[1],
      pb.linearize(f, four)[1](tensor(1, { dtype: "float64" })),
    ]
  ) {
    assert(Math.abs(Number(slope.item()) - 0.25) < 1e-9);
  }
  assert(Math.abs(Number(grad(grad(f))(four).item()) + 1 / 32) < 1e-6);
  const seen: number[] = [];
  grad((a: Tensor) => {
    seen.push(...sum(a).dataSync(), a.shape[0]!, a.size);
    assertEquals(a.arraySync(), [1, 2, 3]);
    assertEquals(String(a).includes("f32[3]"), true);
    return sum(a);
  })(x);
  assertEquals(seen, [6, 3, 3]);
});

Deno.test("known values: under vmap there is none, however deep, and where() chooses instead", () => {
  const branch = (a: Tensor): Tensor => Number(sum(a).item()) > 0 ? a : pb.neg(a);
  const message =
    "f32[] has no single value inside vmap(): use where() or cond() to choose by a value, or return it and read the batch outside";
  const rows = tensor([[1, 2], [-3, 1]]);
  for (
    const run of [
      () => vmap(branch)(rows),
      () => vmap((a: Tensor) => grad((b: Tensor) => sum(branch(b)))(a))(rows),
      () => grad((b: Tensor) => sum(vmap(branch)(b)))(rows),
    ]
  ) {
    assertEquals(assertThrows(run, TypeError).message, message);
  }
  const chosen = vmap((a: Tensor) => pb.where(pb.greater(sum(a), 0), a, pb.neg(a)))(rows);
  assertEquals(chosen.arraySync(), [[1, 2], [3, -1]]);
  // What is not batched is known.
  assertEquals(
    vmap((a: Tensor, b: Tensor) => mul(a, Number(b.item())), { inAxes: [0, null] })(rows, tensor(2)).arraySync(),
    [[2, 4], [-6, 2]],
  );
});

Deno.test("bare numbers: as arguments they are float32 scalars with gradients", () => {
  assertEquals(grad((a: pb.TensorLike) => square(a))(3).item(), 6);
  assertEquals(plain(grad((a: pb.TensorLike, b: pb.TensorLike) => mul(a, b), { argnums: [0, 1] })(2, 5)), [5, 2]);
  assertEquals(plain(jvp((a: pb.TensorLike) => square(a), [3], [tensor(2)])), [9, 12]);
  const [y, pullback] = vjp((a: pb.TensorLike) => square(a), 3);
  assertEquals([y.item(), plain(pullback(tensor(1)))], [9, [6]]);
});

Deno.test("tangents and cotangents may be bare numbers where the leaf is a scalar", () => {
  assertEquals(plain(jvp((a: Tensor) => square(a), [tensor(3)], [2 as never])), [9, 12]);
  assertEquals(plain(vjp((a: Tensor) => sum(square(a)), x)[1](2 as never)), [[4, 8, 12]]);
});

Deno.test("evalShape: types in, types out, nothing computed", () => {
  const f = (a: Tensor, t: { b: Tensor; n: number }): { y: Tensor; z: [Tensor, null] } => ({
    y: pb.matmul(a, mul(t.b, t.n)),
    z: [pb.argmax(a, { axis: 0 }), null],
  });
  const types = pb.evalShape(
    f,
    { dtype: "float32", shape: [200000, 3] } as never,
    { b: { dtype: "float32", shape: [3, 5] }, n: 2 } as never,
  );
  assertEquals(
    types,
    { y: { dtype: "float32", shape: [200000, 5] }, z: [{ dtype: "int32", shape: [3] }, null] } as never,
  );
  assertThrows(
    () => pb.evalShape(f, pb.zeros([2, 4]), { b: pb.zeros([3, 5]), n: 2 }),
    pb.ShapeError,
    "matmul() cannot multiply f32[2,4] by f32[3,5]",
  );
});

Deno.test("program: prints inputs, captured values, parameters, results", () => {
  const captured = tensor([[1, 2], [3, 4]]);
  const traced = pb.program((a: Tensor) => ({ y: pb.softmax(pb.matmul(captured, a), { axis: 0 }), same: a }))(
    pb.ones([2, 1]),
  );
  traced.typecheck();
  const lines = String(traced).split("\n");
  assertEquals(lines[0], "{ lambda a:f32[2,1] ; captured b:f32[2,2] .");
  assertEquals(lines[2], "    c:f32[2,1] = matmul b a");
  assert(/^ {2}in \([a-z]+ a\) \}$/.test(lines.at(-1)!), lines.at(-1));
  // A shared value appears once (seeds.md, O11): f1(w1, f2(w2, f3(w3, x))) with f3's result used twice.
  const shared = pb.program((w: Tensor) => {
    const inner = pb.exp(w);
    return add(mul(inner, inner), inner);
  })(tensor(1));
  assertEquals(String(shared).match(/exp/g)?.length, 1);
});
