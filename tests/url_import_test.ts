// The library imported over HTTP from an empty project: no import map, no config and no permission but the import's.
import { assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url);

const program = (base: string) => `
import { grad, mul, tensor, type Tensor } from "${base}/mod.ts";
const slope = grad((x: Tensor) => mul(x, x));
console.log(slope(tensor(3)).item());
for (const name of ["read", "write", "net", "env", "run", "sys", "ffi"] as const) {
  const { state } = await Deno.permissions.query({ name });
  if (state === "granted") console.log("granted: " + name);
}
`;

Deno.test("the library runs from a URL, with no permission, in an empty project", async () => {
  const refused: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    try {
      const source = await Deno.readTextFile(new URL(`.${pathname}`, root));
      return new Response(source, { headers: { "content-type": "application/typescript; charset=utf-8" } });
    } catch {
      refused.push(pathname);
      return new Response("not found", { status: 404 });
    }
  });
  const project = await Deno.makeTempDir({ prefix: "pullback-url-" });
  try {
    const host = `127.0.0.1:${server.addr.port}`;
    await Deno.mkdir(`${project}/app`);
    await Deno.writeTextFile(`${project}/app/main.ts`, program(`http://${host}`));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--check", "--no-prompt", "--no-lock", `--allow-import=${host}`, "main.ts"],
      cwd: `${project}/app`,
      // Nothing of this session's environment: an empty cache, so every module comes over HTTP.
      clearEnv: true,
      env: { DENO_DIR: `${project}/cache`, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    assertEquals(
      { code, output: decoder.decode(stdout), refused },
      { code: 0, output: "6\n", refused: [] },
      decoder.decode(stderr),
    );
  } finally {
    await server.shutdown();
    await Deno.remove(project, { recursive: true });
  }
});
