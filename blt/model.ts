import type { Rng } from "../tensor/mod.ts";
import { undrawn } from "../nn/mod.ts";
import type { PatchedRows } from "./batch.ts";
import { Blt } from "./blt.ts";
import { ByteTransformer } from "./byte_transformer.ts";
import { type ModelConfig, patcherOf } from "./config.ts";
import { EndToEndBlt } from "./end_to_end.ts";
import type { LanguageModel } from "./lesson.ts";
import { readsEntropy } from "./patcher_config.ts";
import { patchStarts } from "./patchers.ts";
import { StackedBlt } from "./stacked.ts";

/** Builds the model that `config` describes, with weights from `rng`. */
export function buildModel(config: ModelConfig, rng?: Rng): LanguageModel {
  switch (config.kind) {
    case "bytes":
      return new ByteTransformer(config, rng);
    case "blt":
      return new Blt(config, rng);
    case "end-to-end":
      return new EndToEndBlt(config, rng);
    case "stacked":
      return new StackedBlt(config, rng);
  }
}

/** The same with 0 for each drawn weight: to be counted, or read from a file. */
export function emptyModel(config: ModelConfig): LanguageModel {
  return undrawn(() => buildModel(config));
}

/** Rows of a stream, to be cut into the patches of a model. */
export interface StreamRows {
  /** Ids of all rows, one after the other. [R] */
  readonly ids: Uint32Array;
  /** Ids in each row; their sum is R. */
  readonly lengths: readonly number[];
  /** Entropy of the next id at each position, where the patcher needs it. [R] */
  readonly entropies?: Float32Array | undefined;
}

/** Cuts rows into patches, if it is not the model that does. */
export function patchRows(rows: StreamRows, config: ModelConfig): PatchedRows {
  const patcher = patcherOf(config);
  if (!patcher) return { ...rows, starts: [] };
  const { ids, lengths, entropies } = rows;
  let at = 0;
  const starts = lengths.map((length) => {
    const row = { ids: ids.subarray(at, at + length) };
    const own = entropies?.subarray(at, at + length);
    at += length;
    return patchStarts(own ? { ...row, entropies: own } : row, patcher);
  });
  return { ...rows, starts };
}

/** Whether a model needs the entropies of another one to find its patches. */
export function needsEntropyModel(config: ModelConfig): boolean {
  const patcher = patcherOf(config);
  return patcher !== undefined && readsEntropy(patcher);
}
