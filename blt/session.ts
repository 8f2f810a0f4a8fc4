import { type Device, entropy, slice, type Tensor } from "../tensor/mod.ts";
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
import type { Think } from "./open_groups.ts";
import { readsEntropy } from "./patcher_config.ts";
import { Patcher } from "./patchers.ts";
import { RoutingSession } from "./routing.ts";
import { SessionMemory } from "./session_memory.ts";
import { StackedBlt } from "./stacked.ts";
import type { Turns } from "./turns.ts";

/** A model reading one document id by id, with caches; owns their memory. */
export interface Session extends Disposable {
  /**
   * Reads ids that follow those read before, the first being BOS, and gives
   * the logits of the next one; after calls that still wait. Lets others have
   * their `turns` on the way. Rejects with a `RangeError` when there are no ids.
   */
  push(ids: Uint32Array, turns?: Turns): Promise<Float32Array>;
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

/** A {@linkcode ByteTransformer} with a cache. */
export class ByteSession implements Session {
  readonly #memory = new SessionMemory();
  readonly #model: ByteTransformer;
  readonly #cache: KvCache;
  readonly #inputs: InputStream;

  /** Before the first id. */
  constructor(model: ByteTransformer, device: Device) {
    const { transformer, ngrams } = model.config;
    this.#model = model;
    this.#cache = this.#memory.keep(() => new KvCache(device, transformer));
    this.#inputs = new InputStream(device, ngrams);
  }

  push(ids: Uint32Array, turns?: Turns): Promise<Float32Array> {
    const { most } = this.#cache;
    return this.#memory.read(
      ids,
      { most, turns },
      (piece, scope) =>
        scope.run(() => {
          const logits = this.#read(piece);
          const { shape: [rows = 0, classes = 0] } = logits;
          return slice(logits, [[rows - 1, rows], [0, classes]]).data();
        }),
    );
  }

  /** Entropies of the ids that follow each of `ids`, in nats. */
  async entropies(ids: Uint32Array, turns?: Turns): Promise<Float32Array> {
    const found = new Float32Array(ids.length);
    let at = 0;
    const { most } = this.#cache;
    await this.#memory.read(ids, { most, turns }, async (piece, scope) => {
      const part = await scope.run(() => entropy(this.#read(piece)).data());
      found.set(part, at);
      at += part.length;
      return part;
    });
    return found;
  }

  /** Frees the caches. */
  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  #read(ids: Uint32Array): Tensor {
    const inputs = this.#inputs.next(ids);
    return this.#model.logits(inputs, this.#cache.extend(ids.length));
  }
}

