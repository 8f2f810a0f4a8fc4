/**
 * Weights of the reference models: what they are and where their values come
 * from when no file holds them.
 *
 * @module
 */
import {
  backward,
  gradsOf,
  type Matrix,
  matrix,
  type Scalar,
} from "./autodiff64.ts";

/** One weight tensor, row-major. */
export interface Weight {
  /** Matrices are [out, in], tables [rows, dim], norms [dim]. */
  readonly shape: readonly number[];
  /** As many numbers as `shape` says. */
  readonly data: Float64Array;
}

/** Weights by their Hugging Face names. */
export type Weights = ReadonlyMap<string, Weight>;

/** Name and shape of one weight tensor. */
export type NamedShape = readonly [name: string, shape: readonly number[]];

/** Weights as variables: name -> [out, in], a norm as one row. */
export type Variables = (name: string) => Matrix;

/** Weights as variables. Throws a `RangeError` for a name that is missing. */
export function variables(weights: Weights): Variables {
  const rows = new Map<string, Matrix>();
  for (const [name, { shape, data }] of weights) {
    rows.set(name, matrix(data, shape.at(-1)!));
  }
  return (name) => {
    const found = rows.get(name);
    if (found === undefined) {
      throw new RangeError(`Cannot find weight: none is called ${name}`);
    }
    return found;
  };
}

/** Loss and its gradient with respect to every weight, by name. */
export function lossAndGradients(
  weights: Weights,
  loss: (weights: Variables) => Scalar,
): { loss: number; grads: Map<string, Float64Array> } {
  const lookUp = variables(weights);
  const result = loss(lookUp);
  backward(result);
  const grads = new Map<string, Float64Array>();
  for (const name of weights.keys()) grads.set(name, gradsOf(lookUp(name)));
  return { loss: result.value, grads };
}

/**
 * Values that depend on the name only, so that every implementation can have
 * the same weights without a file: 24 bits of a linear congruential generator
 * seeded with the 32-bit FNV-1a hash of the name. In [-0.3, 0.3), norms in
 * [0.9, 1.1).
 */
export function weightOf([name, shape]: NamedShape): Weight {
  let state = 2166136261;
  for (let i = 0; i < name.length; i++) {
    state = Math.imul(state ^ name.charCodeAt(i), 16777619);
  }
  const isNorm = name.includes("norm");
  const data = new Float64Array(shape.reduce((n, size) => n * size, 1));
  for (let i = 0; i < data.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    const value = (state >>> 8) / 2 ** 24 - 0.5;
    data[i] = isNorm ? 1 + 0.2 * value : 0.6 * value;
  }
  return { shape, data };
}

/** `weightOf` for every one of `shapes`. */
export function weightsOf(shapes: readonly NamedShape[]): Map<string, Weight> {
  return new Map(shapes.map((named) => [named[0], weightOf(named)]));
}
