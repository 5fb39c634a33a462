// What operations refuse, and in which words: whole messages, because they are what a user reads.
import * as pb from "../mod.ts";
import { type NestedArray, ShapeError } from "../mod.ts";
import { type Refusal, refuses, untyped } from "./refuses.ts";

const { tensor, zeros } = pb;

const a = zeros([3, 4]);
const b = zeros([5, 2]);
const ints = tensor(new Int32Array([1, 2]));
const bools = tensor([true, false]);
const half = tensor([0.5]);

refuses("ragged data, and data that is none", [
  [
    () => tensor([[1, 2], [3]]),
    ShapeError,
    "tensor() cannot use ragged data: at depth 1 an array of 1 where 2 were expected",
  ],
  [
    () => tensor([1, [2]]),
    ShapeError,
    "tensor() cannot use ragged data: at depth 1 an array of 1 where a number was expected",
  ],
  [
    () => tensor([[1], 2]),
    ShapeError,
    "tensor() cannot use ragged data: at depth 1 the number 2 where an array of 1 was expected",
  ],
  [
    () => tensor([[], [1]]),
    ShapeError,
    "tensor() cannot use ragged data: at depth 1 an array of 1 where 0 were expected",
  ],
  [
    () => tensor(untyped("1")),
    TypeError,
    'tensor() takes numbers, booleans, nested arrays of them or a typed array, got the string "1"',
  ],
  [
    () => tensor(untyped([1, null])),
    TypeError,
    "tensor() takes numbers, booleans, nested arrays of them or a typed array, got null",
  ],
  [
    () => tensor(untyped({ length: 1 })),
    TypeError,
    "tensor() takes numbers, booleans, nested arrays of them or a typed array, got an object",
  ],
  [
    () => tensor(untyped<NestedArray>([a])),
    TypeError,
    "tensor() takes numbers, booleans, nested arrays of them or a typed array, got a tensor: join tensors with stack() or concatenate()",
  ],
  [
    () => tensor(untyped(new BigInt64Array(2))),
    TypeError,
    "tensor() cannot read an instance of BigInt64Array: use a Float32Array, Float64Array, Float16Array, Int32Array or Uint32Array",
  ],
]);

refuses("shapes that cannot be", [
  [() => tensor([1, 2, 3], { shape: [2, 2] }), ShapeError, "tensor() cannot arrange 3 elements as [2,2], which has 4"],
  [() => zeros([2, -1]), ShapeError, "zeros() cannot use the shape [2,-1]: sizes must be non-negative integers"],
  [() => zeros([1.5]), ShapeError, "zeros() cannot use the shape [1.5]: sizes must be non-negative integers"],
  [() => zeros(untyped(3)), TypeError, "zeros() takes a shape as an array of sizes, got the number 3"],
  [() => pb.full(untyped([2, "3"]), 1), TypeError, 'full() takes sizes that are numbers, got the string "3"'],
  [() => zeros([70000, 70000]), ShapeError, "zeros() cannot make [70000,70000]: more than 2^31 - 1 elements"],
  [() => pb.reshape(a, [5, 2]), ShapeError, "reshape() cannot arrange f32[3,4] as [5,2]: it has 12 elements"],
  [() => pb.reshape(a, [5, -1]), ShapeError, "reshape() cannot arrange f32[3,4] as [5,-1]: it has 12 elements"],
  [() => pb.reshape(a, [-1, -1]), ShapeError, "reshape() cannot arrange f32[3,4] as [-1,-1]: only one size may be −1"],
  [
    () => pb.reshape(zeros([0]), [0, -1]),
    ShapeError,
    "reshape() cannot arrange f32[0] as [0,-1]: beside 0 the size −1 could be any",
  ],
  [() => pb.eye(-1), ShapeError, "eye() cannot use the shape [-1,-1]: sizes must be non-negative integers"],
  [() => pb.linspace(0, 1, -1), RangeError, "linspace() needs num to be a non-negative integer, got -1"],
]);

