/** Batching: a function of single examples becomes one of whole batches. */

import { checkOptions, tensorsOf, toTensor } from "../ops/arguments.ts";
import { constantOf } from "../ops/create.ts";
import { placeBeside } from "../ops/devices.ts";
import { describe, ShapeError } from "../ops/errors.ts";
import { broadcastTo, moveAxis } from "../ops/movement.ts";
import type { Primitive } from "../ops/primitive.ts";
import { handOut, Owner, tidy } from "../ops/scope.ts";
import { checkCount, normalizeAxis, type TensorType, typeString } from "../ops/shape.ts";
import type { ConcreteTensor, Tensor } from "../ops/tensor.ts";
import { checkAlive, Trace, Tracer } from "../ops/trace.ts";
import { putTogether, type Structure, takeApart } from "../ops/structure.ts";
import { callSync, checkFunction } from "./function.ts";

/** Which axis of each leaf is the batch: one number for all, null for none, or a tree that says it leaf by leaf. */
export type Axes = number | null | readonly Axes[] | { readonly [key: string]: Axes };

/** Options of {@linkcode vmap}. */
export interface VmapOptions {
  /** One entry for each argument, or one for all. */
  readonly inAxes?: number | readonly Axes[] | undefined;
  /** Where the batch goes in each leaf of the result; 0 by default. */
  readonly outAxes?: Axes | undefined;
  /** The batch size, where no argument tells it. */
  readonly size?: number | undefined;
}

class BatchTracer extends Tracer {
  /** The value for the whole batch, which is its first axis. */
  readonly batch: Tensor;

  constructor(trace: BatchTrace, type: TensorType, batch: Tensor, madeBy: string) {
    super(trace, type, madeBy);
    this.batch = batch;
  }

  protected override below(): Tensor {
    return this.batch;
  }

  override concrete(): ConcreteTensor {
    checkAlive(this, "a read");
    throw new TypeError(
      `${typeString(this.type)} has no single value inside vmap(): use where() or cond() to choose by a value, ` +
        "or return it and read the batch outside",
    );
  }
}

class BatchTrace extends Trace {
  readonly size: number;
  readonly owned: Owner = new Owner(this.level);

  constructor(size: number) {
    super("vmap");
    this.size = size;
  }

  input(batch: Tensor): Tensor {
    return this.tracer(batch, "an argument");
  }

  tracer(batch: Tensor, madeBy: string): Tensor {
    return new BatchTracer(this, { dtype: batch.dtype, shape: batch.shape.slice(1) }, batch, madeBy);
  }

  /** The batched value of a tracer of this trace, else null. */
  batchOf(x: Tensor): Tensor | null {
    return x instanceof BatchTracer && x.trace === this ? x.batch : null;
  }

  override process(primitive: Primitive, inputs: readonly Tensor[], params: unknown): readonly Tensor[] {
    if (this.size === 0) return this.#nothing(primitive, inputs, params);
    const batches = inputs.map((x) => this.batchOf(x));
    const values = inputs.map((x, i) => batches[i] ?? x);
    const outputs = tidy(
      () => primitive.batch(values, batches.map((b) => b !== null), params, this.size),
      (made) => made,
      this.owned,
    );
    return outputs.map((y) => this.tracer(y, `${primitive.name}()`));
  }

  /** The results of an empty batch, whose axes cannot be split up again after they were merged. */
  #nothing(primitive: Primitive, inputs: readonly Tensor[], params: unknown): readonly Tensor[] {
    const device = placeBeside(inputs);
    return primitive.infer(inputs.map((x) => x.type), params).map(({ dtype, shape }) =>
      this.tracer(constantOf(0, dtype, [0, ...shape], device), `${primitive.name}()`)
    );
  }
}

/** Spreads an axes tree over a structure: one entry per leaf. */
function axesOf(what: string, axes: Axes, structure: Structure): (number | null)[] {
  if (structure === null) return [];
  if (structure === "leaf") {
    if (axes === null || typeof axes === "number") return [axes];
    throw new TypeError(`vmap() needs ${what} of a number or null for a leaf, got ${describe(axes)}`);
  }
  const children = Object.entries(structure);
  if (axes === null || typeof axes === "number") return children.flatMap(([, child]) => axesOf(what, axes, child));
  return children.flatMap(([key, child]) => {
    const entry = (axes as Record<string, Axes | undefined>)[key];
    if (entry === undefined) throw new TypeError(`vmap() needs ${what} that have an entry for ${JSON.stringify(key)}`);
    return axesOf(what, entry, child);
  });
}

