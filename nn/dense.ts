/** The fully connected layer. */

import { checkOptions } from "../ops/arguments.ts";
import { constantOf } from "../ops/create.ts";
import { add } from "../ops/arithmetic.ts";
import { ShapeError } from "../ops/errors.ts";
import { tensordot } from "../ops/contraction.ts";
import { typeString } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";
import { type Initializer, lecunNormal } from "./init.ts";
import type { Layer } from "./layer.ts";

/** The parameters of an affine map; without `bias` it is linear. */
export interface AffineParams {
  /** What multiplies. */
  readonly weight: Tensor;
  /** What is added. */
  readonly bias?: Tensor;
}

/** Options of {@linkcode dense}. */
export interface DenseOptions {
  /** Whether to add a bias, which starts at 0; true unless given. */
  readonly bias?: boolean | undefined;
  /** Makes the first weight; `lecunNormal` unless given. */
  readonly init?: Initializer | undefined;
}

/**
 * Multiplies the last axis by a weight matrix and adds a bias: `y = x W + b`.
 *
 * Shapes: examples `[…, inputs] → […, features]`; weight `[inputs, features]`, bias `[features]`.
 *
 * The weight starts normal with variance 1 / inputs (`nn.init.lecunNormal`): a unit's sum then has the variance of its
 * inputs, whatever activation follows, and the first logits are moderate. For deep nets of relu give `nn.init.heNormal`.
 *
 * @param features How many numbers come out.
 * @throws {RangeError} unless `features` is a positive integer.
 *
 * @example Usage
 * ```ts
 * import { nn, ones, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const layer = nn.dense(3);
 * const { params, state, outputShape } = layer.init(random.key(0), [5]);
 * assertEquals(params.weight.shape, [5, 3]);
 * assertEquals(outputShape, [3]);
 * assertEquals(layer.apply({ params, state }, ones([8, 5]))[0].shape, [8, 3]);
 * ```
 */
export function dense(features: number, options: DenseOptions = {}): Layer<AffineParams, null> {
  checkOptions("dense", options, ["bias", "init"]);
  const { bias = true, init = lecunNormal } = options;
  checkFeatures("dense", features);
  const name = `dense(${features})`;
  return {
    name,
    init(key, inputShape) {
      const inputs = inputShape.at(-1);
      if (inputs === undefined) throw new ShapeError(`${name} needs examples of at least one axis, got the shape []`);
      const weight = init(key, [inputs, features]);
      const params = bias ? { weight, bias: constantOf(0, weight.dtype, [features], weight.device) } : { weight };
      return { params, state: null, outputShape: [...inputShape.slice(0, -1), features] };
    },
    apply({ params: { weight, bias } }, x) {
      const inputs = weight.shape[0];
      if (x.shape.at(-1) !== inputs) {
        throw new ShapeError(`${name} cannot take ${typeString(x.type)}: its weight is for ${inputs} inputs`);
      }
      const y = tensordot(x, weight, 1);
      return [bias ? add(y, bias) : y, null];
    },
  };
}

export function checkFeatures(layer: string, features: number): void {
  if (!Number.isInteger(features) || features < 1) {
    throw new RangeError(`${layer}() needs a positive integer number of features, got ${features}`);
  }
}
