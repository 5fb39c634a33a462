// Points, slices whose place is a value, and searches: what they refuse, special values, and traced starts.
import { assertEquals } from "@std/assert";
import * as pb from "../mod.ts";
import { type NestedArray, ShapeError, type Tensor } from "../mod.ts";
import { indicesOf } from "./indices.ts";
import { refuses, untyped } from "./refuses.ts";

const { tensor, zeros } = pb;

const x = tensor([3, 1, 2]);
const matrix = zeros([3, 4]);

function integers(data: NestedArray): Tensor {
  return tensor(data, { dtype: "int32" });
}

refuses("points of several coordinates", [
  [
    () => pb.gatherNd(x, untyped(new Map())),
    TypeError,
    "gatherNd() takes indices as an integer tensor or nested arrays, got an instance of Map",
  ],
  [() => pb.gatherNd(x, [[0], [-4]]), RangeError, "gatherNd() cannot use coordinate -4: axis 0 has size 3"],
  [() => pb.scatterNd([[1, 2]], 1, [3, 2]), RangeError, "scatterNd() cannot use coordinate 2: axis 1 has size 2"],
  [() => pb.gatherNd(x, x), TypeError, "gatherNd() takes integer indices, got f32[3]: cast() them to int32"],
  [
    () => pb.gatherNd(x, integers([[0, 1]])),
    ShapeError,
    "gatherNd() cannot use indices i32[1,2] on f32[3]: their last axis must hold one coordinate for each of at most 1 axes",
  ],
  [
    () => pb.scatterNd(integers(1), 1, [4]),
    ShapeError,
    "scatterNd() cannot use indices i32[] on the shape [4]: their last axis must hold one coordinate for each of at most 1 axes",
  ],
  [
    () => pb.scatterNd(integers([[0], [1]]), x, [4, 2]),
    ShapeError,
    "scatterNd() cannot add f32[3] at 2 points of the shape [4,2]: the updates must broadcast to [2,2]",
  ],
  [
    () => pb.scatterNd(integers([[0], [1]]), tensor([true, false]), [4]),
    TypeError,
    "scatterNd() cannot use bool[2]: cast it to a number type first",
  ],
]);

refuses("slices whose place is a value", [
  [
    () => pb.dynamicSlice(matrix, [0], [1, 1]),
    ShapeError,
    "dynamicSlice() needs a start for each of the 2 axes of f32[3,4], got 1",
  ],
  [
    () => pb.dynamicSlice(matrix, integers([0, 0, 0]), [1, 1]),
    ShapeError,
    "dynamicSlice() needs a start for each of the 2 axes of f32[3,4], got i32[3]",
  ],
  [
    () => pb.dynamicSlice(x, untyped(1), [1]),
    TypeError,
    "dynamicSlice() takes starts as an integer tensor or an array with an entry for each axis, got the number 1",
  ],
  [() => pb.dynamicSlice(x, [0.5], [1]), TypeError, "dynamicSlice() takes integer starts, got the number 0.5"],
  [
    () => pb.dynamicSlice(x, [integers([0])], [1]),
    ShapeError,
    "dynamicSlice() takes a scalar for the start on one axis, got i32[1]",
  ],
  [
    () => pb.dynamicSlice(x, [tensor(1)], [1]),
    TypeError,
    "dynamicSlice() takes integer indices, got f32[]: cast() them to int32",
  ],
  [
    () => pb.dynamicSlice(x, tensor([1]), [1]),
    TypeError,
    "dynamicSlice() takes integer indices, got f32[1]: cast() them to int32",
  ],
  [
    () => pb.dynamicSlice(matrix, [0, 0], [1, 5]),
    ShapeError,
    "dynamicSlice() cannot take a slice of [1,5] from f32[3,4]: it needs a size for each axis, none larger than the axis",
  ],
  [
    () => pb.dynamicUpdateSlice(matrix, zeros([4]), [0, 0]),
    ShapeError,
    "dynamicUpdateSlice() cannot write f32[4] into f32[3,4]: it needs a size for each axis, none larger than the axis",
  ],
  [
    () => pb.dynamicUpdateSlice(integers([1, 2]), zeros([1]), [0]),
    TypeError,
    "dynamicUpdateSlice() cannot write f32[1] into i32[2]: cast() one of them",
  ],
]);

