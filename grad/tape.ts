/** The tape: records a function's operations on known values, to be run backward, or forward again on tangents. */

import { add } from "../ops/arithmetic.ts";
import { isFloat } from "../ops/dtype.ts";
import type { Direction, Linearized, Primitive } from "../ops/primitive.ts";
import { enterScope, handOut, Owner, tidy } from "../ops/scope.ts";
import type { Tensor } from "../ops/tensor.ts";
import { Trace, Tracer } from "../ops/trace.ts";
import { linearize } from "./rules.ts";

/** A value that derivatives flow through: an input, or a result of an operation. It is known by its identity alone. */
export type Node = object;

/** An operation that derivatives flow through. */
interface Entry {
  readonly operands: readonly (Node | null)[];
  readonly results: readonly (Node | null)[];
  readonly linear: Omit<Linearized, "outputs">;
}

class TapeTracer extends Tracer {
  readonly primal: Tensor;
  /** null where no derivative flows: the value is constant to this tape. */
  readonly node: Node | null;

  constructor(tape: Tape, primal: Tensor, node: Node | null, madeBy: string) {
    super(tape, primal.type, madeBy);
    this.primal = primal;
    this.node = node;
  }

  protected override below(): Tensor {
    return this.primal;
  }
}

export class Tape extends Trace {
  readonly #direction: Direction;
  readonly #inputs: Node[] = [];
  readonly #entries: Entry[] = [];
  /** Concrete values made for this tape and seen by nobody else. */
  readonly #owned: Owner = new Owner(this.level);

  constructor(transform: string, direction: Direction) {
    super(transform);
    this.#direction = direction;
  }

  input(primal: Tensor): Tensor {
    const node: Node = {};
    this.#inputs.push(node);
    return new TapeTracer(this, primal, node, "an argument");
  }

  override process(primitive: Primitive, inputs: readonly Tensor[], params: unknown): readonly Tensor[] {
    const primals = inputs.map((x) => this.primal(x));
    const operands = inputs.map((x) => this.nodeOf(x));
    // bind() gives the scope back.
    enterScope(this.#owned);
    const { outputs, linear } = linearize(
      this.#direction,
      primitive,
      primals,
      operands.map((node) => node !== null),
      params,
    );
    const results = outputs.map((y): Node | null => linear !== null && isFloat(y.dtype) ? {} : null);
    if (linear !== null) {
      this.#entries.push({ operands, results, linear });
      this.#owned.adopt(linear.residuals);
    }
    return outputs.map((y, i) => new TapeTracer(this, y, results[i]!, `${primitive.name}()`));
  }

  /** The value that a tracer of this tape stands for; anything else stands for itself. */
  primal(x: Tensor): Tensor {
    return x instanceof TapeTracer && x.trace === this ? x.primal : x;
  }

  /** Where derivatives of a value are collected, null for a constant. */
  nodeOf(x: Tensor): Node | null {
    return x instanceof TapeTracer && x.trace === this ? x.node : null;
  }

  /** Cotangents of the inputs (null: none flows), from those of some values. Frees all that it makes on the way. */
  backward(seeds: readonly (readonly [Node | null, Tensor])[]): (Tensor | null)[] {
    return tidy(() => {
      const cotangents = new Map<Node, Tensor>();
      const accumulate = (node: Node | null, ct: Tensor | null): void => {
        if (node === null || ct === null) return;
        const sum = cotangents.get(node);
        cotangents.set(node, sum === undefined ? ct : add(sum, ct));
      };
      for (const [node, ct] of seeds) accumulate(node, ct);
      for (let i = this.#entries.length - 1; i >= 0; i--) {
        const { operands, results, linear } = this.#entries[i]!;
        const gs = results.map((node) => (node === null ? null : cotangents.get(node) ?? null));
        if (gs.every((g) => g === null)) continue;
        for (const node of results) if (node !== null) cotangents.delete(node);
        linear.apply(gs).forEach((ct, k) => accumulate(operands[k]!, ct));
      }
      return this.#inputs.map((node) => handOutSome(cotangents.get(node)));
    }, () => []);
  }

  /** Tangents of some values (null: zero), from those of the inputs. */
  forward(tangents: readonly (Tensor | null)[], outputs: readonly (Node | null)[]): (Tensor | null)[] {
    return tidy(() => {
      const known = new Map<Node, Tensor | null>(this.#inputs.map((node, i) => [node, tangents[i]!]));
      for (const { operands, results, linear } of this.#entries) {
        const pushed = linear.apply(operands.map((node) => (node === null ? null : known.get(node)!)));
        results.forEach((node, i) => node !== null && known.set(node, pushed[i] ?? null));
      }
      return outputs.map((node) => (node === null ? null : handOutSome(known.get(node))));
    }, () => []);
  }

  /** Frees every value of the tape, which can then not be run again. */
  free(): void {
    this.#owned.free();
    this.#entries.length = 0;
  }

  /** Frees what a later run does not need. */
  settle(): void {
    this.#owned.release(this.#entries.flatMap(({ linear }) => linear.residuals), null);
    this.#owned.free();
  }
}

function handOutSome(x: Tensor | null | undefined): Tensor | null {
  return x == null ? null : handOut(x);
}
