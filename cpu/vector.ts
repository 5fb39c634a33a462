/**
 * Scalar expressions as vector code, four elements at a time in 32-bit lanes. Floats and integers are themselves, float16
 * is the same number in float32; a bool is a mask, all ones or all zeros. Operations without vector code call JavaScript, lane by lane.
 */

import { f64, i32, type Local, type Op } from "./assembler.ts";
import { roundToHalf } from "./half.ts";
import type { Lanes } from "./lanes.ts";
import * as math from "./math.ts";
import * as angles from "./math_angles.ts";
import * as gamma from "./math_gamma.ts";
import * as doubles from "./math_in_double.ts";
import { integerFunctions, scalarFunctions } from "../ops/scalar_functions.ts";
import { type DType, isFloat, toDType } from "../ops/dtype.ts";
import type { BinaryOp, Scalar, UnaryOp } from "../ops/scalar.ts";

/** An operation on values in locals; `nodes` are the argument expressions, for those that gain from a constant. */
type Emit = (v: Lanes, args: readonly Local[], nodes: readonly Scalar[]) => Local;
type Operations = { readonly [Op in UnaryOp | BinaryOp]?: Emit };

function plain(op: Op): Emit {
  return (v, args) => v.op(op, ...args);
}

function unaryMath(f: (v: Lanes, x: Local) => Local): Emit {
  return (v, [x]) => f(v, x!);
}

const same: Emit = (_, [x]) => x!;

const floatOperations: Operations = {
  add: plain("f32x4.add"),
  sub: plain("f32x4.sub"),
  mul: plain("f32x4.mul"),
  div: plain("f32x4.div"),
  min: (v, [a, b], nodes) => beyondConstant(v, "min", a!, b!, nodes) ?? v.op("f32x4.min", a!, b!),
  max: (v, [a, b], nodes) => beyondConstant(v, "max", a!, b!, nodes) ?? v.op("f32x4.max", a!, b!),
  eq: plain("f32x4.eq"),
  ne: plain("f32x4.ne"),
  lt: plain("f32x4.lt"),
  le: plain("f32x4.le"),
  neg: plain("f32x4.neg"),
  abs: plain("f32x4.abs"),
  sqrt: plain("f32x4.sqrt"),
  floor: plain("f32x4.floor"),
  ceil: plain("f32x4.ceil"),
  trunc: plain("f32x4.trunc"),
  round: plain("f32x4.nearest"),
  sign: (v, [x]) => {
    const one = v.op("v128.or", v.float(1), v.op("v128.and", x!, v.word(-0x80000000)));
    return v.choose(v.op("f32x4.lt", v.float(0), v.op("f32x4.abs", x!)), one, x!);
  },
  exp: unaryMath(math.exp),
  exp2: unaryMath(math.exp2),
  expm1: unaryMath(math.expm1),
  log: unaryMath(math.log),
  log2: unaryMath(math.log2),
  log10: unaryMath(math.log10),
  log1p: unaryMath(math.log1p),
  sinh: unaryMath(math.sinh),
  cosh: unaryMath(math.cosh),
  tanh: unaryMath(math.tanh),
  sin: unaryMath(angles.sin),
  cos: unaryMath(angles.cos),
  tan: unaryMath(angles.tan),
  asin: unaryMath(doubles.asin),
  acos: unaryMath(doubles.acos),
  atan: unaryMath(doubles.atan),
  asinh: unaryMath(doubles.asinh),
  acosh: unaryMath(doubles.acosh),
  atanh: unaryMath(doubles.atanh),
  cbrt: unaryMath(doubles.cbrt),
  erf: unaryMath(doubles.erf),
  erfc: unaryMath(doubles.erfc),
  erfinv: unaryMath(doubles.erfinv),
  lgamma: unaryMath(gamma.lgamma),
  digamma: unaryMath(gamma.digamma),
  pow: (v, [x, y]) => doubles.pow(v, x!, y!),
  atan2: (v, [y, x]) => doubles.atan2(v, y!, x!),
  rem: (v, [a, b]) => doubles.rem(v, a!, b!),
};

const integerOperations: Operations = {
  add: plain("i32x4.add"),
  sub: plain("i32x4.sub"),
  mul: plain("i32x4.mul"),
  eq: plain("i32x4.eq"),
  ne: plain("i32x4.ne"),
  neg: plain("i32x4.neg"),
  not: plain("v128.not"),
  and: plain("v128.and"),
  or: plain("v128.or"),
  xor: plain("v128.xor"),
  floor: same,
  ceil: same,
  trunc: same,
  round: same,
  shl: shift("i32x4.shl", "i32.shl"),
};

