// Fusion: which kernels a program becomes, and that they compute what the program says.
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { fuse } from "../jit/fuse.ts";
import { add, arange, cast, exp, mul, ones, reshape, sub, sum, type Tensor, tensor } from "../mod.ts";
import { run } from "../ops/bind.ts";
import { evaluate, trace } from "../ops/program.ts";
import { type ConcreteTensor, isTensor } from "../ops/tensor.ts";

const x = tensor([[1, 2, 3], [4, 5, 6]]);

/** The kernels of a function of x that are no views; the whole is compared with the operations one by one. */
function kernels(f: (x: Tensor) => Tensor | readonly Tensor[]): string[] {
  const program = trace("test", ([x]) => {
    const y = f(x!);
    return isTensor(y) ? [y] : y;
  }, [x.type]);
  const fused = run(program, [x as ConcreteTensor]);
  const single = evaluate(program, [x]);
  fused.forEach((y, i) => {
    const expected = single[i]!.dataSync();
    // A kernel of its own may round an exponential differently, by an ULP.
    y.dataSync().forEach((value, k) => assertAlmostEquals(value, expected[k]!, 1e-6 * Math.abs(expected[k]!)));
  });
  return fuse(program).steps.map(({ kernel }) => kernel.kind).filter((kind) => kind !== "view");
}

Deno.test("fuse: an intermediate that one kernel reads several times is computed there", () => {
  assertEquals(kernels((x) => add(mul(x, 2), 1)), ["map"]);
  assertEquals(
    kernels((x) => {
      let [a, b] = [x, add(x, 1)];
      for (let i = 0; i < 10; i++) [a, b] = [add(mul(a, 0.5), b), sub(a, mul(b, 0.25))];
      return add(a, b);
    }),
    ["map"],
  );
});

Deno.test("fuse: what two kernels or the caller read stays", () => {
  assertEquals(kernels((x) => [exp(x), add(exp(x), 1)]), ["map", "map"]);
  assertEquals(
    kernels((x) => {
      const e = exp(x);
      return [e, add(e, 1)];
    }),
    ["map", "map"],
  );
  assertEquals(
    kernels((x) => {
      const e = exp(x);
      return mul(e, sum(e));
    }),
    ["map", "reduce", "map"],
  );
  // A view shows a buffer: what lies behind it is computed first.
  assertEquals(kernels((x) => add(reshape(exp(x), [3, 2]), 1)), ["map", "map"]);
});

Deno.test("fuse: a reduction takes in what it sums, but keeps an input to know its shape", () => {
  assertEquals(kernels((x) => sum(mul(exp(x), 2))), ["reduce"]);
  assertEquals(kernels((x) => sum(mul(x, cast(arange(3), "float32")))), ["map", "reduce"]);
  assertEquals(kernels(() => sum(add(ones([2, 3]), 1))), ["map", "reduce"]);
});
