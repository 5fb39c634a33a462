// A system's BLAS: nothing without being asked for, clear errors where it cannot be had, and where it can, blas_child.ts.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { tryOut } from "../cpu/blas.ts";
import type { Gemm } from "../cpu/blas_matmul.ts";
import * as pb from "../mod.ts";
import { refuses, untyped } from "./refuses.ts";

/** The last line that a script of its own prints, of what `body` returns. */
async function returned(flags: readonly string[], body: string): Promise<unknown> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const mod = new URL("../mod.ts", import.meta.url).href;
  try {
    await Deno.writeTextFile(
      file,
      `import * as pb from "${mod}";
      function outcome() { ${body} }
      console.log(JSON.stringify(outcome()));`,
    );
    const args = ["run", "--no-prompt", "--no-check", ...flags, file];
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert(success, new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
  } finally {
    await Deno.remove(file);
  }
}

/** The message of what `useBlas` throws, then what the device says it uses, and a product. */
function attempt(call: string): string {
  return `
    let message = null;
    try { ${call} } catch (error) { message = error.constructor.name + ": " + error.message; }
    const product = pb.matmul(pb.ones([100, 100]), pb.ones([100, 100]));
    return [message, product.device.info.blas, product.dataSync()[7]];`;
}

const { os } = Deno.build;
const names = os === "darwin"
  ? ["/System/Library/Frameworks/Accelerate.framework/Accelerate", "libopenblas.dylib"]
  : os === "windows"
  ? ["libopenblas.dll", "openblas.dll"]
  : ["libopenblas.so.0", "libopenblas.so"];

/** A library without matrices that every such system has. */
const unfit = os === "darwin" ? "/usr/lib/libSystem.B.dylib" : os === "windows" ? "kernel32.dll" : "libm.so.6";

Deno.test("blas: without permission, or without Deno, the error says so, and nothing changes", async () => {
  assertEquals(await returned([], attempt("pb.useBlas();")), [
    `Error: useBlas() may not load "${names[0]}": run Deno with --allow-ffi`,
    null,
    100,
  ]);
  assertEquals(await returned([], attempt(`Reflect.deleteProperty(globalThis, "Deno"); pb.useBlas();`)), [
    "Error: useBlas() needs Deno, whose Deno.dlopen loads libraries",
    null,
    100,
  ]);
  assertEquals(await returned(["--allow-ffi"], attempt("")), [null, null, 100]);
});

Deno.test("blas: a library that is not there, is none, or lacks what is needed", async () => {
  const flags = ["--allow-ffi"];
  const [missing, , sum] = await returned(flags, attempt(`pb.useBlas({ library: "libnone.so" });`)) as unknown[];
  assert(/^Error: useBlas\(\) cannot load "libnone.so": [^\n]+$/.test(String(missing)), String(missing));
  assertEquals(sum, 100);
  assertEquals(await returned(flags, attempt(`pb.useBlas({ library: ${JSON.stringify(unfit)} });`)), [
    `Error: useBlas() cannot use "${unfit}": it lacks cblas_sgemm or cblas_dgemm`,
    null,
    100,
  ]);
});

Deno.test("blas: a library that multiplies otherwise is refused", () => {
  const nothing: Gemm = () => {};
  const message = assertThrows(
    () => tryOut({ library: "libother.so", float32: nothing, float64: nothing, addressOf: () => 0 }),
    Error,
  ).message;
  assertEquals(
    message,
    'useBlas() cannot use "libother.so": it multiplies a small matrix wrongly (integers are taken to have 32 bits)',
  );
});

Deno.test("blas: this system's computes what our kernels do; where there is none, the error names what was tried", async () => {
  const [message, library, product] = await returned(["--allow-ffi"], attempt("pb.useBlas();")) as unknown[];
  assertEquals(product, 100);
  if (library === null) {
    assertEquals(
      message,
      `Error: useBlas() found no BLAS library: tried ${names.join(" and ")}; install OpenBLAS ` +
        "(Debian: apt-get install libopenblas0-pthread), or tell its file as useBlas({ library })",
    );
    // .ci/run installs one.
    assert(!Deno.env.has("CI"), String(message));
    console.warn(`There is no BLAS here, so its results were not compared with ours: ${message}`);
    return;
  }
  assert(names.includes(String(library)));
  const child = new URL("blas_child.ts", import.meta.url).pathname;
  const args = ["test", "--no-prompt", "--no-check", "--allow-ffi", "--allow-env", "--allow-write", child];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const text = new TextDecoder();
  assert(success, text.decode(stdout) + text.decode(stderr));
});

refuses("blas: what is no library", [
  [
    () => pb.useBlas({ library: untyped(3) }),
    TypeError,
    "useBlas() takes a library that is a string, got the number 3",
  ],
  [
    () => pb.useBlas(untyped("libopenblas.so.0")),
    TypeError,
    'useBlas() takes its options as an object, got the string "libopenblas.so.0"',
  ],
]);
