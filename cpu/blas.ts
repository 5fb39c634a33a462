/** A BLAS of the system, loaded when a program asks for one: what it is called, how it is tried out, and how errors are worded. */

import { type Blas, cblas, type Gemm, matmulBy } from "./blas_matmul.ts";
import { cpu } from "./device.ts";
import { inFloat32 } from "./in_float32.ts";
import { kernels } from "./kernels.ts";
import { matmul } from "./matmul.ts";
import { checkOptions } from "../ops/arguments.ts";
import { describe } from "../ops/errors.ts";

/** Options of {@linkcode useBlas}. */
export interface BlasOptions {
  /** The library's file, or a name that the system's loader finds; without it OpenBLAS, on macOS Accelerate. */
  readonly library?: string | undefined;
}

/** What each system calls it. */
const libraries: Readonly<Record<string, readonly string[]>> = {
  darwin: ["/System/Library/Frameworks/Accelerate.framework/Accelerate", "libopenblas.dylib"],
  windows: ["libopenblas.dll", "openblas.dll"],
};
const otherwise = ["libopenblas.so.0", "libopenblas.so"];

/**
 * Has matrices multiplied by a BLAS library of the system from now on: OpenBLAS, on macOS Accelerate, or another one with
 * CBLAS's functions. The program needs Deno's permission `--allow-ffi`. `null` goes back to Pullback's own kernels, which
 * run unless this is called.
 *
 * It computes the products of float32 that are worth a call, those of float16 (in float32), and all of float64; in
 * compiled functions, too. It adds up in an order of its own, so results differ in rounding, and has threads of its own:
 * OpenBLAS as many as `OPENBLAS_NUM_THREADS` says. `device.info.blas` is its name, or null.
 *
 * @param options which library; null for none
 * @throws `Error` where there is no permission, no library, or one that does not do: nothing changes then
 *
 * @example Multiply by OpenBLAS: `deno run --allow-ffi main.ts`
 * ```ts ignore
 * import { useBlas } from "@pullback/pullback";
 *
 * useBlas();
 * ```
 *
 * @example Back to what runs unless it is called
 * ```ts
 * import { tensor, useBlas } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * useBlas(null);
 * assertEquals(tensor(1).device.info["blas"], null);
 * ```
 */
export function useBlas(options: BlasOptions | null = {}): void {
  if (options === null) return cpu().useKernels(null);
  checkOptions("useBlas", options, ["library"]);
  const { library } = options;
  if (library !== undefined && typeof library !== "string") {
    throw new TypeError(`useBlas() takes a library that is a string, got ${describe(library)}`);
  }
  const blas = library === undefined ? loadFirst(libraries[platform().build.os] ?? otherwise) : load(library);
  cpu().useKernels({ ...kernels, matmul: inFloat32(matmulBy(blas, matmul)) }, blas.library);
}

/** What this needs of the platform. */
function platform(): typeof Deno {
  const { Deno: deno } = globalThis as { Deno?: typeof Deno };
  if (typeof deno?.dlopen !== "function") throw new Error("useBlas() needs Deno, whose Deno.dlopen loads libraries");
  return deno;
}

/** The first of these that is there. */
function loadFirst(names: readonly string[]): Blas {
  const missing: Error[] = [];
  for (const name of names) {
    const found = find(name);
    if (!(found instanceof Error)) return found;
    missing.push(found);
  }
  throw new Error(
    `useBlas() found no BLAS library: tried ${names.join(" and ")}; install OpenBLAS ` +
      `(Debian: apt-get install libopenblas0-pthread), or tell its file as useBlas({ library })`,
    { cause: missing },
  );
}

/** The library of this name or file. */
export function load(library: string): Blas {
  const found = find(library);
  if (found instanceof Error) throw found;
  return found;
}

/** What was loaded stays loaded: a library that has started threads is better not taken away. */
const loaded = new Map<string, Blas>();

/** Returns the error of a library that is not there. */
function find(library: string): Blas | Error {
  const known = loaded.get(library);
  if (known !== undefined) return known;
  const deno = platform();
  const opened = open(deno, library);
  if (opened instanceof Error) return opened;
  const { symbols, close } = opened;
  try {
    const addressOf = (bytes: Uint8Array): number =>
      Number(deno.UnsafePointer.value(deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>)));
    const blas = { library, float32: symbols.cblas_sgemm, float64: symbols.cblas_dgemm, addressOf };
    tryOut(blas);
    loaded.set(library, blas);
    return blas;
  } catch (error) {
    close();
    throw isRefusal(deno, error) ? withoutPermission(library, error) : error;
  }
}

function parametersOf<Real extends "f32" | "f64">(real: Real) {
  const flags = ["i32", "i32", "i32", "i32", "i32", "i32"] as const;
  return [...flags, real, "usize", "i32", "usize", "i32", real, "usize", "i32"] as const;
}

/** Addresses are numbers: Deno takes them for `usize`, and its types, which ask for slower bigints, do not say so. */
interface Library {
  readonly symbols: { readonly cblas_sgemm: Gemm; readonly cblas_dgemm: Gemm };
  readonly close: () => void;
}

/** Returns the error of a library that is not there. */
function open(deno: typeof Deno, library: string): Library | Error {
  try {
    const opened = deno.dlopen(
      library,
      {
        cblas_sgemm: { parameters: parametersOf("f32"), result: "void" },
        cblas_dgemm: { parameters: parametersOf("f64"), result: "void" },
      } as const,
    );
    return { symbols: opened.symbols as unknown as Library["symbols"], close: () => opened.close() };
  } catch (cause) {
    if (isRefusal(deno, cause)) throw withoutPermission(library, cause);
    const name = JSON.stringify(library);
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (reason.startsWith("Failed to register symbol")) {
      throw new Error(`useBlas() cannot use ${name}: it lacks cblas_sgemm or cblas_dgemm`, { cause });
    }
    return new Error(`useBlas() cannot load ${name}: ${reason.replace(/^(?:Could not open library: )+/, "")}`, {
      cause,
    });
  }
}

function isRefusal(deno: typeof Deno, error: unknown): boolean {
  return error instanceof deno.errors.NotCapable || error instanceof deno.errors.PermissionDenied;
}

function withoutPermission(library: string, cause: unknown): Error {
  return new Error(`useBlas() may not load ${JSON.stringify(library)}: run Deno with --allow-ffi`, { cause });
}

/** Multiplies two small matrices, B as its transpose and with gaps: a library that is called otherwise gives itself away. */
export function tryOut({ library, float32, float64, addressOf }: Blas): void {
  const [a, b] = [[1, 2, 3, 4, 5, 6], [7, 8, 9, 0, 10, 11, 12]];
  const expected = [50, 68, -1, 122, 167];
  for (const [gemm, Numbers] of [[float32, Float32Array], [float64, Float64Array]] as const) {
    const numbers = new Numbers([...a, ...b, -1, -1, -1, -1, -1]);
    const { BYTES_PER_ELEMENT: bytes, buffer } = numbers;
    const start = addressOf(new Uint8Array(buffer));
    const [ofB, ofC] = [start + 6 * bytes, start + 13 * bytes];
    gemm(cblas.rowMajor, cblas.asItIs, cblas.transposed, 2, 2, 3, 1, start, 3, ofB, 4, 0, ofC, 3);
    if (expected.some((value, i) => numbers[13 + i] !== value)) {
      throw new Error(
        `useBlas() cannot use ${JSON.stringify(library)}: it multiplies a small matrix wrongly ` +
          "(integers are taken to have 32 bits)",
      );
    }
  }
}
