import { constant, type Expr, type Primitive } from "./expression.ts";

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
   * f32 or vec4f, and makes a literal fit both.
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

const ZERO: Expr = constant(0);

/**
 * Every primitive. Where a derivative is ambiguous: `max` and `min` follow
 * their first operand in a tie, `abs` has derivative 0 at 0, and `select`
 * takes the branch that it took, so what is not finite in the other branch
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
    wgsl: "log(x)",
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
    wgsl: "pow(x, y)",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = Math.pow(x[i]!, y[i]!);
    },
    derivative: ({ x, y, dx }) => x.pow(y.value - 1).mul(y).mul(dx),
  },
  tanh: {
    // Drivers divide two exponentials, which overflow; beyond 15, f32 has 1.
    wgsl: "tanh(clamp(x, F(-15), F(15)))",
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.tanh(x[i]!);
    },
    derivative: ({ out, dx }) => constant(1).sub(out.square()).mul(dx),
  },
  sigmoid: {
    // WGSL leaves overflow open; exp(88) is just below it.
    wgsl: "F(1) / (F(1) + exp(min(-x, F(88))))",
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
    wgsl: "sign(x)",
    run: (out, n, x) => {
      for (let i = 0; i < n; i++) out[i] = Math.sign(x[i]!);
    },
    derivative: () => ZERO,
  },
  max: {
    wgsl: "max(x, y)",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = Math.max(x[i]!, y[i]!);
    },
    derivative: ({ x, y, dx, dy }) => x.greaterEqual(y).select(dx, dy),
  },
  min: {
    wgsl: "min(x, y)",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = Math.min(x[i]!, y[i]!);
    },
    derivative: ({ x, y, dx, dy }) => y.greaterEqual(x).select(dx, dy),
  },
  greater: {
    wgsl: "select(F(0), F(1), x > y)",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! > y[i]! ? 1 : 0;
    },
    derivative: () => ZERO,
  },
  greaterEqual: {
    wgsl: "select(F(0), F(1), x >= y)",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! >= y[i]! ? 1 : 0;
    },
    derivative: () => ZERO,
  },
  equal: {
    wgsl: "select(F(0), F(1), x == y)",
    run: (out, n, x, y) => {
      for (let i = 0; i < n; i++) out[i] = x[i]! === y[i]! ? 1 : 0;
    },
    derivative: () => ZERO,
  },
  select: {
    wgsl: "select(z, y, x != F(0))",
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
    if (op === "input") found = constant(value === index ? 1 : 0);
    else if (op === "constant") found = ZERO;
    else {
      const [x = ZERO, y = ZERO, z = ZERO] = args;
      const [dx = ZERO, dy = ZERO, dz = ZERO] = args.map(visit);
      const chain = { x, y, z, out: part, dx, dy, dz };
      found = PRIMITIVES[op].derivative(chain);
    }
    known.set(part, found);
    return found;
  };
  return visit(output).mul(g);
}
