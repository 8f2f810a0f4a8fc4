import { constant, type Expr, NOTHING, type Primitive } from "./expression.ts";

/** Operands of a primitive, its value, and derivatives of the operands. */
export interface Chain {
  /** First operand. */
  readonly x: Expr;
  /** Second operand; 0 when there is none. */
  readonly y: Expr;
  /** Third operand; 0 when there is none. */
  readonly z: Expr;
  /** The primitive applied to them. */
  readonly out: Expr;
  /** Derivative of `x`. */
  readonly dx: Expr;
  /** Derivative of `y`. */
  readonly dy: Expr;
  /** Derivative of `z`. */
  readonly dz: Expr;
}

/** All that there is to say about one primitive. */
export interface PrimitiveRow {
  /**
   * WGSL of the value, of operands `x`, `y` and `z`; `F` stands for the type,
   * f32 or vec4f, and makes a literal fit both, as `U` does for its bits.
   *
   * An implementation of WGSL may assume that NaN does not occur: `max` and
   * `min` drop it, and comparisons may be turned round. So tests for it are of
   * bits, which leave nothing to assume.
   */
  readonly wgsl: string;
  /** Plain loop over the first `n` elements. */
  readonly run: (
    out: Float64Array,
    n: number,
    x: Float64Array,
    y: Float64Array,
    z: Float64Array,
  ) => void;
  /** Derivative of the value by the chain rule. */
  readonly derivative: (chain: Chain) => Expr;
}

/** Least normal f32. */
const LEAST = 2 ** -126;

/** WGSL of the bits of `x`, or of another operand, without its sign. */
const size = (x: string): string => `(bitcast<U>(${x}) & U(0x7fffffffu))`;

/** WGSL of whether one of some operands is NaN. */
const anyNaN = (...operands: readonly string[]): string =>
  operands.map((x) => `(${size(x)} > U(0x7f800000u))`).join(" | ");

/** WGSL of a comparison that holds for no NaN. */
const holds = (comparison: string): string =>
  `select(select(F(0), F(1), ${comparison}), F(0), ${anyNaN("x", "y")})`;

/** WGSL of NaN, whatever `x` is. */
const NOT_A_NUMBER = "bitcast<F>(bitcast<U>(x) | U(0x7fc00000u))";

/**
 * Every primitive. Where a derivative is ambiguous: `max` and `min` follow
 * their first operand in a tie and the second beside NaN, `abs` has derivative
 * 0 at 0, and `select` takes the branch that it took, so what is not finite in the other branch
 * stays out of the gradient.
 */
