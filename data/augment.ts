/** Random changes of images that leave their meaning. */

import { checkOptions } from "../ops/arguments.ts";
import { vmap } from "../grad/vmap.ts";
import { iota } from "../ops/create.ts";
import { add } from "../ops/arithmetic.ts";
import { ShapeError } from "../ops/errors.ts";
import { take } from "../ops/indexing.ts";
import { pad } from "../ops/joining.ts";
import { randint } from "../ops/random/integers.ts";
import { split } from "../ops/random/key.ts";
import { typeString } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";

/** Options of {@linkcode augment}. */
export interface AugmentOptions {
  /** How many pixels an image is moved at most, along both axes; 0 unless given. */
  readonly shift?: number | undefined;
}

/**
 * Moves each image by its own random numbers of whole pixels, up or down and left or right; all moves up to `shift` are
 * equally likely. What moves in is 0.
 *
 * Shape: `[batch, height, width, channels]`.
 *
 * @example Usage
 * ```ts
 * import { data, ones, random, sum } from "@pullback/pullback";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const images = ones([5, 8, 8, 1]);
 * const moved = data.augment(random.key(0), images, { shift: 2 });
 * assertEquals(moved.shape, images.shape);
 * assert((sum(moved).item() as number) >= 5 * 6 * 6);
 * ```
 */
export function augment(key: Tensor, images: Tensor, options: AugmentOptions = {}): Tensor {
  checkOptions("augment", options, ["shift"]);
  const { shift = 0 } = options;
  if (images.ndim !== 4) {
    throw new ShapeError(`augment() needs images [batch, height, width, channels], got ${typeString(images.type)}`);
  }
  if (!Number.isInteger(shift) || shift < 0) {
    throw new RangeError(`augment() needs a shift that is a non-negative integer, got ${shift}`);
  }
  const [n, height, width] = images.shape as [number, number, number, number];
  if (shift === 0 || n === 0) return images;
  const padded = pad(images, [[0, 0], [shift, shift], [shift, shift], [0, 0]]);
  const [tops, lefts] = split(key).map((half) => randint(half, [n], { minval: 0, maxval: 2 * shift + 1 }));
  const window = (image: Tensor, top: Tensor, left: Tensor): Tensor => {
    const rows = take(image, add(iota([height], 0, top.device), top), { axis: 0 });
    return take(rows, add(iota([width], 0, left.device), left), { axis: 1 });
  };
  return vmap(window)(padded, tops!, lefts!);
}
