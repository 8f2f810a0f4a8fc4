import type { FunctionBuilder, Local } from "./assembler.ts";
import { f32x4, i32x4, type V128, v128 } from "./instructions.ts";

// ln 2 in two parts: the first has so few digits that its product with any
// exponent is exact.
const LN2_HIGH = 355 / 512;
const LN2_LOW = Math.LN2 - LN2_HIGH;
const MANTISSA_BITS = 23;
/** Offset of the exponent of an f32. */
const BIAS = 127;
/** Logarithm of the least normal number, 2^-126. */
const LEAST_LOG = -126 * Math.LN2;
// (e^r - 1 - r) / r^2 through the Chebyshev nodes of |r| <= ln 2 / 2; what is
// off by it is below 1.1e-8 of e^r.
const EXP_SERIES = [.5, .16666577, .041666554, .0083631732, .0013926176];
// Added to a small number, it leaves the nearest whole one in the last bits.
const ROUNDER = 1.5 * 2 ** MANTISSA_BITS;

/** e^x in four lanes; within 1.1 ulp. */
export function exp(f: FunctionBuilder, x: V128): Local<"v128"> {
  // Beyond these ends the result is 0 or infinite; NaN stays.
  const most = f32x4.pmin(x, f.constant(89));
  const { rounded, rest } = split(f, f32x4.pmax(most, f.constant(-105)));
  const exponent = f.let(i32x4.sub(rounded, f.constant(ROUNDER)));
  // Two factors are normal numbers even where their product is not.
  const half = f.let(i32x4.shrS(exponent, 1));
  const otherHalf = i32x4.sub(exponent, half);
  const power = f32x4.add(rest, f.constant(1));
  const scaled = f32x4.mul(power, powerOfTwo(f, half));
  return f.let(f32x4.mul(scaled, powerOfTwo(f, otherHalf)));
}

/**
 * e^x in four lanes for x <= 0, where no result is too large; within 1.1 ulp,
 * and 0 for results below every normal number.
 */
export function expDown(f: FunctionBuilder, x: V128): Local<"v128"> {
  return expBounded(f, x).power;
}

/** e^x as in `expDown`, and x, or a finite number where e^x is 0. */
export function expBounded(f: FunctionBuilder, x: V128): {
  readonly power: Local<"v128">;
  readonly bounded: Local<"v128">;
} {
  const given = f.let(x);
  const least = f.constant(LEAST_LOG);
  const bounded = f.let(f32x4.pmax(given, least));
  // Rounded so that its last bits are those of an exponent with its offset.
  const { rounded, rest } = split(f, bounded, BIAS);
  const scale = f.let(i32x4.shl(rounded, MANTISSA_BITS));
  const power = f32x4.madd(rest, scale, scale);
  return {
    power: f.let(v128.andnot(power, f32x4.lt(given, least))),
    bounded,
  };
}

