// What a system's BLAS computes in place of our kernels; run with --allow-ffi by blas_test.ts, where there is such a library.
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { load } from "../cpu/blas.ts";
import { type Blas, type Gemm, matmulBy } from "../cpu/blas_matmul.ts";
import { type CpuDevice, cpuWith } from "../cpu/device.ts";
import { inFloat32 } from "../cpu/in_float32.ts";
import { kernels } from "../cpu/kernels.ts";
import type { Implementation, KernelTable } from "../cpu/machine.ts";
import { matmul } from "../cpu/matmul.ts";
import { reference } from "../cpu/reference.ts";
import * as pb from "../mod.ts";
import type { DType } from "../ops/dtype.ts";
import { run } from "../ops/bind.ts";
import { trace } from "../ops/program.ts";
import { axisIndex, binary, cast, constant, input, type Scalar } from "../ops/scalar.ts";
import { type Shape, sizeOf } from "../ops/shape.ts";
import { installDevice } from "../ops/devices.ts";
import type { ConcreteTensor } from "../ops/tensor.ts";
import { cpu } from "../cpu/device.ts";
import { assertClose, read } from "./close.ts";
import { testMachine } from "./machine.ts";
import { check } from "./property.ts";
import { framed, type Layout, layouts, placeOperand } from "./views.ts";

pb.useBlas();
const library = String(pb.tensor(1).device.info["blas"]);
const blas = load(library);
pb.useBlas(null);

/** Counts its calls, and has every product that it can take. */
let calls = 0;
const counting: Blas = { ...blas, float32: counted(blas.float32), float64: counted(blas.float64) };
const everything = (own: Implementation<"matmul">): Implementation<"matmul"> => matmulBy(counting, own, 1);

function counted(gemm: Gemm): Gemm {
  return (...args) => {
    calls++;
    gemm(...args);
  };
}

const machine = testMachine();

/** Small integers: their products and sums are exact in any order. */
const integers = [3, -7, 0, 5, 1, -2, 8, -5, 4, -1, 6, -8, 2];

interface Case {
  readonly a: Shape;
  readonly b: Shape;
  readonly ofA: Layout;
  readonly ofB: Layout;
  readonly epilogue: Scalar | null;
  readonly ofBias: Layout;
}

/** Bias and relu, a square, a position. */
function epilogues(dtype: DType): (Scalar | null)[] {
  const [product, bias] = [input(0, dtype), input(1, dtype)];
  return [
    null,
    binary("max", binary("add", product, bias), constant(0, dtype)),
    binary("mul", product, product),
    binary("add", product, cast(axisIndex(0), dtype)),
  ];
}

function compare({ a, b, ofA, ofB, epilogue, ofBias }: Case, dtype: DType, values: readonly number[]): void {
  machine.reset();
  const target = [...a.slice(0, -1), b.at(-1)!];
  const inputs = [placeOperand(machine, dtype, values, a, ofA), placeOperand(machine, dtype, values, b, ofB)];
  if (epilogue) inputs.push(placeOperand(machine, dtype, integers, target, ofBias));
  const kernel = { kind: "matmul", ...(epilogue ? { epilogue } : {}) } as const;
  const [actual, expected] = [everything(reference.matmul), reference.matmul].map((implementation) => {
    const output = framed(machine, target, dtype);
    implementation(kernel, inputs, output, machine);
    return [...machine.array(output)];
  });
  assertEquals(actual, expected);
}

function cases(dtype: DType): fc.Arbitrary<Case> {
  const size = fc.oneof(fc.nat(5), fc.nat(5), fc.constantFrom(8, 9, 33));
  return fc.tuple(fc.array(fc.nat(3), { maxLength: 2 }), size, size, size).chain(([batch, m, k, n]) => {
    const [a, b] = [[...batch, m, k], [...batch, k, n]];
    return fc.record({
      a: fc.constant(a),
      b: fc.constant(b),
      ofA: layouts(a),
      ofB: layouts(b),
      epilogue: fc.constantFrom(...epilogues(dtype)),
      ofBias: layouts([...batch, m, n]),
    });
  });
}

function plain(rank: number, order: readonly number[] = Array.from({ length: rank }, (_, axis) => axis)): Layout {
  return { order, axes: order.map(() => ({ gap: 1, reversed: false, repeated: false })), offset: 0, seed: 0 };
}

