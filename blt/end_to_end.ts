import {
  add,
  crossEntropy,
  type Device,
  entropy,
  groupByScores,
  type Groups,
  mul,
  noGrad,
  reshape,
  Rng,
  slice,
  smooth,
  sub,
  sum,
  tally,
  Tensor,
  trackQuantile,
  type UnitRows,
  where,
} from "../tensor/mod.ts";
import {
  type Attend,
  attendWithin,
  Linear,
  Parameter,
  RMSNorm,
  type Sequence,
  Transformer,
  truncatedNormal,
} from "../nn/mod.ts";
import {
  type ByteInputs,
  byteInputs,
  type PatchedRows,
  sequenceOf,
  tableOf,
  unitRowsOf,
} from "./batch.ts";
import { Blt, type BltTables } from "./blt.ts";
import { VOCABULARY } from "./bytes.ts";
import { checkEndToEnd, type EndToEndConfig } from "./config.ts";
import type { BatchOptions, Feed, Teach } from "./lesson.ts";
import { groupCapacity } from "./level.ts";
import {
  BOUNDARY,
  type Places,
  placesBefore,
  ratioLoss,
  Router,
  type Routes,
} from "./routing.ts";
import { byteUnits, extentOf } from "./units.ts";

/** Rotary tables of an {@linkcode EndToEndBlt}. */
interface Tables extends BltTables {
  /** For the tiny transformer. */
  readonly tiny: Tensor;
  /** Only for routing. */
  readonly before: Omit<Places, "first"> | undefined;
}

/** A batch on the device. */
interface Batch {
  readonly inputs: ByteInputs;
  /** Only for routing. */
  readonly places: Places | undefined;
  readonly tiny: Sequence;
  readonly bytes: Sequence;
  readonly rows: UnitRows;
  /** Patches that there is room for in a row. */
  readonly capacity: number;
}

/** The same for training. */
interface TaughtBatch extends Batch {
  /** Bytes in each patch during warm-up, then 0. */
  readonly every: number;
  /** What the heads are to tell, unless it is the next byte. u32 [R heads] */
  readonly previous: Tensor | undefined;
}

/** What the tiny transformer makes of bytes. */
export type Sense =
  & {
    /** Latents that go on into the model. [R, tiny D] */
    readonly latents: Tensor;
    /** By what patches start: entropy in nats, or a probability. [R] */
    readonly scores: Tensor;
  }
  & ({
    /** Logits of all byte heads. [R, heads V] */
    readonly heads: Tensor;
    readonly routes?: undefined;
  } | {
    /** What the router makes of the latents. */
    readonly routes: Routes;
    readonly heads?: undefined;
  });

/** What surrounds the bytes that are sensed. */
export interface SenseContext {
  /** Attention in the tiny transformer. */
  readonly tiny: Attend;
  /** Attention in the side branch. */
  readonly branch: Attend;
  /** Where bytes stand; only for routing. */
  readonly places?: Places | undefined;
}

/**
 * BLT that does its own patching (S. Müller, 2024, "End-to-end BLT: measure
 * entropy in end-to-end Byte Latent Transformer").
 *
 * A tiny transformer reads the bytes first. Heads on its latents predict bytes,
 * and the entropy of one of them tells where patches start; or a router does,
 * which also learns from what starts cost. The latents, and with `skip` the
 * byte embeddings, go on into the encoder of a BLT.
 */
export class EndToEndBlt {
  /** Sizes. */
  readonly config: EndToEndConfig;
  /** The model behind the tiny transformer. */
  readonly blt: Blt;
  /** Blocks that see bytes first. */
  readonly tiny: Transformer;
  /** A block of the heads' own, where their gradient is to stay in it. */
  readonly branch: Transformer | undefined;
  /** Before the heads. */
  readonly norm: RMSNorm | undefined;
  /** Byte heads, one above the other. [heads V, tiny D] */
  readonly heads: Linear | undefined;
  /** Instead of byte heads. */
  readonly router: Router | undefined;
  /** Latents to the width of the encoder. */
  readonly mix: Linear;
  /** Read while no patch is closed; only with a patch known one byte late. */
  readonly nothing: Parameter | undefined;
  /** Threshold of the scores, and steps it was tracked for. [2] */
  readonly threshold: Parameter;
  /** Patches, and starts without room. */
  readonly metricNames: readonly string[] = ["patches", "overflow"];

