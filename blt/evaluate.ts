import { type Device, Scope, Tensor, tokenNats } from "../tensor/mod.ts";
import type { PatchedRows } from "./batch.ts";
import type { ByteTransformer } from "./byte_transformer.ts";
import { byteCount, windows } from "./corpus.ts";
import { streamEntropies } from "./entropies.ts";
import type { LanguageModel } from "./lesson.ts";
import { needsEntropyModel, patchRows } from "./model.ts";
import { type LongWork, Turns } from "./turns.ts";

/** How well a model predicts a text. */
export interface Evaluation {
  /** Bits per byte of text; special ids cost, but do not count. */
  readonly bitsPerByte: number;
  /** Bytes of text. */
  readonly bytes: number;
  /** Mean ids in a patch, BOS being one of its own; 1 without patches. */
  readonly meanPatchBytes: number;
}

/** A trained model, ready on a device. */
export interface Trained {
  /** The model. */
  readonly model: LanguageModel;
  /** What finds its patches, if it needs one. */
  readonly entropyModel: ByteTransformer | undefined;
  /** Where the weights are. */
  readonly device: Device;
}

/** Ids in the rows of one forward pass. */
const BATCH_IDS = 4096;

/**
 * Bits per byte of a stream, read in rows of `context` ids that each begin
 * anew. stream: [T], from `tokenStream`. Waits for the device now and then.
 * Rejects with the signal's reason when it is aborted.
 */
export async function evaluateStream(
  { model, entropyModel, device }: Trained,
  stream: Uint32Array,
  context: number,
  work: LongWork = {},
): Promise<Evaluation> {
  const entropies = entropyModel && needsEntropyModel(model.config)
    ? await streamEntropies(entropyModel, device, stream, work)
    : undefined;
  using scope = new Scope({ open: false, records: false });
  const turns = new Turns(work);
  const positions = Math.min(context, stream.length);
  const costOf = scope.run(() => costs(model, device, positions));
  const rowsAtOnce = Math.max(1, Math.floor(BATCH_IDS / context));
  let nats = 0;
  let ids = 0;
  let patches = 0;
  const all = [...windows(stream, context)];
  for (let at = 0; at < all.length; at += rowsAtOnce) {
    await turns.next();
    const group = all.slice(at, at + rowsAtOnce);
    const own = entropies &&
      joined(
        group.map(({ ids, offsets: [offset = 1] }) =>
          entropies.subarray(offset - 1, offset - 1 + ids.length)
        ),
        Float32Array,
      );
    const rows = patchRows({
      ids: joined(group.map((row) => row.ids), Uint32Array),
      lengths: group.map((row) => row.ids.length),
      entropies: own,
    }, model.config);
    const targets = joined(group.map((row) => row.targets), Uint32Array);
    ids += targets.length;
    const cost = await scope.run(() => {
      using _batch = new Scope();
      const target = Tensor.from(device, [targets.length], targets);
      return costOf(rows, target);
    });
    nats += cost.nats;
    patches += cost.patches;
  }
  const bytes = byteCount(stream);
  return {
    bitsPerByte: nats / Math.LN2 / bytes,
    bytes,
    meanPatchBytes: patches === 0 ? 1 : ids / patches,
  };
}

/**
 * What the targets of some rows cost, and their patches. Launches all of it
 * before it waits.
 */
type CostOf = (
  rows: PatchedRows,
  targets: Tensor,
) => Promise<{ readonly nats: number; readonly patches: number }>;

function costs(model: LanguageModel, device: Device, context: number): CostOf {
  // A model that makes its patches itself counts them in its lessons.
  const counter = model.metricNames?.indexOf("patches") ?? -1;
  if (counter >= 0) {
    const teach = model.teach(device, context);
    return async (rows, targets) => {
      // A late step, so that patches are its own.
      const batch = teach.upload(rows, Infinity);
      const { nats, metrics } = teach.learn(batch, targets);
      const [[mean = NaN], [patches = NaN]] = await Promise.all([
        nats.data(),
        metrics![counter]!.data(),
      ]);
      return { nats: mean * targets.size, patches };
    };
  }
  const feed = model.feed(device, context, { gradient: false });
  return async (rows, targets) => {
    const each = await tokenNats(feed(rows), targets).data();
    let patches = 0;
    for (const flags of rows.starts) {
      patches += flags.subarray(0, -1).reduce((sum, flag) => sum + flag, 0);
    }
    return { nats: each.reduce((sum, nats) => sum + nats, 0), patches };
  };
}

function joined<A extends Uint32Array | Float32Array>(
  parts: readonly A[],
  array: new (length: number) => A,
): A {
  const whole = new array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
