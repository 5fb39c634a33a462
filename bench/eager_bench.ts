/** The overhead of eager operations and of transforms: tensors so small that the arithmetic costs nothing. */

import { assertEquals } from "@std/assert";
import { add, grad, mul, square, sum, type Tensor, tensor, vmap } from "../mod.ts";

const x = tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
const y = tensor([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
const rows = tensor([[1, 2], [3, 4]]);

const sumOfSquares = (x: Tensor): Tensor => sum(square(x));
const slope = grad(sumOfSquares);
const eachRow = vmap(sumOfSquares);

const work: Readonly<Record<string, readonly [run: () => Tensor, expected: unknown]>> = {
  "add of two 10-element tensors": [() => add(x, y), Array(10).fill(9)],
  "mul of a 10-element tensor by a number": [() => mul(x, 2), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]],
  "sum of 10 elements": [() => sum(x), 45],
  "grad of a sum of 10 squares": [() => slope(x), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]],
  "vmap of a sum of squares over 2x2": [() => eachRow(rows), [5, 25]],
  "a tensor of 10 numbers": [() => tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), x.arraySync()],
};

// Results are left to the library, as a program would leave them.
for (const [name, [run, expected]] of Object.entries(work)) {
  assertEquals(run().arraySync(), expected, name);
  Deno.bench({ group: "eager", name, fn: () => void run() });
}