/** Natural logarithm in four lanes; within 1 ulp. */
export function log(f: FunctionBuilder, x: V128): Local<"v128"> {
  const given = f.let(x);
  // Subnormal numbers are scaled up first.
  const tiny = f.let(f32x4.lt(given, f.constant(2 ** -126)));
  const larger = f32x4.mul(given, f.constant(2 ** MANTISSA_BITS));
  const normal = f.let(v128.select(larger, given, tiny));
  const removed = v128.and(tiny, f.constant(MANTISSA_BITS));

  // x = mantissa 2^exponent with a mantissa from the root of 1/2 to that of 2.
  const bits = i32x4.sub(normal, f.constant(Math.SQRT1_2));
  const exponent = f.let(i32x4.shrS(bits, MANTISSA_BITS));
  const mantissa = i32x4.sub(normal, i32x4.shl(exponent, MANTISSA_BITS));
  const n = f.let(f32x4.sub(f32x4.convert(exponent), removed));

  // ln(1 + u) = 2 artanh s with s = u / (u + 2); and 2 s = u - s u leaves u,
  // which is exact, as the leading term. The series' rest is below 2e-9.
  const u = f.let(f32x4.sub(mantissa, f.constant(1)));
  const s = f.let(f32x4.div(u, f32x4.add(u, f.constant(2))));
  const square = f.let(f32x4.mul(s, s));
  const series = polynomial(f, square, [2 / 3, 2 / 5, 2 / 7, 2 / 9]);
  const small = f32x4.mul(s, f32x4.sub(u, f32x4.mul(square, series)));
  const low = f32x4.sub(small, f32x4.mul(n, f.constant(LN2_LOW)));
  const high = f32x4.sub(u, low);
  const result = f.let(f32x4.madd(n, f.constant(LN2_HIGH), high));

  const replace = (mask: V128, value: V128): void =>
    f.set(result, v128.select(value, result, mask));
  replace(f32x4.eq(given, f.constant(Infinity)), given);
  replace(f32x4.eq(given, f.constant(0)), f.constant(-Infinity));
  replace(f32x4.lt(given, f.constant(0)), f.constant(NaN));
  replace(f32x4.ne(given, given), given);
  return result;
}

/** Hyperbolic tangent in four lanes; within 2.2 ulp. */
export function tanh(f: FunctionBuilder, x: V128): Local<"v128"> {
  const given = f.let(x);
  const size = f.let(f32x4.abs(given));
  const sign = v128.xor(given, size);
  // From 10 on the result is 1; NaN stays.
  const twice = f32x4.pmin(f32x4.add(size, size), f.constant(20));
  const { rounded, rest } = split(f, twice, BIAS);
  const scale = f.let(i32x4.shl(rounded, MANTISSA_BITS));
  // t = e^(2 |x|) - 1 without cancellation, and tanh |x| = t / (t + 2).
  const t = f.let(
    f32x4.madd(rest, scale, f32x4.sub(scale, f.constant(1))),
  );
  const magnitude = f32x4.div(t, f32x4.add(t, f.constant(2)));
  return f.let(v128.or(magnitude, sign));
}

/** 1 / (1 + e^-x) in four lanes; within 2.5 ulp, and 0 below -88.7. */
export function sigmoid(f: FunctionBuilder, x: V128): Local<"v128"> {
  const power = exp(f, f32x4.neg(x));
  const one = f.constant(1);
  return f.let(f32x4.div(one, f32x4.add(power, one)));
}

/**
 * x = n ln 2 + r with |r| <= ln 2 / 2: `rounded` has n + bias in its last bits,
 * and `rest` is e^r - 1.
 */
function split(f: FunctionBuilder, x: V128, bias = 0): {
  readonly rounded: Local<"v128">;
  readonly rest: Local<"v128">;
} {
  const given = f.let(x);
  const rounder = f.constant(ROUNDER + bias);
  const rounded = f.let(f32x4.madd(given, f.constant(Math.LOG2E), rounder));
  const n = f.let(f32x4.sub(rounded, rounder));
  const high = f32x4.madd(n, f.constant(-LN2_HIGH), given);
  const r = f.let(f32x4.madd(n, f.constant(-LN2_LOW), high));
  const series = polynomial(f, r, EXP_SERIES);
  const rest = f.let(f32x4.madd(f32x4.mul(r, r), series, r));
  return { rounded, rest };
}

/** c[0] + c[1] x + c[2] x^2 + ... */
function polynomial(
  f: FunctionBuilder,
  x: Local<"v128">,
  coefficients: readonly number[],
): V128 {
  return coefficients.map((c) => f.constant(c))
    .reduceRight((sum, c) => f32x4.madd(sum, x, c));
}

/** 2^n for whole n from -126 to 127. */
function powerOfTwo(f: FunctionBuilder, n: V128): V128 {
  return i32x4.add(i32x4.shl(n, MANTISSA_BITS), f.constant(1));
}
