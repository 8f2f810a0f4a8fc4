import {
  type Intervals,
  reshape,
  type Rng,
  type Tensor,
} from "../tensor/mod.ts";
import {
  type Attend,
  CrossAttention,
  Linear,
  Transformer,
  type TransformerConfig,
} from "../nn/mod.ts";
import type { SlotConfig } from "./pool.ts";

/**
 * Transformer blocks over units that read groups: in front of each block,
 * units attend to the slots of the newest closed group (Pagnoni et al., 2024,
 * arXiv:2412.09871, section 3.3).
 */
export class Reader {
  /** Group to slots. [k D, group width] */
  readonly spread: Linear;
  /** Units to slots, one in front of each block. */
  readonly cross: readonly CrossAttention[];
  /** Blocks over units. */
  readonly transformer: Transformer;

  /** For groups of `groupDim` features. */
  constructor(
    config: TransformerConfig,
    groupDim: number,
    { slots, residual }: SlotConfig,
    rng: Rng,
  ) {
    const { dim, heads } = config;
    this.spread = new Linear(groupDim, slots * dim, { rng });
    this.cross = Array.from(
      { length: config.layers },
      () => new CrossAttention(dim, { heads, residual, rng }),
    );
    this.transformer = new Transformer(config, rng);
  }

  /** Keys and values of all slots, for each layer. [P, .] -> [P k, 2 D] each */
  keysValues(groups: Tensor): Tensor[] {
    const { dim } = this.transformer.config;
    const slots = reshape(this.spread.forward(groups), [-1, dim]); // [P k, D]
    return this.cross.map((cross) => cross.keysValues(slots));
  }

  /**
   * Units x: [R, D] -> [R, D]; unit i sees the slots of interval i, and what it
   * reads of them is multiplied by its factor. factors: [R, 1]
   */
  forward(
    x: Tensor,
    keysValues: readonly Tensor[],
    unitsSee: Intervals,
    attend: Attend,
    factors?: Tensor,
  ): Tensor {
    let y = x;
    for (const [layer, block] of this.transformer.blocks.entries()) {
      const read = keysValues[layer]!;
      y = this.cross[layer]!.forward(y, read, unitsSee, factors);
      y = block.forward(y, (qkv) => attend(qkv, layer));
    }
    return y;
  }
}
