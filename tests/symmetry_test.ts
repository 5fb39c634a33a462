// What operations do not notice: signals that move in an empty plane, rows in another order, a constant added to logits.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import * as pb from "../mod.ts";
import type { ConvOptions, Tensor } from "../mod.ts";
import { upload } from "./draw.ts";
import { at, build, indices, type Plain, sizeOf } from "./plain.ts";
import { check } from "./property.ts";

const { conv, grad, mul, sum, tensor, vmap } = pb;

/** Small integers: their sums are exact, so equal means equal. */
function integers(shape: readonly number[], least = -8): fc.Arbitrary<Plain> {
  const n = sizeOf(shape);
  return fc.array(fc.integer({ min: least, max: 8 }), { minLength: n, maxLength: n })
    .map((data) => ({ dtype: "float32", shape, data }));
}

/** A convolution in 1 to 3 dimensions of a signal that two places in a plane of zeros are given for. */
interface Moving {
  readonly signal: Plain;
  readonly w: Plain;
  readonly g: Plain;
  readonly plane: readonly number[];
  readonly first: readonly number[];
  /** The way from the first place to the second, in cells of the input; whole strides. */
  readonly way: readonly number[];
  readonly options: ConvOptions & { readonly strides: readonly number[]; readonly padding: [number, number][] };
}

interface Axis {
  readonly cells: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly low: number;
  readonly high: number;
  readonly start: number;
  readonly shift: number;
}

const axis: fc.Arbitrary<Axis> = fc.record({
  cells: fc.integer({ min: 1, max: 3 }),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 2 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  low: fc.nat(2),
  high: fc.nat(2),
  start: fc.nat(1),
  shift: fc.nat(2),
});

const moving: fc.Arbitrary<Moving> = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc.record({
    axes: fc.array(axis, { minLength: rank, maxLength: rank }),
    batch: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 2 }),
    features: fc.integer({ min: 1, max: 2 }),
  })
).chain(({ axes, batch, groups, channels, features }) => {
  const reach = axes.map(({ kernel, dilation }) => (kernel - 1) * dilation + 1);
  // As far from either border as a kernel reaches, and a multiple of the stride.
  const margin = axes.map(({ stride }, i) => stride * Math.ceil(reach[i]! / stride));
  const plane = axes.map(({ cells, start, shift, stride }, i) => 2 * margin[i]! + cells + start + shift * stride);
  const size = axes.map(({ low, high, stride }, i) => Math.floor((plane[i]! + low + high - reach[i]!) / stride) + 1);
  return fc.record({
    signal: integers([batch, ...axes.map(({ cells }) => cells), channels * groups]),
    w: integers([...axes.map(({ kernel }) => kernel), channels, features * groups]),
    g: integers([batch, ...size, features * groups]),
    plane: fc.constant(plane),
    first: fc.constant(axes.map(({ start }, i) => margin[i]! + start)),
    way: fc.constant(axes.map(({ shift, stride }) => shift * stride)),
    options: fc.constant({
      strides: axes.map(({ stride }) => stride),
      dilation: axes.map(({ dilation }) => dilation),
      padding: axes.map(({ low, high }): [number, number] => [low, high]),
      groups,
    }),
  });
});

/** The signal at a place of a plane that is 0 elsewhere. */
function placed(signal: Plain, plane: readonly number[], place: readonly number[]): Plain {
  const inside = signal.shape.slice(1, -1);
  return build([signal.shape[0]!, ...plane, signal.shape.at(-1)!], "float32", (index) => {
    const from = index.slice(1, -1).map((i, k) => i - place[k]!);
    const within = from.every((i, k) => i >= 0 && i < inside[k]!);
    return within ? at(signal, [index[0]!, ...from, index.at(-1)!]) : 0;
  });
}

/** All spatial axes moved on, with zeros in what comes free; what leaves the array is lost. */
function moved(x: Plain, by: readonly number[]): Plain {
  return build(x.shape, "float32", (index) => {
    const from = index.map((i, k) => i - (by[k - 1] ?? 0));
    return from.every((i) => i >= 0) ? at(x, from) : 0;
  });
}

function read(x: Tensor): Plain {
  // −0 is as good as 0 here.
  return { dtype: x.dtype, shape: x.shape, data: [...x.dataSync()].map((v) => v + 0) };
}

Deno.test("symmetry: a signal that moves in an empty plane moves its convolution along, in 1 to 3 dimensions", () => {
  check(moving, ({ signal, w, plane, first, way, options }) => {
    const second = first.map((p, i) => p + way[i]!);
    const [before, after] = [first, second].map((place) => upload(placed(signal, plane, place))) as [Tensor, Tensor];
    const steps = way.map((n, i) => n / options.strides[i]!);
    const y = read(conv(before, upload(w), options));
    assertEquals(read(conv(after, upload(w), options)), moved(y, steps));
    // The same in a batch of two, over inputs or over both.
    const twice = pb.stack([before, pb.neg(before)]);
    const later = pb.stack([after, pb.neg(after)]);
    const kernels = pb.stack([upload(w), pb.flip(upload(w))]);
    const f = (x: Tensor, kernel: Tensor): Tensor => conv(x, kernel, options);
    for (const [kernel, axes] of [[upload(w), null], [kernels, 0]] as const) {
      const batched = vmap(f, { inAxes: [0, axes] });
      assertEquals(read(batched(later, kernel)), moved(read(batched(twice, kernel)), [0, ...steps]));
    }
  });
});

