/** Writing at computed positions in WebAssembly: runs are added up, or the largest or smallest kept, slab by slab. */

import { assemble, FunctionBuilder, i32, type Local, v128, type ValueType } from "./assembler.ts";
import { functionsOf, type KernelModule, kernelModule } from "./code.ts";
import { withScratch } from "./contraction.ts";
import { contiguousAddress } from "./conv_tables.ts";
import { fill } from "./fill.ts";
import { advance, countDown, forEachGroup, fourLanes, newLocals, oneLane, parameters } from "./loops.ts";
import type { Implementation, Operand } from "./machine.ts";
import { reference } from "./reference.ts";
import { identityOf } from "./reference_reduce.ts";
import { combineWords, isWord, lineGroups, type WordType } from "./words.ts";
import type { Combiner } from "../ops/kernel.ts";
import { sizeOf } from "../ops/shape.ts";

export const scatter: Implementation<"scatter"> = (kernel, inputs, output, machine) => {
  const [indices, updates] = inputs as readonly [Operand, Operand];
  const { combiner } = kernel;
  const { dtype } = updates;
  if (!isWord(dtype)) return reference.scatter(kernel, inputs, output, machine);
  fill(identityOf(combiner, dtype), output, machine);
  if (sizeOf(updates.shape) === 0 || sizeOf(output.shape) === 0) return;
  const [, , size, run] = output.shape as [number, number, number, number];
  const key = `${combiner} ${dtype}`;
  let module = modules.get(key);
  if (module === undefined) modules.set(key, module = scatterModule(combiner, dtype));
  withScratch(machine, (allocate) =>
    functionsOf(module, machine)["scatter"]!(
      output.address + 4 * output.offset,
      contiguousAddress(machine, allocate, updates),
      indices.address + 4 * indices.offset,
      ...updates.shape,
      size,
      ...indices.strides.map((stride) => 4 * stride),
      inDouble(combiner, dtype) ? allocate(8 * size * run) : 0,
    ));
};

const modules = new Map<string, KernelModule>();

/** Sums of floats are rounded once, in the end. */
function inDouble(combiner: Combiner, dtype: WordType): boolean {
  return combiner === "sum" && dtype === "float32";
}

const doubleGroups = [{ width: fourLanes, vectors: 1 }, { width: oneLane, vectors: 1 }] as const;

/** The target holds what combining starts from. `sums` is room for a slab of doubles. */
function scatterModule(combiner: Combiner, dtype: WordType): KernelModule {
  const f = new FunctionBuilder(new Array<ValueType>(11).fill(i32));
  const [target, updates, indices, batches, rows, count, run, size, indexOfBatch, indexOfCount, sums] = parameters(11);
  const [rowsLeft, countLeft, index, position, to, at, slab] = newLocals(f, i32, 7);
  const x = f.local(v128);
  const doubles = inDouble(combiner, dtype);

  /** Pushes the address of an element of a slab of doubles; `at` counts bytes of floats. */
  function double(base: Local): FunctionBuilder {
    return f.get(base).get(at).i32(1).op("i32.shl").op("i32.add");
  }

  function joinRun(): void {
    if (!doubles) {
      forEachGroup(f, lineGroups, run, at, ({ width, vectors }) => {
        for (let v = 0; v < vectors; v++) {
          f.get(to).get(at).op("i32.add");
          width.load(f.get(to).get(at).op("i32.add"), 16 * v);
          width.load(f.get(updates).get(at).op("i32.add"), 16 * v);
          width.store(f.op(combineWords(combiner, dtype)), 16 * v);
        }
      });
      return;
    }
    forEachGroup(f, doubleGroups, run, at, ({ width }) => {
      width.load(f.get(updates).get(at).op("i32.add")).set(x);
      double(to);
      double(to).memory("v128.load").get(x).op("f64x2.promote_low_f32x4").op("f64x2.add");
      if (width === oneLane) return void f.laneMemory("v128.store64_lane", 0);
      f.memory("v128.store");
      double(to);
      double(to).memory("v128.load", 16);
      f.get(x).get(x).shuffle32([2, 3, 2, 3]).op("f64x2.promote_low_f32x4").op("f64x2.add").memory("v128.store", 16);
    });
  }

  function clear(base: Local, elements: Local): void {
    forEachGroup(f, doubleGroups, elements, at, ({ width }) => {
      double(base).i32x4(0);
      if (width === oneLane) return void f.laneMemory("v128.store64_lane", 0);
      f.memory("v128.store");
      double(base).i32x4(0).memory("v128.store", 16);
    });
  }

  function round(floats: Local, base: Local, elements: Local): void {
    forEachGroup(f, doubleGroups, elements, at, ({ width }) => {
      f.get(floats).get(at).op("i32.add");
      double(base).memory("v128.load").op("f32x4.demote_f64x2_zero");
      double(base).memory("v128.load", 16).op("f32x4.demote_f64x2_zero").shuffle32([0, 1, 4, 5]);
      width.store(f);
    });
  }

  /** For each index that is in range, with `to` at its run of the slab; `position` counts elements before it. */
  function forIndices(body: () => void, after: () => void = () => {}): void {
    f.get(indices).set(index).get(count).set(countLeft);
    countDown(f, countLeft, () => {
      f.get(index).memory("i32.load").tee(position).get(size).op("i32.lt_u").if(() => {
        f.get(position).get(run).op("i32.mul").tee(position).i32(doubles ? 3 : 2).op("i32.shl");
        f.get(doubles ? sums : target).op("i32.add").set(to);
        body();
      });
      advance(f, index, indexOfCount);
      after();
    });
  }

  function roundRun(): void {
    f.get(position).i32(2).op("i32.shl").get(target).op("i32.add").set(position);
    round(position, to, run);
  }

  f.get(size).get(run).op("i32.mul").set(slab);
  countDown(f, batches, () => {
    f.get(rows).set(rowsLeft);
    countDown(f, rowsLeft, () => {
      // Of a large slab only what is written to.
      const isLarge = () => f.get(count).get(size).op("i32.lt_s");
      if (doubles) isLarge().if(() => forIndices(() => clear(to, run)), () => clear(sums, slab));
      forIndices(joinRun, () => f.get(updates).get(run).i32(2).op("i32.shl").op("i32.add").set(updates));
      if (doubles) isLarge().if(() => forIndices(roundRun), () => round(target, sums, slab));
      f.get(target).get(slab).i32(2).op("i32.shl").op("i32.add").set(target);
    });
    advance(f, indices, indexOfBatch);
  });
  return kernelModule(assemble({ scatter: f }));
}
