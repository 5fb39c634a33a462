/** sin, cos, tan of float32 in WGSL, and their inverses. `tests/gpu_bounds.ts` states their errors. */

/**
 * - `splitAngle_f32`: `|x| = k·π/2 + r` with |r| ≤ π/4, by Cody and Waite's reduction or, of large numbers, by Payne
 *   and Hanek's. π/2 comes in four parts; the products of the first three with k ≤ 2¹² are exact.
 * - `largeAngle_f32`: the mantissa times the 96 bits of 2/π that count, from 2 on: the whole turns above are left out.
 * - `asinTail_f32`: `(asin s − s) / s` for s² = z ≤ ¼; off by 5·10⁻⁹.
 * - `atanOf_f32`: the angle of (b, a) for 0 ≤ a ≤ b; its polynomial is off by 2·10⁻⁸.
 */
export const angles: Readonly<Record<string, string>> = {
  Angle: `
struct Angle {
  k: u32,
  r: f32,
}`,
  mulHigh_u32: `
fn mulHigh_u32(a: u32, b: u32) -> u32 {
  let low = a & 0xffffu;
  let high = a >> 16u;
  let middle = low * (b >> 16u) + ((low * (b & 0xffffu)) >> 16u);
  let rest = high * (b & 0xffffu) + (middle & 0xffffu);
  return high * (b >> 16u) + (middle >> 16u) + (rest >> 16u);
}`,
  largeAngle_f32: `
fn largeAngle_f32(word: u32) -> Angle {
  let m = (word & 0x7fffffu) | 0x800000u;
  let start = (word >> 23u) - 120u;
  let first = start >> 5u;
  let shift = start & 31u;
  // Four words from the first on of 2/π = 0.A2F9836E 4E441529..., before which there is one of zeros.
  var t = vec4u(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u);
  t = select(t, vec4u(0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u), first >= 1u);
  t = select(t, vec4u(0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u), first >= 2u);
  t = select(t, vec4u(0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u), first >= 3u);
  t = select(t, vec4u(0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu), first >= 4u);
  let back = 31u - shift;
  let w = (t.xyz << vec3u(shift)) | ((t.yzw >> vec3u(1u)) >> vec3u(back));
  let low = m * w.y + mulHigh_u32(m, w.z);
  let high = m * w.x + mulHigh_u32(m, w.y) + select(0u, 1u, low < m * w.y);
  let k = (high + 0x20000000u) >> 30u;
  let turns = (high << 2u) | (low >> 30u);
  let isNegative = turns >= 0x80000000u;
  let mask = select(0u, 0xffffffffu, isNegative);
  let far = turns ^ mask;
  let near = (low << 2u) ^ mask;
  let isFar = far != 0u;
  let leading = countLeadingZeros(select(near, far, isFar));
  let digits = select(near << leading, (far << leading) | ((near >> 1u) >> (31u - leading)), isFar);
  let scale = bitcast<f32>((select(63u, 95u, isFar) - leading) << 23u);
  let r = f32(digits) * scale * 1.57079633f;
  return Angle(k, select(r, -r, isNegative));
}`,
  splitAngle_f32: `
fn splitAngle_f32(x: f32) -> Angle {
  let word = bitcast<u32>(x) & 0x7fffffffu;
  let zero = nanWord_u32(x);
  let inside = min(bitcast<f32>(word), 6400.0f);
  let k = round(inside * 0.636619772f);
  let once = hideBy_f32(inside - k * 1.5703125f, zero);
  let twice = hideBy_f32(once - k * 4.837512969970703e-4f, zero);
  let thrice = hideBy_f32(twice - k * 7.549533620476723e-8f, zero);
  var angle = Angle(u32(k), thrice - k * 2.5633440682570896e-12f);
  if (word >= 0x45c80000u) {
    angle = largeAngle_f32(word);
  }
  return angle;
}`,
  // The sine of the angle k quarter turns further on than r.
  sinOf_f32: `
fn sinOf_f32(k: u32, r: f32) -> f32 {
  let z = r * r;
  let sine = r + r * (z * ((-1.951647914e-4f * z + 8.332172278e-3f) * z - 1.666665485e-1f));
  let cosine = 1.0f + (z * (z * ((2.443220701e-5f * z - 1.388730809e-3f) * z + 4.166664552e-2f) - 0.5f));
  let word = bitcast<u32>(select(sine, cosine, (k & 1u) != 0u)) ^ ((k & 2u) << 30u);
  return bitcast<f32>(word);
}`,
  // NaN of NaN and infinities.
  finiteOnly_f32: `
fn finiteOnly_f32(x: f32, result: f32) -> f32 {
  let word = bitcast<u32>(x) & 0x7fffffffu;
  return bitcast<f32>(select(bitcast<u32>(result), word | 0x7fc00000u, word >= 0x7f800000u));
}`,
  sin_f32: `
fn sin_f32(x: f32) -> f32 {
  let angle = splitAngle_f32(x);
  let word = bitcast<u32>(x);
  let result = bitcast<f32>(bitcast<u32>(sinOf_f32(angle.k, angle.r)) ^ (word & 0x80000000u));
  return finiteOnly_f32(x, select(result, x, (word & 0x7fffffffu) < 0x39800000u));
}`,
  cos_f32: `
fn cos_f32(x: f32) -> f32 {
  let angle = splitAngle_f32(x);
  return finiteOnly_f32(x, sinOf_f32(angle.k + 1u, angle.r));
}`,
  tan_f32: `
fn tan_f32(x: f32) -> f32 {
  let angle = splitAngle_f32(x);
  let word = bitcast<u32>(x);
  let ratio = sinOf_f32(angle.k, angle.r) / sinOf_f32(angle.k + 1u, angle.r);
  let result = bitcast<f32>(bitcast<u32>(ratio) ^ (word & 0x80000000u));
  return finiteOnly_f32(x, select(result, x, (word & 0x7fffffffu) < 0x39800000u));
}`,
  asinTail_f32: `
fn asinTail_f32(z: f32) -> f32 {
  var tail = 4.221842466e-2f;
  tail = tail * z + 2.414768976e-2f;
  tail = tail * z + 4.547707961e-2f;
  tail = tail * z + 7.495241937e-2f;
  tail = tail * z + 1.666675392e-1f;
  return tail * z;
}`,
  // Beyond ½, half of asin |x| falls short of π/4 by asin √((1 − |x|) / 2).
  asin_f32: `
fn asin_f32(x: f32) -> f32 {
  let magnitude = abs_f32(x);
  let isFar = magnitude > 0.5f;
  let z = select(magnitude * magnitude, 0.5f - 0.5f * magnitude, isFar);
  let s = select(magnitude, sqrt_f32(z), isFar);
  let angle = s + s * asinTail_f32(z);
  let result = copySign_f32(select(angle, 1.57079633f - (angle + angle + 4.37113883e-8f), isFar), x);
  let word = bitcast<u32>(x) & 0x7fffffffu;
  let inside = select(result, x, word < 0x39800000u);
  return bitcast<f32>(select(bitcast<u32>(inside), word | 0x7fc00000u, word > 0x3f800000u));
}`,
  acos_f32: `
fn acos_f32(x: f32) -> f32 {
  let magnitude = abs_f32(x);
  let isFar = magnitude > 0.5f;
  let z = select(magnitude * magnitude, 0.5f - 0.5f * magnitude, isFar);
  let s = select(x, sqrt_f32(z), isFar);
  let angle = s + s * asinTail_f32(z);
  let far = select(angle + angle, 3.14159265f - (angle + angle + 8.74227766e-8f), x < 0.0f);
  let result = select(1.57079633f - (angle + 4.37113883e-8f), far, isFar);
  let word = bitcast<u32>(x) & 0x7fffffffu;
  return bitcast<f32>(select(bitcast<u32>(result), word | 0x7fc00000u, word > 0x3f800000u));
}`,
  // Beyond tan(π/8), the angle less π/4.
  atanOf_f32: `
fn atanOf_f32(a: f32, b: f32) -> f32 {
  let isFar = a > 0.41421356f * b;
  let t = select(a, a - b, isFar) / select(b, a + b, isFar);
  let z = t * t;
  var tail = 8.060236066e-2f;
  tail = tail * z - 1.387982923e-1f;
  tail = tail * z + 1.997792434e-1f;
  tail = tail * z - 3.333295521e-1f;
  return select(0.0f, 0.785398163f, isFar) + (t * (z * tail) + t);
}`,
  atan_f32: `
fn atan_f32(x: f32) -> f32 {
  let magnitude = abs_f32(x);
  let word = bitcast<u32>(magnitude);
  let isSteep = word > 0x3f800000u;
  let inverse = select(1.0f / magnitude, 0.0f, word > 0x7d000000u);
  let angle = atanOf_f32(select(magnitude, inverse, isSteep), 1.0f);
  let result = copySign_f32(select(angle, 1.57079633f - (angle + 4.37113883e-8f), isSteep), x);
  return select(result, x, word < 0x39800000u || word > 0x7f800000u);
}`,
  // Both are scaled so that the larger is between 1 and 2; equal infinities count as equal numbers.
  atan2_f32: `
fn atan2_f32(y: f32, x: f32) -> f32 {
  let wordY = bitcast<u32>(y) & 0x7fffffffu;
  let wordX = bitcast<u32>(x) & 0x7fffffffu;
  let isSteep = wordY > wordX;
  let larger = normal_f32(max(wordX, wordY));
  let smaller = normal_f32(min(wordX, wordY));
  let isEqual = wordX == wordY && wordX != 0u;
  let below = larger.k - smaller.k;
  let a = select(scale_f32(smaller.r, -min(below, 170i)), larger.r, isEqual);
  let isFlat = min(wordX, wordY) == 0u || (max(wordX, wordY) == 0x7f800000u && !isEqual);
  let angle = select(atanOf_f32(a, larger.r), 0.0f, isFlat);
  let right = select(angle, 1.57079633f - (angle + 4.37113883e-8f), isSteep);
  let isBehind = bitcast<u32>(x) >= 0x80000000u;
  let result = copySign_f32(select(right, 3.14159265f - (right + 8.74227766e-8f), isBehind), y);
  return nanOf_f32(result, x, y);
}`,
};
