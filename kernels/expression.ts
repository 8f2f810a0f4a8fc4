/** Names of the functions that expressions are made of; see `PRIMITIVES`. */
export type Primitive =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "pow"
  | "tanh"
  | "sigmoid"
  | "sin"
  | "cos"
  | "abs"
  | "sign"
  | "max"
  | "min"
  | "greater"
  | "greaterEqual"
  | "equal"
  | "select";

/**
 * A scalar function of numbered inputs: written once, it gives the WGSL, the
 * loops for the processor and, by `differentiate`, the gradient.
 *
 * Immutable, and equal expressions are the same object, so a common part is
 * found by identity and computed once. Made by `input`, `constant` and the
 * methods, which already fold constants and drop zeros and ones.
 */
export class Expr {
  /** What computes the value from `args`, or a leaf. */
  readonly op: Primitive | "input" | "constant";
  /** Operands of a primitive; none for a leaf. */
  readonly args: readonly Expr[];
  /** Number of an input, value of a constant, 0 otherwise. */
  readonly value: number;
  /** Number that no other expression has; operands come before their users. */
  readonly id: number;

  /** Only for this file: `input`, `constant` and methods keep equals identical. */
  constructor(
    op: Expr["op"],
    args: readonly Expr[],
    value: number,
    id: number,
  ) {
    this.op = op;
    this.args = args;
    this.value = value;
    this.id = id;
  }

  /** this + y */
  add(y: Expr | number): Expr {
    const [a, b] = [this, expr(y)];
    if (a === NOTHING) return b;
    if (b === NOTHING) return a;
    if (bothConstant(a, b)) return constant(a.value + b.value);
    if (isConstant(a, 0)) return b;
    return isConstant(b, 0) ? a : node("add", a, b);
  }

  /** this - y */
  sub(y: Expr | number): Expr {
    const [a, b] = [this, expr(y)];
    if (a === NOTHING) return b.neg();
    if (b === NOTHING) return a;
    if (bothConstant(a, b)) return constant(a.value - b.value);
    if (isConstant(a, 0)) return b.neg();
    return isConstant(b, 0) ? a : node("sub", a, b);
  }

  /** this * y */
  mul(y: Expr | number): Expr {
    const [a, b] = [this, expr(y)];
    if (a === NOTHING || b === NOTHING) return NOTHING;
    if (bothConstant(a, b)) return constant(a.value * b.value);
    if (isConstant(a, 1)) return b;
    return isConstant(b, 1) ? a : node("mul", a, b);
  }

  /** this / y */
  div(y: Expr | number): Expr {
    const [a, b] = [this, expr(y)];
    if (a === NOTHING) return a;
    if (bothConstant(a, b)) return constant(a.value / b.value);
    return isConstant(b, 1) ? a : node("div", a, b);
  }

  /** -this */
  neg(): Expr {
    if (this === NOTHING) return this;
    if (this.op === "constant") return constant(-this.value);
    return this.op === "neg" ? this.args[0]! : node("neg", this);
  }

  /** e to the power of this */
  exp(): Expr {
    return node("exp", this);
  }

  /** Natural logarithm. */
  log(): Expr {
    return node("log", this);
  }

  /** Square root. */
  sqrt(): Expr {
    return node("sqrt", this);
  }

  /** 1 / square root */
  rsqrt(): Expr {
    return node("rsqrt", this);
  }

  /** this * this */
  square(): Expr {
    return this.mul(this);
  }

  /**
   * this to the power of `exponent`. Whole exponents take any base; others give
   * NaN below 0.
   */
  pow(exponent: number): Expr {
    if (exponent === 0) return constant(1);
    return exponent === 1 ? this : node("pow", this, constant(exponent));
  }

  /** Hyperbolic tangent. */
  tanh(): Expr {
    return node("tanh", this);
  }

  /** 1 / (1 + e to the power of -this) */
  sigmoid(): Expr {
    return node("sigmoid", this);
  }

  /** Sine of an angle in radians. */
  sin(): Expr {
    return node("sin", this);
  }

  /** Cosine of an angle in radians. */
  cos(): Expr {
    return node("cos", this);
  }

  /** Absolute value. */
  abs(): Expr {
    return node("abs", this);
  }

  /** -1, 0 or 1 */
  sign(): Expr {
    return node("sign", this);
  }

  /** Larger of this and y. */
  max(y: Expr | number): Expr {
    return node("max", this, expr(y));
  }

  /** Smaller of this and y. */
  min(y: Expr | number): Expr {
    return node("min", this, expr(y));
  }