const operations: { readonly [D in LaneType]: Operations } = {
  float32: floatOperations,
  float16: floatOperations,
  int32: {
    ...integerOperations,
    min: plain("i32x4.min_s"),
    max: plain("i32x4.max_s"),
    lt: plain("i32x4.lt_s"),
    le: plain("i32x4.le_s"),
    abs: plain("i32x4.abs"),
    sign: (v, [x]) => v.op("i32x4.min_s", v.op("i32x4.max_s", x!, v.word(-1)), v.word(1)),
    shr: shift("i32x4.shr_s", "i32.shr_s"),
    div: divideSigned,
    rem: remainder("i32.rem_s"),
  },
  uint32: {
    ...integerOperations,
    min: plain("i32x4.min_u"),
    max: plain("i32x4.max_u"),
    lt: plain("i32x4.lt_u"),
    le: plain("i32x4.le_u"),
    abs: same,
    sign: (v, [x]) => v.op("i32x4.min_u", x!, v.word(1)),
    shr: shift("i32x4.shr_u", "i32.shr_u"),
    div: divideUnsigned,
    rem: remainder("i32.rem_u"),
  },
  bool: {
    add: plain("v128.or"),
    sub: plain("v128.xor"),
    mul: plain("v128.and"),
    min: plain("v128.and"),
    max: plain("v128.or"),
    and: plain("v128.and"),
    or: plain("v128.or"),
    xor: plain("v128.xor"),
    not: plain("v128.not"),
    eq: plain("i32x4.eq"),
    ne: plain("v128.xor"),
    lt: (v, [a, b]) => v.op("v128.andnot", b!, a!),
    le: (v, [a, b]) => v.op("v128.or", v.op("v128.not", a!), b!),
    neg: same,
    abs: same,
    sign: same,
  },
};

/**
 * The extreme of a value and a constant by one instruction, which returns the value where neither is beyond the other:
 * right for NaN, but for zeros of different sign only by luck.
 */
function beyondConstant(v: Lanes, op: "min" | "max", a: Local, b: Local, nodes: readonly Scalar[]): Local | null {
  const [first, second] = nodes;
  if (first?.op === "const") return second?.op === "const" ? null : beyondConstant(v, op, b, a, [second!, first]);
  if (second?.op !== "const" || Number.isNaN(second.value)) return null;
  const bound = toDType(second.value, second.dtype);
  if (op === "min") return Object.is(bound, -0) ? null : v.op("f32x4.pmin", a, b);
  // Adding 0 makes −0 into 0.
  return v.op("f32x4.pmax", Object.is(bound, 0) ? v.op("f32x4.add", a, b) : a, b);
}

/** Vector shifts take one distance for all lanes; distances that differ are shifted one by one. */
function shift(vector: "i32x4.shl" | "i32x4.shr_s" | "i32x4.shr_u", scalar: Op): Emit {
  const keepsSign = vector === "i32x4.shr_s";
  return (v, [x, distance], nodes) => {
    const by = nodes[1]!;
    if (by.op === "const") {
      const constant = by.value >>> 0;
      if (constant > 31 && !keepsSign) return v.word(0);
      return v.shift(vector, x!, Math.min(constant, 31));
    }
    const near = v.op("i32x4.min_u", distance!, v.word(31));
    const shifted = laneByLane(v, scalar, x!, near);
    return keepsSign ? shifted : v.op("v128.and", shifted, v.op("i32x4.eq", near, distance!));
  };
}

/** Division and remainder trap at 0, and so does the division of the lowest integer by −1. */
function nonZero(v: Lanes, x: Local): Local {
  return v.op("i32x4.sub", x, v.op("i32x4.eq", x, v.word(0)));
}

function remainder(scalar: "i32.rem_s" | "i32.rem_u"): Emit {
  return (v, [a, b]) => laneByLane(v, scalar, a!, nonZero(v, b!));
}

function divideUnsigned(v: Lanes, [a, b]: readonly Local[]): Local {
  return v.op("v128.and", laneByLane(v, "i32.div_u", a!, nonZero(v, b!)), v.op("i32x4.ne", b!, v.word(0)));
}

function divideSigned(v: Lanes, [a, b]: readonly Local[]): Local {
  const negates = v.op("i32x4.eq", b!, v.word(-1));
  const divided = laneByLane(v, "i32.div_s", a!, v.choose(negates, v.word(1), nonZero(v, b!)));
  const quotient = v.choose(negates, v.op("i32x4.neg", a!), divided);
  return v.op("v128.and", quotient, v.op("i32x4.ne", b!, v.word(0)));
}

/** A scalar instruction that vectors do not have. */
function laneByLane(v: Lanes, op: Op, a: Local, b: Local): Local {
  const result = v.temporary();
  v.f.get(a).set(result);
  for (let lane = 0; lane < 4; lane++) {
    v.f.get(result).get(a).lane("i32x4.extract_lane", lane).get(b).lane("i32x4.extract_lane", lane).op(op);
    v.f.lane("i32x4.replace_lane", lane).set(result);
  }
  return result;
}

