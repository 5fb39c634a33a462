/** Running sums, products and extremes along an axis. */

import { checkOptions, countable, toTensor } from "./arguments.ts";
import { mul } from "./arithmetic.ts";
import { bind1 } from "./bind.ts";
import { iota } from "./create.ts";
import { linear } from "./families.ts";
import { scatter, takeAlongAxis } from "./indexing.ts";
import { concatenate } from "./joining.ts";
import { equal, isNaN, logicalOr, where } from "./logic.ts";
import { expandDims, flatten, moveAxis, reshape, slice } from "./movement.ts";
import type { Primitive } from "./primitive.ts";
import { roundedOnce } from "./rounded_once.ts";
import { normalizeAxis } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

interface Cumulative {
  readonly axis: number;
  readonly reverse: boolean;
}

const cumsumP: Primitive<Cumulative> = linear<Cumulative>({
  name: "cumsum",
  shape: (x) => x.shape,
  kernel: (_, { axis, reverse }) => ({ kind: "cumulative", combiner: "sum", axis, reverse }),
  transpose: (g, { axis, reverse }) => bind1(cumsumP, [g], { axis, reverse: !reverse }),
  batch: ({ axis, reverse }) => ({ axis: axis + 1, reverse }),
});

/** The largest or smallest element so far; its gradient goes to the nearest one that attains it. */
function runningExtreme(name: "cummax" | "cummin", combiner: "max" | "min"): Primitive<Cumulative> {
  return {
    name,
    infer: ([x]) => [x!],
    kernel: (_, { axis, reverse }) => ({ kind: "cumulative", combiner, axis, reverse }),
    derivative: {
      kind: "selection",
      of: 0,
      keeps: [0, "y"],
      push: (t, [x, y], { axis, reverse }) => takeAlongAxis(t, nearestHit(x!, y!, axis, reverse), { axis }),
      pull: (g, [x, y], { axis, reverse }) => putAlongAxis(g, nearestHit(x!, y!, axis, reverse), axis),
    },
    batch(inputs, _, { axis, reverse }) {
      return [bind1(this, inputs, { axis: axis + 1, reverse })];
    },
  };
}

const cummaxP = runningExtreme("cummax", "max");
const cumminP = runningExtreme("cummin", "min");

/** For each element of the running extreme y of x, the position last passed where x attained it. */
function nearestHit(x: Tensor, y: Tensor, axis: number, reverse: boolean): Tensor {
  const hit = logicalOr(equal(x, y), isNaN(x));
  const position = iota(x.shape, axis, x.device);
  // The first element passed is always a hit, so what stands for no hit never wins.
  return bind1(reverse ? cumminP : cummaxP, [where(hit, position, reverse ? x.shape[axis]! : -1)], { axis, reverse });
}

/** The transpose of {@linkcode takeAlongAxis} for as many positions as elements: each element is added at its position. */
function putAlongAxis(g: Tensor, positions: Tensor, axis: number): Tensor {
  const last = moveAxis(g, axis, -1);
  const n = g.shape[axis]!;
  const rows = [last.shape.slice(0, -1).reduce((rows, size) => rows * size, 1), n];
  const indices = reshape(moveAxis(positions, axis, -1), rows);
  const added = scatter(indices, expandDims(reshape(last, rows), [1, 3]), n, "sum");
  return moveAxis(reshape(added, last.shape), -1, axis);
}

/** Options of {@linkcode cumsum}, {@linkcode cumprod}, {@linkcode cummax} and {@linkcode cummin}. */
export interface CumulativeOptions {
  /** The axis, negative ones counted from the end; by default the flattened elements are taken. */
  readonly axis?: number | undefined;
  /** Whether to run from the end of the axis. */
  readonly reverse?: boolean | undefined;
}

/** The tensor to run along, flattened where no axis is given, and how. */
function running(op: string, given: Tensor, options: CumulativeOptions): { t: Tensor; how: Cumulative } {
  checkOptions(op, options, ["axis", "reverse"]);
  const { reverse = false } = options;
  const t = options.axis === undefined ? flatten(given) : given;
  return { t, how: { axis: normalizeAxis(op, options.axis, t.ndim, 0), reverse } };
}

