import { AssertionError } from "@std/assert";

/** Allowed difference: |actual - expected| <= absolute + relative |expected|. */
export interface Tolerance {
  /** Floor for values near zero. */
  readonly absolute: number;
  /** Share of the expected value. */
  readonly relative: number;
}

/** Integers, copies, gathers: exact. */
export const EXACT: Tolerance = { absolute: 0, relative: 0 };

/** One f32 rounding per step, and WGSL's few-ulp exp, log and tanh. */
export const ELEMENTWISE: Tolerance = { absolute: 1e-6, relative: 1e-5 };

/** Activations and logits of a whole model in f32: depth. */
export const MODEL: Tolerance = { absolute: 1e-4, relative: 1e-4 };

/** Rounding errors of a sum of `terms` of size 1 add up like a random walk. */
export function sumOf(terms: number): Tolerance {
  return { absolute: 1e-6 * Math.sqrt(terms), relative: 1e-5 };
}

/** Throws with the worst element when any differs by more than `tolerance`. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  what = "element",
): void {
  if (actual.length !== expected.length) {
    throw new AssertionError(
      `Expected ${expected.length} elements, got ${actual.length}`,
    );
  }
  let worst = { excess: 0, index: -1 };
  for (let i = 0; i < expected.length; i++) {
    const [a = NaN, e = NaN] = [actual[i], expected[i]];
    const limit = tolerance.absolute + tolerance.relative * Math.abs(e);
    const difference = Math.abs(a - e);
    const within = Object.is(a, e) || difference <= limit;
    const excess = difference / limit;
    if (!within && !(excess <= worst.excess)) worst = { excess, index: i };
  }
  if (worst.index >= 0) {
    const [a, e] = [actual[worst.index], expected[worst.index]];
    throw new AssertionError(
      `${what} ${worst.index} is ${a}, expected ${e}: ${
        worst.excess.toPrecision(3)
      } times the allowed difference`,
    );
  }
}
