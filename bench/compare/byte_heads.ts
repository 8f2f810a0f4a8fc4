import {
  type BatchOptions,
  type ByteBatch,
  ByteEmbedding,
  byteInputs,
  type ByteTransformerConfig,
  byteUnits,
  type Feed,
  type HostRows,
  type LanguageModel,
  nextId,
  sequenceOf,
  tableOf,
  type Teach,
  VOCABULARY,
} from "../../blt/mod.ts";
import { attendWithin, Linear, RMSNorm, Transformer } from "../../nn/mod.ts";
import { type Device, reshape, type Rng, Tensor } from "../../tensor/mod.ts";

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
    options?: BatchOptions,
  ): Feed {
    const table = tableOf(device, this.config.transformer, positions);
    return (rows) => this.forward(this.batch(device, rows, table, options));
  }

  /** Every head counts the same. */
  teach(device: Device, positions: number): Teach {
    const table = tableOf(device, this.config.transformer, positions);
    return {
      upload: (rows) => {
        const targets = this.targets(rows);
        return [
          this.batch(device, rows, table),
          Tensor.from(device, [targets.length], targets),
        ];
      },
      learn: ([batch, targets]: [ByteBatch, Tensor]) =>
        nextId(reshape(this.forward(batch), [-1, VOCABULARY]), targets),
    };
  }

  /** Uploads rows of ids. */
  batch(
    device: Device,
    rows: HostRows,
    table: Tensor,
    { gradient = true }: BatchOptions = {},
  ): ByteBatch {
    const { transformer } = this.config;
    const units = byteUnits(rows.ids, rows.lengths);
    return {
      inputs: byteInputs(device, rows, undefined, gradient),
      bytes: sequenceOf(device, units, transformer, table),
    };
  }

  /** Logits of all heads. -> [R, heads V] */
  forward({ inputs, bytes }: ByteBatch): Tensor {
    const { heads } = this.config.transformer;
    const x = this.embedding.forward(inputs); // [R, D]
    const y = this.transformer.forward(x, attendWithin(bytes, heads));
    return this.heads.forward(this.norm.forward(y));
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