/**
 * A {@linkcode Blt} with caches, or a {@linkcode StackedBlt}: the latent
 * transformer runs once for each closed patch, and where a patch starts is
 * decided once and kept.
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
  readonly #memory = new SessionMemory();
  readonly #body: BodySession;
  /** Entropies behind the patches that the present ids close. */
  #seams: readonly number[] | undefined;

  /**
   * Before the first id. Throws a `RangeError` when the patcher reads
   * entropies and there is no model for them. `makeLevels` makes the further
   * ones of a stack.
   */
  constructor(
    model: Blt,
    device: Device,
    entropyModel?: ByteTransformer,
    makeLevels: () => readonly LevelSession[] = () => [],
  ) {
    const { patcher, ngrams } = model.config;
    const memory = this.#memory;
    this.levels = memory.keep(makeLevels);
    const [level] = this.levels;
    this.#model = model;
    this.#inputs = new InputStream(device, ngrams);
    this.#patcher = new Patcher(patcher);
    const then: Think | undefined = level &&
      ((x, scope) => level.read({ x, seams: this.#seams }, scope));
    this.#body = memory.keep(() =>
      new BodySession(model, device, then && { then })
    );
    if (readsEntropy(patcher)) {
      this.#entropies = memory.keep(() => {
        if (entropyModel) return new ByteSession(entropyModel, device);
        throw new RangeError(
          `Cannot find patches by ${patcher.kind}: expected an entropy model, got none`,
        );
      });
    }
  }

  /** Patches closed so far; the latent transformer ran once for each. */
  get patches(): number {
    return this.#body.patches;
  }

  push(ids: Uint32Array, turns?: Turns): Promise<Float32Array> {
    const { most } = this.#body;
    return this.#memory.read(ids, { most, turns }, async (piece, scope) => {
      const entropies = await this.#entropies?.entropies(piece, turns);
      const ends = [...piece].map((id, i) =>
        this.#patcher.push(id, entropies?.[i])
      );
      this.starts.push(...ends);
      this.scores.push(...entropies ?? []);
      this.#seams = entropies && [...entropies].filter((_, i) => ends[i]);
      const x = scope.run(() =>
        this.#model.embedding.forward(this.#inputs.next(piece))
      );
      return await (await this.#body.read(x, ends, scope)).data();
    });
  }

  /** Frees the caches. */
  [Symbol.dispose](): void {
    this.#entropies?.[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}

/** An {@linkcode EndToEndBlt} with caches. */
export class EndToEndSession implements Session {
  /** For each id read, whether a patch starts there or, else, behind it. */
  readonly starts: boolean[] = [];
  /** What decided it: entropy in nats, or with routing a probability. */
  readonly scores: number[] = [];
  /** There are none. */
  readonly levels: readonly LevelSession[] = [];
  readonly #memory = new SessionMemory();
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
    const memory = this.#memory;
    this.#tiny = memory.keep(() => new KvCache(device, tiny));
    this.#branch = memory.keep(() =>
      new KvCache(device, { ...tiny, layers: 1 })
    );
    this.#grouper = new UnitGrouper({
      rule: grouping.rule,
      lookback: model.lookback,
      most: grouping.most,
      threshold,
    });
    const routing = model.router &&
      memory.keep(() => new RoutingSession(device, model.config));
    this.#routing = routing;
    const then: Think | undefined = routing &&
      ((x, scope) => Promise.resolve(scope.run(() => routing.smooth(x))));
    this.#body = memory.keep(() =>
      new BodySession(model.blt, device, {
        nothing: model.nothing?.value,
        ...then && { then },
      })
    );
  }

  /** Patches closed so far; the latent transformer ran once for each. */
  get patches(): number {
    return this.#body.patches;
  }

  push(ids: Uint32Array, turns?: Turns): Promise<Float32Array> {
    const most = Math.min(this.#body.most, this.#tiny.most);
    return this.#memory.read(ids, { most, turns }, async (piece, scope) => {
      const model = this.#model;
      const { inputs, latents, scores } = scope.run(() => {
        const inputs = this.#inputs.next(piece);
        const { latents, scores } = model.sense(inputs, {
          tiny: this.#tiny.extend(piece.length),
          branch: this.#branch.extend(piece.length),
          places: this.#routing?.places(piece.length),
        });
        this.#routing?.keep(latents);
        return { inputs, latents, scores };
      });
      const { lookback } = model;
      const ends = Array.from(await scores.data(), (score) => {
        const starts = this.#grouper.push(score);
        if (starts) this.#routing?.start(score);
        this.starts.push(starts);
        this.scores.push(score);
        // No patch lies before the first one.
        return starts && !(lookback && this.starts.length === 1);
      });
      const x = scope.run(() => model.embed(inputs, latents));
      const logits = await this.#body.read(x, ends, scope, { lookback });
      return await logits.data();
    });
  }

  /** Frees the caches. */
  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

/**
 * Session of a trained model, before the first id; to be disposed. Waits for
 * the device when thresholds are tracked.
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
    const thresholds = await Promise.all(
      model.levels.map((level) => level.threshold.value.data()),
    );
    return new BltSession(model.blt, device, entropyModel, () => {
      const levels: LevelSession[] = [];
      for (const [i, level] of [...model.levels.entries()].toReversed()) {
        const [threshold = 0] = thresholds[i]!;
        levels.unshift(new LevelSession(level, device, threshold, levels[0]));
      }
      return levels;
    });
  }
  throw new TypeError(
    `Cannot generate with a model of kind ${model.config.kind}: it has no session`,
  );
}
