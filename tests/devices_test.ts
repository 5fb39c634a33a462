// Several devices: where tensors are made, how they move, what may meet, what can be read, and where programs run.
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import { cpu, cpuWith } from "../cpu/device.ts";
import { kernels } from "../cpu/kernels.ts";
import {
  add,
  allClose,
  arange,
  checkGrads,
  concatenate,
  exp,
  eye,
  full,
  grad,
  jit,
  jvp,
  linspace,
  matmul,
  mul,
  nonzero,
  ones,
  random,
  setDefaultDevice,
  sub,
  sum,
  take,
  type Tensor,
  tensor,
  toDevice,
  unique,
  vjp,
  vmap,
  zeros,
  zerosLike,
} from "../mod.ts";
import { registerDevice } from "../ops/devices.ts";
import { read } from "./close.ts";
import { operand, shapes, toTensor } from "./draw.ts";
import { onDevice } from "./devices.ts";
import { FarDevice } from "./far_device.ts";
import { check, checkAsync } from "./property.ts";
import { refuses, untyped } from "./refuses.ts";
import { everyDType } from "./row.ts";

const far = new FarDevice("far");
const other = cpuWith(kernels, { name: "other", threads: 1 });
registerDevice(far);
registerDevice(other);

/** A tensor on the far device. */
function there(x: Tensor): Tensor {
  return toDevice(x, far);
}

function nameOf(x: Tensor): string {
  return x.device.name;
}

function peek(x: Tensor): number[] {
  assertStrictEquals(x.device, far);
  return [...far.peek(x)];
}

const operands = fc.tuple(fc.constantFrom(...everyDType), shapes()).chain(([dtype, shape]) =>
  operand({ dtype, shape })
);

Deno.test("devices: new tensors live on the default device", () => {
  const makers = {
    tensor: () => tensor([1]),
    zeros: () => zeros([1]),
    ones: () => ones([1]),
    full: () => full([1], 2),
    arange: () => arange(3),
    linspace: () => linspace(0, 1, 3),
    eye: () => eye(2),
    key: () => random.key(0),
    "a sum of numbers": () => add(1, 2),
  };
  for (const [name, make] of Object.entries(makers)) {
    const before = make();
    try {
      setDefaultDevice("far");
      assertEquals(nameOf(make()), "far", name);
      setDefaultDevice(other);
      assertEquals(nameOf(make()), "other", name);
      assertEquals(nameOf(before), "cpu", name);
    } finally {
      setDefaultDevice("cpu");
    }
    assertEquals(nameOf(make()), "cpu", name);
  }
});

Deno.test("devices: values that go to another device and come back are the same, bit for bit", async () => {
  await checkAsync(operands, async (drawn) => {
    const x = toTensor(drawn);
    const moved = there(x);
    assertStrictEquals(moved.device, far);
    assertEquals(moved.type, x.type);
    assertEquals([...await moved.data()], [...x.dataSync()]);
    const back = await toDevice(moved, "cpu");
    assertStrictEquals(back.device, cpu());
    assertEquals(read(back), read(x));
    assertEquals(read(await toDevice(x, other)), read(x));
  });
});

Deno.test("devices: trees move as wholes, and what is in them twice once", async () => {
  const x = tensor([1, 2]);
  const made = { a: x, b: [x, null, 3], c: { d: true, e: tensor([4]) } };
  const moved = toDevice(made, far);
  assertStrictEquals(moved.a, moved.b[0]);
  assertEquals([nameOf(moved.a), nameOf(moved.c.e), moved.b.slice(1), moved.c.d], ["far", "far", [null, 3], true]);
  far.reads = 0;
  const promise = toDevice(moved, "cpu");
  // All reads begin before the first has ended.
  assertEquals(far.reads, 2);
  const back = await promise;
  assertStrictEquals(back.a, back.b[0]);
  assertEquals([back.a.arraySync(), back.c.e.arraySync(), back.b[2]], [[1, 2], [4], 3]);
});

Deno.test("devices: what is there already stays, and comes by a promise where reading does", async () => {
  const x = tensor([1, 2]);
  const [onFar, onOther] = [there(x), await toDevice(x, "other")];
  assertStrictEquals(toDevice(onFar, "far"), onFar);
  const promise: Promise<Tensor> = toDevice(x, "cpu");
  assert(promise instanceof Promise);
  assertStrictEquals(await promise, x);
  assertStrictEquals(await toDevice(onOther, other), onOther);
  assertStrictEquals(toDevice({ w: onFar }, far).w, onFar);
  // Between two devices that are read by waiting, values wait.
  const further = new FarDevice("further");
  assertEquals([...further.peek(await toDevice(onFar, further))], [1, 2]);
  assertEquals(peek(await toDevice(x, far)), [1, 2]);
});

Deno.test("devices: of a disposed tensor nothing can be moved", async () => {
  const x = tensor([1]);
  const moved = there(x);
  x[Symbol.dispose]();
  assertEquals(peek(moved), [1]);
  moved[Symbol.dispose]();
  await assertRejects(async () => void await toDevice(moved, "cpu"), TypeError, "was disposed");
});

