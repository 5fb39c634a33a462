// Example 1: LeNet-5 learns to read handwritten digits. Run it by `deno task train`; `--help` lists its flags.
import { gpu, nn, random } from "@pullback/pullback";
import { learningCurves } from "./chart.ts";
import { folderDigits, packageDigits } from "./digits.ts";
import { makeFolder, toSafetensors, writeWhole } from "./files.ts";
import { help, parseFlags } from "./flags.ts";
import { Problem, reasonOf } from "./problem.ts";
import { progressBar } from "./progress.ts";
import { confusionMatrix, train } from "./train.ts";

async function main(args: readonly string[]): Promise<void> {
  const settings = parseFlags(args);
  if (settings === null) {
    console.log(help);
    return;
  }
  const bar = progressBar(settings.epochs);
  Deno.addSignalListener("SIGINT", () => {
    bar.end();
    console.error("interrupted: nothing was written");
    Deno.exit(130);
  });

  // All that is random follows from one seed, by keys that are split and never used twice.
  const [dataKey, trainKey] = random.split(random.key(settings.seed));
  const digits = settings.data === null ? packageDigits(dataKey) : folderDigits(settings.data);
  makeFolder("out");
  if (settings.device === "gpu") await findGpu();
  console.log(
    `LeNet-5 learns from ${count(digits.train.labels.size)} images by ${settings.optimizer}, seed ${settings.seed}`,
  );
  const { params, history } = await train(trainKey, digits.train, settings, bar.show).finally(bar.end);

  const confusion = await confusionMatrix(params, digits.test, settings);
  const accuracy = sum(confusion.map((row, digit) => row[digit]!)) / sum(confusion.flat());
  const curves = await learningCurves(history, accuracy);
  writeWhole("out/digits.safetensors", await toSafetensors(params));
  writeWhole("out/digits.svg", new TextEncoder().encode(curves));
  console.log(`\n${showConfusion(confusion)}\n`);
  console.log(
    `${count(nn.countParams(params))} parameters in out/digits.safetensors, learning curves in out/digits.svg`,
  );
  console.log(`test accuracy ${(100 * accuracy).toFixed(2)}%`);
}

async function findGpu(): Promise<void> {
  try {
    const { info } = await gpu();
    console.log(`on the GPU ${info["adapter"]}`);
  } catch (error) {
    throw new Problem(reasonOf(error));
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function count(n: number): string {
  return n.toLocaleString("en");
}

/** A table of counts, zeros as dots. */
function showConfusion(confusion: readonly (readonly number[])[]): string {
  const width = Math.max(...confusion.flat().map((n) => String(n).length)) + 1;
  const line = (cells: readonly (number | string)[]) => cells.map((cell) => String(cell).padStart(width)).join("");
  return [
    "how the test images were read: a row for what they show, a column for what the network saw",
    `   ${line(confusion.keys().toArray())}`,
    ...confusion.map((row, digit) => `  ${digit}${line(row.map((n) => n || "·"))}`),
  ].join("\n");
}

try {
  await main(Deno.args);
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  console.error(`error: ${error.message}`);
  Deno.exit(1);
}
