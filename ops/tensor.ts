/** What a tensor is: a type, and for a concrete one a view of storage on a device. */

import type { DType, TypedArray } from "./dtype.ts";
import { nested, show } from "./print.ts";
import type { Program } from "./program.ts";
import type { Owner } from "./scope.ts";
import { isContiguous, type Shape, sizeOf, type Strided, type TensorType, typeString } from "./shape.ts";

/**
 * An immutable array of numbers or booleans with a shape and a dtype. Operations are functions (`add(x, y)`); no
 * method writes. Inside a transform a tensor may be a tracer, which stands for a value and otherwise behaves the same.
 *
 * Printed, a tensor shows its type and elements. It refuses to become a number by itself, as in `+x` or `x > 0`, and
 * names the function to use.
 *
 * @example Usage
 * ```ts
 * import { Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const x = tensor([[1, 2], [3, 4]]);
 * assertEquals(x instanceof Tensor, true);
 * assertEquals(await x.data(), new Float32Array([1, 2, 3, 4]));
 * assertEquals(`${tensor([1, 2])}`, "f32[2] [1, 2]");
 * ```
 */
export abstract class Tensor {
  /** Its dtype and shape together. */
  readonly type: TensorType;

  /** For the library alone: tensors are made by functions such as {@linkcode tensor} and {@linkcode zeros}. */
  protected constructor(type: TensorType) {
    // Kernels and programs are kept by type, so none may change.
    this.type = Object.freeze(type);
    Object.freeze(type.shape);
  }

  /** Sizes of the axes, outermost first. */
  get shape(): Shape {
    return this.type.shape;
  }

  /** The type of the elements. */
  get dtype(): DType {
    return this.type.dtype;
  }

  /** The number of axes. */
  get ndim(): number {
    return this.type.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.type.shape);
  }

  /** Where the values live. */
  abstract get device(): Device;

  /**
   * The value behind a tracer with known values, or itself. Throws where values are not known (vmap, jit).
   *
   * @internal
   */
  abstract concrete(): ConcreteTensor;

  /**
   * For a bare number that a program takes as an input: how it adopts another dtype. null for all other tensors.
   *
   * @internal
   */
  weak(): Weak | null {
    return null;
  }

  /**
   * The elements in row-major order, as a copy of one's own: Float32Array, Float64Array, Float16Array, Int32Array,
   * Uint32Array, or Uint8Array for bool. The type argument is the caller's word for the dtype.
   */
  async data<A extends TypedArray = Float32Array>(): Promise<A> {
    const x = this.concrete();
    return await x.device.read(x) as A;
  }

  /** As {@linkcode Tensor.data}, without waiting; CPU tensors only. */
  dataSync<A extends TypedArray = Float32Array>(): A {
    return readNow("dataSync", this, "await x.data()") as A;
  }

  /** The elements as nested arrays of numbers or booleans; a number or boolean for rank 0. */
  async array(): Promise<unknown> {
    return nested(await this.data<TypedArray>(), this.type);
  }

  /** As {@linkcode Tensor.array}, without waiting; CPU tensors only. */
  arraySync(): unknown {
    return nested(readNow("arraySync", this, "await x.array()"), this.type);
  }

  /** The one element of a tensor of size 1, as a number or boolean. CPU tensors only. */
  item(): number | boolean {
    if (this.size !== 1) {
      throw new RangeError(`item() needs a tensor of one element, got ${typeString(this.type)}; use dataSync()`);
    }
    const value = readNow("item", this, "await x.data()")[0]!;
    return this.dtype === "bool" ? value !== 0 : value;
  }

  /** Frees the storage early (`using x = …`). Never required. The tensor throws when used afterwards. */
  [Symbol.dispose](): void {}

  /** As NumPy prints, after the type. */
  toString(): string {
    return typeString(this.type);
  }

  /** Refuses `+x`, `x > 0`, `x + y`: in JavaScript they would silently be wrong. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new TypeError(
      `a tensor ${typeString(this.type)} cannot become a number by itself: ` +
        "use item() to read it, add(), less(), … to compute with it, where() or cond() to choose by it",
    );
  }

  static {
    for (const inspector of ["Deno.customInspect", "nodejs.util.inspect.custom"]) {
      Object.defineProperty(this.prototype, Symbol.for(inspector), {
        value(this: Tensor): string {
          return this.toString();
        },
      });
    }
  }
}

/** What an operation takes for an operand: bare numbers and booleans adopt the dtype of the tensor beside them. */
export type TensorLike = Tensor | number | boolean;

/** A bare number or boolean whose value is not known yet. */
export interface Weak {
  readonly kind: "number" | "boolean";
  /** It as an element of `dtype`, which it meets in `op`. */
  as(op: string, dtype: DType): Tensor;
}

