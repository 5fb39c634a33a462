/** Reading a primitive's derivative: what both modes of differentiation share. */

import { add } from "../ops/arithmetic.ts";
import { zerosLike } from "../ops/create.ts";
import { bind1 } from "../ops/bind.ts";
import { isFloat } from "../ops/dtype.ts";
import type { Primitive, Slot } from "../ops/primitive.ts";
import type { TensorType } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";

/** One application of a primitive, with known operands and results. */
export interface Application {
  readonly primitive: Primitive;
  readonly params: unknown;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** Whether any derivative flows from operand `i` to the result. */
export function flows({ derivative }: Primitive, i: number, results: readonly TensorType[]): boolean {
  if (!isFloat(results[0]!.dtype)) return false;
  switch (derivative.kind) {
    case "zero":
      return false;
    case "pointwise":
      return derivative.partials[i] !== null;
    case "linear":
      return derivative.linear === "all" || derivative.linear.includes(i);
    case "bilinear":
      return true;
    case "selection":
      return derivative.of === i;
  }
}

function pick(slots: readonly Slot[], { inputs, outputs }: Application): Tensor[] {
  return slots.map((slot) => slot === "y" ? outputs[0]! : inputs[slot]!);
}

/** The tangent of the result, given those of the operands (null is zero). */
export function push(application: Application, tangents: readonly (Tensor | null)[]): Tensor | null {
  const { primitive, params, inputs, outputs } = application;
  const { derivative } = primitive;
  const known = tangents.map((t, i) => t !== null && flows(primitive, i, outputs.map((y) => y.type)) ? t : null);
  if (known.every((t) => t === null)) return null;
  const total = (terms: readonly (Tensor | null)[]): Tensor =>
    terms.filter((t) => t !== null).reduce((a, b) => add(a, b));
  switch (derivative.kind) {
    case "zero":
      return null;
    case "pointwise":
      return total(known.map((t, i) => {
        const partial = derivative.partials[i];
        return t === null || !partial ? null : partial.of(t, ...pick(partial.keeps, application));
      }));
    case "linear": {
      const all = inputs.map((x, i) =>
        known[i] ?? (flows(primitive, i, outputs.map((y) => y.type)) ? zerosLike(x) : x)
      );
      return bind1(primitive, all, derivative.homogeneous?.(params) ?? params);
    }
    case "bilinear":
      return total(
        known.map((
          t,
          i,
        ) => (t === null ? null : bind1(primitive, i === 0 ? [t, inputs[1]!] : [inputs[0]!, t], params))),
      );
    case "selection":
      return derivative.push(known[derivative.of]!, pick(derivative.keeps, application), params);
  }
}

/** What the backward pass needs of an application: from a cotangent of the result to those of the operands. */
export interface Pull {
  readonly residuals: readonly Tensor[];
  /** One cotangent per operand; null where none was asked for or none flows. */
  apply(g: Tensor): readonly (Tensor | null)[];
}

/** Captures exactly the values that the rules of the wanted operands keep. */
export function pullOf(application: Application, wanted: readonly boolean[]): Pull {
  const { primitive: { derivative }, params, inputs } = application;
  const types = inputs.map((x) => x.type);
  const n = inputs.length;
  switch (derivative.kind) {
    case "zero":
      return { residuals: [], apply: () => new Array<null>(n).fill(null) };
    case "pointwise": {
      const rules = derivative.partials.map((partial, i) =>
        wanted[i] && partial !== null ? { partial, kept: pick(partial.keeps, application) } : null
      );
      return {
        residuals: rules.flatMap((rule) => rule?.kept ?? []),
        apply: (g) => rules.map((rule) => rule === null ? null : rule.partial.of(g, ...rule.kept)),
      };
    }
    case "linear": {
      const { linear } = derivative;
      const others = linear === "all" ? [] : inputs.filter((_, i) => !linear.includes(i));
      return {
        residuals: others,
        apply(g) {
          const cotangents = derivative.transpose(g, others, params, types);
          return types.map((_, i) => (wanted[i] ? cotangents[linear === "all" ? i : linear.indexOf(i)] ?? null : null));
        },
      };
    }
    case "bilinear": {
      const [a, b] = inputs as [Tensor, Tensor];
      const [byFirst, bySecond] = derivative.transpose;
      return {
        residuals: [...(wanted[0] ? [b] : []), ...(wanted[1] ? [a] : [])],
        apply: (
          g,
        ) => [wanted[0] ? byFirst(g, b, params, types) : null, wanted[1] ? bySecond(g, a, params, types) : null],
      };
    }
    case "selection": {
      const kept = pick(derivative.keeps, application);
      return {
        residuals: kept,
        apply(g) {
          const ct = derivative.pull(g, kept, params);
          return types.map((_, i) => (i === derivative.of ? ct : null));
        },
      };
    }
  }
}
