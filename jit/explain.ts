/** What `jit` compiled, for people to read. */

import type { Program } from "../ops/program.ts";
import type { ProgramFacts } from "../ops/tensor.ts";
import { byteSize, costOf } from "./cost.ts";
import { fuse } from "./fuse.ts";
import type { Entry } from "./jit.ts";
import { homeOf } from "./home.ts";
import { count, showSignature } from "./signature.ts";

/** One compiled program. */
export interface Compiled {
  /** The kind of arguments: `(f32[2], {w: f32[3]}, static "sum")`. */
  readonly signature: string;
  /** `first call`, or what was new in the call that made it. */
  readonly reason: string;
  /** How often it was called. */
  readonly calls: number;
  /** Operations that were traced. */
  readonly operations: number;
  /** How many kernels of each kind a run has. */
  readonly kernels: Readonly<Record<string, number>>;
  /** Floating-point operations of a run: additions, multiplications and the like count 1, functions such as exp also. */
  readonly flops: number;
  /** Bytes that the kernels of a run read and write. */
  readonly bytes: number;
  /** Bytes of the arguments. */
  readonly inputBytes: number;
  /** Bytes of the results. */
  readonly outputBytes: number;
  /** What the device where it ran last made of it; null if it has not run by itself, but within another program. */
  readonly device: ProgramFacts | null;
  /** How many of the tensors that the program reads are donated. */
  readonly donated: number;
}

/** What was compiled for a function, and why: prints itself. */
export class Explanation {
  /** The function's. */
  readonly name: string;
  /** The last used first. */
  readonly compiled: readonly Compiled[];

  /** @internal */
  constructor(name: string, entries: readonly Entry[]) {
    this.name = name;
    this.compiled = entries.map(describeEntry);
  }

  /** A line for the function, and a few for each program. */
  toString(): string {
    const lines = this.compiled.map((one) => {
      const kernels = Object.entries(one.kernels).map(([kind, n]) => `${n} ${kind}`).join(", ");
      return [
        `  ${one.signature}: ${one.reason}`,
        `    ${count(one.calls, "call")}, ${count(one.operations, "operation")} in ${
          count(sum(Object.values(one.kernels)), "kernel")
        } (${kernels})`,
        ...deviceLines(one),
        `    ${short(one.flops)}FLOP, ${short(one.bytes)}B moved, ${short(one.inputBytes)}B in, ${
          short(one.outputBytes)
        }B out`,
      ].join("\n");
    });
    return [`jit(${this.name}): ${count(this.compiled.length, "program")}`, ...lines].join("\n");
  }

  static {
    for (const inspector of ["Deno.customInspect", "nodejs.util.inspect.custom"]) {
      Object.defineProperty(this.prototype, Symbol.for(inspector), {
        value(this: Explanation): string {
          return this.toString();
        },
      });
    }
  }
}

/** What the device says, in words. */
function deviceLines({ device, donated }: Compiled): string[] {
  if (device === null) return [];
  const { device: name, how, arenaBytes, codeBytes, reusable, copies } = device;
  const made = `    on ${name}: ${how}, ${short(arenaBytes)}B for values on the way, ${short(codeBytes)}B of code`;
  if (donated === 0) return [made];
  const taken = `    ${reusable.length} of ${count(donated, "donated tensor")} can become results`;
  return [made, copies === 0 ? taken : `${taken}; ${count(copies, "time")} others held one, and it was left as it was`];
}

function describeEntry({ signature, program, reason, calls, donated, device }: Entry): Compiled {
  const plan = fuse(program, device ?? homeOf(program));
  const kernels: Record<string, number> = {};
  for (const { kernel } of plan.steps) {
    if (kernel.kind !== "view") kernels[kernel.kind] = (kernels[kernel.kind] ?? 0) + 1;
  }
  const { flops, bytes } = costOf(program, plan);
  return {
    signature: showSignature(signature),
    reason,
    calls,
    operations: program.equations.length,
    kernels,
    flops,
    bytes,
    inputBytes: bytesOf(program, Array.from({ length: program.inputs }, (_, slot) => slot)),
    outputBytes: bytesOf(program, program.outputs),
    device: device?.factsOf(program) ?? null,
    donated: donated.size,
  };
}

function bytesOf({ types }: Program, slots: readonly number[]): number {
  return sum(slots.map((slot) => byteSize(types[slot]!)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** `12.3 M` */
function short(n: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, n)) / 3)));
  return `${Number((n / 1000 ** power).toPrecision(3))} ${["", "k", "M", "G", "T"][power]}`;
}
