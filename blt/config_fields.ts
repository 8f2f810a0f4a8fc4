import type { TransformerConfig, WeightStorage } from "../nn/mod.ts";
import { VOCABULARY } from "./bytes.ts";
import {
  type BltConfig,
  type ByteTransformerConfig,
  checkBlt,
  checkEndToEnd,
  checkStacked,
  checkTransformer,
  type EndToEndConfig,
  type GroupingConfig,
  type LevelConfig,
  type ModelConfig,
  type Objective,
  type StackedConfig,
  type Uncertainty,
} from "./config.ts";
import {
  checked,
  choice,
  type Field,
  type Fields,
  flag,
  list,
  number,
  object,
  optional,
  standing,
  union,
  whole,
} from "./fields.ts";
import { type NgramHashConfig, NgramHasher } from "./ngram_hash.ts";
import type { PatcherConfig } from "./patcher_config.ts";
import { planOf, type TrainPlan } from "./options.ts";
import type { SlotConfig } from "./pool.ts";
import { PRESET_NAMES } from "./presets.ts";

/**
 * Most weights of a model: 2 GiB of f32, about as much as one piece of memory
 * of a device holds.
 */
export const MAX_WEIGHTS: number = 2 ** 29;

/** Longest patch or group, window and the like: beyond any text in memory. */
const MAX_LENGTH = 2 ** 31 - 1;

const length = whole(1, MAX_LENGTH);
const factor = number(0, 1e6);

const TRANSFORMER: Field<TransformerConfig> = object<TransformerConfig>({
  layers: whole(0, 1024),
  dim: whole(1, 2 ** 16),
  heads: whole(1, 2 ** 12),
  hiddenDim: whole(1, 2 ** 18),
  window: length,
  ropeTheta: number(1, 1e30),
});

const SLOTS: Fields<SlotConfig> = {
  slots: whole(1, 256),
  residual: choice([1, 2]),
};

const NGRAMS: Field<NgramHashConfig> = checked(
  object<NgramHashConfig>({
    sizes: list(whole(1, 64), 64),
    functions: whole(1, 11),
    rows: whole(1, 2 ** 21),
  }),
  (config) => new NgramHasher(config), // its sizes must ascend
);

const meta = optional(flag);
const maxBytes = optional(length);

/** Only a rule of the caller is no data. */
type PlainPatcher = Exclude<PatcherConfig, { readonly kind: "custom" }>;

const PATCHER: Field<PlainPatcher> = union<PlainPatcher>({
  entropy: object({ kind: choice(["entropy"]), threshold: number(), maxBytes }),
  relative: object({
    kind: choice(["relative"]),
    threshold: number(),
    meta,
    maxBytes,
  }),
  both: object({
    kind: choice(["both"]),
    threshold: number(),
    increase: number(),
    meta,
    maxBytes,
  }),
  static: object({ kind: choice(["static"]), bytes: length, maxBytes }),
  space: object({ kind: choice(["space"]), maxBytes }),
  byte: object({ kind: choice(["byte"]), maxBytes }),
});

/** Sizes of a byte transformer. */
const BYTES: Field<ByteTransformerConfig> = object<
  ByteTransformerConfig
>({
  kind: choice(["bytes"]),
  transformer: TRANSFORMER,
  ngrams: optional(NGRAMS),
});

const BLT: Field<BltConfig> = object<BltConfig>({
  kind: choice(["blt"]),
  patcher: PATCHER,
  ngrams: optional(NGRAMS),
  encoder: TRANSFORMER,
  latent: TRANSFORMER,
  decoder: TRANSFORMER,
  ...SLOTS,
});

const OBJECTIVE: Field<Objective> = union<Objective>({
  previous: object({ kind: choice(["previous"]), bytes: whole(1, 256) }),
  next: object({
    kind: choice(["next"]),
    reaches: choice(["all", "branch", "head"]),
  }),
  routing: object({ kind: choice(["routing"]) }),
});

const GROUPING: Field<GroupingConfig> = object<GroupingConfig>({
  target: number(1, MAX_LENGTH),
  most: number(1, MAX_LENGTH),
  rule: choice(["above", "rise"]),
});

const END_TO_END: Field<EndToEndConfig> = object<EndToEndConfig>({
  kind: choice(["end-to-end"]),
  blt: BLT,
  tiny: TRANSFORMER,
  objective: OBJECTIVE,
  skip: flag,
  auxiliaryWeight: factor,
  grouping: GROUPING,
  warmupSteps: whole(0, MAX_LENGTH),
});

const UNCERTAINTY: Field<Uncertainty> = union<Uncertainty>({
  cost: object({
    kind: choice(["cost"]),
    of: choice(["total", "rate"]),
    weight: factor,
  }),
  seam: object({ kind: choice(["seam"]) }),
  fixed: object({ kind: choice(["fixed"]) }),
});

