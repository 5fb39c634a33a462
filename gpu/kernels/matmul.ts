/** Products of matrices as contractions. */

import type { Generator } from "../kernel.ts";
import { contract } from "./contract.ts";
import { type Factor, factorOf, type Kind } from "./contraction.ts";
import { withEpilogue } from "./finish.ts";
import type { Place } from "../../jit/place.ts";

export const matmul: Generator<"matmul"> = ({ epilogue }, [a, b, ...others], [output], machine) => {
  const { shape } = output!;
  const shapes = {
    batch: shape.slice(0, -2),
    rows: [shape.at(-2)!],
    columns: [shape.at(-1)!],
    depth: [a!.shape.at(-1)!],
  };

  /** A matrix for each element of the batch, and what its last two axes are. */
  function matrices(x: Place, first: Kind, second: Kind): Factor {
    const strides = { batch: x.strides.slice(0, -2), [first]: [x.strides.at(-2)!], [second]: [x.strides.at(-1)!] };
    return factorOf(x, shapes, strides);
  }

  return withEpilogue(epilogue, others, output!, machine, (output, epilogue, others) =>
    contract(
      {
        shapes,
        a: matrices(a!, "rows", "depth"),
        b: matrices(b!, "depth", "columns"),
        output: matrices(output, "rows", "columns"),
        epilogue,
        others: others.map((x) => matrices(x, "rows", "columns")),
        parts: null,
        padding: null,
      },
      machine,
    ));
};
