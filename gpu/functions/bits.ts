/**
 * WGSL functions on the bits of float32: tests, comparisons, roundings and casts. Compilers of shaders assume that
 * there is no NaN, flush subnormal numbers and reassociate sums, but leave integers alone.
 */

/**
 * - `nanWord_u32`: 1 of NaN, else 0, which compilers do not know to be 0.
 * - `hideBy_f32`: a number as it is, if the word is 0; sums are not reordered across it. `hide_f32` makes its own word.
 * - `order_i32`: an integer that grows as the number does, with one for both zeros; `total_i32` has −1 for −0.
 */
export const bits: Readonly<Record<string, string>> = {
  nan_f32: `
fn nan_f32() -> f32 {
  var word = 0x7fc00000u;
  return bitcast<f32>(word);
}`,
  infinity_f32: `
fn infinity_f32() -> f32 {
  var word = 0x7f800000u;
  return bitcast<f32>(word);
}`,
  ofBits_f32: `
fn ofBits_f32(word: u32) -> f32 {
  return bitcast<f32>(word);
}`,
  isNaN_f32: `
fn isNaN_f32(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`,
  nanWord_u32: `
fn nanWord_u32(x: f32) -> u32 {
  return select(0u, 1u, isNaN_f32(x));
}`,
  hideBy_f32: `
fn hideBy_f32(x: f32, zero: u32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) | zero);
}`,
  hide_f32: `
fn hide_f32(x: f32) -> f32 {
  return hideBy_f32(x, nanWord_u32(x));
}`,
  copySign_f32: `
fn copySign_f32(magnitude: f32, x: f32) -> f32 {
  return bitcast<f32>((bitcast<u32>(magnitude) & 0x7fffffffu) | (bitcast<u32>(x) & 0x80000000u));
}`,
  neg_f32: `
fn neg_f32(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) ^ 0x80000000u);
}`,
  abs_f32: `
fn abs_f32(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & 0x7fffffffu);
}`,
  sign_f32: `
fn sign_f32(x: f32) -> f32 {
  let word = bitcast<u32>(x);
  let one = (word & 0x80000000u) | 0x3f800000u;
  let isOrdered = (word & 0x7fffffffu) - 1u < 0x7f800000u;
  return bitcast<f32>(select(word, one, isOrdered));
}`,
  floor_f32: `
fn floor_f32(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(floor(x)) | (bitcast<u32>(x) & 0x80000000u));
}`,
  ceil_f32: `
fn ceil_f32(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(ceil(x)) | (bitcast<u32>(x) & 0x80000000u));
}`,
  trunc_f32: `
fn trunc_f32(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(trunc(x)) | (bitcast<u32>(x) & 0x80000000u));
}`,
  round_f32: `
fn round_f32(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(round(x)) | (bitcast<u32>(x) & 0x80000000u));
}`,
  order_i32: `
fn order_i32(x: f32) -> i32 {
  let word = bitcast<i32>(x);
  return select(word, i32(-2147483648) - word, word < 0i);
}`,
  total_i32: `
fn total_i32(x: f32) -> i32 {
  let word = bitcast<i32>(x);
  return word ^ ((word >> 31u) & 0x7fffffffi);
}`,
  eq_f32: `
fn eq_f32(a: f32, b: f32) -> bool {
  let first = order_i32(a);
  return first == order_i32(b) && abs(first) <= 0x7f800000i;
}`,
  ne_f32: `
fn ne_f32(a: f32, b: f32) -> bool {
  let first = order_i32(a);
  return first != order_i32(b) || abs(first) > 0x7f800000i;
}`,
  lt_f32: `
fn lt_f32(a: f32, b: f32) -> bool {
  let first = order_i32(a);
  let second = order_i32(b);
  return first < second && max(abs(first), abs(second)) <= 0x7f800000i;
}`,
  le_f32: `
fn le_f32(a: f32, b: f32) -> bool {
  let first = order_i32(a);
  let second = order_i32(b);
  return first <= second && max(abs(first), abs(second)) <= 0x7f800000i;
}`,
  nanOf_f32: `
fn nanOf_f32(result: f32, a: f32, b: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(result) | select(0u, 0x7fffffffu, isNaN_f32(a) || isNaN_f32(b)));
}`,
  min_f32: `
fn min_f32(a: f32, b: f32) -> f32 {
  return nanOf_f32(select(b, a, total_i32(a) < total_i32(b)), a, b);
}`,
  max_f32: `
fn max_f32(a: f32, b: f32) -> f32 {
  return nanOf_f32(select(a, b, total_i32(a) < total_i32(b)), a, b);
}`,
  // Rounded to float16: to nearest, ties to even. Subnormal numbers of float16 are multiples of 2^-24.
  half_f32: `
fn half_f32(x: f32) -> f32 {
  let word = bitcast<u32>(x);
  let magnitude = word & 0x7fffffffu;
  let rounded = (magnitude + 0xfffu + ((magnitude >> 13u) & 1u)) & 0xffffe000u;
  let finite = select(rounded, 0x7f800000u, rounded >= 0x47800000u);
  let normal = select(finite, magnitude, magnitude > 0x7f800000u);
  let tiny = bitcast<u32>(round(bitcast<f32>(magnitude) * 16777216.0f) * 5.9604644775390625e-8f);
  return bitcast<f32>(select(normal, tiny, magnitude < 0x38800000u) | (word & 0x80000000u));
}`,
  i32FromF32: `
fn i32FromF32(x: f32) -> i32 {
  let inside = i32(clamp(x, -2147483648.0f, 2147483520.0f));
  let word = bitcast<u32>(x);
  let finite = select(inside, 0x7fffffffi, bitcast<i32>(x) >= 0x4f000000i);
  return select(finite, 0i, isNaN_f32(x));
}`,
  u32FromF32: `
fn u32FromF32(x: f32) -> u32 {
  let inside = u32(clamp(x, 0.0f, 4294967040.0f));
  let finite = select(inside, 0xffffffffu, bitcast<i32>(x) >= 0x4f800000i);
  return select(finite, 0u, isNaN_f32(x));
}`,
  boolFromF32: `
fn boolFromF32(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) != 0u;
}`,
  // Both parts are exact, so that their sum is rounded once, to nearest.
  f32FromI32: `
fn f32FromI32(x: i32) -> f32 {
  return f32(x >> 12u) * 4096.0f + f32(x & 0xfffi);
}`,
  f32FromU32: `
fn f32FromU32(x: u32) -> f32 {
  return f32(x >> 12u) * 4096.0f + f32(x & 0xfffu);
}`,
};
