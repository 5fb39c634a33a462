// What is measured of an adapter at start.
import { assertEquals } from "@std/assert";
import { measure } from "../gpu/tuning.ts";
import { connection } from "./gpu_kernels.ts";

Deno.test("gpu tuning: an adapter is measured once, and remembered", async () => {
  // To connect measured it.
  const measured = { hasFastBarriers: connection.hasFastBarriers };
  assertEquals(typeof measured.hasFastBarriers, "boolean");
  assertEquals(await measure(connection.device), measured);
  const keys = Object.keys(localStorage).filter((key) => key.startsWith("pullback gpu "));
  assertEquals(keys.map((key) => localStorage.getItem(key)), [`${measured.hasFastBarriers}`]);
});
