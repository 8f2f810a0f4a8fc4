import { reshape, type Rng, segmentMax, type Tensor } from "../tensor/mod.ts";
import { CrossAttention, Linear } from "../nn/mod.ts";
import type { Pooling } from "./batch.ts";

/** Sizes of the pooling of units into groups, and of reading the groups. */
export interface SlotConfig {
  /** Slots of a group, k. */
  readonly slots: number;
  /** How often queries are added after cross-attention; 2 as released. */
  readonly residual: 1 | 2;
}

/**
 * Pools units into groups: the maximum over each group seeds its slots, which
 * then attend to the units of the group (Pagnoni et al., 2024,
 * arXiv:2412.09871, section 3.2.2).
 */
export class Pool {
  /** Maximum to slots. [k D, D] */
  readonly seed: Linear;
  /** Slots to units. */
  readonly cross: CrossAttention;
  /** Slots of a group, k. */
  readonly slots: number;

  /** For units of `dim` features. */
  constructor(
    { dim, heads }: { readonly dim: number; readonly heads: number },
    { slots, residual }: SlotConfig,
    rng: Rng,
  ) {
    this.seed = new Linear(dim, slots * dim, { rng });
    this.cross = new CrossAttention(dim, { heads, residual, rng });
    this.slots = slots;
  }

  /** Units x: [R, D] -> groups [P, k D] */
  forward(
    x: Tensor,
    { segments, slotsSee }: Pick<Pooling, "segments" | "slotsSee">,
  ): Tensor {
    const dim = x.shape[1]!;
    const seeds = this.seed.forward(segmentMax(x, segments)); // [P, k D]
    const queries = reshape(seeds, [-1, dim]); // [P k, D]
    const keysValues = this.cross.keysValues(x);
    const slots = this.cross.forward(queries, keysValues, slotsSee);
    return reshape(slots, seeds.shape); // [P, k D]
  }
}
