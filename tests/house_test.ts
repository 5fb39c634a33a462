// House rules that can be run: which folder may import which, one caller of devices, headers, READMEs, no escape hatches.
import { assertEquals } from "@std/assert";

/** The library's folders and the folders each may import; entry files (`mod.ts`) may import all of them. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  ops: [],
  grad: ["ops"],
  jit: ["ops", "grad"],
  cpu: ["ops", "grad", "jit"],
  gpu: ["ops", "grad", "jit"],
  nn: ["ops", "grad", "jit"],
  optim: ["ops", "grad", "jit"],
  data: ["ops", "grad", "jit"],
  io: ["ops", "grad", "jit"],
  distributed: ["ops", "grad", "jit"],
};

const root = new URL("../", import.meta.url);

type SourceFile = { readonly path: string; readonly text: string; readonly imports: readonly string[] };

/** The paths, relative to the root, of all files under `folder` ("" for the root itself, without its folders). */
function filesIn(folder: string, deep = folder !== ""): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(new URL(folder || ".", root))) {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isFile) found.push(path);
    else if (entry.isDirectory && deep) found.push(...filesIn(path));
  }
  return found.sort();
}

function topFolders(): string[] {
  return [...Deno.readDirSync(root)]
    .filter((entry) =>
      entry.isDirectory && !entry.name.startsWith(".") && !["out", "node_modules"].includes(entry.name)
    )
    .map((entry) => entry.name).sort();
}

function readText(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

// deno fmt puts every import at the start of a line and every line of a doc comment after " * ", so no parser is needed.
const staticImport = /^(?:import|export)\b[^;"'`=()]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"/gm;
const dynamicImport = /\bimport\(\s*(?:"([^"]+)")?/g;

/** The specifiers that a source imports or re-exports; "?" for a dynamic import that does not name one. */
function importsOf(source: string): string[] {
  const code = source.split("\n").filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line)).join("\n");
  return [
    ...[...code.matchAll(staticImport)].map((match) => match[1] ?? match[2] ?? "?"),
    ...[...code.matchAll(dynamicImport)].map((match) => match[1] ?? "?"),
  ];
}

/** Every TypeScript file that is part of the package: the root's and those of the library's folders. */
function librarySources(): SourceFile[] {
  const folders = topFolders().filter((folder) => folder in arrows);
  return [...filesIn(""), ...folders.flatMap((folder) => filesIn(folder))]
    .filter((path) => path.endsWith(".ts"))
    .map((path) => {
      const text = readText(path);
      return { path, text, imports: importsOf(text) };
    });
}

/** The file a relative specifier means, as a path from the root; null for bare names and for files outside the root. */
function resolve(from: string, specifier: string): string | null {
  if (!specifier.startsWith("./") && !specifier.startsWith("../")) return null;
  const { href } = new URL(specifier, new URL(from, root));
  return href.startsWith(root.href) ? href.slice(root.href.length) : null;
}

function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

function isEntry(path: string): boolean {
  return path === "mod.ts" || path.endsWith("/mod.ts");
}

/** What the imports of one file break, in words. */
function brokenArrows(path: string, imports: readonly string[]): string[] {
  const folder = folderOf(path);
  return imports.flatMap((specifier) => {
    const target = resolve(path, specifier);
    const broken = (rule: string) => [`${path} imports "${specifier}": ${rule}`];
    if (target === null) return broken("the library imports its own files alone, by relative path");
    const other = folderOf(target);
    if (other !== "" && !(other in arrows)) return broken(`${other}/ is not part of the library`);
    if (isEntry(path)) return [];
    if (isEntry(target)) return broken("only entry files import a mod.ts");
    if (target === "cpu/install.ts") return broken("only entry files import cpu/install.ts");
    if (other !== folder && !arrows[folder]?.includes(other)) {
      return broken(`${folder}/ may import ${["itself", ...arrows[folder] ?? []].join(", ")}`);
    }
    return [];
  });
}

