// Algebra on scalar expressions: every rule, and whole expressions, keep every bit for values of every kind.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { compileScalar } from "../cpu/reference_scalar.ts";
import { type Rule, rules, type Terms } from "../jit/scalar_rules.ts";
import { simplifyScalar } from "../jit/simplify_scalar.ts";
import { allocateArray, type DType, dtypes, highest, isFloat, kindOf, lowest, toDType } from "../ops/dtype.ts";
import * as s from "../ops/scalar.ts";
import type { Scalar } from "../ops/scalar.ts";
import { check } from "./property.ts";

/** The smallest number above 0, the smallest of full precision, and the largest. */
const extremes: Readonly<Record<string, readonly [number, number, number]>> = {
  float32: [2 ** -149, 2 ** -126, (2 - 2 ** -23) * 2 ** 127],
  float64: [2 ** -1074, 2 ** -1022, Number.MAX_VALUE],
};

/** Values of a dtype of every kind that an operation may treat in a way of its own. */
function valuesOf(dtype: DType): readonly number[] {
  if (dtype === "bool") return [0, 1];
  if (kindOf(dtype) === "integer") {
    const all = [0, 1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 255, 65536, 2 ** 24 + 1, 2 ** 30, 2 ** 31 - 1, 2 ** 31];
    const some = [...all, ...all.map((n) => -n), lowest(dtype), highest(dtype)].map((n) => toDType(n, dtype));
    return different(some);
  }
  const [tiny, normal, huge] = extremes[dtype] ?? [2 ** -24, 2 ** -14, 65504];
  const positive = [0, tiny, 3 * tiny, normal - tiny, normal, 3 * normal, 0.1, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 1e3]
    .concat([2 ** 15, 2 ** 24 + 1, 2 ** 52 + 1, 1e30, huge / 2, huge, Infinity]);
  return different([NaN, ...positive, ...positive.map((x) => -x)].map((x) => toDType(x, dtype)));
}

/** Each value once, 0 and −0 both. */
function different(values: readonly number[]): readonly number[] {
  return values.filter((value, i) => !values.slice(0, i).some((other) => Object.is(other, value)));
}

/** An expression as a function of its inputs. */
function compiled(body: Scalar, types: readonly DType[]): (inputs: readonly number[]) => number {
  const arrays = types.map((dtype) => allocateArray(dtype, 1));
  const evaluate = compileScalar(body, arrays);
  const [offsets, index] = [new Int32Array(types.length), Int32Array.of(3, 5)];
  return (inputs) => {
    inputs.forEach((value, i) => arrays[i]![0] = value);
    return evaluate(offsets, index);
  };
}

const termNames = ["x", "y", "z", "c", "k", "l"] as const;

/** The terms that a rule speaks of. */
function termsOf(rule: Rule, dtype: DType): string[] {
  const asked = new Set<string>();
  const terms = new Proxy({} as Terms, {
    get(_, name: string) {
      asked.add(name);
      return isConstant(name) ? s.constant(2, dtype) : s.input(termNames.indexOf(name as "x"), typeOf(name, dtype));
    },
  });
  rule.from(terms);
  return [...asked];
}

function isConstant(name: string): boolean {
  return name === "k" || name === "l";
}

function typeOf(name: string, dtype: DType): DType {
  return name === "c" ? "bool" : dtype;
}

/** Every way to choose one value of each list. */
function* product(lists: readonly (readonly number[])[]): Generator<number[]> {
  const [first, ...others] = lists;
  if (first === undefined) return yield [];
  for (const value of first) for (const rest of product(others)) yield [value, ...rest];
}

/** The first values for which a rule does not hold, in words; null if it holds. Counts the cases. */
function refute(rule: Rule, dtype: DType): { readonly cases: number; readonly failure: string | null } {
  const names = termsOf(rule, dtype);
  const inputs = names.filter((name) => !isConstant(name));
  const constants = names.filter(isConstant);
  const types = inputs.map((name) => typeOf(name, dtype));
  let cases = 0;
  for (const chosen of product(constants.map(() => valuesOf(dtype).filter((value) => rule.when(value, dtype))))) {
    const terms = Object.fromEntries([
      ...inputs.map((name, i) => [name, s.input(i, types[i]!)]),
      ...constants.map((name, i) => [name, s.constant(chosen[i]!, dtype)]),
    ]) as unknown as Terms;
    const [before, after] = [compiled(rule.from(terms), types), compiled(rule.to(terms), types)];
    for (const values of product(types.map(valuesOf))) {
      cases++;
      const [expected, actual] = [before(values), after(values)];
      if (Object.is(expected, actual)) continue;
      return { cases, failure: `${constants} = ${chosen}, ${inputs} = ${values}: ${actual}, not ${expected}` };
    }
  }
  return { cases, failure: null };
}

