import {
  type Device,
  entropy,
  Scope,
  slice,
  type Tensor,
} from "../tensor/mod.ts";
import { KvCache } from "../nn/mod.ts";
import { type ByteInputs, tableInputs } from "./batch.ts";
import { Blt } from "./blt.ts";
import { BodySession } from "./body_session.ts";
import { ByteTransformer } from "./byte_transformer.ts";
import { EndToEndBlt } from "./end_to_end.ts";
import type { Trained } from "./evaluate.ts";
import { UnitGrouper } from "./host_grouping.ts";
import { LevelSession } from "./level_session.ts";
import { type NgramHashConfig, NgramHasher } from "./ngram_hash.ts";
import { readsEntropy } from "./patcher_config.ts";
import { Patcher } from "./patchers.ts";
import { RoutingSession } from "./routing.ts";
import { StackedBlt } from "./stacked.ts";

/** A model reading one document id by id, with caches. */
export interface Session {
  /**
   * Reads ids that follow those read before, the first being BOS, and gives
   * the logits of the next one. Throws a `RangeError` when there are none.
   */
  push(ids: Uint32Array): Promise<Float32Array>;
}

/** Uploads ids one after the other, remembering what hashed n-grams need. */
class InputStream {
  readonly #device: Device;
  readonly #ngrams: NgramHashConfig | undefined;
  readonly #hasher: NgramHasher | undefined;

  constructor(device: Device, ngrams: NgramHashConfig | undefined) {
    this.#device = device;
    this.#ngrams = ngrams;
    this.#hasher = ngrams && new NgramHasher(ngrams, { stacked: true });
  }

  next(ids: Uint32Array): ByteInputs {
    const rows = this.#hasher?.push(ids);
    return tableInputs(this.#device, { ids, rows }, this.#ngrams, false);
  }
}

/** Calls `read` for pieces of at most `most` ids; gives its last result. */
async function inPieces(
  ids: Uint32Array,
  most: number,
  read: (piece: Uint32Array) => Promise<Float32Array>,
): Promise<Float32Array> {
  if (ids.length === 0) {
    throw new RangeError("Cannot read ids: expected at least one, got none");
  }
  let last = new Float32Array();
  for (let at = 0; at < ids.length; at += most) {
    last = await read(ids.subarray(at, at + most)) as Float32Array<ArrayBuffer>;
  }
  return last;
}

/**
 * A {@linkcode ByteTransformer} with a cache. Its memory belongs to the scope
 * in which it is made.
 */
export class ByteSession implements Session {
  readonly #model: ByteTransformer;
  readonly #cache: KvCache;
  readonly #inputs: InputStream;

  /** Before the first id. */
  constructor(model: ByteTransformer, device: Device) {
    const { transformer, ngrams } = model.config;
    this.#model = model;
    this.#cache = new KvCache(device, transformer);
    this.#inputs = new InputStream(device, ngrams);
  }

  push(ids: Uint32Array): Promise<Float32Array> {
    return inPieces(ids, this.#cache.most, async (piece) => {
      using _scope = new Scope({ records: false });
      const logits = this.#read(piece);
      const { shape: [rows = 0, classes = 0] } = logits;
      return await slice(logits, [[rows - 1, rows], [0, classes]]).data();
    });
  }

  /** Entropies of the ids that follow each of `ids`, in nats. */
  async entropies(ids: Uint32Array): Promise<Float32Array> {
    const found = new Float32Array(ids.length);
    let at = 0;
    await inPieces(ids, this.#cache.most, async (piece) => {
      using _scope = new Scope({ records: false });
      const part = await entropy(this.#read(piece)).data();
      found.set(part, at);
      at += part.length;
      return part;
    });
    return found;
  }

  #read(ids: Uint32Array): Tensor {
    const inputs = this.#inputs.next(ids);
    return this.#model.logits(inputs, this.#cache.extend(ids.length));
  }
}

/**
 * A {@linkcode Blt} with caches, or a {@linkcode StackedBlt}: the latent
 * transformer runs once for each closed patch, and where a patch starts is
 * decided once and kept. Its memory belongs to the scope in which it is made.
 */
export class BltSession implements Session {
  /** For each id read, whether the next one starts a patch. */
  readonly starts: boolean[] = [];
  /** Entropy of the id behind each one read, in nats, if that decides. */
  readonly scores: number[] = [];
  /** Further levels, from the lowest up. */
  readonly levels: readonly LevelSession[];
  readonly #model: Blt;
  readonly #inputs: InputStream;
  readonly #patcher: Patcher;
  readonly #entropies: ByteSession | undefined;
  readonly #body: BodySession;
  /** Entropies behind the patches that the present ids close. */
  #seams: readonly number[] | undefined;

