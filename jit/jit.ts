/** `jit`: a function traced once for each kind of arguments, and from then on run as one program. */

import { adopting, checkOptions, scalarOf, toTensor } from "../ops/arguments.ts";
import { allConcrete, run } from "../ops/bind.ts";
import { deviceNamed, placeBeside } from "../ops/devices.ts";
import { type DType, dtypes, kindOf } from "../ops/dtype.ts";
import { describe } from "../ops/errors.ts";
import { part, type Program, trace, weaken } from "../ops/program.ts";
import { handOut } from "../ops/scope.ts";
import { type TensorType, typeString } from "../ops/shape.ts";
import { countLeaves, putTogether, type Structure, takeApart } from "../ops/structure.ts";
import { type Backend, ConcreteTensor, type Device, isTensor, type Tensor, type TensorLike } from "../ops/tensor.ts";
import { recordingTrace } from "../ops/trace.ts";
import { call } from "../grad/call.ts";
import { callSync, checkFunction } from "../grad/function.ts";
import { Explanation } from "./explain.ts";
import { homeOf } from "./home.ts";
import { difference, leavesOf, type Signature, signatureOf } from "./signature.ts";

/** Options of {@linkcode jit}. */
export interface JitOptions {
  /** Positions of arguments that are no tensors but settings: any values, compared by `Object.is`. */
  readonly static?: readonly number[] | undefined;
  /**
   * Positions of arguments that are used up: their tensors throw when used again, and their memory is used for results.
   * Within another transform, which may need them, they are kept.
   */
  readonly donate?: readonly number[] | undefined;
  /**
   * The device to run on, or its name: arguments on the CPU are brought there in each call. Without it the program runs
   * where its arguments are. Within another compiled function it runs where that one does.
   */
  readonly device?: Device | string | undefined;
}

/** A function that runs as compiled programs. */
export interface Jitted<A extends readonly unknown[], R> {
  (...args: A): R;
  /** What was compiled, and why each time: it prints itself. */
  explain(): Explanation;
}

/** Where an input comes from: a leaf that is a tensor, or a bare number or boolean as an element of some dtype. */
interface Input {
  readonly leaf: number;
  readonly dtype: DType | null;
  /** The number of the last call, on its device: many are the same in every call. */
  last: { readonly value: TensorLike; readonly x: Tensor } | null;
}

/** A compiled program, and how to get from arguments to its inputs and from its outputs to results. */
export interface Entry {
  readonly signature: Signature;
  readonly program: Program;
  readonly inputs: readonly Input[];
  /** The leaf of the first input that is a tensor; null if there is none. */
  readonly firstTensor: number | null;
  /** The inputs that are donated. */
  readonly donated: ReadonlySet<number>;
  /** Values that the function captured from another transform, as further inputs. */
  readonly captured: readonly Tensor[];
  /** Bare numbers that met integers: whether such a one was whole. */
  readonly whole: ReadonlyMap<number, boolean>;
  readonly results: Structure;
  /** Why it was compiled. */
  readonly reason: string;
  calls: number;
  /** Where it ran last; null before, and within other programs. */
  device: Backend | null;
}

/** More programs than this for one function are not kept: the one that was not used for longest is forgotten. */
const capacity = 256;

/**
 * A function that does the same as f, compiled: for each kind of arguments f is run once on stand-ins, and the operations
 * it does are written down as a program, which is simplified, fused and compiled. Later calls run that program alone.
 *
 * Kinds differ by the structure of the argument trees, by dtypes and shapes, by which leaves are bare numbers, and by the
 * values of static arguments; values of tensors and numbers make no difference. So f must be pure: what it prints or
 * changes happens once for each kind, and what it captures is read then. Random keys are arguments. Inside, values
 * cannot be read: choose by `where`. Transforms compose with it in any order, and what they make of it stays compiled.
 *
 * It runs on the device of its arguments, or on `device`; tensors on the CPU that it captures are brought there once.
 *
 * @param f A function of trees of tensors; not async.
 * @throws {TypeError} If f reads a value, is async, or is given what is no tree of tensors and not static.
 *
 * @example Usage
 * ```ts
 * import { jit, mul, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const f = jit((x: Tensor) => sum(mul(x, x)));
 * assertEquals(f(tensor([1, 2, 3])).item(), 14);
 * assertEquals(f(tensor([3, 4, 0])).item(), 25); // runs what the first call compiled
 * assertEquals(f.explain().compiled.length, 1);
 * ```
 *
 * @example A training step whose parameters are used up
 * ```ts
 * import { grad, jit, mul, square, sub, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const loss = (w: Tensor, x: Tensor) => sum(square(sub(w, x)));
 * const step = jit((w: Tensor, x: Tensor) => sub(w, mul(grad(loss)(w, x), 0.5)), { donate: [0] });
 * assertEquals(step(tensor([1, 2]), tensor([5, 6])).arraySync(), [5, 6]);
 * ```
 *
 * @example On a device
 * ```ts
 * import { jit, mul, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const double = jit((x: Tensor) => mul(x, 2), { device: "cpu" }); // or "gpu", after await gpu()
 * assertEquals(double(tensor([1, 2])).device.name, "cpu");
 * ```
 *
 * @example Static arguments
 * ```ts
 * import { jit, sum, type Tensor, tensor } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const f = jit((x: Tensor, axis: number) => sum(x, { axis }), { static: [1] });
 * assertEquals(f(tensor([[1, 2], [3, 4]]), 0).arraySync(), [4, 6]);
 * ```
 */
