import { type Device, Rng, type Tensor } from "../tensor/mod.ts";
import {
  type Attend,
  attendWithin,
  Linear,
  RMSNorm,
  Transformer,
} from "../nn/mod.ts";
import {
  type ByteInputs,
  byteInputs,
  type HostRows,
  sequenceOf,
  tableOf,
} from "./batch.ts";
import { ByteEmbedding } from "./byte_embedding.ts";
import { VOCABULARY } from "./bytes.ts";
import type { ByteTransformerConfig } from "./config.ts";
import { type BatchOptions, type Feed, nextId, type Teach } from "./lesson.ts";
import { byteUnits } from "./units.ts";
import type { Sequence } from "../nn/mod.ts";

/** A batch on the device, for a {@linkcode ByteTransformer}. */
export interface ByteBatch {
  /** Table rows of the ids. */
  readonly inputs: ByteInputs;
  /** The bytes as sequences. */
  readonly bytes: Sequence;
}

/**
 * Plain causal transformer over bytes: the baseline to compare with, and the
 * entropy model that finds patches.
 */
export class ByteTransformer {
  /** Sizes. */
  readonly config: ByteTransformerConfig;
  /** Vector of each byte. */
  readonly embedding: ByteEmbedding;
  /** Blocks over bytes. */
  readonly transformer: Transformer;
  /** Before the head. */
  readonly norm: RMSNorm;
  /** Logits of the next id. [V, D] */
  readonly head: Linear;

  /** Initial weights come from `rng`. */
  constructor(config: ByteTransformerConfig, rng: Rng = new Rng(0)) {
    const { dim } = config.transformer;
    this.config = config;
    this.embedding = new ByteEmbedding(dim, config.ngrams, rng);
    this.transformer = new Transformer(config.transformer, rng);
    this.norm = new RMSNorm(dim);
    this.head = new Linear(dim, VOCABULARY, { rng });
  }

  /** Rotary table for rows of at most `positions` ids. */
  tables(device: Device, positions: number): Tensor {
    return tableOf(device, this.config.transformer, positions);
  }

  /** Uploads rows of ids; `table` comes from `tables`. */
  batch(
    device: Device,
    rows: HostRows,
    table: Tensor,
    { gradient = true }: BatchOptions = {},
  ): ByteBatch {
    const { ngrams, transformer } = this.config;
    const units = byteUnits(rows.ids, rows.lengths);
    return {
      inputs: byteInputs(device, rows, ngrams, gradient),
      bytes: sequenceOf(device, units, transformer, table),
    };
  }

  /** Readies uploads of rows of at most `positions` ids. */
  feed(device: Device, positions: number, options?: BatchOptions): Feed {
    const table = this.tables(device, positions);
    return (rows) => this.forward(this.batch(device, rows, table, options));
  }

  /** Readies training on rows of at most `positions` ids. */
  teach(device: Device, positions: number): Teach {
    const table = this.tables(device, positions);
    return {
      upload: (rows) => this.batch(device, rows, table),
      learn: (batch: ByteBatch, targets) =>
        nextId(this.forward(batch), targets),
    };
  }

  /** Logits of the next id at each position. -> [R, V] */
  forward({ inputs, bytes }: ByteBatch): Tensor {
    const { heads } = this.config.transformer;
    return this.logits(inputs, attendWithin(bytes, heads));
  }

  /** The same, with any way to attend. -> [R, V] */
  logits(inputs: ByteInputs, attend: Attend): Tensor {
    const x = this.embedding.forward(inputs); // [R, D]
    const y = this.transformer.forward(x, attend);
    return this.head.forward(this.norm.forward(y));
  }
}
