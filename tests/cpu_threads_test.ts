// Programs on several threads: the results of one thread, every time the same; what goes wrong ends the run, not the pool.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { assemble, FunctionBuilder } from "../cpu/assembler.ts";
import { functionsOf, kernelModule } from "../cpu/code.ts";
import { type CpuDevice, cpuWith } from "../cpu/device.ts";
import { kernels } from "../cpu/kernels.ts";
import type { Implementation, KernelTable } from "../cpu/machine.ts";
import { grad } from "../grad/vjp.ts";
import { relu } from "../ops/activation.ts";
import { run } from "../ops/bind.ts";
import * as ops from "../ops/mod.ts";
import { type Program, trace } from "../ops/program.ts";
import { installDevice } from "../ops/devices.ts";
import type { ConcreteTensor, Tensor } from "../ops/tensor.ts";
import { cpu } from "../cpu/device.ts";
import { assertClose, read } from "./close.ts";
import { functionOf, randomPrograms } from "./programs.ts";
import { check } from "./property.ts";

const { add, mul, sum, exp, matmul } = ops;

/** Devices that cut whatever they can. */
const devices = [1, 2, 3].map((threads) => cpuWith(kernels, { threads, worthCutting: 0 }));

function on<T>(device: CpuDevice, body: () => T): T {
  installDevice(device);
  try {
    return body();
  } finally {
    installDevice(cpu());
  }
}

function noise(device: CpuDevice, shape: readonly number[], seed: number): ConcreteTensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: size }, (_, i) => Math.sin(i * i * 0.37 + seed));
  return device.upload(data, { dtype: "float32", shape });
}

function traced(f: (...xs: Tensor[]) => readonly Tensor[], inputs: readonly Tensor[]): Program {
  return trace("test", (xs) => f(...xs), inputs.map((x) => x.type));
}

interface Case {
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...xs: Tensor[]) => readonly Tensor[];
}

/** Together they run kernels of all kinds, in parts and whole, one after another and side by side. */
const cases: Readonly<Record<string, Case>> = {
  "maps and reductions": {
    shapes: [[64, 70], [70]],
    f: (x, b) => [
      exp(add(x, b)),
      sum(mul(x, x)),
      sum(x, { axis: 0 }),
      ops.max(x, { axis: 1 }),
      ops.softmax(x),
      ops.cumsum(x, { axis: 0 }),
      ops.argmax(x, { axis: 1 }),
    ],
  },
  "a dense layer and its gradient": {
    shapes: [[33, 40], [40, 64], [64]],
    f: (x, w, b) => {
      const loss = (w: Tensor, b: Tensor) => sum(ops.square(relu(add(matmul(x, w), b))));
      return [...grad((p: Tensor[]) => loss(p[0]!, p[1]!))([w, b]), ops.transpose(matmul(x, w))];
    },
  },
  "a dense layer of float16, by rows and by columns": {
    shapes: [[33, 40], [40, 64], [64]],
    f: (...inputs) => {
      const [x, w, b] = inputs.map((x) => ops.cast(x, "float16")) as [Tensor, Tensor, Tensor];
      return [relu(add(matmul(x, w), b)), relu(matmul(x, w)), matmul(ops.transpose(w), ops.transpose(x))];
    },
  },
  "convolution, pooling and their gradients": {
    shapes: [[6, 10, 10, 3], [3, 3, 3, 8]],
    f: (x, w) => {
      const net = (p: Tensor[]) =>
        sum(ops.square(ops.maxPool(relu(ops.conv(p[0]!, p[1]!, { padding: "same" })), { window: 2 })));
      return [net([x, w]), ...grad(net)([x, w])];
    },
  },
  "convolution by fewer products, where these are finite and where not": {
    shapes: [[12, 12, 12, 16], [3, 3, 16, 16]],
    f: (x, w) => {
      const net = (p: Tensor[]) => sum(ops.square(relu(add(ops.conv(p[0]!, p[1]!, { padding: 1 }), p[0]!))));
      const some = ops.where(ops.greater(x, 0.9999), Infinity, x);
      return [ops.conv(x, w, { padding: 1 }), ...grad(net)([x, w]), ops.conv(some, w, { padding: 1 })];
    },
  },
  "indices, sorting and joining": {
    shapes: [[12, 20], [12, 20]],
    f: (x, y) => [
      ops.take(x, ops.argsort(ops.slice(x, { stop: [1, 20] }), { axis: 1 }), { axis: 1 }),
      ops.sort(y, { axis: 0 }),
      add(ops.concatenate([x, y], { axis: 0 }), 1),
      ops.pad(x, [[1, 2], [0, 3]]),
      ops.flip(x, { axis: 0 }),
    ],
  },
  "positions, constants and what no lane holds": {
    shapes: [[40, 64]],
    f: (x) => [
      add(x, ops.cast(ops.arange(64), "float32")),
      mul(ops.erf(x), ops.full([40, 64], 0.5)),
      ops.cast(mul(ops.cast(x, "float64"), 3), "float32"),
      ops.sin(mul(x, 1e6)),
      // By JavaScript, which only one thread has.
      ops.pow(ops.cast(mul(x, 4), "int32"), 3),
      ops.zeros([3]),
      x,
    ],
  },
};

