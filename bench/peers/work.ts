import type { SizeName } from "./data.ts";

/** Something that every library can be asked to do. All numbers are f32. */
export type Work =
  | {
    /** Product of two matrices, [m, k] and [k, n]. */
    readonly kind: "matmul";
    /** Rows of the result. */
    readonly m: number;
    /** Length of the inner products. */
    readonly k: number;
    /** Columns of the result. */
    readonly n: number;
    /** Whether the left operand is stored as [k, m]. */
    readonly transposeA: boolean;
    /** Whether the right operand is stored as [n, k]. */
    readonly transposeB: boolean;
  }
  | {
    /** Causal attention of one sequence. */
    readonly kind: "attention";
    /** Positions, T. */
    readonly length: number;
    /** Heads, H. */
    readonly heads: number;
    /** Width of a head, E. */
    readonly headWidth: number;
    /** Whether the gradients of queries, keys and values are wanted, too. */
    readonly gradient: boolean;
  }
  | {
    /** A function of each row of a matrix. */
    readonly kind: "softmax" | "layerNorm" | "rmsNorm";
    /** Rows of the matrix. */
    readonly rows: number;
    /** Columns of the matrix. */
    readonly cols: number;
  }
  | {
    /** Five operations: relu((1.5 x + y) x - 0.25). */
    readonly kind: "chain";
    /** Numbers in x and y. */
    readonly length: number;
  }
  | {
    /** Rows of a table by index; see `gatherIds`. */
    readonly kind: "gather";
    /** Rows of the table. */
    readonly count: number;
    /** Rows of the result. */
    readonly rows: number;
    /** Columns of both. */
    readonly cols: number;
  }
  | {
    /** One update by Adam, with the settings of `ADAM`. */
    readonly kind: "adam";
    /** Parameters. */
    readonly length: number;
  }
  | {
    /** One training step of the byte transformer. */
    readonly kind: "step";
    /** Its size. */
    readonly size: SizeName;
  };

/** Work that a library has made itself ready for. */
export interface Task {
  /** Does the work `times` times and waits for the end of it. */
  run(times: number): Promise<void>;
  /**
   * Number that is equal for all libraries that do the same: the sum of the
   * absolute values of the result, after one run; the loss of a training step.
   */
  check(): Promise<number>;
}

/** A library on one of its backends. */
export interface Library {
  /** Version, backend and threads. */
  readonly description: string;
  /** Gets ready; `undefined` when the library cannot do it. */
  prepare(work: Work): Promise<Task | undefined>;
}

/** Seeds of the inputs, by what they are. */
export const SEEDS = { a: 1, b: 2, x: 3, gain: 5, bias: 6, q: 10, up: 13 };

/** Added to the variance in norms. */
export const EPS = 1e-5;

/** Rows of the table that are gathered: far apart, in no order. */
export function gatherIds(count: number, rows: number): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, i) => i * 7919 % count);
}

/** Sum of absolute values. */
export function absoluteSum(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]!);
  return sum;
}
