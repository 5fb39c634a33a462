// What transforms refuse, and in which words; tracers that leaked, and functions that throw.
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as pb from "../mod.ts";
import { ShapeError, type Tensor } from "../mod.ts";
import { refuses, untyped } from "./refuses.ts";

const { tensor, zeros } = pb;

const a = zeros([3, 4]);
const b = zeros([5, 2]);
const ints = tensor(new Int32Array([1, 2]));

const total = (x: Tensor): Tensor => pb.sum(x);

refuses("functions that cannot be transformed", [
  [() => pb.grad(untyped<typeof total>(3))(a), TypeError, "grad() takes a function, got the number 3"],
  [
    () => pb.grad((x: Tensor) => x)(a),
    ShapeError,
    "grad() needs a function that returns a scalar, got f32[3,4]: reduce it with sum() or mean(), or use vjp()",
  ],
  [
    () => pb.grad((x: Tensor) => pb.argmax(x))(a),
    TypeError,
    "grad() needs a function that returns a float, got i32[]: it has no derivative",
  ],
  [
    () => pb.grad(untyped<typeof total>((x: Tensor) => [pb.sum(x), x]))(a),
    TypeError,
    "grad() needs a function that returns one scalar tensor, got a tree; to return more, use { hasAux: true } and return [value, aux]",
  ],
  [
    () => pb.grad(untyped<(x: Tensor) => [Tensor, Tensor]>(total), { hasAux: true })(a),
    TypeError,
    "grad() with hasAux needs a function that returns [value, aux], got a tensor",
  ],
  [
    () => pb.grad(total)(ints),
    TypeError,
    "grad() cannot differentiate argument 0 of type i32[2]: cast() it to float32",
  ],
  [
    () => pb.grad(total, { argnums: 1 })(a),
    RangeError,
    "grad() cannot differentiate argument 1: the function was called with 1",
  ],
  [() => pb.grad(total, { argnums: [0, -1] })(a), RangeError, "grad() cannot differentiate argument 0 twice"],
  [() => pb.jacrev(total)(ints), TypeError, "jacrev() cannot differentiate i32[2]: cast() it to float32"],
  [() => pb.jvp(total, [a], [b]), ShapeError, "jvp() needs a tangent of type f32[3,4], got f32[5,2]"],
  [
    () => pb.jvp(total, [a], [pb.cast(a, "float64")]),
    TypeError,
    "jvp() needs a tangent of type f32[3,4], got f64[3,4]: cast() it",
  ],
  [() => pb.vjp(total, a)[1](a), ShapeError, "pullback() needs a cotangent of type f32[], got f32[3,4]"],
  [
    () => pb.vjp((x: Tensor) => ({ y: x }), a)[1](untyped({ z: a })),
    TypeError,
    "pullback() needs a cotangent of the structure {y: *}, got {z: *}",
  ],
  [
    () => pb.grad(untyped<(x: unknown) => Tensor>(total))(new Map()),
    TypeError,
    "grad() cannot use an instance of Map in a tree: leaves are tensors, numbers, booleans or null; let the function capture other values",
  ],
  [
    () => pb.grad((x: Tensor) => [{ y: x }, 1] as never, { hasAux: true })(a),
    TypeError,
    "grad() needs a function that returns one scalar tensor, got a tree",
  ],
  [
    () => pb.jacrev((x: Tensor) => pb.argmax(x))(pb.ones([3])),
    TypeError,
    "jacrev() cannot differentiate i32[]: cast() it to float32",
  ],
  [
    () => pb.jacfwd((x: Tensor) => pb.argmax(x))(pb.ones([3])),
    TypeError,
    "jacfwd() cannot differentiate i32[]: cast() it to float32",
  ],
  [
    () => pb.linearize((x: Tensor) => pb.square(x), a)[1](b as never),
    ShapeError,
    "linearize() needs a tangent of type f32[3,4], got f32[5,2]",
  ],
]);

