/** Writes one shader: its buffers, its parameters, and the text of its entry point. */

import { Functions } from "./functions/library.ts";
import type { Binding, Dispatch, Machine } from "./kernel.ts";
import { computeType, Names } from "./scalar.ts";
import { storageType } from "./storage.ts";
import type { Place } from "../jit/place.ts";
import type { DType } from "../ops/dtype.ts";
import { type Shape, sizeOf } from "../ops/shape.ts";

/** A buffer in a shader. Indices count elements, or vectors of four where it was declared so. */
export interface Access {
  /** An element as it is computed with; of a vector, four of them as an expression of `vec4`. */
  load(index: string): string;
  /** A statement. */
  store(index: string, value: string): string;
}

/** The variables of an entry point: `group` and `groups` are vectors, `thread` is the position in the workgroup. */
const builtins = [
  "@builtin(workgroup_id) group: vec3u",
  "@builtin(num_workgroups) groups: vec3u",
  "@builtin(local_invocation_index) thread: u32",
].join(", ");

export class ShaderWriter {
  readonly functions: Functions = new Functions();
  readonly names: Names = new Names();
  readonly #machine: Machine;
  readonly #bindings: Binding[] = [];
  readonly #declarations: string[] = [];
  readonly #accesses = new Map<string, Access>();
  readonly #parameters: number[] = [];
  readonly #parameterOf = new Map<string, number>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The buffer of an input. */
  reads(x: Place, width: 1 | 4 = 1): Access {
    return this.#declare(x, width, false);
  }

  /** The buffer of an output or a temporary. */
  writes(x: Place, width: 1 | 4 = 1): Access {
    return this.#declare(x, width, true);
  }

  /** A number below 2^32 as an expression: a constant, or a parameter. A negative one is itself modulo 2^32. */
  number(value: number, name?: string): string {
    return this.#machine.parametric ? this.parameter(value, name) : `${value >>> 0}u`;
  }

  /**
   * A number that is no constant: where knowing it would not make the code faster, more sizes can share it. Equal numbers
   * are one parameter, or those of one name: the text does not depend on which are equal by chance then.
   */
  parameter(value: number, name: string = `${value >>> 0}`): string {
    let n = this.#parameterOf.get(name);
    if (n === undefined) {
      n = this.#parameters.push(value >>> 0) - 1;
      this.#parameterOf.set(name, n);
    }
    return `p[${n >> 2}].${"xyzw"[n & 3]}`;
  }

  /** A declaration outside the entry point, such as memory that a workgroup shares. */
  declare(text: string): void {
    this.#declarations.push(text);
  }

  /**
   * Where an element lies in its buffer, for indices along all axes. Strides of 0 are part of the text, and those of 1
   * unless there is a name, with which those of parameters begin.
   */
  position({ strides, offset }: Pick<Place, "strides" | "offset">, indices: readonly string[], name?: string): string {
    const number = (value: number, what: string): string => this.number(value, name && `${name} ${what}`);
    const terms = strides.flatMap((stride, axis) => {
      if (stride === 0 || indices[axis] === "0u") return [];
      return stride === 1 && name === undefined
        ? [indices[axis]!]
        : [`${indices[axis]} * ${number(stride, `stride ${axis}`)}`];
    });
    if (offset !== 0) terms.push(number(offset, "offset"));
    return terms.length === 0 ? "0u" : terms.join(" + ");
  }

  /** Statements that take a row-major position apart, and the indices along the axes; axes of size 1 have index 0. */
  unravel(
    position: string,
    shape: Shape,
    name?: string,
  ): { readonly statements: string; readonly indices: readonly string[] } {
    const lines: string[] = [];
    const indices = new Array<string>(shape.length).fill("0u");
    const axes = [...shape.keys()].filter((axis) => shape[axis] !== 1);
    let rest = position;
    for (const axis of axes.reverse()) {
      if (axis === axes.at(-1)) {
        indices[axis] = rest;
        break;
      }
      const [index, next] = [this.names.fresh("i"), this.names.fresh("q")];
      const size = this.number(shape[axis]!, name && `${name} size ${axis}`);
      lines.push(`let ${next} = ${rest} / ${size};`, `let ${index} = ${rest} - ${next} * ${size};`);
      indices[axis] = index;
      rest = next;
    }
    return { statements: lines.join("\n"), indices };
  }

