import {
  checkNumber,
  type Intervals,
  type Rng,
  rope,
  selfAttention,
  type Tensor,
} from "../tensor/mod.ts";
import { type Attend, SelfAttention } from "./attention.ts";
import { SwiGLU } from "./feed_forward.ts";
import { checkLayer } from "./init.ts";
import { RMSNorm } from "./rms_norm.ts";

/** Sizes of one stack of transformer blocks. */
export interface TransformerConfig {
  /** Number of blocks. */
  readonly layers: number;
  /** Width of the residual stream, D. */
  readonly dim: number;
  /** Attention heads, H; divides `dim`. */
  readonly heads: number;
  /** Width of the feed-forward layers, F; see `hiddenDimOf`. */
  readonly hiddenDim: number;
  /** Positions a query sees, itself included; Infinity for all before it. */
  readonly window: number;
  /** Base of the rotary angles. */
  readonly ropeTheta: number;
}

/**
 * Usual width of a gated feed-forward layer: 8/3 `dim`, rounded up to a
 * multiple of `multiple` (Touvron et al., 2023, arXiv:2302.13971, section 2.2).
 */
export function hiddenDimOf(dim: number, multiple = 64): number {
  checkLayer("a feed-forward layer", { dim, multiple });
  return multiple * Math.ceil(Math.trunc(8 * dim / 3) / multiple);
}

/** Rows of one or more sequences, and which rows each may see. */
export interface Sequence {
  /** Position of each row in its sequence. u32 [R] */
  readonly positions: Tensor;
  /** What each row sees. */
  readonly intervals: Intervals;
  /** Rotary angles of all positions, from `rotaryTable`. */
  readonly table: Tensor;
}

/** Pre-norm transformer block: attention, then a gated feed-forward layer. */
export class Block {
  /** Before the attention. */
  readonly attentionNorm: RMSNorm;
  /** Mixes rows. */
  readonly attention: SelfAttention;
  /** Before the feed-forward layer. */
  readonly feedForwardNorm: RMSNorm;
  /** Mixes features. */
  readonly feedForward: SwiGLU;

  /** Throws a `RangeError` when the heads do not divide the width. */
  constructor(
    { dim, heads, hiddenDim }: Pick<
      TransformerConfig,
      "dim" | "heads" | "hiddenDim"
    >,
    rng: Rng,
  ) {
    this.attentionNorm = new RMSNorm(dim);
    this.attention = new SelfAttention(dim, { heads, rng });
    this.feedForwardNorm = new RMSNorm(dim);
    this.feedForward = new SwiGLU(dim, { hiddenDim, rng });
  }

  /** x: [R, D] -> [R, D] */
  forward(x: Tensor, attend: (qkv: Tensor) => Tensor): Tensor {
    const mixed = this.attention.forward(
      this.attentionNorm.forward(x),
      attend,
      x,
    );
    return this.feedForward.forward(this.feedForwardNorm.forward(mixed), mixed);
  }
}

const COUNT = { whole: true, least: 0 };

/** A stack of blocks with rotary self-attention. */
export class Transformer {
  /** In order of use. */
  readonly blocks: readonly Block[];
  /** Sizes. */
  readonly config: TransformerConfig;

  /**
   * Throws a `RangeError` when the heads do not divide the width, or a number is
   * none.
   */
  constructor(config: TransformerConfig, rng: Rng) {
    const { layers, window, ropeTheta } = config;
    const limit = { whole: true, least: 1, most: Infinity };
    checkNumber("build Transformer with layers", layers, COUNT);
    checkNumber("build Transformer with window", window, limit);
    checkNumber("build Transformer with ropeTheta", ropeTheta, { above: 0 });
    this.config = config;
    this.blocks = Array.from(
      { length: config.layers },
      () => new Block(config, rng),
    );
  }

  /** x: [R, D] -> [R, D] */
  forward(x: Tensor, attend: Attend): Tensor {
    let y = x;
    for (const [layer, block] of this.blocks.entries()) {
      y = block.forward(y, (qkv) => attend(qkv, layer));
    }
    return y;
  }
}

/** Self-attention within whole sequences, with rotary positions. */
export function attendWithin(
  { positions, intervals, table }: Sequence,
  heads: number,
): Attend {
  return (qkv) => {
    const columns = qkv.shape[1]! / 3 * 2;
    const rotated = rope(qkv, table, positions, { columns });
    return selfAttention(rotated, intervals, { heads });
  };
}
