import type { Rng, Tensor } from "../tensor/mod.ts";
import { Embedding } from "../nn/mod.ts";
import type { ByteInputs } from "./batch.ts";
import { VOCABULARY } from "./bytes.ts";
import type { NgramHashConfig } from "./ngram_hash.ts";

/**
 * Vector of each byte: its own, plus those of the hashed n-grams that end at it
 * (Pagnoni et al., 2024, arXiv:2412.09871, section 3.2.1).
 */
export class ByteEmbedding {
  /** One vector for each id. */
  readonly tokens: Embedding;
  /** All n-gram tables, one after the other. */
  readonly ngrams: Embedding | undefined;

  /** Vectors of `dim` features. */
  constructor(dim: number, ngrams: NgramHashConfig | undefined, rng: Rng) {
    this.tokens = new Embedding(VOCABULARY, dim, { rng });
    if (ngrams) {
      const { sizes, functions, rows } = ngrams;
      const count = sizes.length * functions * rows;
      this.ngrams = new Embedding(count, dim, { rng });
    }
  }

  /** -> [R, D] */
  forward({ tokens, ngrams }: ByteInputs): Tensor {
    const own = this.tokens.forward(tokens);
    return this.ngrams && ngrams ? this.ngrams.forward(ngrams, own) : own;
  }
}
