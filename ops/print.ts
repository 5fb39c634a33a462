/** Tensors as people read them: nested arrays, and the text NumPy would print. */

import { type DType, isFloat, toDType, type TypedArray } from "./dtype.ts";
import { sizeOf, type TensorType, typeString } from "./shape.ts";

/** Row-major elements as nested arrays; booleans for bool. */
export function nested(data: TypedArray, type: TensorType): unknown {
  const { shape, dtype } = type;
  let position = 0;
  const build = (axis: number): unknown => {
    if (axis < shape.length) return Array.from({ length: shape[axis]! }, () => build(axis + 1));
    const value = data[position++]!;
    return dtype === "bool" ? value !== 0 : value;
  };
  return build(0);
}

/** At most this many elements are printed whole; beyond, three from each end of every axis. */
const printWhole = 1000;
const edge = 3;

/** The shortest decimal that reads back as the same float, rounded to eight digits unless it is an integer. */
function decimal(value: number, dtype: DType): string {
  if (Object.is(value, -0)) return "-0";
  if (Math.abs(value) >= 1e16) return Number(value.toPrecision(8)).toExponential();
  if (Number.isInteger(value)) return String(value);
  for (let digits = 1; digits < 8; digits++) {
    const short = Number(value.toPrecision(digits));
    if (toDType(short, dtype) === value) return String(short);
  }
  return String(Number(value.toPrecision(8)));
}

/** `f32[2,2] [[1, 2],\n          [3, 4]]`, with columns aligned. */
export function show(data: TypedArray, type: TensorType): string {
  const { shape, dtype } = type;
  const name = typeString(type);
  if (sizeOf(shape) === 0) return `${name} []`;
  const shorten = data.length > printWhole;
  const positions = (axis: number): (number | null)[] => {
    const n = shape[axis]!;
    const all = Array.from({ length: n }, (_, i) => i);
    return shorten && n > 2 * edge ? [...all.slice(0, edge), null, ...all.slice(-edge)] : all;
  };
  const text = (offset: number): string => {
    const value = data[offset]!;
    return dtype === "bool" ? String(value !== 0) : isFloat(dtype) ? decimal(value, dtype) : String(value);
  };
  const shown: string[] = [];
  const collect = (axis: number, offset: number, step: number): void => {
    if (axis === shape.length) {
      shown.push(text(offset));
      return;
    }
    const inner = step / shape[axis]!;
    for (const i of positions(axis)) if (i !== null) collect(axis + 1, offset + i * inner, inner);
  };
  collect(0, 0, data.length);
  const width = Math.max(...shown.map((s) => s.length));
  let next = 0;
  const margin = name.length + 1;
  const render = (axis: number): string => {
    if (axis === shape.length) return shown[next++]!.padStart(shape.length === 0 ? 0 : width);
    const rows = positions(axis).map((i) => (i === null ? "…" : render(axis + 1)));
    const rank = shape.length - axis;
    const separator = rank === 1 ? ", " : `,${"\n".repeat(rank - 1)}${" ".repeat(margin + axis + 1)}`;
    return `[${rows.join(separator)}]`;
  };
  return `${name} ${render(0)}`;
}
