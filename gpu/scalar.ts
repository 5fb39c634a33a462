/**
 * Scalar expressions as WGSL: one statement for each node. What they mean is said in `ops/scalar.ts`; on top of that a
 * GPU may take subnormal numbers for 0 wherever it computes with them. neg, abs, sign, min, max, rem, comparisons,
 * select and moves keep them.
 */

import { type Functions, literal } from "./functions/library.ts";
import { noFloat64 } from "./storage.ts";
import { type DType, toDType } from "../ops/dtype.ts";
import { type BinaryOp, type Leaf, type Scalar, topological, type UnaryOp } from "../ops/scalar.ts";

/** A WGSL type in which values are computed. */
export type ComputeType = "f32" | "i32" | "u32" | "bool";

/** The WGSL type in which values of a dtype are computed: float16 is f32, rounded after every operation. */
export function computeType(dtype: DType): ComputeType {
  switch (dtype) {
    case "float32":
    case "float16":
      return "f32";
    case "int32":
      return "i32";
    case "uint32":
      return "u32";
    case "bool":
      return "bool";
    case "float64":
      throw noFloat64();
  }
}

/** Names of variables that a text has not yet. */
export class Names {
  #count = 0;

  /** `v0`, `v1` and so on, or with another letter. */
  fresh(stem = "v"): string {
    return `${stem}${this.#count++}`;
  }
}

/** An expression in WGSL: statements that declare variables, and what its value is after them. */
export interface Written {
  readonly statements: string;
  readonly result: string;
}

/** A leaf that is known where the kernel runs. */
export type Read = Exclude<Leaf, { readonly op: "const" }>;

/** A node that is computed. */
type Call = Exclude<Scalar, Leaf>;

/**
 * The statements that compute an expression, every shared node once. `leaf` gives the text of inputs and positions, of
 * their compute type; `functions` notes the functions that the text calls.
 */
export function writeScalar(body: Scalar, leaf: (node: Read) => string, names: Names, functions: Functions): Written {
  const statements: string[] = [];
  const declare = (text: string): string => {
    const name = names.fresh();
    statements.push(`let ${name} = ${text};`);
    return name;
  };
  const order = topological(body);
  const texts = new Map<Scalar, string>();
  for (const node of order) {
    if (node.op === "const") texts.set(node, literal(node.value, node.dtype, functions));
    else if (node.op === "input" || node.op === "index") {
      const text = leaf(node);
      texts.set(node, /^\w+$/.test(text) ? text : declare(text));
    } else {
      // What has constants alone would be computed by the compiler of WGSL, which refuses overflow.
      const isConstant = node.args.every((arg) => arg.op === "const");
      const args = node.args.map((arg) => isConstant ? declare(texts.get(arg)!) : texts.get(arg)!);
      texts.set(node, declare(writeCall(node, args, functions)));
    }
  }
  return { statements: statements.join("\n"), result: texts.get(body)! };
}

function writeCall(node: Call, args: readonly string[], functions: Functions): string {
  const [a, b, c] = args as [string, string, string];
  switch (node.op) {
    case "select":
      return `select(${c}, ${b}, ${a})`;
    case "cast":
      return writeCast(a, node.args[0]!.dtype, node.dtype, functions);
    default: {
      const type = computeType(node.args[0]!.dtype);
      if (type === "bool") return writeBool(node.op, a, b);
      if (type !== "f32") return writeInteger(node.op, type, args, functions);
      const text = writeFloat(node as Call & { readonly op: Operation }, args, functions);
      return node.dtype === "float16" ? `${functions.use("half_f32")}(${text})` : text;
    }
  }
}

type Operation = UnaryOp | BinaryOp;

function writeFloat(node: Call & { readonly op: Operation }, args: readonly string[], functions: Functions): string {
  const operator = arithmetic[node.op];
  if (operator === undefined) {
    if (integerOnly.has(node.op)) throw new TypeError(`gpu cannot compute ${node.op} of floats: only integers have it`);
    return `${functions.use(`${node.op}_f32`)}(${args.join(", ")})`;
  }
  return node.args.map((_, n) => hidden(node, n, args, functions)).join(` ${operator} `);
}

/**
 * An operand of a sum or a product, hidden where compilers of shaders would forget what floats are: they take (a + b) −
 * a for b, a − a for 0 though a may be infinite, 0·a for 0 and a + 0 for a, though a may be −0.
 */
