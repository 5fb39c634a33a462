/**
 * The error function, the logarithm of the gamma function and their kin, of float32 in WGSL. `tests/gpu_bounds.ts`
 * states their errors.
 */

/**
 * - `erf_f32`: `x + x·P(x²)` near 0, off by 2·10⁻⁸; beyond 0.93 `1 − e^(−t − t·P(t))`, off by 3·10⁻⁹.
 * - `erfcFar_f32`: `erfc a = e^(−a²)·(1 + P(q)) / (1 + 2a)` with q = (a − 2) / (a + 2), for 0.4 ≤ a ≤ 10.1; off by
 *   3·10⁻⁸.
 * - `erfinv_f32`: `x·P(w) / Q(w)` with w = −log(1 − x²); off by 2·10⁻⁸.
 * - `sinOfTurns_f32`: sin(πr) for |r| ≤ ½; off by 5·10⁻⁹.
 * - `lgammaNear1_f32`: `lgamma(1 + y) = y·(y − 1)·P(y) / Q(y)` for −½ ≤ y ≤ 2; off by 9·10⁻⁹.
 * - `lgammaOfPositive_f32`: beyond 3 Stirling's series, fitted; off by 2·10⁻⁸ of 1 / x.
 * - `digammaOfPositive_f32`: up to 2 `ψ(1 + y) = (1 + y − root)·P(y) / Q(y)`, off by 10⁻⁸; beyond the asymptotic
 *   series, fitted, off by 10⁻⁸.
 *
 * Polynomials and quotients were fitted as `cpu/math_in_double.ts` says of its own.
 */
