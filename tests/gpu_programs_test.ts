// Random programs on the GPU, under every transform, against what the CPU gives for them in float64.
import * as fc from "fast-check";
import { vmap } from "../grad/vmap.ts";
import { jit } from "../jit/jit.ts";
import { mul, stack } from "../ops/mod.ts";
import type { DType } from "../ops/dtype.ts";
import type { Tensor } from "../ops/tensor.ts";
import { assertNear, type ListFunction, numbersOf, pulledFrom, pushedFrom, shapedLike } from "./derivatives.ts";
import { directions, upload } from "./draw.ts";
import { onGpu, readNumbers } from "./gpu.ts";
import { functionOf, type RandomProgram, randomPrograms } from "./programs.ts";
import { checkAsync } from "./property.ts";

interface Case {
  readonly program: RandomProgram;
  readonly u: readonly number[];
  readonly v: readonly number[];
}

const cases: fc.Arbitrary<Case> = fc.record({ program: randomPrograms(), u: directions(), v: directions() });

function pointOf({ inputs }: RandomProgram, dtype: DType): Tensor[] {
  return inputs.map((x) => upload({ ...x, dtype }));
}

/** What is done to a program's function: it gives another function of the same inputs, or of a batch of them. */
const transforms: Readonly<Record<string, (drawn: Case) => ListFunction>> = {
  "values": ({ program }) => functionOf(program),
  "values, compiled": ({ program }) => jit(functionOf(program)),
  "pullbacks": ({ program, v }) => pulledFrom(functionOf(program), v),
  "pullbacks, compiled": ({ program, v }) => jit(pulledFrom(functionOf(program), v)),
  "tangents": ({ program, u }) => (xs) => pushedFrom(functionOf(program), shapedLike(xs, u))(xs),
  "tangents of compiled pullbacks": ({ program, u, v }) => (xs) =>
    pushedFrom(pulledFrom(jit(functionOf(program)), v), shapedLike(xs, u))(xs),
  "batches": ({ program }) => batchOf(functionOf(program)),
  "batches of pullbacks, compiled": ({ program, v }) => jit(batchOf(pulledFrom(functionOf(program), v))),
};

function batchOf(f: ListFunction): ListFunction {
  return (xs) => vmap(f)(xs.map((x) => stack([x, mul(x, 0.875)])));
}

for (const [name, make] of Object.entries(transforms)) {
  const test = `gpu: random programs: ${name}`;
  Deno.test(test, () =>
    checkAsync(cases, async (drawn) => {
      const f = make(drawn);
      const expected = numbersOf(f(pointOf(drawn.program, "float64")));
      const found = await readNumbers(onGpu(() => f(pointOf(drawn.program, "float32"))));
      // 2⁻²⁴ for each of some hundred roundings, which later steps may magnify a hundredfold, as on the CPU.
      assertNear(found, expected, 1e-3, name);
    }, { share: 1 / 4, test }));
}
