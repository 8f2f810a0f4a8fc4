import type { Rng, RngState } from "../tensor/mod.ts";
import { BOS, BYTE_OFFSET, encode } from "./bytes.ts";

/** A text to learn from, of any bytes. */
export interface Document {
  /** What to call it in messages, such as its path. */
  readonly name: string;
  /** [bytes] */
  readonly bytes: Uint8Array;
}

/** A corpus in two parts; neither is empty. */
export interface Split {
  /** The front of every document. */
  readonly training: readonly Document[];
  /** The end of every document of at least 2 bytes. */
  readonly heldOut: readonly Document[];
}

/** Rows cut out of a stream: what the model reads and what it is to say. */
export interface Rows {
  /** [B, N]: BOS, then the stream from the row's offset on. */
  readonly ids: Uint32Array;
  /** [B, N]: the stream from the row's offset on. */
  readonly targets: Uint32Array;
  /**
   * [B], positions in the stream of each row's first target, at least 1. What
   * was computed for each position of the stream, such as the entropy of the
   * next id, stands one earlier: row[p] = ofStream[offset - 1 + p].
   */
  readonly offsets: Uint32Array;
}

/** Size of a batch. */
export interface BatchShape {
  /** Rows, B. */
  readonly rows: number;
  /** Ids in a row, N. */
  readonly context: number;
}

/**
 * Holds out the end of every document, so that both parts have the same mix.
 *
 * Of each document the last `heldOut` of its bytes, rounded up, but never its
 * first byte. Throws a `RangeError` unless `heldOut` is in (0, 1) and some
 * document has 2 bytes.
 */
export function splitCorpus(
  documents: readonly Document[],
  heldOut = 0.05,
): Split {
  if (!(heldOut > 0 && heldOut < 1)) {
    throw new RangeError(
      `Cannot hold out a part of the corpus: expected more than 0 and less than 1, got ${heldOut}`,
    );
  }
  const longest = documents.reduce(
    (a, { bytes }) => Math.max(a, bytes.length),
    0,
  );
  if (longest < 2) {
    throw new RangeError(
      `Cannot learn from ${
        documents.length === 0
          ? "no documents"
          : documents.map(({ name }) => name).join(", ")
      }: expected a document of at least 2 bytes, got ${longest}`,
    );
  }
  const cut = ({ bytes: { length } }: Document): number =>
    Math.max(1, length - Math.ceil(length * heldOut));
  return {
    training: documents.map((document) => ({
      ...document,
      bytes: document.bytes.subarray(0, cut(document)),
    })).filter(({ bytes }) => bytes.length > 0),
    heldOut: documents.map((document) => ({
      ...document,
      bytes: document.bytes.subarray(cut(document)),
    })).filter(({ bytes }) => bytes.length > 0),
  };
}

/**
 * One stream of ids: each document as BOS, bytes, EOS, one after the other;
 * empty ones are left out. Result: [T]
 */
export function tokenStream(documents: readonly Document[]): Uint32Array {
  const rest = documents.filter(({ bytes }) => bytes.length > 0);
  const stream = new Uint32Array(
    rest.reduce((sum, { bytes }) => sum + bytes.length + 2, 0),
  );
  let at = 0;
  for (const { bytes } of rest) {
    stream.set(encode(bytes), at);
    at += bytes.length + 2;
  }
  return stream;
}

/**
 * Number that tells streams apart, of ids or of bytes: 32-bit FNV-1a (Fowler,
 * Noll and Vo, 1991).
 */
export function fingerprint(stream: Uint32Array | Uint8Array): number {
  let hash = 2166136261;
  for (const id of stream) hash = Math.imul(hash ^ id, 16777619);
  return hash >>> 0;
}

/** Bytes in a stream of ids, specials not counted. */
export function byteCount(stream: Uint32Array): number {
  return stream.reduce((sum, id) => sum + Number(id >= BYTE_OFFSET), 0);
}

/**
 * Batches of rows at random positions of a stream, the same for the same
 * generator. A row may run from one document into the next.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Rng } from "../tensor/mod.ts";
 *
 * const bytes = new TextEncoder().encode("a club sandwich");
 * const stream = tokenStream([{ name: "menu", bytes }]);
 * const shape = { rows: 2, context: 8 };
 * const batches = new Batches(stream, shape, new Rng(1));
 * const rng = Rng.restore(batches.state);
 * assertEquals(new Batches(stream, shape, rng).next(), batches.next());
 * ```
 */
export class Batches {
  readonly #stream: Uint32Array;
  readonly #shape: BatchShape;
  readonly #rng: Rng;

  /**
   * stream: [T], from `tokenStream`. Draws positions from `rng`. Throws a
   * `RangeError` when rows or context are not integers >= 1, or the context is
   * longer than the stream without its first id.
   */
  constructor(stream: Uint32Array, shape: BatchShape, rng: Rng) {
    for (const [name, value] of Object.entries(shape)) checkCount(name, value);
    if (shape.context >= stream.length) {
      throw new RangeError(
        `Cannot cut rows of ${shape.context} bytes: the context must be at most ${
          Math.max(0, stream.length - 1)
        } for this data, got ${shape.context}`,
      );
    }
    this.#stream = stream;
    this.#shape = shape;
    this.#rng = rng;
  }

  /** State of the generator: with it restored, the same batches follow. */
  get state(): RngState {
    return this.#rng.state;
  }

  /** Draws the next batch. */
  next(): Rows {
    const { rows, context } = this.#shape;
    const offsets = Uint32Array.from({ length: rows }, () => this.#offset());
    return cutRows(this.#stream, offsets, context);
  }

  /** A row begins with a BOS of its own, which no other may follow. */
  #offset(): number {
    const positions = this.#stream.length - this.#shape.context;
    for (;;) {
      // Position 1 is a byte, so the loop ends.
      const offset = 1 + this.#rng.integer(positions);
      if (this.#stream[offset] !== BOS) return offset;
    }
  }
}

/**
 * Rows that cover a stream from its front to its end: every id is a target
 * exactly once, except a BOS where a row begins, which has one already.
 *
 * stream: [T], from `tokenStream`. Each result is one row of at most `context`
 * ids; the last one may be shorter. Throws a `RangeError` unless `context` is
 * an integer >= 1.
 */
export function* windows(
  stream: Uint32Array,
  context: number,
): Generator<Rows, void, void> {
  checkCount("context", context);
  for (let at = 0; at < stream.length; at += context) {
    if (stream[at] === BOS) at++;
    const length = Math.min(context, stream.length - at);
    yield cutRows(stream, Uint32Array.of(at), length);
  }
}

function cutRows(
  stream: Uint32Array,
  offsets: Uint32Array,
  context: number,
): Rows {
  const ids = new Uint32Array(offsets.length * context);
  const targets = new Uint32Array(ids.length);
  offsets.forEach((offset, row) => {
    const end = offset + context;
    targets.set(stream.subarray(offset, end), row * context);
    ids[row * context] = BOS;
    ids.set(stream.subarray(offset, end - 1), row * context + 1);
  });
  return { ids, targets, offsets };
}

function checkCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(
      `Cannot cut rows: ${name} must be an integer >= 1, got ${value}`,
    );
  }
}
