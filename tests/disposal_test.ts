// Who holds storage: disposing one tensor takes nothing from another, and transforms give back all they made on the way.
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as pb from "../mod.ts";
import type { Tensor } from "../mod.ts";
import { cpuWith } from "../cpu/device.ts";
import { kernels } from "../cpu/kernels.ts";

const { add, exp, grad, jvp, mul, sin, square, sum, tensor, vjp, vmap } = pb;

/** What the device holds. */
function held(): { bytes: number; blocks: number; budget: number } {
  const { heldBytes, blocks, budgetBytes } = tensor(0).device.info as Record<string, number>;
  return { bytes: heldBytes!, blocks: blocks!, budget: budgetBytes! };
}

function dispose(...xs: readonly Tensor[]): void {
  for (const x of xs) x[Symbol.dispose]();
}

/** The numbers 0 … n − 1, freshly made. */
function numbers(n: number): Tensor {
  return tensor(Float32Array.from({ length: n }, (_, i) => i));
}

/** Large enough that a block of it shows among small ones. */
const megabyte = 2 ** 18;

/** How much more is held after `use` than before: only megabytes count, since small blocks wait for others to go. */
function megabytesKept(use: () => void): number {
  const before = held().bytes;
  use();
  return Math.round((held().bytes - before) / 2 ** 20);
}

Deno.test("disposal: what a transform returns can be disposed without its arguments, and without its other results", () => {
  const x = tensor([1, 2]);
  const identity = (y: Tensor): Tensor => y;
  const ct = tensor([3, 4]);
  const [y, pullback] = vjp(identity, x);
  const [z, derivative] = pb.linearize(identity, x);
  dispose(y, z, pullback(ct)[0], derivative(ct), vmap(identity)(x), ...jvp(identity, [x], [ct]));
  assertEquals([x.arraySync(), ct.arraySync()], [[1, 2], [3, 4]]);
  assertEquals(pullback(ct)[0].arraySync(), [3, 4]);

  const scalar = tensor(2);
  dispose(...pb.valueAndGrad(identity)(scalar));
  assertEquals(scalar.item(), 2);

  // Both gradients are the same numbers: one array of ones.
  const [dx, dy] = grad((a: Tensor, b: Tensor) => sum(add(a, b)), { argnums: [0, 1] })(x, ct);
  dispose(dx);
  assertEquals(dy.arraySync(), [1, 1]);

  const [[first, second]] = vjp((a: Tensor) => {
    const both = exp(a);
    return [both, both];
  }, scalar);
  dispose(first!);
  assertEquals(second!.item(), Math.fround(Math.exp(2)));
});

Deno.test("disposal: a pullback survives what it returned, the result, the auxiliary value, and other views of its arguments", () => {
  const x = tensor([0.5, 1]);
  const view = pb.reshape(x, [1, 2]);
  const f = (y: Tensor): readonly [Tensor, Tensor] => {
    const e = exp(y);
    return [mul(e, y), e];
  };
  const [y, pullback, aux] = pb.vjpWithAux(f, x);
  const once = pullback(tensor([1, 1]))[0];
  const text = String(once);
  dispose(y, aux, view, once);
  assertEquals(String(pullback(tensor([1, 1]))[0]), text);
  // An argument that it needs is the user's: without it, it says what is missing.
  dispose(x);
  assertThrows(() => pullback(tensor([1, 1])), TypeError, "this tensor f32[2] was disposed and has no values");
});

Deno.test("disposal: gradients and auxiliary values live on, and nothing else does", () => {
  const x = numbers(megabyte);
  const f = (y: Tensor): readonly [Tensor, { e: Tensor }] => {
    const e = exp(mul(y, 1e-6));
    return [sum(mul(sin(e), square(y))), { e }];
  };
  const both = grad(f, { hasAux: true });
  // One megabyte for the gradient and one for the auxiliary value.
  let gradient: Tensor, aux: { e: Tensor };
  assertEquals(megabytesKept(() => [gradient, aux] = both(x)), 2);
  assertEquals(megabytesKept(() => dispose(gradient)), -1);
  assertEquals(aux!.e.dataSync()[0], 1);
  assertEquals(megabytesKept(() => dispose(aux.e)), -1);
});

