/** Convolutions, their two backward passes, and pooling, on images with channels last. */

import { conv, maxPool, type Tensor, vjp } from "../mod.ts";
import { measure, sample } from "./measure.ts";

/** A batch of square images, a square kernel, stride 1, the same padding on every side. */
interface Layer {
  readonly batch: number;
  readonly size: number;
  readonly channels: number;
  readonly kernel: number;
  readonly features: number;
  readonly padding: number;
}

const layers: readonly Layer[] = [
  { batch: 128, size: 28, channels: 1, kernel: 5, features: 6, padding: 2 },
  { batch: 128, size: 14, channels: 6, kernel: 5, features: 16, padding: 0 },
  { batch: 32, size: 32, channels: 3, kernel: 4, features: 128, padding: 1 },
  { batch: 32, size: 32, channels: 64, kernel: 3, features: 64, padding: 1 },
];

for (const { batch, size, channels, kernel, features, padding } of layers) {
  const outSize = size + 2 * padding - kernel + 1;
  const xShape = [batch, size, size, channels] as const;
  const wShape = [kernel, kernel, channels, features] as const;
  const yShape = [batch, outSize, outSize, features] as const;
  const name = `${kernel}x${kernel}, ${xShape.join("x")} to ${features}`;

  measure("convolution", name, () => {
    const [x, w] = [sample(xShape, 1), sample(wShape, 2)];
    const [xAt, wAt] = [reader(x), reader(w)];
    return {
      run: () => conv(x, w, { padding }),
      expected(i) {
        const [n, y, column, f] = unravel(i, yShape);
        return sumOver(
          [kernel, kernel, channels],
          (ky, kx, c) => xAt(n, y + ky - padding, column + kx - padding, c) * wAt(ky, kx, c, f),
        );
      },
    };
  });

  // Nobody asks for the gradient of a first layer's images.
  if (channels > 1) {
    measure("convolution", `${name}: gradient of the images`, () => {
      const [x, w, g] = [sample(xShape, 1), sample(wShape, 2), sample(yShape, 3)];
      const [wAt, gAt] = [reader(w), reader(g)];
      const [, pullback] = vjp((x: Tensor) => conv(x, w, { padding }), x);
      return {
        run: () => pullback(g)[0],
        expected(i) {
          const [n, y, column, c] = unravel(i, xShape);
          return sumOver(
            [kernel, kernel, features],
            (ky, kx, f) => gAt(n, y - ky + padding, column - kx + padding, f) * wAt(ky, kx, c, f),
          );
        },
      };
    });
  }

  measure("convolution", `${name}: gradient of the kernel`, () => {
    const [x, w, g] = [sample(xShape, 1), sample(wShape, 2), sample(yShape, 3)];
    const [xAt, gAt] = [reader(x), reader(g)];
    const [, pullback] = vjp((w: Tensor) => conv(x, w, { padding }), w);
    return {
      run: () => pullback(g)[0],
      expected(i) {
        const [ky, kx, c, f] = unravel(i, wShape);
        return sumOver(
          [batch, outSize, outSize],
          (n, y, column) => xAt(n, y + ky - padding, column + kx - padding, c) * gAt(n, y, column, f),
        );
      },
    };
  });
}

measure("convolution", "maxPool 2x2, 128x28x28x6", () => {
  const x = sample([128, 28, 28, 6], 1);
  const xAt = reader(x);
  return {
    run: () => maxPool(x, { window: 2 }),
    expected(i) {
      const [n, y, column, c] = unravel(i, [128, 14, 14, 6]);
      const window = [0, 1].flatMap((dy) => [0, 1].map((dx) => xAt(n, 2 * y + dy, 2 * column + dx, c)));
      return Math.max(...window);
    },
  };
});

type Four = readonly [number, number, number, number];

/** Reads elements of a tensor of rank 4; outside of the middle two axes there are zeros. */
function reader(t: Tensor): (...at: Four) => number {
  const data = t.dataSync();
  const [, height, width, depth] = t.shape as Four;
  return (n, y, x, c) =>
    y >= 0 && y < height && x >= 0 && x < width ? data[((n * height + y) * width + x) * depth + c]! : 0;
}

/** The indices of flat element `i`. */
function unravel(i: number, [, height, width, depth]: Four): Four {
  const cell = Math.floor(i / depth);
  return [Math.floor(cell / (height * width)), Math.floor(cell / width) % height, cell % width, i % depth];
}

function sumOver(
  [a, b, c]: readonly [number, number, number],
  term: (i: number, j: number, k: number) => number,
): number {
  let total = 0;
  for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) for (let k = 0; k < c; k++) total += term(i, j, k);
  return total;
}
