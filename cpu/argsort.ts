/** Sorting: short lines by insertion, long ones by their bits, eleven at a time from the lowest (radix sort). */

import type { Implementation } from "./machine.ts";
import { elements } from "./reference_reduce.ts";
import { forEachElement } from "./reference_walk.ts";

/** Up to this length insertion is faster: it has no tables to clear. */
const shortLine = 96;

const digitBits = 11;
const digits = 2 ** digitBits;

export const argsort: Implementation<"argsort"> = ({ descending }, inputs, output, machine) => {
  const x = inputs[0]!;
  const [size, stride] = [x.shape.at(-1)!, x.strides.at(-1)!];
  const [values, out] = [machine.array(x), elements(machine, output) as Int32Array];
  const line = new Float64Array(size);
  // Ascending negated values are descending values, also in how ties stay in order; NaN stays NaN.
  const sign = descending ? -1 : 1;
  const order = size <= shortLine ? insertionSort : radixSorter(line);
  let at = 0;
  forEachElement(x.shape.with(-1, 1), [x], ([start]) => {
    // Adding 0 makes −0 the same as 0, bit for bit.
    for (let i = 0; i < size; i++) line[i] = sign * values[start! + i * stride]! + 0;
    order(line, out.subarray(at, at + size));
    at += size;
  });
};

/** Writes the positions that sort a line into `order`; the line is used up. */
type Sort = (line: Float64Array, order: Int32Array) => void;

function insertionSort(line: Float64Array, order: Int32Array): void {
  for (let i = 0; i < line.length; i++) {
    const value = line[i]!;
    let to = i;
    for (; to > 0; to--) {
      const previous = line[to - 1]!;
      const stays = previous <= value || value !== value;
      if (stays) break;
      line[to] = previous;
      order[to] = order[to - 1]!;
    }
    line[to] = value;
    order[to] = i;
  }
}

/** A sort for lines held in this one array, which it turns into unsigned integers of the same order. */
function radixSorter(line: Float64Array): Sort {
  const words = new Uint32Array(line.buffer);
  const count = new Int32Array(digits);
  const spare: Int32Array = new Int32Array(line.length);
  return (_, order) => {
    const differing = toKeys(line, words);
    let [from, to] = [order, spare];
    for (let i = 0; i < from.length; i++) from[i] = i;
    for (const word of [0, 1]) {
      for (let shift = 0; shift < 32; shift += digitBits) {
        // Where all digits are equal there is nothing to sort by.
        if ((differing[word]! >>> shift) % digits === 0) continue;
        count.fill(0);
        for (let i = word; i < words.length; i += 2) count[(words[i]! >>> shift) & (digits - 1)]!++;
        let before = 0;
        for (let d = 0; d < digits; d++) {
          const here = count[d]!;
          count[d] = before;
          before += here;
        }
        for (let k = 0; k < from.length; k++) {
          const i = from[k]!;
          to[count[(words[2 * i + word]! >>> shift) & (digits - 1)]!++] = i;
        }
        [from, to] = [to, from];
      }
    }
    if (from !== order) order.set(from);
  };
}

/**
 * Turns doubles, as low and high words, into unsigned integers of the same order: positive ones get the highest bit,
 * negative ones all bits flipped, and every NaN becomes the largest. Returns the bits in which not all are equal.
 */
function toKeys(line: Float64Array, words: Uint32Array): readonly [low: number, high: number] {
  let [anyLow, anyHigh, allLow, allHigh] = [0, 0, -1, -1];
  for (let i = 0; i < line.length; i++) {
    let [low, high] = [words[2 * i]!, words[2 * i + 1]!];
    if (line[i] !== line[i]) low = high = -1;
    else if (high < 2 ** 31) high |= 2 ** 31;
    else [low, high] = [~low, ~high];
    words[2 * i] = low;
    words[2 * i + 1] = high;
    anyLow |= low;
    anyHigh |= high;
    allLow &= low;
    allHigh &= high;
  }
  return [anyLow ^ allLow, anyHigh ^ allHigh];
}
