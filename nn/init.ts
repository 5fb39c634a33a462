/** Initialisers: from a key and a shape to the first value of a weight. */

import { checkOptions, storable } from "../ops/arguments.ts";
import { constantOf, dtypeOr } from "../ops/create.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { ShapeError } from "../ops/errors.ts";
import { normal as normalOf } from "../ops/random/normal.ts";
import { truncatedNormal as truncatedNormalOf } from "../ops/random/truncated.ts";
import { uniform as uniformOf } from "../ops/random/uniform.ts";
import { checkShape, type Shape, sizeOf } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";

/** Options of every initialiser. */
export interface InitOptions {
  /** float32 unless given. */
  readonly dtype?: "float32" | "float64" | "float16" | undefined;
}

/**
 * Makes the first value of a weight of the given shape. Weights are `[...kernel, in, out]`; a unit's fan-in is the
 * number of its inputs, kernel · in, and its fan-out kernel · out.
 */
export type Initializer = (key: Tensor, shape: Shape, options?: InitOptions) => Tensor;

/**
 * All 0. In a net of tanh or relu units no hidden weight would then ever change.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.init.zeros(random.key(0), [2]).arraySync(), [0, 0]);
 * ```
 */
export function zeros(key: Tensor, shape: Shape, options: InitOptions = {}): Tensor {
  return filled("zeros", key, shape, 0, options);
}

/**
 * All 1.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.init.ones(random.key(0), [2]).arraySync(), [1, 1]);
 * ```
 */
export function ones(key: Tensor, shape: Shape, options: InitOptions = {}): Tensor {
  return filled("ones", key, shape, 1, options);
}

/**
 * All `value`, which is 0 unless given.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.init.constant(random.key(0), [2], { value: 3 }).arraySync(), [3, 3]);
 * const layer = nn.dense(2, { init: (key, shape) => nn.init.constant(key, shape, { value: 0.5 }) });
 * assertEquals(layer.init(random.key(0), [1]).params.weight.arraySync(), [[0.5, 0.5]]);
 * ```
 */
export function constant(
  key: Tensor,
  shape: Shape,
  options: InitOptions & { readonly value?: number | undefined } = {},
): Tensor {
  checkOptions("constant", options, ["value", "dtype"]);
  const { value = 0, dtype } = options;
  return filled("constant", key, shape, value, { dtype });
}

/** One value, where the key lives, as all weights of a layer do. */
function filled(op: string, key: Tensor, shape: Shape, value: number, options: InitOptions): Tensor {
  checkShape(op, shape);
  const dtype = dtypeOr(op, options, "float32");
  return constantOf(storable(op, value, dtype), dtype, [...shape], key.device);
}

/**
 * Normal with mean `mean` (0) and standard deviation `std` (0.01).
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.init.normal(random.key(0), [3, 4], { std: 0.1 }).shape, [3, 4]);
 * ```
 */
export function normal(
  key: Tensor,
  shape: Shape,
  options: InitOptions & { readonly mean?: number | undefined; readonly std?: number | undefined } = {},
): Tensor {
  checkOptions("normal", options, ["mean", "std", "dtype"]);
  const { dtype, mean = 0, std = 0.01 } = options;
  const x = mul(std, normalOf(key, shape, { dtype }));
  return mean === 0 ? x : add(mean, x);
}

/**
 * Normal with mean `mean` (0) and standard deviation `std` (0.01), cut off at `lower` (−2) and `upper` (2) standard
 * deviations, which leaves less than `std`: 0.8796 of it for ±2. As `jax.nn.initializers.truncated_normal`.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * const x = nn.init.truncatedNormal(random.key(0), [100], { std: 0.1 });
 * assert(x.dataSync().every((v) => Math.abs(v) <= 0.2));
 * ```
 */
export function truncatedNormal(
  key: Tensor,
  shape: Shape,
  options: InitOptions & {
    readonly mean?: number | undefined;
    readonly std?: number | undefined;
    readonly lower?: number | undefined;
    readonly upper?: number | undefined;
  } = {},
): Tensor {
  checkOptions("truncatedNormal", options, ["mean", "std", "lower", "upper", "dtype"]);
  const { dtype, mean = 0, std = 0.01, lower, upper } = options;
  const x = mul(std, truncatedNormalOf(key, shape, { dtype, lower, upper }));
  return mean === 0 ? x : add(mean, x);
}

/**
 * Uniform from `min` (0) to `max` (0.01).
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * const x = nn.init.uniform(random.key(0), [100], { min: -1, max: 1 });
 * assert(x.dataSync().every((v) => v >= -1 && v < 1));
 * ```
 */
export function uniform(
  key: Tensor,
  shape: Shape,
  options: InitOptions & { readonly min?: number | undefined; readonly max?: number | undefined } = {},
): Tensor {
  checkOptions("uniform", options, ["min", "max", "dtype"]);
  const { dtype, min = 0, max = 0.01 } = options;
  return uniformOf(key, shape, { dtype, min, max });
}

