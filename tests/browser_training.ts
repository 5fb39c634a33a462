/** The training of examples/01_digits in small, for pages as for Deno. */

import { random, tensor } from "@pullback/pullback";
import type { Digits } from "../examples/01_digits/digits.ts";
import type { Settings } from "../examples/01_digits/flags.ts";
import { confusionMatrix, train } from "../examples/01_digits/train.ts";

/** So many digits are learnt, and so many are for the test. */
const [learnt, tested] = [1000, 1000];

const pixels = 28 * 28;

/** What a page is sent: the images `f32[2000,28,28,1]`, then the labels `i32[2000]`. */
export async function digitBytes({ images, labels }: Digits): Promise<Uint8Array<ArrayBuffer>> {
  const some = learnt + tested;
  const bytes = new Uint8Array(4 * some * (pixels + 1));
  const values = (await images.data()).subarray(0, some * pixels);
  bytes.set(new Uint8Array(values.buffer, 0, values.byteLength));
  bytes.set(new Uint8Array((await labels.data()).buffer, 0, 4 * some), values.byteLength);
  return bytes;
}

function fromBytes(bytes: ArrayBuffer, from: number, n: number): Digits {
  const some = learnt + tested;
  const images = new Float32Array(bytes, 4 * from * pixels, n * pixels);
  const labels = new Int32Array(bytes, 4 * (some * pixels + from), n);
  return { images: tensor(images, { shape: [n, 28, 28, 1] }), labels: tensor(labels) };
}

export interface Trained {
  /** Step by step. */
  readonly losses: readonly number[];
  /** Of the test, in 0 … 1. */
  readonly accuracy: number;
}

/** Trains on a device, `cpu` or `gpu`. */
export async function trained(bytes: ArrayBuffer, device: Settings["device"]): Promise<Trained> {
  const common = { epochs: 3, batch: 50, optimizer: "adam", learningRate: 0.01, seed: 0, data: null } as const;
  const settings = { ...common, device };
  const digits = fromBytes(bytes, 0, learnt);
  const { params, history } = await train(random.key(0), digits, settings, () => Promise.resolve());
  const confusion = await confusionMatrix(params, fromBytes(bytes, learnt, tested), settings);
  const right = confusion.reduce((sum, row, digit) => sum + row[digit]!, 0);
  return { losses: history.map(({ loss }) => loss), accuracy: right / tested };
}
