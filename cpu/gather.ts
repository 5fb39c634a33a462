/** Reading at computed positions, in WebAssembly: elements are moved as they are, runs along the last axis by vectors. */

import { assemble, FunctionBuilder, i32, type ValueType } from "./assembler.ts";
import { functionsOf, type KernelModule, kernelModule } from "./code.ts";
import { advance, countDown, newLocals, parameters } from "./loops.ts";
import type { Implementation, Operand } from "./machine.ts";
import { allocateArray, bytesPerElement, type DType, isFloat } from "../ops/dtype.ts";
import { sizeOf } from "../ops/shape.ts";

export const gather: Implementation<"gather"> = (_, inputs, output, machine) => {
  const [x, indices] = inputs as readonly [Operand, Operand];
  if (sizeOf(output.shape) === 0) return;
  const { dtype } = x;
  const bytes = bytesPerElement(dtype);
  let module = modules.get(dtype);
  if (module === undefined) modules.set(dtype, module = gatherModule(dtype));
  functionsOf(module, machine)["gather"]!(
    output.address + bytes * output.offset,
    x.address + bytes * x.offset,
    indices.address + 4 * indices.offset,
    ...output.shape,
    x.shape[2]!,
    ...x.strides.map((stride) => bytes * stride),
    ...indices.strides.map((stride) => 4 * stride),
  );
};

const modules = new Map<DType, KernelModule>();

/** How as many bytes are moved by way of a vector. */
const moves = {
  1: { load: "v128.load8_splat", store: "v128.store8_lane" },
  2: { load: "v128.load16_splat", store: "v128.store16_lane" },
  4: { load: "v128.load32_zero", store: "v128.store32_lane" },
  8: { load: "v128.load64_zero", store: "v128.store64_lane" },
} as const;

/** What is read out of range, in the first bytes of a vector. */
function missing(dtype: DType): Int32Array {
  const bytes = new Uint8Array(16);
  bytes.set(new Uint8Array(allocateArray(dtype, 1).fill(isFloat(dtype) ? NaN : 0).buffer));
  return new Int32Array(bytes.buffer);
}

function gatherModule(dtype: DType): KernelModule {
  const bytes = bytesPerElement(dtype) as keyof typeof moves;
  const { load, store } = moves[bytes];
  const f = new FunctionBuilder(new Array<ValueType>(14).fill(i32));
  const [
    target,
    source,
    indices,
    batches,
    rows,
    count,
    run,
    size,
    ofBatch,
    ofRow,
    ofPosition,
    ofElement,
    ...ofIndices
  ] = parameters(14);
  const [indexOfBatch, indexOfCount] = ofIndices;
  const [row, index, from, left, rowsLeft, countLeft] = newLocals(f, i32, 6);
  const absent = f.constant(missing(dtype));

  /** Copies a run of elements that lie side by side. */
  function copyRun(): void {
    f.get(run).i32(bytes).op("i32.mul").set(left);
    for (const vectors of [4, 1, 0]) {
      const step = 16 * vectors || bytes;
      f.block(() => {
        f.loop(() => {
          f.get(left).i32(step).op("i32.lt_u").brIf(1);
          for (let v = 0; v < vectors; v++) {
            f.get(target).get(from).memory("v128.load", 16 * v).memory("v128.store", 16 * v);
          }
          if (vectors === 0) f.get(target).get(from).memory(load).laneMemory(store, 0);
          f.increment(target, step).increment(from, step).increment(left, -step).br(0);
        });
      });
    }
  }

  function forElements(value: () => void): void {
    f.get(run).set(left);
    countDown(f, left, () => {
      f.get(target);
      value();
      f.laneMemory(store, 0).increment(target, bytes);
    });
  }

  countDown(f, batches, () => {
    f.get(source).set(row).get(rows).set(rowsLeft);
    countDown(f, rowsLeft, () => {
      f.get(indices).set(index).get(count).set(countLeft);
      countDown(f, countLeft, () => {
        f.get(index).memory("i32.load").tee(from).get(size).op("i32.lt_u").if(() => {
          f.get(from).get(ofPosition).op("i32.mul").get(row).op("i32.add").set(from);
          f.get(ofElement).i32(bytes).op("i32.eq").get(run).i32(16 / bytes).op("i32.ge_s").op("i32.and").if(
            copyRun,
            () => {
              forElements(() => {
                f.get(from).memory(load);
                advance(f, from, ofElement);
              });
            },
          );
        }, () => forElements(() => f.get(absent)));
        advance(f, index, indexOfCount);
      });
      advance(f, row, ofRow);
    });
    advance(f, source, ofBatch);
    advance(f, indices, indexOfBatch);
  });
  return kernelModule(assemble({ gather: f }));
}
