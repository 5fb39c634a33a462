/** Factories for families of primitives: what all members share is written here once. */

import { bind1 } from "./bind.ts";
import type { DType } from "./dtype.ts";
import type { Kernel } from "./kernel.ts";
import { broadcastTo } from "./movement.ts";
import type { Partial, Primitive, Slot } from "./primitive.ts";
import { cast, input, type Scalar } from "./scalar.ts";
import type { TensorType } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * An elementwise primitive without parameters: its scalar expression, and its partial derivatives or the reason why it
 * has none. All operands have the result's shape.
 */
export function pointwise(
  name: string,
  scalar: (...xs: Scalar[]) => Scalar,
  partials: readonly Partial[] | string,
): Primitive<null> {
  const bodies = new Map<string, Scalar>();
  const kernels = new Map<Scalar, Kernel>();
  function body(types: readonly TensorType[]): Scalar {
    let key: string = types[0]!.dtype;
    for (let i = 1; i < types.length; i++) if (types[i]!.dtype !== types[0]!.dtype) key += types[i]!.dtype;
    let made = bodies.get(key);
    if (made === undefined) {
      made = bodyOf(scalar, types.map((type, i) => input(i, type.dtype)));
      bodies.set(key, made);
      kernels.set(made, { kind: "map", body: made });
    }
    return made;
  }
  return {
    name,
    infer: (types) => [{ dtype: body(types).dtype, shape: types[0]!.shape }],
    kernel: (types) => kernels.get(body(types))!,
    derivative: typeof partials === "string" ? { kind: "zero", reason: partials } : { kind: "pointwise", partials },
    batch(inputs, batched, params, size) {
      return [bind1(this, alignBatch(inputs, batched, size), params)];
    },
  };
}

/** The expression; where it is more than one operation of float16, computed in float32 and rounded once. */
function bodyOf(scalar: (...xs: Scalar[]) => Scalar, inputs: readonly Scalar[]): Scalar {
  const body = scalar(...inputs);
  const isOneOperation = body.args.every((arg) => arg.args.length === 0);
  if (isOneOperation || inputs.every((x) => x.dtype !== "float16")) return body;
  const wide = scalar(...inputs.map((x) => x.dtype === "float16" ? cast(x, "float32") : x));
  return wide.dtype === "float32" ? cast(wide, "float16") : wide;
}

/** A partial derivative: a linear map of g, given kept values. */
export function keeping(keeps: readonly Slot[], of: (g: Tensor, ...kept: Tensor[]) => Tensor): Partial {
  return { keeps, of };
}

/** Gives the unbatched inputs the batch axis too, by broadcasting. */
export function alignBatch(inputs: readonly Tensor[], batched: readonly boolean[], size: number): readonly Tensor[] {
  return inputs.map((x, i) => batched[i] ? x : broadcastTo(x, [size, ...x.shape]));
}

/**
 * A primitive of one operand, linear in it, that moves or adds up elements. `batch` gives the parameters that do the
 * same to all but the first axis.
 */
export function linear<P>(rules: {
  readonly name: string;
  readonly shape: (x: TensorType, params: P) => readonly number[];
  readonly kernel: (x: TensorType, params: P) => Kernel;
  readonly transpose: (g: Tensor, params: P, x: TensorType) => Tensor;
  readonly batch: (params: P, size: number) => P;
}): Primitive<P> {
  return {
    name: rules.name,
    infer: ([x], params) => [{ dtype: x!.dtype, shape: rules.shape(x!, params) }],
    kernel: ([x], params) => rules.kernel(x!, params),
    derivative: {
      kind: "linear",
      linear: [0],
      transpose: (g, _, params, [x]) => [rules.transpose(g, params, x!)],
    },
    batch(inputs, _, params, size) {
      return [bind1(this, inputs, rules.batch(params, size))];
    },
  };
}

/** One value per dtype, made when first asked for, so that equal kernels are the same object. */
export function perDType<T>(make: (dtype: DType) => T): (dtype: DType) => T {
  const made = new Map<DType, T>();
  return (dtype) => {
    let value = made.get(dtype);
    if (value === undefined) {
      value = make(dtype);
      made.set(dtype, value);
    }
    return value;
  };
}
