// The register tiles of both widths: bit for bit the same sums; and what is made of the times that tell which of them is faster.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { contractionOf, packPanels, panelBytes, tileOf } from "../cpu/contraction.ts";
import { fusionMeter, sumsModule } from "../cpu/wide.ts";
import { newMemory } from "../cpu/shared.ts";
import type { TileColumns } from "../cpu/tile.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";

const machine = testMachine();
const kernels = contractionOf(machine);

interface Product {
  /** A has `rows` rows of `pieces` pieces of `run` floats. */
  readonly rows: number;
  readonly pieces: number;
  readonly run: number;
  readonly columns: number;
  readonly accumulate: boolean;
}

const products: fc.Arbitrary<Product> = fc.record({
  rows: fc.integer({ min: 1, max: 20 }),
  pieces: fc.integer({ min: 1, max: 3 }),
  run: fc.integer({ min: 1, max: 13 }),
  columns: fc.integer({ min: 1, max: 50 }),
  accumulate: fc.boolean(),
});

/** Its sums are seldom exact: a change in their order would show. */
const noise = (n: number, seed: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(i * i + seed));

/** Products with A as it is; and with A transposed, its rows told by a table or evenly apart, B packed or as it is. */
type Way = "rows" | "columns" | "even columns" | "columns, not packed";
const ways: readonly Way[] = ["rows", "columns", "even columns", "columns, not packed"];

/** The bits of the product by one of the tiles, and of what lies around it. */
function bitsBy(
  panelColumns: TileColumns,
  { rows, pieces, run, columns, accumulate }: Product,
  way: Way,
): Uint32Array {
  machine.reset();
  const tile = tileOf(machine, panelColumns);
  const width = pieces * run;
  const transposed = way !== "rows";
  const packs = way !== "columns, not packed";
  const [depth, height] = transposed ? [rows, width] : [width, rows];
  const a = machine.put(noise(rows * width + 8, 1), "float32").address;
  const b = machine.put(noise(depth * columns, 2), "float32").address;
  const gap = 3;
  const c = machine.put(noise(height * (columns + gap), 3), "float32");
  const [ofRows, ofPieces, targets] = [rows, pieces, rows].map((count) => machine.allocate(4 * count)) as [
    number,
    number,
    number,
  ];
  kernels.offsets(ofRows, 1, 1, 1, rows, 0, 0, 0, 4 * width);
  kernels.offsets(ofPieces, 1, 1, 1, pieces, 0, 0, 0, 4 * run);
  kernels.offsets(targets, 1, 1, 1, rows, 0, 0, 0, 4 * (columns + gap));
  const packed = machine.allocate(panelBytes(tile, depth, columns));
  packPanels(kernels, tile, packed, b, depth, columns, 4 * columns, 4);
  const [ofB, panel] = packs ? [packed, panelBytes(tile, depth, 1)] : [b, panelBytes(tile, 1, 1)];
  const rowOfPanel = packs ? panelBytes(tile, 1, 1) : 4 * columns;
  const rowOfC = 4 * (columns + gap);
  const left = [rows, ofPieces, pieces, run] as const;
  const right = [panel, columns] as const;
  if (way === "rows") tile.rows(a, ofRows, ...left, ofB, ...right, c.address, targets, Number(accumulate));
  else if (way === "even columns") {
    tile.eachEvenColumns(
      1,
      0,
      0,
      0,
      a,
      4 * width,
      ...left,
      ofB,
      ...right,
      c.address,
      rowOfC,
      Number(accumulate),
      rowOfPanel,
    );
  } else tile.columns(a, ofRows, ...left, ofB, ...right, c.address, rowOfC, Number(accumulate), rowOfPanel);
  return new Uint32Array(machine.memory.buffer, c.address, c.length).slice();
}

Deno.test("tile: 8 and 16 columns give the same, bit for bit", () => {
  check(products, (product) => {
    for (const way of ways) assertEquals(bitsBy(16, product, way), bitsBy(8, product, way));
  });
});

Deno.test("tile: A transposed gives the same however A and B lie, bit for bit", () => {
  check(products, (product) => {
    const [first, ...others] = ways.slice(1).map((way) => bitsBy(8, product, way));
    for (const other of others) assertEquals(other, first);
  });
});

/** An engine with a clock of its own: the sums take `slow` until so many calls, then `apart` or `together`. */
function engine(
  { together, apart, slow, calls }: { together: number; apart: number; slow: number; calls: number },
  delay: (call: number) => number = () => 0,
): (patience: number) => boolean | null {
  let [time, call] = [0, 0];
  const sums = (_: number, __: number, isApart: number): void => {
    time += (call < calls ? slow : isApart ? apart : together) + delay(call);
    call++;
  };
  return fusionMeter(sums, () => time);
}

const speeds = fc.record({
  apart: fc.double({ min: 0.5, max: 2, noNaN: true }),
  calls: fc.integer({ min: 3, max: 40 }),
});

Deno.test("wide vectors: an engine that fuses them is found out, when it has optimised", () => {
  check(speeds, ({ apart, calls }) => {
    assertEquals(engine({ together: apart / 2, apart, slow: 6, calls })(1000), true);
  });
});

Deno.test("wide vectors: whenever an engine optimises, where nothing is fused the answer is no", () => {
  check(speeds, ({ apart, calls }) => {
    assertEquals(engine({ together: apart, apart, slow: 6, calls })(1000), false);
  });
});

Deno.test("wide vectors: now and then a call is held up, and the answer is never a wrong yes", () => {
  const every = fc.integer({ min: 2, max: 13 });
  check(fc.tuple(speeds, every, fc.double({ min: 0, max: 100, noNaN: true })), ([{ apart, calls }, every, delay]) => {
    const ask = engine({ together: apart, apart, slow: 6, calls }, (call) => call % every === 0 ? delay : 0);
    for (let time = 0; time < 4; time++) assert(ask(1000) !== true);
  });
});

Deno.test("wide vectors: an engine that has not optimised gives no answer", () => {
  assertEquals(engine({ together: 1, apart: 1, slow: 6, calls: Infinity })(100), null);
});

Deno.test("wide vectors: what is timed adds up what it should, side by side and apart", () => {
  const memory = newMemory(1);
  const { sums } = new WebAssembly.Instance(new WebAssembly.Module(sumsModule()), { env: { memory } }).exports as {
    sums: (start: number, times: number, apart: number) => void;
  };
  for (const [apart, step] of [[0, 4], [1, 8]] as const) {
    const floats = new Float32Array(memory.buffer);
    floats.forEach((_, i) => floats[i] = i % 97);
    const before = floats.slice();
    sums(0, 3, apart);
    for (let vector = 0; vector < 16; vector++) {
      for (let lane = 0; lane < 4; lane++) {
        const at = 256 + vector * step + lane;
        assertEquals(floats[at], before[at]! + 3 * before[vector % 2 * step + lane]!);
      }
    }
  }
});
