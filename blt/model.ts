import type { Device, Rng } from "../tensor/mod.ts";
import type { PatchedRows } from "./batch.ts";
import { Blt } from "./blt.ts";
import {
  type BatchOptions,
  ByteTransformer,
  type Feed,
} from "./byte_transformer.ts";
import type { ModelConfig } from "./config.ts";
import { readsEntropy } from "./patcher_config.ts";
import { patchStarts } from "./patchers.ts";

/** A model that gives logits of the next id for rows of ids. */
export interface LanguageModel {
  /** Sizes. */
  readonly config: ModelConfig;
  /** Readies uploads of rows of at most `positions` ids. */
  feed(device: Device, positions: number, options?: BatchOptions): Feed;
}

/** Builds the model that `config` describes, with weights from `rng`. */
export function buildModel(config: ModelConfig, rng?: Rng): LanguageModel {
  return config.kind === "blt"
    ? new Blt(config, rng)
    : new ByteTransformer(config, rng);
}

/** Rows of a stream, cut into the patches of a model. */
export interface StreamRows {
  /** Ids of all rows, one after the other. [R] */
  readonly ids: Uint32Array;
  /** Ids in each row; their sum is R. */
  readonly lengths: readonly number[];
  /** Entropy of the next id at each position, where the patcher needs it. [R] */
  readonly entropies?: Float32Array | undefined;
}

/** Cuts rows into patches as `config` says; a row of bytes is one patch. */
export function patchRows(
  { ids, lengths, entropies }: StreamRows,
  config: ModelConfig,
): PatchedRows {
  if (config.kind === "bytes") return { ids, lengths, starts: [] };
  const { patcher } = config;
  let at = 0;
  const starts = lengths.map((length) => {
    const row = { ids: ids.subarray(at, at + length) };
    const own = entropies?.subarray(at, at + length);
    at += length;
    return patchStarts(own ? { ...row, entropies: own } : row, patcher);
  });
  return { ids, lengths, starts };
}

/** Whether a model needs the entropies of another one to find its patches. */
export function needsEntropyModel(config: ModelConfig): boolean {
  return config.kind === "blt" && readsEntropy(config.patcher);
}
