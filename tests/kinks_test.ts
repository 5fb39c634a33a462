// Derivatives at single points where no difference tells them: they are what the documentation says.
import { assertEquals } from "@std/assert";
import { grad } from "../grad/mod.ts";
import { pow } from "../ops/mod.ts";

Deno.test("kinks: the derivative of a^b by b is 0 at a = 0 and b ≥ 0", () => {
  const byExponent = grad((a: number, b: number) => pow(a, b), { argnums: 1 });
  assertEquals(byExponent(0, 0).item(), 0);
  assertEquals(byExponent(0, 2).item(), 0);
});
