// Fusion: which kernels a program becomes, and that they compute what the program says.
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { cpu } from "../cpu/device.ts";
import { fuse } from "../jit/fuse.ts";
import {
  add,
  arange,
  cast,
  conv,
  exp,
  grad,
  greater,
  logSoftmax,
  logSumExp,
  matmul,
  max,
  mean,
  min,
  mul,
  nn,
  ones,
  optim,
  reshape,
  rsqrt,
  softmax,
  square,
  std,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  valueAndGrad,
  variance,
  vjp,
  where,
  zeros,
} from "../mod.ts";
import { run } from "../ops/bind.ts";
import type { Kernel } from "../ops/kernel.ts";
import { evaluate, trace } from "../ops/program.ts";
import { type ConcreteTensor, isTensor } from "../ops/tensor.ts";

const x = tensor([[1, 2, 3], [4, 5, 6]]);
const g = tensor([[1, 0, -2], [0.5, 3, 1]]);
const gain = tensor([1, 2, 3]);

type Results = Tensor | readonly Tensor[];

/** The kernels of a function that are no views; the whole is compared with the operations one by one. */
function kernelsOf(f: (...xs: Tensor[]) => Results, ...xs: Tensor[]): Kernel[] {
  const program = trace("test", (inputs) => {
    const y = f(...inputs);
    return isTensor(y) ? [y] : y;
  }, xs.map((x) => x.type));
  const fused = run(program, xs as ConcreteTensor[]);
  const single = evaluate(program, xs);
  fused.forEach((y, i) => {
    const expected = single[i]!.dataSync();
    // A kernel of its own may round an exponential differently, by an ULP, and terms of about 1 may cancel.
    y.dataSync().forEach((value, k) => {
      assertAlmostEquals(value, expected[k]!, 1e-6 * Math.max(1, Math.abs(expected[k]!)));
    });
  });
  return fuse(program, cpu()).steps.map(({ kernel }) => kernel).filter(({ kind }) => kind !== "view");
}

function kernels(f: (x: Tensor) => Results): string[] {
  return kernelsOf(f, x).map(({ kind }) => kind);
}

