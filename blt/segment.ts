import { Scope } from "../tensor/mod.ts";
import { encode } from "./bytes.ts";
import { streamEntropies } from "./entropies.ts";
import { patcherOf } from "./config.ts";
import type { Trained } from "./evaluate.ts";
import { checkPatcher, type PatcherConfig } from "./patcher_config.ts";
import { patchStarts } from "./patchers.ts";
import { patchBounds } from "./patching.ts";

/** One patch of a text. */
export interface TextPatch {
  /** First byte. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
  /** Entropy of each byte before it was read, in nats, where it is known. */
  readonly entropies?: readonly number[];
}

/**
 * Cuts a text into patches: those of a trained model, or by a rule that needs
 * none. Throws a `RangeError` for a model without patches.
 */
export async function segment(
  source: Trained | PatcherConfig,
  bytes: Uint8Array,
): Promise<readonly TextPatch[]> {
  using _scope = new Scope();
  const ids = encode(bytes, { eos: false });
  const patcher = "model" in source
    ? patcherOf(source.model.config)
    : checkPatcher(source);
  if (!patcher) {
    throw new RangeError(
      "Cannot cut a text into patches: the model reads single bytes",
    );
  }
  const entropies = "model" in source && source.entropyModel
    ? await streamEntropies(source.entropyModel, source.device, ids)
    : undefined;
  const row = entropies ? { ids, entropies } : { ids };
  const bounds = patchBounds(patchStarts(row, patcher));
  // The first patch is BOS alone, and no part of the text.
  return [...bounds.subarray(1, -1)].map((bound, i) => {
    const end = bounds[i + 2]!;
    const patch = { start: bound - 1, length: end - bound };
    if (!entropies) return patch;
    // The entropy of a byte is that of the prediction before it.
    return { ...patch, entropies: [...entropies.subarray(bound - 1, end - 1)] };
  });
}