export const PRIMITIVES: Readonly<Record<Primitive, PrimitiveRow>> = {
  add: {
    wgsl: "x + y",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! + y[i]!;
    },
    derivative: ({ dx, dy }) => dx.add(dy),
  },
  sub: {
    wgsl: "x - y",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! - y[i]!;
    },
    derivative: ({ dx, dy }) => dx.sub(dy),
  },
  mul: {
    wgsl: "x * y",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! * y[i]!;
    },
    derivative: ({ x, y, dx, dy }) => dx.mul(y).add(x.mul(dy)),
  },
  div: {
    wgsl: "x / y",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! / y[i]!;
    },
    derivative: ({ y, out, dx, dy }) => dx.sub(out.mul(dy)).div(y),
  },
  neg: {
    wgsl: "-x",
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = -x[i]!;
    },
    derivative: ({ dx }) => dx.neg(),
  },
  exp: {
    wgsl: "exp(x)",
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.exp(x[i]!);
    },
    derivative: ({ out, dx }) => out.mul(dx),
  },
  log: {
    // Small numbers are scaled up, since WGSL's logarithm may mistake those
    // below the least normal one.
    wgsl: `log(select(x, x * F(${
      2 ** 23
    }), x < F(${LEAST}))) - select(F(0), F(${23 * Math.LN2}), x < F(${LEAST}))`,
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.log(x[i]!);
    },
    derivative: ({ x, dx }) => dx.div(x),
  },
  sqrt: {
    wgsl: "sqrt(x)",
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.sqrt(x[i]!);
    },
    derivative: ({ out, dx }) => dx.mul(0.5).div(out),
  },
  rsqrt: {
    wgsl: "inverseSqrt(x)",
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = 1 / Math.sqrt(x[i]!);
    },
    derivative: ({ x, out, dx }) => out.mul(-0.5).div(x).mul(dx),
  },
  pow: {
    // WGSL's pow may be 0 at 0 whatever the exponent is, and mistake numbers
    // below the least normal one, which count as 0 here.
    wgsl:
      `select(select(pow(abs(x), y), select(F(1) / abs(x), abs(x), y > F(0)), ${
        size("x")
      } < U(0x00800000u)), ${NOT_A_NUMBER}, ((bitcast<U>(x) > U(0x80000000u)) & (bitcast<U>(x) != U(0xff800000u))) | ${
        anyNaN("x")
      })`,
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = Math.pow(x[i]!, y[i]!);
    },
    derivative: ({ x, y, dx }) => x.pow(y.value - 1).mul(y).mul(dx),
  },
  tanh: {
    // Drivers divide two exponentials, which overflow; beyond 15, f32 has 1.
    wgsl: `select(tanh(clamp(x, F(-15), F(15))), x, ${anyNaN("x")})`,
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.tanh(x[i]!);
    },
    derivative: ({ out, dx }) => constant(1).sub(out.square()).mul(dx),
  },
  sigmoid: {
    // WGSL leaves overflow open; exp(88) is just below it.
    wgsl: `select(F(1) / (F(1) + exp(min(-x, F(88)))), select(F(0), x, ${
      anyNaN("x")
    }), (x < F(-88)) | ${anyNaN("x")})`,
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = 1 / (1 + Math.exp(-x[i]!));
    },
    derivative: ({ out, dx }) => constant(1).sub(out).mul(out).mul(dx),
  },
  sin: {
    wgsl: "sin(x)",
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.sin(x[i]!);
    },
    derivative: ({ x, dx }) => x.cos().mul(dx),
  },
  cos: {
    wgsl: "cos(x)",
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.cos(x[i]!);
    },
    derivative: ({ x, dx }) => x.sin().neg().mul(dx),
  },
  abs: {
    wgsl: "abs(x)",
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.abs(x[i]!);
    },
    derivative: ({ x, dx }) => x.sign().mul(dx),
  },
  sign: {
    wgsl: `select(select(F(-1), F(1), bitcast<U>(x) < U(0x80000000u)), x, (${
      size("x")
    } == U(0)) | ${anyNaN("x")})`,
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.sign(x[i]!);
    },
    derivative: () => NOTHING,
  },
  max: {
    wgsl: `select(max(x, y), ${NOT_A_NUMBER}, ${anyNaN("x", "y")})`,
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = Math.max(x[i]!, y[i]!);
    },
    derivative: ({ x, y, dx, dy }) => x.greaterEqual(y).select(dx, dy),
  },
  min: {
    wgsl: `select(min(x, y), ${NOT_A_NUMBER}, ${anyNaN("x", "y")})`,
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = Math.min(x[i]!, y[i]!);
    },
    derivative: ({ x, y, dx, dy }) => y.greaterEqual(x).select(dx, dy),
  },
  greater: {
    wgsl: holds("x > y"),
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! > y[i]! ? 1 : 0;
    },
    derivative: () => NOTHING,
  },
  greaterEqual: {
    wgsl: holds("x >= y"),
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! >= y[i]! ? 1 : 0;
    },
    derivative: () => NOTHING,
  },
  equal: {
    wgsl: holds("x == y"),
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! === y[i]! ? 1 : 0;
    },
    derivative: () => NOTHING,
  },
  select: {
    wgsl: `select(z, y, ${size("x")} != U(0))`,
    run: (out, n, x, y, z) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! !== 0 ? y[i]! : z[i]!;
    },
    derivative: ({ x, dy, dz }) => x.select(dy, dz),
  },
};

/**
 * `g` times the derivative of `output` by input number `index`, as an
 * expression of the same inputs. Forward through the operands, not backward from the output: so a
 * `select` can drop a branch with all that is not finite in it.
 */
export function differentiate(
  output: Expr,
  index: number,
  g: Expr = constant(1),
): Expr {
  const known = new Map<Expr, Expr>();
  const visit = (part: Expr): Expr => {
    let found = known.get(part);
    if (found) return found;
    const { op, args, value } = part;
    if (op === "input") found = value === index ? constant(1) : NOTHING;
    else if (op === "constant") found = NOTHING;
    else {
      const [x = NOTHING, y = NOTHING, z = NOTHING] = args;
      const [dx = NOTHING, dy = NOTHING, dz = NOTHING] = args.map(visit);
      const chain = { x, y, z, out: part, dx, dy, dz };
      found = PRIMITIVES[op].derivative(chain);
    }
    known.set(part, found);
    return found;
  };
  const derivative = scaled(visit(output), g);
  return derivative === NOTHING ? constant(0) : derivative;
}

/** g times a derivative, where `select` leaves something of it. */
function scaled(derivative: Expr, g: Expr): Expr {
  const { op, args } = derivative;
  if (op !== "select") return derivative.mul(g);
  const [condition, yes, no] = args as [Expr, Expr, Expr];
  return condition.select(branch(yes, g), branch(no, g));
}

/** A branch without a derivative stays 0, even where g is not finite. */
function branch(derivative: Expr, g: Expr): Expr {
  return derivative === constant(0) ? derivative : scaled(derivative, g);
}