refuses("shapes that do not fit together", [
  [
    () => pb.add(a, b),
    ShapeError,
    "add() cannot broadcast f32[3,4] with f32[5,2]: sizes, aligned at the last axis, must be equal or 1",
  ],
  ...[
    pb.equal,
    pb.notEqual,
    pb.logicalAnd,
    pb.logicalOr,
    pb.logicalXor,
  ].map((f): Refusal => [
    () => f(bools, tensor([true, true, true])),
    ShapeError,
    `${f.name}() cannot broadcast bool[2] with bool[3]: sizes, aligned at the last axis, must be equal or 1`,
  ]),
  ...[pb.bitwiseAnd, pb.bitwiseOr, pb.bitwiseXor, pb.maximum, pb.minimum].map((f): Refusal => [
    () => f(ints, tensor(new Int32Array(3))),
    ShapeError,
    `${f.name}() cannot broadcast i32[2] with i32[3]: sizes, aligned at the last axis, must be equal or 1`,
  ]),
  [
    () => pb.broadcastTo(a, [2, 3, 5]),
    ShapeError,
    "broadcastTo() cannot stretch f32[3,4] to [2,3,5]: sizes, aligned at the last axis, must be equal or 1",
  ],
  [
    () => pb.matmul(a, b),
    ShapeError,
    "matmul() cannot multiply f32[3,4] by f32[5,2]: inner sizes 4 and 5 must be equal",
  ],
  [
    () => pb.matmul(zeros([2, 3, 4]), zeros([3, 4, 5])),
    ShapeError,
    "matmul() cannot multiply f32[2,3,4] by f32[3,4,5]: batch sizes must be equal or 1",
  ],
  [() => pb.matmul(tensor(1), a), ShapeError, "matmul() cannot multiply f32[] by f32[3,4]: use mul() for scalars"],
  [
    () => pb.dot(a, b),
    ShapeError,
    "dot() cannot contract f32[3,4] with f32[5,2] over axes [1] and [0]: sizes [4] and [5] must be equal",
  ],
  [
    () => pb.inner(a, b),
    ShapeError,
    "inner() cannot contract f32[3,4] with f32[5,2] over axes [1] and [1]: sizes [4] and [2] must be equal",
  ],
  [
    () => pb.vdot(a, b),
    ShapeError,
    "vdot() cannot multiply f32[3,4] by f32[5,2]: they must have equally many elements",
  ],
  [() => pb.tensordot(a, b, 3), ShapeError, "tensordot() cannot sum over 3 axes of f32[3,4] and f32[5,2]"],
  [
    () => pb.einsum("ij,jk->ik", a, b),
    ShapeError,
    'einsum() cannot match index j in "ij,jk->ik" with f32[3,4], f32[5,2]: sizes 4 and 5 must be equal or 1',
  ],
  [
    () => pb.concatenate([a, b]),
    ShapeError,
    "concatenate() cannot join f32[3,4] and f32[5,2] along axis 0: all other sizes must be equal",
  ],
  [() => pb.concatenate([]), ShapeError, "concatenate() needs at least one tensor"],
  [() => pb.stack([a, b]), ShapeError, "stack() cannot join f32[3,4] and f32[5,2]: shapes must be equal"],
  [() => pb.split(a, 2), ShapeError, "split() cannot cut axis 0 of f32[3,4] into 2 equal parts"],
  [() => pb.squeeze(a, { axis: 0 }), ShapeError, "squeeze() cannot drop axis 0 of f32[3,4]: its size is not 1"],
  [() => pb.pad(a, [[1, 1]]), ShapeError, "pad() needs one [low, high] pair for each of the 2 axes of f32[3,4]"],
  [() => pb.repeat(a, [1, 2], { axis: 0 }), ShapeError, "repeat() needs 3 counts for axis 0 of f32[3,4], got 2"],
  [
    () => pb.indexUpdate(a, [0], zeros([3])),
    ShapeError,
    "indexUpdate() cannot write f32[3] into f32[3,4] along axis 0: the values must broadcast to [1,4]",
  ],
  [
    () => pb.takeAlongAxis(a, ints, { axis: 0 }),
    ShapeError,
    "takeAlongAxis() cannot use indices i32[2] along axis 0 of f32[3,4]: the other sizes must be equal or 1",
  ],
  [
    () => pb.segmentSum(a, [0, 1], 2),
    ShapeError,
    "segmentSum() needs one segment number for each row of f32[3,4], got i32[2]",
  ],
  [() => pb.diag(zeros([2, 2, 2])), ShapeError, "diag() needs a vector or a matrix, got f32[2,2,2]"],
]);

