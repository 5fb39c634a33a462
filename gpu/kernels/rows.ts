/**
 * Writes shaders that go along the rows of a domain, once or several times: elements are joined to results of rows, and
 * results are stored for each element or for each row. Threads that share a row join what they have in shared memory.
 */

import type { Dispatch, Machine } from "../kernel.ts";
import { readInputs } from "../nest.ts";
import { writeScalar } from "../scalar.ts";
import { type Access, grid, groupNumber, ShaderWriter } from "../writer.ts";
import type { Fold } from "./fold.ts";
import type { Domain } from "./row_domain.ts";
import type { RowWork } from "./row_work.ts";
import type { Place } from "../../jit/place.ts";
import type { Scalar } from "../../ops/scalar.ts";
import { sizeOf } from "../../ops/shape.ts";

/** Names of the results of rows: one, or four where a thread has four rows. */
export type RowResult = readonly string[];

/** What elements are joined to. */
export interface Term {
  readonly body: Scalar;
  readonly fold: Fold;
}

/** What is computed, and where the results go: their strides in the domain. */
export interface Target {
  readonly body: Scalar;
  readonly place: Place;
  readonly strides: readonly number[];
}

/** An operand, where the row of this thread begins. Counted in elements, or in fours. */
interface Beginning {
  readonly access: Access;
  readonly start: string;
  readonly step: number;
  readonly inFours: boolean;
}

/** Terms in a row that are added to one sum, before it is added to that of the thread: about the root of all. */
function blockOf({ chunk, lanes }: RowWork): number {
  return chunk > 1024 * lanes ? 64 : 16;
}

export class RowWriter {
  readonly writer: ShaderWriter;
  readonly #machine: Machine;
  readonly #domain: Domain;
  readonly #work: RowWork;
  readonly #inputs: readonly Place[];
  readonly #results: RowResult[];
  readonly #lines: string[] = [];
  readonly #declared = new Set<string>();
  readonly #beginnings = new Map<number, Beginning>();
  readonly #sizes: readonly number[];
  readonly #count: number;
  readonly #part: string;
  readonly #indices: readonly string[];
  readonly #first: string;