Deno.test("disposal: transforms in transforms hold no more after a hundred calls than after one", () => {
  const n = 2 ** 15;
  const x = numbers(n);
  const rows = pb.reshape(numbers(4 * n), [4, n]);
  const f = (y: Tensor): Tensor => sum(sin(mul(exp(mul(y, 1e-5)), y)));
  const uses: Record<string, () => readonly Tensor[]> = {
    grad: () => [grad(f)(x)],
    "grad of grad": () => [grad((y: Tensor) => sum(square(grad(f)(y))))(x)],
    jvp: () => jvp(f, [x], [x]),
    "jvp of grad": () => jvp(grad(f), [x], [x]),
    "grad of jvp": () => [grad((y: Tensor) => jvp(f, [y], [x])[1])(x)],
    "jvp of vjp": () => jvp((y: Tensor) => vjp(f, y)[1](tensor(1))[0], [x], [x]),
    vmap: () => [vmap(f)(rows)],
    "vmap of grad": () => [vmap(grad(f))(rows)],
    "vmap along the last axis": () => [vmap(f, { inAxes: 1, outAxes: 0 })(rows)],
    "grad of vmap of jvp": () => [grad((all: Tensor) => sum(vmap((y: Tensor) => jvp(f, [y], [y])[1])(all)))(rows)],
    hvp: () => [pb.hvp(f, x, x)],
  };
  for (const [name, use] of Object.entries(uses)) {
    dispose(...use());
    const before = held().bytes;
    for (let i = 0; i < 100; i++) dispose(...use());
    // Scalars are not worth freeing at once; a leak of one array a call would be 12.5 megabytes.
    const grown = held().bytes - before;
    assert(grown < 2 ** 20, `${name} leaves ${grown} bytes after 100 calls`);
  }
});

Deno.test("disposal: a function that throws leaves nothing, and the next call works", () => {
  const x = numbers(megabyte);
  const failing = (y: Tensor): Tensor => {
    const e = exp(mul(y, 1e-6));
    if (e.size > 0) throw new Error("half-way");
    return sum(e);
  };
  const wrong = (y: Tensor): Tensor => exp(mul(y, 1e-6));
  assertEquals(
    megabytesKept(() => {
      assertThrows(() => grad(failing)(x), Error, "half-way");
      assertThrows(() => vjp(failing, x), Error, "half-way");
      assertThrows(() => jvp(failing, [x], [x]), Error, "half-way");
      assertThrows(() => pb.linearize(failing, x), Error, "half-way");
      assertThrows(() => vmap(failing)(pb.reshape(x, [2, -1])), Error, "half-way");
      assertThrows(() => grad((y: Tensor) => grad(failing)(y))(x), Error, "half-way");
      // An error of the library's own, deep inside.
      assertThrows(() => grad((y: Tensor) => sum(add(exp(y), tensor([1, 2]))))(x), pb.ShapeError);
    }),
    0,
  );
  // What is no scalar is refused once it has been computed; the result goes when it is collected.
  assertThrows(() => grad(wrong)(x), pb.ShapeError, "needs a function that returns a scalar");
  assertEquals(grad((y: Tensor) => sum(y))(x).dataSync()[7], 1);
});

Deno.test("disposal: a kernel that throws, alone or inside a fused program, leaves nothing", () => {
  const fail = (): never => {
    throw new RangeError("no room for scratch");
  };
  const failing = cpuWith({ ...kernels, map: fail, loop: fail });
  const x = failing.upload(new Float32Array(64), { dtype: "float32", shape: [8, 8] });
  const { heldBytes } = failing.info;
  assertEquals(heldBytes, 256);
  assertThrows(() => exp(x), RangeError, "no room for scratch");
  assertThrows(() => pb.softmax(x), RangeError, "no room for scratch");
  assertEquals(failing.info["heldBytes"], heldBytes);
  dispose(x);
  assertEquals(failing.info["heldBytes"], 0);
});