refuses("searches", [
  [() => pb.searchSorted(matrix, 1), ShapeError, "searchSorted() searches a sorted vector, got f32[3,4]"],
  [
    () => pb.searchSorted(x, 1, { side: untyped("middle") }),
    TypeError,
    'searchSorted() takes the side "left" or "right", got the string "middle"',
  ],
  [() => pb.nonzero(3), ShapeError, "nonzero() cannot say where f32[] is not 0: it has no axes"],
]);

refuses("results whose shape depends on values, under a transform", [
  [
    () => pb.grad((x: Tensor) => pb.sum(pb.unique(x)))(x),
    TypeError,
    "unique() cannot run inside grad(): the shape of its result depends on the values of f32[3], so call it outside and pass the result in",
  ],
  [
    () => pb.vmap((row: Tensor) => pb.unique(row))(matrix),
    TypeError,
    "unique() cannot run inside vmap(): the shape of its result depends on the values of f32[4], so call it outside and pass the result in",
  ],
  [
    () => pb.evalShape(() => pb.nonzero(x)),
    TypeError,
    "nonzero() cannot run inside evalShape(): the shape of its result depends on the values of f32[3], so call it outside and pass the result in",
  ],
]);

// numpy.searchsorted, numpy.unique and numpy.nonzero give these.
Deno.test("searchSorted, unique, nonzero: NaN and the zeros as in NumPy", () => {
  const sorted = tensor([-Infinity, -0, 0, 1, NaN, NaN]);
  const values = tensor([NaN, 0, -0, Infinity, -Infinity]);
  assertEquals(pb.searchSorted(sorted, values).arraySync(), [4, 1, 1, 4, 0]);
  assertEquals(pb.searchSorted(sorted, values, { side: "right" }).arraySync(), [6, 3, 3, 4, 1]);
  assertEquals(pb.searchSorted(zeros([0]), values).arraySync(), [0, 0, 0, 0, 0]);
  assertEquals(pb.unique(tensor([NaN, 1, NaN, -Infinity, 1])).arraySync(), [-Infinity, 1, NaN]);
  assertEquals(pb.unique(tensor([0, -0, 0])).shape, [1]);
  assertEquals(pb.nonzero(tensor([NaN, -0, 0, 1e-45]))[0]!.arraySync(), [0, 3]);
});

Deno.test("searchSorted: every position of a long vector, powers of two and their neighbours among the lengths", () => {
  for (const n of [1, 2, 3, 255, 256, 257, 1000]) {
    const sorted = pb.arange(n);
    assertEquals(pb.searchSorted(sorted, sorted).dataSync<Int32Array>(), Int32Array.from({ length: n }, (_, i) => i));
    assertEquals(
      pb.searchSorted(sorted, sorted, { side: "right" }).dataSync<Int32Array>(),
      Int32Array.from({ length: n }, (_, i) => i + 1),
    );
  }
});

Deno.test("gatherNd: each axis has its own range, unsigned indices count from no end", () => {
  const y = tensor([[1, 2, 3], [4, 5, 6]]);
  assertEquals(pb.gatherNd(y, integers([[1, 2], [2, 1], [-2, -3], [-3, 0], [0, 3]])).arraySync(), [
    6,
    NaN,
    1,
    NaN,
    NaN,
  ]);
  const unsigned = tensor([[1, 2], [1, 2 ** 32 - 1]], { dtype: "uint32" });
  assertEquals(pb.gatherNd(y, unsigned).arraySync(), [6, NaN]);
  assertEquals(
    pb.gatherNd(y, [[1, 2], [-2, -3]]).arraySync(),
    pb.gatherNd(y, integers([[1, 2], [-2, -3]])).arraySync(),
  );
  assertEquals(pb.scatterNd([[1], [-1], [0]], tensor([1, 2, 3]), [2]).arraySync(), [3, 3]);
  // No coordinates: all of x, for every point.
  assertEquals(pb.gatherNd(tensor([7, 8]), integers([[], []])).arraySync(), [[7, 8], [7, 8]]);
});

