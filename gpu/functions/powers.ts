/**
 * Quotients, roots and powers of float32 in WGSL, corrected in integers where WGSL's own are inexact.
 * `tests/gpu_bounds.ts` states their errors.
 */

/**
 * - `normal_f32`: a finite positive number as `r·2^k` with 1 ≤ r < 2; of 0, less than the least subnormal number.
 * - `head_f32`: the first 12 bits of a number.
 * - `powOfAny_f32`: C's pow of special numbers and signs; the given magnitude of others.
 */
export const powers: Readonly<Record<string, string>> = {
  normal_f32: `
fn normal_f32(word: u32) -> Power {
  let isSubnormal = word < 0x00800000u;
  let normal = select(word, bitcast<u32>(f32(word)), isSubnormal);
  let k = bitcast<i32>(normal >> 23u) - select(127i, 276i, isSubnormal);
  return Power(k, bitcast<f32>((normal & 0x7fffffu) | 0x3f800000u));
}`,
  // WGSL's quotient of the mantissas is right up to a few units. What it leaves is an integer, which tells how many.
  div_f32: `
fn div_f32(a: f32, b: f32) -> f32 {
  let wordA = bitcast<u32>(a) & 0x7fffffffu;
  let wordB = bitcast<u32>(b) & 0x7fffffffu;
  let sign = (bitcast<u32>(a) ^ bitcast<u32>(b)) & 0x80000000u;
  let dividend = normal_f32(wordA);
  let divisor = normal_f32(wordB);
  let inverse = 1.0f / divisor.r;
  let isAbove1 = dividend.r >= divisor.r;
  let near = dividend.r * inverse;
  let quotient = select(min(near, 0.99999994f), max(near, 1.0f), isAbove1);
  let mantissaA = (bitcast<u32>(dividend.r) & 0x7fffffu) | 0x800000u;
  let mantissaB = (bitcast<u32>(divisor.r) & 0x7fffffu) | 0x800000u;
  let rest = bitcast<i32>((mantissaA << 24u) - u32(quotient * 16777216.0f) * mantissaB);
  let units = round(f32(rest) * inverse * select(1.1920929e-7f, 5.9604645e-8f, isAbove1));
  let exact = bitcast<f32>(bitcast<u32>(quotient) + bitcast<u32>(i32(units)));
  let result = bitcast<u32>(scale_f32(exact, clamp(dividend.k - divisor.k, -180i, 180i)));
  let isOrdinary = wordA - 1u < 0x7f7fffffu && wordB - 1u < 0x7f7fffffu;
  let isNaN = wordA > 0x7f800000u || wordB > 0x7f800000u || wordA == wordB;
  let zeroOrInfinite = select(0u, 0x7f800000u, wordB == 0u || wordA == 0x7f800000u);
  let special = select(zeroOrInfinite, 0x7fc00000u, isNaN);
  return bitcast<f32>(select(special, result, isOrdinary) | sign);
}`,
  // The same of the root of a mantissa between 1 and 4.
  sqrt_f32: `
fn sqrt_f32(x: f32) -> f32 {
  let word = bitcast<u32>(x);
  let number = normal_f32(word);
  let isOdd = (number.k & 1i) != 0i;
  let near = sqrt(select(number.r, number.r + number.r, isOdd));
  let root = clamp(near, 1.0f, 1.9999999f);
  let mantissa = (bitcast<u32>(number.r) & 0x7fffffu) | 0x800000u;
  let digits = u32(root * 8388608.0f);
  let rest = bitcast<i32>((mantissa << select(23u, 24u, isOdd)) - digits * digits);
  let units = round(f32(rest) / (root * 16777216.0f));
  let exact = bitcast<u32>(root) + bitcast<u32>(i32(units)) + (bitcast<u32>(number.k >> 1u) << 23u);
  let isZero = (word << 1u) == 0u;
  let special = select(0x7fc00000u, word, isZero || word == 0x7f800000u);
  return bitcast<f32>(select(special, exact, word - 1u < 0x7f7fffffu));
}`,
  // From a first guess by Halley's method to 8 bits, whose cube is exact; then the series of the root of what is left.
  cbrt_f32: `
fn cbrt_f32(x: f32) -> f32 {
  let word = bitcast<u32>(x) & 0x7fffffffu;
  let number = normal_f32(word);
  let shifted = number.k + 150i;
  let third = shifted / 3i;
  let m = number.r * bitcast<f32>(bitcast<u32>(127i + shifted - third * 3i) << 23u);
  let guess = bitcast<f32>(bitcast<u32>(m) / 3u + 0x2a5137a0u);
  let cube = guess * guess * guess;
  let closer = guess * ((cube + 2.0f * m) / (2.0f * cube + m));
  let t = bitcast<f32>((bitcast<u32>(closer) + 0x8000u) & 0xffff0000u);
  let whole = t * t * t;
  let e = (m - whole) / whole;
  let root = t + t * (e * (0.333333333f + e * (-0.111111111f + e * 0.0617283951f)));
  let result = bitcast<f32>(bitcast<u32>(root) + (bitcast<u32>(third - 50i) << 23u));
  return select(x, copySign_f32(result, x), word - 1u < 0x7f7fffffu);
}`,
  head_f32: `
fn head_f32(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}`,
  powOfAny_f32: `
fn powOfAny_f32(x: f32, y: f32, power: f32) -> f32 {
  let word = bitcast<u32>(x) & 0x7fffffffu;
  let wordY = bitcast<u32>(y) & 0x7fffffffu;
  let isNegative = bitcast<u32>(x) >= 0x80000000u;
  let rises = (word > 0x3f800000u) == (bitcast<u32>(y) < 0x80000000u);
  let isExtreme = word == 0u || word == 0x7f800000u || wordY == 0x7f800000u;
  let magnitude = select(bitcast<u32>(power), select(0u, 0x7f800000u, rises), isExtreme);
  // The bits of y after its point.
  let exponent = wordY >> 23u;
  let mantissa = (wordY & 0x7fffffu) | 0x800000u;
  let after = min(150u - min(exponent, 150u), 31u);
  let isWhole = (mantissa & ((1u << after) - 1u)) == 0u;
  let isOdd = exponent <= 150u && ((mantissa >> after) & 1u) != 0u;
  let signed = magnitude | select(0u, 0x80000000u, isNegative && isWhole && isOdd);
  let isNaN = word > 0x7f800000u || wordY > 0x7f800000u || (isNegative && !isWhole && !isExtreme);
  let result = select(signed, 0x7fc00000u, isNaN);
  let isOne = bitcast<u32>(x) == 0x3f800000u || wordY == 0u || (word == 0x3f800000u && wordY == 0x7f800000u);
  return bitcast<f32>(select(result, 0x3f800000u, isOne));
}`,
  // Exact: a long division, eight bits of the quotient at a time.
  rem_f32: `
fn rem_f32(x: f32, y: f32) -> f32 {
  let word = bitcast<u32>(x) & 0x7fffffffu;
  let wordY = bitcast<u32>(y) & 0x7fffffffu;
  let dividend = normal_f32(word);
  let divisor = normal_f32(wordY);
  let mantissa = (bitcast<u32>(divisor.r) & 0x7fffffu) | 0x800000u;
  let first = (bitcast<u32>(dividend.r) & 0x7fffffu) | 0x800000u;
  let isOrdinary = word < 0x7f800000u && wordY - 1u < 0x7f7fffffu;
  var left = select(0i, dividend.k - divisor.k, isOrdinary && word >= wordY);
  var rest = first % mantissa;
  while (left > 0i) {
    let step = min(left, 8i);
    rest = (rest << bitcast<u32>(step)) % mantissa;
    left = left - step;
  }
  // The rest counts units of the divisor's last place, which may be too small for a normal number.
  let leading = countLeadingZeros(rest | 1u) - 8u;
  let k = divisor.k - bitcast<i32>(leading);
  let digits = rest << leading;
  let normal = (digits & 0x7fffffu) | (bitcast<u32>(max(k, -126i) + 127i) << 23u);
  let subnormal = digits >> bitcast<u32>(clamp(-126i - k, 0i, 31i));
  let magnitude = select(select(normal, subnormal, k < -126i), 0u, rest == 0u);
  let isItself = word < wordY && wordY <= 0x7f800000u;
  let result = select(magnitude, word, isItself) | (bitcast<u32>(x) & 0x80000000u);
  return bitcast<f32>(select(0x7fc00000u, result, isOrdinary || (isItself && word < 0x7f800000u)));
}`,
  // log2 of x = 2^n (1 + f) as a number of few bits and a rest: 2 / ln 2 (s + s^3 P(s^2)) with s = f / (2 + f) in two
  // parts. Before, 1 + f is multiplied by 1.25 or 0.75, which is exact, so that it is near 1. Products of 12 bits are
  // exact.
  pow_f32: `
fn pow_f32(x: f32, y: f32) -> f32 {
  let zero = nanWord_u32(x);
  let split = splitLog_f32(abs_f32(x));
  let isLow = split.f < -0.16f;
  let isHigh = split.f > 0.19f;
  let quarter = select(0.0f, 0.25f, isLow) - select(0.0f, 0.25f, isHigh);
  let f = hideBy_f32(split.f + quarter, zero) + quarter * split.f;
  let n = split.n + select(select(0.0f, 0.4150390625f, isHigh), -0.322021484375f, isLow);
  let logTail = select(select(0.0f, -1.5633788384e-6f, isHigh), 9.33894876377e-5f, isLow);
  let fHigh = head_f32(f);
  let s = f / (f + 2.0f);
  let sHigh = head_f32(s);
  let once = hideBy_f32(f - (sHigh + sHigh), zero);
  let twice = hideBy_f32(once - sHigh * fHigh, zero);
  let sLow = (twice - sHigh * (f - fHigh)) / (f + 2.0f);
  let z = s * s;
  let series = s * z * ((0.1493591801f * z + 0.1998876895f) * z + 0.333333882f);
  let product = sHigh * 2.884765625f;
  let tail = sHigh * 6.244567779e-4f + ((sLow + series) * 2.88539008f + logTail);
  let logHigh = head_f32(n + (product + tail));
  let logLow = hideBy_f32(hideBy_f32(n - logHigh, zero) + product, zero) + tail;
  let yHigh = head_f32(y);
  let total = y * (logHigh + logLow);
  let isHuge = (bitcast<u32>(total) & 0x7fffffffu) > 0x43480000u;
  let main = yHigh * logHigh;
  let rest = yHigh * logLow + (y - yHigh) * (logHigh + logLow);
  let k = round(clamp(total, -180.0f, 180.0f));
  let r = select(hideBy_f32(main - k, zero) + rest, 0.0f, isHuge);
  return powOfAny_f32(x, y, scale_f32(expm1Near0_f32(r * 0.693147181f) + 1.0f, i32(k)));
}`,
};
