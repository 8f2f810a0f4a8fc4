import { type Device, entropy, noGrad, Scope } from "../tensor/mod.ts";
import type { ByteTransformer } from "./byte_transformer.ts";
import { BOS } from "./bytes.ts";

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
 */
export async function streamEntropies(
  model: ByteTransformer,
  device: Device,
  stream: Uint32Array,
): Promise<Float32Array> {
  using _scope = new Scope();
  const before = reach(model);
  const positions = before + CHUNK;
  const feed = model.feed(device, positions, { gradient: false });
  const entropies = new Float32Array(stream.length);
  for (let at = 0; at < stream.length; at += CHUNK) {
    using _chunk = new Scope();
    const start = chunkStart(stream, at, before);
    const ids = stream.subarray(start, at + CHUNK);
    const rows = { ids, lengths: [ids.length], starts: [] };
    const found = await noGrad(() => entropy(feed(rows))).data();
    entropies.set(found.subarray(at - start), at);
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
