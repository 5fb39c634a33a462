/** Elements picked by indices: a thread for each element of the result. */

import type { Generator } from "../kernel.ts";
import { literal } from "../functions/library.ts";
import { forEachElement, ShaderWriter } from "../writer.ts";
import { isFloat } from "../../ops/dtype.ts";

export const gather: Generator<"gather"> = (_, [x, indices], [output], machine) => {
  const writer = new ShaderWriter(machine);
  const { dtype, shape } = output!.type;
  const missing = literal(isFloat(dtype) ? NaN : 0, dtype, writer.functions);
  return [
    forEachElement(writer, machine, "gather", shape, (position, [b, p, i, q]) => {
      const out = writer.writes(output!);
      const index = writer.reads(indices!).load(writer.position(indices!, [b!, i!]));
      return [
        // Negative ones are large numbers.
        `let index = bitcast<u32>(${index});`,
        `if (index >= ${writer.number(x!.shape[2]!)}) { ${out.store(position, missing)} return; }`,
        out.store(position, writer.reads(x!).load(writer.position(x!, [b!, p!, "index", q!]))),
      ].join("\n");
    }),
  ];
};
