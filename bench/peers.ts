/** Pullback and its peers on the same work, in turn, each time in a new process; prints the table of README.md. */

import { parseArgs } from "node:util";
import { type Finding, type Workload, workloads } from "./peers/workloads.ts";

/** A script that may download what peers.lock pins, and nothing else. */
function peer(script: string, ...permissions: string[]): string[] {
  const allowed = ["--allow-read", "--allow-env", "--allow-sys", ...permissions];
  return [Deno.execPath(), "run", "--no-config", "--lock=peers.lock", "--frozen", ...allowed, `peers/${script}`];
}

/** glibc keeps freed memory, as the others do; else PyTorch pays page faults for every result of some sizes. */
function pytorch(threads: number): string[] {
  return [
    ...["/usr/bin/env", "MALLOC_MMAP_THRESHOLD_=33554432", "MALLOC_TRIM_THRESHOLD_=1073741824"],
    ...["/usr/bin/python3", "peers/pytorch.py", `${threads}`],
  ];
}

/** How to start each implementation; the first is the one that the others are compared with. */
const commands: Readonly<Record<string, readonly string[]>> = {
  "Pullback": [Deno.execPath(), "run", "--no-config", "--no-lock", "peers/ours.ts"],
  "jax-js": peer("jaxjs.ts"),
  "tfjs-wasm": peer("tfjs.ts"),
  "ORT-web": peer("ort.ts"),
  "PyTorch 1": pytorch(1),
  "PyTorch 2": pytorch(2),
};

/**
 * Results agree in norm and projection to this part of the norm: float32 sums of 2048 products are off by 1e-6. One
 * wrong element among 4M is 5e-4, a gradient wrong by a hundredth 2e-5.
 */
const tolerance = 3e-6;

const { values: flags, positionals } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, fastest: { type: "boolean", default: false } },
  allowPositionals: true,
});
const rounds = Number(flags.rounds);
const chosen = workloads.filter((name) => positionals.length === 0 || positionals.some((part) => name.includes(part)));
if (!(rounds >= 1) || chosen.length === 0) throw new Error(`nothing to measure; there are: ${workloads.join("; ")}`);

const findings: Finding[] = [];
const absent = new Set<string>();
for (let round = 1; round <= rounds; round++) {
  for (const workload of chosen) {
    console.error(`round ${round} of ${rounds}: ${workload}`);
    for (const impl of present()) findings.push(...await measure(impl, workload));
  }
}
checkAgreement();
console.log(table());

function present(): string[] {
  return Object.keys(commands).filter((impl) => !absent.has(impl));
}

/** What one new process finds; nothing if it cannot do this work, or is not installed here. */
async function measure(impl: string, workload: Workload): Promise<Finding[]> {
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
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** A fast wrong kernel is easy to write. */
function checkAgreement(): void {
  for (const { impl, workload, norm, projection } of findings) {
    const reference = findings.find((other) => other.workload === workload)!;
    for (const difference of [norm - reference.norm, projection - reference.projection]) {
      if (!(Math.abs(difference) <= tolerance * reference.norm)) {
        throw new Error(`${impl} and ${reference.impl} disagree about "${workload}" by ${difference} of ${norm}`);
      }
    }
  }
}

/** Milliseconds, and how many times as long as the first implementation the others take. */
function table(): string {
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
  const header = ["ms", first!, ...others.flatMap((impl) => [impl, "ratio"])];
  const aligned = header.map((_, column) => column === 0 ? "---" : "---:");
  return [header, aligned, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The median over processes of their medians, or with --fastest the least time of all; null if there is none. */
function typicalMs(impl: string, workload: Workload): number | null {
  const own = findings.filter((finding) => finding.impl === impl && finding.workload === workload);
  if (own.length === 0) return null;
  if (flags.fastest) return Math.min(...own.map(({ minMs }) => minMs));
  return own.map(({ medianMs }) => medianMs).sort((a, b) => a - b)[own.length >> 1]!;
}

function show(ms: number | null): string {
  return ms === null ? "–" : String(Number(ms.toPrecision(3)));
}
