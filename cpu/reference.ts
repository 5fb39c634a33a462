/** The plain TypeScript implementation of every kernel: it defines what they compute, and is what others fall back to. */

import { isFloat, toDType } from "../ops/dtype.ts";
import { contiguous, sizeOf, type Strided } from "../ops/shape.ts";
import type { Implementation, KernelTable } from "./machine.ts";
import { loop } from "./reference_loop.ts";
import { argReduce, argsort, combine, cumulative, elements, identityOf, reduce } from "./reference_reduce.ts";
import { compileScalar } from "./reference_scalar.ts";
import { forEachElement } from "./reference_walk.ts";
import { conv, matmul, window } from "./reference_windows.ts";

const map: Implementation<"map"> = ({ body }, inputs, output, machine) => {
  const out = elements(machine, output);
  const evaluate = compileScalar(body, inputs.map((x) => machine.array(x)));
  let at = 0;
  forEachElement(output.shape, inputs, (offsets, index) => {
    out[at++] = evaluate(offsets, index);
  });
};

const place: Implementation<"place"> = ({ fill, at }, inputs, output, machine) => {
  const out = elements(machine, output).fill(toDType(fill, output.dtype));
  const { strides } = contiguous(output.shape);
  at.forEach(({ start, step }, n) => {
    const x = inputs[n]!;
    const values = machine.array(x);
    const target: Strided = {
      shape: x.shape,
      strides: strides.map((stride, axis) => stride * step[axis]!),
      offset: strides.reduce((offset, stride, axis) => offset + stride * start[axis]!, 0),
    };
    forEachElement(x.shape, [target, x], (offsets) => {
      out[offsets[0]!] = values[offsets[1]!]!;
    });
  });
};

const gather: Implementation<"gather"> = (_, inputs, output, machine) => {
  const [x, indices] = [inputs[0]!, inputs[1]!];
  const [values, positions, out] = [machine.array(x), machine.array(indices), elements(machine, output)];
  const [size, stride] = [x.shape[2]!, x.strides[2]!];
  const missing = isFloat(output.dtype) ? NaN : 0;
  let at = 0;
  forEachElement(output.shape, [whole(x), along(indices)], (offsets) => {
    const position = positions[offsets[1]!]!;
    out[at++] = position >= 0 && position < size ? values[offsets[0]! + position * stride]! : missing;
  });
};

const scatter: Implementation<"scatter"> = ({ combiner }, inputs, output, machine) => {
  const [indices, updates] = [inputs[0]!, inputs[1]!];
  const [positions, values] = [machine.array(indices), machine.array(updates)];
  const results = new Float64Array(sizeOf(output.shape)).fill(identityOf(combiner, output.dtype));
  const join = combine(combiner, output.dtype);
  const target = contiguous(output.shape);
  const [size, stride] = [output.shape[2]!, target.strides[2]!];
  forEachElement(updates.shape, [whole(target), along(indices), updates], (offsets) => {
    const position = positions[offsets[1]!]!;
    if (position < 0 || position >= size) return;
    const to = offsets[0]! + position * stride;
    results[to] = join(results[to]!, values[offsets[2]!]!);
  });
  elements(machine, output).set(results);
};

/** `[b, p, n, q]` walked over `[b, p, i, q]`: where position 0 of the indexed axis lies. */
function whole(s: Strided): Strided {
  const [b, p, , q] = s.strides as [number, number, number, number];
  return { ...s, strides: [b, p, 0, q] };
}

/** Indices `[b, i]` walked over `[b, p, i, q]`. */
function along(s: Strided): Strided {
  const [b, i] = s.strides as [number, number];
  return { ...s, strides: [b, 0, i, 0] };
}

export const reference: KernelTable = {
  map,
  reduce,
  loop,
  argReduce,
  cumulative,
  place,
  matmul,
  conv,
  window,
  gather,
  scatter,
  argsort,
};