for (const [name, { shapes, f }] of Object.entries(cases)) {
  Deno.test(`threads: ${name} give what one thread gives, and the same every time`, () => {
    const [single, ...others] = devices.map((device) =>
      on(device, () => {
        const inputs = shapes.map((shape, n) => noise(device, shape, n));
        const program = traced(f, inputs);
        const results = run(program, inputs).map(read);
        for (let again = 0; again < 3; again++) assertEquals(run(program, inputs).map(read), results);
        return results;
      })
    );
    for (const results of others) {
      results.forEach((result, n) => {
        // Sums of parts are rounded before they are added up.
        const largest = Math.max(...single![n]!.data.map(Math.abs));
        const of = { ...result, data: result.data.map(() => largest) };
        assertClose(result, single![n]!, { ulps: 8, of }, `result ${n}`);
      });
    }
  });
}

Deno.test("threads: random programs", () => {
  check(randomPrograms(), (drawn) => {
    const [single, ...others] = devices.map((device) =>
      on(device, () => {
        const inputs = drawn.inputs.map(({ shape, data }) =>
          device.upload(Float32Array.from(data), { dtype: "float32", shape })
        );
        return run(traced((...xs) => functionOf(drawn)(xs), inputs), inputs).map(read);
      })
    );
    // Roundings that differ may be magnified by later steps.
    for (const results of others) {
      results.forEach((result, n) => assertClose(result, single![n]!, { ulps: 2 ** 12 }, `result ${n}`));
    }
  });
});

Deno.test("threads: single operations that are large are shared, too", () => {
  const device = cpuWith(kernels, { threads: 2 });
  const [a, b] = on(device, () => [noise(device, [200, 300], 1), noise(device, [300, 128], 2)]);
  const product = on(device, () => read(matmul(a!, b!)));
  const whole = on(
    devices[0]!,
    () => read(matmul(noise(devices[0]!, [200, 300], 1), noise(devices[0]!, [300, 128], 2))),
  );
  assertEquals(product, whole);
});

Deno.test("threads: memory stays flat over 10,000 runs that never wait", () => {
  const device = devices[1]!;
  on(device, () => {
    const inputs = [noise(device, [16, 16], 1), noise(device, [16, 16], 2)];
    const program = traced((x, y) => [matmul(exp(x), y), sum(mul(x, y), { axis: 0 })], inputs);
    const once = (): void => run(program, inputs).forEach((x) => x[Symbol.dispose]());
    for (let n = 0; n < 100; n++) once();
    const before = device.info;
    for (let n = 0; n < 10_000; n++) once();
    assertEquals(device.info, before);
    assertEquals(device.factsOf(program)!.threads, 2);
  });
});

Deno.test("threads: a donated input's memory is used again, unless somebody else holds it", () => {
  for (const device of devices) {
    on(device, () => {
      const program = traced((x, g) => [ops.cumsum(x, { axis: 0 }), ops.sub(x, mul(g, 0.5))], [
        noise(device, [64, 32], 1),
        noise(device, [64, 32], 2),
      ]);
      const step = (x: ConcreteTensor): { held: number; result: readonly number[] } => {
        const before = Number(device.info["heldBytes"]);
        const g = noise(device, [64, 32], 2);
        const results = device.run(program, [x, g], new Set([0]));
        g[Symbol.dispose]();
        const held = Number(device.info["heldBytes"]) - before;
        const result = read(results[1]!).data;
        for (const y of results) y[Symbol.dispose]();
        return { held, result };
      };
      const x = noise(device, [64, 32], 1);
      const [other, again] = [device.share(x), noise(device, [64, 32], 1)];
      const kept = read(other);
      const shared = step(x);
      assertEquals(read(other), kept);
      const reused = step(again);
      assertEquals(reused.result, shared.result);
      assertEquals([shared.held, reused.held], [2 * 64 * 32 * 4, 64 * 32 * 4]);
      assertEquals(device.factsOf(program)!.reusable, [0]);
      // Twice the same tensor is two holders.
      const twice = noise(device, [64, 32], 1);
      const both = device.run(program, [twice, twice], new Set([0, 1]));
      assertEquals(read(twice), kept);
      for (const y of [...both, x, other, again, twice]) y[Symbol.dispose]();
    });
  }
});