Deno.test("scalar rules: each keeps every bit, for values of every kind of every dtype it names", () => {
  for (const rule of rules) {
    assert(rule.dtypes.length > 0, rule.name);
    for (const dtype of rule.dtypes) {
      const { cases, failure } = refute(rule, dtype);
      assertEquals(failure, null, `${rule.name} for ${dtype}`);
      assert(cases > 0, `${rule.name} was never tried for ${dtype}`);
    }
  }
});

Deno.test("scalar rules: the trial finds what does not hold", () => {
  const wrong: readonly (readonly [name: string, dtype: DType, from: Rule["from"], to: Rule["to"]])[] = [
    ["x+0 = x, but for −0", "float32", ({ x }) => s.binary("add", x, s.constant(0, "float32")), ({ x }) => x],
    [
      "x·0 = 0, but for NaN",
      "float64",
      ({ x }) => s.binary("mul", x, s.constant(0, "float64")),
      () => s.constant(0, "float64"),
    ],
    ["x−x = 0, but for ∞", "float32", ({ x }) => s.binary("sub", x, x), () => s.constant(0, "float32")],
    [
      "x/k = x·(1/k), but for rounding",
      "float32",
      ({ x, k }) => s.binary("div", x, k),
      ({ x, k }) => s.binary("mul", x, s.binary("div", s.constant(1, "float32"), k)),
    ],
    [
      "|−x| = |x|, but for uint32",
      "uint32",
      ({ x }) => s.unary("abs", s.unary("neg", x)),
      ({ x }) => s.unary("abs", x),
    ],
    [
      "rem(x, 2ⁿ) = x & (2ⁿ−1), but below 0",
      "int32",
      ({ x }) => s.binary("rem", x, s.constant(4, "int32")),
      ({ x }) => s.binary("and", x, s.constant(3, "int32")),
    ],
  ];
  for (const [name, dtype, from, to] of wrong) {
    const { failure } = refute({ name, dtypes: [dtype], from, to, when: () => true, because: "" }, dtype);
    assert(failure !== null, name);
  }
});

Deno.test("scalar rules: each is applied, and has a name of its own", () => {
  assertEquals(new Set(rules.map(({ name }) => name)).size, rules.length);
  for (const rule of rules) {
    for (const dtype of rule.dtypes) {
      const k = valuesOf(dtype).find((value) => value > 4 && rule.when(value, dtype)) ??
        valuesOf(dtype).find((value) => rule.when(value, dtype))!;
      const terms: Terms = {
        x: s.input(0, dtype),
        y: s.input(1, dtype),
        z: s.input(2, dtype),
        c: s.input(3, "bool"),
        k: s.constant(k, dtype),
        l: s.constant(k, dtype),
      };
      const [before, after] = [rule.from(terms), rule.to(terms)];
      const simple = simplifyScalar(before);
      assertEquals(s.scalarKey(simple), s.scalarKey(simplifyScalar(after)), `${rule.name} for ${dtype}`);
      assert(sizeOf(simple) <= 1 && sizeOf(simple) <= sizeOf(before), `${rule.name} for ${dtype} makes more`);
    }
  }
});

/** How many operations there are. */
function sizeOf(body: Scalar): number {
  return s.topological(body).filter(({ args }) => args.length > 0).length;
}

/** What of an expression's operations may be drawn: name, operands, and the dtypes they take. */
const unaryOps: readonly s.UnaryOp[] = ["neg", "abs", "sign", "floor", "ceil", "trunc", "round", "not", "sqrt", "exp"];
// deno-fmt-ignore
const binaryOps: readonly s.BinaryOp[] = [
  "add", "sub", "mul", "div", "rem", "min", "max", "pow", "and", "or", "xor", "shl", "shr", "eq", "ne", "lt", "le",
];

function takes(op: s.UnaryOp | s.BinaryOp, dtype: DType): boolean {
  switch (op) {
    case "sqrt":
    case "exp":
      return isFloat(dtype);
    case "and":
    case "or":
    case "xor":
    case "not":
      return !isFloat(dtype);
    case "shl":
    case "shr":
      return kindOf(dtype) === "integer";
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "min":
    case "max":
      return true;
    default:
      return dtype !== "bool";
  }
}

interface Drawn {
  readonly body: Scalar;
  readonly inputs: readonly number[];
  readonly types: readonly DType[];
}

/** One choice for each node: what it is and of which earlier ones. */
interface Choice {
  readonly kind: number;
  readonly op: number;
  readonly of: readonly [number, number, number];
}

