/**
 * What PyTorch makes of small inputs, in float64; `make_golden.py` says how.
 *
 * @module
 */

/** An array, row-major. */
export interface GoldenTensor {
  /** Empty for a single number. */
  readonly shape: readonly number[];
  /** To 9 digits. */
  readonly data: readonly number[];
}

/** One call of a PyTorch function. */
export interface GoldenCase {
  /** What was called. */
  readonly name: string;
  /** Float arguments: multiples of 1/64, thus exact in float32. */
  readonly inputs: readonly GoldenTensor[];
  /** Number arguments. */
  readonly params: Readonly<Record<string, number>>;
  /** Integer array arguments. */
  readonly integers: Readonly<Record<string, readonly number[]>>;
  /** The result. */
  readonly output: GoldenTensor;
  /** Weights of the result in the sum that `grads` are the gradients of. */
  readonly outputGrad?: GoldenTensor;
  /** One per input; empty where no gradient was asked for. */
  readonly grads: readonly GoldenTensor[];
}

/** All cases by name. */
export const GOLDEN: ReadonlyMap<string, GoldenCase> = new Map(
  Deno.readTextFileSync(new URL("golden.jsonl", import.meta.url)).trim()
    .split("\n").map((line) => JSON.parse(line) as GoldenCase)
    .map((golden) => [golden.name, golden]),
);

/** Throws a `RangeError` when there is no case of that name. */
export function golden(name: string): GoldenCase {
  const found = GOLDEN.get(name);
  if (found === undefined) {
    const names = [...GOLDEN.keys()].join(", ");
    throw new RangeError(
      `Cannot find golden case: expected one of ${names}, got ${name}`,
    );
  }
  return found;
}