export function jit<A extends readonly unknown[], R>(f: (...args: A) => R, options: JitOptions = {}): Jitted<A, R> {
  checkFunction("jit", f);
  checkOptions("jit", options, ["static", "donate", "device"]);
  const statics = positions("static", options.static);
  const donated = positions("donate", options.donate);
  for (const i of donated) {
    if (statics.has(i)) throw new TypeError(`jit() cannot donate argument ${i}, which is static`);
  }
  const asked = options.device;
  // A device of this name may be there only when the function is called.
  if (asked !== undefined && typeof asked !== "string") deviceNamed("jit", asked);
  const name = f.name || "function";
  const entries: Entry[] = [];

  function entryFor(args: A): { readonly entry: Entry; readonly leaves: readonly TensorLike[] } {
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      const leaves = leavesOf(entry.signature, args);
      if (leaves === null || !sameWhole(entry, leaves)) continue;
      if (i > 0) entries.unshift(...entries.splice(i, 1));
      return { entry, leaves };
    }
    for (const i of statics) checkStatic(i, args[i]);
    const { signature, leaves } = signatureOf(args, (i) => statics.has(i));
    const entry = compile(f, signature, leaves, donated, reasonFor(signature, entries));
    // What a trace captures from another transform is new in every call.
    if (entry.captured.length === 0) entries.unshift(entry);
    if (entries.length > capacity) entries.pop();
    return { entry, leaves };
  }

  function jitted(...args: A): R {
    const { entry, leaves } = entryFor(args);
    entry.calls++;
    const isRecorded = recordingTrace() !== null;
    const brings = asked !== undefined && !isRecorded;
    const device = brings ? deviceNamed("jit", asked) : placeOf(entry, leaves);
    const there = brings ? broughtTo(device, name, entry, leaves) : leaves;
    const inputs = entry.inputs.map((input) => {
      const value = there[input.leaf]!;
      if (input.dtype === null) return value as Tensor;
      if (isRecorded) return scalarOf(name, value, input.dtype, device);
      if (input.last === null || !Object.is(input.last.value, value) || input.last.x.device !== device) {
        input.last = { value, x: handOut(scalarOf(name, value, input.dtype, device)) };
      }
      return input.last.x;
    });
    inputs.push(...entry.captured);
    if (!allConcrete(inputs)) return putTogether(entry.results, call(name, entry.program, inputs, device)) as R;
    const results = run(entry.program, inputs, entry.donated, device);
    entry.device = device;
    for (const i of donated) if (i < args.length) giveUp(name, i, args[i]);
    if (brings) there.forEach((x, i) => isTensor(x) && x !== leaves[i] && x[Symbol.dispose]());
    return putTogether(entry.results, results) as R;
  }

  return Object.assign(jitted, { explain: () => new Explanation(name, entries) });
}

/** Where a program runs: with what it reads; or else with what it captured and cannot leave, or with its arguments. */
function placeOf({ firstTensor, captured, program }: Entry, leaves: readonly TensorLike[]): Backend {
  if (firstTensor !== null) return (leaves[firstTensor] as Tensor).device as Backend;
  return homeOf(program) ?? placeBeside([...captured, ...leaves]) as Backend;
}

/** The leaves of a call, those that the program reads on the device where it runs. */
function broughtTo(
  device: Backend,
  name: string,
  { inputs }: Entry,
  leaves: readonly TensorLike[],
): readonly TensorLike[] {
  const there = [...leaves];
  for (const { leaf, dtype } of inputs) if (dtype === null) there[leaf] = bring(name, there[leaf] as Tensor, device);
  return there;
}

function bring(name: string, x: Tensor, device: Backend): Tensor {
  if (x.device === device) return x;
  const values = x instanceof ConcreteTensor ? x.device.readSync?.(x) : undefined;
  if (values === undefined) {
    throw new TypeError(
      `${name}() runs on ${device.name} and cannot take ${typeString(x.type)} on ${x.device.name}: ` +
        `move it before, with await toDevice(x, ${JSON.stringify(device.name)})`,
    );
  }
  return device.upload(values, x.type);
}

