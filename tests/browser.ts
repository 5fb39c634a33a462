/** Pages in Chromium: the library's bundle and a few files, served to a browser that is asked questions. */

import { assert } from "@std/assert";

/** An expression for a page to evaluate, which may be a promise. */
export interface Question {
  /** Of a page: `/isolated`, `/plain` or `/workerless`. */
  readonly path: string;
  readonly expression: string;
}

type Headers = Readonly<Record<string, string>>;

/** An isolated page may share memory with workers. */
const isolation: Headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Pages by what they are sent with. */
const pages: Readonly<Record<string, Headers>> = {
  "/isolated": isolation,
  "/plain": {},
  "/workerless": { ...isolation, "content-security-policy": "worker-src 'none'" },
};

const root = new URL("../", import.meta.url);
const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));

export interface Served {
  /** Modules of this folder, which pages import as `/name.js`. They import the library as `/pullback.js`. */
  readonly modules?: readonly string[];
  /** Tests of this folder, likewise; each has its own copy of the library's files. */
  readonly tests?: readonly string[];
  /** Other files, by path. */
  readonly files?: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
}

/** The answers to questions, each asked in a page of its own. */
export async function answers(questions: readonly Question[], served: Served): Promise<unknown[]> {
  const executable = chromium();
  const folder = await Deno.makeTempDir({ prefix: "pullback-browser-" });
  try {
    await bundle(folder, served);
    await using server = serve(folder, served.files ?? {});
    const origin = `http://127.0.0.1:${server.addr.port}`;
    // Playwright looks at /proc, which Deno lets nobody do who may not do everything.
    const args = ["run", "--allow-all", "--no-check", "tests/browser_child.ts", executable, origin];
    return JSON.parse(await deno(args, JSON.stringify(questions)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function chromium(): string {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      try {
        if (Deno.statSync(`${folder}/${name}`).isFile) return `${folder}/${name}`;
      } catch {
        // Not in this folder.
      }
    }
  }
  throw new Error("there is no Chromium to test the library in: install it (Debian: apt-get install chromium)");
}

/** What Deno prints for these arguments. */
async function deno(args: readonly string[], input = ""): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  await new Response(input).body!.pipeTo(child.stdin);
  const { success, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}

async function bundle(folder: string, { modules = [], tests = [] }: Served): Promise<void> {
  // By the task's own command.
  const words: readonly string[] = tasks.bundle.command.split(" ").slice(1);
  await deno(words.map((word) => word.replace(/^out(?=\/)/, folder)));
  const options = ["bundle", "--quiet", "--platform=browser", `--outdir=${folder}`];
  const sources = (names: readonly string[]) => names.map((name) => `tests/${name}.ts`);
  if (tests.length > 0) await deno([...options, ...sources(tests)]);
  if (modules.length > 0) await deno([...options, "--external=@pullback/pullback", ...sources(modules)]);
  for (const name of modules) {
    const file = `${folder}/${name}.js`;
    // Workers have no import maps.
    const text = (await Deno.readTextFile(file)).replaceAll(`"@pullback/pullback"`, `"/pullback.js"`);
    await Deno.writeTextFile(file, text);
  }
}

/** What tests/browser_runner.ts has for tests. */
const html = `<!doctype html><script type="importmap">
  { "imports": { "node:assert": "/browser_runner.js", "node:util": "/browser_runner.js" } }
</script>`;

function serve(folder: string, files: NonNullable<Served["files"]>): Deno.HttpServer<Deno.NetAddr> {
  const answer = async (path: string): Promise<Response> => {
    if (path in pages) return new Response(html, { headers: { "content-type": "text/html", ...pages[path] } });
    if (path in files) return new Response(files[path]);
    if (!/^\/\w+\.js$/.test(path)) return new Response("not found", { status: 404 });
    // Workers are isolated by headers of their own.
    const headers = { "content-type": "text/javascript", ...isolation };
    return new Response(await Deno.readTextFile(folder + path), { headers });
  };
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => answer(new URL(request.url).pathname),
  );
}