Deno.test("dynamicSlice: starts that are computed and batched inside grad", () => {
  const line = tensor([1, 2, 3, 4]);
  const squares = (x: Tensor, start: Tensor) => pb.sum(pb.square(pb.dynamicSlice(x, [pb.add(start, 1)], [2])));
  const starts = integers([0, 1, 9]);
  const gradients = pb.vmap(pb.grad(squares), { inAxes: [null, 0] })(line, starts);
  assertEquals(gradients.arraySync(), [[0, 4, 6, 0], [0, 0, 6, 8], [0, 0, 6, 8]]);
});

Deno.test("dynamicUpdateSlice: a loop over traced positions reverses a vector", () => {
  const reversed = (x: Tensor) => {
    let y = pb.zerosLike(x);
    for (let i = 0; i < 4; i++) {
      const to = pb.sub(3, integers(i));
      y = pb.dynamicUpdateSlice(y, pb.dynamicSlice(x, [i], [1]), [to]);
    }
    return y;
  };
  assertEquals(reversed(tensor([1, 2, 3, 4])).arraySync(), [4, 3, 2, 1]);
  assertEquals(pb.jacrev(reversed)(tensor([1, 2, 3, 4])).arraySync(), pb.flip(pb.eye(4), { axis: 0 }).arraySync());
});

/** Where a slice starts, and each of its elements lies, in an array of a shape. */
function placesOf(shape: readonly number[], starts: readonly number[], sizes: readonly number[]): number[] {
  const from = starts.map((start, axis) =>
    Math.min(shape[axis]! - sizes[axis]!, Math.max(0, start < 0 ? start + shape[axis]! : start))
  );
  return Array.from(indicesOf(sizes), (index) => index.reduce((at, i, axis) => at * shape[axis]! + from[axis]! + i, 0));
}

Deno.test("dynamicSlice, dynamicUpdateSlice: starts on several axes at once, whichever are taken whole", () => {
  const shape = [2, 3, 4];
  const x = pb.reshape(pb.arange(24), shape);
  for (const sizes of [[1, 2, 3], [2, 2, 2], [1, 3, 2], [2, 3, 3], [1, 1, 4], [2, 1, 4], [2, 3, 4]]) {
    const update = pb.add(pb.reshape(pb.arange(sizes.reduce((n, size) => n * size)), sizes), 100);
    for (let k = -6; k <= 6; k++) {
      const starts = [k, k + 1, k - 1];
      const places = placesOf(shape, starts, sizes);
      const scalars = starts.map((start) => tensor(start, { dtype: start < 0 ? "int32" : "uint32" }));
      for (const given of [integers(starts), scalars, starts.map((s, i) => (i === 1 ? integers(s) : s))]) {
        assertEquals([...pb.dynamicSlice(x, given, sizes).dataSync<Float32Array>()], places);
        const expected = Array.from({ length: 24 }, (_, i) => (places.includes(i) ? 100 + places.indexOf(i) : i));
        assertEquals([...pb.dynamicUpdateSlice(x, update, given).dataSync<Float32Array>()], expected);
      }
    }
  }
  const beyond = tensor(2 ** 32 - 1, { dtype: "uint32" });
  assertEquals(pb.dynamicSlice(tensor([1, 2, 3, 4]), [beyond], [2]).arraySync(), [3, 4]);
  assertEquals(pb.dynamicSlice(tensor([[1, 2, 3]]), [beyond, 2 ** 40], [1, 2]).arraySync(), [[2, 3]]);
});