/** The positions that an option lists. */
function positions(option: "static" | "donate", given: readonly number[] = []): ReadonlySet<number> {
  if (!Array.isArray(given) || !given.every((i) => Number.isInteger(i) && i >= 0)) {
    throw new TypeError(`jit() takes ${option} as an array of argument positions from 0, got ${describe(given)}`);
  }
  return new Set(given);
}

function checkStatic(i: number, value: unknown): void {
  if (!isTensor(value)) return;
  throw new TypeError(
    `jit() cannot compare static argument ${i}, a tensor ${value}: static arguments are settings; pass tensors as others`,
  );
}

/** Whether the bare numbers that meet integers in the program are whole, as they were when it was traced. */
function sameWhole({ whole }: Entry, leaves: readonly TensorLike[]): boolean {
  for (const [leaf, was] of whole) if (Number.isInteger(leaves[leaf]) !== was) return false;
  return true;
}

function reasonFor(signature: Signature, entries: readonly Entry[]): string {
  const last = entries[0];
  return last === undefined ? "first call" : difference(signature, last.signature);
}

function compile<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  signature: Signature,
  leaves: readonly TensorLike[],
  donated: ReadonlySet<number>,
  reason: string,
): Entry {
  // A bare number may be needed as several dtypes: each gets an input, and those that nobody reads are left out.
  const candidates = signature.leaves.flatMap((type, leaf): Input[] =>
    typeof type === "string"
      ? dtypes.map((dtype) => ({ leaf, dtype, last: null }))
      : [{ leaf, dtype: null, last: null }]
  );
  const types = candidates.map(({ leaf, dtype }): TensorType =>
    dtype === null ? signature.leaves[leaf] as TensorType : { dtype, shape: [] }
  );
  const whole = new Map<number, boolean>();
  let results: Structure = null;
  const traced = trace("jit", (inputs) => {
    let next = 0;
    const standIns = signature.leaves.map((type, i) => {
      if (typeof type !== "string") return inputs[next++]!;
      const as = new Map(dtypes.map((dtype) => [dtype, inputs[next++]!]));
      return standIn(type, leaves[i]!, as, (isWhole) => whole.set(i, isWhole));
    });
    const out = takeApart("jit", callSync("jit", f, withLeaves(signature, standIns) as unknown as A));
    results = out.structure;
    return out.leaves.map((leaf) => toTensor("jit", leaf));
  }, types);
  const { program, kept, captured } = tidied(traced);
  const inputs = kept.map((slot) => candidates[slot]!);
  const argumentOf = signature.parts.flatMap((part, i) =>
    part.kind === "static" ? [] : new Array<number>(countLeaves(part.structure)).fill(i)
  );
  return {
    signature,
    program,
    inputs,
    firstTensor: inputs.find(({ dtype }) => dtype === null)?.leaf ?? null,
    donated: new Set(inputs.flatMap(({ leaf }, i) => donated.has(argumentOf[leaf]!) ? [i] : [])),
    captured,
    whole,
    results,
    reason,
    calls: 0,
    device: null,
  };
}

/** What a bare number or boolean looks like inside: of its own dtype, and beside tensors of theirs. */
function standIn(
  kind: "number" | "boolean",
  value: TensorLike,
  as: ReadonlyMap<DType, Tensor>,
  metIntegers: (whole: boolean) => void,
): Tensor {
  return weaken(as.get(kind === "number" ? "float32" : "bool")!, {
    kind,
    as(op, dtype) {
      if (kindOf(dtype) === "integer" && kind === "number") {
        metIntegers(Number.isInteger(value));
        adopting(op, value, dtype); // throws for what an integer cannot be
      }
      return as.get(dtype)!;
    },
  });
}

/** The arguments with other leaves. */
function withLeaves({ parts }: Signature, leaves: readonly Tensor[]): unknown[] {
  let next = 0;
  return parts.map((part) => {
    if (part.kind === "static") return part.value;
    const first = next;
    next += countLeaves(part.structure);
    return putTogether(part.structure, leaves.slice(first, next));
  });
}

/** A traced program without the inputs that nothing reads, and with captured tracers as further inputs. */
function tidied(traced: Program): { program: Program; kept: readonly number[]; captured: readonly Tensor[] } {
  const read = new Set([...traced.outputs, ...traced.equations.flatMap(({ inputs }) => inputs)]);
  const kept = Array.from({ length: traced.inputs }, (_, slot) => slot).filter((slot) => read.has(slot));
  const lifted = traced.constants.filter(({ value }) => !(value instanceof ConcreteTensor));
  const inputs = [...kept, ...lifted.map(({ slot }) => slot)];
  return {
    program: part({ ...traced, inputs }),
    kept,
    captured: lifted.map(({ value }) => value),
  };
}

/** Frees the tensors of a donated argument. */
function giveUp(name: string, i: number, tree: unknown): void {
  for (const leaf of takeApart(name, tree).leaves) {
    if (leaf instanceof ConcreteTensor) leaf.giveUp(`was donated to ${name}() as argument ${i}`);
  }
}
