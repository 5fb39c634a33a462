/**
 * Positions of extremes in WebAssembly. Along the last axis the extreme is found first and then its position; along
 * others vectors hold neighbouring lines, and positions are kept beside the best so far.
 */

import { assemble, FunctionBuilder, i32, type Local, v128, type ValueType } from "./assembler.ts";
import { functionsOf, type KernelModule, kernelModule } from "./code.ts";
import { withScratch } from "./contraction.ts";
import { contiguousAddress } from "./conv_tables.ts";
import { fill } from "./fill.ts";
import { advance, countDown, forEachGroup, newLocals, parameters } from "./loops.ts";
import type { Implementation } from "./machine.ts";
import { reference } from "./reference.ts";
import { around, combineWords, isWord, lineGroups, type WordType } from "./words.ts";
import { sizeOf } from "../ops/shape.ts";

export const argReduce: Implementation<"argReduce"> = (kernel, inputs, output, machine) => {
  const { extreme, axis } = kernel;
  const x = inputs[0]!;
  const { dtype } = x;
  if (!isWord(dtype)) return reference.argReduce(kernel, inputs, output, machine);
  if (sizeOf(output.shape) === 0) return;
  const [outer, size, inner] = around(x.shape, axis);
  if (size === 0) return fill(0, output, machine);
  const key = `${extreme} ${dtype}`;
  let module = modules.get(key);
  if (module === undefined) modules.set(key, module = argReduceModule(extreme, dtype));
  const { rows, columns } = functionsOf(module, machine);
  withScratch(machine, (allocate) => {
    const from = contiguousAddress(machine, allocate, x);
    const to = output.address + 4 * output.offset;
    if (inner === 1) rows!(to, from, outer, size);
    else columns!(to, from, outer, size, inner);
  });
};

const modules = new Map<string, KernelModule>();

function argReduceModule(extreme: "max" | "min", dtype: WordType): KernelModule {
  return kernelModule(assemble({ rows: rows(extreme, dtype), columns: columns(extreme, dtype) }));
}

/** `rows(target, source, count, size)`: sizes are at least 1. */
function rows(extreme: "max" | "min", dtype: WordType): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(4).fill(i32));
  const [target, source, count, size] = parameters(4);
  const [at, end, lastVector, lastElement] = newLocals(f, i32, 4);
  const [x, best, anyNaN] = newLocals(f, v128, 3);
  const isFloat = dtype === "float32";
  // Unlike f32x4.max, which knows of NaN, this is one instruction; it keeps what it has where the other is NaN.
  const combine = isFloat ? `f32x4.p${extreme}` as const : combineWords(extreme, dtype);

  function join(): void {
    f.set(x).get(best).get(x).op(combine).set(best);
    if (isFloat) f.get(anyNaN).get(x).get(x).op("f32x4.ne").op("v128.or").set(anyNaN);
  }

  /** Goes on until a vector has what is looked for. */
  function find(isFound: () => void): void {
    f.get(source).set(at);
    f.block(() => {
      whileAtMost(f, at, lastVector, 16, () => {
        f.get(at).memory("v128.load").set(x);
        isFound();
        f.op("v128.any_true").brIf(2);
      });
    });
    f.block(() => {
      f.loop(() => {
        f.get(at).memory("v128.load32_splat").set(x);
        isFound();
        f.op("v128.any_true").brIf(1).increment(at, 4).br(0);
      });
    });
  }

  const findBest = () => find(() => f.get(x).get(best).op(isFloat ? "f32x4.eq" : "i32x4.eq"));
  const findNaN = () => find(() => f.get(x).get(x).op("f32x4.ne"));

  countDown(f, count, () => {
    f.get(source).get(size).i32(2).op("i32.shl").op("i32.add").set(end);
    f.get(end).i32(16).op("i32.sub").set(lastVector);
    f.get(source).set(at).get(source).memory("v128.load32_splat").set(best).i32x4(0).set(anyNaN);
    whileAtMost(f, at, lastVector, 16, () => {
      f.get(at).memory("v128.load");
      join();
    });
    f.get(end).i32(4).op("i32.sub").set(lastElement);
    whileAtMost(f, at, lastElement, 4, () => {
      f.get(at).memory("v128.load32_splat");
      join();
    });
    for (const lanes of [[2, 3, 0, 1], [1, 0, 3, 2]] as const) {
      f.get(best).get(best).get(best).shuffle32(lanes).op(combine).set(best);
    }
    if (isFloat) f.get(anyNaN).op("v128.any_true").if(findNaN, findBest);
    else findBest();
    f.get(target).get(at).get(source).op("i32.sub").i32(2).op("i32.shr_u").memory("i32.store").increment(target, 4);
    f.get(end).set(source);
  });
  return f;
}

/** Repeats the body and moves a pointer on while it is no further than another one. */
function whileAtMost(f: FunctionBuilder, pointer: Local, last: Local, step: number, body: () => void): void {
  f.block(() => {
    f.loop(() => {
      f.get(pointer).get(last).op("i32.gt_u").brIf(1);
      body();
      f.increment(pointer, step).br(0);
    });
  });
}

/** `columns(target, source, outer, size, inner)` */
function columns(extreme: "max" | "min", dtype: WordType): FunctionBuilder {
  const f = new FunctionBuilder(new Array<ValueType>(5).fill(i32));
  const [target, source, outer, size, inner] = parameters(5);
  const [column, from, position, row] = newLocals(f, i32, 4);
  const best = f.locals(v128, 4);
  const chosen = f.locals(v128, 4);
  const [x, index, wins] = newLocals(f, v128, 3);
  const better = betterOp(extreme, dtype);
  f.get(inner).i32(2).op("i32.shl").set(row);
  countDown(f, outer, () => {
    forEachGroup(f, lineGroups, inner, column, ({ width, vectors }) => {
      f.get(source).get(column).op("i32.add").set(from);
      for (let v = 0; v < vectors; v++) {
        width.load(f.get(from), 16 * v).set(best[v]!).i32x4(0).set(chosen[v]!);
      }
      f.i32(1).set(position);
      f.block(() => {
        f.loop(() => {
          f.get(position).get(size).op("i32.ge_s").brIf(1);
          advance(f, from, row);
          f.get(position).op("i32x4.splat").set(index);
          for (let v = 0; v < vectors; v++) {
            width.load(f.get(from), 16 * v).tee(x).get(best[v]!).op(better);
            // The first NaN wins, and nothing wins over it.
            if (dtype === "float32") {
              f.get(x).get(x).op("f32x4.ne").get(best[v]!).get(best[v]!).op("f32x4.eq").op("v128.and").op("v128.or");
            }
            f.set(wins);
            f.get(x).get(best[v]!).get(wins).op("v128.bitselect").set(best[v]!);
            f.get(index).get(chosen[v]!).get(wins).op("v128.bitselect").set(chosen[v]!);
          }
          f.increment(position, 1).br(0);
        });
      });
      for (let v = 0; v < vectors; v++) {
        width.store(f.get(target).get(column).op("i32.add").get(chosen[v]!), 16 * v);
      }
    });
    advance(f, target, row);
    f.get(source).get(row).get(size).op("i32.mul").op("i32.add").set(source);
  });
  return f;
}

function betterOp(extreme: "max" | "min", dtype: WordType) {
  const name = extreme === "max" ? "gt" : "lt";
  if (dtype === "float32") return `f32x4.${name}` as const;
  return `i32x4.${name}_${dtype === "int32" ? "s" : "u"}` as const;
}