/** Kernels of which one fails in some thread, while `isArmed`. */
function failing(fail: Implementation<"map">): KernelTable {
  return {
    ...kernels,
    map(kernel, inputs, output, machine) {
      fail(kernel, inputs, output, machine);
      kernels.map(kernel, inputs, output, machine);
    },
  };
}

function rowsAndSums(device: CpuDevice): () => number[] {
  const x = noise(device, [64, 64], 1);
  const program = traced((x) => [sum(exp(matmul(exp(x), x)), { axis: 1 })], [x]);
  return () => read(run(program, [x])[0]!).data as number[];
}

Deno.test("threads: a trap in a worker ends the run with an error, and the next run works", () => {
  const trap = kernelModule(assemble({ trap: new FunctionBuilder([]).op("unreachable") }));
  let isArmed = true;
  const table = failing((_kernel, _inputs, output, machine) => {
    if (isArmed && (output.origin?.[0] ?? 0) > 0) functionsOf(trap, machine)["trap"]!();
  });
  for (const threads of [2, 3]) {
    const device = cpuWith(table, { threads, worthCutting: 0 });
    on(device, () => {
      isArmed = true;
      const bad = rowsAndSums(device);
      assertThrows(bad, Error, "a program failed in thread");
      isArmed = false;
      const good = rowsAndSums(device);
      const expected = good();
      for (let n = 0; n < 3; n++) {
        const before = device.info["blocks"];
        assertThrows(bad, Error, "a program failed in thread");
        assertEquals(device.info["blocks"], before);
        assertEquals(good(), expected);
      }
    });
  }
});

Deno.test("threads: an exception in the main thread ends the run and is thrown, and the next run works", () => {
  let isArmed = true;
  const device = cpuWith({
    ...kernels,
    cumulative(kernel, inputs, output, machine) {
      machine.array(inputs[0]!);
      if (isArmed) throw new RangeError("no room for scratch");
      kernels.cumulative(kernel, inputs, output, machine);
    },
  }, { threads: 3, worthCutting: 0 });
  on(device, () => {
    const x = noise(device, [63, 64], 1);
    const program = traced((x) => [exp(ops.cumsum(exp(x), { axis: 0 }))], [x]);
    for (isArmed of [true, false, true, true, false]) {
      if (isArmed) assertThrows(() => run(program, [x]), RangeError, "no room for scratch");
      else assert(Number.isFinite(read(run(program, [x])[0]!).data[0]!));
    }
  });
});

Deno.test("threads: what does not fit is refused before anything runs", () => {
  const device = devices[1]!;
  on(device, () => {
    const x = noise(device, [64, 64], 1);
    const program = traced((x) => [sum(exp(x)), mul(ops.broadcastTo(x, [300000, 64, 64]), exp(sum(x)))], [x]);
    assertThrows(() => run(program, [x]), RangeError, "out of memory");
    assertEquals(read(exp(x)).shape, [64, 64]);
  });
});

/** What a script of its own prints; it must end by itself. */
async function scriptPrints(source: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, source.replaceAll("MOD", new URL("../mod.ts", import.meta.url).href));
    const args = ["run", "--no-prompt", "--no-check", file];
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trim();
  } finally {
    await Deno.remove(file);
  }
}

const product = `
  const { matmul, ones } = await import("MOD");
  const y = matmul(ones([300, 300]), ones([300, 300]));
  console.log(y.dataSync()[7], y.device.info.threads);
`;

Deno.test("threads: a script that used them ends by itself", async () => {
  assertEquals(await scriptPrints(product), `300 ${Math.min(16, navigator.hardwareConcurrency)}`);
});

Deno.test("threads: without shared memory there is one thread, and all else is the same", async () => {
  assertEquals(await scriptPrints(`Reflect.deleteProperty(globalThis, "SharedArrayBuffer");${product}`), "300 1");
});