Deno.test("symmetry: the kernel's gradient stays when signal and cotangent move together, the input's moves along", () => {
  check(moving, ({ signal, w, g, plane, first, way, options }) => {
    const steps = way.map((n, i) => n / options.strides[i]!);
    const kept = moved(g, steps);
    // A cotangent without what would leave the array, and one moved by as much.
    const start: Plain = build(
      g.shape,
      "float32",
      (index) => index.every((i, k) => i + (steps[k - 1] ?? 0) < g.shape[k]!) ? at(g, index) : 0,
    );
    const gradients = (place: readonly number[], ct: Plain): readonly [Plain, Plain] => {
      const weighted = (x: Tensor, kernel: Tensor): Tensor => sum(mul(conv(x, kernel, options), upload(ct)));
      const [byInput, byKernel] = grad(weighted, { argnums: [0, 1] })(upload(placed(signal, plane, place)), upload(w));
      return [read(byInput), read(byKernel)];
    };
    const [byInput, byKernel] = gradients(first, start);
    const [laterByInput, laterByKernel] = gradients(first.map((p, i) => p + way[i]!), kept);
    assertEquals(laterByKernel, byKernel);
    // What lies in front of the input's first cell is not there to move in: compare where both are inside.
    for (const index of indices(byInput.shape)) {
      const to = index.map((i, k) => i + (way[k - 1] ?? 0));
      if (to.every((i, k) => i < byInput.shape[k]!)) assertEquals(at(laterByInput, to), at(byInput, index));
    }
  });
});

Deno.test("symmetry: the order of cells does not matter to global pooling, reductions and sorting; that of rows moves along", () => {
  const cells = fc.integer({ min: 1, max: 9 }).chain((n) =>
    fc.tuple(integers([n, 3]), fc.shuffledSubarray(Array.from({ length: n }, (_, i) => i), { minLength: n }))
  );
  check(cells, ([x, order]) => {
    const [before, after] = [upload(x), pb.take(upload(x), order, { axis: 0 })];
    const image = (y: Tensor): Tensor => pb.reshape(y, [1, ...y.shape]);
    const same: ((y: Tensor) => Tensor)[] = [
      (y) => pb.globalMaxPool(image(y)),
      (y) => pb.globalMinPool(image(y)),
      (y) => pb.globalAvgPool(image(y)),
      ...[sum, pb.max, pb.min, pb.mean, pb.any, pb.all].map((f) => (y: Tensor) => f(y, { axis: 0 })),
      (y) => pb.sort(y, { axis: 0 }),
      (y) => pb.segmentMax(y, new Array<number>(y.shape[0]!).fill(0), 1),
    ];
    for (const f of same) assertEquals(read(f(after)), read(f(before)));
    const along: ((y: Tensor) => Tensor)[] = [
      (y) => sum(y, { axis: 1 }),
      (y) => pb.softmax(y),
      (y) => pb.sort(y),
      (y) => vmap((row: Tensor) => pb.cumsum(row))(y),
      grad((y: Tensor) => sum(pb.square(pb.max(y, { axis: 1 })))),
    ];
    for (const f of along) assertEquals(read(f(after)), read(pb.take(f(before), order, { axis: 0 })));
  });
});

Deno.test("symmetry: pooling maps channels one by one, and max is −min of −x", () => {
  const images = fc.tuple(integers([2, 5, 4, 3]), fc.shuffledSubarray([0, 1, 2], { minLength: 3 }));
  check(images, ([x, order]) => {
    const y = upload(x);
    for (const options of [{ window: 2 }, { window: [3, 2], strides: 1, padding: "same" as const }]) {
      for (const pool of [pb.maxPool, pb.minPool, pb.avgPool]) {
        const shuffled = pool(pb.take(y, order, { axis: 3 }), options);
        assertEquals(read(shuffled), read(pb.take(pool(y, options), order, { axis: 3 })));
      }
      assertEquals(read(pb.maxPool(y, options)), read(pb.neg(pb.minPool(pb.neg(y), options))));
    }
  });
});

Deno.test("symmetry: softmax ignores a constant added to the logits, logSumExp and its kin pass it on", () => {
  // Integers, and shifts that keep them exact: the differences from the largest are the same numbers.
  const rows = fc.integer({ min: 1, max: 6 }).chain((n) => integers([2, n]));
  const logits = fc.tuple(rows, fc.integer({ min: -10000, max: 10000 }));
  check(logits, ([x, shift]) => {
    const [before, after] = [upload(x), pb.add(upload(x), shift)];
    assertEquals(read(pb.softmax(after)), read(pb.softmax(before)));
    assertEquals(read(pb.logSoftmax(after)), read(pb.logSoftmax(before)));
    const expected = pb.add(pb.logSumExp(before, { axis: 1 }), shift);
    // Both are rounded as numbers of the largest logit's size are, up to 16, and up to 1e4 if they stay that large.
    assert(pb.allClose(pb.logSumExp(after, { axis: 1 }), expected, { rtol: 2 ** -22, atol: 2 ** -19 }));
  });
  for (const logit of [1e4, -1e4]) {
    assertEquals(pb.softmax(tensor([logit, logit])).arraySync(), [0.5, 0.5]);
    assertEquals(pb.logSumExp(tensor([logit])).item(), logit);
  }
  assertEquals(pb.softmax(tensor([1e4, -1e4])).arraySync(), [1, 0]);
  assertEquals(pb.logSoftmax(tensor([1e4, -1e4])).arraySync(), [0, -20000]);
});
