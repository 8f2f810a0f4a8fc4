import type { Expr } from "./expression.ts";

/** What is structure in a matrix product: each choice is a kernel of its own. */
export interface MatmulStructure {
  /** `a` is stored as [k, m] instead of [m, k]. */
  readonly transposeA?: boolean;
  /** `b` is stored as [n, k] instead of [k, n]. */
  readonly transposeB?: boolean;
  /** `b` is stored in panels, as `panelsKernel` writes them. */
  readonly panelsB?: boolean;
  /** `b` is stored in f16; sums are f32 all the same. */
  readonly halfB?: boolean;
  /** Adds `bias` [n] to every row. */
  readonly bias?: boolean;
  /** Applies a function of one input; `pre` then receives its argument. */
  readonly activation?: Expr;
  /** Adds `base`, shaped like the result, at the very end. */
  readonly base?: boolean;
}

/** Buffers of a matrix product; which ones exist is structure. */
export type MatmulBuffer = "a" | "b" | "bias" | "base" | "c" | "pre";

/** Sizes of a matrix product. */
export type MatmulSize = "batch" | "m" | "n" | "k";