/** One cycle among the nodes of a graph, first node repeated at the end; null if there is none. */
function findCycle(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] | null {
  const finished = new Set<string>();
  const path: string[] = [];
  function visit(node: string): string[] | null {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (finished.has(node)) return null;
    path.push(node);
    for (const next of edges.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    path.pop();
    finished.add(node);
    return null;
  }
  for (const node of edges.keys()) {
    const cycle = visit(node);
    if (cycle) return cycle;
  }
  return null;
}

Deno.test("house: imports follow the arrows", () => {
  assertEquals(librarySources().flatMap(({ path, imports }) => brokenArrows(path, imports)), []);
});

Deno.test("house: no cycle between folders", () => {
  const edges = new Map<string, Set<string>>();
  for (const { path, imports } of librarySources()) {
    // Entry files sit above all folders: nothing in a folder imports them.
    if (isEntry(path)) continue;
    const targets = edges.get(folderOf(path)) ?? new Set();
    edges.set(folderOf(path), targets);
    for (const specifier of imports) {
      const target = folderOf(resolve(path, specifier) ?? path);
      if (target !== folderOf(path)) targets.add(target);
    }
  }
  assertEquals(findCycle(edges), null);
});

Deno.test("house: bind alone runs devices", () => {
  const callers = librarySources().filter(({ text }) => /\bdevice\.run\(/.test(text)).map(({ path }) => path);
  assertEquals(callers.filter((path) => path !== "ops/bind.ts"), []);
});

Deno.test("house: every file opens with a sentence that says what it is for", () => {
  const headless = librarySources().filter(({ text }) => !openingComment(text)).map(({ path }) => path);
  assertEquals(headless, []);
});

/** The comment a source starts with, if it says something: four words or more and no directive. */
function openingComment(source: string): string | null {
  const comment = /^(?:\/\/(.*)|\/\*\*?([\s\S]*?)\*\/)/.exec(source);
  const words = (comment?.[1] ?? comment?.[2] ?? "").replaceAll("*", " ").trim();
  return words.split(/\s+/).length >= 4 && !/^(?:deno-|@ts-)/.test(words) ? words : null;
}

Deno.test("house: properties run by check(), which counts them and says how to replay one", () => {
  const others = filesIn("tests").filter((path) => path.endsWith(".ts") && path !== "tests/property.ts")
    .filter((path) => /\bfc\.(?:assert|check|property)\(/.test(readText(path)));
  assertEquals(others, []);
});

Deno.test("house: every folder has a README of at most thirty lines", () => {
  const missing: string[] = [];
  for (const folder of topFolders()) {
    const files = filesIn(folder);
    if (files.length === 0) continue; // git knows no empty folder
    if (!files.includes(`${folder}/README.md`)) missing.push(`${folder}/ has no README.md`);
  }
  const long = topFolders().flatMap((folder) => filesIn(folder)).filter((path) => path.endsWith("/README.md"))
    .map((path) => ({ path, lines: readText(path).trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > 30)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
  assertEquals([...missing, ...long], []);
});

Deno.test("house: no type is switched off", () => {
  const hatch = /deno-lint-ignore(?:-file)?[^\n]*no-explicit-any|@ts-(?:ignore|nocheck|expect-error)|\bas any\b/;
  const users = librarySources().flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, i) => hatch.test(line) ? [`${path}:${i + 1} ${line.trim()}`] : [])
  );
  assertEquals(users, []);
});

Deno.test("house: exports, and the entry files among them, exist", () => {
  const { exports } = JSON.parse(readText("deno.json")) as { exports: Record<string, string> };
  const files = new Set(librarySources().map(({ path }) => `./${path}`));
  assertEquals(Object.values(exports).filter((file) => !files.has(file)), []);
});

// The rules above pass on an empty house; these show that they see what they forbid.
Deno.test("house: the rules catch what they forbid", () => {
  const source = [
    `// Says what it is for.`,
    `import { a } from "../ops/tensor.ts";`,
    `import type {`,
    `  B,`,
    `} from "./b.ts";`,
    `export * from "./c.ts";`,
    `import "./d.ts";`,
    `/** Example: import { x } from "x"; */`,
    ` * import { y } from "y";`,
    `export const z = () => import("./e.ts");`,
    `export const w = import(name);`,
  ].join("\n");
  assertEquals(importsOf(source), ["../ops/tensor.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "?"]);

  const rules: [path: string, specifier: string, broken: string | null][] = [
    ["ops/sum.ts", "./bind.ts", null],
    ["ops/random/bits.ts", "../bind.ts", null],
    ["ops/sum.ts", "../grad/vjp.ts", "ops/ may import itself"],
    ["grad/vjp.ts", "../jit/jit.ts", "grad/ may import itself, ops"],
    ["nn/dense.ts", "../cpu/device.ts", "nn/ may import itself, ops, grad, jit"],
    ["nn/dense.ts", "../optim/sgd.ts", "nn/ may import itself, ops, grad, jit"],
    ["cpu/device.ts", "../ops/bind.ts", null],
    ["cpu/device.ts", "./install.ts", "only entry files import cpu/install.ts"],
    ["nn/mod.ts", "../cpu/install.ts", null],
    ["mod.ts", "./nn/mod.ts", null],
    ["nn/dense.ts", "../ops/mod.ts", "only entry files import a mod.ts"],
    ["mod.ts", "@std/assert", "the library imports its own files alone, by relative path"],
    ["cpu/device.ts", "node:worker_threads", "the library imports its own files alone, by relative path"],
    ["mod.ts", "../other/mod.ts", "the library imports its own files alone, by relative path"],
    ["mod.ts", "./tools/x.ts", "tools/ is not part of the library"],
  ];
  for (const [path, specifier, broken] of rules) {
    assertEquals(brokenArrows(path, [specifier]), broken ? [`${path} imports "${specifier}": ${broken}`] : []);
  }

  assertEquals(findCycle(new Map([["a", new Set(["b"])], ["b", new Set(["c"])], ["c", new Set(["b"])]])), [
    "b",
    "c",
    "b",
  ]);
  assertEquals(findCycle(new Map([["a", new Set(["b", "c"])], ["b", new Set(["c"])]])), null);
  assertEquals(openingComment("// deno-lint-ignore-file no-console\n"), null);
  assertEquals(openingComment("import x\n// Too late to say what it is for."), null);
  assertEquals(openingComment("/**\n * What a tensor is.\n * @module\n */"), "What a tensor is.\n   @module");
});
