/** Convolutions by the shapes of their trilinear form, for the tests of every device. */

import type { ConvGeometry, KernelOf } from "../ops/kernel.ts";
import type { Shape } from "../ops/shape.ts";
import type { Layout } from "./views.ts";

export type Role = KernelOf<"conv">["role"];
export const roles: readonly Role[] = ["output", "input", "kernel"];

/** Small integers: their products and sums are exact in float32, in any order and however they are rounded. */
export const integers: readonly number[] = [3, -7, 0, 5, 1, -2, 8, -5, 4, -1, 6, -8, 2];

export interface Sizes {
  readonly batch: number;
  readonly input: Shape;
  readonly kernel: Shape;
  readonly channels: number;
  readonly features: number;
  readonly strides?: Shape;
  readonly dilation?: Shape;
  readonly padding?: readonly (readonly [number, number])[];
  readonly groups?: number;
}

/** The shapes of the trilinear form. */
export interface Case {
  readonly geometry: ConvGeometry;
  readonly x: Shape;
  readonly w: Shape;
  readonly g: Shape;
}

/** Channels and features are those of one group. */
export function caseOf({ batch, input, kernel, channels, features, groups = 1, ...rest }: Sizes): Case {
  const ones = kernel.map(() => 1);
  const { strides = ones, dilation = ones, padding = kernel.map(() => [0, 0] as const) } = rest;
  const cells = input.map((n, d) => {
    const reach = (kernel[d]! - 1) * dilation[d]! + 1;
    return Math.max(0, Math.floor((n + padding[d]![0] + padding[d]![1] - reach) / strides[d]!) + 1);
  });
  return {
    geometry: { strides, dilation, padding, groups },
    x: [batch, ...input, channels * groups],
    w: [...kernel, channels, features * groups],
    g: [batch, ...cells, features * groups],
  };
}

/** Of the two operands and the result. */
export function shapesOf(role: Role, { x, w, g }: Case): readonly [Shape, Shape, Shape] {
  return role === "output" ? [x, w, g] : role === "input" ? [g, w, x] : [x, g, w];
}

/** One after another, in row-major order. */
export function rows(shape: Shape, seed = 0): Layout {
  const axes = shape.map(() => ({ gap: 1, reversed: false, repeated: false }));
  return { order: shape.map((_, axis) => axis), axes, offset: 0, seed };
}
