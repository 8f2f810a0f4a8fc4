import {
  Blt,
  type BltBatch,
  type BltConfig,
  ByteTransformer,
  type ByteTransformerConfig,
  encode,
  type HostRows,
  type PatcherConfig,
  patchStarts,
} from "../../blt/mod.ts";
import { placeWeights } from "../../nn/mod.ts";
import { type Device, entropy, noGrad, Rng, Scope } from "../../tensor/mod.ts";
import type { Draw } from "../support/for_all.ts";

/** Most ids in a row of a proof. */
export const CONTEXT = 200;

/** Rows in a row: what a model says about each of them. */
export interface Outcome {
  /** [N + 1]; all 1 for a model without patches. */
  readonly starts: Uint8Array;
  /** [N, V] */
  readonly logits: Float32Array;
}

/** A model as the proofs see it: rows of ids to outcomes, row by row. */
export type Subject = (rows: readonly Uint32Array[]) => Promise<Outcome[]>;

/** What a test changes about a BLT, mostly to see whether it is noticed. */
export interface Changes {
  /** Sizes instead of those of `bltConfig`. */
  readonly config?: BltConfig;
  /** Start flags of a row instead of the patcher's. */
  readonly starts?: (ids: Uint32Array, entropies: Float32Array) => Uint8Array;
  /** Batch instead of the model's. */
  readonly batch?: (batch: BltBatch, rows: readonly Uint8Array[]) => BltBatch;
}

/** Windows shorter than the rows, and a width that needs no large kernel. */
const LOCAL = {
  layers: 1,
  dim: 8,
  heads: 2,
  hiddenDim: 12,
  window: 6,
  ropeTheta: 10_000,
};

/** Sizes of the plain transformer of the proofs, also their entropy model. */
export const bytesConfig: ByteTransformerConfig = {
  kind: "bytes",
  transformer: { ...LOCAL, layers: 2 },
  ngrams: { sizes: [2], functions: 1, rows: 31 },
};

/** Sizes of the BLT of the proofs. */
export function bltConfig(patcher: PatcherConfig): BltConfig {
  return {
    kind: "blt",
    patcher,
    ngrams: { sizes: [2, 3], functions: 1, rows: 31 },
    encoder: LOCAL,
    latent: { ...LOCAL, layers: 2, dim: 12, heads: 3, window: 3 },
    decoder: { ...LOCAL, layers: 2, window: 5 },
    slots: 2,
    residual: 2,
  };
}

/**
 * Every kind of patcher. The thresholds lie in the middle of what the entropy
 * model of `blt` says, so that a changed byte moves patches.
 */
export const patchers: Readonly<Record<string, PatcherConfig>> = {
  "entropy": { kind: "entropy", threshold: 5.1 },
  "entropy, at most 3 bytes": { kind: "entropy", threshold: 5.1, maxBytes: 3 },
  "relative": { kind: "relative", threshold: 0 },
  "relative as Meta's": { kind: "relative", threshold: 0, meta: true },
  "both": { kind: "both", threshold: 5.1, increase: 0 },
  "both as Meta's": { kind: "both", threshold: 5.1, increase: 0, meta: true },
  "static": { kind: "static", bytes: 4 },
  "space": { kind: "space" },
  "space, at most 2 bytes": { kind: "space", maxBytes: 2 },
  "byte": { kind: "byte" },
  "custom": { kind: "custom", ends: (id, previous) => id < previous },
};

/** A row of a document, of `length` ids with its BOS: ASCII, spaces, any byte. */
export function drawRow(draw: Draw, length: number): Uint32Array {
  const bytes = Uint8Array.from({ length: length - 1 }, () => {
    const kind = draw.integer(0, 4);
    if (kind === 0) return 0x20;
    return kind === 1 ? draw.integer(0, 256) : draw.integer(0x61, 0x67);
  });
  return encode(bytes, { eos: false });
}

/** Rows one after the other, as a batch takes them. */
export function joined(rows: readonly Uint32Array[]): HostRows {
  const ids = rows.flatMap((row) => [...row]);
  return { ids: Uint32Array.from(ids), lengths: rows.map((row) => row.length) };
}

/** Splits what a batch gave into `width` numbers per id. */
function split(
  data: Float32Array,
  rows: readonly Uint32Array[],
  width: number,
): Float32Array[] {
  let at = 0;
  return rows.map(({ length }) =>
    data.subarray(at * width, (at += length) * width)
  );
}

/** A plain transformer on random weights; belongs to the open scope. */
export function bytes(device: Device): Subject {
  const model = new ByteTransformer(bytesConfig, new Rng(5));
  placeWeights(model, device);
  const table = model.tables(device, CONTEXT);
  return async (rows) => {
    using _scope = new Scope();
    const batch = model.batch(device, joined(rows), table, { gradient: false });
    const logits = await noGrad(() => model.forward(batch)).data();
    return split(logits, rows, 260).map((logits, i) => ({
      starts: new Uint8Array(rows[i]!.length + 1).fill(1),
      logits,
    }));
  };
}

/**
 * A BLT on random weights, with an entropy model of its own; belongs to the
 * open scope.
 */
export function blt(
  device: Device,
  patcher: PatcherConfig,
  changes: Changes = {},
): Subject {
  const entropyModel = new ByteTransformer(bytesConfig, new Rng(6));
  placeWeights(entropyModel, device);
  const config = changes.config ?? bltConfig(patcher);
  const model = new Blt(config, new Rng(7));
  placeWeights(model, device);
  const table = entropyModel.tables(device, CONTEXT);
  const tables = model.tables(device, CONTEXT);
  const startsOf = changes.starts ??
    ((ids, entropies) => patchStarts({ ids, entropies }, patcher));
  return async (rows) => {
    using _scope = new Scope();
    const gradient = false;
    const host = joined(rows);
    const bytes = entropyModel.batch(device, host, table, { gradient });
    const found = noGrad(() => entropy(entropyModel.forward(bytes)));
    const entropies = split(await found.data(), rows, 1);
    const starts = rows.map((ids, i) => startsOf(ids, entropies[i]!));
    const given = model.batch(device, { ...host, starts }, tables, {
      gradient,
    });
    const batch = changes.batch?.(given, starts) ?? given;
    const logits = await noGrad(() => model.forward(batch)).data();
    return split(logits, rows, 260).map((logits, i) => ({
      starts: starts[i]!,
      logits,
    }));
  };
}
