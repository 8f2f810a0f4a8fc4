import {
  expandPowers,
  type Expr,
  partsOf,
  type Primitive,
} from "./expression.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";
import { f32x4, type V128, v128 } from "./wasm/instructions.ts";
import { exp, log, sigmoid, tanh } from "./wasm/math.ts";

/** Four values of a primitive, of operands that may be used several times. */
type Lanes = (f: FunctionBuilder, x: V128, y: V128, z: V128) => V128;

/** Comparison with 1 for true and 0 for false. */
const holds = (compare: (x: V128, y: V128) => V128): Lanes => (f, x, y) =>
  v128.and(compare(x, y), f.constant(1));

/** Every primitive but sine and cosine. */
const LANES: Readonly<Partial<Record<Primitive, Lanes>>> = {
  add: (_, x, y) => f32x4.add(x, y),
  sub: (_, x, y) => f32x4.sub(x, y),
  mul: (_, x, y) => f32x4.mul(x, y),
  div: (_, x, y) => f32x4.div(x, y),
  neg: (_, x) => f32x4.neg(x),
  exp,
  log,
  sqrt: (_, x) => f32x4.sqrt(x),
  rsqrt: (f, x) => f32x4.div(f.constant(1), f32x4.sqrt(x)),
  pow: (f, x, y) => {
    const size = f.let(f32x4.abs(x));
    const power = exp(f, f32x4.mul(y, log(f, size)));
    const negative = f32x4.lt(x, f.constant(0));
    const finite = f32x4.lt(size, f.constant(Infinity));
    return v128.or(power, v128.and(negative, finite)); // all bits: NaN
  },
  tanh,
  sigmoid,
  abs: (_, x) => f32x4.abs(x),
  // 1 with the sign of x; 0 and NaN stay.
  sign: (f, x) => {
    const one = v128.or(v128.and(x, f.constant(-0)), f.constant(1));
    const some = f32x4.gt(f32x4.abs(x), f.constant(0));
    return v128.select(one, x, some);
  },
  max: (_, x, y) => f32x4.max(x, y),
  min: (_, x, y) => f32x4.min(x, y),
  greater: holds(f32x4.gt),
  greaterEqual: holds(f32x4.ge),
  equal: holds(f32x4.eq),
  select: (f, x, y, z) => v128.select(y, z, f32x4.ne(x, f.constant(0))),
};

/** Whether `expressionLanes` knows all parts of `outputs`. */
export function hasLanes(outputs: readonly Expr[]): boolean {
  return partsOf(expandPowers(outputs)).every(({ op }) =>
    op === "input" || op === "constant" || op in LANES
  );
}

/**
 * Writes code for four values of each of `outputs`; `input` gives those of an
 * input. Throws a `TypeError` for a sine or cosine.
 */
export function expressionLanes(
  f: FunctionBuilder,
  outputs: readonly Expr[],
  input: (index: number) => V128,
): V128[] {
  const values = new Map<Expr, V128>();
  const roots = expandPowers(outputs);
  for (const part of partsOf(roots)) {
    const { op, args, value } = part;
    if (op === "constant") values.set(part, f.constant(value));
    else if (op === "input") values.set(part, f.let(input(value)));
    else {
      const lanes = LANES[op];
      if (!lanes) {
        throw new TypeError(`Cannot write ${op} in vectors: it has no form`);
      }
      const zero = f.constant(0);
      const [x = zero, y = zero, z = zero] = args.map((arg) =>
        values.get(arg)!
      );
      values.set(part, f.let(lanes(f, x, y, z)));
    }
  }
  return roots.map((output) => values.get(output)!);
}
