import {
  bytesSeeSlots,
  concat,
  type Device,
  entropy,
  Intervals,
  noGrad,
  Scope,
  Segments,
  slice,
  slotsSeeBytes,
  storeRows,
  Tensor,
} from "../tensor/mod.ts";
import { KvCache } from "../nn/mod.ts";
import { type ByteInputs, tableInputs } from "./batch.ts";
import type { Blt } from "./blt.ts";
import type { ByteTransformer } from "./byte_transformer.ts";
import { type NgramHashConfig, NgramHasher } from "./ngram_hash.ts";
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
      using _scope = new Scope();
      const logits = noGrad(() => this.#read(piece));
      const { shape: [rows = 0, classes = 0] } = logits;
      return await slice(logits, [[rows - 1, rows], [0, classes]]).data();
    });
  }

  /** Entropies of the ids that follow each of `ids`, in nats. */
  async entropies(ids: Uint32Array): Promise<Float32Array> {
    const found = new Float32Array(ids.length);
    let at = 0;
    await inPieces(ids, this.#cache.most, async (piece) => {
      using _scope = new Scope();
      const part = await noGrad(() => entropy(this.#read(piece))).data();
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

/** Bytes whose patch is open that there is room for at first. */
const OPEN_BYTES = 64;

/**
 * A {@linkcode Blt} with caches: the latent transformer runs once for each
 * closed patch, and where a patch starts is decided once and kept. Its memory
 * belongs to the scope in which it is made.
 */
export class BltSession implements Session {
  /** For each id read, whether the next one starts a patch. */
  readonly starts: boolean[] = [];
  /** Patches closed so far; the latent transformer ran once for each. */
  patches = 0;
  readonly #home = Scope.current;
  readonly #model: Blt;
  readonly #device: Device;
  readonly #inputs: InputStream;
  readonly #patcher: Patcher;
  readonly #entropies: ByteSession | undefined;
  readonly #encoder: KvCache;
  readonly #latent: KvCache;
  readonly #decoder: KvCache;
  /** Encoded bytes of the open patch, at the front. [room, D] */
  #open: Tensor;
  #openBytes = 0;
  /** Keys and values of the newest closed patch, by layer. [k, 2 D] each */
  readonly #newest: readonly Tensor[];

  /**
   * Before the first id. Throws a `RangeError` when the patcher reads
   * entropies and there is no model for them.
   */
  constructor(model: Blt, device: Device, entropyModel?: ByteTransformer) {
    const { patcher, ngrams, encoder, latent, decoder, slots } = model.config;
    if (readsEntropy(patcher)) {
      if (!entropyModel) {
        throw new RangeError(
          `Cannot find patches by ${patcher.kind}: expected an entropy model, got none`,
        );
      }
      this.#entropies = new ByteSession(entropyModel, device);
    }
    this.#model = model;
    this.#device = device;
    this.#inputs = new InputStream(device, ngrams);
    this.#patcher = new Patcher(patcher);
    this.#encoder = new KvCache(device, encoder);
    this.#latent = new KvCache(device, latent);
    this.#decoder = new KvCache(device, decoder);
    this.#open = Tensor.empty(device, [OPEN_BYTES, encoder.dim]);
    this.#newest = model.decoder.cross.map(() =>
      Tensor.empty(device, [slots, 2 * decoder.dim])
    );
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
      using _scope = new Scope();
      return await noGrad(() => this.#read(piece, ends)).data();
    });
  }

  /** Logits after the last of `ids`; `ends` tells which ids end a patch. */
  #read(ids: Uint32Array, ends: readonly boolean[]): Tensor {
    const model = this.#model;
    const count = ids.length;
    const bytes = model.encode(
      this.#inputs.next(ids),
      this.#encoder.extend(count),
    ); // [n, D]
    const { keysValues, reads } = this.#readable(bytes, ends);
    const slots = model.config.slots;
    const seen = Intervals.from(
      this.#device,
      bytesSeeSlots(reads, slots),
      keysValues[0]!.shape[0]!,
    );
    const decoded = model.decoder.forward(
      bytes,
      keysValues,
      seen,
      this.#decoder.extend(count),
    );
    const { shape: [, dim = 0] } = decoded;
    return model.logits(slice(decoded, [[count - 1, count], [0, dim]]));
  }

  /**
   * Keys and values of the newest closed patch and of those that new bytes
   * close, and which of them each new byte reads.
   */
  #readable(
    bytes: Tensor,
    ends: readonly boolean[],
  ): { keysValues: readonly Tensor[]; reads: Uint32Array } {
    const before = this.#openBytes;
    const first = this.patches === 0 ? 0 : 1; // where new patches begin
    let closed = 0;
    const bounds = [0];
    const reads = Uint32Array.from(ends, (end, i) => {
      if (end) {
        closed += 1;
        bounds.push(before + i + 1);
      }
      return first + closed - 1;
    });
    this.#append(bytes);
    if (closed === 0) return { keysValues: this.#newest, reads };

    const fresh = this.#close(Uint32Array.from(bounds));
    const keysValues = first === 0
      ? fresh
      : fresh.map((rows, layer) => concat([this.#newest[layer]!, rows], 0));
    const { slots } = this.#model.config;
    fresh.forEach((rows, layer) =>
      storeRows(this.#newest[layer]!, rows, {
        at: 0,
        from: (closed - 1) * slots,
      })
    );
    return { keysValues, reads };
  }

  /** Adds encoded bytes to those whose patch is open. */
  #append(bytes: Tensor): void {
    const [count = 0, dim = 0] = bytes.shape;
    const [room = 0] = this.#open.shape;
    const needed = this.#openBytes + count;
    if (needed > room) {
      const larger = Tensor.empty(this.#device, [2 * needed, dim]);
      storeRows(larger, this.#open, { at: 0, rows: this.#openBytes });
      this.#replaceOpen(larger);
    }
    storeRows(this.#open, bytes, { at: this.#openBytes });
    this.#openBytes = needed;
  }

  /** Runs the patches between `bounds`; the bytes behind them stay open. */
  #close(bounds: Uint32Array): Tensor[] {
    const model = this.#model;
    const device = this.#device;
    const count = bounds.length - 1;
    const end = bounds[count]!;
    const bytes = this.#open.view([end, this.#open.shape[1]!]);
    const segments = Segments.fromRanges(
      device,
      bounds.subarray(0, -1),
      bounds.subarray(1),
      end,
    );
    const ends = slotsSeeBytes(bounds, model.config.slots);
    const slotsSee = Intervals.from(device, ends, end);
    const pooled = model.pool.forward(bytes, { segments, slotsSee });
    const outputs = model.think(pooled, this.#latent.extend(count));
    this.patches += count;

    const rest = this.#openBytes - end;
    if (rest > 0) {
      const next = Tensor.empty(device, this.#open.shape);
      storeRows(next, this.#open, { at: 0, from: end, rows: rest });
      this.#replaceOpen(next);
    }
    this.#openBytes = rest;
    return model.decoder.keysValues(outputs);
  }

  /** Swaps the room for open bytes; the new one outlives the present scope. */
  #replaceOpen(room: Tensor): void {
    this.#open.dispose();
    this.#open = this.#home?.adopt(room) ?? room;
  }
}
