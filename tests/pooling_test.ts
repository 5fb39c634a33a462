// Pooling: where the gradient of a window's extreme goes, however large the image.
import { assertEquals } from "@std/assert";
import { grad } from "../grad/mod.ts";
import { maxPool, minPool, sum } from "../ops/mod.ts";
import { trace } from "../ops/program.ts";

Deno.test("pooling: positions of extremes are integers, exact where float32 is not", () => {
  for (const pool of [maxPool, minPool]) {
    const gradient = grad((x: Parameters<typeof pool>[0]) => sum(pool(x, { window: 2 })));
    const { equations, types } = trace("program", ([x]) => [gradient(x!)], [{ dtype: "float32", shape: [1, 6, 1] }]);
    const positions = equations.filter(({ primitive }) => primitive.name.startsWith("windowArg"));
    assertEquals(positions.flatMap(({ outputs }) => outputs.map((slot) => types[slot])), [
      { dtype: "int32", shape: [1, 3, 1] },
    ]);
  }
});
