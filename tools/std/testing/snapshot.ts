/** `@std/testing/snapshot` for machines without JSR: the same file format, and `-- --update` writes it. */

import { AssertionError } from "node:assert";

type Snapshots = Record<string, string>;

/** The snapshots of a test file, as they were and as they are. */
interface File {
  readonly url: URL;
  readonly known: Snapshots;
  readonly seen: Map<string, string>;
}

const files = new Map<string, File>();
const counts = new Map<string, number>();

/** Throws unless a value is what it was when the snapshot was taken. */
export async function assertSnapshot(context: Deno.TestContext, actual: unknown): Promise<void> {
  const file = await fileOf(context.origin);
  const name = `${context.name} ${next(`${context.origin} ${context.name}`)}`;
  const text = Deno.inspect(actual, {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: Infinity,
    strAbbreviateSize: Infinity,
    breakLength: Infinity,
    escapeSequences: false,
  });
  file.seen.set(name, text);
  if (Deno.args.includes("--update") || Deno.args.includes("-u")) return write(file);
  const expected = file.known[name];
  if (expected === undefined) {
    throw new AssertionError({ message: `there is no snapshot ${JSON.stringify(name)}: run with -- --update` });
  }
  // A value of several lines stands on lines of its own.
  const wanted = expected.includes("\n") ? expected.slice(1, -1) : expected;
  if (text !== wanted) {
    throw new AssertionError({ message: `snapshot ${JSON.stringify(name)}`, actual: text, expected: wanted });
  }
}

function next(key: string): number {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}

async function fileOf(origin: string): Promise<File> {
  let file = files.get(origin);
  if (file === undefined) {
    const url = new URL(`./__snapshots__/${origin.split("/").at(-1)}.snap`, origin);
    let known: Snapshots = {};
    try {
      const source = await Deno.readTextFile(url);
      known = (await import(`data:text/javascript,${encodeURIComponent(source)}`)).snapshot;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    files.set(origin, file = { url, known, seen: new Map() });
  }
  return file;
}

function write({ url, seen }: File): void {
  const quote = (text: string): string => `\`${text.replace(/[\\`$]/g, "\\$&")}\``;
  const entries = [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) =>
    `snapshot[${quote(name)}] = ${quote(text.includes("\n") ? `\n${text}\n` : text)};\n`
  );
  Deno.mkdirSync(new URL("./", url), { recursive: true });
  Deno.writeTextFileSync(url, ["export const snapshot = {};\n", ...entries].join("\n"));
}