for (const dtype of ["float32", "float64"] as const) {
  Deno.test(`blas: ${dtype} in any layout, finished by any epilogue`, () => {
    calls = 0;
    check(cases(dtype), (one) => compare(one, dtype, integers), { share: 12 });
    assert(calls > 0, "the library was never called");
  });

  Deno.test(`blas: ${dtype} by rows and by columns, one shared B, memory that grows in between`, () => {
    for (const orderA of [[0, 1, 2], [1, 0, 2], [0, 2, 1]]) {
      for (const orderB of [[0, 1, 2], [0, 2, 1]]) {
        for (const [shared, reversed] of [[true, false], [true, true], [false, false]] as const) {
          const axes = [0, 1, 2].map((axis) => ({ gap: 1, reversed, repeated: shared && axis === 0 }));
          const [a, b] = [[3, 65, 40], [3, 40, 70]];
          const before = calls;
          compare(
            {
              a,
              b,
              ofA: plain(3, orderA),
              ofB: { ...plain(3, orderB), axes },
              epilogue: null,
              ofBias: plain(3),
            },
            dtype,
            integers,
          );
          // Rows of A that lie evenly throughout the batch are one tall matrix.
          assertEquals(calls - before, shared && orderA.join() === "0,1,2" ? 1 : 3);
          machine.memory.grow(200);
        }
      }
    }
  });

  Deno.test(`blas: ${dtype} NaN and ∞ stay in their rows and columns`, () => {
    const values = [1, NaN, 2, -3, Infinity, 4, 0, 5, -Infinity, 6, 7, 8, 9, 10, 11, 12, 13];
    for (const [m, k, n] of [[5, 3, 3], [2, 6, 9], [37, 17, 18], [70, 65, 66]] as const) {
      const one = { a: [m, k], b: [k, n], ofA: plain(2), ofB: plain(2), epilogue: null, ofBias: plain(2) };
      compare(one, dtype, values);
      compare({ ...one, ofB: { ...plain(2, [1, 0]), seed: 9 } }, dtype, values);
    }
  });
}

Deno.test("blas: rows that overlap are copied apart", () => {
  machine.reset();
  const data = Float32Array.from(integers);
  for (const strides of [[2, 1], [1, 2], [0, 1], [1, 0]]) {
    const [a, b] = [[4, 3], [3, 4]].map((shape) => machine.put(data, "float32", { shape, strides, offset: 0 }));
    const [actual, expected] = [everything(reference.matmul), reference.matmul].map((implementation) => {
      const output = machine.output([4, 4], "float32");
      implementation({ kind: "matmul" }, [a!, b!], output, machine);
      return machine.read(output);
    });
    assertEquals(actual, expected);
  }
});

Deno.test("blas: what a library cannot do, or not sooner, is ours", () => {
  calls = 0;
  for (const [a, b] of [[[1, 90], [90, 40]], [[40, 90], [90, 1]]] as const) {
    compare({ a, b, ofA: plain(2), ofB: plain(2), epilogue: null, ofBias: plain(2) }, "float32", integers);
  }
  for (const dtype of ["int32", "uint32", "bool"] as const) {
    const one = { a: [3, 4], b: [4, 5], ofA: plain(2), ofB: plain(2), epilogue: null, ofBias: plain(2) };
    compare(one, dtype, dtype === "bool" ? [0, 1, 1] : integers);
  }
  for (const [a, b] of [[[0, 3], [3, 2]], [[2, 0], [0, 2]], [[2, 3], [3, 0]], [[0, 2, 3], [0, 3, 2]]] as const) {
    const rank = a.length;
    const one = { a, b, ofA: plain(rank), ofB: plain(rank), epilogue: epilogues("float32")[1]!, ofBias: plain(rank) };
    compare(one, "float32", integers);
    compare({ ...one, epilogue: null }, "float64", integers);
  }
  assertEquals(calls, 0);
});

const byLibrary: KernelTable = { ...kernels, matmul: inFloat32(everything(matmul)) };

function on<T>(device: CpuDevice, body: () => T): T {
  installDevice(device);
  try {
    return body();
  } finally {
    installDevice(cpu());
  }
}

