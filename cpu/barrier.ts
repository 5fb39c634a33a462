/** How threads wait for each other: the words that they share, and the barrier in WebAssembly. */

import { FunctionBuilder, i32, type Local } from "./assembler.ts";

/** The words that threads share while a program runs; byte offsets from the start of the control block. */
export const control = {
  /** Counts runs; workers wait for it to change. */
  job: 0,
  /** How many threads have come to barriers; `failed` is set when one cannot go on. */
  arrived: 4,
  /** How many threads sleep at a barrier. */
  sleeping: 8,
  /** How many workers have finished. */
  finished: 12,
  /** What workers are to do, and with what. */
  command: 16,
  argument: 20,
  table: 24,
  /** Where a worker says why it failed, and how many bytes that is. */
  messageBytes: 28,
  message: 32,
  sizeBytes: 512,
} as const;

/** Set in `arrived`, it opens all barriers, and says that something went wrong. */
export const failed = 0x40000000;

/** Turns that a thread spins at a barrier before it sleeps. */
const spins = 20000;

/** Goes on when all threads have come as often as this one, and traps if one of them cannot; it spins, and may sleep. */
export function barrier(address: number, threads: number, maySleep: boolean): FunctionBuilder {
  const f = new FunctionBuilder([]);
  const [seen, target, left] = f.locals(i32, 3) as [Local, Local, Local];
  const [arrived, sleeping] = [address + control.arrived, address + control.sleeping];
  f.i32(arrived).i32(1).atomic("i32.atomic.rmw.add").tee(seen);
  f.i32(failed).op("i32.ge_u").if(() => f.op("unreachable"));
  // All come equally often: what this one waits for is the next multiple of their number.
  f.get(seen).get(seen).i32(threads).op("i32.rem_u").op("i32.sub").i32(threads).op("i32.add").set(target);
  f.get(seen).i32(1).op("i32.add").get(target).op("i32.eq").if(
    () => {
      f.i32(sleeping).atomic("i32.atomic.load").if(() => {
        f.i32(arrived).i32(threads).atomic("memory.atomic.notify").op("drop");
      });
    },
    () => {
      f.i32(spins).set(left);
      f.block(() => {
        f.loop(() => {
          f.i32(arrived).atomic("i32.atomic.load").tee(seen).get(target).op("i32.ge_u").brIf(1);
          if (maySleep) {
            f.get(left).i32(1).op("i32.sub").tee(left).brIf(0);
            // Who comes last either sees this one sleep, or has come before it falls asleep, and then it does not.
            f.i32(1).set(left);
            f.i32(sleeping).i32(1).atomic("i32.atomic.rmw.add").op("drop");
            f.i32(arrived).get(seen).i64(-1).atomic("memory.atomic.wait32").op("drop");
            f.i32(sleeping).i32(-1).atomic("i32.atomic.rmw.add").op("drop");
          }
          f.br(0);
        });
      });
    },
  );
  return f.i32(arrived).atomic("i32.atomic.load").i32(failed).op("i32.ge_u").if(() => f.op("unreachable"));
}
