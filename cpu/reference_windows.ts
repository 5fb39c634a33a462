/** The reference's contractions and sliding windows: matmul, convolution by its trilinear form, pooling. */

import { kindOf, type TypedArray } from "../ops/dtype.ts";
import { contiguous, sizeOf, type Strided } from "../ops/shape.ts";
import type { Scalar } from "../ops/scalar.ts";
import type { Implementation, Machine, Operand } from "./machine.ts";
import { beats, combine, elements, identityOf } from "./reference_reduce.ts";
import { compileScalar } from "./reference_scalar.ts";
import { forEachElement, forEachTap, type Windowed, type Windows } from "./reference_walk.ts";

type Three = readonly [number, number, number];

/** An array seen over three nested axes; those that it lacks have stride 0. */
interface Factor {
  readonly array: TypedArray;
  readonly strides: Three;
}

/** One of the three arrays of the trilinear form. */
interface Part extends Windowed {
  readonly factor: Factor;
}

interface Source extends Strided {
  readonly array: TypedArray;
}

/** Adds the products of `a` and `b` over three axes to `sums`; the offsets are those of sums, a and b. Integers wrap. */
function contract(sizes: Three, offsets: Int32Array, sums: Factor, a: Factor, b: Factor, wraps: boolean): void {
  const [s2, a2, b2] = [sums.strides[2], a.strides[2], b.strides[2]];
  for (let i = 0; i < sizes[0]; i++) {
    for (let j = 0; j < sizes[1]; j++) {
      let atSum = offsets[0]! + i * sums.strides[0] + j * sums.strides[1];
      let atA = offsets[1]! + i * a.strides[0] + j * a.strides[1];
      let atB = offsets[2]! + i * b.strides[0] + j * b.strides[1];
      for (let k = 0; k < sizes[2]; k++, atSum += s2, atA += a2, atB += b2) {
        if (wraps) sums.array[atSum] = (sums.array[atSum]! + Math.imul(a.array[atA]!, b.array[atB]!)) | 0;
        else sums.array[atSum]! += a.array[atA]! * b.array[atB]!;
      }
    }
  }
}

function writeSums(
  sums: Float64Array,
  output: Operand,
  machine: Machine,
  epilogue: Scalar | undefined,
  others: readonly Operand[],
): void {
  const out = elements(machine, output);
  out.set(output.dtype === "bool" ? sums.map((sum) => sum === 0 ? 0 : 1) : sums);
  if (epilogue === undefined) return;
  const evaluate = compileScalar(epilogue, [out, ...others.map((x) => machine.array(x))]);
  let at = 0;
  forEachElement(output.shape, [contiguous(output.shape), ...others], (offsets, index) => {
    out[at++] = evaluate(offsets, index);
  });
}

export const matmul: Implementation<"matmul"> = ({ epilogue }, inputs, output, machine) => {
  const [a, b] = [inputs[0]!, inputs[1]!];
  const rank = output.shape.length;
  const [m, n, k] = [output.shape[rank - 2]!, output.shape[rank - 1]!, a.shape[rank - 1]!];
  const sums = new Float64Array(sizeOf(output.shape));
  const c: Factor = { array: sums, strides: [n, 0, 1] };
  const left: Factor = { array: machine.array(a), strides: [a.strides[rank - 2]!, a.strides[rank - 1]!, 0] };
  const right: Factor = { array: machine.array(b), strides: [0, b.strides[rank - 2]!, b.strides[rank - 1]!] };
  const wraps = kindOf(output.dtype) !== "float";
  forEachElement(output.shape.slice(0, -2), [contiguous(output.shape), a, b], (offsets) => {
    contract([m, k, n], offsets, c, left, right, wraps);
  });
  writeSums(sums, output, machine, epilogue, inputs.slice(2));
};

