// Memory: what a trace made is freed when it ends, what is dropped is bounded, what is spilled comes back.
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as pb from "../mod.ts";
import type { Tensor } from "../mod.ts";

const { add, exp, grad, jvp, mul, square, sum, tensor, vjp, vmap } = pb;

const steps = Number(Deno.env.get("MEMORY_STEPS") ?? 1000);
const limitMegabytes = 600;

/** Resident memory of a process of its own after so many steps of a scenario of memory_child.ts, in megabytes. */
async function residentAfter(scenario: string): Promise<number> {
  const child = new URL("memory_child.ts", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", child, scenario, String(steps)],
  });
  const { success, stdout, stderr } = await command.output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).megabytes;
}

Deno.test(`memory: ${steps} steps that never wait stay below ${limitMegabytes} MB`, async (t) => {
  const scenarios = [
    "lenet",
    "gradient",
    "values",
    "forward",
    "nested",
    "pullback",
    "views",
    "leaks",
    "compiled",
    "donated",
  ];
  // Two at a time: one for each core.
  const finished = new Map<string, Promise<number>>();
  const rest = [...scenarios];
  const work = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const run = residentAfter(next);
      finished.set(next, run);
      await run.catch(() => {});
    }
  };
  await Promise.all([work(), work()]);
  for (const scenario of scenarios) {
    await t.step(scenario, async () => {
      const megabytes = await finished.get(scenario)!;
      assert(megabytes < limitMegabytes, `${scenario} ends with ${megabytes} MB`);
    });
  }
});

/** Bytes that tensors hold on the device. */
function held(): number {
  return Number(tensor(0).device.info["heldBytes"]);
}

/** Has what is left of earlier tests copied out, so that nothing has to be while bytes are counted. */
function makeRoom(): void {
  exp(pb.zeros([Math.ceil(Number(tensor(0).device.info["budgetBytes"]) / 4)]))[Symbol.dispose]();
  assert(held() <= small, `${held()} bytes are held`);
}

/** What scalars cost: constants that the device keeps, and the scalar that asks. */
const small = 1024;

Deno.test("memory: when a transform ends, all that it made is free but its results", () => {
  const x = pb.full([64, 1024], 0.5);
  const bytes = 4 * x.size;
  const f = (y: Tensor): Tensor => sum(exp(mul(square(y), y)));
  const narrow = (y: Tensor): Tensor => mul(y, sum(exp(mul(x, sum(y)))));
  const compiled = pb.jit(f);
  const compiledSlope = pb.jit(grad(compiled));
  const runs: [string, number, () => unknown][] = [
    ["grad", 1, () => grad(f)(x)],
    ["jvp", 0, () => jvp(f, [x], [x])],
    ["jvp of many", 2, () => jvp((y: Tensor) => exp(mul(y, y)), [x], [x])],
    ["vmap", 1, () => vmap((row: Tensor) => exp(mul(row, row)))(x)],
    ["vmap of grad", 1, () => vmap(grad(f))(x)],
    ["grad of grad", 1, () => grad((y: Tensor) => sum(square(grad(f)(y))))(x)],
    ["hvp", 1, () => pb.hvp(f, x, x)],
    ["jacrev", 0, () => pb.jacrev(narrow)(tensor([0.1, 0.2]))],
    ["jacfwd", 0, () => pb.jacfwd(narrow)(tensor([0.1, 0.2]))],
    ["hessian", 0, () => pb.hessian((y: Tensor) => sum(narrow(y)))(tensor([0.1, 0.2]))],
    ["evalShape", 0, () => pb.evalShape(f, x)],
    ["jit", 0, () => compiled(x)],
    ["grad of jit", 1, () => grad(compiled)(x)],
    ["jit of grad of jit", 1, () => compiledSlope(x)],
    ["vmap of grad of jit", 1, () => vmap(grad(compiled))(x)],
    ["hvp of jit", 1, () => pb.hvp(compiled, x, x)],
  ];
  for (const [name, results, run] of runs) {
    makeRoom();
    run(); // Whatever is made once and kept is made now.
    const before = held();
    const kept = run();
    assert(
      Math.abs(held() - before - results * bytes) <= small,
      `${name}: ${held() - before} bytes remain of ${results * bytes}`,
    );
    assert(kept !== undefined);
  }
});