/** A place where values live and programs run. */
export interface Device {
  /** Its short name: `cpu`. */
  readonly name: string;
  /** Facts for people: what it is, how much memory it uses. */
  readonly info: Readonly<Record<string, unknown>>;
}

/** A device whose values are read by waiting alone, as a GPU's are. */
export interface AsyncDevice extends Device {
  /** There is no reading at once. */
  readonly readSync: null;
}

/** What a device tells of a program that it compiled. */
export interface ProgramFacts {
  /** The name of the device. */
  readonly device: string;
  /** How a run goes there, in words: `2 threads, 1 barrier`. */
  readonly how: string;
  /** Memory for values on the way. */
  readonly arenaBytes: number;
  /** The size of what was written for it: WebAssembly on the CPU, besides the kernels that programs share. */
  readonly codeBytes: number;
  /** Inputs whose storage a result takes over if they are donated, and nobody else holds it. */
  readonly reusable: readonly number[];
  /** How often, in all runs, such a storage was held by others, and the result got another one. */
  readonly copies: number;
}

/** A device as the library uses it. */
export interface Backend extends Device {
  /** How many tensors one kernel reads and writes at most, where the choice is the compiler's. */
  readonly mostOperands: number;
  /**
   * Inputs at `donated` positions are given up by the caller: where nobody else holds their storage, it may become that
   * of results.
   */
  run(program: Program, inputs: readonly ConcreteTensor[], donated?: ReadonlySet<number>): ConcreteTensor[];
  /** What was compiled for a program last; null if it has not run. */
  factsOf(program: Program): ProgramFacts | null;
  /** A tensor of row-major elements, which are copied. */
  upload(data: TypedArray, type: TensorType): ConcreteTensor;
  read(x: ConcreteTensor): Promise<TypedArray>;
  /** As `read`, without waiting; null for a device that cannot. */
  readonly readSync: ((x: ConcreteTensor) => TypedArray) | null;
  /** A second tensor of the same storage. */
  share(x: ConcreteTensor): ConcreteTensor;
  /** Gives up one tensor's hold on its storage; called once for each tensor, when it is disposed. */
  release(x: ConcreteTensor): void;
}

/** A tensor with values: a strided view of storage that only its device understands. */
export class ConcreteTensor extends Tensor implements Strided {
  readonly strides: readonly number[];
  readonly offset: number;
  /** Who frees this tensor; null once it is in users' hands. For ops/scope.ts alone. */
  owner: Owner | null = null;
  readonly #device: Backend;
  #storage: object | null;
  /** What became of the storage. */
  #fate = "was disposed";

  constructor(device: Backend, type: TensorType, storage: object, view: Strided) {
    super(type);
    this.#device = device;
    this.#storage = storage;
    this.strides = view.strides;
    this.offset = view.offset;
  }

  override get device(): Backend {
    return this.#device;
  }

  /** For the device alone. */
  get storage(): object {
    if (this.#storage === null) {
      throw new TypeError(`this tensor ${typeString(this.type)} ${this.#fate} and has no values`);
    }
    return this.#storage;
  }

  get isDisposed(): boolean {
    return this.#storage === null;
  }

  get isContiguous(): boolean {
    return isContiguous(this);
  }

  override concrete(): ConcreteTensor {
    return this;
  }

  override [Symbol.dispose](): void {
    if (this.#storage === null) return;
    this.#device.release(this);
    this.#storage = null;
  }

  /** Frees the storage, and tells those who use the tensor afterwards why. */
  giveUp(fate: string): void {
    if (this.#storage === null) return;
    this[Symbol.dispose]();
    this.#fate = fate;
  }

  override toString(): string {
    if (this.#storage === null) return `${typeString(this.type)} (${this.#fate.replace(/^was /, "")})`;
    const values = this.#device.readSync?.(this);
    return values === undefined ? `${typeString(this.type)} on ${this.#device.name}` : show(values, this.type);
  }
}

/** The elements of a tensor without waiting, for `op`. */
export function readNow(op: string, x: Tensor, cure: string): TypedArray {
  const known = checkReadable(op, x, cure);
  return known.device.readSync!(known);
}

/** What is known of a tensor whose elements can be read without waiting; throws for others, and names the cure. */
export function checkReadable(
  op: string,
  x: Tensor,
  cure = 'await toDevice(x, "cpu") before',
): ConcreteTensor {
  const known = x.concrete();
  if (known.device.readSync !== null) return known;
  throw new TypeError(
    `${op}() cannot read ${typeString(known.type)} on ${known.device.name} without waiting: use ${cure}`,
  );
}

export function isTensor(x: unknown): x is Tensor {
  return x instanceof Tensor;
}
