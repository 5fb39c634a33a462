/**
 * Running sums and extremes in WebAssembly: vectors hold neighbouring lines, or a line goes element by element. Extremes
 * of floats are those of integers in the same order: where each result waits for the last, one instruction must do.
 */

import { assemble, FunctionBuilder, i32, type Local, v128, type ValueType } from "./assembler.ts";
import { functionsOf, type KernelModule, kernelModule } from "./code.ts";
import { withScratch } from "./contraction.ts";
import { contiguousAddress } from "./conv_tables.ts";
import { advance, countDown, forEachGroup, fourLanes, type Group, newLocals, oneLane, parameters } from "./loops.ts";
import type { Implementation } from "./machine.ts";
import { reference } from "./reference.ts";
import { identityOf } from "./reference_reduce.ts";
import { around, combineWords, isWord, type WordType } from "./words.ts";
import type { Combiner } from "../ops/kernel.ts";
import { sizeOf } from "../ops/shape.ts";

export const cumulative: Implementation<"cumulative"> = (kernel, inputs, output, machine) => {
  const { combiner, axis, reverse } = kernel;
  const x = inputs[0]!;
  const { dtype } = x;
  if (!isWord(dtype)) return reference.cumulative(kernel, inputs, output, machine);
  if (sizeOf(x.shape) === 0) return;
  const [outer, size, inner] = around(x.shape, axis);
  const key = `${combiner} ${dtype}`;
  let module = modules.get(key);
  if (module === undefined) modules.set(key, module = cumulativeModule(combiner, dtype));
  const { run } = functionsOf(module, machine);
  withScratch(machine, (allocate) => {
    const last = reverse ? 4 * inner * (size - 1) : 0;
    const from = contiguousAddress(machine, allocate, x) + last;
    const step = (reverse ? -4 : 4) * inner;
    run!(output.address + 4 * output.offset + last, from, outer, size, inner, step, 4 * inner * size);
  });
};

const modules = new Map<string, KernelModule>();

/** Sums of floats take two vectors of doubles for each of floats. */
const groups: readonly Group[] = [
  { width: fourLanes, vectors: 2 },
  { width: fourLanes, vectors: 1 },
  { width: oneLane, vectors: 1 },
];

/** `run(target, source, outer, size, inner, step, slab)`: lines begin at each of `inner` elements of `outer` slabs. */
function cumulativeModule(combiner: Combiner, dtype: WordType): KernelModule {
  const f = new FunctionBuilder(new Array<ValueType>(7).fill(i32));
  const [target, source, outer, size, inner, step, slab] = parameters(7);
  const [column, from, to, left] = newLocals(f, i32, 4);
  const [value, isNaN, ...results] = newLocals(f, v128, 6);
  const inDouble = combiner === "sum" && dtype === "float32";
  const isKey = combiner !== "sum" && dtype === "float32";
  const identity = identityOf(combiner, dtype);

  function start(): void {
    for (const result of results) {
      if (dtype === "float32") f.f32x4(identity).set(result);
      else f.i32x4(identity).set(result);
      if (isKey) turn(result);
    }
  }

  /** Turns floats into integers of the same order, and back: the other bits of negative ones are flipped. */
  function turn(local: Local): void {
    f.get(local).get(local).i32(31).op("i32x4.shr_s").i32x4(0x7fffffff).op("v128.and").op("v128.xor").set(local);
  }

  /** Combines the vector of elements on the stack with what came before. Results 2v and 2v + 1 are doubles, or v is words. */
  function combine(v: number): void {
    f.set(value);
    if (isKey) return combineKeys(results[v]!);
    if (!inDouble) return void f.get(value).get(results[v]!).op(combineWords(combiner, dtype)).tee(results[v]!);
    const [low, high] = [results[2 * v]!, results[2 * v + 1]!];
    f.get(low).get(value).op("f64x2.promote_low_f32x4").op("f64x2.add").tee(low).op("f32x4.demote_f64x2_zero");
    f.get(high).get(value).get(value).shuffle32([2, 3, 2, 3]).op("f64x2.promote_low_f32x4").op("f64x2.add").tee(high);
    f.op("f32x4.demote_f64x2_zero").shuffle32([0, 1, 4, 5]);
  }

  function combineKeys(result: Local): void {
    // NaN is beyond everything, whatever its sign.
    f.get(value).get(value).op("f32x4.ne").set(isNaN);
    turn(value);
    f.i32x4(combiner === "max" ? 0x7fffffff : -0x80000000).get(value).get(isNaN).op("v128.bitselect");
    f.get(result).op(combineWords(combiner, "int32")).tee(result).set(value);
    turn(value);
    f.get(value);
  }

  countDown(f, outer, () => {
    forEachGroup(f, groups, inner, column, ({ width, vectors }) => {
      start();
      f.get(source).get(column).op("i32.add").set(from).get(target).get(column).op("i32.add").set(to);
      f.get(size).set(left);
      countDown(f, left, () => {
        for (let v = 0; v < vectors; v++) {
          width.load(f.get(to).get(from), 16 * v);
          combine(v);
          width.store(f, 16 * v);
        }
        advance(f, from, step);
        advance(f, to, step);
      });
    });
    advance(f, source, slab);
    advance(f, target, slab);
  });
  return kernelModule(assemble({ run: f }));
}