Deno.test("devices: two devices of one kind are as different as any", () => {
  const [a, b] = [tensor([1, 2]), onDevice(other, () => tensor([3, 4]))];
  assertEquals(nameOf(add(b, 1)), "other");
  assertEquals(String(add(b, 1)), "f32[2] [4, 5]");
  assertEquals(add(b, 1).arraySync(), [4, 5]);
  assertEquals(nameOf(add(a, 1)), "cpu");
});

Deno.test("devices: a tensor that cannot be read at once prints its type and device", () => {
  const x = there(tensor([[1, 2]]));
  assertEquals(String(x), "f32[1,2] on far");
  assertEquals(Deno.inspect(x), "f32[1,2] on far");
});

Deno.test("jit: the device option brings arguments, numbers and what is captured", () => {
  const captured = tensor([10, 20]);
  let traced = 0;
  const f = jit((x: Tensor, s: number) => {
    traced++;
    return add(mul(x, s), take(exp(sub(captured, captured)), [1, 0]));
  }, { device: "far" });
  assertEquals(peek(f(tensor([1, 2]), 3)), [4, 7]);
  assertEquals(peek(f(there(tensor([1, 2])), 3)), [4, 7]);
  assertEquals(peek(f(onDevice(other, () => tensor([1, 2])), 4)), [5, 9]);
  assertEquals(traced, 1);
  assertEquals(peek(jit(() => arange(3), { device: far })()), [0, 1, 2]);
  assertEquals(peek(jit((s: number) => mul(s, 2), { device: far })(4)), [8]);
  assertEquals(peek(jit((s: number) => mul(s, 2), { device: far })(NaN)), [NaN]);
  assertEquals(nameOf(jit((s: number) => mul(s, 2), { device: "cpu" })(4)), "cpu");
});

Deno.test("jit: without a device a program runs where its arguments are, traced once", () => {
  let traced = 0;
  const captured = tensor([10, 20]);
  const f = jit((x: Tensor, s: number) => {
    traced++;
    return concatenate([add(mul(x, s), add(captured, 1)), take(x, [0])]);
  });
  check(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 2 })), { minLength: 1 }), (calls) => {
    for (const [isFar, s] of calls) {
      const x = isFar ? there(tensor([1, 2])) : tensor([1, 2]);
      const y = f(x, s);
      const expected = [s + 11, 2 * s + 21, 1];
      assertEquals(isFar ? peek(y) : y.arraySync(), expected);
      assertEquals(f.explain().compiled[0]!.device?.device, isFar ? "far" : "cpu");
    }
  });
  assertEquals(traced, 1);
});

Deno.test("jit: what nothing reads says where a program runs, and what cannot leave its device does", () => {
  const captured = there(tensor([1, 2]));
  assertEquals(nameOf(jit((x: Tensor) => zerosLike(x))(captured)), "far");
  assertEquals(peek(jit(() => mul(captured, 2))()), [2, 4]);
  assertEquals(peek(jit((s: number) => mul(captured, s))(3)), [3, 6]);
  // What depends on constants alone is computed when the program is compiled, without reading it.
  far.reads = 0;
  assertEquals(peek(jit((x: Tensor) => add(x, sum(mul(captured, 2))))(there(tensor([0])))), [6]);
  assertEquals(far.reads, 0);
  assertEquals(nameOf(jit(() => ones([2]))()), "cpu");
});

Deno.test("jit: what a call brings to its device is freed with it", () => {
  const f = jit((x: Tensor, s: number) => mul(x, s), { device: far });
  const call = (): void => f(tensor([1, 2]), 3)[Symbol.dispose]();
  call();
  const before = far.held;
  for (let i = 0; i < 5; i++) call();
  assertEquals(far.held, before);
});

Deno.test("jit: a donated argument is used up wherever it was", () => {
  const f = jit((x: Tensor) => add(x, 1), { device: far, donate: [0] });
  for (const x of [tensor([1, 2]), there(tensor([1, 2]))]) {
    assertEquals(peek(f(x)), [2, 3]);
    assertEquals(String(x), "f32[2] (donated to function() as argument 0)");
  }
});

Deno.test("jit: within another compiled function a program runs where that one does", () => {
  const inner = jit((x: Tensor) => mul(x, 2), { device: "far" });
  const outer = jit((x: Tensor) => add(inner(x), 1));
  assertEquals(outer(tensor([1])).arraySync(), [3]);
  assertEquals(peek(outer(there(tensor([1])))), [3]);
  assertEquals(inner.explain().compiled[0]!.device, null);
});

Deno.test("jit: derivatives on a device are of arguments on that device", () => {
  const f = jit((w: Tensor, x: Tensor) => sum(mul(mul(w, w), x)), { device: "far" });
  // What no derivative is taken of is brought.
  assertEquals(peek(grad(f)(there(tensor([1, 2])), tensor([3, 4]))), [6, 16]);
  assertEquals(peek(vmap(f, { inAxes: [null, 0] })(tensor([1, 2]), there(tensor([[3, 4]])))), [19]);
});

