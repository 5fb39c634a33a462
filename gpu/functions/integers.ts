/** WGSL functions on integers where its own operators do something else, or nothing certain: by 0, beyond 31 bits. */

export const integers: Readonly<Record<string, string>> = {
  // Neither by 0 nor by -1, which the least integer cannot be divided by, is left to WGSL.
  div_i32: `
fn div_i32(a: i32, b: i32) -> i32 {
  let divisor = select(b, 1i, b == 0i || b == -1i);
  let quotient = select(a / divisor, 0i - a, b == -1i);
  return select(quotient, 0i, b == 0i);
}`,
  div_u32: `
fn div_u32(a: u32, b: u32) -> u32 {
  return select(a / max(b, 1u), 0u, b == 0u);
}`,
  rem_i32: `
fn rem_i32(a: i32, b: i32) -> i32 {
  let divisor = select(b, 1i, b == 0i || b == -1i);
  return a - a / divisor * divisor;
}`,
  rem_u32: `
fn rem_u32(a: u32, b: u32) -> u32 {
  return a % max(b, 1u);
}`,
  pow_u32: `
fn pow_u32(base: u32, power: u32) -> u32 {
  var result = 1u;
  var square = base;
  for (var rest = power; rest != 0u; rest = rest >> 1u) {
    result = select(result, result * square, (rest & 1u) != 0u);
    square = square * square;
  }
  return result;
}`,
  // To a negative power only 1 and -1 have whole results.
  pow_i32: `
fn pow_i32(base: i32, power: i32) -> i32 {
  let result = bitcast<i32>(pow_u32(bitcast<u32>(base), bitcast<u32>(abs(power))));
  return select(result, 0i, power < 0i && abs(base) != 1i);
}`,
  shl_i32: `
fn shl_i32(a: i32, b: i32) -> i32 {
  let distance = bitcast<u32>(b);
  return select(a << min(distance, 31u), 0i, distance > 31u);
}`,
  shl_u32: `
fn shl_u32(a: u32, b: u32) -> u32 {
  return select(a << min(b, 31u), 0u, b > 31u);
}`,
  shr_i32: `
fn shr_i32(a: i32, b: i32) -> i32 {
  return a >> min(bitcast<u32>(b), 31u);
}`,
  shr_u32: `
fn shr_u32(a: u32, b: u32) -> u32 {
  return select(a >> min(b, 31u), 0u, b > 31u);
}`,
};