/** The kernels in words: for loops how many stages and outputs they have. */
function described(f: (...xs: Tensor[]) => Results, ...xs: Tensor[]): string[] {
  return kernelsOf(f, ...xs).map((kernel) =>
    kernel.kind === "loop" ? `loop ${kernel.stages.length} ${kernel.outputs.length}` : kernel.kind
  );
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

Deno.test("fuse: what the caller reads too is one more output", () => {
  assertEquals(
    described((x) => {
      const e = exp(x!);
      return [e, add(e, 1), cast(greater(e, 5), "int32")];
    }, x),
    ["loop 0 3"],
  );
  assertEquals(
    described((x) => {
      const e = exp(x!);
      return [mul(e, sum(e)), e];
    }, x),
    ["loop 1 2"],
  );
});

Deno.test("fuse: a view that moves elements shows a buffer, which is computed first", () => {
  assertEquals(kernels((x) => add(reshape(exp(x), [3, 2]), 1)), ["map", "map"]);
  assertEquals(kernels((x) => add(transpose(exp(x)), 1)), ["map", "map"]);
  // Axes of size 1 move nothing.
  assertEquals(kernels((x) => add(reshape(exp(x), [2, 1, 3, 1]), 1)), ["map"]);
});

Deno.test("fuse: a reduction takes in what it sums, and what is made of the sums", () => {
  assertEquals(kernels((x) => sum(mul(exp(x), 2))), ["reduce"]);
  assertEquals(kernels((x) => sum(mul(x, cast(arange(3), "float32")))), ["map", "reduce"]);
  assertEquals(described(() => sum(add(ones([2, 3]), 1)), x), ["loop 1 1"]);
  assertEquals(described((x) => mean(square(x!), { axis: 0 }), x), ["loop 1 1"]);
  assertEquals(kernels((x) => sum(x, { axis: [] })), []);
  assertEquals(kernels((x) => sum(reshape(x, [2, 3, 1]), { axis: 2 })), ["map"]);
});

Deno.test("fuse: reductions over other axes, and of rows of results, are other kernels", () => {
  assertEquals(kernels((x) => [sum(x, { axis: 0 }), sum(x, { axis: 1 })]), ["reduce", "reduce"]);
  assertEquals(described((x) => sum(exp(mul(sum(x!, { axis: 1 }), 0.1))), x), ["loop 1 1", "reduce"]);
  assertEquals(kernels((x) => mul(x, reshape(sum(x, { axis: 0 }), [3]))), ["loop"]);
  // The sums of columns, taken for those of rows.
  const square3 = zeros([3, 3]);
  assertEquals(described((x) => sub(x!, reshape(sum(x!, { axis: 0 }), [3, 1])), square3), ["reduce", "map"]);
});

Deno.test("fuse: reductions of one array over the same axes share a pass", () => {
  assertEquals(described((x) => [sum(x!, { axis: 0 }), max(x!, { axis: 0 })], x), ["loop 2 2"]);
  assertEquals(described((x, g) => [sum(x!, { axis: 1 }), sum(mul(x!, g!), { axis: 1 })], x, g), ["loop 2 2"]);
  // The second needs the first.
  const shifted = (x: Tensor): Tensor => sub(x, sum(matmul(reshape(sum(x, { axis: 1 }), [1, 2]), ones([2, 3]))));
  assertEquals(described((x) => [sum(x!, { axis: 1 }), sum(shifted(x!), { axis: 1 })], x).includes("loop 2 2"), false);
});

Deno.test("fuse: what runs in between keeps kernels apart", () => {
  const weights = tensor([[1, 2, 3], [0, 1, 0], [2, 0, 1]]);
  assertEquals(
    kernelsOf(
      (x, w) => {
        const e = exp(mul(x!, 0.1));
        return add(mul(e, 2), sum(mul(e, matmul(e, w!)), { axis: 1, keepDims: true }));
      },
      x,
      weights,
    ).map(({ kind }) => kind),
    ["map", "matmul", "loop"],
  );
});

function normalized(x: Tensor, axis: number | number[], gain: Tensor): Tensor {
  const centered = sub(x, mean(x, { axis, keepDims: true }));
  return mul(mul(centered, rsqrt(add(mean(square(centered), { axis, keepDims: true }), 1e-5))), gain);
}

/** The cotangents of all arguments but the first, which is the result's. */
function pulled(f: (...xs: Tensor[]) => Tensor): (g?: Tensor, ...xs: Tensor[]) => Results {
  return (g, ...xs) => vjp(f, ...xs)[1](g! as never) as unknown as Tensor[];
}

Deno.test("fuse: softmax and its kin are one kernel, and so are their derivatives", () => {
  for (const axis of [0, 1, -1]) {
    assertEquals(described((x) => softmax(x!, { axis }), x), ["loop 2 1"]);
    assertEquals(described((x) => logSoftmax(x!, { axis }), x), ["loop 2 1"]);
    assertEquals(described((x) => logSumExp(x!, { axis }), x), ["loop 2 1"]);
    assertEquals(described((x) => std(x!, { axis }), x), ["loop 2 1"]);
    assertEquals(described(pulled((x) => softmax(x!, { axis })), g, x), ["loop 3 1"]);
    assertEquals(described(pulled((x) => logSoftmax(x!, { axis })), g, x), ["loop 3 1"]);
  }
  assertEquals(described((x) => variance(x!), x), ["loop 2 1"]);
});

Deno.test("fuse: normalisation is one kernel, over rows, columns and several axes", () => {
  assertEquals(described((x, w) => normalized(x!, -1, w!), x, gain), ["loop 2 1"]);
  assertEquals(described((x, w) => normalized(x!, 0, w!), x, gain), ["loop 2 1"]);
  const image = reshape(tensor(Float32Array.from({ length: 36 }, (_, i) => i % 7)), [2, 3, 2, 3]);
  assertEquals(described((x, w) => normalized(x!, [0, 1, 2], w!), image, gain), ["loop 2 1"]);
  // The gradient of the gain is a sum over the other axes.
  assertEquals(described(pulled((x, w, b) => add(normalized(x!, -1, w!), b!)), g, x, gain, gain).length, 2);
  assertEquals(described(pulled((x, w) => normalized(x!, 0, w!)), g, x, gain).length, 1);
});

Deno.test("fuse: cross entropy is one kernel before the mean over examples, and its gradient is one", () => {
  const labels = tensor(new Int32Array([2, 0]));
  const { crossEntropy } = nn.loss;
  const losses = (x: Tensor, t: Tensor) => crossEntropy(x, t, { reduction: "none" });
  assertEquals(described((x, t) => losses(x!, t!), x, labels), ["loop 3 1"]);
  assertEquals(described((x, t) => crossEntropy(x!, t!), x, labels), ["loop 3 1", "loop 1 1"]);
  assertEquals(described((x, t) => grad(crossEntropy)(x!, t!), x, labels), ["loop 3 1"]);
  assertEquals(described((x, t) => valueAndGrad(crossEntropy)(x!, t!), x, labels), ["loop 4 2", "loop 1 1"]);
  const probabilities = softmax(g);
  assertEquals(described((x, t) => losses(x!, t!), x, probabilities), ["loop 3 1"]);
  assertEquals(described((x, t) => grad(crossEntropy)(x!, t!), x, probabilities), ["loop 3 1"]);
});

Deno.test("fuse: labels that are no classes give NaN", () => {
  const labels = tensor(new Int32Array([7, -1]));
  const program = trace("test", ([x, t]) => [nn.loss.crossEntropy(x!, t!, { reduction: "none" })], [
    x.type,
    labels.type,
  ]);
  assertEquals([...run(program, [x, labels] as ConcreteTensor[])[0]!.dataSync()], [NaN, NaN]);
});

Deno.test("fuse: an optimiser's update of a leaf is one kernel", () => {
  const step = tensor(3, { dtype: "int32" });
  const adam = optim.adam({ learningRate: 0.1 });
  assertEquals(
    described(
      (w, g, m, v, step) => {
        const [updates, next] = adam.update(g!, { step: step!, m, v }, w!);
        return [optim.applyUpdates(w!, updates), next.m as Tensor, next.v as Tensor];
      },
      x,
      g,
      g,
      mul(g, g),
      step,
    ),
    // The corrections of the bias are the same for all leaves.
    ["loop 0 2", "loop 0 3"],
  );
  const sgd = optim.sgd({ learningRate: 0.1, momentum: 0.9 });
  assertEquals(
    described(
      (w, g, v, step) => {
        const [updates, next] = sgd.update(g!, { step: step!, velocity: v }, w!);
        return [optim.applyUpdates(w!, updates), next.velocity as Tensor];
      },
      x,
      g,
      g,
      step,
    ),
    ["loop 0 2"],
  );
});

Deno.test("fuse: the derivative of an activation is summed as it is written", () => {
  const f = (g?: Tensor, h?: Tensor): Results => {
    const d = where(greater(h!, 2), g!, 0);
    return [d, sum(d, { axis: 0 })];
  };
  assertEquals(described(f, g, x), ["loop 1 2"]);
});

Deno.test("fuse: contractions take in the elementwise work on their results", () => {
  const weights = tensor([[1, 2, 3], [0, 1, 0], [2, 0, 1]]);
  const dense = (x: Tensor, w: Tensor, b: Tensor): Tensor => nn.relu(add(matmul(x, w), b));
  assertEquals(described((x, w, b) => dense(x!, w!, b!), x, weights, gain), ["matmul"]);
  assertEquals(described((x, w) => add(mul(matmul(x!, w!), 2), x!), x, weights), ["matmul"]);
  // Where one of its readers is no elementwise work, or the caller wants it, the product is stored.
  assertEquals(described((x, w) => [matmul(x!, w!), nn.relu(matmul(x!, w!))], x, weights), ["matmul", "map"]);
  assertEquals(described((x, w) => softmax(matmul(x!, w!)), x, weights), ["matmul", "loop 2 1"]);
  assertEquals(described((x, w) => exp(transpose(matmul(x!, w!))), x, mul(weights, 0.1)), ["matmul", "map"]);
  assertEquals(described((x, w) => greater(matmul(x!, w!), 3), x, weights), ["matmul", "map"]);
  // The input's gradient is masked by the activation before; the map is a constant.
  const two = (x: Tensor, w: Tensor): Tensor => sum(matmul(nn.relu(matmul(x, w)), w));
  assertEquals(described((x, w) => grad(two)(x!, w!), x, weights), ["map", "matmul", "matmul", "matmul"]);
  const image = reshape(tensor(Float32Array.from({ length: 64 }, (_, i) => i % 7 - 3)), [2, 4, 4, 2]);
  const kernel = reshape(tensor(Float32Array.from({ length: 36 }, (_, i) => i % 5 - 2)), [3, 3, 2, 2]);
  const block = (x: Tensor, k: Tensor): Tensor => add(nn.relu(add(conv(x, k, { padding: "same" }), 1)), x);
  assertEquals(described((x, k) => block(x!, k!), image, kernel), ["conv"]);
  const step = (x: Tensor, k: Tensor): Tensor => sub(k, mul(0.1, grad((k: Tensor) => sum(conv(x, k)))(k)));
  assertEquals(described((x, k) => step(x!, k!), image, kernel), ["map", "conv"]);
});

Deno.test("fuse: a kernel has no more operands than its code may have arguments", () => {
  const xs = Array.from({ length: 300 }, (_, i) => reshape(add(x, i), [2, 1, 3]));
  const whole = (...xs: Tensor[]): Tensor => xs.reduce((sum, x, i) => add(sum, i % 2 ? transpose(x, [1, 0, 2]) : x));
  const kinds = described(whole, ...xs);
  assertEquals(kinds.every((kind) => kind === "map"), true);
  assertEquals(kinds.length > 1 && kinds.length < 10, true, `${kinds.length} kernels`);
  const many = described((...xs) => {
    let sum = xs[0]!;
    return xs.map((x) => sum = add(sum, x));
  }, ...xs);
  assertEquals(many.length > 1 && many.length < 10, true, `${many.length} kernels`);
});

Deno.test("fuse: long rows are gone along once for each step that needs the one before", () => {
  const f = (x?: Tensor): Results => {
    const y = exp(mul(x!, 1e-6));
    return sub(y, mean(y));
  };
  const count = 1 << 17;
  assertEquals(described(f, zeros([count])), ["loop 1 2", "map", "map"]);
  assertEquals(described((x) => sum(exp(x!)), zeros([count])), ["reduce"]);
  assertEquals(described(f, zeros([16])), ["loop 1 1"]);
});

/** Whole numbers: more than stay in a cache, in 128 columns. */
const tall = [1024, 128];
const [high, higher] = [3, 5].map((n) =>
  reshape(tensor(Float32Array.from({ length: tall[0]! * tall[1]! }, (_, i) => (i * n) % 7 - 3)), tall)
) as [Tensor, Tensor];
const ofColumns = { axis: 0 };

Deno.test("fuse: reductions of large arrays share a pass with each other, and with what is stored", () => {
  assertEquals(described((x, g) => [sum(g!, ofColumns), sum(mul(x!, g!), ofColumns)], high, higher), ["loop 2 2"]);
  assertEquals(described((x) => [max(x!), sum(square(x!))], high), ["loop 2 2"]);
  assertEquals(
    described(
      (x, g) => {
        const d = where(greater(x!, 0), g!, 0);
        return [d, sum(d, ofColumns)];
      },
      high,
      higher,
    ),
    ["loop 1 2"],
  );
  assertEquals(described((x, g) => [sum(x!, ofColumns), sum(g!, ofColumns)], high, higher), ["reduce", "reduce"]);
});

Deno.test("fuse: a large array is computed again where that reads no more", () => {
  const deviations = (x: Tensor): Tensor => sub(x, max(x, { axis: 0 }));
  const twice = (x?: Tensor): Results => {
    const d = deviations(x!);
    return [sum(d, ofColumns), sub(d, min(square(d), ofColumns))];
  };
  // The deviations are not stored: the last map reads x.
  assertEquals(described(twice, high), ["reduce", "loop 2 2", "map"]);
  // Where it is a result, it is read.
  assertEquals(
    described((x) => {
      const d = deviations(x!);
      return [d, sub(d, sum(square(d), ofColumns))];
    }, high),
    ["reduce", "loop 1 2", "map"],
  );
  // Two arrays, and an exponential: stored.
  const kinds = (f: (x: Tensor, g: Tensor) => Tensor): string[] =>
    described(
      (x, g) => {
        const y = f(x!, g!);
        return sub(y, min(y, ofColumns));
      },
      high,
      higher,
    );
  assertEquals(kinds((x, g) => sub(x, g)), ["loop 1 2", "map"]);
  assertEquals(kinds((x) => exp(mul(x, 0.1))), ["loop 1 2", "map"]);
  assertEquals(kinds((x) => mul(x, 3)), ["reduce", "map"]);
});

Deno.test("fuse: batch norm of a large array goes over it three times, and its gradient four times", () => {
  const [gains, biases] = [1, 2].map((n) => tensor(Float32Array.from({ length: 128 }, (_, i) => (i * n) % 5)));
  const normal = (x: Tensor, gain: Tensor, bias: Tensor): Tensor => {
    const centered = sub(x, mean(x, ofColumns));
    return add(mul(mul(centered, rsqrt(add(variance(x, ofColumns), 1e-5))), gain), bias);
  };
  /** The kernels that see all of the array, and what they write. */
  const passes = (f: (...xs: Tensor[]) => Results, ...xs: Tensor[]): string[] => {
    const program = trace("test", (inputs) => [f(...inputs)].flat(), xs.map((x) => x.type));
    return fuse(program).steps
      .map(({ kernel, types }) => ({ kernel, shapes: types.map(({ shape }) => shape) }))
      .filter(({ kernel, shapes }) =>
        kernel.kind === "reduce" || shapes.some((shape) => shape[0] === tall[0]) ||
        (kernel.kind === "loop" && kernel.axes.length > 0)
      )
      .filter(({ kernel }) => kernel.kind !== "view")
      .map(({ kernel, shapes }) => `${kernel.kind} ${shapes.map((shape) => shape.length)}`);
  };
  assertEquals(passes((x, w, b) => normal(x!, w!, b!), high, gains!, biases!), ["reduce 1", "reduce 1", "map 2"]);
  assertEquals(
    passes(pulled((x, w, b) => normal(x!, w!, b!)), higher, high, gains!, biases!),
    ["reduce 1", "loop 1,1,1", "loop 1,1,1", "map 2"],
  );
});