Deno.test("jit: explain tells of the device on which a program ran last", () => {
  const f = jit((x: Tensor) => matmul(x, x));
  const facts = () => f.explain().compiled[0]!.device;
  f(there(eye(2)));
  assertEquals([facts()?.device, facts()?.how], ["far", "1 thread, 0 barriers"]);
  assert(f.explain().toString().includes("    on far: 1 thread, 0 barriers, "));
  onDevice(far, () => f(onDevice(cpu(), () => eye(2))));
  assertEquals(facts()?.device, "cpu");
});

const known = `there is "cpu", "far", "other", and "gpu" after await gpu()`;
const x = tensor([1, 2]);
const y = there(x);

refuses("devices that are not there", [
  [() => setDefaultDevice("gpu"), TypeError, `setDefaultDevice() knows no device "gpu": ${known}`],
  [() => toDevice(x, "gpu"), TypeError, `toDevice() knows no device "gpu": ${known}`],
  [() => void toDevice(x, "Cpu"), TypeError, `toDevice() knows no device "Cpu": ${known}`],
  [() => jit(add, { device: "gpu" })(x, x), TypeError, `jit() knows no device "gpu": ${known}`],
  [() => jit(add, { device: untyped(3) }), TypeError, "jit() takes a device or the name of one, got the number 3"],
  [
    () => setDefaultDevice(untyped(null)),
    TypeError,
    "setDefaultDevice() takes a device or the name of one, got null",
  ],
]);

refuses("devices that meet", [
  [
    () => add(x, y),
    TypeError,
    "cannot combine f32[2] on cpu with f32[2] on far: move one of them with toDevice()",
  ],
  [
    () => grad((w: Tensor) => sum(mul(w, x)))(y),
    TypeError,
    "cannot combine f32[2] on far with f32[2] on cpu: move one of them with toDevice()",
  ],
  [
    () => jit(add)(y, x),
    TypeError,
    "cannot combine f32[2] on far with f32[2] on cpu: move one of them with toDevice()",
  ],
  [
    () => jit((x: Tensor) => add(x, y))(x),
    TypeError,
    "a program on cpu cannot use f32[2] on far, which it captured: move one of them with toDevice()",
  ],
  [
    () => jit(add, { device: "cpu" })(x, y),
    TypeError,
    'add() runs on cpu and cannot take f32[2] on far: move it before, with await toDevice(x, "cpu")',
  ],
  [
    () => grad(jit((x: Tensor) => sum(x), { device: "far" }))(x),
    TypeError,
    'function() runs on far and cannot take f32[2] on cpu: move it before, with await toDevice(x, "far")',
  ],
]);

refuses("moving inside a transform", [
  [
    () => grad((x: Tensor) => sum(toDevice(x, far)))(x),
    TypeError,
    "toDevice() cannot move f32[2] inside grad(): move values before, and pass them in",
  ],
  [
    () => vmap((x: Tensor) => toDevice({ x }, far))(x),
    TypeError,
    "toDevice() cannot move f32[] inside vmap(): move values before, and pass them in",
  ],
  [
    () => jit((x: Tensor) => toDevice(x, far))(x),
    TypeError,
    "toDevice() cannot move f32[2] inside jit(): move values before, and pass them in",
  ],
]);

refuses("reading at once where that cannot be", [
  [() => y.dataSync(), TypeError, "dataSync() cannot read f32[2] on far without waiting: use await x.data()"],
  [() => y.arraySync(), TypeError, "arraySync() cannot read f32[2] on far without waiting: use await x.array()"],
  [() => sum(y).item(), TypeError, "item() cannot read f32[] on far without waiting: use await x.data()"],
  [
    () => vjp((y: Tensor) => mul(y, y.dataSync()[0]!), y),
    TypeError,
    "dataSync() cannot read f32[2] on far without waiting: use await x.data()",
  ],
  [
    () => jvp((y: Tensor) => mul(y, sum(y).item() as number), [y], [y]),
    TypeError,
    "item() cannot read f32[] on far without waiting: use await x.data()",
  ],
  [
    () => allClose(y, 1),
    TypeError,
    'allClose() cannot read f32[2] on far without waiting: use await toDevice(x, "cpu") before',
  ],
  [
    () => unique(y),
    TypeError,
    'unique() cannot read f32[2] on far without waiting: use await toDevice(x, "cpu") before',
  ],
  [
    () => nonzero(y),
    TypeError,
    'nonzero() cannot read f32[2] on far without waiting: use await toDevice(x, "cpu") before',
  ],
  [
    () => checkGrads((y: Tensor) => exp(y), [y]),
    TypeError,
    'checkGrads() cannot read f32[2] on far without waiting: use await toDevice(x, "cpu") before',
  ],
]);
