// The lectures' worked examples of convolution and pooling, and the theorem behind them: both commute with shifts.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import * as pb from "../mod.ts";
import type { ConvOptions, Tensor } from "../mod.ts";
import { onReference } from "./devices.ts";
import { upload } from "./draw.ts";
import { at, build, indices, type Plain, sizeOf } from "./plain.ts";
import { check, isReplay, runs } from "./property.ts";

const { conv, correlate, grad, mul, roll, sum, tensor, vmap } = pb;

/** A convolution of integers: all sums are exact, so equal means equal. */
interface Case {
  readonly x: Plain;
  readonly w: Plain;
  readonly g: Plain;
  readonly options: ConvOptions;
  readonly strides: readonly number[];
  /** In strides. */
  readonly shift: readonly number[];
}

function integers(shape: readonly number[]): fc.Arbitrary<Plain> {
  const n = sizeOf(shape);
  return fc.array(fc.integer({ min: -8, max: 8 }), { minLength: n, maxLength: n })
    .map((data) => ({ dtype: "float32", shape, data }));
}

/** One or two axes of `blocks · stride` cells, so that a circle is divided into whole strides. */
function cases(padding: "circular" | "same"): fc.Arbitrary<Case> {
  return fc.constantFrom(1, 2).chain((n) => {
    const each = (value: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
      fc.array(value, { minLength: n, maxLength: n });
    return fc.record({
      blocks: each(fc.integer({ min: 3, max: 4 })),
      strides: each(fc.integer({ min: 1, max: 3 })),
      kernel: each(fc.integer({ min: 1, max: 3 })),
      dilation: each(fc.integer({ min: 1, max: 2 })),
      groups: fc.integer({ min: 1, max: 2 }),
      channels: fc.integer({ min: 1, max: 2 }),
      features: fc.integer({ min: 1, max: 2 }),
      batch: fc.integer({ min: 1, max: 2 }),
      shift: each(fc.integer({ min: -3, max: 3 })),
    });
  }).filter(({ blocks, strides, kernel, dilation }) =>
    blocks.every((b, i) => (kernel[i]! - 1) * dilation[i]! < b * strides[i]!)
  )
    .chain(({ blocks, strides, kernel, dilation, groups, channels, features, batch, shift }) => {
      const sizes = blocks.map((b, i) => b * strides[i]!);
      return fc.record({
        x: integers([batch, ...sizes, channels * groups]),
        w: integers([...kernel, channels, features * groups]),
        g: integers([batch, ...blocks, features * groups]),
        options: fc.constant({ padding, strides, dilation, groups }),
        strides: fc.constant(strides),
        shift: fc.constant(shift),
      });
    });
}

/** `T_shift`: the spatial axes rolled around. */
function shifted(x: Tensor, by: readonly number[], batchAxes = 1): Tensor {
  return roll(x, [...by], { axis: by.map((_, i) => i + batchAxes) });
}

function assertEqual(actual: Tensor, expected: Tensor): void {
  assertEquals(actual.shape, expected.shape);
  assertEquals([...actual.dataSync()], [...expected.dataSync()]);
}

Deno.test("equivariance: circular convolution commutes with shifts by multiples of the stride, exactly", () => {
  check(cases("circular"), ({ x, w, options, strides, shift }) => {
    const holds = () => {
      const [input, kernel] = [upload(x), upload(w)];
      const moved = shifted(input, shift.map((k, i) => k * strides[i]!));
      assertEqual(conv(moved, kernel, options), shifted(conv(input, kernel, options), shift));
    };
    holds();
    onReference(holds);
  });
});

Deno.test("equivariance: so does the gradient by the input, and that by the kernel does not change", () => {
  check(cases("circular"), ({ x, w, g, options, strides, shift }) => {
    const weighted = (input: Tensor, kernel: Tensor, weights: Tensor): Tensor =>
      sum(mul(conv(input, kernel, options), weights));
    const gradients = grad(weighted, { argnums: [0, 1] });
    const cells = shift.map((k, i) => k * strides[i]!);
    const [byInput, byKernel] = gradients(upload(x), upload(w), upload(g));
    const [movedByInput, movedByKernel] = gradients(shifted(upload(x), cells), upload(w), shifted(upload(g), shift));
    assertEqual(movedByInput, shifted(byInput, cells));
    assertEqual(movedByKernel, byKernel);
  });
});

Deno.test("equivariance: under vmap, over inputs, kernels, and both", () => {
  check(cases("circular"), ({ x, w, options, strides, shift }) => {
    const inputs = pb.stack([upload(x), pb.flip(upload(x)), pb.neg(upload(x))]);
    const kernels = pb.stack([upload(w), pb.neg(upload(w)), pb.flip(upload(w))]);
    const moved = shifted(inputs, shift.map((k, i) => k * strides[i]!), 2);
    const f = (input: Tensor, kernel: Tensor): Tensor => conv(input, kernel, options);
    for (const inAxes of [[0, null], [0, 0]] as const) {
      const other = inAxes[1] === null ? upload(w) : kernels;
      assertEqual(vmap(f, { inAxes })(moved, other), shifted(vmap(f, { inAxes })(inputs, other), shift, 2));
    }
  });
});

Deno.test("equivariance: with zero padding it holds where neither window meets the border", () => {
  let compared = 0;
  check(cases("same"), ({ x, w, options, strides, shift }) => {
    const input = upload(x);
    const moved = shifted(input, shift.map((k, i) => k * strides[i]!));
    const [y, z] = [conv(input, upload(w), options), conv(moved, upload(w), options)].map((t): Plain => ({
      dtype: t.dtype,
      shape: t.shape,
      data: [...t.dataSync()],
    }));
    const sizes = x.shape.slice(1, -1);
    const dilation = options.dilation as number[];
    const reach = w.shape.slice(0, -2).map((k, i) => (k - 1) * dilation[i]! + 1);
    const low = sizes.map((n, i) =>
      Math.floor(Math.max(0, (Math.ceil(n / strides[i]!) - 1) * strides[i]! + reach[i]! - n) / 2)
    );
    /** Whether the window at an output position lies inside the input. */
    const inside = (o: readonly number[]): boolean =>
      o.every((at, i) => at * strides[i]! - low[i]! >= 0 && at * strides[i]! - low[i]! + reach[i]! <= sizes[i]!);
    for (const index of indices(z!.shape)) {
      const to = index.slice(1, -1);
      const from = to.map((o, i) => o - shift[i]!);
      const wrapsAround = from.some((o, i) => o < 0 || o >= z!.shape[i + 1]!);
      // What rolled around the border is a cell of the other end: windows must not contain the seam either.
      const seam = to.some((o, i) => {
        const [first, cells] = [o * strides[i]! - low[i]!, shift[i]! * strides[i]!];
        const cut = cells >= 0 ? cells : sizes[i]! + cells;
        return first < cut && cut < first + reach[i]!;
      });
      if (!inside(to) || wrapsAround || !inside(from) || seam) continue;
      assertEquals(at(z!, index), at(y!, [index[0]!, ...from, index.at(-1)!]));
      compared++;
    }
  }, { share: 4 });
  // One for each case, on average, though many cases have none.
  assert(isReplay || compared > 4 * runs, `only ${compared} elements lie away from every border`);
});

Deno.test("equivariance: pooling with stride 1 commutes with shifts away from the border, and with flips everywhere", () => {
  const pools = fc.constantFrom(pb.maxPool, pb.minPool, pb.avgPool);
  check(fc.tuple(integers([1, 6, 7, 2]), pools, fc.integer({ min: 1, max: 3 }), fc.nat(2)), ([x, pool, window, by]) => {
    const input = upload(x);
    const y = pool(input, { window, strides: 1 });
    const rows = y.shape[1]! - by;
    const moved = pool(roll(input, by, { axis: 1 }), { window, strides: 1 });
    assertEqual(pb.slice(moved, { start: [0, by] }), pb.slice(y, { stop: [1, rows] }));
    assertEqual(pool(pb.flip(input, { axis: [1, 2] }), { window, strides: 1 }), pb.flip(y, { axis: [1, 2] }));
  });
});

Deno.test("O1: convolution of signals and images, the lectures' examples", () => {
  const image = tensor([[1, 2, 1], [3, 4, 0], [2, 6, 1]]);
  assertEquals(correlate(image, tensor([[-1, 2], [1, 0]])).arraySync(), [[6, 4], [7, 2]]);
  const signal = tensor([1, 2, 3, 4, 5, 6]);
  const average = tensor([0.5, 0.5]);
  assertEquals(correlate(signal, average).arraySync(), [1.5, 2.5, 3.5, 4.5, 5.5]);
  assertEquals(correlate(signal, average, { padding: [[1, 1]] }).arraySync(), [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 3]);
  assertEquals(correlate(signal, average, { strides: 2 }).arraySync(), [1.5, 3.5, 5.5]);
  assertEquals(correlate(pb.ones([4, 4]), pb.ones([2, 2]), { padding: 1 }).shape, [5, 5]);
  const strided = tensor([[1, 2, 3, 2], [4, 0, -1, 3], [0, 1, 2, 1], [6, 2, -1, 4]]);
  assertEquals(correlate(strided, tensor([[-1, 4], [1, 5]]), { strides: 2 }).arraySync(), [[11, 19], [20, 21]]);
  // The box of quarters is the average pool with stride 1.
  const pooled = pb.avgPool(pb.reshape(strided, [1, 4, 4, 1]), { window: 2, strides: 1 });
  assertEquals(pb.reshape(pooled, [3, 3]).arraySync(), correlate(strided, pb.full([2, 2], 0.25)).arraySync());
});

Deno.test("O2: convolution is the matrix W[i, r·i + j] = w_j, which its Jacobian is", () => {
  const kernels = fc.record({
    n: fc.integer({ min: 3, max: 7 }),
    k: fc.integer({ min: 1, max: 3 }),
    r: fc.integer({ min: 1, max: 3 }),
  });
  check(kernels.chain(({ n, k, r }) => fc.tuple(integers([n]), integers([k]), fc.constant(r))), ([x, w, r]) => {
    const rows = Math.floor((x.shape[0]! - w.shape[0]!) / r) + 1;
    const toeplitz = build([rows, x.shape[0]!], "float32", ([i, j]) => w.data[j! - r * i!] ?? 0);
    const f = (signal: Tensor): Tensor => correlate(signal, upload(w), { strides: r });
    assertEqual(pb.jacobian(f)(upload(x)), upload(toeplitz));
    assertEqual(pb.jacfwd(f)(upload(x)), upload(toeplitz));
    assertEqual(pb.matmul(upload(toeplitz), upload(x)), f(upload(x)));
  });
  // Two axes: the block of rows i and columns p is the matrix of the kernel's row p − i.
  check(fc.tuple(integers([4, 5]), integers([2, 3])), ([x, w]) => {
    const matrix = build([3, 3, 4, 5], "float32", ([i, j, p, q]) => {
      const [row, column] = [p! - i!, q! - j!];
      return row >= 0 && row < 2 && column >= 0 && column < 3 ? at(w, [row, column]) : 0;
    });
    assertEqual(pb.jacobian((image: Tensor) => correlate(image, upload(w)))(upload(x)), upload(matrix));
  });
});

Deno.test("O3: channels and features: the full sum, and the sum over the window alone", () => {
  check(fc.tuple(integers([2, 4, 5, 3]), integers([2, 2, 3, 4]), integers([2, 2, 1, 6])), ([x, full, own]) => {
    const window = indices([2, 2]);
    const channels = build(
      [2, 3, 4, 4],
      "float32",
      ([b, i, j, f]) =>
        window.flatMap(([p, s]) => [0, 1, 2].map((c) => at(x, [b!, i! + p!, j! + s!, c]) * at(full, [p!, s!, c, f!])))
          .reduce((u, v) => u + v, 0),
    );
    assertEqual(conv(upload(x), upload(full)), upload(channels));
    // Every input channel kept, with two features each: groups = C, and a multiplier of 2.
    const kept = build(
      [2, 3, 4, 6],
      "float32",
      ([b, i, j, f]) =>
        window.map(([p, s]) => at(x, [b!, i! + p!, j! + s!, Math.floor(f! / 2)]) * at(own, [p!, s!, 0, f!])).reduce(
          (u, v) => u + v,
          0,
        ),
    );
    assertEqual(conv(upload(x), upload(own), { groups: 3 }), upload(kept));
  });
});

Deno.test("O5: pooling, the lectures' examples", () => {
  const image = pb.reshape(tensor([[1, 2, 3, 1], [1, 5, 2, 7], [10, 1, 2, 4], [8, 9, 1, 8]]), [1, 4, 4, 1]);
  const square = (x: Tensor): unknown => pb.reshape(x, [2, 2]).arraySync();
  assertEquals(square(pb.maxPool(image, { window: 2 })), [[5, 7], [10, 8]]);
  assertEquals(square(pb.minPool(image, { window: 2 })), [[1, 1], [1, 1]]);
  assertEquals(square(pb.avgPool(image, { window: 2 })), [[2.25, 3.25], [7, 3.75]]);
  const maps = pb.reshape(pb.arange(48), [2, 3, 2, 4]);
  assertEquals(pb.globalMaxPool(maps).shape, [2, 4]);
  assertEquals(pb.globalMaxPool(maps).arraySync(), [[20, 21, 22, 23], [44, 45, 46, 47]]);
  assertEquals(pb.globalAvgPool(maps).arraySync(), [[10, 11, 12, 13], [34, 35, 36, 37]]);
  // Over any partition of the indices.
  const values = tensor([2, 4, 3, 7, 6, 4, 1, 0, 2, 9]);
  assertEquals(pb.segmentMax(values, [0, 0, 0, 1, 1, 2, 2, 3, 3, 3], 4).arraySync(), [4, 7, 4, 9]);
  // Sizes are floored, and a tie's gradient goes to the first cell.
  assertEquals(pb.maxPool(pb.ones([1, 33, 33, 2]), { window: 2 }).shape, [1, 16, 16, 2]);
  assertEquals(
    grad((x: Tensor) => sum(pb.maxPool(x, { window: 2 })))(pb.ones([1, 4, 1])).dataSync(),
    new Float32Array([1, 0, 1, 0]),
  );
});

Deno.test("O6: softmax, log-softmax and log-sum-exp survive logits of ±1e4", () => {
  const logits = fc.array(fc.integer({ min: -10000, max: 10000 }), { minLength: 1, maxLength: 6 });
  check(logits, (values) => {
    const x = tensor(values);
    const top = Math.max(...values);
    const total = values.reduce((sum, v) => sum + Math.exp(v - top), 0);
    const near = (actual: Tensor, expected: readonly number[], error: number): void => {
      const got = actual.ndim === 0 ? [Number(actual.item())] : [...actual.dataSync()];
      expected.forEach((e, i) =>
        assert(Math.abs(got[i]! - e) <= error * (1 + Math.abs(e)), `${got} is not ${expected}`)
      );
    };
    near(pb.softmax(x), values.map((v) => Math.exp(v - top) / total), 1e-6);
    near(pb.logSoftmax(x), values.map((v) => v - top - Math.log(total)), 1e-6);
    near(pb.logSumExp(x), [top + Math.log(total)], 1e-6);
    near(sum(pb.softmax(x)), [1], 1e-6);
    // Its gradient is the softmax.
    near(grad((y: Tensor) => pb.logSumExp(y))(x), values.map((v) => Math.exp(v - top) / total), 1e-6);
    assert(pb.hessian((y: Tensor) => pb.logSumExp(y))(x).dataSync().every(Number.isFinite));
  });
});

Deno.test("M14: shared weights and skip connections accumulate", () => {
  const f64 = (data: pb.NestedArray): Tensor => tensor(data, { dtype: "float64" });
  const [x, w] = [f64([0.5, -1]), f64([[0.5, 1], [-0.25, 2]])];
  /** `y += W x` along two paths, one W used twice. */
  const net = (first: Tensor, second: Tensor): Tensor => {
    const hidden = pb.add(x, pb.tanh(pb.matmul(first, x)));
    return sum(pb.square(pb.add(hidden, pb.matmul(second, hidden))));
  };
  const tied = grad((shared: Tensor) => net(shared, shared))(w);
  const [byFirst, bySecond] = grad(net, { argnums: [0, 1] })(w, w);
  assert(pb.allClose(tied, pb.add(byFirst, bySecond), { rtol: 1e-12 }));
  pb.checkGrads((shared: Tensor) => net(shared, shared), [w]);
});