  /** Of the inputs of bodies, so many are `results` of rows, and come before those of the kernel. */
  constructor(domain: Domain, inputs: readonly Place[], work: RowWork, machine: Machine, results: number) {
    const { shape, axis } = domain;
    const { vector, order, lanes, alongRows, threads, parts, chunk } = work;
    const writer = new ShaderWriter(machine);
    this.writer = writer;
    this.#machine = machine;
    this.#domain = domain;
    this.#work = work;
    this.#inputs = inputs;
    this.#results = new Array<RowResult>(results);
    const sizes = shape.map((size, a) => a === vector ? size / 4 : size);
    this.#sizes = sizes;
    const count = sizeOf(order.map((a) => sizes[a]!)) * parts;
    this.#count = count;

    const total = writer.number(count);
    const length = writer.number(sizes[axis]!);
    if (lanes === 1) {
      this.#add(`let at = ${groupNumber} * ${threads}u + thread;`, `if (at >= ${total}) { return; }`);
    } else {
      // All threads come to every barrier, those too that have no row.
      const rows = threads / lanes;
      this.#add(
        `let lane = ${alongRows ? `thread % ${lanes}u` : `thread / ${rows}u`};`,
        `let row = ${alongRows ? `thread / ${lanes}u` : `thread % ${rows}u`};`,
        `let number = ${groupNumber} * ${rows}u + row;`,
        `let hasRow = number < ${total};`,
        `let at = min(number, ${total} - 1u);`,
      );
    }
    const { statements, indices: [part, ...found] } = writer.unravel("at", [parts, ...order.map((a) => sizes[a]!)]);
    this.#add(statements);
    this.#part = part!;
    this.#indices = sizes.map((_, a) => a === axis ? "0u" : found[order.indexOf(a)]!);
    const from = parts === 1 ? "0u" : `${part} * ${writer.number(chunk)}`;
    const end = parts === 1 ? length : `min(${from} + ${writer.number(chunk)}, ${length})`;
    this.#add(`let end = ${lanes === 1 ? end : `select(0u, ${end}, hasRow)`};`);
    this.#first = lanes === 1 ? from : parts === 1 ? "lane" : `${from} + lane`;
  }

  /** Gives what bodies read as their input `k`. */
  setResult(k: number, result: RowResult): void {
    this.#results[k] = result;
  }

  /** One go along the rows. Returns the running results of the rows. */
  pass(terms: readonly Term[], targets: readonly Target[]): RowResult[] {
    const { lanes, chunk, vector } = this.#work;
    const block = blockOf(this.#work);
    const { names } = this.writer;
    const width = vector === null ? 1 : 4;
    for (const n of this.#readBy([...terms, ...targets])) this.#begin(n);
    const outs = targets.map((target) => this.#beginTarget(target));
    const totals = terms.map(({ fold }) =>
      Array.from({ length: width }, () => {
        const name = names.fresh("total");
        this.#add(`var ${name} = ${fold.identity};`);
        return name;
      })
    );
    const isShort = !this.#machine.parametric && chunk <= block * lanes;
    const inBlocks = isShort ? [] : terms.flatMap(({ fold }, k) => fold.rounds ? [k] : []);
    const loop = (into: readonly (readonly string[])[], start: string, stop: string): string =>
      [
        `for (var i = ${start}; i < ${stop}; i += ${lanes}u) {`,
        this.#element(terms, into, targets, outs),
        "}",
      ].join("\n");
    if (inBlocks.length === 0) this.#add(loop(totals, this.#first, "end"));
    else {
      const sums = totals.map((list, k) => inBlocks.includes(k) ? list.map(() => names.fresh("sum")) : list);
      this.#add(`for (var next = ${this.#first}; next < end; next += ${block * lanes}u) {`);
      for (const k of inBlocks) for (const sum of sums[k]!) this.#add(`var ${sum} = ${terms[k]!.fold.identity};`);
      this.#add(loop(sums, "next", `min(next + ${block * lanes}u, end)`));
      for (const k of inBlocks) {
        totals[k]!.forEach((name, n) => this.#add(`${name} = ${terms[k]!.fold.join(name, sums[k]![n]!)};`));
      }
      this.#add("}");
    }
    return terms.map(({ fold }, k) => this.#joinLanes(fold, this.#joinFours(fold, totals[k]!)));
  }

  /** Stores running results, from `start` on if that is given. */
  scan({ body, fold }: Term, target: Target, start: RowResult | null): void {
    const { vector } = this.#work;
    const { names } = this.writer;
    const block = blockOf(this.#work);
    for (const n of this.#readBy([{ body }])) this.#begin(n);
    const out = this.#beginTarget(target);
    const rows = Array.from({ length: this.#rowsPerThread }, (_, row) => row);
    const carries = rows.map(() => {
      const name = names.fresh("carry");
      this.#add(`var ${name} = ${fold.identity};`);
      return name;
    });
    const sums = fold.rounds ? carries.map(() => names.fresh("sum")) : carries;
    const loaded = this.#loadElement([{ body }]);
    const lines = [...loaded.lines];
    const values = Array.from({ length: vector === null ? 1 : 4 }, (_, component) => {
      const row = rows.length === 1 ? 0 : component;
      const { statements, result } = this.#write(body, loaded.names, component, "i");
      const [element, value, sum] = [names.fresh("e"), names.fresh("y"), sums[row]!];
      lines.push(
        statements,
        `let ${element} = ${result};`,
        `${sum} = ${fold.join(sum, fold.enter(element, this.#position(component)))};`,
        `let ${value} = ${fold.rounds ? fold.join(carries[row]!, sum) : sum};`,
      );
      const [all, left] = [names.fresh("y"), names.fresh("r")];
      lines.push(
        `let ${all} = ${start === null ? value : fold.join(start[row]!, value)};`,
        `let ${left} = ${fold.leave(all)};`,
      );
      return left;
    });
    lines.push(out.access.store(this.#at(out), values.length === 4 ? `vec4(${values.join(", ")})` : values[0]!));
    const inner = lines.filter((line) => line !== "").join("\n");
    if (!fold.rounds) this.#add(`for (var i = ${this.#first}; i < end; i += 1u) {`, inner, "}");
    else {
      this.#add(
        `for (var next = ${this.#first}; next < end; next += ${block}u) {`,
        ...sums.map((sum) => `var ${sum} = ${fold.identity};`),
        `for (var i = next; i < min(next + ${block}u, end); i += 1u) {`,
        inner,
        "}",
        ...carries.map((carry, row) => `${carry} = ${fold.join(carry, sums[row]!)};`),
        "}",
      );
    }
  }

  /** What running results of parts, stored as results are, say of the part before that of this thread. */
  loadBefore(place: Place, strides: readonly number[], fold: Fold): RowResult {
    const inFours = this.#rowsPerThread === 4;
    const before = this.#let("before", `max(${this.#part}, 1u) - 1u`);
    const loaded = this.#let(
      "x",
      this.writer.reads(place, inFours ? 4 : 1).load(this.#positionOfResult(strides, inFours, before)),
    );
    return Array.from(
      { length: this.#rowsPerThread },
      (_, row) =>
        this.#let(
          "start",
          `select(${inFours ? `${loaded}.${"xyzw"[row]}` : loaded}, ${fold.identity}, ${this.#part} == 0u)`,
        ),
    );
  }

  /** The results of rows that running results stand for. */
  leave(fold: Fold, running: RowResult): RowResult {
    return running.map((name) => this.#let("r", fold.leave(name)));
  }

  /** Stores a value for each row, computed from results of rows and what is the same along the row. */
  storeRow({ body, place, strides }: Target): void {
    const read = this.#readBy([{ body }]);
    for (const n of read) this.#begin(n);
    const loaded = new Map([...read].map((n) => {
      const { access, start } = this.#beginnings.get(n)!;
      return [n, this.#let("x", access.load(start))];
    }));
    const values = Array.from({ length: this.#rowsPerThread }, (_, component) => {
      const { statements, result } = this.#write(body, loaded, component, "0u");
      this.#add(statements);
      return result;
    });
    this.storeResult(values, place, strides);
  }

  /** Stores names, one for each row of the thread. Where rows are cut into parts, those are the first axis of the place. */
  storeResult(values: RowResult, place: Place, strides: readonly number[]): void {
    const { parts, lanes } = this.#work;
    const inFours = values.length === 4;
    const position = this.#positionOfResult(strides, inFours, parts === 1 ? "0u" : this.#part);
    const access = this.writer.writes(place, inFours ? 4 : 1);
    const store = access.store(position, inFours ? `vec4(${values.join(", ")})` : values[0]!);
    this.#add(lanes === 1 ? store : `if (lane == 0u && hasRow) { ${store} }`);
  }

  finish(label: string): Dispatch {
    const { threads, lanes } = this.#work;
    const groups = grid(Math.ceil(this.#count / (threads / lanes)), this.#machine);
    return this.writer.finish(label, threads, groups, this.#lines.join("\n"));
  }

  get #rowsPerThread(): number {
    const { vector } = this.#work;
    return vector === null || vector === this.#domain.axis ? 1 : 4;
  }

  #add(...lines: readonly string[]): void {
    for (const line of lines) if (line !== "") this.#lines.push(line);
  }

  #let(stem: string, value: string): string {
    const name = this.writer.names.fresh(stem);
    this.#add(`let ${name} = ${value};`);
    return name;
  }

  /** The inputs of the kernel that bodies read. */
  #readBy(list: readonly { readonly body: Scalar }[]): ReadonlySet<number> {
    const results = this.#results.length;
    const read = readInputs(list.map(({ body }) => body));
    return new Set([...read].filter((n) => n >= results).map((n) => n - results));
  }

  #begin(n: number): void {
    if (this.#beginnings.has(n)) return;
    const { strides, offsets } = this.#domain;
    const { vector } = this.#work;
    const inFours = vector !== null && strides[n]![vector] !== 0;
    this.#beginnings.set(
      n,
      this.#beginning(strides[n]!, offsets[n]!, inFours, this.writer.reads(this.#inputs[n]!, inFours ? 4 : 1)),
    );
  }

  #beginTarget({ place, strides }: Target): Beginning {
    const inFours = this.#work.vector !== null;
    return this.#beginning(strides, place.offset, inFours, this.writer.writes(place, inFours ? 4 : 1));
  }

  #beginning(strides: readonly number[], offset: number, inFours: boolean, access: Access): Beginning {
    const { vector } = this.#work;
    const own = inFours
      ? { strides: strides.map((stride, a) => a === vector ? stride : stride / 4), offset: offset / 4 }
      : { strides, offset };
    const start = this.#let("start", this.writer.position(own, this.#indices));
    return { access, start, step: own.strides[this.#domain.axis]!, inFours };
  }

  /** Of a row, or of a part of it where parts are the first axis. */
  #positionOfResult(strides: readonly number[], inFours: boolean, part: string): string {
    const { shape, axis } = this.#domain;
    const rows = sizeOf(shape) / shape[axis]!;
    const own = [rows, ...strides];
    return this.writer.position({
      strides: inFours ? own.map((stride, a) => a - 1 === this.#work.vector ? stride : stride / 4) : own,
      offset: 0,
    }, [part, ...this.#indices]);
  }

  #at({ start, step }: Beginning): string {
    if (step === 0) return start;
    return step === 1 ? `${start} + i` : `${start} + i * ${this.writer.number(step)}`;
  }

  /** Statements that read element `i`, or a vector, of all inputs that bodies read. */
  #loadElement(list: readonly { readonly body: Scalar }[]): { lines: string[]; names: ReadonlyMap<number, string> } {
    const lines: string[] = [];
    const names = new Map<number, string>();
    for (const n of this.#readBy(list)) {
      const beginning = this.#beginnings.get(n)!;
      const name = this.writer.names.fresh("x");
      lines.push(`let ${name} = ${beginning.access.load(this.#at(beginning))};`);
      names.set(n, name);
    }
    return { lines, names };
  }

  /** Of element `i` along the row. */
  #position(component: number): string {
    return this.#work.vector === this.#domain.axis ? `i * 4u + ${component}u` : "i";
  }

  /** What is done of element `i`, or of a vector. */
  #element(
    terms: readonly Term[],
    into: readonly (readonly string[])[],
    targets: readonly Target[],
    outs: readonly Beginning[],
  ): string {
    const { names } = this.writer;
    const width = this.#work.vector === null ? 1 : 4;
    const { lines, names: loaded } = this.#loadElement([...terms, ...targets]);
    terms.forEach(({ body, fold }, k) => {
      for (let component = 0; component < width; component++) {
        const { statements, result } = this.#write(body, loaded, component, "i");
        const [element, name] = [names.fresh("e"), into[k]![component]!];
        lines.push(
          statements,
          `let ${element} = ${result};`,
          `${name} = ${fold.join(name, fold.enter(element, this.#position(component)))};`,
        );
      }
    });
    targets.forEach(({ body }, k) => {
      const values = Array.from({ length: width }, (_, component) => {
        const { statements, result } = this.#write(body, loaded, component, "i");
        lines.push(statements);
        return result;
      });
      const out = outs[k]!;
      lines.push(out.access.store(this.#at(out), width === 4 ? `vec4(${values.join(", ")})` : values[0]!));
    });
    return lines.filter((line) => line !== "").join("\n");
  }

  #write(
    body: Scalar,
    loaded: ReadonlyMap<number, string>,
    component: number,
    position: string,
  ): { readonly statements: string; readonly result: string } {
    const { axis, axisOf } = this.#domain;
    const { vector } = this.#work;
    const results = this.#results;
    return writeScalar(
      body,
      (leaf) => {
        if (leaf.op === "index") {
          const a = axisOf[leaf.axis]!;
          if (a < 0) return "0i";
          const index = a === axis ? position : this.#indices[a]!;
          return a === vector ? `i32(${index} * 4u + ${component}u)` : `i32(${index})`;
        }
        if (leaf.index < results.length) {
          const names = results[leaf.index]!;
          return names.length === 1 ? names[0]! : names[component]!;
        }
        const n = leaf.index - results.length;
        const name = loaded.get(n)!;
        return this.#beginnings.get(n)!.inFours ? `${name}.${"xyzw"[component]}` : name;
      },
      this.writer.names,
      this.writer.functions,
    );
  }

  #joinFours(fold: Fold, totals: readonly string[]): RowResult {
    if (this.#work.vector !== this.#domain.axis) return totals;
    const [a, b, c, d] = totals as [string, string, string, string];
    const [low, high] = [this.#let("j", fold.join(a, b)), this.#let("j", fold.join(c, d))];
    return [this.#let("j", fold.join(low, high))];
  }

  /** What all threads of a row have together. */
  #joinLanes(fold: Fold, mine: RowResult): RowResult {
    const { lanes, alongRows } = this.#work;
    if (lanes === 1) return mine;
    const name = this.writer.names.fresh("joined");
    this.#add(`var ${name} = ${mine[0]};`);
    if (this.#machine.hasSubgroups && alongRows) this.#joinSubgroups(fold, name);
    else this.#joinShared(fold, name);
    return [name];
  }

  /** Subgroups first, whose threads see what others have. They are taken to be threads in a row, as they are everywhere. */
  #joinSubgroups(fold: Fold, name: string): void {
    const { lanes, threads } = this.#work;
    const all = this.#shared("all", fold, threads);
    this.#add(
      `for (var mask = 1u; mask < min(subgroupSize, ${lanes}u); mask *= 2u) {`,
      `${name} = ${fold.join(name, `subgroupShuffleXor(${name}, mask)`)};`,
      "}",
      `if (subgroupSize < ${lanes}u) {`,
      `${all}[thread] = ${name};`,
      "workgroupBarrier();",
      `${name} = ${all}[row * ${lanes}u];`,
      `for (var i = subgroupSize; i < ${lanes}u; i += subgroupSize) {`,
      `${name} = ${fold.join(name, `${all}[row * ${lanes}u + i]`)};`,
      "}",
      "workgroupBarrier();",
      "}",
    );
  }

  /** Some threads of each row join what others have, and then all what those have. */
  #joinShared(fold: Fold, name: string): void {
    const { lanes, threads, alongRows } = this.#work;
    const firsts = 2 ** Math.floor(Math.log2(lanes) / 2);
    const rows = threads / lanes;
    const all = this.#shared("all", fold, threads);
    const some = this.#shared("some", fold, rows * firsts);
    const next = alongRows ? "thread + i" : `thread + i * ${rows}u`;
    const first = (i: string): string => `${some}[${i === "0u" ? "row" : `row + ${i} * ${rows}u`}]`;
    this.#add(
      `${all}[thread] = ${name};`,
      "workgroupBarrier();",
      `if (lane < ${firsts}u) {`,
      `for (var i = ${firsts}u; i < ${lanes}u; i += ${firsts}u) { ${name} = ${fold.join(name, `${all}[${next}]`)}; }`,
      `${first("lane")} = ${name};`,
      "}",
      "workgroupBarrier();",
      `${name} = ${first("0u")};`,
      `for (var i = 1u; i < ${firsts}u; i += 1u) { ${name} = ${fold.join(name, first("i"))}; }`,
    );
  }

  /** Memory of the workgroup for running results: all passes have the same. */
  #shared(stem: string, { type }: Fold, count: number): string {
    const name = `${stem}_${type.replaceAll(/\W/g, "")}`;
    const text = `var<workgroup> ${name}: array<${type}, ${count}>;`;
    if (!this.#declared.has(text)) {
      this.#declared.add(text);
      this.writer.declare(text);
    }
    return name;
  }
}
