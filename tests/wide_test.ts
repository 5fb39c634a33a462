// Wide tiles in processes of their own: with V8's flags the device says that it uses them, and results are the same.
import { assert, assertEquals } from "@std/assert";

const flags = "--experimental-wasm-revectorize,--no-wasm-bounds-checks";

interface Outcome {
  readonly tile: string;
  readonly hashes: readonly number[];
}

async function outcome(v8Flags: string | null): Promise<Outcome> {
  const child = new URL("wide_child.ts", import.meta.url).pathname;
  const env = v8Flags === null ? {} : { DENO_V8_FLAGS: v8Flags };
  const args = ["run", "--no-prompt", "--no-check", child];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Whether this machine has vectors of 256 bits, as far as one can tell. Deno itself may read that file only if it may do all. */
function hasWideVectors(): boolean {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return false;
  return new Deno.Command("grep", { args: ["-qw", "avx2", "/proc/cpuinfo"] }).outputSync().success;
}

Deno.test("wide tiles: with V8's flags alone, without permissions, and with the same results bit for bit", async () => {
  const narrow = await outcome(null);
  assertEquals(narrow.tile, "6x8");
  // Where others use the machine, it can happen that nothing is optimised in time.
  let wide = await outcome(flags);
  for (let tries = 1; hasWideVectors() && wide.tile === "6x8" && tries < 3; tries++) wide = await outcome(flags);
  if (hasWideVectors()) assertEquals(wide.tile, "6x16");
  assertEquals(wide.hashes, narrow.hashes);
});

Deno.test("wide tiles: not with half of the flags, where they would be slower", async () => {
  assertEquals((await outcome("--experimental-wasm-revectorize")).tile, "6x8");
  assertEquals((await outcome("--no-wasm-bounds-checks")).tile, "6x8");
});
