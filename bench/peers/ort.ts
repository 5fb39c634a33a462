/** ONNX Runtime Web on WebAssembly (one thread, since in Deno its workers do not start) or WebGPU; images channels first. */

import { values } from "../values.ts";
import { place, type Prepared, products, report } from "./workloads.ts";

interface OrtTensor {
  readonly dims: readonly number[];
  getData(): Promise<Float32Array>;
  dispose(): void;
}

interface Session {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtTensor>>>;
}

/** The part of ONNX Runtime Web that is used here. */
interface Ort {
  readonly env: {
    readonly wasm: { numThreads: number; wasmPaths: string };
    readonly webgpu: { readonly device: Promise<GPUDevice> };
  };
  readonly Tensor: {
    new (dtype: "float32", data: Float32Array, dims: readonly number[]): OrtTensor;
    fromGpuBuffer(buffer: GPUBuffer, options: { dataType: "float32"; dims: readonly number[] }): OrtTensor;
  };
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
}

interface OnnxProto {
  readonly onnx: { readonly ModelProto: { encode(model: object): { finish(): Uint8Array } } };
}

// Not written as literals, so that nothing but a run of this file downloads them. peers.lock pins them.
const runtime = `npm:onnxruntime-web@1.30.0/${place}`;
const proto = "npm:onnx-proto@8.0.1";
await import(runtime);
// The bundle that Deno finds by itself has its module as a blob, which Deno does not load.
const folder = new URL("./", import.meta.resolve(runtime));
const ort = await import(new URL(`ort.${place}.mjs`, folder).href) as Ort;
ort.env.wasm.wasmPaths = folder.href;
ort.env.wasm.numThreads = 1;
const { onnx } = (await import(proto) as { readonly default: OnnxProto }).default;

interface Node {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute?: readonly object[];
}

const float32 = 1;
const ints = (name: string, ints: readonly number[]): object => ({ name, type: 7, ints });
const int = (name: string, i: number): object => ({ name, type: 2, i });
const float = (name: string, f: number): object => ({ name, type: 1, f });
const string = (name: string, s: string): object => ({ name, type: 3, s: new TextEncoder().encode(s) });

/** A graph of nodes from inputs of these shapes to one output `y` of the given rank. */
function encode(nodes: readonly Node[], inputs: Readonly<Record<string, readonly number[]>>, rank: number): Uint8Array {
  const typed = (name: string, dim: readonly object[]): object => ({
    name,
    type: { tensorType: { elemType: float32, shape: { dim } } },
  });
  return onnx.ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ version: 20 }],
    graph: {
      name: "workload",
      node: nodes,
      input: Object.entries(inputs).map(([name, shape]) => typed(name, shape.map((dimValue) => ({ dimValue })))),
      output: [typed("y", Array.from({ length: rank }, (_, i) => ({ dimParam: `n${i}` })))],
    },
  }).finish();
}

/** Numbers, and where they stand in a tensor. */
interface Values {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

function sample(dims: readonly number[], seed: number, scale = 1): Values {
  return { data: values(dims.reduce((n, size) => n * size, 1), seed, scale), dims };
}

const options = { executionProviders: [place], preferredOutputLocation: place === "webgpu" ? "gpu-buffer" : "cpu" };

/** On the GPU, inputs are there before the work begins, as the other implementations' are. */
async function upload({ data, dims }: Values): Promise<OrtTensor> {
  if (place !== "webgpu") return new ort.Tensor("float32", data, dims);
  const device = await ort.env.webgpu.device;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  // Its shaders read four numbers at a time.
  const buffer = device.createBuffer({ size: Math.ceil(data.byteLength / 16) * 16, usage });
  device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
  return ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims });
}

function operation(
  nodes: readonly Node[],
  feeds: Readonly<Record<string, Values>>,
  rank: number,
  toOurs: (y: Values) => Values = (y) => y,
): Prepared {
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
  const ready = prepare(encode(nodes, shapes, rank), feeds);
  const compute = async (): Promise<OrtTensor> => {
    const [session, inputs] = await ready;
    return (await session.run(inputs))["y"]!;
  };
  const work = {
    async first() {
      const y = await compute();
      return [toOurs({ data: await y.getData(), dims: y.dims }).data];
    },
    run: async () => (await compute()).dispose(),
  };
  if (place !== "webgpu") return work;
  return { ...work, settle: async () => (await ort.env.webgpu.device).queue.onSubmittedWorkDone() };
}