/** `op` of each lane by JavaScript. Floats travel as f64, the type that JavaScript computes in; the rest as i32. */
function callLanes(v: Lanes, op: UnaryOp | BinaryOp, dtype: DType, args: readonly Local[]): Local {
  const { f } = v;
  const type = isFloat(dtype) ? f64 : i32;
  const index = v.importIndex({ name: `${op} ${dtype}`, params: args.map(() => type), results: [type] });
  const result = v.temporary();
  f.get(v.word(0)).set(result);
  for (let lane = 0; lane < 4; lane++) {
    f.get(result);
    for (const arg of args) {
      f.get(arg);
      if (isFloat(dtype)) f.lane("f32x4.extract_lane", lane).op("f64.promote_f32");
      else f.lane("i32x4.extract_lane", lane);
    }
    f.call(index);
    if (isFloat(dtype)) f.op("f32.demote_f64").lane("f32x4.replace_lane", lane);
    else f.lane("i32x4.replace_lane", lane);
    f.set(result);
  }
  return result;
}

/** The function that an import by `callLanes` names. Bools come and go as masks. */
export function importedFunction(name: string): (...args: number[]) => number {
  const [op, dtype] = name.split(" ") as [UnaryOp | BinaryOp, DType];
  const f = (isFloat(dtype) ? scalarFunctions : integerFunctions)[op] as (...args: number[]) => number;
  if (dtype === "float16") return (...args) => Math.f16round(f(...args));
  if (isFloat(dtype)) return f;
  return (...args) => {
    const result = toDType(f(...args.map((x) => toDType(x, dtype))), dtype);
    return dtype === "bool" ? -result : result;
  };
}

function castLanes(v: Lanes, x: Local, from: DType, to: DType): Local {
  if (to === "bool") return isFloat(from) ? v.op("f32x4.ne", x, v.float(0)) : v.op("i32x4.ne", x, v.word(0));
  if (from === "bool") return v.op("v128.and", x, isFloat(to) ? v.float(1) : v.word(1));
  if (isFloat(from) && isFloat(to)) return x;
  if (isFloat(from)) return v.op(to === "int32" ? "i32x4.trunc_sat_f32x4_s" : "i32x4.trunc_sat_f32x4_u", x);
  if (isFloat(to)) return v.op(from === "int32" ? "f32x4.convert_i32x4_s" : "f32x4.convert_i32x4_u", x);
  return x;
}

/** A constant as its lanes hold it. */
export function constantLanes(v: Lanes, value: number, dtype: DType): Local {
  const stored = toDType(value, dtype);
  return isFloat(dtype) ? v.float(stored) : v.word(dtype === "bool" ? -stored : stored);
}

/** The dtypes that lanes hold. */
export type LaneType = Exclude<DType, "float64">;

export function isLaneType(dtype: DType): dtype is LaneType {
  return dtype !== "float64";
}

/** `op` of values of one dtype. */
export function applyLanes(
  v: Lanes,
  op: UnaryOp | BinaryOp,
  dtype: LaneType,
  args: readonly Local[],
  nodes: readonly Scalar[] = [],
): Local {
  return operations[dtype][op]?.(v, args, nodes) ?? callLanes(v, op, dtype, args);
}

/** Operations whose results are numbers that float16 has, if their arguments are. */
const exactInHalf: ReadonlySet<Scalar["op"]> = new Set<Scalar["op"]>([
  "const",
  "select",
  "neg",
  "abs",
  "sign",
  "floor",
  "ceil",
  "trunc",
  "round",
  "min",
  "max",
  "rem",
]);

/** Computes a node whose arguments are in `values`. What is float16 is computed in float32, and rounded at once. */
export function emitNode(v: Lanes, node: Scalar, values: ReadonlyMap<Scalar, Local>): Local {
  const result = emitUnrounded(v, node, values);
  return node.dtype === "float16" && !exactInHalf.has(node.op) ? roundToHalf(v, result) : result;
}

function emitUnrounded(v: Lanes, node: Scalar, values: ReadonlyMap<Scalar, Local>): Local {
  const args = node.args.map((arg) => values.get(arg)!);
  switch (node.op) {
    case "input":
    case "index":
      throw new Error("inputs are loaded before a body is computed");
    case "const":
      return constantLanes(v, node.value, node.dtype);
    case "select":
      return v.choose(args[0]!, args[1]!, args[2]!);
    case "cast":
      return castLanes(v, args[0]!, node.args[0]!.dtype, node.dtype);
    default:
      return applyLanes(v, node.op, node.args[0]!.dtype as LaneType, args, node.args);
  }
}
