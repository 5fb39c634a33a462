/** What a layer is: a pair of pure functions over parameters and state that the caller holds. */

import { toTensor } from "../ops/arguments.ts";
import { ShapeError } from "../ops/errors.ts";
import { trace } from "../ops/program.ts";
import { checkShape, type Shape, type TensorType, typeString } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";

/**
 * A part of a network. `P` is the tree of its parameters, which training changes; `S` that of its state, which `apply`
 * gives back renewed. A part that has none has null.
 *
 * @example A layer of one's own
 * ```ts
 * import { mul, nn, ones, random, type Tensor, zeros } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const gain: nn.Layer<{ gain: Tensor }, null> = {
 *   init: (_key, inputShape) => ({ params: { gain: ones(inputShape) }, state: null, outputShape: inputShape }),
 *   apply: ({ params }, x) => [mul(x, params.gain), null],
 * };
 * const model = nn.sequential(gain, nn.relu);
 * const { params, outputShape } = model.init(random.key(0), [3]);
 * assertEquals(params[0].gain.shape, [3]);
 * assertEquals(outputShape, [3]);
 * ```
 */
export interface Layer<P = unknown, S = unknown> {
  /** What errors and summaries call it. */
  readonly name?: string | undefined;
  /** What it is made of, in order; for summaries. */
  readonly parts?: readonly Part[] | undefined;
  /** Parameters and state for examples of this shape, which is without the batch axis. */
  init(key: Tensor, inputShape: Shape): Initial<P, S>;
  /** The result for a batch `x`, and the new state. Layers that are random in training need a key then. */
  apply(variables: Variables<P, S>, x: Tensor, options?: ApplyOptions): [y: Tensor, state: S];
}

/** What a layer is applied with. */
export interface Variables<P, S> {
  /** What training changes. */
  readonly params: P;
  /** What `apply` renews. */
  readonly state: S;
}

/** What a layer begins with. */
export interface Initial<P, S> extends Variables<P, S> {
  /** The shape of one example after the layer. */
  readonly outputShape: Shape;
}

/** How a layer is applied. */
export interface ApplyOptions {
  /** Whether this is training, where dropout drops; false unless given. */
  readonly training?: boolean | undefined;
  /** The source of what is random in training. */
  readonly key?: Tensor | undefined;
}

/** What {@linkcode sequential} is made of: layers, and functions of batches. */
export type Part = Layer | ((x: Tensor) => Tensor);

/** The parameters of a layer; null for a function. */
export type ParamsOf<L> = L extends Layer<infer P, unknown> ? P : null;

/** The state of a layer; null for a function. */
export type StateOf<L> = L extends Layer<unknown, infer S> ? S : null;

/** A layer without parameters and state. */
export function stateless(name: string, f: (x: Tensor, options: ApplyOptions) => Tensor): Layer<null, null> {
  return {
    name,
    init: (_, inputShape) => ({
      params: null,
      state: null,
      outputShape: shapeThrough(name, (x) => f(x, {}), inputShape),
    }),
    apply: (_, x, options = {}) => [f(x, options), null],
  };
}

/** The shape of one example after a function of batches, which is traced for it, not run. */
export function shapeThrough(name: string, f: (x: Tensor) => Tensor, inputShape: Shape): Shape {
  checkShape(name, inputShape);
  // A batch of 2 shows where a function drops the batch axis: 1 could be squeezed away or come back by chance.
  const batch: TensorType = { dtype: "float32", shape: [2, ...inputShape] };
  const program = trace(name, ([x]) => [toTensor(name, f(x!))], [batch]);
  const result = program.types[program.outputs[0]!]!;
  if (result.shape[0] !== 2) {
    throw new ShapeError(
      `${name}() makes ${typeString(result)} of a batch ${typeString(batch)}: the batch axis must stay the first`,
    );
  }
  return result.shape.slice(1);
}
