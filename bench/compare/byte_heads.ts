import {
  type BatchOptions,
  ByteEmbedding,
  byteInputs,
  type ByteTransformerConfig,
  byteUnits,
  type Feed,
  type HostRows,
  type LanguageModel,
  sequenceOf,
  tableOf,
  type Teach,
  VOCABULARY,
} from "../../blt/mod.ts";
import { attendWithin, Linear, RMSNorm, Transformer } from "../../nn/mod.ts";
import {
  crossEntropy,
  type Device,
  reshape,
  type Rng,
  Tensor,
} from "../../tensor/mod.ts";

/** The tiny transformer of an end-to-end model with its byte heads, alone. */
export class ByteHeads implements LanguageModel {
  /** Sizes of the transformer. */
  readonly config: ByteTransformerConfig;
  /** Where the byte of each head lies: 1 for the one before, -1 for the next. */
  readonly offsets: readonly number[];
  /** Vector of each byte. */
  readonly embedding: ByteEmbedding;
  /** Blocks over bytes. */
  readonly transformer: Transformer;
  /** Before the heads. */
  readonly norm: RMSNorm;
  /** Heads, one above the other. [heads V, D] */
  readonly heads: Linear;

  /** A block of `dim` features that sees 32 bytes. */
  constructor(dim: number, offsets: readonly number[], rng: Rng) {
    const transformer = {
      layers: 1,
      dim,
      heads: dim / 16,
      hiddenDim: dim,
      window: 32,
      ropeTheta: 10_000,
    };
    this.config = { kind: "bytes", transformer };
    this.offsets = offsets;
    this.embedding = new ByteEmbedding(dim, undefined, rng);
    this.transformer = new Transformer(transformer, rng);
    this.norm = new RMSNorm(dim);
    this.heads = new Linear(dim, offsets.length * VOCABULARY, { rng });
  }

  /** Logits of all heads. -> [R, heads V] */
  feed(
    device: Device,
    positions: number,
    { gradient = true }: BatchOptions = {},
  ): Feed {
    const { transformer: sizes } = this.config;
    const table = tableOf(device, sizes, positions);
    return (rows) => {
      const inputs = byteInputs(device, rows, undefined, gradient);
      const units = byteUnits(rows.ids, rows.lengths);
      const sequence = sequenceOf(device, units, sizes, table);
      const x = this.embedding.forward(inputs); // [R, D]
      const y = this.transformer.forward(
        x,
        attendWithin(sequence, sizes.heads),
      );
      return this.heads.forward(this.norm.forward(y));
    };
  }

  /** Every head counts the same. */
  teach(device: Device, positions: number): Teach {
    const feed = this.feed(device, positions);
    return (rows) => {
      const targets = this.targets(rows);
      const nats = crossEntropy(
        reshape(feed(rows), [-1, VOCABULARY]),
        Tensor.from(device, [targets.length], targets),
      );
      return { nats, loss: nats };
    };
  }

  /**
   * What the heads are to say at each id; `VOCABULARY`, which costs nothing,
   * where that is outside of the row. [R heads]
   */
  targets({ ids, lengths }: HostRows): Uint32Array {
    const { offsets } = this;
    const targets = new Uint32Array(ids.length * offsets.length)
      .fill(VOCABULARY);
    let first = 0;
    for (const length of lengths) {
      const end = first + length;
      for (let p = first; p < end; p++) {
        for (const [head, offset] of offsets.entries()) {
          const about = p - offset;
          // BOS is no byte.
          if (about <= first || about >= end) continue;
          targets[p * offsets.length + head] = ids[about]!;
        }
      }
      first = end;
    }
    return targets;
  }
}