export const special: Readonly<Record<string, string>> = {
  erfNear0_f32: `
fn erfNear0_f32(x: f32) -> f32 {
  let z = x * x;
  var p = -5.908094073e-4f;
  p = p * z + 4.976865051e-3f;
  p = p * z - 2.675546606e-2f;
  p = p * z + 1.128150878e-1f;
  p = p * z - 3.761246448e-1f;
  p = p * z + 1.283791452e-1f;
  // A part of a tiny number might be taken for 0.
  return select(x * p + x, x * 1.128379167f, (bitcast<u32>(x) & 0x7fffffffu) < 0x39800000u);
}`,
  erf_f32: `
fn erf_f32(x: f32) -> f32 {
  let t = min(abs_f32(x), 4.0f);
  var p = -2.145958806e-4f;
  p = p * t + 3.21998205e-3f;
  p = p * t - 2.290605057e-2f;
  p = p * t + 1.052868826e-1f;
  p = p * t + 6.356993486e-1f;
  p = p * t + 1.285199582e-1f;
  let power = splitExp_f32(-(t * p + t), 0.0f, nanWord_u32(x));
  let whole = bitcast<f32>(bitcast<u32>(power.k + 127i) << 23u);
  let far = 1.0f - (expm1Near0_f32(power.r) + 1.0f) * whole;
  let isFar = (bitcast<u32>(x) & 0x7fffffffu) > 0x3f6e0000u;
  return select(copySign_f32(select(erfNear0_f32(x), far, isFar), x), x, isNaN_f32(x));
}`,
  erfcFar_f32: `
fn erfcFar_f32(a: f32, zero: u32) -> f32 {
  let q = (a - 2.0f) / (a + 2.0f);
  var p = -1.219034152e-3f;
  p = p * q + 9.063090109e-4f;
  p = p * q + 8.62368016e-3f;
  p = p * q - 7.921708237e-3f;
  p = p * q - 5.420278116e-2f;
  p = p * q + 1.640380021e-1f;
  p = p * q - 1.66031472e-1f;
  p = p * q - 9.276339725e-2f;
  p = p * q + 2.769783926e-1f;
  // The square of 12 bits is exact.
  let head = head_f32(a);
  let power = splitExp_f32(-head * head, (head - a) * (head + a), zero);
  let factor = (1.0f + p) / (1.0f + 2.0f * a);
  return scale_f32(expm1Near0_f32(power.r) + 1.0f, power.k) * factor;
}`,
  erfc_f32: `
fn erfc_f32(x: f32) -> f32 {
  let magnitude = abs_f32(x);
  let far = erfcFar_f32(clamp(magnitude, 0.4f, 10.1f), nanWord_u32(x));
  let result = select(select(far, 2.0f - far, x < 0.0f), 1.0f - erfNear0_f32(x), magnitude < 0.5f);
  return select(result, x, isNaN_f32(x));
}`,
  erfinv_f32: `
fn erfinv_f32(x: f32) -> f32 {
  let w = -log_f32((1.0f - x) * (1.0f + x));
  var p = 2.378462936e-5f;
  p = p * w + 6.469341171e-4f;
  p = p * w + 7.808103025e-3f;
  p = p * w + 5.989480119e-2f;
  p = p * w + 3.076963495e-1f;
  p = p * w + 8.862269422e-1f;
  var q = 1.25097445e-6f;
  q = q * w + 1.775651774e-4f;
  q = q * w + 1.908150364e-3f;
  q = q * w + 3.219228457e-2f;
  q = q * w + 8.539928144e-2f;
  q = q * w + 1.0f;
  let word = bitcast<u32>(x) & 0x7fffffffu;
  let atEdge = 0x7f800000u | (bitcast<u32>(x) & 0x80000000u);
  let outside = select(word | 0x7fc00000u, atEdge, word == 0x3f800000u);
  return select(bitcast<f32>(outside), x * p / q, word < 0x3f800000u);
}`,
  sinOfTurns_f32: `
fn sinOfTurns_f32(r: f32) -> f32 {
  let z = r * r;
  var tail = 7.756079822e-2f;
  tail = tail * z - 5.982423629e-1f;
  tail = tail * z + 2.550069772f;
  tail = tail * z - 5.167709688f;
  return r * (tail * z + 3.141592637f);
}`,
  lgammaNear1_f32: `
fn lgammaNear1_f32(y: f32) -> f32 {
  var p = 6.335787518e-4f;
  p = p * y + 6.202504663e-2f;
  p = p * y + 4.611962794e-1f;
  p = p * y + 9.525706124e-1f;
  p = p * y + 5.772156603e-1f;
  var q = 2.29843006e-2f;
  q = q * y + 3.478315581e-1f;
  q = q * y + 1.411432005f;
  q = q * y + 2.075172391f;
  q = q * y + 1.0f;
  return y * (y - 1.0f) * (p / q);
}`,
  // Up to 0.7 Γ(x) = Γ(1 + x) / x, down to -1/2 as well. Beyond 3 the logarithm less 1 is taken together.
  lgammaOfPositive_f32: `
fn lgammaOfPositive_f32(magnitude: f32, signed: f32) -> f32 {
  let isFar = magnitude >= 3.0f;
  let isSmall = abs(signed - 0.1f) < 0.6f;
  let split = splitLog_f32(magnitude);
  let near = lgammaNear1_f32(clamp(select(magnitude - 1.0f, signed, isSmall), -0.5f, 2.0f));
  let small = split.n * -2.12194440e-4f + logTail_f32(split.f);
  let lessOne = (split.n * 0.693359375f - select(0.0f, 1.0f, isFar)) + (split.f + small);
  let inverse = 1.0f / max(magnitude, 1.0f);
  let z = inverse * inverse;
  let series = (7.093723188e-4f * z - 2.774474185e-3f) * z + 8.333333138e-2f;
  let far = (magnitude - 0.5f) * lessOne + (inverse * series + 4.189385332e-1f);
  return select(select(near, near - lessOne, isSmall), far, isFar);
}`,
  // Below -1/2 |Γ(x)| Γ(-x) = π / |x sin(πx)|.
  lgamma_f32: `
fn lgamma_f32(x: f32) -> f32 {
  let magnitude = abs_f32(x);
  let word = bitcast<u32>(magnitude);
  let positive = lgammaOfPositive_f32(magnitude, x);
  let product = magnitude * abs_f32(sinOfTurns_f32(magnitude - round(magnitude)));
  let split = splitLog_f32(3.14159265f / product);
  let reflected = joinLog_f32(split.n, split.f) - positive;
  let isReflected = bitcast<u32>(x) >= 0x80000000u && magnitude >= 0.5f;
  let finite = select(positive, reflected, isReflected);
  let isWhole = magnitude == floor(magnitude);
  let isPole = word == 0u || word == 0x7f800000u || (isReflected && isWhole);
  // At 1 the product above is -0.
  let nonzero = select(bitcast<u32>(finite), 0u, word == 0x3f800000u);
  let result = select(nonzero, 0x7f800000u, isPole);
  return bitcast<f32>(select(result, word, word > 0x7f800000u));
}`,
  digammaOfPositive_f32: `
fn digammaOfPositive_f32(x: f32, inverse: f32, zero: u32) -> f32 {
  let isBelow1 = x < 1.0f;
  let y = min(select(x - 1.0f, x, isBelow1), 1.0f);
  // The root in two parts.
  let beyond = hideBy_f32(y - 0.46163213f, zero) - 1.24381e-8f;
  let p = (1.261508562e-1f * y + 9.844805828e-1f) * y + 1.250380123f;
  let q = ((3.104987125e-2f * y + 5.045396705e-1f) * y + 1.470890688f) * y + 1.0f;
  let near = beyond * (p / q) - select(0.0f, inverse, isBelow1);
  let z = inverse * inverse;
  var tail = -1.922431718e-3f;
  tail = tail * z + 3.608423643e-3f;
  tail = tail * z - 8.307395472e-3f;
  tail = tail * z + 8.333272445e-2f;
  let split = splitLog_f32(x);
  let far = joinLog_f32(split.n, split.f) - (inverse * 0.5f + z * tail);
  return select(near, far, x >= 2.0f);
}`,
  // Below 0 ψ(x) = ψ(-x) - 1/x - π cot(πx).
  digamma_f32: `
fn digamma_f32(x: f32) -> f32 {
  let magnitude = abs_f32(x);
  let word = bitcast<u32>(magnitude);
  let isNegative = bitcast<u32>(x) >= 0x80000000u;
  let inverse = 1.0f / magnitude;
  let positive = digammaOfPositive_f32(magnitude, inverse, nanWord_u32(x));
  let turns = x - round(x);
  let ratio = sinOfTurns_f32(0.5f - abs_f32(turns)) / sinOfTurns_f32(turns);
  // Near 0 it is 1/|x|, and two of the terms may be infinite.
  let reflected = select(positive + inverse - 3.14159265f * ratio, inverse, magnitude < 1e-8f);
  let isPole = word == 0u || (isNegative && magnitude == floor(magnitude));
  let finite = bitcast<u32>(select(positive, reflected, isNegative));
  let result = select(finite, 0x7f800000u, word == 0x7f800000u);
  return bitcast<f32>(select(result, 0x7fc00000u, isPole || word > 0x7f800000u));
}`,
  // The sum of scale n! / (a + j)^(n + 1) over j = 0, 1, ... for a > 0: term by term until a > n + 11, then by Euler's
  // and Maclaurin's formula. It stops at the largest number.
  zetaTerm_f32: `
fn zetaTerm_f32(n: f32, a: f32, scale: f32) -> f32 {
  var term = scale / a;
  for (var j = n; j >= 1.0f; j = j - 1.0f) {
    term = term * (j / a);
  }
  return term;
}`,
  zeta_f32: `
fn zeta_f32(n: f32, start: f32, scale: f32) -> f32 {
  var total = 0.0f;
  var a = start;
  while (a < n + 11.0f) {
    total = total + zetaTerm_f32(n, a, scale);
    a = a + 1.0f;
  }
  let square = 1.0f / a / a;
  let s = n + 1.0f;
  let c1 = s * (0.5f / a);
  let c2 = c1 * ((s + 1.0f) * (s + 2.0f) * square * 0.0833333333f);
  let c3 = c2 * ((s + 3.0f) * (s + 4.0f) * square * 0.0333333333f);
  let c4 = c3 * ((s + 5.0f) * (s + 6.0f) * square * 0.0178571429f);
  let series = c1 * 0.166666667f - c2 * 0.0333333333f + (c3 * 0.0238095238f - c4 * 0.0333333333f);
  let tail = zetaTerm_f32(n - 1.0f, a, scale) + zetaTerm_f32(n, a, scale) * (0.5f + series);
  return min(total + tail, 3.4028234e38f);
}`,
  // The n-th derivative of digamma. Of negative x, the terms before 0 are those of positive numbers with other signs;
  // on the way all are made smaller, since they may cancel.
  polygamma_f32: `
fn polygamma_f32(n: f32, x: f32) -> f32 {
  let word = bitcast<u32>(x);
  if ((bitcast<u32>(n) << 1u) == 0u) {
    return digamma_f32(x);
  }
  let isOrder = bitcast<i32>(n) >= 0x3f800000i && bitcast<i32>(n) <= 0x432a0000i && n == floor(n);
  if (!isOrder || (word & 0x7fffffffu) > 0x7f800000u || word == 0xff800000u) {
    return nan_f32();
  }
  let isOdd = (i32(n) & 1i) != 0i;
  let sign = select(0x80000000u, 0u, isOdd);
  let below = x - floor(x);
  if (word == 0x7f800000u) {
    return bitcast<f32>(sign);
  }
  if (word == 0u || (word >= 0x80000000u && below == 0.0f)) {
    return bitcast<f32>(sign | 0x7f800000u);
  }
  var sum = 0.0f;
  if (word < 0x80000000u) {
    sum = zeta_f32(n, x, 1.0f);
    sum = select(sum, infinity_f32(), sum >= 3.4028234e38f);
  } else {
    let above = ceil(x) - x;
    let cancels = !isOdd && above == below;
    let scale = select(7.888609052210118e-31f, 1.0f, cancels);
    let left = zeta_f32(n, above, scale);
    let right = zeta_f32(n, below, scale);
    let beyond = zeta_f32(n, 1.0f - x, scale);
    let areHuge = left >= 3.4028234e38f && right >= 3.4028234e38f && above != below;
    let difference = select(right - left + beyond, (above - below) * 3e38f, areHuge);
    sum = select(difference, right + (left - beyond), isOdd) * select(1.2676506002282294e30f, 1.0f, cancels);
  }
  return bitcast<f32>(bitcast<u32>(sum) ^ sign);
}`,
};
