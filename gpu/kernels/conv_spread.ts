/**
 * The input's gradient of convolutions with few channels: each cell of the output's gradient times all taps of the kernel,
 * which makes matrices wide enough for tiles, and then for each cell of the input the sum of what meets there.
 */

import type { Dispatch, Machine } from "../kernel.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import { contract } from "./contract.ts";
import { type Contraction, type Factor, factorOf, partialType, type Room, sumType } from "./contraction.ts";
import { overTaps } from "./depthwise.ts";
import { storeTile } from "./finish.ts";
import type { Place } from "../../jit/place.ts";
import type { ConvGeometry } from "../../ops/kernel.ts";
import type { Scalar } from "../../ops/scalar.ts";
import { rowMajor, sizeOf } from "../../ops/shape.ts";

export function spreadGradient(
  geometry: ConvGeometry,
  g: Place,
  w: Place,
  output: Place,
  epilogue: Scalar | undefined,
  others: readonly Place[],
  machine: Machine,
): readonly Dispatch[] {
  const taps = w.shape.slice(0, -2);
  const { dtype } = output.type;
  const room = roomOf(g, w);
  const x = machine.temporary({ dtype: partialType(dtype), shape: [room.rows, room.columns] });
  const cells = g.shape.length - 1;
  const shape = [...g.shape.slice(0, -1), ...w.shape.slice(0, -1)];
  const strides = [
    ...rowMajor(shape.slice(0, cells)).map((stride) => stride * room.columns),
    ...rowMajor(shape.slice(cells)),
  ];
  const products: Place = { ...x, shape, strides };
  const shapes = { batch: [1], rows: g.shape.slice(0, -1), columns: w.shape.slice(0, -1), depth: g.shape.slice(-1) };
  const first = contract(
    {
      shapes,
      a: factorOf(g, shapes, { rows: g.strides.slice(0, -1), depth: g.strides.slice(-1) }),
      b: factorOf(w, shapes, { columns: w.strides.slice(0, -1), depth: w.strides.slice(-1) }),
      output: {
        ...factorOf(products, shapes, { rows: strides.slice(0, cells), columns: strides.slice(cells) }),
        room,
      },
      epilogue: undefined,
      others: [],
      parts: null,
      padding: null,
    },
    machine,
  );
  return [...first, meet(geometry, products, output, taps, epilogue, others, machine)];
}

/** Rows and columns of the matrix of all products: as many as whole tiles take. */
export function roomOf(g: Place, w: Place): Room {
  const [rows, columns] = [sizeOf(g.shape.slice(0, -1)), sizeOf(w.shape.slice(0, -1))];
  return { rows: 16 * Math.ceil(rows / 16), columns: 16 * Math.ceil(columns / 16) };
}

function meet(
  geometry: ConvGeometry,
  products: Place,
  output: Place,
  taps: readonly number[],
  epilogue: Scalar | undefined,
  others: readonly Place[],
  machine: Machine,
): Dispatch {
  const writer = new ShaderWriter(machine);
  const { dtype } = output.type;
  const channels = output.shape.at(-1)!;
  const shapes = { batch: [1], rows: output.shape.slice(0, -1), columns: [channels], depth: [1] };
  const ofCells = (y: Place): Factor =>
    factorOf(y, shapes, { rows: y.strides.slice(0, -1), columns: y.strides.slice(-1) });
  const out = ofCells(output);
  const contraction: Contraction = {
    shapes,
    a: out,
    b: out,
    output: out,
    epilogue,
    others: others.map(ofCells),
    parts: null,
    padding: null,
  };
  return forEachElement(writer, machine, "sum of taps", output.shape, (at, indices) => {
    const channel = indices.at(-1)!;
    const { cell, loops, end } = overTaps(writer, "input", geometry, indices, products.shape, taps);
    const position = writer.position(products, [
      indices[0]!,
      ...cell,
      ...taps.map((_, axis) => `tap${axis}`),
      channel,
    ]);
    const tile = { batch: ["0u"], row: "row", column: channel, rows: 1, vectors: 1, width: 1, step: 1 } as const;
    return [
      `let row = ${at} / ${writer.number(channels)};`,
      `var sum = ${sumType(dtype)}();`,
      ...loops,
      `sum = sum ${dtype === "bool" ? "|" : "+"} ${writer.reads(products).load(position)};`,
      end,
      storeTile(writer, contraction, tile, ["sum"]),
    ].join("\n");
  });
}
