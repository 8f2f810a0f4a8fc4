import { type Device, Rng, type Tensor } from "../tensor/mod.ts";
import {
  type Attend,
  attendWithin,
  Linear,
  RMSNorm,
  type Sequence,
  Transformer,
} from "../nn/mod.ts";
import {
  type ByteInputs,
  byteInputs,
  type PatchedRows,
  type Pooling,
  poolingOf,
  sequenceOf,
  tableOf,
} from "./batch.ts";
import { ByteEmbedding } from "./byte_embedding.ts";
import { VOCABULARY } from "./bytes.ts";
import { type BltConfig, checkBlt } from "./config.ts";
import { type BatchOptions, type Feed, nextId, type Teach } from "./lesson.ts";
import { Pool } from "./pool.ts";
import { Reader } from "./reader.ts";
import { byteUnits, groupUnits } from "./units.ts";

/** Rotary tables of a {@linkcode Blt}. */
export interface BltTables {
  /** For bytes. */
  readonly local: Tensor;
  /** For patches. */
  readonly latent: Tensor;
}

/** A batch on the device, for a {@linkcode Blt}. */
export interface BltBatch {
  /** Table rows of the ids. */
  readonly inputs: ByteInputs;
  /** The bytes as sequences, as the encoder sees them. */
  readonly encoder: Sequence;
  /** The bytes as sequences, as the decoder sees them. */
  readonly decoder: Sequence;
  /** Bytes to patches and back. */
  readonly patches: Pooling;
}

/**
 * Byte Latent Transformer (Pagnoni et al., 2024, arXiv:2412.09871).
 *
 * bytes -> encoder -> pooled into patches -> latent transformer -> read by the
 * decoder -> logits of the next byte.
 */
export class Blt {
  /** Sizes. */
  readonly config: BltConfig;
  /** Vector of each byte. */
  readonly embedding: ByteEmbedding;
  /** Blocks over bytes, in front of the patches. */
  readonly encoder: Transformer;
  /** Bytes to patches. */
  readonly pool: Pool;
  /** Slots of a patch to the latent width; absent where they are equal. */
  readonly input: Linear | undefined;
  /** Blocks over patches. */
  readonly latent: Transformer;
  /** Blocks over bytes, behind the patches. */
  readonly decoder: Reader;
  /** Before the head. */
  readonly norm: RMSNorm;
  /** Logits of the next id. [V, D] */
  readonly head: Linear;

  /** Initial weights come from `rng`. Throws a `RangeError` on a bad config. */
  constructor(config: BltConfig, rng: Rng = new Rng(0)) {
    const { encoder, latent, decoder, slots } = checkBlt(config);
    this.config = config;
    this.embedding = new ByteEmbedding(encoder.dim, config.ngrams, rng);
    this.encoder = new Transformer(encoder, rng);
    this.pool = new Pool(encoder, config, rng);
    const pooled = slots * encoder.dim;
    this.input = pooled === latent.dim
      ? undefined
      : new Linear(pooled, latent.dim, { rng });
    this.latent = new Transformer(latent, rng);
    this.decoder = new Reader(decoder, latent.dim, config, rng);
    this.norm = new RMSNorm(decoder.dim);
    this.head = new Linear(decoder.dim, VOCABULARY, { rng });
  }

  /** Rotary tables for rows of at most `positions` ids. */
  tables(device: Device, positions: number): BltTables {
    const { encoder, latent } = this.config;
    return {
      local: tableOf(device, encoder, positions),
      latent: tableOf(device, latent, positions),
    };
  }

  /** Uploads rows of ids and their patches. */
  batch(
    device: Device,
    rows: PatchedRows,
    tables: BltTables,
    { gradient = true }: BatchOptions = {},
  ): BltBatch {
    const { ngrams, encoder, latent, decoder, slots } = this.config;
    const units = byteUnits(rows.ids, rows.lengths);
    const bytes = sequenceOf(device, units, encoder, tables.local);
    const grouping = groupUnits(units, rows.starts);
    return {
      inputs: byteInputs(device, rows, ngrams, gradient),
      encoder: bytes,
      decoder: decoder.window === encoder.window
        ? bytes
        : sequenceOf(device, units, decoder, tables.local),
      patches: poolingOf(device, grouping, slots, latent, tables.latent),
    };
  }

  /** Readies uploads of rows of at most `positions` ids. */
  feed(device: Device, positions: number, options?: BatchOptions): Feed {
    const tables = this.tables(device, positions);
    return (rows) => this.forward(this.batch(device, rows, tables, options));
  }

  /** Readies training on rows of at most `positions` ids. */
  teach(device: Device, positions: number): Teach {
    const tables = this.tables(device, positions);
    return {
      upload: (rows) => this.batch(device, rows, tables),
      learn: (batch: BltBatch, targets) => nextId(this.forward(batch), targets),
    };
  }

  /** Logits of the next id at each position. -> [R, V] */
  forward(batch: BltBatch): Tensor {
    const { inputs, patches } = batch;
    const { heads } = this.config.latent;
    return this.through(
      this.embedding.forward(inputs),
      batch,
      (pooled) => this.think(pooled, attendWithin(patches.sequence, heads)),
    );
  }

  /**
   * Embedded bytes through encoder, patches and decoder; `think` takes pooled
   * patches to what the decoder reads, `factors` [R, 1] multiply what it reads
   * of them. x: [R, D] -> logits [R, V]
   */
  through(
    x: Tensor,
    { encoder, decoder, patches, factors }: Omit<BltBatch, "inputs"> & {
      readonly factors?: Tensor | undefined;
    },
    think: (pooled: Tensor) => Tensor,
  ): Tensor {
    const { config } = this;
    const bytes = this.encoder.forward(
      x,
      attendWithin(encoder, config.encoder.heads),
    );
    const outputs = think(this.pool.forward(bytes, patches));
    const read = this.decoder.forward(
      bytes,
      this.decoder.keysValues(outputs),
      patches.unitsSee,
      attendWithin(decoder, config.decoder.heads),
      factors,
    );
    return this.logits(read);
  }

  /** Vectors of bytes in front of the patches. -> [R, D] */
  encode(inputs: ByteInputs, attend: Attend): Tensor {
    return this.encoder.forward(this.embedding.forward(inputs), attend);
  }

  /** Pooled patches through the latent transformer. [P, k D] -> [P, .] */
  think(pooled: Tensor, attend: Attend): Tensor {
    return this.latent.forward(this.input?.forward(pooled) ?? pooled, attend);
  }

  /** Logits from decoded bytes. [R, D] -> [R, V] */
  logits(decoded: Tensor): Tensor {
    return this.head.forward(this.norm.forward(decoded));
  }
}