  /** 1 where this > y, otherwise 0. */
  greater(y: Expr | number): Expr {
    return node("greater", this, expr(y));
  }

  /** 1 where this >= y, otherwise 0. */
  greaterEqual(y: Expr | number): Expr {
    return node("greaterEqual", this, expr(y));
  }

  /** 1 where this < y, otherwise 0. */
  less(y: Expr | number): Expr {
    return expr(y).greater(this);
  }

  /** 1 where this <= y, otherwise 0. */
  lessEqual(y: Expr | number): Expr {
    return expr(y).greaterEqual(this);
  }

  /** 1 where this = y, otherwise 0. */
  equal(y: Expr | number): Expr {
    return node("equal", this, expr(y));
  }

  /** `yes` where this is not 0, otherwise `no`. */
  select(yes: Expr | number, no: Expr | number): Expr {
    const [a, b] = [expr(yes), expr(no)];
    return a === b ? a : node("select", this, a, b);
  }
}

/** Every expression ever made, by content. */
const interned = new Map<string, Expr>();

function intern(op: Expr["op"], args: readonly Expr[], value: number): Expr {
  const key = `${op} ${value} ${args.map((arg) => arg.id)}`;
  let found = interned.get(key);
  if (!found) {
    found = new Expr(op, args, value, interned.size);
    interned.set(key, found);
  }
  return found;
}

function node(op: Primitive, ...args: Expr[]): Expr {
  return intern(op, args.map((x) => x === NOTHING ? constant(0) : x), 0);
}

/**
 * The 0 of a derivative by what a value does not depend on. Times anything, NaN
 * and Infinity included, it stays nothing.
 */
export const NOTHING: Expr = new Expr("constant", [], 0, -1);

/** The operand with number `index`, counted from 0. */
export function input(index: number): Expr {
  return intern("input", [], index);
}

/**
 * A number that is part of the kernel; one that changes between launches is
 * an `input`. Throws a `RangeError` when f32 cannot hold it.
 */
export function constant(value: number): Expr {
  if (!Number.isFinite(Math.fround(value))) {
    throw new RangeError(
      `Cannot use ${value} in an expression: expected a finite f32`,
    );
  }
  return intern("constant", [], value);
}

function expr(value: Expr | number): Expr {
  return typeof value === "number" ? constant(value) : value;
}

function isConstant(x: Expr, value: number): boolean {
  return x.op === "constant" && x.value === value;
}

function bothConstant(x: Expr, y: Expr): boolean {
  return x.op === "constant" && y.op === "constant";
}

/** Largest whole exponent of a power that becomes multiplications alone. */
const MOST_FACTORS = 64;

/**
 * The same values without powers of whole exponents: small ones become
 * multiplications, others powers of what is not below 0.
 */
export function expandPowers(outputs: readonly Expr[]): Expr[] {
  const known = new Map<Expr, Expr>();
  for (const part of partsOf(outputs)) {
    const args = part.args.map((arg) => known.get(arg)!);
    const exponent = part.op === "pow" ? args[1]!.value : NaN;
    const expanded = Number.isInteger(exponent)
      ? wholePower(args[0]!, exponent)
      : args.every((arg, i) => arg === part.args[i])
      ? part
      : intern(part.op, args, part.value);
    known.set(part, expanded);
  }
  return outputs.map((output) => known.get(output)!);
}

function wholePower(x: Expr, exponent: number): Expr {
  const odd = exponent % 2 !== 0;
  if (Math.abs(exponent) > MOST_FACTORS) {
    const even = odd ? exponent - Math.sign(exponent) : exponent;
    const power = node("pow", x.abs(), constant(even));
    if (!odd) return power;
    return exponent < 0 ? power.div(x) : power.mul(x);
  }
  if (exponent < 0) return constant(1).div(wholePower(x, -exponent));
  if (exponent < 2) return exponent === 0 ? constant(1) : x;
  const root = wholePower(x, Math.floor(exponent / 2)).square();
  return odd ? root.mul(x) : root;
}

/** All parts of `outputs`, each once, operands before their users. */
export function partsOf(outputs: readonly Expr[]): Expr[] {
  const parts = new Set<Expr>();
  const visit = (part: Expr): void => {
    if (parts.has(part)) return;
    part.args.forEach(visit);
    parts.add(part);
  };
  outputs.forEach(visit);
  return [...parts];
}

/** Numbers of the inputs that `outputs` depend on, ascending. */
export function inputsOf(outputs: readonly Expr[]): number[] {
  return partsOf(outputs)
    .filter(({ op }) => op === "input")
    .map(({ value }) => value)
    .sort((a, b) => a - b);
}