Deno.test("memory: a transform that throws frees what it had made", () => {
  makeRoom();
  const x = pb.ones([256, 1024]);
  const fails = (y: Tensor): Tensor => {
    exp(mul(y, y));
    throw new Error("half-way");
  };
  for (const run of [() => grad(fails)(x), () => jvp(fails, [x], [x]), () => vmap(fails)(x), () => vjp(fails, x)]) {
    const before = held();
    assertThrows(run, Error, "half-way");
    assert(held() - before <= small, `${held() - before} bytes remain`);
  }
});

Deno.test("memory: a pullback keeps what its rules need, and no more", () => {
  const x = pb.full([256, 1024], 0.5);
  const bytes = 4 * x.size;
  const residuals = (f: (y: Tensor) => Tensor): number => {
    makeRoom();
    const before = held();
    const kept = vjp(f, x);
    const more = held() - before;
    assertEquals(kept[1](pb.onesLike(kept[0]))[0].shape, x.shape);
    return Math.round(more / bytes);
  };
  const compiled = (f: (y: Tensor) => Tensor) => pb.jit(f);
  const [left, right] = [pb.ones([2, 256]), pb.ones([1024, 2])];
  for (const made of [(f: (y: Tensor) => Tensor) => f, compiled]) {
    // The result alone (seeds.md, O12): what is kept is what is returned.
    for (const f of [pb.tanh, exp, pb.nn.relu, pb.nn.sigmoid, pb.nn.leakyRelu]) {
      assertEquals(residuals(made((y) => f(y))), 1);
    }
    // Nothing: the operand is there already, the rule needs no value, or the result is small.
    assertEquals(residuals(made(square)), 1);
    assertEquals(residuals(made((y) => sum(square(y)))), 0);
    assertEquals(residuals(made((y) => sum(mul(y, 2)))), 0);
    assertEquals(residuals(made((y) => sum(add(y, 1)))), 0);
    // A factor that is constant: what it is multiplied with is not needed.
    assertEquals(residuals(made((y) => sum(mul(square(y), x)))), 0);
    // A matrix product keeps the other factor, of each that has a derivative.
    assertEquals(residuals(made((y) => sum(pb.matmul(left, square(y))))), 0);
    assertEquals(residuals(made((y) => sum(pb.matmul(square(y), right)))), 0);
    // What only moves needs nothing.
    assertEquals(residuals(made((y) => sum(pb.concatenate([square(y), y])))), 0);
    // The exponential is kept inside.
    assertEquals(residuals(made((y) => sum(exp(y)))), 1);
  }
  // Arithmetic is done again rather than kept, where it is known what is needed.
  const recomputed: [number, (y: Tensor) => Tensor][] = [
    [2, (y) => sum(square(square(add(y, 1))))],
    [1, (y) => sum(mul(square(y), pb.floor(y)))],
    [2, (y) => sum(pb.matmul(square(y), pb.transpose(exp(y))))],
  ];
  assertEquals(recomputed.map(([_, f]) => residuals(f)), recomputed.map(([kept]) => kept));
  assertEquals(recomputed.map(([_, f]) => residuals(compiled(f))), [0, 0, 1]);
});

Deno.test("memory: a linear map keeps what varies, and no more", () => {
  makeRoom();
  const x = pb.full([256, 1024], 0.5);
  const before = held();
  const [y, linear] = pb.linearize((z: Tensor) => mul(z, sum(pb.floor(z))), x);
  // The product, which is the result, but not what is rounded.
  assertEquals(Math.round((held() - before) / (4 * x.size)), 1);
  assertEquals(linear(x).shape, y.shape);
});

Deno.test("disposing: a disposed tensor throws wherever it is used, and disposing again does nothing", () => {
  const x = tensor([1, 2, 3]);
  x[Symbol.dispose]();
  x[Symbol.dispose]();
  const message = "this tensor f32[3] was disposed and has no values";
  const uses = [
    () => add(x, 1),
    () => x.dataSync(),
    () => x.arraySync(),
    () => pb.reshape(x, [3, 1]),
    () => grad(sum)(x),
    () => grad((y: Tensor) => sum(mul(y, x)))(pb.ones([3])),
    () => vmap(exp)(x),
  ];
  for (const use of uses) assertEquals(assertThrows(use, TypeError).message, message);
  assertEquals([x.shape, x.dtype, x.size], [[3], "float32", 3]);
  assertEquals(pb.evalShape(exp, x).shape, [3]);
});

