/** Pullback and its peers on the same work, in turn, each time in a new process; prints the tables of results/. */

import { parseArgs } from "node:util";
import { amountOf, type Finding, type Workload, workloads } from "./peers/workloads.ts";

function ours(device: string): string[] {
  return [Deno.execPath(), "run", "--no-config", "--no-lock", "peers/ours.ts", device];
}

/** A script that may download what peers.lock pins, and nothing else. */
function peer(script: string, backend: string): string[] {
  const allowed = ["--lock=peers.lock", "--frozen", "--allow-read", "--allow-env", "--allow-sys"];
  return [Deno.execPath(), "run", "--no-config", ...allowed, `peers/${script}`, backend];
}

/** glibc keeps freed memory, as the others do; else PyTorch pays page faults for every result of some sizes. */
function pytorch(threads: number): string[] {
  return [
    ...["/usr/bin/env", "MALLOC_MMAP_THRESHOLD_=33554432", "MALLOC_TRIM_THRESHOLD_=1073741824"],
    ...["/usr/bin/python3", "peers/pytorch.py", `${threads}`],
  ];
}

/** How to start each implementation on each device; the first is the one that the others are compared with. */
const implementations: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  cpu: {
    "Pullback": ours("cpu"),
    "jax-js": peer("jaxjs.ts", "wasm"),
    "tfjs-wasm": peer("tfjs.ts", "wasm"),
    "ORT-web": peer("ort.ts", "wasm"),
    "PyTorch 1": pytorch(1),
    "PyTorch 2": pytorch(2),
  },
  gpu: {
    "Pullback": ours("gpu"),
    "jax-js": peer("jaxjs.ts", "webgpu"),
    "tfjs-webgpu": peer("tfjs.ts", "webgpu"),
    "ORT-webgpu": peer("ort.ts", "webgpu"),
  },
};

/** What one implementation finds. */
interface Found extends Finding {
  readonly impl: string;
}

/**
 * Results agree in norm and projection to this part of the norm: float32 sums of 2048 products are off by 1e-6. One
 * wrong element among 4M is 5e-4, a gradient wrong by a hundredth 2e-5.
 */
const tolerance = 3e-6;

const { values: flags, positionals } = parseArgs({
  options: {
    device: { type: "string", default: "cpu" },
    rounds: { type: "string", default: "5" },
    fastest: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const commands = commandsOn(flags.device);
const rounds = Number(flags.rounds);
const chosen = workloads.filter((name) => positionals.length === 0 || positionals.some((part) => name.includes(part)));
if (!(rounds >= 1) || chosen.length === 0) throw new Error(`nothing to measure; there are: ${workloads.join("; ")}`);

const findings: Found[] = [];
const absent = new Set<string>();
for (let round = 1; round <= rounds; round++) {
  for (const workload of chosen) {
    console.error(`round ${round} of ${rounds}: ${workload}`);
    for (const impl of present()) findings.push(...await measure(impl, workload));
  }
}
console.log([timesTable(), ratesTable(), together()].join("\n\n"));
const wrong = disagreements();
for (const line of wrong) console.error(line);
if (wrong.length > 0) Deno.exitCode = 1;

function commandsOn(device: string): Readonly<Record<string, readonly string[]>> {
  const commands = implementations[device];
  if (commands === undefined) throw new Error(`--device is one of: ${Object.keys(implementations).join(", ")}`);
  return commands;
}

function present(): string[] {
  return Object.keys(commands).filter((impl) => !absent.has(impl));
}

/** What one new process finds; nothing if it cannot do this work, or is not installed here. */
async function measure(impl: string, workload: Workload): Promise<Found[]> {
  const [command, ...args] = commands[impl]!;
  const cwd = new URL(".", import.meta.url);
  const { code, stdout, stderr } = await new Deno.Command(command!, { args: [...args, workload], cwd }).output();
  if (code !== 0) {
    const reason = new TextDecoder().decode(stderr).trim();
    if (impl === "Pullback") throw new Error(reason);
    console.error(`${impl} is left out: ${reason}`);
    absent.add(impl);
    return [];
  }
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map((line) => ({
    ...JSON.parse(line) as Finding,
    impl,
  }));
}

/** Who found something else than the first did: a fast wrong kernel is easy to write. */
function disagreements(): readonly string[] {
  return findings.flatMap(({ impl, workload, norm, projection }) => {
    const reference = findings.find((other) => other.workload === workload)!;
    const difference = Math.max(Math.abs(norm - reference.norm), Math.abs(projection - reference.projection));
    if (difference <= tolerance * reference.norm) return [];
    return [`${impl} and ${reference.impl} disagree about "${workload}" by ${difference} of ${norm}`];
  });
}

/** Milliseconds, and how many times as long as the first implementation the others take. */
function timesTable(): string {
  const [first, ...others] = present();
  const rows = chosen.map((workload) => {
    const own = typicalMs(first!, workload);
    const compared = others.map((impl) => typicalMs(impl, workload));
    return [
      workload,
      show(own),
      ...compared.flatMap((ms) => [show(ms), ms && own ? `${(ms / own).toFixed(2)}x` : "–"]),
    ];
  });
  return table(["ms", first!, ...others.flatMap((impl) => [impl, "ratio"])], rows);
}

/** The same times as rates. */
function ratesTable(): string {
  const rows = chosen.flatMap((workload) => {
    const amount = amountOf(workload);
    if (amount === null) return [];
    const rates = present().map((impl) => typicalMs(impl, workload)).map((ms) => ms && amount.billions / ms * 1e3);
    return [[`${workload}, ${amount.unit}`, ...rates.map(show)]];
  });
  return table(["rate", ...present()], rows);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const aligned = header.map((_, column) => column === 0 ? "---" : "---:");
  return [header, aligned, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** How many runs between two readings of the clock, which on a GPU each wait for the device. */
function together(): string {
  const ranges = present().map((impl) => {
    const counts = findings.filter((finding) => finding.impl === impl).map(({ together }) => together);
    return `${impl} ${Math.min(...counts)} to ${Math.max(...counts)}`;
  });
  return `Runs that one time is the mean of: ${ranges.join(", ")}.`;
}

/** The median over processes of their medians, or with --fastest the least time of all; null if there is none. */
function typicalMs(impl: string, workload: Workload): number | null {
  const own = findings.filter((finding) => finding.impl === impl && finding.workload === workload);
  if (own.length === 0) return null;
  if (flags.fastest) return Math.min(...own.map(({ minMs }) => minMs));
  return own.map(({ medianMs }) => medianMs).sort((a, b) => a - b)[own.length >> 1]!;
}

function show(x: number | null): string {
  return x === null ? "–" : String(Number(x.toPrecision(3)));
}