Deno.test("disposal: a leaked tracer throws and names its transform, and its storage is free", () => {
  const x = numbers(megabyte);
  let leaked: Tensor | undefined;
  const kept = megabytesKept(() => {
    grad((y: Tensor) => sum(leaked = exp(mul(y, 1e-6))))(x)[Symbol.dispose]();
  });
  assertEquals(kept, 0);
  assertThrows(
    () => add(leaked!, 1),
    TypeError,
    "add() was given a tracer made by exp() inside grad(), which has finished",
  );
  assertThrows(() => leaked!.dataSync(), TypeError, "a read was given a tracer made by exp() inside grad()");
});

Deno.test("disposal: what an inner transform returns stays, also when an outer one kept it and is over", () => {
  let leaked: Tensor | undefined;
  const outer = grad((x: Tensor) => {
    const inner = (y: Tensor): readonly [Tensor, Tensor] => {
      const e = exp(y);
      // The outer gradient needs e for the derivative by x.
      return [mul(e, x), e];
    };
    const [slope, e] = grad(inner, { hasAux: true })(tensor(3));
    leaked = e;
    return slope;
  });
  assertEquals(outer(tensor(2)).item(), Math.fround(Math.exp(3)));
  assertEquals(leaked!.item(), Math.fround(Math.exp(3)));
});

Deno.test("disposal: values that did not fit come back bit for bit", () => {
  const bits = new Uint32Array(megabyte).map((_, i) => Math.imul(i, 2654435761));
  // Any bits at all, NaN with payloads among them, since spilling must not know what it copies.
  const first = tensor(bits);
  const kept = pb.slice(pb.reshape(first, [512, 512]), { start: [3], step: [2, 3] });
  const text = kept.dataSync<Uint32Array>().join();
  const { budget } = held();
  const others = Array.from({ length: Math.ceil(2 * budget / 2 ** 20) }, (_, i) => add(tensor(bits), i));
  assert(held().bytes <= held().budget, "more is held than the budget allows");
  assertEquals(first.dataSync<Uint32Array>(), bits);
  assertEquals(kept.dataSync<Uint32Array>().join(), text);
  others.forEach((x, i) => {
    if (i % 16 === 0) assertEquals(x.dataSync<Uint32Array>()[1], (bits[1]! + i) >>> 0);
  });
  dispose(first, kept, ...others);
});

Deno.test("disposal: a value may be larger than the budget", () => {
  const n = Math.ceil(held().budget / 4) + 1000;
  using x = pb.arange(n);
  using y = add(x, 1);
  using end = pb.slice(y, { start: [n - 3] });
  assertEquals(end.dataSync<Int32Array>(), new Int32Array([n - 2, n - 1, n]));
  using start = pb.slice(x, { stop: [3] });
  assertEquals(start.dataSync<Int32Array>(), new Int32Array([0, 1, 2]));
});

Deno.test("disposal: a value now and then needed beside much garbage does not make the budget grow for ever", () => {
  const kept = Array.from({ length: 4 }, (_, i) => add(numbers(megabyte), i));
  const x = numbers(megabyte);
  const before = held().budget;
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 200; i++) mul(x, i);
    assertEquals(kept.map((k) => k.dataSync()[0]), [0, 1, 2, 3]);
  }
  // Growing by what is needed again alone would come to 80 megabytes.
  assert(held().budget <= before + 2 ** 24, `the budget grew from ${before} to ${held().budget} bytes`);
  dispose(x, ...kept);
});

Deno.test("disposal: out of memory is a RangeError, and all else stays and works", () => {
  const x = numbers(1000);
  const f = (y: Tensor): Tensor => sum(exp(mul(y, 1e-3)));
  const before = String(grad(f)(x));
  // A view of one number, until something is added to it.
  const huge = pb.full([2 ** 30 + 1], 1);
  const uses = [
    () => add(huge, 1),
    () => pb.softmax(huge),
    () => grad((y: Tensor) => sum(exp(y)))(huge),
    () => vmap((y: Tensor) => add(y, 1))(huge),
  ];
  const { bytes } = held();
  for (let i = 0; i < 3; i++) {
    for (const use of uses) assertThrows(use, RangeError, "out of memory: 4294967300 bytes do not fit");
  }
  assert(held().bytes <= bytes + 2 ** 16, "a failed operation holds memory");
  assertEquals(String(grad(f)(x)), before);
  assertEquals(x.dataSync()[999], 999);
});
