import { constant } from "../../kernels/mod.ts";
import type { Tensor } from "../tensor.ts";
import { fuse, type Operand } from "./fuse.ts";

/** A function of one tensor, element by element. */
export type UnaryOp = (x: Tensor) => Tensor;

/** A function of two operands that broadcast, element by element. */
export type BinaryOp = (x: Operand, y: Operand) => Tensor;

/** A function of three operands that broadcast, element by element. */
export type TernaryOp = (x: Operand, y: Operand, z: Operand) => Tensor;

/** x + y */
export const add: BinaryOp = fuse("add", (x, y) => x.add(y));
/** x - y */
export const sub: BinaryOp = fuse("sub", (x, y) => x.sub(y));
/** x y */
export const mul: BinaryOp = fuse("mul", (x, y) => x.mul(y));
/** x / y */
export const div: BinaryOp = fuse("div", (x, y) => x.div(y));
/** -x */
export const neg: UnaryOp = fuse("neg", (x) => x.neg());
/** eˣ */
export const exp: UnaryOp = fuse("exp", (x) => x.exp());
/** ln x, -Infinity at 0, NaN below */
export const log: UnaryOp = fuse("log", (x) => x.log());
/** √x, NaN below 0 */
export const sqrt: UnaryOp = fuse("sqrt", (x) => x.sqrt());
/** 1 / √x, Infinity at 0, NaN below */
export const rsqrt: UnaryOp = fuse("rsqrt", (x) => x.rsqrt());
/** x² */
export const square: UnaryOp = fuse("square", (x) => x.square());
/** Hyperbolic tangent. */
export const tanh: UnaryOp = fuse("tanh", (x) => x.tanh());
/** 1 / (1 + e⁻ˣ) */
export const sigmoid: UnaryOp = fuse("sigmoid", (x) => x.sigmoid());
/** Sine of an angle in radians. */
export const sin: UnaryOp = fuse("sin", (x) => x.sin());
/** Cosine of an angle in radians. */
export const cos: UnaryOp = fuse("cos", (x) => x.cos());
/** |x|; its gradient at 0 is 0. */
export const abs: UnaryOp = fuse("abs", (x) => x.abs());
/**
 * Larger of x and y, NaN if one is. The gradient goes to x in a tie, and to y
 * where the result is NaN.
 */
export const maximum: BinaryOp = fuse("maximum", (x, y) => x.max(y));
/** Smaller of x and y, otherwise like {@linkcode maximum}. */
export const minimum: BinaryOp = fuse("minimum", (x, y) => x.min(y));
/** x limited to [low, high], NaN if it is: clamp(x, low, high). */
export const clamp: TernaryOp = fuse("clamp", (x, a, b) => x.max(a).min(b));
/** x where it is positive or NaN, otherwise 0, and so is its gradient. */
export const relu: UnaryOp = fuse("relu", (x) => constant(0).max(x));
/** x sigmoid(x) (Elfwing et al., 2017, arXiv:1702.03118) */
export const silu: UnaryOp = fuse("silu", (x) => x.mul(x.sigmoid()));
/**
 * Gaussian error linear unit in the tanh form
 * 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))
 * (Hendrycks and Gimpel, 2016, arXiv:1606.08415, section 2).
 */
export const gelu: UnaryOp = fuse("gelu", (x) => {
  const cubic = x.square().mul(0.044715).add(1).mul(x);
  // Half of it first, since twice the largest x would be infinite.
  return cubic.mul(Math.sqrt(2 / Math.PI)).tanh().add(1).mul(0.5).mul(x);
});
/** `y` where `x` is not 0 (NaN is not), otherwise `z`; no gradient to `x`. */
export const where: TernaryOp = fuse("where", (x, y, z) => x.select(y, z));
/** 1 where x > y, otherwise 0; no gradient. */
export const greater: BinaryOp = fuse("greater", (x, y) => x.greater(y));
/** 1 where x >= y, otherwise 0; no gradient. */
export const greaterEqual: BinaryOp = fuse(
  "greaterEqual",
  (x, y) => x.greaterEqual(y),
);
/** 1 where x < y, otherwise 0; no gradient. */
export const less: BinaryOp = fuse("less", (x, y) => x.less(y));
/** 1 where x <= y, otherwise 0; no gradient. */
export const lessEqual: BinaryOp = fuse("lessEqual", (x, y) => x.lessEqual(y));
/** 1 where x = y, otherwise 0; no gradient. */
export const equal: BinaryOp = fuse("equal", (x, y) => x.equal(y));

/**
 * x to the power of a number. Whole exponents take any x, others give NaN where
 * x is below 0; to the power of 0 everything is 1, even NaN. The exponent is part of the kernel.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, pow, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [2], [-2, 3]);
 * using y = pow(x, 3);
 * assertEquals([...await y.data()], [-8, 27]);
 * ```
 */
export function pow(x: Tensor, exponent: number): Tensor {
  return fuse("pow", (x) => x.pow(exponent))(x);
}