Deno.test("disposing: `using` frees at the end of the block, and at once", () => {
  makeRoom();
  const before = held();
  {
    using x = pb.broadcastTo(tensor([1]), [1]);
    using y = exp(pb.full([1024, 256], 1));
    assert(held() - before >= 4 * y.size);
    assertEquals(x.size, 1);
  }
  assert(held() - before <= small);
});

Deno.test("disposing: tensors that share storage do not take it from each other", () => {
  const x = exp(pb.zeros([2, 3]));
  const views = [
    pb.reshape(x, [3, 2]),
    pb.transpose(x),
    pb.slice(x, { start: [1] }),
    pb.flip(x),
    pb.broadcastTo(x, [2, 2, 3]),
  ];
  views[0]![Symbol.dispose]();
  assertEquals(x.arraySync(), [[1, 1, 1], [1, 1, 1]]);
  x[Symbol.dispose]();
  for (const view of views.slice(1)) assert(view.dataSync().every((value) => value === 1));
  assertThrows(() => x.dataSync(), TypeError);
});

Deno.test("disposing: a pullback and a linear map survive the disposal of the result they came with", () => {
  const x = tensor([0, 1]);
  for (const f of [exp, pb.tanh, (y: Tensor) => pb.softmax(y), (y: Tensor) => y]) {
    const [y, pullback] = vjp(f, x);
    const expected = pullback(tensor([1, 2]))[0].arraySync();
    y[Symbol.dispose]();
    assertEquals(pullback(tensor([1, 2]))[0].arraySync(), expected);
    const [z, linear] = pb.linearize(f, x);
    const slope = linear(tensor([1, 2])).arraySync();
    z[Symbol.dispose]();
    assertEquals(linear(tensor([1, 2])).arraySync(), slope);
    assertEquals(x.arraySync(), [0, 1]);
  }
});

Deno.test("disposing: results and their gradients are the caller's, one by one", () => {
  const x = tensor([1, 2]);
  const [value, gradient] = pb.valueAndGrad((y: Tensor) => sum(square(y)))(x);
  value[Symbol.dispose]();
  assertEquals(gradient.arraySync(), [2, 4]);
  const [first, second] = grad((a: Tensor, b: Tensor) => sum(add(a, b)), { argnums: [0, 1] })(x, x);
  first[Symbol.dispose]();
  assertEquals(second.arraySync(), [1, 1]);
  const [y, dy] = jvp((a: Tensor) => a, [x], [tensor([3, 4])]);
  dy[Symbol.dispose]();
  assertEquals(y.arraySync(), [1, 2]);
});

Deno.test("spilling: more than the budget may be alive, and every value comes back", () => {
  const count = 80;
  const shape = [1024, 1024];
  const make = (n: number): Tensor => add(pb.full(shape, n), pb.expandDims(pb.arange(1024), 0));
  const kept = Array.from({ length: count }, (_, n) => make(n));
  // 320 MB are alive, but not all of it on the device.
  assert(held() < count * 4 * 2 ** 20, "nothing was spilled");
  const views = kept.map((x) => pb.slice(pb.transpose(x), { start: [1000, 3], stop: [1002, 4] }));
  for (const [n, x] of kept.entries()) {
    assertEquals(pb.slice(x, { start: [5, 10], stop: [6, 12] }).arraySync(), [[n + 10, n + 11]]);
    assertEquals(views[n]!.arraySync(), [[n + 1000], [n + 1001]]);
  }
  // Values that a tape keeps are spilled like others.
  const [, pullback] = vjp((x: Tensor) => exp(mul(x, 1e-3)), kept[3]!);
  for (let n = 0; n < count; n++) make(n);
  const [ct] = pullback(pb.ones(shape));
  assert(Math.abs(Number(pb.slice(ct, { start: [0, 7], stop: [1, 8] }).dataSync()[0]) - 1e-3 * Math.exp(0.01)) < 1e-8);
  for (const x of [...kept, ...views]) x[Symbol.dispose]();
});
