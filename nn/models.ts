/** Whole networks by name. */

import { checkOptions } from "../ops/arguments.ts";
import { relu } from "../ops/activation.ts";
import { describe } from "../ops/errors.ts";
import type { Tensor } from "../ops/tensor.ts";
import { conv } from "./conv.ts";
import { type AffineParams, dense } from "./dense.ts";
import type { Layer } from "./layer.ts";
import { avgPool, flatten, maxPool } from "./plain_layers.ts";
import { sequential } from "./sequential.ts";

/** Options of {@linkcode lenet5}. */
export interface Lenet5Options {
  /** How many numbers come out; 10 unless given. */
  readonly classes?: number | undefined;
  /** After every layer but the last; relu unless given. */
  readonly activation?: ((x: Tensor) => Tensor) | undefined;
  /** `"max"` unless given. */
  readonly pool?: "max" | "average" | undefined;
}

/** The parameters of {@linkcode lenet5}, part by part. */
export type Lenet5Params = [
  conv1: AffineParams,
  activation1: null,
  pool1: null,
  conv2: AffineParams,
  activation2: null,
  pool2: null,
  flatten: null,
  dense1: AffineParams,
  activation3: null,
  dense2: AffineParams,
  activation4: null,
  dense3: AffineParams,
];

/**
 * LeNet-5 for images of 28x28x1: two convolutions of 5x5, each followed by a pool of 2, and layers of 120, 84 and
 * `classes` units; logits come out. With 10 classes it has 61,706 parameters.
 *
 * The paper's net of 1998 pools by average, squashes by tanh, and differs in its second convolution, which sees some
 * channels alone, and in its last layer of radial basis functions.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const { params, outputShape } = nn.models.lenet5().init(random.key(0), [28, 28, 1]);
 * assertEquals(outputShape, [10]);
 * assertEquals(nn.countParams(params), 61_706);
 * ```
 *
 * Reference: LeCun et al., Gradient-based learning applied to document recognition, 1998.
 */
export function lenet5(options: Lenet5Options = {}): Layer<Lenet5Params, null[]> {
  checkOptions("lenet5", options, ["classes", "activation", "pool"]);
  const { classes = 10, activation = relu, pool = "max" } = options;
  if (pool !== "max" && pool !== "average") {
    throw new TypeError(`lenet5() takes the pool "max" or "average", got ${describe(pool)}`);
  }
  const halve = (pool === "max" ? maxPool : avgPool)({ window: 2 });
  return sequential(
    conv(6, { kernel: 5, padding: "same" }),
    activation,
    halve,
    conv(16, { kernel: 5 }),
    activation,
    halve,
    flatten(),
    dense(120),
    activation,
    dense(84),
    activation,
    dense(classes),
  );
}
