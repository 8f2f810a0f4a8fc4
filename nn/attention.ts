import {
  checkNumber,
  crossAttention,
  type Intervals,
  mul,
  type Rng,
  type Tensor,
} from "../tensor/mod.ts";
import { Linear } from "./linear.ts";
import { RMSNorm } from "./rms_norm.ts";

/**
 * What self-attention does with the queries, keys and values of one layer:
 * qkv [R, 3 D] -> [R, D]. A whole sequence and a cache do it differently.
 */
export type Attend = (qkv: Tensor, layer: number) => Tensor;

/** Options of the attention layers. */
export interface SelfAttentionOptions {
  /** Heads, H; divides the width. */
  readonly heads: number;
  /** Source of the initial weights. */
  readonly rng: Rng;
}

/** Throws a `RangeError` unless `heads` divides `dim`. */
export function checkHeads(dim: number, heads: number): void {
  checkNumber("build attention of width", dim, { whole: true, least: 1 });
  if (!Number.isInteger(heads) || heads < 1 || dim % heads !== 0) {
    throw new RangeError(
      `Cannot build attention: heads must divide the width ${dim}, got ${heads}`,
    );
  }
}

/** Self-attention with one packed projection and without biases. */
export class SelfAttention {
  /** Wq above Wk above Wv. [3 D, D] */
  readonly qkv: Linear;
  /** [D, D] */
  readonly out: Linear;

  /** For rows of `dim` features. Throws a `RangeError` on unfit heads. */
  constructor(dim: number, { heads, rng }: SelfAttentionOptions) {
    checkHeads(dim, heads);
    this.qkv = new Linear(dim, 3 * dim, { rng });
    this.out = new Linear(dim, dim, { rng });
  }

  /** x: [R, D] -> [R, D], plus the residual in the same launch. */
  forward(
    x: Tensor,
    attend: (qkv: Tensor) => Tensor,
    residual?: Tensor,
  ): Tensor {
    return this.out.forward(attend(this.qkv.forward(x)), { residual });
  }
}

/** Options of {@linkcode CrossAttention}. */
export interface CrossAttentionOptions extends SelfAttentionOptions {
  /**
   * How often the queries are added to the result: 1 as in the paper, or 2 as
   * in the released weights of BLT.
   */
  readonly residual: 1 | 2;
}

/** Attention of one sequence to another, with normalized inputs. */
export class CrossAttention {
  /** Of the queries. */
  readonly queryNorm: RMSNorm;
  /** Of what the keys and values are made from. */
  readonly keyNorm: RMSNorm;
  /** Wq. [D, D] */
  readonly query: Linear;
  /** Wk above Wv. [2 D, D] */
  readonly keyValue: Linear;
  /** Wo. [D, D] */
  readonly out: Linear;
  /** Heads, H. */
  readonly heads: number;
  /** How often the queries are added to the result. */
  readonly residual: 1 | 2;

  /** For rows of `dim` features. Throws a `RangeError` on unfit heads. */
  constructor(
    dim: number,
    { heads, residual, rng }: CrossAttentionOptions,
  ) {
    checkHeads(dim, heads);
    this.queryNorm = new RMSNorm(dim);
    this.keyNorm = new RMSNorm(dim);
    this.query = new Linear(dim, dim, { rng });
    this.keyValue = new Linear(dim, 2 * dim, { rng });
    this.out = new Linear(dim, dim, { rng });
    this.heads = heads;
    this.residual = residual;
  }

  /** Packed keys and values of `source`. [R, D] -> [R, 2 D] */
  keysValues(source: Tensor): Tensor {
    return this.keyValue.forward(this.keyNorm.forward(source));
  }

  /**
   * residual x + Wo (factor attention); query i sees the keys of interval i.
   * x: [Q, D], keysValues: [R, 2 D], factors: [Q, 1], default 1 -> [Q, D]
   */
  forward(
    x: Tensor,
    keysValues: Tensor,
    intervals: Intervals,
    factors?: Tensor,
  ): Tensor {
    const query = this.query.forward(this.queryNorm.forward(x));
    const { heads } = this;
    const seen = crossAttention(query, keysValues, intervals, { heads });
    const residual = this.residual === 1 ? x : mul(x, this.residual);
    return this.out.forward(factors ? mul(seen, factors) : seen, { residual });
  }
}
