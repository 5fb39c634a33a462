/**
 * Addresses that are not known yet: a base, which stands for some storage, and a byte offset, in one number. Kernels only
 * ever add offsets to addresses, and doubles hold the sums exactly.
 */

/** Offsets are less than half of this, either way: more than a memory holds. Bases go from 1 to `highestBase`. */
const unit = 2 ** 34;
export const highestBase: number = 2 ** 18 - 1;

/** The address of a base. Base 0 is that of plain numbers. */
export function symbol(base: number): number {
  return base * unit;
}

export function baseOf(address: number): number {
  return Math.round(address / unit);
}

export function offsetOf(address: number): number {
  return address - symbol(baseOf(address));
}
