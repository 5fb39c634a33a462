/** The body of a generated kernel: what it reads, what it computes, and the code for that. */

import type { Local } from "./assembler.ts";
import { type Cursor, type CursorType, elementBytes, loadConstant } from "./cursor.ts";
import type { Lanes } from "./lanes.ts";
import type { Operand } from "./machine.ts";
import { type Walker, walkerOf } from "./nest.ts";
import { emitNode, isLaneType, type LaneType } from "./vector.ts";
import { type BinaryOp, type Scalar, topological, type UnaryOp } from "../ops/scalar.ts";

/** An input, or the position along an axis, with the nodes that stand for it. */
export interface Source {
  readonly type: CursorType;
  /** The number of the input or of the axis. */
  readonly of: number;
  readonly nodes: readonly Scalar[];
}

export interface Body {
  readonly sources: readonly Source[];
  /** The other nodes, arguments before users. */
  readonly nodes: readonly Scalar[];
  readonly root: Scalar;
  readonly type: LaneType;
  /** Vectors computed in one turn of the inner loop: several, unless that would only make the code longer. */
  readonly unroll: 1 | 4;
}

/** Null if vector code cannot hold one of the dtypes. */
export function analyse(root: Scalar): Body | null {
  const order = topological(root);
  if (!isLaneType(root.dtype) || !order.every((node) => isLaneType(node.dtype))) return null;
  const sources = new Map<string, { type: CursorType; of: number; nodes: Scalar[] }>();
  for (const node of order) {
    if (node.op !== "input" && node.op !== "index") continue;
    const [type, of] = node.op === "input"
      ? [node.dtype as LaneType, node.index] as const
      : ["index", node.axis] as const;
    const key = `${node.op} ${of}`;
    const known = sources.get(key);
    if (known) known.nodes.push(node);
    else sources.set(key, { type, of, nodes: [node] });
  }
  const nodes = order.filter(({ op }) => op !== "input" && op !== "index");
  return {
    sources: [...sources.values()],
    nodes,
    root,
    type: root.dtype,
    unroll: nodes.length > 12 || nodes.some(({ op }) => long.has(op)) ? 1 : 4,
  };
}

/** Operations that take dozens of instructions. */
// deno-fmt-ignore
export const long: ReadonlySet<string> = new Set<UnaryOp | BinaryOp>([
  "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin",
  "acos", "atan", "asinh", "acosh", "atanh", "cbrt", "erf", "erfc", "erfinv", "lgamma", "digamma", "pow", "atan2",
  "polygamma", "rem",
]);

/** The cursors of a kernel: its sources', and its output's at the end. */
export function cursorTypes({ sources, type }: Body): CursorType[] {
  return [...sources.map((source) => source.type), type];
}

/** The operands that a nest walks for the sources of a body over axes of the given number. */
export function sourceWalkers(
  { sources }: Pick<Body, "sources">,
  inputs: readonly Operand[],
  rank: number,
  origin?: readonly number[],
): Walker[] {
  return sources.map(({ type, of }) => {
    if (type !== "index") return walkerOf(inputs[of]!, elementBytes(type));
    const strides = new Array<number>(rank).fill(0);
    strides[of] = 1;
    return { address: origin?.[of] ?? 0, strides, elementBytes: 1 };
  });
}

type Values = Map<Scalar, Local>;

/** Before an inner loop: loads the cursors that stand still and computes what depends on nothing else. */
export function writeInvariants(v: Lanes, { sources, nodes }: Body, cursors: readonly Cursor[]): Values {
  const values: Values = new Map();
  sources.forEach((source, n) => {
    if (cursors[n]!.walk !== "constant") return;
    const value = loadConstant(v, cursors[n]!);
    for (const node of source.nodes) values.set(node, value);
  });
  for (const node of nodes) if (node.args.every((arg) => values.has(arg))) values.set(node, emitNode(v, node, values));
  return values;
}

/** In the inner loop: reads the moving cursors and computes the rest. */
export function writeBody(
  v: Lanes,
  { sources, nodes, root }: Body,
  cursors: readonly Cursor[],
  invariants: Values,
  read: (cursor: Cursor) => Local,
): Local {
  const values = new Map(invariants);
  sources.forEach((source, n) => {
    if (cursors[n]!.walk === "constant") return;
    const value = read(cursors[n]!);
    for (const node of source.nodes) values.set(node, value);
  });
  for (const node of nodes) if (!values.has(node)) values.set(node, emitNode(v, node, values));
  return values.get(root)!;
}
