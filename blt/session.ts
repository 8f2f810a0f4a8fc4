import {
  type Device,
  entropy,
  Scope,
  slice,
  type Tensor,
} from "../tensor/mod.ts";
import { KvCache } from "../nn/mod.ts";
import { type ByteInputs, tableInputs } from "./batch.ts";
import type { Blt } from "./blt.ts";
import type { ByteTransformer } from "./byte_transformer.ts";
import { type NgramHashConfig, NgramHasher } from "./ngram_hash.ts";
import { OpenGroups } from "./open_groups.ts";
import { readsEntropy } from "./patcher_config.ts";
import { Patcher } from "./patchers.ts";

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
 * A {@linkcode Blt} with caches: the latent transformer runs once for each
 * closed patch, and where a patch starts is decided once and kept. Its memory
 * belongs to the scope in which it is made.
 */
export class BltSession implements Session {
  /** For each id read, whether the next one starts a patch. */
  readonly starts: boolean[] = [];
  readonly #model: Blt;
  readonly #inputs: InputStream;
  readonly #patcher: Patcher;
  readonly #entropies: ByteSession | undefined;
  readonly #encoder: KvCache;
  readonly #latent: KvCache;
  readonly #decoder: KvCache;
  readonly #patches: OpenGroups;

  /**
   * Before the first id. Throws a `RangeError` when the patcher reads
   * entropies and there is no model for them.
   */
  constructor(model: Blt, device: Device, entropyModel?: ByteTransformer) {
    const { patcher, ngrams, encoder, latent, decoder } = model.config;
    if (readsEntropy(patcher)) {
      if (!entropyModel) {
        throw new RangeError(
          `Cannot find patches by ${patcher.kind}: expected an entropy model, got none`,
        );
      }
      this.#entropies = new ByteSession(entropyModel, device);
    }
    this.#model = model;
    this.#inputs = new InputStream(device, ngrams);
    this.#patcher = new Patcher(patcher);
    this.#encoder = new KvCache(device, encoder);
    this.#latent = new KvCache(device, latent);
    this.#decoder = new KvCache(device, decoder);
    this.#patches = new OpenGroups(
      device,
      encoder.dim,
      { pool: model.pool, reader: model.decoder },
      (pooled) => {
        const attend = this.#latent.extend(pooled.shape[0]!);
        return Promise.resolve(model.think(pooled, attend));
      },
    );
  }

  /** Patches closed so far; the latent transformer ran once for each. */
  get patches(): number {
    return this.#patches.closed;
  }

  push(ids: Uint32Array): Promise<Float32Array> {
    const most = Math.min(
      this.#encoder.most,
      this.#latent.most,
      this.#decoder.most,
    );
    return inPieces(ids, most, async (piece) => {
      const entropies = await this.#entropies?.entropies(piece);
      const ends = [...piece].map((id, i) =>
        this.#patcher.push(id, entropies?.[i])
      );
      this.starts.push(...ends);
      using _scope = new Scope({ records: false });
      return await (await this.#read(piece, ends)).data();
    });
  }

  /** Logits after the last of `ids`; `ends` tells which ids end a patch. */
  async #read(ids: Uint32Array, ends: readonly boolean[]): Promise<Tensor> {
    const model = this.#model;
    const count = ids.length;
    const bytes = model.encode(
      this.#inputs.next(ids),
      this.#encoder.extend(count),
    ); // [n, D]
    const { keysValues, unitsSee } = await this.#patches.read(bytes, ends);
    const decoded = model.decoder.forward(
      bytes,
      keysValues,
      unitsSee,
      this.#decoder.extend(count),
    );
    const { shape: [, dim = 0] } = decoded;
    return model.logits(slice(decoded, [[count - 1, count], [0, dim]]));
  }
}
