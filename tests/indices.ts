/** Walking over the indices of a shape, as plain loops do. */

import { type Shape, sizeOf } from "../ops/shape.ts";

/** Every index of a shape in row-major order. */
export function* indicesOf(shape: Shape): Generator<number[]> {
  const index = new Array<number>(shape.length).fill(0);
  const size = sizeOf(shape);
  for (let n = 0; n < size; n++) {
    yield index.slice();
    for (let i = shape.length - 1; i >= 0; i--) {
      if (++index[i]! < shape[i]!) break;
      index[i] = 0;
    }
  }
}
