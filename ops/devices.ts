/** Which devices there are, where new tensors live, and how tensors move from one device to another. */

import { describe } from "./errors.ts";
import { typeString } from "./shape.ts";
import { putTogether, takeApart } from "./structure.ts";
import { type AsyncDevice, type Backend, ConcreteTensor, type Device, Tensor, type TensorLike } from "./tensor.ts";
import type { Tracer } from "./trace.ts";

const devices = new Map<string, Backend>();
let defaultDevice: Backend | null = null;

/** Makes a device known by its name; a later one of the same name takes its place. */
export function registerDevice(device: Backend): void {
  devices.set(device.name, device);
}

/** Makes `device` the one where new tensors live. */
export function installDevice(device: Backend): void {
  defaultDevice = device;
}

/** The device where tensors live that are made of nothing. */
export function currentDevice(): Backend {
  if (defaultDevice === null) throw new TypeError("no device is installed: import the library by its mod.ts");
  return defaultDevice;
}

/** Where a constant belongs that stands beside these operands: with the first tensor among them. */
export function placeBeside(operands: readonly unknown[]): Device {
  for (const x of operands) if (x instanceof Tensor) return x.device;
  return currentDevice();
}

/** A device that can be read at once: the values of literals are kept there while a program is traced. */
export function hostDevice(): Backend {
  const device = currentDevice();
  return device.readSync === null ? deviceNamed("tensor", "cpu") : device;
}

/** The device that an option means. */
export function deviceNamed(op: string, device: Device | string): Backend {
  if (typeof device === "string") {
    const known = devices.get(device);
    if (known !== undefined) return known;
    const names = [...devices.keys()].map((name) => JSON.stringify(name)).join(", ");
    const later = devices.has("gpu") ? "" : `, and "gpu" after await gpu()`;
    throw new TypeError(`${op}() knows no device ${JSON.stringify(device)}: there is ${names}${later}`);
  }
  if (typeof device === "object" && device !== null && "upload" in device) return device as Backend;
  throw new TypeError(`${op}() takes a device or the name of one, got ${describe(device)}`);
}

/**
 * Makes a device the one where new tensors live from now on: those of functions such as `tensor`, `zeros`, `arange` and
 * `random.key`. At first it is `"cpu"`. Tensors that exist stay where they are.
 *
 * What operations make of tensors lives where those do, and so do the numbers beside them: `add(x, 1)` and
 * `zerosLike(x)` are on the device of x.
 *
 * @param device A device, or its name: `"cpu"`, or `"gpu"` after `await gpu()`.
 * @throws {TypeError} If there is no device of this name.
 *
 * @example Usage
 * ```ts
 * import { setDefaultDevice, zeros } from "@pullback/pullback";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * setDefaultDevice("cpu");
 * assertEquals(zeros([2]).device.name, "cpu");
 * assertThrows(() => setDefaultDevice("abacus"));
 * ```
 */
export function setDefaultDevice(device: Device | string): void {
  installDevice(deviceNamed("setDefaultDevice", device));
}

/** Moves to a GPU: at once. See the other form. */
export function toDevice<T>(x: T, device: "gpu" | AsyncDevice): T;
/** Moves to the CPU: a promise, since what lives on a GPU must be read. See the other form. */
export function toDevice<T>(x: T, device: "cpu"): Promise<T>;
/**
 * The same tensor on another device, or a tree of them. What is there already is returned as it is; numbers and booleans
 * in trees are, too, since they adopt the device of the tensors that they meet.
 *
 * Values go to a GPU without waiting. To the CPU they come by a promise: reading is async, and only reading is; several
 * tensors are read together. `await` does for both.
 *
 * @param x A tensor or a tree of tensors; not inside a transform, which would have to move derivatives back.
 * @param device A device, or its name: `"cpu"`, or `"gpu"` after `await gpu()`.
 * @throws {TypeError} If there is no device of this name, or a tensor is traced by a transform.
 *
 * @example Usage
 * ```ts
 * import { tensor, toDevice } from "@pullback/pullback";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { w: tensor([1, 2]), scale: 3 };
 * const moved = await toDevice(params, "cpu");
 * assertEquals(moved.w.device.name, "cpu");
 * assertEquals(moved.w.arraySync(), [1, 2]);
 * assertEquals(moved.scale, 3);
 * ```
 */
export function toDevice<T>(x: T, device: Device | string): T | Promise<T>;
export function toDevice<T>(x: T, device: Device | string): T | Promise<T> {
  const to = deviceNamed("toDevice", device);
  const { leaves, structure } = takeApart("toDevice", x, "move them by themselves");
  const moved = new Map<TensorLike, TensorLike | Promise<TensorLike>>();
  for (const leaf of leaves) if (!moved.has(leaf)) moved.set(leaf, leaf instanceof Tensor ? move(leaf, to) : leaf);
  const results = leaves.map((leaf) => moved.get(leaf)!);
  const isThere = to.readSync === null && !results.some((result) => result instanceof Promise);
  if (isThere) return putTogether(structure, results) as T;
  return Promise.all(results).then((all) => putTogether(structure, all) as T);
}

function move(x: Tensor, to: Backend): Tensor | Promise<Tensor> {
  if (!(x instanceof ConcreteTensor)) {
    const { transform } = (x as Tracer).trace;
    throw new TypeError(
      `toDevice() cannot move ${typeString(x.type)} inside ${transform}(): move values before, and pass them in`,
    );
  }
  if (x.device === to) return x;
  const values = x.device.readSync?.(x);
  if (values !== undefined) return to.upload(values, x.type);
  return x.device.read(x).then((values) => to.upload(values, x.type));
}