export const conv: Implementation<"conv"> = ({ role, geometry, epilogue }, inputs, output, machine) => {
  const sums = new Float64Array(sizeOf(output.shape));
  const target: Source = { ...contiguous(output.shape), array: sums };
  const first: Source = { ...inputs[0]!, array: machine.array(inputs[0]!) };
  const second: Source = { ...inputs[1]!, array: machine.array(inputs[1]!) };
  const x = role === "input" ? target : first;
  const w = role === "kernel" ? target : second;
  const g = role === "output" ? target : role === "input" ? first : second;

  const { groups } = geometry;
  const [channels, features] = [w.shape.at(-2)!, w.shape.at(-1)! / groups];
  const [xc, wc, wf, gf] = [x.strides.at(-1)!, w.strides.at(-2)!, w.strides.at(-1)!, g.strides.at(-1)!];
  // Each array over the group, the channel in the group and the feature in the group.
  const overX: Part = { over: "input", source: x, factor: { array: x.array, strides: [channels * xc, xc, 0] } };
  const overW: Part = { over: "window", source: w, factor: { array: w.array, strides: [features * wf, wc, wf] } };
  const overG: Part = { over: "output", source: g, factor: { array: g.array, strides: [features * gf, 0, gf] } };
  const [t, a, b] = role === "output"
    ? [overG, overX, overW]
    : role === "input"
    ? [overX, overG, overW]
    : [overW, overX, overG];

  const windows: Windows = {
    ...geometry,
    batch: x.shape[0]!,
    input: x.shape.slice(1, -1),
    output: g.shape.slice(1, -1),
    window: w.shape.slice(0, -2),
  };
  const wraps = kindOf(output.dtype) !== "float";
  forEachTap(windows, [t, a, b], (offsets) => {
    contract([groups, channels, features], offsets, t.factor, a.factor, b.factor, wraps);
  });
  writeSums(sums, output, machine, epilogue, inputs.slice(2));
};

export const window: Implementation<"window"> = ({ role, geometry }, inputs, output, machine) => {
  const first = inputs[0]!;
  const scatters = role === "spread" || role === "put";
  const [x, y] = scatters ? [output, first] : [first, output];
  const windows: Windows = {
    ...geometry,
    dilation: geometry.window.map(() => 1),
    batch: x.shape[0]!,
    input: x.shape.slice(1, -1),
    output: y.shape.slice(1, -1),
    window: geometry.window,
  };
  const size = sizeOf(output.shape);
  const channels = x.shape.at(-1)!;
  const target = { over: scatters ? "input" : "output", source: contiguous(output.shape) } as const;
  const from = { over: scatters ? "output" : "input", source: first } as const;
  const values = machine.array(first);
  const step = first.strides.at(-1)!;
  const out = elements(machine, output);

  switch (role) {
    case "sum":
    case "max":
    case "min":
    case "spread": {
      const combiner = role === "spread" ? "sum" : role;
      const join = combine(combiner, output.dtype);
      const results = new Float64Array(size).fill(identityOf(combiner, output.dtype));
      forEachTap(windows, [target, from], ([to, at]) => {
        for (let c = 0; c < channels; c++) results[to! + c] = join(results[to! + c]!, values[at! + c * step]!);
      });
      out.set(results);
      return;
    }
    case "argMax":
    case "argMin": {
      const wins = beats(role === "argMax" ? "max" : "min");
      const best = new Float64Array(size);
      const seen = new Uint8Array(size);
      out.fill(0);
      forEachTap(windows, [target, from], ([to, at, position]) => {
        for (let c = 0; c < channels; c++) {
          const value = values[at! + c * step]!;
          if (seen[to! + c] && !wins(value, best[to! + c]!)) continue;
          seen[to! + c] = 1;
          best[to! + c] = value;
          out[to! + c] = position!;
        }
      });
      return;
    }
    case "take":
    case "put": {
      const chosen = inputs[1]!;
      const positions = machine.array(chosen);
      const positionStep = chosen.strides.at(-1)!;
      const join = combine("sum", output.dtype);
      const results = new Float64Array(size);
      forEachTap(windows, [target, from, { over: "output", source: chosen }], ([to, at, choice, position]) => {
        for (let c = 0; c < channels; c++) {
          if (positions[choice! + c * positionStep] !== position) continue;
          const value = values[at! + c * step]!;
          // Windows may overlap in what they put; what one takes is a single cell, −0 included.
          results[to! + c] = role === "take" ? value : join(results[to! + c]!, value);
        }
      });
      out.set(results);
      return;
    }
  }
};
