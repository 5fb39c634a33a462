/** Running a function under a tape: arguments in, results out, both as leaves of trees. */

import { tensorsOf, toTensor } from "../ops/arguments.ts";
import { describe } from "../ops/errors.ts";
import { handOut } from "../ops/scope.ts";
import type { Tensor } from "../ops/tensor.ts";
import { leavesAs, putTogether, sameStructure, type Structure, takeApart } from "../ops/structure.ts";
import { type Blank, blankOf, callSync, isDifferentiable, mapTensors, matching, zerosFor } from "./function.ts";
import { type Node, Tape } from "./tape.ts";

/** Arguments without their values: a pullback outlives its call, and keeps only what it needs. */
export interface Arguments {
  readonly structure: Structure;
  readonly blanks: readonly Blank[];
  readonly differentiable: readonly boolean[];
}

/** What a function returned, likewise. */
export interface Results {
  readonly structure: Structure;
  readonly blanks: readonly Blank[];
  readonly nodes: readonly (Node | null)[];
}

export interface Recording {
  readonly tape: Tape;
  readonly inputs: Arguments;
  readonly results: Results;
}

/** A recording, and what the function returned: known values in place of tracers, for users to keep. */
export interface Recorded {
  readonly recording: Recording;
  readonly values: readonly Tensor[];
  readonly aux: unknown;
}

/** Runs `f` under a new tape. With `hasAux` it returns a pair, and only the first of it is differentiated. */
export function record<A extends readonly unknown[]>(
  transform: string,
  direction: "reverse" | "forward",
  f: (...args: A) => unknown,
  args: A,
  hasAux: boolean,
): Recorded {
  const tape = new Tape(transform, direction);
  const { leaves, structure } = takeApart(transform, args);
  const primals = tensorsOf(transform, leaves);
  const differentiable = leaves.map(isDifferentiable);
  const traced = primals.map((x, i) => (differentiable[i] ? tape.input(x) : x));
  try {
    const result = callSync(transform, f, putTogether(structure, traced) as A);
    const [y, aux] = hasAux ? pair(transform, result) : [result, null];
    const out = takeApart(transform, y);
    const outputs = out.leaves.map((leaf) => toTensor(transform, leaf, primals));
    return {
      recording: {
        tape,
        inputs: { structure, blanks: primals.map(blankOf), differentiable },
        results: {
          structure: out.structure,
          blanks: outputs.map(blankOf),
          nodes: outputs.map((x) => tape.nodeOf(x)),
        },
      },
      values: outputs.map((x) => handOut(tape.primal(x))),
      aux: mapTensors(aux, (x) => handOut(tape.primal(x))),
    };
  } catch (error) {
    tape.free();
    throw error;
  } finally {
    tape.finish();
  }
}

function pair(transform: string, result: unknown): readonly [unknown, unknown] {
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw new TypeError(`${transform}() with hasAux needs a function that returns [value, aux], got ${describe(result)}`);
}

/** Runs the tape backward from cotangents of the results; one cotangent per leaf, null for integers and bools. */
export function pullBack(
  { tape, inputs, results }: Recording,
  cotangents: readonly (Tensor | null)[],
): (Tensor | null)[] {
  const seeds = results.nodes.flatMap((node, i) => (cotangents[i] == null ? [] : [[node, cotangents[i]] as const]));
  const pulled = tape.backward(seeds);
  let next = 0;
  return inputs.blanks.map((blank, i) => inputs.differentiable[i] ? pulled[next++] ?? zerosFor(blank) : null);
}

/**
 * The leaves of a tree of tangents or cotangents for such values: null for integers and bools, where the tree
 * has null as well (or anything, which is ignored).
 */
export function readTangents(
  op: string,
  what: "tangent" | "cotangent",
  structure: Structure,
  blanks: readonly Blank[],
  differentiable: readonly boolean[],
  tree: unknown,
): (Tensor | null)[] {
  let at = 0;
  const onlyFloats = dropLeaves(structure, () => differentiable[at++]!);
  const whole = sameStructure(takeApart(op, tree).structure, structure);
  const given = leavesAs(op, whole ? structure : onlyFloats, tree, `a ${what}`);
  let next = 0;
  return blanks.map((blank, i) => {
    if (!differentiable[i]) {
      if (whole) next++;
      return null;
    }
    return matching(op, what, blank, given[next++]);
  });
}

/** The structure with null in place of some leaves. */
function dropLeaves(structure: Structure, keep: () => boolean): Structure {
  if (structure === "leaf") return keep() ? "leaf" : null;
  if (structure === null) return null;
  if (Array.isArray(structure)) return structure.map((child) => dropLeaves(child, keep));
  return Object.fromEntries(Object.entries(structure).map(([key, child]) => [key, dropLeaves(child, keep)]));
}
