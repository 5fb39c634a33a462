// The op table on one device while new tensors live on another: what operations and their rules make adapts.
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { cpu } from "../cpu/device.ts";
import { jvp, linearize } from "../grad/jvp.ts";
import { vjp } from "../grad/vjp.ts";
import { vmap } from "../grad/vmap.ts";
import { jit } from "../jit/jit.ts";
import { registerDevice } from "../ops/devices.ts";
import { mul, onesLike, stack } from "../ops/mod.ts";
import type { Backend, Tensor } from "../ops/tensor.ts";
import { assertMatchesReference, directed, ofTensors, smoothPart } from "./applications.ts";
import { assertNear, type ListFunction } from "./derivatives.ts";
import { onDevice } from "./devices.ts";
import { FarDevice } from "./far_device.ts";
import { table } from "./op_table.ts";
import type { Plain } from "./plain.ts";
import { check } from "./property.ts";
import type { Drawn, Row } from "./row.ts";

registerDevice(cpu());
const far = new FarDevice("far");

/** Where operands are, and where new tensors live. */
interface Places {
  readonly operands: Backend;
  readonly others: Backend;
}

const apart: readonly Places[] = [{ operands: far, others: cpu() }, { operands: cpu(), others: far }];

/** The values of a tensor, which must be where the operands are. */
function readOn(place: Backend, x: Tensor): Plain {
  assertEquals(x.device.name, place.name);
  return read(x);
}

function read(x: Tensor): Plain {
  return { dtype: x.dtype, shape: x.shape, data: [...(x.device === far ? far.peek(x) : x.dataSync())] };
}

/** A batch of two taken apart. */
function halves({ dtype, shape: [, ...shape], data }: Plain): Plain[] {
  const half = data.length / 2;
  return [data.slice(0, half), data.slice(half)].map((data) => ({ dtype, shape, data }));
}

const twice = (xs: readonly Tensor[]): Tensor[] => xs.map((x) => stack([x, x]));

function checkValue(row: Row, drawn: Drawn<unknown>, { operands, others }: Places): void {
  const { f, xs } = onDevice(operands, () => ofTensors(row, drawn));
  if (xs.length === 0) return;
  onDevice(others, () => {
    // What is read at once may become a tensor of anything.
    if (row.valuesOnly !== undefined) return assertMatchesReference(row, f(xs).map(read), drawn, row.name);
    const there = (ys: readonly Tensor[]): Plain[] => ys.map((y) => readOn(operands, y));
    assertMatchesReference(row, there(f(xs)), drawn, row.name);
    assertMatchesReference(row, there(jit(f)(xs)), drawn, `jit of ${row.name}`);
    for (const batched of [vmap(f), jit(vmap(f))]) {
      const pairs = there(batched(twice(xs))).map(halves);
      for (const i of [0, 1]) {
        assertMatchesReference(row, pairs.map((pair) => pair[i]!), drawn, `vmap of ${row.name}, example ${i}`);
      }
    }
  });
}

/** Derivatives to second order, by every way that rules are run in. */
function derivatives(f: ListFunction, xs: Tensor[]): Tensor[] {
  const pull: ListFunction = (xs) => {
    const [ys, pullback] = vjp(f, xs);
    return pullback(ys.map((y) => onesLike(y)))[0];
  };
  const push: ListFunction = (xs) => jvp(f, [xs], [xs.map((x) => mul(0.5, onesLike(x)))])[1];
  const [, linear] = linearize(f, xs);
  const second = (g: ListFunction): Tensor[] => [
    ...vjp(g, xs)[1](g(xs).map((y) => onesLike(y)))[0],
    ...jvp(g, [xs], [xs.map((x) => onesLike(x))])[1],
  ];
  return [
    ...pull(xs),
    ...push(xs),
    ...linear(xs),
    ...second(pull),
    ...second(push),
    ...vmap(pull)(twice(xs)),
    ...vmap(push)(twice(xs)),
    ...jit(pull)(xs),
    ...vjp(jit(f), xs)[1](f(xs).map((y) => onesLike(y)))[0],
    ...jvp(jit(f), [xs], [xs])[1],
  ];
}

function checkDerivatives(row: Row, drawn: Drawn<unknown>, { operands, others }: Places): void {
  const together = smoothPart(row, drawn);
  const expected = derivatives(together.f, together.xs).flatMap((y) => readOn(cpu(), y).data);
  const { f, xs } = onDevice(operands, () => smoothPart(row, drawn));
  const actual = onDevice(others, () => derivatives(f, xs).flatMap((y) => readOn(operands, y).data));
  // Threads may add up in another order.
  assertNear(actual, expected, 1e-11, `derivatives of ${row.name}`);
}

for (const row of table) {
  if (row.nullary) continue;
  const test = `devices: ${row.name} where its operands are`;
  Deno.test(test, async (t) => {
    for (const places of apart) {
      const where = `operands on ${places.operands.name}`;
      if (row.valuesOnly !== undefined && places.operands === far) continue;
      await t.step(`value, ${where}`, () => {
        const cases = fc.constantFrom(...row.dtypes).chain((dtype) => row.draw(dtype, "value"));
        check(cases, (drawn) => checkValue(row, drawn, places), { share: 0.25, test });
      });
      if (row.valuesOnly !== undefined || row.discrete !== undefined) continue;
      await t.step(`derivatives, ${where}`, () => {
        check(directed(row), ({ drawn }) => checkDerivatives(row, drawn, places), { share: 0.0625, test });
      });
    }
  });
}
