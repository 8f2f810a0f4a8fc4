/**
 * Reverse mode over single float64 numbers: the oracle of every gradient.
 *
 * A matrix product is nothing but dot products of numbers here, so the only
 * derivatives to trust are the few local ones of this file.
 *
 * @module
 */

/** A float64 number that remembers what it was computed from. */
export class Scalar {
  static #made = 0;
  /** Rank by time of creation: inputs are always older than results. */
  readonly order: number = Scalar.#made++;
  /** The number itself. */
  readonly value: number;
  /** What it was computed from. */
  readonly inputs: readonly Scalar[];
  /** Derivative of `value` with respect to each of `inputs`. */
  readonly slopes: readonly number[];
  /** Derivative of the loss with respect to `value`; see `backward`. */
  grad = 0;

  /** A constant or a variable when it has no inputs. */
  constructor(
    value: number,
    inputs: readonly Scalar[] = [],
    slopes: readonly number[] = [],
  ) {
    this.value = value;
    this.inputs = inputs;
    this.slopes = slopes;
  }
}

/** One row of numbers. */
export type Row = readonly Scalar[];

/** Rows of equal length. */
export type Matrix = readonly Row[];

/** Adds to `grad` of all that `loss` was computed from: call once per graph. */
export function backward(loss: Scalar): void {
  const reached = new Set([loss]);
  // A set's iterator also visits what is added on the way.
  for (const x of reached) for (const input of x.inputs) reached.add(input);
  loss.grad = 1;
  for (const x of [...reached].sort((a, b) => b.order - a.order)) {
    x.inputs.forEach((input, i) => input.grad += x.grad * x.slopes[i]!);
  }
}

/** The values of `rows` one after the other. */
export function valuesOf(rows: Matrix): Float64Array {
  return Float64Array.from(rows.flat(), (x) => x.value);
}

/** The gradients of `rows` one after the other. */
export function gradsOf(rows: Matrix): Float64Array {
  return Float64Array.from(rows.flat(), (x) => x.grad);
}

/** data: [rows * width] -> [rows, width], as variables. */
export function matrix(data: ArrayLike<number>, width: number): Matrix {
  return Array.from(
    { length: data.length / width },
    (_, i) =>
      Array.from({ length: width }, (_, j) => new Scalar(data[i * width + j]!)),
  );
}

/** Σ xs */
export function sum(xs: Row): Scalar {
  return new Scalar(xs.reduce((s, x) => s + x.value, 0), xs, xs.map(() => 1));
}

/** x + y */
export function add(x: Scalar, y: Scalar): Scalar {
  return sum([x, y]);
}

/** Σ xs_i ys_i */
export function dot(xs: Row, ys: Row): Scalar {
  const a = xs.map((x) => x.value);
  const b = ys.map((y) => y.value);
  return new Scalar(
    a.reduce((s, x, i) => s + x * b[i]!, 0),
    [...xs, ...ys],
    [...b, ...a],
  );
}

/** x y */
export function mul(x: Scalar, y: Scalar): Scalar {
  return dot([x], [y]);
}

/** a x + b for fixed numbers a and b. */
export function affine(x: Scalar, a: number, b: number): Scalar {
  return new Scalar(a * x.value + b, [x], [a]);
}

/** eˣ */
export function exp(x: Scalar): Scalar {
  const y = Math.exp(x.value);
  return new Scalar(y, [x], [y]);
}

/** ln x */
export function log(x: Scalar): Scalar {
  return new Scalar(Math.log(x.value), [x], [1 / x.value]);
}

/** xⁿ for a fixed number n. */
export function power(x: Scalar, n: number): Scalar {
  return new Scalar(x.value ** n, [x], [n * x.value ** (n - 1)]);
}

/** The largest of `xs`; the first of them takes the gradient of a tie. */
export function max(xs: Row): Scalar {
  return xs.reduce((a, b) => b.value > a.value ? b : a);
}