const image = zeros([1, 5, 2]);
const kernel = zeros([3, 2, 4]);

refuses("convolutions and pools that do not fit", [
  [
    () => pb.conv(a, b),
    ShapeError,
    "conv() cannot convolve f32[3,4] with f32[5,2]: it needs an input [batch, …spatial, channels] with 1 to 3 spatial axes and a kernel […spatial, channels, features]",
  ],
  [
    () => pb.conv(image, zeros([3, 3, 4])),
    ShapeError,
    "conv() cannot convolve f32[1,5,2] with f32[3,3,4]: the kernel's 3 input channels must be the input's 2 / groups 1",
  ],
  [
    () => pb.conv(image, zeros([3, 1, 4]), { groups: 3 }),
    ShapeError,
    "conv() cannot convolve f32[1,5,2] with f32[3,1,4] in 3 groups: both channel counts must be divisible by it",
  ],
  [
    () => pb.conv(image, zeros([6, 2, 4])),
    ShapeError,
    "conv() cannot convolve f32[1,5,2] with f32[6,2,4]: along spatial axis 0 the kernel reaches over 6 of 5 cells",
  ],
  [
    () => pb.conv(zeros([1, 2, 2]), zeros([6, 2, 4]), { padding: "circular" }),
    ShapeError,
    "conv() cannot wrap 3 cells around an axis of 2",
  ],
  [
    () => pb.conv(image, kernel, { strides: 0 }),
    RangeError,
    "conv() needs strides that are positive integers, got [0]",
  ],
  [
    () => pb.conv(image, kernel, { dilation: [1, 1] }),
    ShapeError,
    "conv() needs dilation for 1 spatial axes, got [1,1]",
  ],
  [
    () => pb.conv(image, zeros([0, 2, 4]), { dilation: 2 }),
    ShapeError,
    "conv() cannot convolve f32[1,5,2] with f32[0,2,4]: along spatial axis 0 the kernel reaches over 0 of 5 cells",
  ],
  [() => pb.conv(image, kernel, { padding: -1 }), RangeError, "conv() needs padding of non-negative integers, got -1"],
  [
    () => pb.conv(image, kernel, { padding: untyped("full") }),
    TypeError,
    'conv() takes padding "valid", "same", "circular", a number or [low, high] pairs, got the string "full"',
  ],
  [
    () => pb.correlate(a, zeros([2])),
    ShapeError,
    "correlate() cannot slide f32[2] over f32[3,4]: both need the same rank, 1 to 3",
  ],
  [
    () => pb.correlate(a, zeros([5, 5])),
    ShapeError,
    "correlate() cannot convolve f32[3,4] with f32[5,5]: along spatial axis 0 the kernel reaches over 5 of 3 cells",
  ],
  [
    () => pb.correlate(a, zeros([2, 2]), { strides: [1] }),
    ShapeError,
    "correlate() needs strides for 2 spatial axes, got [1]",
  ],
  [
    () => pb.correlate(zeros([2]), zeros([7]), { padding: "circular" }),
    ShapeError,
    "correlate() cannot wrap 3 cells around an axis of 2",
  ],
  [
    () => pb.conv(image, kernel, { inputDilation: [1, 2] }),
    ShapeError,
    "conv() needs inputDilation for 1 spatial axes, got [1,2]",
  ],
  [
    () => pb.convTranspose(image, zeros([3, 4, 3])),
    ShapeError,
    "convTranspose() cannot convolve f32[1,5,2] with f32[3,4,3]: the kernel's last axis must be the input's 2 channels",
  ],
  [
    () => pb.convTranspose(image, zeros([3, 4, 2]), { groups: 4 }),
    ShapeError,
    "convTranspose() cannot convolve f32[1,5,2] with f32[3,4,2] in 4 groups: both channel counts must be divisible by it",
  ],
  [
    () => pb.convTranspose(image, zeros([0, 4, 2])),
    ShapeError,
    "convTranspose() cannot convolve f32[1,5,2] with f32[0,4,2]: along spatial axis 0 the kernel is empty",
  ],
  [
    () => pb.convTranspose(image, zeros([3, 4, 2]), { padding: 4 }),
    ShapeError,
    "convTranspose() cannot convolve f32[1,5,2] with f32[3,4,2]: along spatial axis 0 padding takes 8 of 7 cells",
  ],
  [
    () => pb.convTranspose(zeros([1, 2, 2]), zeros([6, 4, 2]), { padding: "circular" }),
    ShapeError,
    "convTranspose() cannot wrap 3 cells around an axis of 2",
  ],
  [
    () => pb.reduceWindow(image, untyped({ window: 2, kind: "mean" })),
    TypeError,
    'reduceWindow() takes kind "sum", "max" or "min", got the string "mean"',
  ],
  [
    () => pb.maxPool(a, { window: 2 }),
    ShapeError,
    "maxPool() needs a tensor [batch, …spatial, channels], got f32[3,4]",
  ],
  [
    () => pb.maxPool(image, { window: 6 }),
    ShapeError,
    "maxPool() cannot fit a window of 6 into 5 cells along spatial axis 0 of f32[1,5,2]",
  ],
  [
    () => pb.avgPool(image, { window: 2, padding: 2 }),
    RangeError,
    "avgPool() cannot pad 2 cells for a window of 2: a window must hold a real cell",
  ],
  [
    () => pb.avgPool(image, { window: 2, padding: untyped("circular") }),
    TypeError,
    'avgPool() takes padding "valid", "same", a number or [low, high] pairs, got the string "circular"',
  ],
  [() => pb.maxPool(image, untyped({})), TypeError, "maxPool() needs a window: maxPool(x, { window: 2 })"],
  [
    () => pb.maxPool(image, { window: 0 }),
    RangeError,
    "maxPool() needs window sizes that are positive integers, got [0]",
  ],
  [
    () => pb.avgPool(image, { window: 2, strides: [1, 2] }),
    ShapeError,
    "avgPool() needs strides for 1 spatial axes, got [1,2]",
  ],
  [
    () => pb.globalMaxPool(zeros([1, 2, 0, 3])),
    ShapeError,
    "globalMaxPool() cannot choose from an empty axis of f32[1,2,0,3]",
  ],
  [
    () => pb.globalMinPool(zeros([1, 0, 3])),
    ShapeError,
    "globalMinPool() cannot choose from an empty axis of f32[1,0,3]",
  ],
  [() => pb.globalAvgPool(a), ShapeError, "globalAvgPool() needs a tensor [batch, …spatial, channels], got f32[3,4]"],
]);

