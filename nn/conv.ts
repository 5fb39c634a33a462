/** The convolution layer, over one to three spatial axes. */

import { checkOptions } from "../ops/arguments.ts";
import { conv as convolve, type ConvOptions, perAxis } from "../ops/convolution.ts";
import { constantOf, zeros } from "../ops/create.ts";
import { add } from "../ops/arithmetic.ts";
import { ShapeError } from "../ops/errors.ts";
import { typeString } from "../ops/shape.ts";
import { type AffineParams, checkFeatures } from "./dense.ts";
import { type Initializer, lecunNormal } from "./init.ts";
import { type Layer, shapeThrough } from "./layer.ts";

/** Options of {@linkcode conv}: those of the operation, and the layer's own. */
export interface ConvLayerOptions extends ConvOptions {
  /** Sizes of the kernel; a number means every spatial axis. */
  readonly kernel: number | readonly number[];
  /**
   * One bias for each feature (true, the default), none (false), or one for each position and feature (`"position"`),
   * as in layers whose bias is written b_ijt. Biases start at 0.
   */
  readonly bias?: boolean | "position" | undefined;
  /** Makes the first weight; `lecunNormal` unless given. */
  readonly init?: Initializer | undefined;
}

/**
 * Convolves the spatial axes with learned kernels, channels last, and adds a bias.
 *
 * Shapes: examples `[…spatial, channels] → […positions, features]` with 1 to 3 spatial axes; weight
 * `[…kernel, channels / groups, features]`; bias `[features]`, or `[…positions, features]` for `bias: "position"`.
 *
 * The weight starts normal with variance 1 / fan-in, for the reasons given at {@linkcode dense}.
 *
 * @param features How many channels come out.
 * @throws {RangeError} unless `features` is a positive integer.
 *
 * @example Usage
 * ```ts
 * import { nn, random } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const layer = nn.conv(16, { kernel: 3, padding: "same", strides: 2 });
 * const { params, outputShape } = layer.init(random.key(0), [28, 28, 1]);
 * assertEquals(params.weight.shape, [3, 3, 1, 16]);
 * assertEquals(outputShape, [14, 14, 16]);
 * ```
 */
export function conv(features: number, options: ConvLayerOptions): Layer<AffineParams, null> {
  checkOptions("conv", options, [
    "kernel",
    "bias",
    "init",
    "strides",
    "padding",
    "dilation",
    "inputDilation",
    "groups",
  ]);
  const { kernel, bias = true, init = lecunNormal, ...geometry } = options;
  checkFeatures("conv", features);
  const name = `conv(${features}, ${typeof kernel === "number" ? kernel : kernel.join("x")})`;
  const groups = geometry.groups ?? 1;
  return {
    name,
    init(key, inputShape) {
      const spatial = inputShape.length - 1;
      const channels = inputShape.at(-1) ?? 0;
      if (spatial < 1 || spatial > 3) {
        throw new ShapeError(
          `${name} needs examples [...spatial, channels] with 1 to 3 spatial axes, got the shape [${inputShape}]`,
        );
      }
      if (channels % groups !== 0) {
        throw new ShapeError(`${name} cannot split the ${channels} channels of [${inputShape}] into ${groups} groups`);
      }
      const shape = [...perAxis(name, "a kernel", kernel, spatial), channels / groups, features];
      const outputShape = shapeThrough(name, (x) => convolve(x, zeros(shape), geometry), inputShape);
      const weight = init(key, shape);
      const biasShape = bias === "position" ? outputShape : [features];
      const params = bias ? { weight, bias: constantOf(0, weight.dtype, biasShape, weight.device) } : { weight };
      return { params, state: null, outputShape };
    },
    apply({ params: { weight, bias } }, x) {
      const channels = weight.shape.at(-2)! * groups;
      if (x.ndim !== weight.ndim || x.shape.at(-1) !== channels) {
        throw new ShapeError(
          `${name} cannot take ${typeString(x.type)}: it needs [batch, …spatial, channels] with ` +
            `${weight.ndim - 2} spatial axes and ${channels} channels`,
        );
      }
      const y = convolve(x, weight, geometry);
      return [bias ? add(y, bias) : y, null];
    },
  };
}