const LEVEL: Field<LevelConfig> = object<LevelConfig>({
  ...SLOTS,
  uncertainty: UNCERTAINTY,
  grouping: GROUPING,
  trunk: TRANSFORMER,
  reader: TRANSFORMER,
});

const STACKED: Field<StackedConfig> = object<StackedConfig>({
  kind: choice(["stacked"]),
  blt: BLT,
  patchBytes: number(1, MAX_LENGTH),
  levels: list(LEVEL, 8),
});

/** Sizes of any model, as `checkModel` wants them. */
export const MODEL_FIELD: Field<ModelConfig> = checked(
  union<ModelConfig>({
    bytes: BYTES,
    blt: BLT,
    "end-to-end": END_TO_END,
    stacked: STACKED,
  }),
  checkModel,
);

/** Sizes of an entropy model. */
export const ENTROPY_MODEL_FIELD: Field<ByteTransformerConfig> = checked(
  BYTES,
  checkModel,
);

/** How a run is trained. */
export const PLAN_FIELD: Field<TrainPlan> = checked(
  object<TrainPlan>({
    model: choice(["blt", "bytes", "end-to-end", "stacked"]),
    preset: choice(PRESET_NAMES),
    patcher: choice(["entropy", "relative", "space", "static", "byte"]),
    patchBytes: number(1, MAX_LENGTH),
    objective: choice(["previous", "next", "routing"]),
    skip: flag,
    levels: whole(1, 3),
    uncertainty: choice(["total", "rate", "seam", "fixed"]),
    unitsPerGroup: number(1, MAX_LENGTH),
    rule: choice(["above", "rise"]),
    steps: length,
    entropySteps: length,
    batch: length,
    context: length,
    lr: number(0),
    storage: standing("f32", choice<WeightStorage>(["f32", "f16"])),
    seed: whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    evalEvery: length,
    saveEvery: length,
    entropyLr: number(0),
  }),
  planOf,
);

/** Throws a `RangeError` naming the bad field. */
function checkModel(config: ModelConfig): void {
  const weights = weightBound(config);
  if (weights > MAX_WEIGHTS) {
    throw new RangeError(
      `Cannot build a model: expected at most ${MAX_WEIGHTS} weights, got about ${weights}`,
    );
  }
  switch (config.kind) {
    case "bytes":
      checkTransformer("transformer", config.transformer);
      break;
    case "blt":
      checkBlt(config);
      break;
    case "end-to-end":
      checkEndToEnd(config);
      break;
    case "stacked":
      checkStacked(config);
  }
}

/** At least as many weights as a model has, known before it is built. */
export function weightBound(config: ModelConfig): number {
  switch (config.kind) {
    case "bytes":
      return byteWeights(config.transformer.dim, config.ngrams) +
        blockWeights(config.transformer);
    case "blt":
      return byteWeights(config.encoder.dim, config.ngrams) +
        blockWeights(config.encoder) + blockWeights(config.latent) +
        groupWeights(config, config.decoder, config.latent);
    case "end-to-end": {
      const { blt, tiny, objective } = config;
      const heads = objective.kind === "previous" ? objective.bytes + 1 : 1;
      return weightBound(blt) +
        blockWeights({ ...tiny, layers: tiny.layers + 1 }) +
        tiny.dim * (heads * VOCABULARY + 3 * tiny.dim + 3);
    }
    case "stacked":
      return config.levels.reduce(
        (sum, level) =>
          sum + blockWeights(level.trunk) +
          groupWeights(level, level.reader, level.trunk) +
          2 * level.reader.dim ** 2 + 8 * level.reader.dim,
        weightBound(config.blt),
      );
  }
}

/** Embeddings of bytes, the head and its norm. */
function byteWeights(dim: number, ngrams?: NgramHashConfig): number {
  const { functions, sizes, rows } = ngrams ??
    { functions: 0, sizes: [], rows: 0 };
  return dim * (2 * VOCABULARY + 1 + functions * sizes.length * rows);
}

function blockWeights({ layers, dim, hiddenDim }: TransformerConfig): number {
  return layers * (4 * dim ** 2 + 3 * dim * hiddenDim + 2 * dim);
}

/** What pools units into groups, and reads groups from units. */
function groupWeights(
  { slots }: SlotConfig,
  reader: TransformerConfig,
  { dim: groupDim }: TransformerConfig,
): number {
  const { dim, layers } = reader;
  const cross = 4 * dim ** 2 + 2 * dim;
  return slots * dim * (dim + 2 * groupDim) + (1 + layers) * cross +
    blockWeights(reader);
}
