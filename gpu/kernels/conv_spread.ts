/**
 * The input's gradient of convolutions with few channels: each cell of the output's gradient times all taps of the kernel,
 * which makes matrices wide enough for tiles, and then for each cell of the input the sum of what meets there.
 */

import type { Dispatch, Machine } from "../kernel.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import { contract } from "./contract.ts";
import { type Contraction, type Factor, factorOf, sumType } from "./contraction.ts";
import { overTaps } from "./depthwise.ts";
import { storeTile } from "./finish.ts";
import type { Place } from "../../jit/place.ts";
import type { ConvGeometry } from "../../ops/kernel.ts";
import type { Scalar } from "../../ops/scalar.ts";

export function spreadGradient(
  geometry: ConvGeometry,
  g: Place,
  w: Place,
  output: Place,
  epilogue: Scalar | undefined,
  others: readonly Place[],
  machine: Machine,
): readonly Dispatch[] {
  const [taps, channels] = [w.shape.slice(0, -2), w.shape.at(-2)!];
  const { dtype } = output.type;
  const products = machine.temporary({
    dtype: dtype === "float16" ? "float32" : dtype === "bool" ? "uint32" : dtype,
    shape: [...g.shape.slice(0, -1), ...taps, channels],
  });
  const cells = g.shape.length - 1;
  const shapes = { batch: [1], rows: g.shape.slice(0, -1), columns: w.shape.slice(0, -1), depth: g.shape.slice(-1) };
  const first = contract(
    {
      shapes,
      a: factorOf(g, shapes, { rows: g.strides.slice(0, -1), depth: g.strides.slice(-1) }),
      b: factorOf(w, shapes, { columns: w.strides.slice(0, -1), depth: w.strides.slice(-1) }),
      output: factorOf(products, shapes, {
        rows: products.strides.slice(0, cells),
        columns: products.strides.slice(cells),
      }),
      epilogue: undefined,
      others: [],
      whole: null,
      padding: null,
    },
    machine,
  );
  return [...first, meet(geometry, products, output, taps, epilogue, others, machine)];
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
    whole: null,
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