/** A session makes the device on which its inputs then are. */
async function prepare(
  model: Uint8Array,
  feeds: Readonly<Record<string, Values>>,
): Promise<[Session, Readonly<Record<string, OrtTensor>>]> {
  const session = await ort.InferenceSession.create(model, options);
  const inputs = Object.entries(feeds).map(async ([name, x]) => [name, await upload(x)] as const);
  return [session, Object.fromEntries(await Promise.all(inputs))];
}

function node(opType: string, input: readonly string[], attribute: readonly object[] = [], output = "y"): Node {
  return { opType, input, output: [output], attribute };
}

function matmul(n: number, k: number, m: number): Prepared {
  return operation([node("MatMul", ["a", "b"])], { a: sample([n, k], 1), b: sample([k, m], 2) }, 2);
}

/** Elements in the order of other axes. */
function transposed({ data, dims }: Values, axes: readonly number[]): Values {
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((n, size) => n * size, 1));
  const shape = axes.map((axis) => dims[axis]!);
  const out = new Float32Array(data.length);
  let at = 0;
  const walk = (depth: number, from: number): void => {
    if (depth === axes.length) out[at++] = data[from]!;
    else for (let i = 0; i < shape[depth]!; i++) walk(depth + 1, from + i * strides[axes[depth]!]!);
  };
  walk(0, 0);
  return { data: out, dims: shape };
}

function conv(kernel: number, channels: number, features: number): Prepared {
  const x = transposed(sample([32, 32, 32, channels], 1), [0, 3, 1, 2]);
  const w = transposed(sample([kernel, kernel, channels, features], 2), [3, 2, 0, 1]);
  const toOurs = (y: Values) => transposed(y, [0, 2, 3, 1]);
  return operation([node("Conv", ["x", "w"], [ints("pads", [1, 1, 1, 1])])], { x, w }, 4, toOurs);
}

const four = 4 * 2 ** 20;
const noTraining = "it does not train";

await report({
  ...products(matmul),
  "conv 3x3, 32x32x32x64 to 64": () => conv(3, 64, 64),
  "conv 4x4, 32x32x32x3 to 128": () => conv(4, 3, 128),
  "conv 3x3, forward and backward": noTraining,
  "conv 4x4, forward and backward": noTraining,
  "gelu of 4M": () => operation([node("Gelu", ["x"], [string("approximate", "tanh")])], { x: sample([four], 1, 4) }, 1),
  "chain of 7 operations on 4M": () =>
    operation(
      [
        node("Mul", ["x", "y0"], [], "a"),
        node("Add", ["a", "x"], [], "b"),
        node("Abs", ["b"], [], "c"),
        node("Sqrt", ["c"], [], "d"),
        node("Mul", ["d", "half"], [], "e"),
        node("Max", ["x", "y0"], [], "f"),
        node("Sub", ["e", "f"]),
      ],
      { x: sample([four], 1), y0: sample([four], 2), half: { data: new Float32Array([0.5]), dims: [1] } },
      1,
    ),
  "add of 4M": () => operation([node("Add", ["a", "b"])], { a: sample([four], 1), b: sample([four], 2) }, 1),
  "sum of rows, 4096x1024": () => {
    const axes = { opType: "Constant", input: [], output: ["axes"], attribute: [ints("value_ints", [1])] };
    const sum = node("ReduceSum", ["x", "axes"], [int("keepdims", 0)]);
    return operation([axes, sum], { x: sample([4096, 1024], 1) }, 1);
  },
  "softmax of rows, 4096x1024": () =>
    operation([node("Softmax", ["x"], [int("axis", 1)])], { x: sample([4096, 1024], 1, 8) }, 2),
  "layer norm of rows, 4096x1024": () =>
    operation(
      [node("LayerNormalization", ["x", "scale", "bias"], [int("axis", 1), float("epsilon", 1e-5)])],
      { x: sample([4096, 1024], 1), scale: sample([1024], 2), bias: sample([1024], 3) },
      2,
    ),
  "MLP training step": noTraining,
  "LeNet-5 training step": noTraining,
  "residual block training step": noTraining,
  "small convnet training step": noTraining,
});
Deno.exit(0);