function hidden(node: Call, n: number, args: readonly string[], functions: Functions): string {
  const [operand, other, text] = [node.args[n]!, node.args[1 - n]!, args[n]!];
  if (operand.op === "const" && toDType(operand.value, operand.dtype) === 0) {
    return `${functions.use("hideBy_f32")}(${text}, ${functions.use("nanWord_u32")}(${args[1 - n]}))`;
  }
  const isSum = operand.dtype === "float32" && (operand.op === "add" || operand.op === "sub");
  const isRepeated = n === 1 && operand === other;
  return node.op !== "mul" && (isSum || isRepeated) ? `${functions.use("hide_f32")}(${text})` : text;
}

/** What integers and floats both have an operator for, that is exact or rounded once. */
const arithmetic: Partial<Readonly<Record<Operation, string>>> = { add: "+", sub: "-", mul: "*" };
const integerOnly: ReadonlySet<Operation> = new Set(["and", "or", "xor", "shl", "shr", "not"]);

const integerOperators: Partial<Readonly<Record<Operation, string>>> = {
  ...arithmetic,
  and: "&",
  or: "|",
  xor: "^",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
};
const wholeAlready: ReadonlySet<Operation> = new Set(["floor", "ceil", "trunc", "round"]);
/** What WGSL's own functions do of integers without exception. */
const integerBuiltins: ReadonlySet<Operation> = new Set(["abs", "min", "max"]);
const integerCalls: ReadonlySet<Operation> = new Set(["div", "rem", "pow", "shl", "shr"]);

function writeInteger(op: Operation, type: "i32" | "u32", args: readonly string[], functions: Functions): string {
  const operator = integerOperators[op];
  if (operator !== undefined) return args.join(` ${operator} `);
  if (wholeAlready.has(op)) return args[0]!;
  if (integerBuiltins.has(op)) return `${op}(${args.join(", ")})`;
  if (integerCalls.has(op)) return `${functions.use(`${op}_${type}`)}(${args.join(", ")})`;
  switch (op) {
    case "not":
      return `~${args[0]}`;
    case "neg":
      return `${type === "i32" ? "0i" : "0u"} - ${args[0]}`;
    case "sign":
      return type === "i32" ? `sign(${args[0]})` : `min(${args[0]}, 1u)`;
    default:
      throw new TypeError(`gpu cannot compute ${op} of integers: cast() to float32 first`);
  }
}

/** Bools as the numbers 0 and 1, where all but 0 is true of the result. */
const boolRules: Partial<Readonly<Record<Operation, (a: string, b: string) => string>>> = {
  neg: (a) => a,
  abs: (a) => a,
  sign: (a) => a,
  not: (a) => `!${a}`,
  add: (a, b) => `${a} | ${b}`,
  sub: (a, b) => `${a} != ${b}`,
  mul: (a, b) => `${a} & ${b}`,
  min: (a, b) => `${a} & ${b}`,
  max: (a, b) => `${a} | ${b}`,
  pow: (a, b) => `${a} | !${b}`,
  and: (a, b) => `${a} & ${b}`,
  or: (a, b) => `${a} | ${b}`,
  xor: (a, b) => `${a} != ${b}`,
  eq: (a, b) => `${a} == ${b}`,
  ne: (a, b) => `${a} != ${b}`,
  lt: (a, b) => `!${a} & ${b}`,
  le: (a, b) => `!${a} | ${b}`,
};

function writeBool(op: Operation, a: string, b: string): string {
  const rule = boolRules[op];
  if (rule === undefined) throw new TypeError(`gpu cannot compute ${op} of bools: cast() to a number first`);
  return rule(a, b);
}

function writeCast(x: string, from: DType, to: DType, functions: Functions): string {
  const [source, target] = [computeType(from), computeType(to)];
  const call = (name: string): string => `${functions.use(name)}(${x})`;
  if (source === target && target !== "f32") return x;
  switch (target) {
    case "bool":
      return source === "f32" ? call("boolFromF32") : `${x} != ${source === "i32" ? "0i" : "0u"}`;
    case "f32": {
      if (source === "bool") return `select(0.0f, 1.0f, ${x})`;
      const number = source === "f32" ? x : call(source === "i32" ? "f32FromI32" : "f32FromU32");
      return to === "float16" ? `${functions.use("half_f32")}(${number})` : number;
    }
    default: {
      if (source === "f32") return call(`${target}FromF32`);
      const suffix = target === "i32" ? "i" : "u";
      return source === "bool" ? `select(0${suffix}, 1${suffix}, ${x})` : `bitcast<${target}>(${x})`;
    }
  }
}
