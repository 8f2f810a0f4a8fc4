import { LOWEST } from "./rows.ts";
import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import { f32x4, i32x4, type V128 } from "./wasm/instructions.ts";

// (2^r - 1) / r through the Chebyshev nodes of |r| <= 1/2, behind the 1 of 2^r;
// what is off by it is below 6e-9 of 2^r.
const SERIES = [
  ...[1, .69314719, .24022651, .055503571, .0096180826, .0013390863],
  .00015453163,
];
// Added to a small whole number, it leaves that in the last bits.
const ROUNDER = 1.5 * 2 ** 23;

/**
 * 2^(x - base) for whole numbers `base` and results below 2^128: exactly 2^x
 * over 2^base, or 0 where that is below every normal number, as for -Infinity.
 */
export function exp2(
  f: FunctionBuilder,
  x: V128,
  base: V128,
): Local<"v128"> {
  // -Infinity less itself would be NaN; NaN stays.
  const given = f.let(f32x4.pmax(x, f.constant(LOWEST)));
  const whole = f.let(f32x4.nearest(given));
  const rest = f.let(f32x4.sub(given, whole));
  const biased = f32x4.add(f32x4.sub(whole, base), f.constant(ROUNDER + 127));
  const power = i32x4.shl(f32x4.pmax(f.constant(ROUNDER), biased), 23);
  const series = SERIES.map((c): V128 => f.constant(c))
    .reduceRight((sum, c) => f32x4.madd(sum, rest, c));
  return f.let(f32x4.mul(series, power));
}
