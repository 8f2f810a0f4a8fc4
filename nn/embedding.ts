import {
  embedding,
  type GatherIndex,
  type Rng,
  type Tensor,
} from "../tensor/mod.ts";
import { checkLayer, truncatedNormal } from "./init.ts";
import type { Parameter } from "./module.ts";

/** Options of an {@linkcode Embedding}. */
export interface EmbeddingOptions {
  /** Source of the initial table. */
  readonly rng: Rng;
  /** Standard deviation of the initial table; default 1/√dim. */
  readonly sigma?: number;
}

/** A table of vectors; several rows may be summed for one position. */
export class Embedding {
  /** [count, dim] */
  readonly table: Parameter;

  /**
   * `count` vectors of `dim` features. Throws a `RangeError` for sizes that are
   * none.
   */
  constructor(
    count: number,
    dim: number,
    { rng, sigma = dim ** -0.5 }: EmbeddingOptions,
  ) {
    checkLayer("Embedding", { count, dim });
    this.table = truncatedNormal([count, dim], sigma, rng);
  }

  /** Sums the rows named by `index`, and `base` if given -> [R, dim] */
  forward(index: GatherIndex, base?: Tensor): Tensor {
    return embedding(this.table.value, index, base ? { base } : {});
  }
}
