/** Exponentials, logarithms and hyperbolic functions of float32 in WGSL. `tests/gpu_bounds.ts` states their errors. */

/**
 * - `splitExp_f32`: `x + tail = k·ln 2 + r`, of a small tail. ln 2 comes in two parts; the product of the first is
 *   exact.
 * - `expm1Near0_f32`: `e^r − 1` for |r| ≤ 0.4, a minimax polynomial that is off by 4·10⁻⁹.
 * - `scale_f32`: `x·2^k` for ½ ≤ x < 2 and −180 ≤ k ≤ 250; the last step alone may round.
 * - `splitLog_f32`: `x = 2^n·(1 + f)` with √½ ≤ 1 + f < √2 for positive numbers, subnormal ones too.
 * - `logTail_f32`: `log(1 + f) − f`, by a minimax polynomial that is off by 6·10⁻⁹ of the logarithm.
 * - `logOfAny_f32`: the logarithm of 0, ∞, NaN and negative numbers; the given one of others.
 */
export const exponentials: Readonly<Record<string, string>> = {
  Power: `
struct Power {
  k: i32,
  r: f32,
}`,
  splitExp_f32: `
fn splitExp_f32(x: f32, tail: f32, zero: u32) -> Power {
  let n = round(x * 1.44269504f);
  let near = hideBy_f32(x - n * 0.693359375f, zero);
  return Power(i32(n), near + (n * 2.12194440e-4f + tail));
}`,
  expm1Near0_f32: `
fn expm1Near0_f32(r: f32) -> f32 {
  var tail = 1.381459987e-3f;
  tail = tail * r + 8.368715412e-3f;
  tail = tail * r + 4.166838793e-2f;
  tail = tail * r + 1.666652064e-1f;
  tail = tail * r + 4.999999345e-1f;
  return r * r * tail + r;
}`,
  scale_f32: `
fn scale_f32(x: f32, k: i32) -> f32 {
  let isTiny = k < -124i;
  let word = bitcast<u32>(x) + (bitcast<u32>(k + select(0i, 64i, isTiny)) << 23u);
  return bitcast<f32>(min(word, 0x7f800000u)) * select(1.0f, 5.421010862427522e-20f, isTiny);
}`,
  exp_f32: `
fn exp_f32(x: f32) -> f32 {
  let zero = nanWord_u32(x);
  let power = splitExp_f32(clamp(x, -105.0f, 89.0f), 0.0f, zero);
  let result = scale_f32(expm1Near0_f32(power.r) + 1.0f, power.k);
  return select(result, x, zero != 0u);
}`,
  exp2_f32: `
fn exp2_f32(x: f32) -> f32 {
  let inside = clamp(x, -151.0f, 129.0f);
  let n = round(inside);
  let result = scale_f32(expm1Near0_f32((inside - n) * 0.693147181f) + 1.0f, i32(n));
  return select(result, x, isNaN_f32(x));
}`,
  // At half its size, for k may be 128; tiny numbers are their own results.
  expm1_f32: `
fn expm1_f32(x: f32) -> f32 {
  let zero = nanWord_u32(x);
  let power = splitExp_f32(clamp(x, -20.0f, 89.0f), 0.0f, zero);
  let half = bitcast<f32>(bitcast<u32>(power.k + 126i) << 23u);
  let halfResult = expm1Near0_f32(power.r) * half + hideBy_f32(half - 0.5f, zero);
  let isItself = zero != 0u || (bitcast<u32>(x) & 0x7fffffffu) < 0x32800000u;
  return select(halfResult + halfResult, x, isItself);
}`,
  // With t = e^(-2|x|) - 1, tanh |x| = -t / (t + 2), where nothing cancels.
  tanh_f32: `
fn tanh_f32(x: f32) -> f32 {
  let zero = nanWord_u32(x);
  let power = splitExp_f32(max(abs_f32(x) * -2.0f, -20.0f), 0.0f, zero);
  let whole = bitcast<f32>(bitcast<u32>(power.k + 127i) << 23u);
  let t = expm1Near0_f32(power.r) * whole + hideBy_f32(whole - 1.0f, zero);
  let isItself = zero != 0u || (bitcast<u32>(x) & 0x7fffffffu) < 0x39800000u;
  return select(copySign_f32(t / (t + 2.0f), x), x, isItself);
}`,
  // e^|x| / 2, which reaches a little further than e^|x|.
  halfExp_f32: `
fn halfExp_f32(x: f32) -> f32 {
  let power = splitExp_f32(min(abs_f32(x), 91.0f), 0.0f, nanWord_u32(x));
  return scale_f32(expm1Near0_f32(power.r) + 1.0f, power.k - 1i);
}`,
  cosh_f32: `
fn cosh_f32(x: f32) -> f32 {
  let half = halfExp_f32(x);
  return select(half + 0.25f / half, x, isNaN_f32(x));
}`,
  sinh_f32: `
fn sinh_f32(x: f32) -> f32 {
  let half = halfExp_f32(x);
  let z = x * x;
  var tail = 2.037219294e-4f;
  tail = tail * z + 8.330283738e-3f;
  tail = tail * z + 1.666671602e-1f;
  let magnitude = bitcast<u32>(x) & 0x7fffffffu;
  let result = copySign_f32(select(half - 0.25f / half, abs_f32(x * z * tail + x), magnitude < 0x3f800000u), x);
  return select(result, x, magnitude < 0x39800000u || magnitude > 0x7f800000u);
}`,
  Mantissa: `
struct Mantissa {
  n: f32,
  f: f32,
}`,
  splitLog_f32: `
fn splitLog_f32(x: f32) -> Mantissa {
  let word = bitcast<u32>(x);
  let isSubnormal = word < 0x00800000u;
  let normal = select(word, bitcast<u32>(f32(word)), isSubnormal);
  let exponent = bitcast<i32>(normal - 0x3f3504f3u) >> 23u;
  let mantissa = bitcast<f32>(normal - (bitcast<u32>(exponent) << 23u));
  return Mantissa(f32(exponent - select(0i, 149i, isSubnormal)), mantissa - 1.0f);
}`,
  logTail_f32: `
fn logTail_f32(f: f32) -> f32 {
  var tail = -7.613036583e-2f;
  tail = tail * f + 1.274754394e-1f;
  tail = tail * f - 1.316127618e-1f;
  tail = tail * f + 1.420368176e-1f;
  tail = tail * f - 1.662345079e-1f;
  tail = tail * f + 2.000115055e-1f;
  tail = tail * f - 2.500081686e-1f;
  tail = tail * f + 3.333333249e-1f;
  return f * f * (f * tail - 0.5f);
}`,
  joinLog_f32: `
fn joinLog_f32(n: f32, f: f32) -> f32 {
  return n * 0.693359375f + (f + (n * -2.12194440e-4f + logTail_f32(f)));
}`,
  logOfAny_f32: `
fn logOfAny_f32(x: f32, result: f32) -> f32 {
  let word = bitcast<u32>(x);
  let infiniteOrNaN = select(0x7fc00000u, 0x7f800000u, word == 0x7f800000u);
  let special = select(infiniteOrNaN, 0xff800000u, (word << 1u) == 0u);
  return select(bitcast<f32>(special), result, word - 1u < 0x7f7fffffu);
}`,
  log_f32: `
fn log_f32(x: f32) -> f32 {
  let split = splitLog_f32(x);
  return logOfAny_f32(x, joinLog_f32(split.n, split.f));
}`,
  log2_f32: `
fn log2_f32(x: f32) -> f32 {
  let split = splitLog_f32(x);
  return logOfAny_f32(x, (split.f + logTail_f32(split.f)) * 1.44269504f + split.n);
}`,
  log10_f32: `
fn log10_f32(x: f32) -> f32 {
  let split = splitLog_f32(x);
  let small = (split.f + logTail_f32(split.f)) * 0.434294482f + split.n * 2.487456639811952e-4f;
  return logOfAny_f32(x, split.n * 0.30078125f + small);
}`,
  // 1 + f of u = 1 + x as rounded is taken from x itself, unless x is so large that 1 is lost.
  log1p_f32: `
fn log1p_f32(x: f32) -> f32 {
  let zero = nanWord_u32(x);
  let u = hideBy_f32(x + 1.0f, zero);
  let split = splitLog_f32(u);
  let scale = bitcast<f32>(bitcast<u32>(127i - i32(split.n)) << 23u);
  let f = select(x * scale + hideBy_f32(scale - 1.0f, zero), split.f, split.n > 25.0f);
  let result = logOfAny_f32(u, joinLog_f32(split.n, f));
  let isItself = zero != 0u || (bitcast<u32>(x) & 0x7fffffffu) < 0x32800000u;
  return select(result, x, isItself);
}`,
  // log(1 + z) with z = |x| + x² / (1 + √(1 + x²)), and log 2|x| of large x, whose square might be infinite.
  asinh_f32: `
fn asinh_f32(x: f32) -> f32 {
  let magnitude = abs_f32(x);
  let isLarge = magnitude >= 1048576.0f;
  let square = magnitude * magnitude;
  let z = magnitude + square / (1.0f + sqrt(square + 1.0f));
  let result = log1p_f32(select(z, magnitude, isLarge)) + select(0.0f, 0.693147181f, isLarge);
  return select(copySign_f32(result, x), x, isNaN_f32(x));
}`,
  acosh_f32: `
fn acosh_f32(x: f32) -> f32 {
  let isLarge = x >= 1048576.0f;
  let z = x - 1.0f;
  let result = log1p_f32(select(z + sqrt(z * (z + 2.0f)), x, isLarge)) + select(0.0f, 0.693147181f, isLarge);
  let word = bitcast<u32>(x);
  let nan = bitcast<f32>(word | 0x7fc00000u);
  return select(nan, result, word - 0x3f800000u <= 0x40000000u);
}`,
  atanh_f32: `
fn atanh_f32(x: f32) -> f32 {
  let word = bitcast<u32>(x) & 0x7fffffffu;
  let magnitude = bitcast<f32>(word);
  let quotient = bitcast<u32>((magnitude + magnitude) / (1.0f - magnitude));
  let ratio = bitcast<f32>(select(quotient, 0x7f800000u, word == 0x3f800000u));
  let inside = select(0.5f * log1p_f32(ratio), magnitude, word < 0x39800000u);
  let nan = bitcast<f32>(word | 0x7fc00000u);
  return select(nan, copySign_f32(inside, x), word <= 0x3f800000u);
}`,
};
