/** Scalar expressions made smaller: constants folded, equal parts shared, and the rules of algebra applied. */

import { commutative, type Rule, rules, type Terms } from "./scalar_rules.ts";
import { type DType, dtypes } from "../ops/dtype.ts";
import type { Kernel } from "../ops/kernel.ts";
import { constant, input, type Scalar, topological } from "../ops/scalar.ts";
import { exactValue } from "../ops/scalar_value.ts";

/**
 * An expression that gives the same, to the last bit, for the same inputs. It may read fewer of them. Equal parts of the
 * result are one node.
 */
export function simplifyScalar(root: Scalar): Scalar {
  return new Builder().simplify(root);
}

/** The kernel with simplified expressions, which share what they have in common. Its inputs stay, read or not. */
export function simplifyBodies(kernel: Kernel): Kernel {
  const builder = new Builder();
  const simple = <T extends { readonly body: Scalar }>(part: T): T => ({ ...part, body: builder.simplify(part.body) });
  switch (kernel.kind) {
    case "map":
    case "reduce":
      return simple(kernel);
    case "loop":
      return { ...kernel, stages: kernel.stages.map(simple), outputs: kernel.outputs.map(simple) };
    default:
      return kernel;
  }
}

/** Makes nodes, each once, in their simplest form. */
class Builder {
  readonly #nodes = new Map<string, Scalar>();
  readonly #numbers = new Map<Scalar, number>();
  /** What given nodes have become, finished ones themselves. */
  readonly #made = new Map<Scalar, Scalar>();

  simplify(root: Scalar): Scalar {
    const known = this.#made.get(root);
    if (known !== undefined) return known;
    for (const node of topological(root)) {
      if (!this.#made.has(node)) this.#made.set(node, this.#make(node, node.args.map((arg) => this.#made.get(arg)!)));
    }
    return this.#made.get(root)!;
  }

  /** The simplest form of a node with finished arguments. */
  #make(given: Scalar, args: readonly Scalar[]): Scalar {
    if (given.op === "cast" && given.dtype === args[0]!.dtype) return args[0]!;
    const node = withArgs(given, args);
    const value = args.every(({ op }) => op === "const") ? exactValue(node, args.map(valueOf)) : null;
    if (value !== null) return this.#share(constant(value, node.dtype));
    for (const pattern of patternsFor(node)) {
      const terms = match(pattern, node);
      if (terms !== null) return this.simplify(pattern.rule.to(terms));
    }
    return this.#share(node);
  }

  #share(node: Scalar): Scalar {
    const key = this.#keyOf(node);
    let shared = this.#nodes.get(key);
    if (shared === undefined) {
      shared = node;
      this.#nodes.set(key, node);
      this.#numbers.set(node, this.#numbers.size);
      this.#made.set(node, node);
    }
    return shared;
  }

  #keyOf(node: Scalar): string {
    switch (node.op) {
      case "input":
        return `input ${node.dtype} ${node.index}`;
      case "const":
        return `const ${node.dtype} ${Object.is(node.value, -0) ? "-0" : node.value}`;
      case "index":
        return `index ${node.axis}`;
      default: {
        const args = node.args.map((arg) => this.#numbers.get(arg)!);
        return `${node.op} ${node.dtype} ${commutative.has(node.op) ? args.sort((a, b) => a - b) : args}`;
      }
    }
  }
}

/** The node with other arguments: constants come second where the order does not matter. */
function withArgs(node: Scalar, args: readonly Scalar[]): Scalar {
  if (node.op === "input" || node.op === "const" || node.op === "index") return node;
  const [a, b] = args;
  const swaps = commutative.has(node.op) && a!.op === "const" && b!.op !== "const";
  return { op: node.op, dtype: node.dtype, args: swaps ? [b!, a!] : args };
}

function valueOf(node: Scalar): number {
  if (node.op !== "const") throw new Error("only a constant has a value");
  return node.value;
}

/** A rule for one dtype. In its pattern inputs stand for terms. */
interface Pattern {
  readonly rule: Rule;
  readonly pattern: Scalar;
}

const names = ["x", "y", "z", "c", "k", "l"] as const;
type Name = typeof names[number];

/** What a rule's terms are. Those that it does not mention may be missing, since it will not ask. */
function termsOf(term: (name: Name, index: number) => Scalar | undefined): Terms {
  return Object.fromEntries(names.map((name, i) => [name, term(name, i)])) as { readonly [N in Name]: Scalar };
}

let patterns: ReadonlyMap<string, readonly Pattern[]> | null = null;

/** The patterns whose outermost operation is that of the node. */
function patternsFor(node: Scalar): readonly Pattern[] {
  patterns ??= Map.groupBy(dtypes.flatMap(patternsOf), ({ pattern }) => outermost(pattern));
  return node.args.length === 0 ? [] : patterns.get(outermost(node)) ?? [];
}

function patternsOf(dtype: DType): readonly Pattern[] {
  const terms = termsOf((name, i) => input(i, name === "c" ? "bool" : dtype));
  return rules.filter(({ dtypes }) => dtypes.includes(dtype)).map((rule) => ({ rule, pattern: rule.from(terms) }));
}

function outermost({ op, args }: Scalar): string {
  return `${op} ${args.at(-1)!.dtype}`;
}

/** The expressions that a rule's terms stand for in a node, or null where it does not fit. */
function match({ rule, pattern }: Pattern, node: Scalar): Terms | null {
  const bound = new Map<number, Scalar>();
  return fits(rule, pattern, node, bound) ? termsOf((_, i) => bound.get(i)) : null;
}

function fits(rule: Rule, pattern: Scalar, node: Scalar, bound: Map<number, Scalar>): boolean {
  if (pattern.dtype !== node.dtype) return false;
  if (pattern.op === "input") return bind(rule, pattern.index, node, bound);
  if (pattern.op !== node.op) return false;
  if (pattern.op === "const") return Object.is(pattern.value, valueOf(node));
  const before = [...bound];
  if (pattern.args.every((arg, i) => fits(rule, arg, node.args[i]!, bound))) return true;
  if (!commutative.has(pattern.op)) return false;
  bound.clear();
  for (const [i, term] of before) bound.set(i, term);
  return pattern.args.every((arg, i) => fits(rule, arg, node.args[1 - i]!, bound));
}

/** Lets a term stand for a node, unless it stands for another one. */
function bind(rule: Rule, index: number, node: Scalar, bound: Map<number, Scalar>): boolean {
  const name = names[index]!;
  if (name === "k" || name === "l") {
    if (node.op !== "const" || !rule.when(node.value, node.dtype)) return false;
  }
  const known = bound.get(index);
  if (known === undefined) bound.set(index, node);
  return known === undefined || known === node;
}
