import { type Device, entropy, Scope } from "../tensor/mod.ts";
import type { ByteTransformer } from "./byte_transformer.ts";
import { BOS } from "./bytes.ts";
import { type LongWork, Turns } from "./turns.ts";

/** Options of {@linkcode streamEntropies}. */
export interface EntropiesOptions extends LongWork {
  /** What an earlier call found of the front of the stream, with this model. */
  readonly known?: Float32Array;
  /** Hears how many positions are done, and what stands there. */
  readonly progress?: (done: number, entropies: Float32Array) => void;
}

/** Ids whose entropies one forward pass gives. */
const CHUNK = 2048;

/** Ids in front of a chunk, per layer: a window's worth each. */
function reach({ config: { transformer } }: ByteTransformer): number {
  return transformer.layers * transformer.window;
}

/**
 * Entropy, in nats, of the id that follows each position of a stream, by a
 * small byte model that reads each document on its own with its window.
 *
 * stream: [T], from `tokenStream` -> [T]. Waits for the device now and then.
 * Rejects with the signal's reason when it is aborted.
 */
export async function streamEntropies(
  model: ByteTransformer,
  device: Device,
  stream: Uint32Array,
  { known = new Float32Array(), progress, ...work }: EntropiesOptions = {},
): Promise<Float32Array> {
  using scope = new Scope({ open: false, records: false });
  const turns = new Turns(work);
  const before = reach(model);
  const feed = scope.run(() =>
    model.feed(device, before + CHUNK, { gradient: false })
  );
  const entropies = new Float32Array(stream.length);
  entropies.set(known.subarray(0, stream.length));
  // Each chunk is read from the same place, wherever the first call stopped.
  const first = Math.floor(known.length / CHUNK) * CHUNK;
  for (let at = first; at < stream.length; at += CHUNK) {
    progress?.(at, entropies);
    await turns.next();
    const start = chunkStart(stream, at, before);
    const ids = stream.subarray(start, at + CHUNK);
    const found = await scope.run(() => {
      using _chunk = new Scope();
      const rows = { ids, lengths: [ids.length], starts: [] };
      return entropy(feed(rows)).data();
    });
    entropies.set(found.subarray(at - start), at);
  }
  progress?.(stream.length, entropies);
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