refuses("axes", [
  [() => pb.sum(a, { axis: 2 }), ShapeError, "sum() cannot use axis 2 of a tensor of rank 2: axes go from -2 to 1"],
  [() => pb.sum(a, { axis: [0, -2] }), ShapeError, "sum() cannot use axis 0 twice"],
  [() => pb.sum(a, { axis: 0.5 }), TypeError, "sum() takes an axis that is an integer, got the number 0.5"],
  [() => pb.sum(tensor(1), { axis: 0 }), ShapeError, "sum() cannot use axis 0: a tensor of rank 0 has no axes"],
  [() => pb.sum(a, untyped(1)), TypeError, "sum() takes its options as an object, got the number 1"],
  [() => pb.max(zeros([2, 0]), { axis: 1 }), ShapeError, "max() cannot choose from an empty axis of f32[2,0]"],
  [() => pb.argmax(zeros([0])), ShapeError, "argmax() cannot choose from an empty axis of f32[0]"],
  [() => pb.sort(tensor(1)), ShapeError, "sort() cannot use axis -1: a tensor of rank 0 has no axes"],
  [
    () => pb.transpose(a, [0, 0]),
    ShapeError,
    "transpose() cannot permute f32[3,4] by [0,0]: every axis must appear once",
  ],
  [
    () => pb.moveAxis(a, [0, 1], 0),
    ShapeError,
    "moveAxis() cannot move axes [0,1] to [0]: both must name as many different axes",
  ],
  [() => pb.expandDims(a, 4), ShapeError, "expandDims() cannot use axis 4 of a tensor of rank 3: axes go from -3 to 2"],
  [
    () => pb.softmax(a, { axis: -3 }),
    ShapeError,
    "softmax() cannot use axis -3 of a tensor of rank 2: axes go from -2 to 1",
  ],
  [() => pb.roll(a, [1, 2]), TypeError, "roll() of the flattened tensor takes one shift: give as many axes as shifts"],
]);

