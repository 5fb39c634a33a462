/**
 * What a loop kernel computes when. Its rows are gone over in passes: a stage runs in the first pass in which all that
 * it needs of other stages is known, and so does what is written for each element. Stages that do not need one another
 * share a pass.
 */

import { long, type Source } from "./body.ts";
import { type Combination, foldOf } from "./fold.ts";
import { isLaneType, type LaneType } from "./vector.ts";
import type { KernelOf } from "../ops/kernel.ts";
import { type Scalar, scalarKey, topological } from "../ops/scalar.ts";

/** A value for each element, or for each row, that is written to an array or goes into a stage. */
export interface Root {
  readonly node: Scalar;
  readonly type: LaneType;
}

export interface StageRoot extends Root {
  readonly fold: Combination;
}

export interface OutputRoot extends Root {
  readonly perRow: boolean;
}

export interface LoopBody {
  readonly sources: readonly Source[];
  readonly stages: readonly StageRoot[];
  readonly outputs: readonly OutputRoot[];
  /** For each node the pass in which it is first known. */
  readonly passOf: ReadonlyMap<Scalar, number>;
  /** The stage that an input node stands for. */
  readonly stageOf: ReadonlyMap<Scalar, number>;
  readonly passes: number;
}

/** Null if vector code cannot hold one of the dtypes. */
export function analyseLoop({ stages, outputs }: KernelOf<"loop">): LoopBody | null {
  const roots = shareNodes([...stages, ...outputs].map(({ body }) => body));
  const order = topologicalOf(roots);
  if (!order.every((node) => isLaneType(node.dtype))) return null;
  const typed = roots.map((node) => ({ node, type: node.dtype as LaneType }));
  const stageOf = new Map<Scalar, number>();
  const sources: Source[] = [];
  for (const node of order) {
    if (node.op === "index") sources.push({ type: "index", of: node.axis, nodes: [node] });
    if (node.op !== "input") continue;
    if (node.index < stages.length) stageOf.set(node, node.index);
    else sources.push({ type: node.dtype as LaneType, of: node.index - stages.length, nodes: [node] });
  }
  const passOf = new Map<Scalar, number>();
  const resultOf = (stage: number): number => passWith(typed[stage]!.node) + 1;
  /** Stages read only earlier ones, so this ends. */
  function passWith(root: Scalar): number {
    for (const node of topological(root)) {
      if (passOf.has(node)) continue;
      const stage = stageOf.get(node);
      passOf.set(
        node,
        stage === undefined ? Math.max(0, ...node.args.map((arg) => passOf.get(arg)!)) : resultOf(stage),
      );
    }
    return passOf.get(root)!;
  }
  const ofStages = typed.slice(0, stages.length);
  const ofOutputs = typed.slice(stages.length).map((root, n) => ({ ...root, perRow: outputs[n]!.perRow }));
  const last = [...ofStages, ...ofOutputs.filter(({ perRow }) => !perRow)].map(({ node }) => passWith(node));
  for (const { node } of ofOutputs) passWith(node);
  return {
    sources,
    stages: ofStages.map((root, k) => ({ ...root, fold: foldOf(stages[k]!.combiner, root) })),
    outputs: ofOutputs,
    passOf,
    stageOf,
    passes: Math.max(-1, ...last) + 1,
  };
}

export function loopKey({ stages, outputs }: KernelOf<"loop">): string {
  return [
    ...stages.map(({ combiner, body }) => `${combiner} ${scalarKey(body)}`),
    ...outputs.map(({ body, perRow }) => `${perRow ? "row" : "element"} ${scalarKey(body)}`),
  ].join("|");
}

/** The same expressions with equal nodes made one. */
function shareNodes(roots: readonly Scalar[]): Scalar[] {
  const known = new Map<string, Scalar>();
  const numbers = new Map<Scalar, number>();
  const shared = new Map<Scalar, Scalar>();
  for (const node of topologicalOf(roots)) {
    const args = node.args.map((arg) => shared.get(arg)!);
    const own = node.op === "input"
      ? node.index
      : node.op === "index"
      ? node.axis
      : node.op === "const"
      ? show(node.value)
      : "";
    const key = `${node.op} ${node.dtype} ${own} ${args.map((arg) => numbers.get(arg))}`;
    let same = known.get(key);
    if (same === undefined) {
      same = args.length === 0 ? node : { ...node, args } as Scalar;
      numbers.set(same, numbers.size);
      known.set(key, same);
    }
    shared.set(node, same);
  }
  return roots.map((root) => shared.get(root)!);
}