/** Two dense layers; the sum of squares is exact for small integers. */
function loss([w, b, v]: pb.Tensor[], x: pb.Tensor): pb.Tensor {
  const hidden = pb.nn.relu(pb.add(pb.matmul(x, w!), b!));
  return pb.sum(pb.square(pb.matmul(hidden, v!)));
}

Deno.test("blas: programs of products and what is around them, on one thread and on three", () => {
  const options = [{ threads: 1 }, { threads: 1, worthCutting: 0 }, { threads: 3, worthCutting: 0 }];
  const devices = options.map((one) => cpuWith(kernels, one));
  for (const device of devices.slice(1)) device.useKernels(byLibrary, library);
  calls = 0;
  const size = fc.integer({ min: 1, max: 9 });
  const drawn = fc.tuple(fc.constantFrom("float32", "float64"), size, size, size, size, fc.nat(99));
  check(drawn, ([dtype, m, k, h, n, seed]) => {
    const shapes = [[k, h], [h], [h, n], [m, k], [2, m, k]];
    const [own, ...others] = devices.map((device) =>
      on(device, () => {
        const inputs = shapes.map((shape, i) => {
          const data = Float64Array.from(
            { length: sizeOf(shape) },
            (_, at) => Math.round(Math.sin(at * at + seed + i)),
          );
          return pb.tensor(data, { shape, dtype });
        });
        const program = trace("test", (xs) => {
          const [w, [x, batch]] = [xs.slice(0, 3), xs.slice(3) as [pb.Tensor, pb.Tensor]];
          const [value, gradients] = pb.valueAndGrad(loss)(w, x);
          return [value, ...gradients, pb.vmap((x: pb.Tensor) => pb.grad(loss)(w, x))(batch)[0]!];
        }, inputs.map((x) => x.type));
        return run(program, inputs as ConcreteTensor[]).map(read);
      })
    );
    for (const results of others) assertEquals(results, own);
  });
  assert(calls > 0, "no program had a product for the library");
});

function noise(shape: Shape, seed: number, dtype: "float16" | "float32" | "float64" = "float32"): pb.Tensor {
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i * i * 0.37 + seed) / 8);
  return pb.tensor(data, { shape, dtype });
}

Deno.test("blas: on and off, for operations and for programs compiled before; float16, float32 and float64", () => {
  for (const dtype of ["float16", "float32", "float64"] as const) {
    const x = noise([90, 80], 1, dtype);
    const w = [noise([80, 100], 2, dtype), noise([100], 3, dtype), noise([100, 70], 4, dtype)];
    const step = pb.jit(pb.valueAndGrad(loss));
    const all = () => {
      const [value, gradients] = step(w, x);
      return [pb.matmul(x, w[0]!), value, ...gradients].map(read);
    };
    const before = all();
    const info = x.device.info["blas"];
    assertEquals(info, null);
    for (let n = 0; n < 2; n++) {
      pb.useBlas();
      assertEquals(x.device.info["blas"], library);
      const [first, second] = [all(), all()];
      assertEquals(second, first);
      first.forEach((result, i) => {
        // Sums of up to 6300 terms in another order, each near the largest of them in size.
        const largest = Math.max(...before[i]!.data.map(Math.abs));
        const of = { ...result, data: result.data.map(() => largest) };
        assertClose(result, before[i]!, { ulps: dtype === "float16" ? 2 ** 14 : 64, of }, `${dtype}, result ${i}`);
      });
      // What has grown in between is found again.
      pb.ones([300 + n, 2 ** 16]).dataSync();
      assertEquals(all(), first);
      pb.useBlas(null);
      assertEquals(x.device.info["blas"], null);
      assertEquals(all(), before);
    }
  }
});

Deno.test("blas: a library that does not do changes nothing, off or on", () => {
  for (const use of [() => pb.useBlas(null), () => pb.useBlas(), () => pb.useBlas({ library })]) {
    use();
    const { blas } = pb.tensor(1).device.info;
    assertThrows(() => pb.useBlas({ library: "libpullback-has-none.so" }), Error, "useBlas() cannot load");
    assertEquals(pb.tensor(1).device.info["blas"], blas);
    assertEquals(pb.sum(pb.matmul(pb.ones([100, 100]), pb.ones([100, 100]))).item(), 1e6);
  }
  pb.useBlas(null);
});
