import { type Shape, sizeOf, type Tensor } from "../../tensor/mod.ts";
import type { Tolerance } from "../support/close.ts";

/** Largest f32. */
export const MOST = 3.4028234663852886e38;

/** One input of a sample: numbers drawn from a range, or given indices. */
export type SampleInput =
  | {
    readonly shape: Shape;
    /** Range the numbers are drawn from; default [-2, 2]. */
    readonly domain?: readonly [low: number, high: number];
  }
  | { readonly shape: Shape; readonly indices: readonly number[] };

/** What the generic tests need to know about one use of an operation. */
export interface Sample {
  /** Name under which `tensor/ops/mod.ts` exports the operation. */
  readonly op: string;
  /** What this row adds to the plain case, such as "with bias". */
  readonly note?: string;
  /** Inputs, in order. */
  readonly inputs: readonly SampleInput[];
  /** Calls the operation. */
  readonly run: (...inputs: Tensor[]) => Tensor;
  /** The same function in float64, written for clarity. */
  readonly reference: (...inputs: number[][]) => number[];
  /** False when no gradient exists; default true. */
  readonly differentiable?: boolean;
  /** Allowed difference of values and gradients; default elementwise. */
  readonly tolerance?: Tolerance;
  /**
   * Largest size of inputs whose results f32 holds, as far as they are finite:
   * what squares or adds them up cannot take all of f32. Default all of it.
   */
  readonly most?: number;
  /** True when NaN may reach more results than depend on it. */
  readonly leaks?: boolean;
}

/** An input of the given shape, drawn from [-2, 2] or `domain`. */
export function numbers(
  shape: Shape,
  domain: readonly [number, number] = [-2, 2],
): SampleInput {
  return { shape, domain };
}

/** An input of given indices. */
export function indices(values: readonly number[], shape?: Shape): SampleInput {
  return { shape: shape ?? [values.length], indices: values };
}

/** Visits the rows of a matrix along the last axis of `shape`. */
export function rowsOf(x: number[], columns: number): number[][] {
  return Array.from(
    { length: x.length / columns },
    (_, r) => x.slice(r * columns, (r + 1) * columns),
  );
}

/** Number of elements of an input. */
export function lengthOf({ shape }: SampleInput): number {
  return sizeOf(shape);
}
