/** The WGSL functions that a module calls, and literals: what generated text takes from outside itself. */

import { angles } from "./angles.ts";
import { bits } from "./bits.ts";
import { exponentials } from "./exponentials.ts";
import { integers } from "./integers.ts";
import { powers } from "./powers.ts";
import { special } from "./special.ts";
import { noFloat64 } from "../storage.ts";
import { type DType, toDType } from "../../ops/dtype.ts";

/** The text of functions by name. Each names the others that it calls as it calls them. */
export type Definitions = Readonly<Record<string, string>>;

const families: readonly Definitions[] = [bits, integers, powers, exponentials, angles, special];

function definitionOf(name: string): string | undefined {
  return families.find((family) => Object.hasOwn(family, name))?.[name];
}

/** The functions that a module calls, with those that they call. */
export class Functions {
  /** In an order in which each comes after what it calls. */
  readonly #texts = new Map<string, string>();

  /** Notes that a function is called; returns its name in WGSL. */
  use(name: string): string {
    if (this.#texts.has(name)) return name;
    const text = definitionOf(name);
    if (text === undefined) throw new Error(`Functions.use() found no function ${name}`);
    for (const [, called] of text.matchAll(/\b(\w+)\(/g)) {
      if (called !== name && definitionOf(called!) !== undefined) this.use(called!);
    }
    this.#texts.set(name, text.trim());
    return name;
  }

  /** All of them, each once. */
  get text(): string {
    return [...this.#texts.values()].map((text) => `${text}\n`).join("\n");
  }
}

/**
 * A number as WGSL, of the type in which values of the dtype are computed, exactly. NaN and ∞ come from functions,
 * since WGSL refuses constant expressions of these values.
 */
export function literal(value: number, dtype: DType, functions: Functions): string {
  const stored = toDType(value, dtype);
  switch (dtype) {
    case "float64":
      throw noFloat64();
    case "bool":
      return stored === 0 ? "false" : "true";
    case "uint32":
      return `${stored}u`;
    case "int32":
      // There is no positive literal to negate.
      if (stored === -(2 ** 31)) return "i32(-2147483648)";
      return stored < 0 ? `(${stored}i)` : `${stored}i`;
    default:
      return floatLiteral(stored, functions);
  }
}

function floatLiteral(value: number, functions: Functions): string {
  if (Number.isNaN(value)) return `${functions.use("nan_f32")}()`;
  if (value === Infinity) return `${functions.use("infinity_f32")}()`;
  if (value === -Infinity) return `(-${functions.use("infinity_f32")}())`;
  // Compilers may take −0 for 0, and subnormal numbers for 0: in expressions that they evaluate, by their bits, too.
  if (value === 0 || Math.abs(value) < 2 ** -126) {
    if (Object.is(value, 0)) return "0.0f";
    const [word] = new Uint32Array(Float32Array.of(value).buffer);
    return `${functions.use("ofBits_f32")}(0x${word!.toString(16)}u)`;
  }
  const digits = /[.e]/.test(`${value}`) ? `${value}f` : `${value}.0f`;
  return value < 0 ? `(${digits})` : digits;
}