/** How many inputs and outputs a weight `[...kernel, in, out]` joins. */
function fans(name: string, shape: Shape, options: InitOptions): { readonly fanIn: number; readonly fanOut: number } {
  checkOptions(name, options, ["dtype"]);
  if (shape.length < 2) throw new ShapeError(`${name}() needs a weight [...kernel, in, out], got the shape [${shape}]`);
  const kernel = sizeOf(shape.slice(0, -2));
  return { fanIn: kernel * shape.at(-2)!, fanOut: kernel * shape.at(-1)! };
}

function symmetric(key: Tensor, shape: Shape, limit: number, { dtype }: InitOptions): Tensor {
  return uniformOf(key, shape, { dtype, min: -limit, max: limit });
}

/**
 * Uniform between ±1/√fan-in: variance 1 / (3 fan-in). PyTorch's default for weights.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * assert(nn.init.fanInUniform(random.key(0), [100, 5]).dataSync().every((v) => Math.abs(v) <= 0.1));
 * ```
 */
export function fanInUniform(key: Tensor, shape: Shape, options: InitOptions = {}): Tensor {
  return symmetric(key, shape, Math.sqrt(1 / fans("fanInUniform", shape, options).fanIn), options);
}

/**
 * Normal with variance 1 / fan-in, also named `lecunNormal`: sums have the variance of their inputs.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.init.fanInNormal(random.key(0), [3, 3, 16, 32]).shape, [3, 3, 16, 32]);
 * ```
 *
 * Reference: LeCun et al., Efficient backprop, 1998.
 */
export function fanInNormal(key: Tensor, shape: Shape, options: InitOptions = {}): Tensor {
  return normal(key, shape, { ...options, std: Math.sqrt(1 / fans("fanInNormal", shape, options).fanIn) });
}

/**
 * Uniform between ±√(3 / fan-in): variance 1 / fan-in.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * assert(nn.init.lecunUniform(random.key(0), [300, 5]).dataSync().every((v) => Math.abs(v) <= 0.1));
 * ```
 */
export function lecunUniform(key: Tensor, shape: Shape, options: InitOptions = {}): Tensor {
  return symmetric(key, shape, Math.sqrt(3 / fans("lecunUniform", shape, options).fanIn), options);
}

/**
 * Uniform between ±√(6 / (fan-in + fan-out)), also named `xavierUniform`: for tanh and sigmoid.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * assert(nn.init.glorotUniform(random.key(0), [500, 100]).dataSync().every((v) => Math.abs(v) <= 0.1));
 * ```
 *
 * Reference: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010, eq. 16.
 */
export function glorotUniform(key: Tensor, shape: Shape, options: InitOptions = {}): Tensor {
  const { fanIn, fanOut } = fans("glorotUniform", shape, options);
  return symmetric(key, shape, Math.sqrt(6 / (fanIn + fanOut)), options);
}

/**
 * Normal with variance 2 / (fan-in + fan-out), also named `xavierNormal`. Not truncated, as in PyTorch; Keras and JAX
 * truncate.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nn.init.glorotNormal(random.key(0), [3, 4]).shape, [3, 4]);
 * ```
 *
 * Reference: Glorot and Bengio, 2010, eq. 12.
 */
export function glorotNormal(key: Tensor, shape: Shape, options: InitOptions = {}): Tensor {
  const { fanIn, fanOut } = fans("glorotNormal", shape, options);
  return normal(key, shape, { ...options, std: Math.sqrt(2 / (fanIn + fanOut)) });
}

/**
 * Uniform between ±√(6 / fan-in), also named `kaimingUniform`: variance 2 / fan-in.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assert } from "@std/assert";
 *
 * assert(nn.init.heUniform(random.key(0), [600, 5]).dataSync().every((v) => Math.abs(v) <= 0.1));
 * ```
 *
 * Reference: He et al., Delving deep into rectifiers, 2015.
 */
export function heUniform(key: Tensor, shape: Shape, options: InitOptions = {}): Tensor {
  return symmetric(key, shape, Math.sqrt(6 / fans("heUniform", shape, options).fanIn), options);
}

/**
 * Normal with variance 2 / fan-in, also named `kaimingNormal`: for relu, which halves the second moment. Not truncated.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const layer = nn.conv(32, { kernel: 3, init: nn.init.heNormal });
 * assertEquals(layer.init(random.key(0), [8, 8, 16]).params.weight.shape, [3, 3, 16, 32]);
 * ```
 *
 * Reference: He et al., 2015, eq. 10.
 */
export function heNormal(key: Tensor, shape: Shape, options: InitOptions = {}): Tensor {
  return normal(key, shape, { ...options, std: Math.sqrt(2 / fans("heNormal", shape, options).fanIn) });
}

export {
  fanInNormal as lecunNormal,
  glorotNormal as xavierNormal,
  glorotUniform as xavierUniform,
  heNormal as kaimingNormal,
  heUniform as kaimingUniform,
};