  /**
   * The shader with this body of an entry point, which may use `group`, `groups` and `thread`, and `subgroupSize` where
   * the machine has subgroups.
   */
  finish(
    label: string,
    threads: number | readonly [number, number],
    workgroups: readonly [number, number, number],
    body: string,
  ): Dispatch {
    const [x, y] = typeof threads === "number" ? [threads, 1] : threads;
    const parameters = [...this.#parameters];
    while (parameters.length % 4 !== 0) parameters.push(0);
    const usesSubgroups = /\bsubgroup[A-Z]/.test(body);
    const uses16 = this.#declarations.some((text) => /\bf16\b/.test(text));
    // No uniform: Mesa's software adapter would make a new shader, and keep it, for every dispatch that branches on one.
    const told = parameters.length === 0 ? [] : [
      `@group(0) @binding(${this.#bindings.length}) var<storage, read> p: array<vec4u, ${parameters.length / 4}>;`,
    ];
    const code = [
      ...(uses16 ? ["enable f16;"] : []),
      ...(usesSubgroups ? ["enable subgroups;"] : []),
      ...this.#declarations,
      ...told,
      this.functions.text,
      `@compute @workgroup_size(${x}, ${y})`,
      `fn main(${builtins}${usesSubgroups ? ", @builtin(subgroup_size) subgroupSize: u32" : ""}) {`,
      body,
      "}",
    ].filter((text) => text !== "").join("\n");
    return { label, code, bindings: this.#bindings, parameters, workgroups };
  }

  #declare(x: Place, width: 1 | 4, writes: boolean): Access {
    const { type: { dtype }, base } = x;
    const key = `${base} ${dtype} ${width} ${writes}`;
    const known = this.#accesses.get(key);
    if (known !== undefined) return known;
    const { wgsl } = storageType(dtype, this.#machine.hasFloat16);
    if (writes && width === 1 && this.#accesses.has(`${base} ${dtype} 4 true`)) {
      // What is written to may be bound once: single elements are those of its vectors.
      const n = this.#bindings.findIndex((binding) => binding.base === base && binding.writes);
      return accessOf((index) => `b${n}[(${index}) / 4u][(${index}) % 4u]`, dtype, wgsl, 1);
    }
    const n = this.#bindings.push({ base, writes }) - 1;
    const element = width === 1 ? wgsl : `vec4<${wgsl}>`;
    this.#declarations.push(
      `@group(0) @binding(${n}) var<storage, ${writes ? "read_write" : "read"}> b${n}: array<${element}>;`,
    );
    const access = accessOf((index) => `b${n}[${index}]`, dtype, wgsl, width);
    this.#accesses.set(key, access);
    return access;
  }
}

function accessOf(at: (index: string) => string, dtype: DType, stored: string, width: 1 | 4): Access {
  const vector = (type: string): string => width === 1 ? type : `vec4<${type}>`;
  if (dtype === "bool") {
    const [zero, one] = [`${vector("u32")}(0u)`, `${vector("u32")}(1u)`];
    return {
      load: (index) => `(${at(index)} != ${zero})`,
      store: (index, value) => `${at(index)} = select(${zero}, ${one}, ${value});`,
    };
  }
  const computed = computeType(dtype);
  if (computed === stored) {
    return { load: at, store: (index, value) => `${at(index)} = ${value};` };
  }
  return {
    load: (index) => `${vector(computed)}(${at(index)})`,
    store: (index, value) => `${at(index)} = ${vector(stored)}(${value});`,
  };
}

/** Threads in a workgroup where each has work of its own. */
const threadsAlone = 128;

/** A shader with a thread for each element of a shape: `body` is given its row-major position and its indices. */
export function forEachElement(
  writer: ShaderWriter,
  machine: Machine,
  label: string,
  shape: Shape,
  body: (position: string, indices: readonly string[]) => string,
): Dispatch {
  const count = sizeOf(shape);
  const { statements, indices } = writer.unravel("at", shape);
  const text = [
    `let at = ${groupNumber} * ${threadsAlone}u + thread;`,
    `if (at >= ${writer.parameter(count)}) { return; }`,
    statements,
    body("at", indices),
  ].filter((line) => line !== "").join("\n");
  return writer.finish(label, threadsAlone, grid(Math.ceil(count / threadsAlone), machine), text);
}

/** So many workgroups for `count` of them: in two dimensions where one is too few. */
export function grid(count: number, machine: Machine): readonly [number, number, number] {
  const most = machine.limits.workgroupsPerDimension;
  if (count <= most) return [count, 1, 1];
  const rows = Math.ceil(count / most);
  return [Math.ceil(count / rows), rows, 1];
}

/** The number of the workgroup, where `grid` laid them out. */
export const groupNumber = "(group.y * groups.x + group.x)";