  /** Initial weights come from `rng`. Throws a `RangeError` on a bad config. */
  constructor(config: EndToEndConfig, rng: Rng = new Rng(0)) {
    const { tiny, objective, blt, skip } = checkEndToEnd(config);
    this.config = config;
    this.blt = new Blt(blt, rng);
    this.tiny = new Transformer(tiny, rng);
    const branches = objective.kind === "next" &&
      objective.reaches === "branch";
    this.branch = branches
      ? new Transformer({ ...tiny, layers: 1 }, rng)
      : undefined;
    if (objective.kind === "routing") {
      this.router = new Router(tiny.dim);
    } else {
      this.norm = new RMSNorm(tiny.dim);
      this.heads = new Linear(tiny.dim, this.headCount * VOCABULARY, { rng });
    }
    this.mix = new Linear(tiny.dim, blt.encoder.dim, { rng });
    if (skip) this.mix.weight.initial.fill(0); // so that it starts as BLT
    const threshold = this.router ? BOUNDARY : 0;
    this.threshold = new Parameter([2], Float32Array.of(threshold, 0));
    if (this.lookback) {
      const { dim } = blt.latent;
      this.nothing = truncatedNormal([1, dim], dim ** -0.5, rng);
    }
  }

  /** Byte heads: the byte and those before it, or the next one. */
  get headCount(): number {
    const { objective } = this.config;
    return objective.kind === "previous" ? objective.bytes + 1 : 1;
  }

  /** Whether a byte itself, and not the one before it, tells that it starts. */
  get lookback(): boolean {
    return this.config.objective.kind !== "next";
  }

  /** Readies uploads of rows of at most `positions` ids. */
  feed(device: Device, positions: number, options?: BatchOptions): Feed {
    const tables = this.#tables(device, positions);
    return (rows) => {
      const batch = this.#batch(device, rows, tables, options);
      return this.#forward(batch, tables, 0).logits;
    };
  }

  /** Readies training on rows of at most `positions` ids. */
  teach(device: Device, positions: number): Teach {
    const tables = this.#tables(device, positions);
    const { blt, warmupSteps, grouping } = this.config;
    const fixed = blt.patcher.kind === "static" ? blt.patcher.bytes : 1;
    return {
      upload: (rows, step): TaughtBatch => ({
        ...this.#batch(device, rows, tables),
        every: step < warmupSteps ? fixed : 0,
        previous: this.#previous(device, rows),
      }),
      learn: (batch: TaughtBatch, targets) => {
        const { every, previous, rows } = batch;
        const { logits, sense, groups } = this.#forward(batch, tables, every);
        const nats = crossEntropy(logits, targets);
        const wrong = sense.routes
          ? ratioLoss(sense.routes.probabilities, grouping.target)
          : crossEntropy(
            reshape(sense.heads, [-1, VOCABULARY]),
            previous ?? targets,
          );
        return {
          nats,
          loss: add(nats, mul(wrong, this.config.auxiliaryWeight)),
          metrics: [this.#patches(groups), tally(groups.overflow)],
          ...!this.router && {
            finish: (rate?: number): void =>
              trackQuantile(this.threshold.value, sense.scores, {
                rate,
                documents: rows.documents,
                groups: every > 0 ? undefined : groups.units.counts,
                rule: grouping.rule,
                lookback: this.lookback,
                quantile: 1 - 1 / grouping.target,
              }),
          },
        };
      },
    };
  }

  /** Patches with ids: the empty one in front of a document is none. -> [] */
  #patches({ units: { counts }, isNull }: Groups): Tensor {
    const all = tally(counts);
    return this.lookback ? sub(all, sum(isNull)) : all;
  }