refuses("batches that cannot be", [
  [() => pb.vmap(total)(tensor(1)), ShapeError, "vmap() cannot batch f32[] along axis 0: give it null in inAxes"],
  [
    () => pb.vmap((x: Tensor, y: Tensor) => pb.add(x, y))(a, b),
    ShapeError,
    "vmap() cannot batch over 5 along axis 0 of f32[5,2] beside 3 of f32[3,4]: batch sizes must be equal",
  ],
  [
    () => pb.vmap(total, { size: 2 })(a),
    ShapeError,
    "vmap() cannot batch over 3 along axis 0 of f32[3,4] beside the given size 2: batch sizes must be equal",
  ],
  [
    () => pb.vmap(total, { inAxes: [null] })(a),
    ShapeError,
    "vmap() cannot tell the batch size: no argument has a batch axis; give { size }",
  ],
  [
    () => pb.vmap(total, { inAxes: [0, 0] })(a),
    TypeError,
    "vmap() has inAxes for 2 arguments, but the function was called with 1",
  ],
  [
    () => pb.vmap(total, { inAxes: 2 })(a),
    ShapeError,
    "vmap() cannot use axis 2 of a tensor of rank 2: axes go from -2 to 1",
  ],
  [
    () => pb.vmap(total, { size: -1 })(a),
    RangeError,
    "vmap() needs size to be a non-negative integer, got -1",
  ],
  [
    () => pb.vmap((x: Tensor) => x, { outAxes: 2 })(a),
    ShapeError,
    "vmap() cannot use axis 2 of a tensor of rank 2: axes go from -2 to 1",
  ],
  [
    () => pb.vmap((x: Tensor) => x, { outAxes: null })(a),
    TypeError,
    "vmap() cannot return f32[4] with outAxes null: it differs over the batch",
  ],
  [
    () => pb.vmap((t: { x: Tensor; y: Tensor }) => t.x, { inAxes: [{ x: 0 }] })({ x: a, y: a }),
    TypeError,
    'vmap() needs inAxes that have an entry for "y"',
  ],
  [
    () => pb.vmap((x: Tensor) => pb.where(Boolean(pb.sum(x).item()), x, 0))(a),
    TypeError,
    "f32[] has no single value inside vmap(): use where() or cond() to choose by a value, or return it and read the batch outside",
  ],
  [
    () => pb.vmap((x: Tensor) => pb.mul(x, +untyped<number>(pb.sum(x))))(a),
    TypeError,
    "a tensor f32[] cannot become a number by itself: use item() to read it, add(), less(), … to compute with it, where() or cond() to choose by it",
  ],
]);

/** `f` as an async function. */
function later<A, R>(f: (x: A) => R): (x: A) => R {
  // deno-lint-ignore require-await
  return untyped(async (x: A) => f(x));
}

const promise = (transform: string): string =>
  `${transform}() cannot transform an async function: await what it needs before, and pass it in`;

refuses("async functions, in every transform", [
  [() => pb.grad(later(total))(a), TypeError, promise("grad")],
  [() => pb.valueAndGrad(later(total))(a), TypeError, promise("valueAndGrad")],
  [() => pb.vjp(later(total), a), TypeError, promise("vjp")],
  [() => pb.jvp(later(total), [a], [a]), TypeError, promise("jvp")],
  [() => pb.linearize(later(total), a), TypeError, promise("linearize")],
  [() => pb.vmap(later(total))(a), TypeError, promise("vmap")],
  [() => pb.program(later(total))(a), TypeError, promise("program")],
  [() => pb.evalShape(later(total), a), TypeError, promise("evalShape")],
  [() => pb.jacrev(later(total))(a), TypeError, promise("jacrev")],
  [() => pb.jacfwd(later(total))(a), TypeError, promise("jacfwd")],
  [() => pb.hessian(later(total))(a), TypeError, promise("hessian")],
  [() => pb.hvp(later(total), a, a), TypeError, promise("hvp")],
]);

const unknown = (transform: string): string =>
  `f32[] has no value while ${transform}() traces the function: use where() or cond() to choose by a value, or compute it outside`;
const readsItself = (x: Tensor): Tensor => pb.mul(x, Number(pb.sum(x).item()));

refuses("values that a traced function asks for", [
  [() => pb.program(readsItself)(a), TypeError, unknown("program")],
  [() => pb.evalShape(readsItself, a), TypeError, unknown("evalShape")],
]);

Deno.test("errors: a leaked tracer throws and says where it was made", () => {
  const leaked: Record<string, Tensor> = {};
  const keep = (name: string) => (x: Tensor): Tensor => {
    leaked[name] = pb.exp(x);
    return pb.sum(leaked[name]);
  };
  pb.grad(keep("grad"))(a);
  pb.jvp(keep("jvp"), [a], [a]);
  pb.vmap(keep("vmap"))(a);
  pb.program(keep("program"))(a);
  for (const [transform, tracer] of Object.entries(leaked)) {
    for (const [user, use] of [["add()", () => pb.add(tracer, 1)], ["a read", () => tracer.dataSync()]] as const) {
      const { message } = assertThrows(use, TypeError);
      const [before, after] = message.split(/ \(called .*errors_transforms_test\.ts:\d+:\d+\)?\): /);
      assertEquals(before, `${user} was given a tracer made by exp() inside ${transform}(), which has finished`);
      assertEquals(after, "return the value from the function instead of keeping it");
    }
  }
  // A tracer of an outer trace is fine inside an inner one, and dead after both.
  pb.grad((x: Tensor) => pb.sum(pb.vmap((row: Tensor) => pb.mul(row, pb.sum(x)))(x)))(a);
  assert(leaked["grad"] !== undefined);
});

Deno.test("errors: a function that throws leaves no trace behind", () => {
  for (
    const run of [
      () => pb.grad(fail)(a),
      () => pb.vmap(fail)(a),
      () => pb.jvp(fail, [a], [a]),
      () => pb.program(fail)(a),
    ]
  ) {
    assertThrows(run, Error, "of its own");
    assertEquals(pb.add(1, 2).item(), 3);
    assertEquals(pb.grad(total)(tensor([1, 2])).arraySync(), [1, 1]);
  }
});

function fail(x: Tensor): Tensor {
  pb.sum(x);
  throw new Error("of its own");
}
