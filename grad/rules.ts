/** Reading a primitive's derivative: what both modes of differentiation share. */

import { add } from "../ops/arithmetic.ts";
import { zerosLike } from "../ops/create.ts";
import { bind, bind1 } from "../ops/bind.ts";
import { isFloat } from "../ops/dtype.ts";
import type { Direction, Linearized, Primitive, Slot } from "../ops/primitive.ts";
import type { TensorType } from "../ops/shape.ts";
import type { Tensor } from "../ops/tensor.ts";

/** One application of a primitive, with known operands and results. */
interface Application {
  readonly primitive: Primitive;
  readonly params: unknown;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

type LinearPart = Omit<Linearized, "outputs">;

/** Whether any derivative flows from operand `i` to the results. */
export function flows({ derivative }: Primitive, i: number, results: readonly TensorType[]): boolean {
  if (!results.some((type) => isFloat(type.dtype))) return false;
  switch (derivative.kind) {
    case "zero":
      return false;
    case "pointwise":
      return derivative.partials[i] !== null;
    case "linear":
      return derivative.linear === "all" || derivative.linear.includes(i);
    case "bilinear":
    case "staged":
      return true;
    case "selection":
      return derivative.of === i;
  }
}

/** Carries an operation out; with its derivative by the wanted operands, or null where none flows from them. */
export function linearize(
  direction: Direction,
  primitive: Primitive,
  inputs: readonly Tensor[],
  wanted: readonly boolean[],
  params: unknown,
): { readonly outputs: readonly Tensor[]; readonly linear: LinearPart | null } {
  if (primitive.derivative.kind === "staged" && wanted.includes(true)) {
    const { outputs, ...linear } = primitive.derivative.linearize(direction, inputs, wanted, params);
    return { outputs, linear };
  }
  const outputs = bind(primitive, inputs, params);
  const types = outputs.map((y) => y.type);
  const open = wanted.map((isWanted, i) => isWanted && flows(primitive, i, types));
  if (!open.includes(true)) return { outputs, linear: null };
  const application = { primitive, params, inputs, outputs };
  return { outputs, linear: direction === "reverse" ? reversed(application, open) : forwarded(application, open) };
}

function pick(slots: readonly Slot[], { inputs, outputs }: Application): Tensor[] {
  return slots.map((slot) => slot === "y" ? outputs[0]! : inputs[slot]!);
}

function forwarded(application: Application, open: readonly boolean[]): LinearPart {
  return {
    residuals: [...application.inputs, ...application.outputs],
    apply(tangents) {
      const known = tangents.map((t, i) => (open[i] ? t : null));
      return [known.every((t) => t === null) ? null : push(application, known)];
    },
  };
}

/** The tangent of the result, given those of the operands, of which one is not zero. */
function push(application: Application, tangents: readonly (Tensor | null)[]): Tensor | null {
  const { primitive, params, inputs, outputs } = application;
  const { derivative } = primitive;
  const total = (terms: readonly (Tensor | null)[]): Tensor =>
    terms.filter((t) => t !== null).reduce((a, b) => add(a, b));
  switch (derivative.kind) {
    case "zero":
    case "staged":
      return null;
    case "pointwise":
      return total(tangents.map((t, i) => {
        const partial = derivative.partials[i];
        return t === null || !partial ? null : partial.of(t, ...pick(partial.keeps, application));
      }));
    case "linear": {
      const types = outputs.map((y) => y.type);
      const all = inputs.map((x, i) => tangents[i] ?? (flows(primitive, i, types) ? zerosLike(x) : x));
      return bind1(primitive, all, derivative.homogeneous?.(params) ?? params);
    }
    case "bilinear":
      return total(tangents.map((t, i) => {
        if (t === null) return null;
        return bind1(primitive, i === 0 ? [t, inputs[1]!] : [inputs[0]!, t], params);
      }));
    case "selection":
      return derivative.push(tangents[derivative.of]!, pick(derivative.keeps, application), params);
  }
}

/** Captures exactly the values that the rules of the open operands keep. */
function reversed(application: Application, open: readonly boolean[]): LinearPart {
  const { primitive: { derivative }, params, inputs } = application;
  const types = inputs.map((x) => x.type);
  switch (derivative.kind) {
    case "zero":
    case "staged":
      return { residuals: [], apply: () => inputs.map(() => null) };
    case "pointwise": {
      const rules = derivative.partials.map((partial, i) =>
        open[i] && partial !== null ? { partial, kept: pick(partial.keeps, application) } : null
      );
      return {
        residuals: rules.flatMap((rule) => rule?.kept ?? []),
        apply: ([g]) => rules.map((rule) => rule === null ? null : rule.partial.of(g!, ...rule.kept)),
      };
    }
    case "linear": {
      const { linear } = derivative;
      const others = linear === "all" ? [] : inputs.filter((_, i) => !linear.includes(i));
      return {
        residuals: others,
        apply([g]) {
          const cotangents = derivative.transpose(g!, others, params, types);
          return types.map((_, i) => (open[i] ? cotangents[linear === "all" ? i : linear.indexOf(i)] ?? null : null));
        },
      };
    }
    case "bilinear": {
      const [a, b] = inputs as [Tensor, Tensor];
      const [byFirst, bySecond] = derivative.transpose;
      return {
        residuals: [...(open[0] ? [b] : []), ...(open[1] ? [a] : [])],
        apply: ([g]) => [
          open[0] ? byFirst(g!, b, params, types) : null,
          open[1] ? bySecond(g!, a, params, types) : null,
        ],
      };
    }
    case "selection": {
      const kept = pick(derivative.keeps, application);
      return {
        residuals: kept,
        apply([g]) {
          const ct = derivative.pull(g!, kept, params);
          return types.map((_, i) => (i === derivative.of ? ct : null));
        },
      };
    }
  }
}