refuses("indices and counts", [
  [() => pb.take(a, 12), RangeError, "take() cannot use index 12: the axis has size 12"],
  [() => pb.take(a, [0, -4], { axis: 0 }), RangeError, "take() cannot use index -4: the axis has size 3"],
  [() => pb.take(a, [0.5]), TypeError, "take() takes integer indices, got the number 0.5"],
  [() => pb.take(a, half), TypeError, "take() takes integer indices, got f32[1]: cast() them to int32"],
  [
    () => pb.take(a, untyped("1")),
    TypeError,
    'take() takes indices as an integer tensor, a number or an array of numbers, got the string "1"',
  ],
  [() => pb.indexUpdate(a, [3], 0), RangeError, "indexUpdate() cannot use index 3: the axis has size 3"],
  [() => pb.oneHot([4], 3), RangeError, "oneHot() cannot use index 4: the axis has size 3"],
  [() => pb.oneHot(half, 3), TypeError, "oneHot() takes integer indices, got f32[1]: cast() them to int32"],
  [() => pb.slice(a, { start: [0, 0, 0] }), ShapeError, "slice() cannot use 3 entries of start on f32[3,4]"],
  [() => pb.slice(a, { step: [0] }), RangeError, "slice() cannot go in steps of 0"],
  [() => pb.slice(a, { start: [0.5] }), TypeError, "slice() takes integer positions, got the number 0.5"],
  [() => pb.topK(a, 5), RangeError, "topK() cannot take 5 elements from axis 1 of f32[3,4]"],
  [() => pb.bincount(ints, -1), RangeError, "bincount() needs length to be a non-negative integer, got -1"],
  [() => pb.tile(a, [-1]), RangeError, "tile() needs every count to be a non-negative integer, got -1"],
  [() => pb.pad(a, [[1, -1], [0, 0]]), RangeError, "pad() needs every width to be a non-negative integer, got -1"],
  [() => pb.arange(0, 1, 0), RangeError, "arange() cannot count in steps of 0"],
]);