  /**
   * Before the first id. Throws a `RangeError` when the patcher reads
   * entropies and there is no model for them. `levels` are the further ones of
   * a stack.
   */
  constructor(
    model: Blt,
    device: Device,
    entropyModel?: ByteTransformer,
    levels: readonly LevelSession[] = [],
  ) {
    const { patcher, ngrams } = model.config;
    if (readsEntropy(patcher)) {
      if (!entropyModel) {
        throw new RangeError(
          `Cannot find patches by ${patcher.kind}: expected an entropy model, got none`,
        );
      }
      this.#entropies = new ByteSession(entropyModel, device);
    }
    const [level] = levels;
    this.levels = levels;
    this.#model = model;
    this.#inputs = new InputStream(device, ngrams);
    this.#patcher = new Patcher(patcher);
    this.#body = new BodySession(
      model,
      device,
      level ? { then: (x) => level.read({ x, seams: this.#seams }) } : {},
    );
  }

  /** Patches closed so far; the latent transformer ran once for each. */
  get patches(): number {
    return this.#body.patches;
  }

  push(ids: Uint32Array): Promise<Float32Array> {
    return inPieces(ids, this.#body.most, async (piece) => {
      const entropies = await this.#entropies?.entropies(piece);
      const ends = [...piece].map((id, i) =>
        this.#patcher.push(id, entropies?.[i])
      );
      for (const end of ends) this.starts.push(end);
      for (const entropy of entropies ?? []) this.scores.push(entropy);
      this.#seams = entropies && [...entropies].filter((_, i) => ends[i]);
      using _scope = new Scope({ records: false });
      const x = this.#model.embedding.forward(this.#inputs.next(piece));
      return await (await this.#body.read(x, ends)).data();
    });
  }
}

/**
 * An {@linkcode EndToEndBlt} with caches. Its memory belongs to the scope in
 * which it is made.
 */
export class EndToEndSession implements Session {
  /** For each id read, whether a patch starts there or, else, behind it. */
  readonly starts: boolean[] = [];
  /** What decided it: entropy in nats, or with routing a probability. */
  readonly scores: number[] = [];
  /** There are none. */
  readonly levels: readonly LevelSession[] = [];
  readonly #model: EndToEndBlt;
  readonly #inputs: InputStream;
  readonly #tiny: KvCache;
  readonly #branch: KvCache;
  readonly #grouper: UnitGrouper;
  readonly #routing: RoutingSession | undefined;
  readonly #body: BodySession;

  /** Before the first id; `threshold` is that of the model. */
  constructor(model: EndToEndBlt, device: Device, threshold: number) {
    const { blt, tiny, grouping } = model.config;
    this.#model = model;
    this.#inputs = new InputStream(device, blt.ngrams);
    this.#tiny = new KvCache(device, tiny);
    this.#branch = new KvCache(device, { ...tiny, layers: 1 });
    this.#grouper = new UnitGrouper({
      rule: grouping.rule,
      lookback: model.lookback,
      most: grouping.most,
      threshold,
    });
    const routing = model.router && new RoutingSession(device, model.config);
    this.#routing = routing;
    this.#body = new BodySession(model.blt, device, {
      nothing: model.nothing?.value,
      ...routing && { then: (x) => Promise.resolve(routing.smooth(x)) },
    });
  }

  /** Patches closed so far; the latent transformer ran once for each. */
  get patches(): number {
    return this.#body.patches;
  }

  push(ids: Uint32Array): Promise<Float32Array> {
    const most = Math.min(this.#body.most, this.#tiny.most);
    return inPieces(ids, most, async (piece) => {
      using _scope = new Scope({ records: false });
      const model = this.#model;
      const inputs = this.#inputs.next(piece);
      const { latents, scores } = model.sense(inputs, {
        tiny: this.#tiny.extend(piece.length),
        branch: this.#branch.extend(piece.length),
        places: this.#routing?.places(piece.length),
      });
      this.#routing?.keep(latents);
      const { lookback } = model;
      const ends = Array.from(await scores.data(), (score) => {
        const starts = this.#grouper.push(score);
        if (starts) this.#routing?.start(score);
        this.starts.push(starts);
        this.scores.push(score);
        // No patch lies before the first one.
        return starts && !(lookback && this.starts.length === 1);
      });
      const x = model.embed(inputs, latents);
      return await (await this.#body.read(x, ends, { lookback })).data();
    });
  }
}

/**
 * Session of a trained model, before the first id. Its memory belongs to the
 * scope in which it is made. Waits for the device when thresholds are tracked.
 */
export async function openSession(
  { model, entropyModel, device }: Trained,
): Promise<ByteSession | BltSession | EndToEndSession> {
  if (model instanceof ByteTransformer) return new ByteSession(model, device);
  if (model instanceof Blt) return new BltSession(model, device, entropyModel);
  if (model instanceof EndToEndBlt) {
    const [threshold = 0] = await model.threshold.value.data();
    return new EndToEndSession(model, device, threshold);
  }
  if (model instanceof StackedBlt) {
    const levels: LevelSession[] = [];
    for (const level of model.levels.toReversed()) {
      const [threshold = 0] = await level.threshold.value.data();
      levels.unshift(new LevelSession(level, device, threshold, levels[0]));
    }
    return new BltSession(model.blt, device, entropyModel, levels);
  }
  throw new TypeError(
    `Cannot generate with a model of kind ${model.config.kind}: it has no session`,
  );
}