  /** Rotary tables for rows of at most `positions` ids. */
  #tables(device: Device, positions: number): Tables {
    return {
      ...this.blt.tables(device, positions),
      tiny: tableOf(device, this.config.tiny, positions),
      before: this.router && placesBefore(device, this.config.tiny.dim),
    };
  }

  /** The tiny transformer, and by what its latents make patches. */
  sense(inputs: ByteInputs, { tiny, branch, places }: SenseContext): Sense {
    const { tokens } = this.blt.embedding;
    const latents = this.tiny.forward(
      tokens.forward(inputs.tokens),
      tiny,
    ); // [R, tiny D]
    if (this.router && places) {
      const routes = this.router.forward(latents, places);
      return { latents, routes, scores: routes.probabilities };
    }
    const heads = this.#predict(latents, branch);
    return { latents, heads, scores: this.#scores(heads) };
  }

  /** Logits of all byte heads. latents: [R, tiny D] -> [R, heads V] */
  #predict(latents: Tensor, attend: Attend): Tensor {
    const { config: { objective }, norm, heads } = this;
    if (!norm || !heads) {
      throw new TypeError(
        "Cannot route bytes: expected their places, got none",
      );
    }
    const shared = objective.kind !== "next" || objective.reaches === "all";
    const seen = shared ? latents : latents.view(); // a view has no gradient
    const branch = this.branch?.forward(seen, attend) ?? seen;
    return heads.forward(norm.forward(branch));
  }

  /** What goes into the encoder. -> [R, D] */
  embed(inputs: ByteInputs, latents: Tensor): Tensor {
    const mixed = this.mix.forward(latents);
    return this.config.skip
      ? add(this.blt.embedding.forward(inputs), mixed)
      : mixed;
  }

  /** Entropy of the head that counts. heads: [R, h V] -> [R] */
  #scores(heads: Tensor): Tensor {
    return noGrad(() => {
      const [rows = 0] = heads.shape;
      const counts = this.lookback
        ? slice(heads, [[0, rows], [VOCABULARY, 2 * VOCABULARY]])
        : heads;
      return entropy(counts);
    });
  }

  /** Uploads each byte and those before it, if heads are to tell them. */
  #previous(device: Device, { ids, lengths }: PatchedRows): Tensor | undefined {
    if (!this.heads || !this.lookback) return undefined;
    const { documents } = byteUnits(ids, lengths);
    const count = this.headCount;
    const previous = new Uint32Array(ids.length * count).fill(VOCABULARY);
    for (let p = 0; p < ids.length; p++) {
      // The document's first byte follows its BOS; before it there is none.
      const most = Math.min(count - 1, p - documents[p]! - 1);
      for (let o = 0; o <= most; o++) previous[p * count + o] = ids[p - o]!;
    }
    return Tensor.from(device, [previous.length], previous);
  }

  #batch(
    device: Device,
    rows: PatchedRows,
    tables: Tables,
    { gradient = true }: BatchOptions = {},
  ): Batch {
    const { blt, tiny } = this.config;
    const units = byteUnits(rows.ids, rows.lengths);
    return {
      inputs: byteInputs(device, rows, blt.ngrams, gradient),
      places: tables.before && {
        ...tables.before,
        first: Tensor.from(
          device,
          [rows.ids.length],
          Array.from(units.documents, (first, p) => Number(first === p)),
        ),
      },
      tiny: sequenceOf(device, units, tiny, tables.tiny),
      bytes: sequenceOf(device, units, blt.encoder, tables.local),
      rows: unitRowsOf(device, units),
      capacity: groupCapacity(this.config.grouping.target, extentOf(units)),
    };
  }

  #forward(
    batch: Batch,
    tables: Tables,
    every: number,
  ): { logits: Tensor; sense: Sense; groups: Groups } {
    const { tiny, blt: { latent, slots }, grouping } = this.config;
    const attend = attendWithin(batch.tiny, tiny.heads);
    const sense = this.sense(batch.inputs, {
      tiny: attend,
      branch: attend,
      places: batch.places,
    });
    const { routes } = sense;
    const { capacity } = batch;
    const groups = groupByScores(batch.rows, sense.scores, {
      threshold: this.threshold.value,
      rule: grouping.rule,
      lookback: this.lookback,
      most: grouping.most,
      every,
      capacity,
      slots,
      window: latent.window,
    });
    const { positions, intervals, segments } = groups;
    const sequence = { positions, intervals, table: tables.latent };
    const logits = this.blt.through(
      this.embed(batch.inputs, sense.latents),
      {
        encoder: batch.bytes,
        decoder: batch.bytes,
        patches: { ...groups, sequence },
        factors: routes?.confidences,
      },
      (pooled) => {
        const outputs = this.blt.think(
          pooled,
          attendWithin(sequence, latent.heads),
        );
        if (!this.nothing) return outputs;
        const read = routes
          ? smooth(outputs, routes.gates, { segments, length: capacity })
          : outputs;
        const isNull = reshape(groups.isNull, [-1, 1]);
        return where(isNull, this.nothing.value, read);
      },
    );
    return { logits, sense, groups };
  }
}