refuses("dtypes", [
  [
    () => zeros([2], { dtype: untyped("f32") }),
    TypeError,
    'zeros() takes a dtype among float32, float64, float16, int32, uint32, bool, got the string "f32"',
  ],
  [
    () => pb.cast(a, untyped(undefined)),
    TypeError,
    "cast() takes a dtype among float32, float64, float16, int32, uint32, bool, got undefined",
  ],
  [
    () => tensor([1.5], { dtype: "int32" }),
    TypeError,
    "tensor() cannot store 1.5 as int32: round it first, or leave out the dtype",
  ],
  [() => tensor([-1], { dtype: "uint32" }), RangeError, "tensor() cannot store -1 as uint32: it holds 0 to 4294967295"],
  [
    () => pb.full([2], 1.5, { dtype: "int32" }),
    TypeError,
    "full() cannot store 1.5 as int32: round it first, or leave out the dtype",
  ],
  [() => pb.arange(Infinity), TypeError, "arange() takes finite numbers, got the number Infinity"],
  [() => pb.arange(0, 1, NaN), TypeError, "arange() takes finite numbers, got the number NaN"],
  [() => pb.linspace(NaN, Infinity, 3), TypeError, "linspace() takes finite numbers, got the number NaN"],
  [() => pb.linspace(0, Infinity, 3), TypeError, "linspace() takes finite numbers, got the number Infinity"],
  [
    () => pb.arange(0, 1, 0.1),
    TypeError,
    'arange() cannot count from 0 to 1 by 0.1 in int32: give { dtype: "float32" }',
  ],
  [() => pb.linspace(0, 1, 3, { dtype: "int32" }), TypeError, "linspace() makes floats, not int32: cast() the result"],
  [
    () => pb.add(ints, 1.5),
    TypeError,
    "add() cannot use 1.5 beside a tensor of int32: cast() the tensor to float32 first",
  ],
  [
    () => pb.add(bools, bools),
    TypeError,
    "add() cannot combine bool[2] and bool[2]: cast them to a number type, or use logicalAnd(), logicalOr(), logicalXor()",
  ],
  [() => pb.neg(bools), TypeError, "neg() cannot use bool[2]: cast it to a number type first"],
  [() => pb.indexAdd(bools, [0], true), TypeError, "indexAdd() cannot use bool[2]: cast it to a number type first"],
  [
    () => pb.indexUpdate(ints, [0], half),
    TypeError,
    "indexUpdate() cannot write f32[1] into i32[2]: cast() one of them",
  ],
  [() => pb.matmul(bools, bools), TypeError, "matmul() cannot multiply bool[2] by bool[2]: cast them to a number type"],
  [() => pb.bincount(a, 3), TypeError, "bincount() counts integers, got f32[3,4]"],
]);

refuses("what is no tensor, and a tensor where a number is wanted", [
  [() => pb.add(a, untyped("1")), TypeError, 'add() takes tensors, numbers or booleans, got the string "1"'],
  [
    () => pb.add(a, untyped([1])),
    TypeError,
    "add() takes tensors, numbers or booleans, got an array: make a tensor of it with tensor()",
  ],
  [() => pb.exp(untyped(undefined)), TypeError, "exp() takes tensors, numbers or booleans, got undefined"],
  [() => pb.reciprocal(untyped("1")), TypeError, 'reciprocal() takes tensors, numbers or booleans, got the string "1"'],
  [() => pb.isNaN(untyped("1")), TypeError, 'isNaN() takes tensors, numbers or booleans, got the string "1"'],
  [() => pb.concatenate(untyped(a)), TypeError, "concatenate() takes an array of tensors, got a tensor"],
  [() => pb.clip(a, untyped(3)), TypeError, "clip() takes its options as an object, got the number 3"],
  [
    () => +untyped<number>(a),
    TypeError,
    "a tensor f32[3,4] cannot become a number by itself: use item() to read it, add(), less(), … to compute with it, where() or cond() to choose by it",
  ],
  [
    () => untyped<number>(ints) > 0,
    TypeError,
    "a tensor i32[2] cannot become a number by itself: use item() to read it, add(), less(), … to compute with it, where() or cond() to choose by it",
  ],
  [
    () => untyped<string>(a) + "!",
    TypeError,
    "a tensor f32[3,4] cannot become a number by itself: use item() to read it, add(), less(), … to compute with it, where() or cond() to choose by it",
  ],
  [() => a.item(), RangeError, "item() needs a tensor of one element, got f32[3,4]; use dataSync()"],
]);
