import { type Device, entropy, noGrad, Scope } from "../tensor/mod.ts";
import type { ByteTransformer } from "./byte_transformer.ts";
import { BOS } from "./bytes.ts";
import { Turns } from "./turn.ts";

/** Ids whose entropies one forward pass gives. */
const CHUNK = 2048;

/** How the entropies of a stream are computed. */
export interface StreamOptions {
  /** Stops the pass, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how many positions, of how many, are done and in `into`. */
  readonly progress?: (done: number, total: number) => void;
  /** What a pass that was stopped had found: it goes on behind it. */
  readonly known?: Float32Array;
  /** Where entropies go as soon as they are found. [T] */
  readonly into?: Float32Array;
}

/** Ids in front of a chunk, per layer: a window's worth each. */
function reach({ config: { transformer } }: ByteTransformer): number {
  return transformer.layers * transformer.window;
}

/**
 * Entropy, in nats, of the id that follows each position of a stream, by a
 * small byte model that reads each document on its own with its window.
 *
 * stream: [T], from `tokenStream` -> [T]. Waits for the device now and then,
 * and lets the event loop turn at least with every chunk.
 */
export async function streamEntropies(
  model: ByteTransformer,
  device: Device,
  stream: Uint32Array,
  { signal, progress, known, into }: StreamOptions = {},
): Promise<Float32Array> {
  using _scope = new Scope();
  const before = reach(model);
  const positions = before + CHUNK;
  const feed = model.feed(device, positions, { gradient: false });
  const entropies = into ?? new Float32Array(stream.length);
  // Chunks are the same whether a pass was stopped or not, and so are the bits.
  const whole = Math.min(known?.length ?? 0, stream.length);
  const first = whole === stream.length ? whole : whole - whole % CHUNK;
  if (known) entropies.set(known.subarray(0, first));
  progress?.(first, stream.length);
  const turns = new Turns();
  for (let at = first; at < stream.length; at += CHUNK) {
    await turns.pass();
    signal?.throwIfAborted();
    using _chunk = new Scope();
    const start = chunkStart(stream, at, before);
    const ids = stream.subarray(start, at + CHUNK);
    const rows = { ids, lengths: [ids.length], starts: [] };
    const found = await noGrad(() => entropy(feed(rows))).data();
    entropies.set(found.subarray(at - start), at);
    progress?.(Math.min(at + CHUNK, stream.length), stream.length);
  }
  return entropies;
}

/** First id to read: far enough back, but not behind the document's BOS. */
function chunkStart(
  stream: Uint32Array,
  at: number,
  before: number,
): number {
  let start = at;
  while (start > 0 && at - start < before && stream[start] !== BOS) start--;
  return start;
}
