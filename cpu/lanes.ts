/** Vector code in three-address form: every operation takes locals and leaves its result in a local of its own. */

import { FunctionBuilder, type FunctionImport, i32, type Local, type Op, v128 } from "./assembler.ts";

type FourLanes = readonly [number, number, number, number];

/** Writes a function of i32 parameters. Numbers, which are constants, are written once at the function's start. */
export class Lanes {
  readonly f: FunctionBuilder;
  /** The JavaScript functions that the code calls: the module's imports. */
  readonly imports: FunctionImport[] = [];
  readonly #relaxed: boolean;
  readonly #temporaries: Local[] = [];
  #used = 0;

  /** With `relaxed`, products are fused with sums in polynomials: faster, and a little different on other machines. */
  constructor(params: number, relaxed: boolean) {
    this.f = new FunctionBuilder(new Array(params).fill(i32));
    this.#relaxed = relaxed;
  }

  /** Locals made in the body are dead after it, and used again. */
  scope<T>(body: () => T): T {
    const used = this.#used;
    const result = body();
    this.#used = used;
    return result;
  }

  temporary(): Local {
    const local = this.#temporaries[this.#used] ??= this.f.local(v128);
    this.#used++;
    return local;
  }

  /** Four equal floats. */
  float(value: number): Local {
    return this.f.constant(new Float32Array(4).fill(value));
  }

  /** Four equal integers. */
  word(value: number): Local {
    return this.f.constant(new Int32Array(4).fill(value));
  }

  words(...values: FourLanes): Local {
    return this.f.constant(new Int32Array(values));
  }

  /** Two equal doubles. */
  double(value: number): Local {
    return this.f.constant(new Float64Array(2).fill(value));
  }

  /** The vector on the stack, in a local. */
  take(): Local {
    const result = this.temporary();
    this.f.set(result);
    return result;
  }

  op(name: Op, ...args: readonly Local[]): Local {
    for (const arg of args) this.f.get(arg);
    this.f.op(name);
    return this.take();
  }

  shift(name: `i${"32x4" | "64x2"}.sh${"l" | "r_s" | "r_u"}`, x: Local, distance: number): Local {
    this.f.get(x).i32(distance).op(name);
    return this.take();
  }

  shuffle(a: Local, b: Local, lanes: FourLanes): Local {
    this.f.get(a).get(b).shuffle32(lanes);
    return this.take();
  }

  /** `mask ? a : b`, lane by lane. */
  choose(mask: Local, a: Local, b: Local): Local {
    return this.op("v128.bitselect", a, b, mask);
  }

  /** `a·b + c`, where a last bit more or less does not matter. */
  multiplyAdd(a: Local, b: Local, c: Local): Local {
    return this.#relaxed ? this.op("f32x4.relaxed_madd", a, b, c) : this.op("f32x4.add", this.op("f32x4.mul", a, b), c);
  }

  /** `c₀ + c₁x + c₂x² + …` by Horner's rule. */
  polynomial(x: Local, coefficients: readonly number[]): Local {
    return coefficients.slice(0, -1).reduceRight(
      (sum, c) => this.multiplyAdd(sum, x, this.float(c)),
      this.float(coefficients.at(-1)!),
    );
  }

  /** The same of doubles. */
  multiplyAddDoubles(a: Local, b: Local, c: Local): Local {
    return this.#relaxed ? this.op("f64x2.relaxed_madd", a, b, c) : this.op("f64x2.add", this.op("f64x2.mul", a, b), c);
  }

  polynomialOfDoubles(x: Local, coefficients: readonly number[]): Local {
    return coefficients.slice(0, -1).reduceRight(
      (sum, c) => this.multiplyAddDoubles(sum, x, this.double(c)),
      this.double(coefficients.at(-1)!),
    );
  }

  /** The upper two lanes, where instructions that take the lower two find them. */
  upper(x: Local): Local {
    return this.shuffle(x, x, [2, 3, 2, 3]);
  }

  /** The floats nearest to two and two doubles. */
  narrow(low: Local, high: Local): Local {
    const [a, b] = [low, high].map((x) => this.op("f32x4.demote_f64x2_zero", x)) as [Local, Local];
    return this.shuffle(a, b, [0, 1, 4, 5]);
  }

  /** The index to call a JavaScript function by. */
  importIndex(wanted: FunctionImport): number {
    const index = this.imports.findIndex(({ name }) => name === wanted.name);
    return index >= 0 ? index : this.imports.push(wanted) - 1;
  }
}