function show(x: number): string {
  return Object.is(x, -0) ? "-0" : String(x);
}

/** The nodes of several expressions, each once, arguments before users. */
export function topologicalOf(roots: readonly Scalar[]): Scalar[] {
  return [...new Set(roots.flatMap(topological))];
}

/** What a pass computes for each element. */
export interface Pass {
  readonly stages: readonly number[];
  readonly outputs: readonly number[];
  /** Sources that are read, by their numbers. */
  readonly sources: readonly number[];
  /** Nodes that an earlier pass kept, and those that this one keeps for later. */
  readonly recalled: readonly Scalar[];
  readonly kept: readonly Scalar[];
  /** Nodes to compute for each element, arguments before users. */
  readonly nodes: readonly Scalar[];
  /** What they need of the row, and are given before the pass. */
  readonly ofRow: readonly Scalar[];
}

/** Operations that it takes to compute a node again, from which on it is kept in memory instead. */
const dear = 8;

/** The passes over a row, where `standsStill` tells of a source whether it is the same along the row. */
export function passesOf(body: LoopBody, standsStill: (source: number) => boolean): readonly Pass[] {
  const { sources, stages, outputs, passOf, stageOf } = body;
  const sourceOf = new Map(sources.flatMap(({ nodes }, n) => nodes.map((node) => [node, n] as const)));
  const ofRow = new Map<Scalar, boolean>();
  for (const node of topologicalOf([...stages, ...outputs].map((root) => root.node))) {
    const source = sourceOf.get(node);
    ofRow.set(node, source === undefined ? node.args.every((arg) => ofRow.get(arg)) : standsStill(source));
    if (stageOf.has(node)) ofRow.set(node, true);
  }
  /** The pass that computes a node for each element. */
  const computedIn = new Map<Scalar, number>();
  const keptBy: Set<Scalar>[] = Array.from({ length: body.passes }, () => new Set());
  const known = new Set<Scalar>();
  const passes = Array.from({ length: body.passes }, (_, pass) => {
    const ofStages = [...stages.keys()].filter((k) => passOf.get(stages[k]!.node) === pass);
    const ofOutputs = [...outputs.keys()].filter((n) => !outputs[n]!.perRow && passOf.get(outputs[n]!.node) === pass);
    const reads = new Set<number>();
    const recalled = new Set<Scalar>();
    const nodes = new Set<Scalar>();
    const rowNodes = new Set<Scalar>();
    const need = (node: Scalar): void => {
      if (ofRow.get(node)) rowNodes.add(node);
      else if (sourceOf.has(node)) reads.add(sourceOf.get(node)!);
      else if (!nodes.has(node) && !recalled.has(node)) {
        const earlier = computedIn.get(node);
        if (earlier !== undefined && (known.has(node) || costOf(node, (n) => ofRow.get(n)! || known.has(n)) >= dear)) {
          recalled.add(node);
          known.add(node);
          keptBy[earlier]!.add(node);
          return;
        }
        for (const arg of node.args) need(arg);
        nodes.add(node);
      }
    };
    for (const k of ofStages) need(stages[k]!.node);
    for (const n of ofOutputs) need(outputs[n]!.node);
    for (const node of nodes) if (!computedIn.has(node)) computedIn.set(node, pass);
    return {
      stages: ofStages,
      outputs: ofOutputs,
      sources: [...reads],
      recalled,
      nodes: [...nodes],
      ofRow: [...rowNodes],
    };
  });
  return passes.map((pass, i) => ({ ...pass, recalled: [...pass.recalled], kept: [...keptBy[i]!] }));
}

/** Roughly how many instructions it takes to compute a node, given some others. */
function costOf(root: Scalar, isGiven: (node: Scalar) => boolean): number {
  const seen = new Set<Scalar>();
  const cost = (node: Scalar): number => {
    if (seen.has(node) || isGiven(node)) return 0;
    seen.add(node);
    const own = long.has(node.op) ? 10 : node.op === "div" || node.op === "sqrt" ? 4 : 1;
    return node.args.reduce((sum, arg) => sum + cost(arg), own);
  };
  return cost(root);
}