/**
 * The running sum along an axis, y_i = x_0 + … + x_i: `f32[n] → f32[n]`. Without an axis x is flattened first. Bools
 * are counted as int32; integers wrap. Floats are added up in float64, one after the other, and rounded as they are
 * stored: float16 too.
 *
 * @example Usage
 * ```ts
 * import { cumsum, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cumsum(tensor([1, 2, 3])).arraySync(), [1, 3, 6]);
 * assertEquals(cumsum(tensor([1, 2, 3]), { reverse: true }).arraySync(), [6, 5, 3]);
 * ```
 */
export function cumsum(x: TensorLike, options: CumulativeOptions = {}): Tensor {
  const { t, how } = running("cumsum", countable("cumsum", x), options);
  return bind1(cumsumP, [t], how);
}

/**
 * The running product along an axis, y_i = x_0 · … · x_i: `f32[n] → f32[n]`. Without an axis x is flattened first.
 * Bools become int32; integers wrap; float16 is rounded once, in the end. The derivative is right also where elements are 0: nothing is divided by.
 *
 * In log n steps, each of which multiplies by what lies twice as far back (Hillis and Steele, "Data parallel
 * algorithms", 1986).
 *
 * @example Usage
 * ```ts
 * import { cumprod, grad, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cumprod(tensor([2, 3, 4])).arraySync(), [2, 6, 24]);
 * assertEquals(grad((x: Tensor) => sum(cumprod(x)))(tensor([2, 0, 4])).arraySync(), [1, 10, 0]);
 * ```
 */
export function cumprod(x: TensorLike, options: CumulativeOptions = {}): Tensor {
  const { t, how } = running("cumprod", countable("cumprod", x), options);
  return cumprodAlong(t, how);
}

const cumprodAlong = roundedOnce("cumprod", (t, { axis, reverse }: Cumulative) => {
  const n = t.shape[axis]!;
  const part = (y: Tensor, start: number, stop: number): Tensor => {
    const before = new Array<null>(axis).fill(null);
    return slice(y, { start: [...before, start], stop: [...before, stop] });
  };
  let y = t;
  for (let distance = 1; distance < n; distance *= 2) {
    const products = mul(part(y, 0, n - distance), part(y, distance, n));
    y = concatenate(reverse ? [products, part(y, n - distance, n)] : [part(y, 0, distance), products], { axis });
  }
  return y;
});

/**
 * The largest element so far along an axis, y_i = max(x_0, …, x_i): `f32[n] → f32[n]`. Without an axis x is flattened
 * first. From the first NaN on it is NaN; of bools it is "any". The derivative goes to the element that attains the
 * maximum, of equal ones to that nearest to i.
 *
 * @example Usage
 * ```ts
 * import { cummax, grad, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cummax(tensor([1, 3, 2, 5])).arraySync(), [1, 3, 3, 5]);
 * assertEquals(cummax(tensor([1, 3, 2, 5]), { reverse: true }).arraySync(), [5, 5, 5, 5]);
 * assertEquals(grad((x: Tensor) => sum(cummax(x)))(tensor([1, 3, 2, 3])).arraySync(), [1, 2, 0, 1]);
 * ```
 */
export function cummax(x: TensorLike, options: CumulativeOptions = {}): Tensor {
  const { t, how } = running("cummax", toTensor("cummax", x), options);
  return bind1(cummaxP, [t], how);
}

/**
 * The smallest element so far along an axis, y_i = min(x_0, …, x_i): `f32[n] → f32[n]`. Without an axis x is flattened
 * first. From the first NaN on it is NaN; of bools it is "all". The derivative goes to the element that attains the
 * minimum, of equal ones to that nearest to i.
 *
 * @example Usage
 * ```ts
 * import { cummin, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(cummin(tensor([[3, 1, 2], [2, 5, 4]]), { axis: 1 }).arraySync(), [[3, 1, 1], [2, 2, 2]]);
 * ```
 */
export function cummin(x: TensorLike, options: CumulativeOptions = {}): Tensor {
  const { t, how } = running("cummin", toTensor("cummin", x), options);
  return bind1(cumminP, [t], how);
}
