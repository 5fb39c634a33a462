/**
 * Whether the engine makes one vector of 256 bits of two neighbours of 128: V8 does with
 * `--experimental-wasm-revectorize`, and `--no-wasm-bounds-checks` lest checks stand between them. A program cannot see
 * its flags, so sums are timed that allow it and sums that do not.
 */

import { assemble, FunctionBuilder, i32, type Local, v128 } from "./assembler.ts";
import { countDown, newLocals, parameters } from "./loops.ts";
import { newMemory } from "./shared.ts";

/** Adds `times` times to vectors that lie side by side or, the same work, `apart`; from an address on. */
type Sums = (start: number, times: number, apart: number) => void;

/** Both are one function, since functions are optimised one by one. The address is no constant, lest no bounds are checked. */
export function sumsModule(): Uint8Array<ArrayBuffer> {
  const f = new FunctionBuilder([i32, i32, i32]);
  const [start, times, apart] = parameters(3);
  const sums = f.locals(v128, 16);
  const added = newLocals(f, v128, 2);
  const run = (step: number): void => {
    const load = (vectors: readonly Local[], first: number): void =>
      vectors.forEach((vector, i) => f.get(start).memory("v128.load", first + i * step).set(vector));
    load(sums, 1024);
    countDown(f, times, () => {
      load(added, 0);
      sums.forEach((sum, i) => f.get(sum).get(added[i % 2]!).op("f32x4.add").set(sum));
    });
    sums.forEach((sum, i) => f.get(start).get(sum).memory("v128.store", 1024 + i * step));
  };
  f.get(apart).if(() => run(32), () => run(16));
  return assemble({ sums: f });
}

const timesPerCall = 250;
/** Fused, the sums take half of the time; 0.5 and 1 are far from this even where others use the machine. */
const clearlyLess = 0.7;
/** Rounds in a row that must agree. */
const rounds = 5;

/**
 * Returns what times the sums, side by side between two runs apart, until some rounds in a row say yes, or no although
 * the function is optimised, which shows in its speed; null if `patience` is over before, in milliseconds.
 */
export function fusionMeter(
  sums: Sums,
  now: () => number = () => performance.now(),
): (patience: number) => boolean | null {
  const time = (apart: number): number => {
    const start = now();
    sums(0, timesPerCall, apart);
    return now() - start;
  };
  let slowest = 0;
  return (patience) => {
    const start = now();
    let [yes, no] = [0, 0];
    do {
      const before = time(1);
      const between = time(0);
      const apart = Math.min(before, time(1));
      slowest = Math.max(slowest, apart);
      const fused = between < clearlyLess * apart;
      yes = fused ? yes + 1 : 0;
      no = !fused && apart < slowest / 2 ? no + 1 : 0;
      if (yes === rounds || no === rounds) return yes === rounds;
    } while (now() - start < patience);
    return null;
  };
}

/** Fewer multiplications, a quarter of a millisecond's, are not worth finding out. */
const worthAsking = 2 ** 23;
// Engines optimise on another thread, when they find the time: until there is a yes, it is asked again, often in vain.
const mostTimes = 100;
/** In milliseconds, the first time and later. */
const [patience, laterPatience] = [0.3, 0.1];
/** A program keeps the tiles that it was compiled with, and compiling takes milliseconds anyway. */
const patienceOfPrograms = 3;
const waitsOfPrograms = 4;

let fuses: boolean | undefined;
let meter: ((patience: number) => boolean | null) | undefined;
let [asked, waits] = [0, waitsOfPrograms];

/** Whether it does, as far as known; where a contraction has so many multiplications that it matters, it is found out. */
export function fusesVectors(multiplications: number, isProgram: boolean): boolean {
  if (fuses !== undefined || multiplications < worthAsking) return fuses === true;
  const waitsNow = isProgram && waits-- > 0;
  const answer = (meter ??= newMeter())(waitsNow ? patienceOfPrograms : asked === 0 ? patience : laterPatience);
  asked++;
  if (answer === false) waits = 0;
  if (answer === true || asked === mostTimes) fuses = answer === true;
  return fuses === true;
}

function newMeter(): (patience: number) => boolean | null {
  const module = new WebAssembly.Module(sumsModule());
  return fusionMeter(new WebAssembly.Instance(module, { env: { memory: newMemory(1) } }).exports["sums"] as Sums);
}

/** The size of the register tiles that large contractions run with, as far as known. */
export function tileInUse(): string {
  return fuses === true ? "6x16" : "6x8";
}
