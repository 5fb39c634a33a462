/** Traces and tracers: how an interpreter sees the operations of a function it transforms. */

import type { Primitive } from "./primitive.ts";
import { nextMoment } from "./scope.ts";
import type { TensorType } from "./shape.ts";
import { type ConcreteTensor, type Device, Tensor } from "./tensor.ts";

/**
 * One run of an interpreter. Traces nest like the calls that make them, so the newest among the operands of an
 * operation is the innermost one, and it interprets. No identity is ever used twice.
 */
export abstract class Trace {
  readonly level: number = nextMoment();
  /** The transform's name, for messages. */
  readonly transform: string;
  readonly #origin: Error;
  #finished = false;

  constructor(transform: string) {
    this.transform = transform;
    this.#origin = new Error();
  }

  abstract process(primitive: Primitive, inputs: readonly Tensor[], params: unknown): readonly Tensor[];

  get isFinished(): boolean {
    return this.#finished;
  }

  finish(): void {
    this.#finished = true;
  }

  /** The line of the user's program that started this trace, as a stack frame; empty if unknown. */
  get origin(): string {
    const library = new URL("..", import.meta.url).href;
    const frames = (this.#origin.stack ?? "").split("\n").slice(1).map((line) => line.trim());
    const inside = ["ops/", "grad/", "jit/", "cpu/", "gpu/", "nn/", "optim/", "data/"].map((folder) =>
      library + folder
    );
    return frames.find((frame) => !inside.some((folder) => frame.includes(folder))) ?? "";
  }
}

/** A tensor inside a transform: it stands for a value, and operations on it go to its trace. */
export abstract class Tracer extends Tensor {
  readonly trace: Trace;
  /** The name of the operation that made it. */
  readonly madeBy: string;

  constructor(trace: Trace, type: TensorType, madeBy: string) {
    super(type);
    this.trace = trace;
    this.madeBy = madeBy;
  }

  /** A tensor one level further down that knows the device, and the value if any. */
  protected abstract below(): Tensor;

  override get device(): Device {
    return this.below().device;
  }

  override concrete(): ConcreteTensor {
    checkAlive(this, "a read");
    return this.below().concrete();
  }
}

/** Throws if the tracer's trace has finished: it leaked out of the transformed function. */
export function checkAlive(tracer: Tracer, user: string): void {
  if (!tracer.trace.isFinished) return;
  const { transform, origin } = tracer.trace;
  throw new TypeError(
    `${user} was given a tracer made by ${tracer.madeBy} inside ${transform}(), which has finished${
      origin ? ` (called ${origin})` : ""
    }: ` +
      "return the value from the function instead of keeping it",
  );
}

let recording: Trace | null = null;

/** The innermost trace that records every operation, also those on known values: the tracing of a Program. */
export function recordingTrace(): Trace | null {
  return recording;
}

/** Runs `body` while `trace` records. */
export function withRecording<T>(trace: Trace | null, body: () => T): T {
  const outer = recording;
  recording = trace;
  try {
    return body();
  } finally {
    recording = outer;
  }
}
