/** Positions of extremes: elements are joined together with where they are, and of equal ones the first is kept. */

import type { Dispatch, Generator, Machine } from "../kernel.ts";
import { computeType } from "../scalar.ts";
import type { ShaderWriter } from "../writer.ts";
import type { Fold } from "./fold.ts";
import { loop } from "./loop.ts";
import { rowDomain, strideOfRows } from "./row_domain.ts";
import { reductionWork } from "./row_work.ts";
import { RowWriter } from "./rows.ts";
import type { Place } from "../../jit/place.ts";
import type { DType } from "../../ops/dtype.ts";
import type { KernelOf } from "../../ops/kernel.ts";
import { binary, constant, input, select } from "../../ops/scalar.ts";

export const argReduce: Generator<"argReduce"> = ({ extreme, axis }, inputs, outputs, machine) => {
  const x = inputs[0]!;
  const body = input(0, x.type.dtype);
  const { domain } = rowDomain(x.shape, [axis], inputs, [body]);
  const work = reductionWork(domain, machine);
  const rows = new RowWriter(domain, inputs, work, machine, 0);
  const fold = positionFold(extreme, x.type.dtype, rows.writer);
  const [found] = rows.pass([{ body, fold }], []);
  const strides = strideOfRows(domain);
  const others = domain.shape.toSpliced(domain.axis, 1);
  if (work.parts === 1) {
    rows.storeResult(found!.map((pair) => `${pair}.y`), outputs[0]!, strides);
    return [rows.finish("argReduce")];
  }
  const type = { dtype: "int32", shape: [work.parts, ...others] } as const;
  const [keys, positions] = [machine.temporary(type), machine.temporary(type)];
  rows.storeResult(found!.map((pair) => `${pair}.x`), keys, strides);
  rows.storeResult(found!.map((pair) => `${pair}.y`), positions, strides);
  return [rows.finish("argReduce"), ...chooseFirst(keys, positions, outputs[0]!, machine)];
};

const highest = 2 ** 31 - 1;

/** Keys of which the greatest is wanted, with the position. */
function positionFold(extreme: "max" | "min", dtype: DType, writer: ShaderWriter): Fold {
  const { functions } = writer;
  writer.declare(`fn ahead(a: vec2<i32>, b: vec2<i32>) -> vec2<i32> {
  return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));
}`);
  const isMax = extreme === "max";
  function key(x: string): string {
    switch (computeType(dtype)) {
      case "f32": {
        const order = `${isMax ? "" : "-"}${functions.use("order_i32")}(${x})`;
        return `select(${order}, ${highest}i, ${functions.use("isNaN_f32")}(${x}))`;
      }
      case "bool":
        return isMax ? `select(0i, 1i, ${x})` : `select(1i, 0i, ${x})`;
      case "i32":
        return isMax ? x : `~${x}`;
      case "u32":
        return `bitcast<i32>(${x} ^ ${isMax ? "0x80000000u" : "0x7fffffffu"})`;
    }
  }
  return {
    type: "vec2<i32>",
    rounds: false,
    identity: `vec2<i32>(i32(-2147483648), ${highest}i)`,
    enter: (x, position) => `vec2<i32>(${key(x)}, i32(${position}))`,
    join: (a, b) => `ahead(${a}, ${b})`,
    leave: (x) => `${x}.y`,
  };
}

/** Of the parts along the first axis, the position in the first of those whose key is greatest. */
function chooseFirst(keys: Place, positions: Place, output: Place, machine: Machine): readonly Dispatch[] {
  const [best, first, key, position] = [0, 1, 2, 3].map((n) => input(n, "int32"));
  const isBest = binary("eq", key!, best!);
  const kernel: KernelOf<"loop"> = {
    kind: "loop",
    shape: keys.shape,
    axes: [0],
    stages: [
      { combiner: "max", body: key! },
      { combiner: "min", body: select(isBest, position!, constant(highest, "int32")) },
    ],
    outputs: [{ body: first!, perRow: true }],
  };
  return loop(kernel, [keys, positions], [output], machine);
}
