/** The tape: records a function's operations on known values, to be run backward, or forward again on tangents. */

import { bind } from "../ops/bind.ts";
import { add } from "../ops/arithmetic.ts";
import type { Primitive } from "../ops/primitive.ts";
import { enterScope, handOut, Owner, tidy } from "../ops/scope.ts";
import type { Tensor } from "../ops/tensor.ts";
import { Trace, Tracer } from "../ops/trace.ts";
import { type Application, flows, type Pull, pullOf, push } from "./rules.ts";

/** A value that derivatives flow through: an input, or the result of an operation. */
interface Node {
  readonly parents: readonly (Node | null)[];
  readonly pull: Pull | null;
  /** Kept only by a tape that is run forward. */
  readonly application: Application | null;
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
  readonly #direction: "reverse" | "forward";
  readonly #inputs: Node[] = [];
  readonly #nodes: Node[] = [];
  /** Concrete values made for this tape and seen by nobody else. */
  readonly #owned: Owner = new Owner(this.level);

  constructor(transform: string, direction: "reverse" | "forward") {
    super(transform);
    this.#direction = direction;
  }

  input(primal: Tensor): Tensor {
    const node: Node = { parents: [], pull: null, application: null };
    this.#inputs.push(node);
    return new TapeTracer(this, primal, node, "an argument");
  }

  override process(primitive: Primitive, inputs: readonly Tensor[], params: unknown): readonly Tensor[] {
    const primals = inputs.map((x) => this.primal(x));
    enterScope(this.#owned);
    const outputs = bind(primitive, primals, params);
    enterScope(null);
    const types = outputs.map((y) => y.type);
    const parents = inputs.map((x, i) => flows(primitive, i, types) ? this.nodeOf(x) : null);
    let node: Node | null = null;
    if (parents.some((parent) => parent !== null)) {
      const application: Application = { primitive, params, inputs: primals, outputs };
      node = this.#direction === "reverse"
        ? { parents, pull: pullOf(application, parents.map((parent) => parent !== null)), application: null }
        : { parents, pull: null, application };
      this.#nodes.push(node);
      this.#owned.adopt(residualsOf(node));
    }
    return outputs.map((y) => new TapeTracer(this, y, node, `${primitive.name}()`));
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
      for (let i = this.#nodes.length - 1; i >= 0; i--) {
        const node = this.#nodes[i]!;
        const g = cotangents.get(node);
        if (g === undefined) continue;
        cotangents.delete(node);
        node.pull!.apply(g).forEach((ct, k) => accumulate(node.parents[k]!, ct));
      }
      return this.#inputs.map((node) => handOutSome(cotangents.get(node)));
    }, () => []);
  }

  /** Tangents of some values (null: zero), from those of the inputs. */
  forward(tangents: readonly (Tensor | null)[], outputs: readonly (Node | null)[]): (Tensor | null)[] {
    return tidy(() => {
      const known = new Map<Node, Tensor | null>(this.#inputs.map((node, i) => [node, tangents[i]!]));
      for (const node of this.#nodes) {
        known.set(
          node,
          push(node.application!, node.parents.map((parent) => (parent === null ? null : known.get(parent)!))),
        );
      }
      return outputs.map((node) => (node === null ? null : handOutSome(known.get(node))));
    }, () => []);
  }

  /** Frees every value of the tape, which can then not be run again. */
  free(): void {
    this.#owned.free();
    this.#nodes.length = 0;
  }

  /** Frees what a later run does not need. */
  settle(): void {
    this.#owned.release(this.#nodes.flatMap(residualsOf), null);
    this.#owned.free();
  }
}

function handOutSome(x: Tensor | null | undefined): Tensor | null {
  return x == null ? null : handOut(x);
}

/** The values that running the tape needs. */
function residualsOf({ pull, application }: Node): readonly Tensor[] {
  return pull?.residuals ?? [...application!.inputs, ...application!.outputs];
}
