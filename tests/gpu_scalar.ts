/** Runs scalar expressions on a GPU, one element for each thread: what they are there, beside what they ought to be. */

import { Functions } from "../gpu/functions/library.ts";
import { computeType, Names, writeScalar } from "../gpu/scalar.ts";
import { allocateArray, type DType, type TypedArray } from "../ops/dtype.ts";
import type { Scalar } from "../ops/scalar.ts";

export async function openGpu(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) throw new Error("there is no GPU adapter: on Debian, apt install mesa-vulkan-drivers");
  return await adapter.requestDevice();
}

/** An input: its elements, all inputs having as many. */
export interface Column {
  readonly dtype: DType;
  readonly data: ArrayLike<number>;
}

const threads = 64;

/** The shader that computes expressions of inputs, all as words of 32 bits, one result after the other. */
export function shaderOf(bodies: readonly Scalar[], dtypes: readonly DType[]): string {
  const [names, functions] = [new Names(), new Functions()];
  const leaf = (node: Scalar): string => (node.op === "input" ? `x${node.index}` : "i32(i)");
  const texts = bodies.map((body, n) => {
    const { statements, result } = writeScalar(body, leaf, names, functions);
    return `{\n${statements}\nresults[${n}u * count + i] = ${wordOf(body.dtype, result)};\n}`;
  });
  const inputs = dtypes.map((dtype, n) => `let x${n} = ${fromWord(dtype, `inputs[${n}u * count + i]`)};`);
  return `${functions.text}
@group(0) @binding(0) var<storage, read> inputs: array<u32>;
@group(0) @binding(1) var<storage, read_write> results: array<u32>;

@compute @workgroup_size(${threads})
fn main(@builtin(global_invocation_id) id: vec3u) {
let i = id.x;
let count = arrayLength(&inputs) / ${Math.max(dtypes.length, 1)}u;
if (i >= count) {
return;
}
${[...inputs, ...texts].join("\n")}
}
`;
}

function wordOf(dtype: DType, value: string): string {
  return dtype === "bool" ? `select(0u, 1u, ${value})` : `bitcast<u32>(${value})`;
}

function fromWord(dtype: DType, word: string): string {
  return dtype === "bool" ? `${word} != 0u` : `bitcast<${computeType(dtype)}>(${word})`;
}

/** The array whose elements have the bits of values as they are computed with: float16 is float32. */
function wordsOf({ dtype, data }: Column): Uint32Array<ArrayBuffer> {
  const values = Array.from(data);
  switch (computeType(dtype)) {
    case "f32":
      return new Uint32Array(Float32Array.from(values).buffer);
    case "i32":
      return new Uint32Array(Int32Array.from(values).buffer);
    default:
      return Uint32Array.from(values);
  }
}

function fromWords(words: Uint32Array<ArrayBuffer>, dtype: DType): TypedArray {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const values: ArrayLike<number> = computeType(dtype) === "f32" ? floats : words;
  const result = allocateArray(dtype, words.length);
  for (let i = 0; i < words.length; i++) {
    result[i] = values[i]!;
    if (dtype !== "int32" && !Object.is(result[i], values[i])) throw new Error(`${values[i]} is no ${dtype}`);
  }
  return result;
}

/** The values of expressions where input n is the n-th column, element by element; `index` is the position. */
export async function evaluate(
  device: GPUDevice,
  bodies: readonly Scalar[],
  columns: readonly Column[],
): Promise<TypedArray[]> {
  const count = columns[0]!.data.length;
  const module = device.createShaderModule({ code: shaderOf(bodies, columns.map((column) => column.dtype)) });
  device.pushErrorScope("validation");
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
  const create = (words: number, usage: number): GPUBuffer => device.createBuffer({ size: words * 4, usage });
  const { COPY_DST, COPY_SRC, MAP_READ, STORAGE } = GPUBufferUsage;
  const inputs = create(count * columns.length, STORAGE | COPY_DST);
  const results = create(count * bodies.length, STORAGE | COPY_SRC);
  const read = create(count * bodies.length, MAP_READ | COPY_DST);
  columns.forEach((column, n) => device.queue.writeBuffer(inputs, n * count * 4, wordsOf(column)));
  const entries = [inputs, results].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(Math.ceil(count / threads));
  pass.end();
  encoder.copyBufferToBuffer(results, 0, read, 0, results.size);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const words = new Uint32Array(read.getMappedRange().slice(0));
  for (const buffer of [inputs, results, read]) buffer.destroy();
  return bodies.map((body, n) => fromWords(words.slice(n * count, (n + 1) * count), body.dtype));
}
