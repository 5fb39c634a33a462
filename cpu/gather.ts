/** Reading at computed positions, in WebAssembly: runs along the last axis are copied by vectors. */

import { assemble, FunctionBuilder, i32, type ValueType } from "./assembler.ts";
import { functionsOf, type KernelModule, kernelModule } from "./code.ts";
import { advance, countDown, forEachGroup, newLocals, parameters } from "./loops.ts";
import type { Implementation, Operand } from "./machine.ts";
import { reference } from "./reference.ts";
import { isWord, lineGroups } from "./words.ts";
import { sizeOf } from "../ops/shape.ts";

export const gather: Implementation<"gather"> = (kernel, inputs, output, machine) => {
  const [x, indices] = inputs as readonly [Operand, Operand];
  if (!isWord(x.dtype)) return reference.gather(kernel, inputs, output, machine);
  if (sizeOf(output.shape) === 0) return;
  const module = x.dtype === "float32" ? floats ??= gatherModule(0x7fc00000) : integers ??= gatherModule(0);
  functionsOf(module, machine)["gather"]!(
    output.address + 4 * output.offset,
    x.address + 4 * x.offset,
    indices.address + 4 * indices.offset,
    ...output.shape,
    x.shape[2]!,
    ...x.strides.map((stride) => 4 * stride),
    ...indices.strides.map((stride) => 4 * stride),
  );
};

let floats: KernelModule | null = null;
let integers: KernelModule | null = null;

/** `missing` are the bits of what is read out of range. */
function gatherModule(missing: number): KernelModule {
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
  const [row, index, from, at, left, rowsLeft, countLeft] = newLocals(f, i32, 7);

  function copyRun(): void {
    forEachGroup(f, lineGroups, run, at, ({ width, vectors }) => {
      for (let v = 0; v < vectors; v++) {
        f.get(target).get(at).op("i32.add");
        width.load(f.get(from).get(at).op("i32.add"), 16 * v);
        width.store(f, 16 * v);
      }
    });
    f.get(target).get(at).op("i32.add").set(target);
  }

  function forElements(value: () => void): void {
    f.get(run).set(left);
    countDown(f, left, () => {
      f.get(target);
      value();
      f.memory("i32.store").increment(target, 4);
    });
  }

  countDown(f, batches, () => {
    f.get(source).set(row).get(rows).set(rowsLeft);
    countDown(f, rowsLeft, () => {
      f.get(indices).set(index).get(count).set(countLeft);
      countDown(f, countLeft, () => {
        f.get(index).memory("i32.load").tee(from).get(size).op("i32.lt_u").if(() => {
          f.get(from).get(ofPosition).op("i32.mul").get(row).op("i32.add").set(from);
          f.get(ofElement).i32(4).op("i32.eq").get(run).i32(4).op("i32.ge_s").op("i32.and").if(copyRun, () => {
            forElements(() => {
              f.get(from).memory("i32.load");
              advance(f, from, ofElement);
            });
          });
        }, () => forElements(() => f.i32(missing)));
        advance(f, index, indexOfCount);
      });
      advance(f, row, ofRow);
    });
    advance(f, source, ofBatch);
    advance(f, indices, indexOfBatch);
  });
  return kernelModule(assemble({ gather: f }));
}
