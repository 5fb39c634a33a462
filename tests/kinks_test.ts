// Derivatives at single points where no difference tells them: they are what the documentation says.
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { grad, jvp } from "../grad/mod.ts";
import { cummax, cummin, neg, pow, segmentMax, segmentMin, sum, type Tensor, tensor } from "../ops/mod.ts";

Deno.test("kinks: the derivative of a^b by b is 0 at a = 0 and b ≥ 0", () => {
  const byExponent = grad((a: number, b: number) => pow(a, b), { argnums: 1 });
  assertEquals(byExponent(0, 0).item(), 0);
  assertEquals(byExponent(0, 2).item(), 0);
});

Deno.test("kinks: the derivative of a running extreme that is NaN goes to the NaN passed last", () => {
  const x = tensor([1, NaN, 0, NaN, 5]);
  const along = tensor([10, 20, 30, 40, 50]);
  for (const f of [cummax, cummin]) {
    assertEquals(grad((x: Tensor) => sum(f(x)))(x).arraySync(), [1, 2, 0, 2, 0]);
    assertEquals(jvp((x: Tensor) => f(x), [x], [along])[1].arraySync(), [10, 20, 20, 40, 40]);
    assertEquals(grad((x: Tensor) => sum(f(x, { reverse: true })))(x).arraySync(), [0, 2, 0, 2, 1]);
  }
});

Deno.test("kinks: the derivative of the extreme of a segment is shared equally among all that attain it", () => {
  const ids = [0, 0, 1, 0, 1, 0];
  const x = tensor([3, 1, 2, 3, 5, 3]);
  const along = tensor([3, 100, 200, 6, 7, 9]);
  const third = Math.fround(1 / 3);
  for (const f of [segmentMax, (x: Tensor, ids: number[], n: number) => neg(segmentMin(neg(x), ids, n))]) {
    assertEquals(grad((x: Tensor) => sum(f(x, ids, 2)))(x).arraySync(), [third, 0, 0, third, 1, third]);
    assertAlmostEquals(jvp((x: Tensor) => sum(f(x, ids, 2)), [x], [along])[1].item() as number, 6 + 7, 1e-5);
  }
});
