/** Copies of operands of contractions for the tiles that read them: panels, so that what is read together lies together. */

import type { Dispatch, Machine } from "../kernel.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import { type Contraction, type Factor, inFours, type PerKind, takesFours } from "./contraction.ts";
import { collapse } from "../nest.ts";
import { contiguous, rowMajor, type Shape, sizeOf } from "../../ops/shape.ts";

/**
 * The contraction of a copy of one operand in panels of so many rows or columns, a multiple of four: `[…batch, panel,
 * …depth, n]`, and what makes the copy.
 */
export function packed(
  contraction: Contraction,
  which: "a" | "b",
  panel: number,
  machine: Machine,
): { readonly dispatch: Dispatch; readonly contraction: Contraction } {
  const { shapes, a, b } = contraction;
  const kind = which === "a" ? "rows" : "columns";
  const { dispatch, factor } = pack(shapes, which === "a" ? a : b, kind, panel, machine);
  const pair = which === "a" ? [factor, b] as const : [a, factor] as const;
  const { shape, strides } = collapse(shapes.depth, pair.map((one) => one.strides.depth));
  const [newA, newB] = pair.map((one, n) => ({ ...one, strides: { ...one.strides, depth: strides[n]! } }));
  return { dispatch, contraction: { ...contraction, shapes: { ...shapes, depth: shape }, a: newA!, b: newB! } };
}

function pack(
  shapes: PerKind<Shape>,
  factor: Factor,
  kind: "rows" | "columns",
  panel: number,
  machine: Machine,
): { readonly dispatch: Dispatch; readonly factor: Factor } {
  const { dtype } = factor.x.type;
  const shape = shapes[kind];
  const [count, depth] = [sizeOf(shape), sizeOf(shapes.depth)];
  // Where an operand is the same for a whole batch, so are its panels.
  const batch = shapes.batch.map((size, axis) => factor.strides.batch[axis] === 0 ? 1 : size);
  const panels = Math.ceil(count / panel);
  const packedShape = [...batch, panels, depth, panel];
  const x = machine.temporary({ dtype, shape: packedShape });
  const { strides } = contiguous(packedShape);
  const [ofPanel, ofDepth] = strides.slice(-3) as [number, number, number];

  // Sizes are parameters, as they are of tiles: copies of one kind share their code.
  const writer = new ShaderWriter({ ...machine, parametric: true });
  const isAcross = takesFours(factor, kind, shape);
  const dispatch = forEachElement(writer, machine, "pack", packedShape.with(-1, panel / 4), (at, indices) => {
    const of = { batch: indices.slice(0, batch.length), depth: writer.unravel(indices.at(-2)!, shapes.depth) };
    const first = `(${indices.at(-3)} * ${panel / 4}u + ${indices.at(-1)})`;
    const lines = [of.depth.statements];

    function position({ strides, offset }: Factor, own: readonly string[]): string {
      const all = [...strides.batch, ...strides.depth, ...strides[kind]];
      return writer.position({ strides: all, offset }, [...of.batch, ...of.depth.indices, ...own]);
    }

    const store = writer.writes(x, 4);
    if (isAcross) {
      const own = shape.with(-1, shape.at(-1)! / 4);
      // Of what panels are filled up with nothing is stored.
      lines.push(`let n = min(${first}, ${writer.number(sizeOf(own))} - 1u);`);
      const { statements, indices } = writer.unravel("n", own);
      const value = writer.reads(factor.x, 4).load(position(inFours(factor, kind), indices));
      return [...lines, statements, store.store(at, value)].join("\n");
    }
    const elements = [0, 1, 2, 3].map((lane) => {
      lines.push(`let n${lane} = min(${first} * 4u + ${lane}u, ${writer.number(count)} - 1u);`);
      const { statements, indices } = writer.unravel(`n${lane}`, shape);
      lines.push(statements);
      return writer.reads(factor.x).load(position(factor, indices));
    });
    return [...lines, store.store(at, `vec4(${elements.join(", ")})`)].join("\n");
  });
  const ofBatch = batch.map((size, axis) => size === 1 ? 0 : strides[axis]!);
  const ofOther = shapes[kind === "rows" ? "columns" : "rows"].map(() => 0);
  const along = { batch: ofBatch, depth: rowMajor(shapes.depth).map((stride) => stride * ofDepth) };
  const packedStrides = { ...along, rows: ofOther, columns: ofOther, [kind]: [ofPanel, 1] };
  return { dispatch, factor: { x, offset: 0, strides: packedStrides, panels: [panels, panel] } };
}
