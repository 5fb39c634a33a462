/** Where threads come from: Node's worker threads, which start while this one waits, or a browser's Web Workers. */

import { isShared } from "./shared.ts";
import { work, type WorkerData } from "./worker.ts";

interface Platform {
  /** Whether workers start while this thread waits; otherwise they start when it returns to its event loop. */
  readonly startsAtOnce: boolean;
  /** Starts a worker, and tells later whether that went well, where it does not start at once. */
  start(data: WorkerData, onStart: () => void, onFailure: () => void): void;
}

/** What is used of `node:worker_threads`: its workers need no permission, and let a script end. */
interface WorkerThreads {
  readonly Worker: new (source: string, options: { readonly eval: true; readonly workerData: WorkerData }) => {
    unref(): void;
    on(event: "error", listener: (error: unknown) => void): void;
  };
}

function nodeThreads({ Worker }: WorkerThreads): Platform {
  return {
    startsAtOnce: true,
    start(workerData) {
      const source = `(${work})(process.getBuiltinModule("node:worker_threads").workerData, () => {});`;
      const worker = new Worker(source, { eval: true, workerData });
      worker.on("error", () => {});
      worker.unref();
    },
  };
}

const webWorkers: Platform = {
  startsAtOnce: false,
  start(data, onStart, onFailure) {
    const source = `onmessage = ({ data }) => (${work})(data, () => postMessage("started"));`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      const worker = new Worker(url);
      worker.onmessage = onStart;
      worker.onerror = worker.onmessageerror = (event: Event) => {
        event.preventDefault();
        onFailure();
      };
      worker.postMessage(data);
    } finally {
      URL.revokeObjectURL(url);
    }
  },
};

/** Where threads come from here; null if there are none, or no memory that they could share. */
export function platform(): Platform | null {
  if (!isShared()) return null;
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): WorkerThreads | undefined } };
  const threads = process?.getBuiltinModule?.("node:worker_threads");
  if (threads !== undefined && maySleep()) return nodeThreads(threads);
  return typeof Worker === "function" ? webWorkers : null;
}

let sleeps: boolean | undefined;

/** Whether this thread may sleep: the main thread of a browser may not, and spins where others sleep. */
export function maySleep(): boolean {
  return sleeps ??= trySleep();
}

function trySleep(): boolean {
  try {
    // The value is not the expected one, so this returns at once.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}
