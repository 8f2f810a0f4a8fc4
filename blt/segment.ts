import { encode } from "./bytes.ts";
import { EndToEndBlt } from "./end_to_end.ts";
import { streamEntropies } from "./entropies.ts";
import type { Trained } from "./evaluate.ts";
import { checkPatcher, type PatcherConfig } from "./patcher_config.ts";
import { patchStarts } from "./patchers.ts";
import { patchBounds } from "./patching.ts";
import { ByteSession, openSession } from "./session.ts";
import { type LongWork, Turns } from "./turns.ts";

/** A range of a text. */
export interface TextSpan {
  /** First byte. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
}

/** One patch of a text. */
export interface TextPatch extends TextSpan {
  /**
   * Entropy of each byte before it was read, in nats, where it is known; of a
   * model that looks back, the entropy by which the byte may start a patch.
   */
  readonly entropies?: readonly number[];
  /** With routing instead: probability that each byte starts a patch. */
  readonly probabilities?: readonly number[];
}

/** A text cut into units, which cover it in order at every level. */
export interface TextUnits {
  /** Patches. */
  readonly patches: readonly TextPatch[];
  /** Groups of patches, then groups of those, if the model has them. */
  readonly levels: readonly (readonly TextSpan[])[];
}

/** What decides how ids are cut. */
interface Decisions {
  /** Start flags of patches. [T + 1] */
  readonly starts: Uint8Array;
  /** By what each id but the first may start a patch, in nats. [T - 1] or longer */
  readonly entropies?: Float32Array;
  /** The same with routing, as probabilities. */
  readonly probabilities?: Float32Array;
  /** At each further level, of each unit, whether the next starts a group. */
  readonly levels: readonly (readonly boolean[])[];
}

/**
 * Cuts a text into the patches, and groups of them, of a trained model, or into
 * patches by a rule that needs none. Rejects with a `RangeError` for an empty
 * text and for a model without patches, and with the signal's reason when it is
 * aborted.
 */
export async function segment(
  source: Trained | PatcherConfig,
  bytes: Uint8Array,
  work: LongWork = {},
): Promise<TextUnits> {
  if (bytes.length === 0) {
    throw new RangeError(
      "Cannot cut a text into patches: expected at least one byte, got none",
    );
  }
  const ids = encode(bytes, { eos: false });
  const { starts, entropies, probabilities, levels }: Decisions =
    "model" in source
      ? await decisionsOf(source, ids, work)
      : { starts: patchStarts({ ids }, checkPatcher(source)), levels: [] };
  let bounds = [...patchBounds(starts).subarray(0, -1)];
  const patches = spansOf(bounds, ids.length);
  return {
    patches: patches.map((span) => ({
      ...span,
      ...entropies && { entropies: partOf(entropies, span) },
      ...probabilities && { probabilities: partOf(probabilities, span) },
    })),
    levels: levels.map((flags) => {
      bounds = bounds.filter((_, unit) => unit === 0 || flags[unit - 1]);
      return spansOf(bounds, ids.length);
    }),
  };
}

/** Units of a text; the first unit of ids is BOS alone, and no part of it. */
function spansOf(bounds: readonly number[], end: number): TextSpan[] {
  return bounds.slice(1).map((bound, i) => ({
    start: bound - 1,
    length: (bounds[i + 2] ?? end) - bound,
  }));
}

function partOf(scores: Float32Array, { start, length }: TextSpan): number[] {
  return [...scores.subarray(start, start + length)];
}

async function decisionsOf(
  trained: Trained,
  ids: Uint32Array,
  work: LongWork,
): Promise<Decisions> {
  const { model, entropyModel, device } = trained;
  const { config } = model;
  if (config.kind === "blt") {
    // Its patches need no more than the entropy model.
    const known = entropyModel &&
      { entropies: await streamEntropies(entropyModel, device, ids, work) };
    const starts = patchStarts({ ids, ...known }, config.patcher);
    return { starts, ...known, levels: [] };
  }
  using session = await openSession(trained);
  if (session instanceof ByteSession) {
    throw new RangeError(
      "Cannot cut a text into patches: the model reads single bytes",
    );
  }
  await session.push(ids, new Turns(work));
  const { starts } = session;
  // Flags and scores are about the byte itself, or about the one behind.
  const own = model instanceof EndToEndBlt && model.lookback;
  const scores = Float32Array.from(session.scores).subarray(Number(own));
  return {
    starts: Uint8Array.from(
      own ? [...starts, false] : [true, ...starts],
      Number,
    ),
    ...model instanceof EndToEndBlt && model.router
      ? { probabilities: scores }
      : scores.length > 0 && { entropies: scores },
    levels: session.levels.map(({ starts }) => starts),
  };
}
