import type { FunctionBuilder, Local } from "./wasm/assembler.ts";
import { f32x4, i32x4, type V128 } from "./wasm/instructions.ts";

// Taylor series of 2^r for |r| <= 1/2; the first term left out is < 1e-8.
const SERIES = [1];
for (let i = 1; i < 8; i++) SERIES.push(SERIES[i - 1]! * Math.LN2 / i);

/**
 * 2^(x - base) for whole numbers `base` and results below 2^128: exactly 2^x
 * over 2^base, or 0 where that is below every normal number.
 */
export function exp2(
  f: FunctionBuilder,
  x: V128,
  base: V128,
): Local<"v128"> {
  const given = f.let(x);
  const whole = f.let(f32x4.nearest(given));
  const rest = f.let(f32x4.sub(given, whole));
  const biased = f32x4.add(f32x4.sub(whole, base), f.constant(127));
  const exponent = f32x4.pmax(f.constant(0), biased);
  const power = i32x4.shl(i32x4.truncate(exponent), 23);
  const series = SERIES.map((c): V128 => f.constant(c))
    .reduceRight((sum, c) => f32x4.madd(sum, rest, c));
  return f.let(f32x4.mul(series, power));
}
