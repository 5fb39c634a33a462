// The library in a browser: one bundle gives in Chromium what it gives in Deno, on threads where a page may have them.
import { assert, assertEquals } from "@std/assert";
import { random } from "@pullback/pullback";
import { cpu, type CpuDevice, cpuWith } from "../cpu/device.ts";
import { kernels } from "../cpu/kernels.ts";
import { packageDigits } from "../examples/01_digits/digits.ts";
import { installDevice, registerDevice } from "../ops/devices.ts";
import { answers } from "./browser.ts";
import { fromText, outcomes, type Report } from "./browser_cases.ts";
import { digitBytes, type Trained, trained } from "./browser_training.ts";

/** More than one on any machine, and more than there are cores on small ones. */
const threads = 3;

/** How long threads may take to come; where none are to come, a moment is enough. */
const [long, short] = [60_000, 500];

/** Asks a function of tests/browser_cases.ts. The number of cores is read when the library is loaded. */
function call(name: "report" | "training", patienceMs: number): string {
  return `Object.defineProperty(navigator, "hardwareConcurrency", { value: ${threads} });
    import(location.origin + "/browser_cases.js").then((cases) => cases.${name}(${patienceMs}))`;
}

const inWorker = `new Promise((resolve, reject) => {
  const source = ${JSON.stringify(`${call("report", long)}.then(postMessage)`)};
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = reject;
})`;

/** What one gets here on so many threads. */
async function here<T>(threads: number, make: () => Promise<T>): Promise<T> {
  use(cpuWith(kernels, { threads }));
  try {
    return await make();
  } finally {
    use(cpu());
  }
}

function use(device: CpuDevice): void {
  registerDevice(device);
  installDevice(device);
}

Deno.test("browser: pages and workers compute what Deno does, to the bit", async (t) => {
  const digits = await digitBytes(packageDigits(random.key(0)).train);
  const [isolated, worker, workerless, plain, learnt] = await answers([
    { path: "/isolated", expression: call("report", long) },
    { path: "/isolated", expression: inWorker },
    { path: "/workerless", expression: call("report", short) },
    { path: "/plain", expression: call("report", short) },
    { path: "/isolated", expression: call("training", long) },
  ], { modules: ["browser_cases"], files: { "/digits.bin": digits } }) as [string, string, string, string, string];
  const [single, threaded] = [await here(1, outcomes), await here(threads, outcomes)];

  /** Facts of a page, and that its numbers are those of Deno to the bit, before and after threads have come. */
  const check = (name: string, text: string, facts: Omit<Report, "early" | "outcomes" | "again">) =>
    t.step(name, () => {
      const { early, outcomes, again, ...said } = fromText<Report>(text);
      assertEquals(said, facts);
      for (const [name, values] of Object.entries(early)) assertEquals(values, single[name]);
      assertEquals(outcomes, facts.threads === 1 ? single : threaded);
      assertEquals(again, outcomes);
    });

  const shared = { isIsolated: true, hasSharedMemory: true, threadsAtFirst: 1 };
  await check("a page: on one thread until its event loop has turned, then on several", isolated, {
    ...shared,
    threads,
  });
  await check("a worker of a page, which may sleep", worker, { ...shared, threads });
  await check("a page that may start no workers", workerless, { ...shared, threads: 1 });
  await check("a page that may share no memory", plain, {
    isIsolated: false,
    hasSharedMemory: false,
    threadsAtFirst: 1,
    threads: 1,
  });

  await t.step("a page learns the digits", async () => {
    const expected = await here(threads, () => trained(digits.buffer, "cpu"));
    assertEquals(fromText<Trained>(learnt), expected);
    assert(expected.accuracy > 0.85, `${expected.accuracy}`);
  });
});