/**
 * A function of single examples made one of whole batches: `f: f32[k] → f32[]` becomes `f32[n,k] → f32[n]`. What it
 * computes is what a loop over the batch would, but with each operation done once for all.
 *
 * By default every leaf of every argument has the batch at axis 0. `inAxes` says otherwise for each argument: an axis,
 * null for the same value in every example, or a tree of them; `outAxes` says where the batch goes in the result, null
 * if it does not vary. Inside, tensors have the shape of one example, and values cannot be read: choose by `where`.
 *
 * @throws {ShapeError} If batch sizes differ, or none is known.
 * @throws {TypeError} If the axes do not fit the arguments or results, a value is read, or the function is async.
 *
 * @example Usage
 * ```ts
 * import { dot, type Tensor, tensor, vmap } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const rows = tensor([[1, 2], [3, 4], [5, 6]]);
 * const v = tensor([10, 1]);
 * const f = vmap((row: Tensor, v: Tensor) => dot(row, v), { inAxes: [0, null] });
 * assertEquals(f(rows, v).arraySync(), [12, 34, 56]);
 * ```
 *
 * @example Gradients of single examples
 * ```ts
 * import { grad, square, sum, type Tensor, tensor, vmap } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const perExample = vmap(grad((x: Tensor) => sum(square(x))));
 * assertEquals(perExample(tensor([[1, 2], [3, 4]])).arraySync(), [[2, 4], [6, 8]]);
 * ```
 */
export function vmap<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: VmapOptions = {},
): (...args: A) => R {
  checkFunction("vmap", f);
  checkOptions("vmap", options, ["inAxes", "outAxes", "size"]);
  const { inAxes = 0, outAxes = 0, size } = options;
  if (typeof inAxes !== "number" && !Array.isArray(inAxes)) {
    throw new TypeError(
      `vmap() takes inAxes as a number or an array with one entry per argument, got ${describe(inAxes)}`,
    );
  }
  if (size !== undefined) checkCount("vmap", "size", size);
  return (...args) => {
    const { leaves, structure } = takeApart("vmap", args);
    if (typeof inAxes !== "number" && inAxes.length !== args.length) {
      throw new TypeError(
        `vmap() has inAxes for ${inAxes.length} arguments, but the function was called with ${args.length}`,
      );
    }
    const values = tensorsOf("vmap", leaves);
    const axes = axesOf("inAxes", inAxes, structure).map((axis, i) =>
      axis === null ? null : batchAxis(axis, values[i]!)
    );
    const trace = new BatchTrace(batchSize(values, axes, size));
    try {
      const batches = tidy(
        () => values.map((x, i) => (axes[i] === null ? x : moveAxis(x, axes[i]!, 0))),
        (made) => made,
        trace.owned,
      );
      const traced = batches.map((x, i) => (axes[i] === null ? x : trace.input(x)));
      const out = takeApart("vmap", callSync("vmap", f, putTogether(structure, traced) as A));
      const places = axesOf("outAxes", outAxes, out.structure);
      const results = tidy(
        () => out.leaves.map((leaf, i) => handOut(collect(trace, toTensor("vmap", leaf, values), places[i]!))),
        () => [],
      );
      return putTogether(out.structure, results) as R;
    } finally {
      trace.finish();
      trace.owned.free();
    }
  };
}

function batchAxis(axis: number, x: Tensor): number {
  if (x.ndim === 0) {
    throw new ShapeError(`vmap() cannot batch ${typeString(x.type)} along axis ${axis}: give it null in inAxes`);
  }
  return normalizeAxis("vmap", axis, x.ndim);
}

function batchSize(values: readonly Tensor[], axes: readonly (number | null)[], given: number | undefined): number {
  let size = given;
  let from: Tensor | null = null;
  values.forEach((x, i) => {
    const axis = axes[i];
    if (axis === null || axis === undefined) return;
    const n = x.shape[axis]!;
    if (size !== undefined && n !== size) {
      const other = from === null ? `the given size ${size}` : `${size} of ${typeString(from.type)}`;
      throw new ShapeError(
        `vmap() cannot batch over ${n} along axis ${axis} of ${
          typeString(x.type)
        } beside ${other}: batch sizes must be equal`,
      );
    }
    size = n;
    from ??= x;
  });
  if (size === undefined) {
    throw new ShapeError("vmap() cannot tell the batch size: no argument has a batch axis; give { size }");
  }
  return size;
}

/** A result with the batch axis put where it is wanted. */
function collect(trace: BatchTrace, y: Tensor, axis: number | null): Tensor {
  const batch = trace.batchOf(y);
  if (axis === null) {
    if (batch === null) return y;
    throw new TypeError(`vmap() cannot return ${typeString(y.type)} with outAxes null: it differs over the batch`);
  }
  const whole = batch ?? broadcastTo(y, [trace.size, ...y.shape]);
  return moveAxis(whole, 0, normalizeAxis("vmap", axis, whole.ndim));
}
