/** Numbers for inputs, which TypeScript and Python can make alike, so that results can be compared. */

/** `size` numbers spread evenly over [−scale, scale): a hash of the position and the seed. */
export function values(size: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    let h = Math.imul(i, 0x9E3779B1) + Math.imul(seed, 0x85EBCA77);
    h = Math.imul(h ^ (h >>> 15), 0x85EBCA77);
    h = Math.imul(h ^ (h >>> 13), 0xC2B2AE3D);
    h ^= h >>> 16;
    out[i] = ((h >>> 8) / 2 ** 23 - 1) * scale;
  }
  return out;
}