/** Expressions of up to thirty nodes over four inputs of values of every kind. */
function expressions(): fc.Arbitrary<Drawn> {
  const number = fc.nat(9999);
  const choice = fc.record({ kind: number, op: number, of: fc.tuple(number, number, number) });
  const types = fc.array(fc.constantFrom(...dtypes), { minLength: 4, maxLength: 4 });
  return fc.noBias(
    fc.tuple(
      types,
      fc.array(number, { minLength: 4, maxLength: 4 }),
      fc.array(choice, {
        minLength: 1,
        maxLength: 30,
        size: "max",
      }),
    ).map(([types, values, choices]) => ({
      body: choices.reduce(grow, types.map((dtype, i) => s.input(i, dtype))).at(-1)!,
      inputs: values.map((n, i) => pick(valuesOf(types[i]!), n)),
      types,
    })),
  );
}

function pick<T>(list: readonly T[], n: number): T {
  return list[n % list.length]!;
}

function grow(nodes: readonly Scalar[], choice: Choice): readonly Scalar[] {
  return [...nodes, nodeFrom(nodes, choice)];
}

function nodeFrom(nodes: readonly Scalar[], { kind, op, of }: Choice): Scalar {
  // Late nodes first, so that little of an expression is unused.
  const late = (list: readonly Scalar[], n: number) => list[list.length - 1 - n % Math.min(list.length, 5)]!;
  const a = late(nodes, of[0]);
  const like = nodes.filter(({ dtype }) => dtype === a.dtype);
  const constantLike = s.constant(pick(valuesOf(a.dtype), of[2]), a.dtype);
  const b = of[1] % 3 === 0 ? constantLike : late(like, of[1]);
  switch (kind % 8) {
    case 0:
    case 1:
      return s.unary(pick(unaryOps.filter((op) => takes(op, a.dtype)), op), a);
    case 2:
      return s.cast(a, pick(dtypes, op));
    case 3: {
      const conditions = nodes.filter(({ dtype }) => dtype === "bool");
      return s.select(conditions.length === 0 ? s.cast(a, "bool") : late(conditions, of[2]), a, b);
    }
    default: {
      const made = pick(binaryOps.filter((op) => takes(op, a.dtype)), op);
      return of[2] % 2 === 0 ? s.binary(made, a, b) : s.binary(made, b, a);
    }
  }
}

Deno.test("simplifyScalar: keeps every bit of expressions over values of every kind, adds nothing and leaves nothing to do", () => {
  check(expressions(), ({ body, inputs, types }) => {
    const simple = simplifyScalar(body);
    assertEquals(simple.dtype, body.dtype);
    assertEquals(compiled(simple, types)(inputs), compiled(body, types)(inputs));
    assertEquals(s.scalarKey(simplifyScalar(simple)), s.scalarKey(simple));
    assert(sizeOf(simple) <= sizeOf(body));
  }, { share: 30 });
});

Deno.test("simplifyScalar: equal parts are computed once, whichever operand comes first", () => {
  const [x, y] = [s.input(0, "float32"), s.input(1, "float32")];
  const again = s.input(0, "float32");
  const body = s.binary("sub", s.unary("exp", s.binary("mul", x, y)), s.unary("exp", s.binary("mul", y, again)));
  assertEquals(s.topological(simplifyScalar(body)).map(({ op }) => op), ["input", "input", "mul", "exp", "sub"]);
});

Deno.test("simplifyScalar: constants are folded where every machine finds the same", () => {
  const [two, three] = [s.constant(2, "float32"), s.constant(3, "float32")];
  assertEquals(simplifyScalar(s.binary("div", two, three)), s.constant(Math.fround(2 / 3), "float32"));
  assertEquals(simplifyScalar(s.binary("lt", two, three)), s.constant(1, "bool"));
  assertEquals(simplifyScalar(s.unary("exp", s.binary("add", two, three))).op, "exp");
  assertEquals(
    simplifyScalar(s.cast(s.constant(-1, "float32"), "uint32")),
    s.constant(0, "uint32"),
  );
});

Deno.test("simplifyScalar: the remainder that mod() makes by a power of two is a mask", () => {
  const x = s.input(0, "int32");
  const [eight, zero] = [s.constant(8, "int32"), s.constant(0, "int32")];
  const r = s.binary("rem", x, eight);
  const signsDiffer = s.binary("ne", s.binary("lt", r, zero), s.binary("lt", eight, zero));
  const mod = s.select(s.binary("and", s.binary("ne", r, zero), signsDiffer), s.binary("add", r, eight), r);
  assertEquals(simplifyScalar(mod), s.binary("and", x, s.constant(7, "int32")));
});
