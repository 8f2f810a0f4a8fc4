import type { TransformerConfig } from "../nn/mod.ts";
import { checkNumber, type NumberRange } from "../tensor/mod.ts";
import type { NgramHashConfig } from "./ngram_hash.ts";
import { checkPatcher, type PatcherConfig } from "./patcher_config.ts";
import type { SlotConfig } from "./pool.ts";

/** Plain transformer over bytes. */
export interface ByteTransformerConfig {
  /** Tag of the union of models. */
  readonly kind: "bytes";
  /** Blocks over bytes. */
  readonly transformer: TransformerConfig;
  /** Hashed n-gram tables; absent means none. */
  readonly ngrams?: NgramHashConfig;
}

/** Byte Latent Transformer (Pagnoni et al., 2024, arXiv:2412.09871). */
export interface BltConfig extends SlotConfig {
  /** Tag of the union of models. */
  readonly kind: "blt";
  /** Where patches start. */
  readonly patcher: PatcherConfig;
  /** Hashed n-gram tables; absent means none. */
  readonly ngrams?: NgramHashConfig;
  /** Blocks over bytes, in front of the patches. */
  readonly encoder: TransformerConfig;
  /** Blocks over patches; hold most of the weights. */
  readonly latent: TransformerConfig;
  /** Blocks over bytes, behind the patches; as wide as the encoder. */
  readonly decoder: TransformerConfig;
}

/**
 * BLT that does its own patching: a tiny transformer in front of the encoder
 * tells by its byte heads, or by a router, where patches start (S. Müller,
 * 2024, "End-to-end BLT").
 */
export interface EndToEndConfig {
  /** Tag of the union of models. */
  readonly kind: "end-to-end";
  /** The BLT behind it; its patcher makes the patches of the first steps. */
  readonly blt: BltConfig;
  /** Blocks that see bytes first. */
  readonly tiny: TransformerConfig;
  /** What the tiny transformer is to find out, and so what makes patches. */
  readonly objective: Objective;
  /** Whether the encoder also gets the byte embeddings themselves. */
  readonly skip: boolean;
  /** Factor of the objective's loss. */
  readonly auxiliaryWeight: number;
  /** When patches start. */
  readonly grouping: GroupingConfig;
  /** Steps with patches of the BLT's own patcher, while the heads learn. */
  readonly warmupSteps: number;
}

/** What tells an end-to-end BLT where patches start. */
export type Objective =
  | {
    /**
     * Heads predict the byte itself and those before it; the entropy of the one before marks
     * a byte that starts a patch.
     */
    readonly kind: "previous";
    /** How many bytes before it. */
    readonly bytes: number;
  }
  | {
    /** A head predicts the next byte; the entropy marks that it starts a patch. */
    readonly kind: "next";
    /**
     * What its gradient reaches: everything, only a block of its own behind
     * the tiny transformer, or only the head.
     */
    readonly reaches: "all" | "branch" | "head";
  }
  /**
   * A router compares the byte with the one before it; the cost of the next
   * byte teaches it, too (Hwang et al., 2025, arXiv:2507.07955, section 2.2).
   */
  | { readonly kind: "routing" };

/** When groups of units start by a tracked threshold. */
export interface GroupingConfig {
  /** Wanted mean units in a group. */
  readonly target: number;
  /** Most units in a group. */
  readonly most: number;
  /** Whether the score itself or its rise is compared with the threshold. */
  readonly rule: "above" | "rise";
}

/** One more level of a stack: groups of the units below. */
export interface LevelConfig extends SlotConfig {
  /** What the groups start by. */
  readonly uncertainty: Uncertainty;
  /** When groups start. */
  readonly grouping: GroupingConfig;
  /** Blocks over groups. */
  readonly trunk: TransformerConfig;
  /** Blocks over the units below, that read the groups. */
  readonly reader: TransformerConfig;
}

/** How uncertain it is what unit comes next. */
export type Uncertainty =
  | {
    /** A head forecasts what the next unit will cost the byte decoder. */
    readonly kind: "cost";
    /** Nats of the whole unit, or per byte. */
    readonly of: "total" | "rate";
    /** Factor of the head's loss. */
    readonly weight: number;
  }
  /** Entropy of the byte that follows the unit, from the entropy model. */
  | { readonly kind: "seam" }
  /** None: groups of a fixed number of units. */
  | { readonly kind: "fixed" };

/** BLT with groups of patches, and groups of those. */
export interface StackedConfig {
  /** Tag of the union of models. */
  readonly kind: "stacked";
  /** Level 1; its latent transformer is what comes before the next level. */
  readonly blt: BltConfig;
  /** Wanted mean patch, in bytes: tells what room and costs to expect. */
  readonly patchBytes: number;
  /** Level 2 and up. */
  readonly levels: readonly LevelConfig[];
}

/** Any model of the family. */
export type ModelConfig =
  | ByteTransformerConfig
  | BltConfig
  | EndToEndConfig
  | StackedConfig;

/** Rule by which the host finds patches; absent where the model does itself. */
export function patcherOf(config: ModelConfig): PatcherConfig | undefined {
  if (config.kind === "blt") return config.patcher;
  return config.kind === "stacked" ? config.blt.patcher : undefined;
}

/** The same model with a threshold for its patcher, if that has one. */
export function withThreshold(
  config: ModelConfig,
  threshold: number,
): ModelConfig {
  if (config.kind === "stacked") {
    return { ...config, blt: calibratedBlt(config.blt, threshold) };
  }
  return config.kind === "blt" ? calibratedBlt(config, threshold) : config;
}

function calibratedBlt(config: BltConfig, threshold: number): BltConfig {
  const { kind, maxBytes } = config.patcher;
  if (kind !== "entropy" && kind !== "relative") return config;
  const limit = maxBytes === undefined ? {} : { maxBytes };
  return { ...config, patcher: { kind, threshold, ...limit } };
}

/** A model in a few words; `size` is the name of its size. */
export function describeModel(config: ModelConfig, size: string): string {
  switch (config.kind) {
    case "bytes":
      return `byte transformer ${size}`;
    case "blt":
      return `BLT ${size} with ${config.patcher.kind} patches`;
    case "end-to-end":
      return `end-to-end BLT ${size} by ${describeObjective(config.objective)}${
        config.skip ? "" : ", no skip"
      }`;
    case "stacked":
      return `stacked BLT ${size} of ${
        config.levels.length + 1
      } levels with ${config.blt.patcher.kind} patches`;
  }
}

function describeObjective({ kind }: Objective): string {
  return kind === "routing" ? kind : `${kind} bytes`;
}

/** Returns `config` unchanged, or throws a `RangeError` naming the bad field. */
export function checkEndToEnd(config: EndToEndConfig): EndToEndConfig {
  const { blt, tiny, objective, grouping } = config;
  checkBlt(blt);
  checkTransformer("tiny", tiny);
  checkGrouping("grouping", grouping);
  const { bytes = 1 } = objective.kind === "previous" ? objective : {};
  if (!Number.isInteger(bytes) || bytes < 1) {
    throw new RangeError(
      `Cannot build an end-to-end BLT: objective.bytes must be >= 1, got ${bytes}`,
    );
  }
  checkField("auxiliaryWeight", config.auxiliaryWeight, { least: 0 });
  checkField("warmupSteps", config.warmupSteps, { whole: true, least: 0 });
  if (objective.kind === "routing" && !(grouping.target > 1)) {
    throw new RangeError(
      `Cannot build an end-to-end BLT: grouping.target must be > 1 with routing, got ${grouping.target}`,
    );
  }
  if (objective.kind === "routing" && grouping.rule !== "above") {
    throw new RangeError(
      `Cannot build an end-to-end BLT: grouping.rule must be above with routing, got ${grouping.rule}`,
    );
  }
  // The tiny transformer reads the byte vectors of the encoder.
  if (tiny.dim !== blt.encoder.dim) {
    throw new RangeError(
      `Cannot build an end-to-end BLT: tiny.dim must be encoder.dim, got ${tiny.dim} and ${blt.encoder.dim}`,
    );
  }
  return config;
}

/** Returns `config` unchanged, or throws a `RangeError` naming the bad field. */
export function checkStacked(config: StackedConfig): StackedConfig {
  let below = checkBlt(config.blt).latent;
  checkField("patchBytes", config.patchBytes, { least: 1 });
  config.levels.forEach(
    ({ grouping, trunk, reader, slots, uncertainty }, i) => {
      const name = `levels[${i}]`;
      if (uncertainty.kind === "cost") {
        const { weight } = uncertainty;
        checkField(`${name}.uncertainty.weight`, weight, { least: 0 });
      }
      checkGrouping(`${name}.grouping`, grouping);
      checkTransformer(`${name}.trunk`, trunk);
      checkTransformer(`${name}.reader`, reader);
      const fits = reader.dim === below.dim && reader.heads === below.heads &&
        reader.window === below.window && reader.ropeTheta === below.ropeTheta;
      if (!fits) {
        throw new RangeError(
          `Cannot build a stacked BLT: ${name}.reader must have dim, heads, window and ropeTheta of the units below, got ${
            JSON.stringify(reader)
          } over ${JSON.stringify(below)}`,
        );
      }
      if (!Number.isInteger(slots) || slots < 1) {
        throw new RangeError(
          `Cannot build a stacked BLT: ${name}.slots must be an integer >= 1, got ${slots}`,
        );
      }
      below = trunk;
    },
  );
  return config;
}

/** Throws a `RangeError` unless the field of a model is in its range. */
function checkField(name: string, found: number, range: NumberRange): void {
  checkNumber(`build a model with ${name}`, found, range);
}

function checkGrouping(name: string, { target, most }: GroupingConfig): void {
  if (!(target >= 1 && target < Infinity)) {
    throw new RangeError(
      `Cannot build a model: ${name}.target must be >= 1 unit per group, got ${target}`,
    );
  }
  if (!(most >= target)) {
    throw new RangeError(
      `Cannot build a model: ${name}.most must be at least its target ${target}, got ${most}`,
    );
  }
}

/** Returns `config` unchanged, or throws a `RangeError` naming the bad field. */
export function checkBlt(config: BltConfig): BltConfig {
  const { encoder, latent, decoder, slots, patcher } = config;
  checkPatcher(patcher);
  checkTransformer("encoder", encoder);
  checkTransformer("latent", latent);
  checkTransformer("decoder", decoder);
  if (encoder.dim !== decoder.dim) {
    throw new RangeError(
      `Cannot build a BLT: decoder.dim must be encoder.dim, got ${decoder.dim} and ${encoder.dim}`,
    );
  }
  if (!Number.isInteger(slots) || slots < 1) {
    throw new RangeError(
      `Cannot build a BLT: slots must be an integer >= 1, got ${slots}`,
    );
  }
  return config;
}

/** Throws a `RangeError` naming the bad field of a stack of blocks. */
export function checkTransformer(
  name: string,
  config: TransformerConfig,
): TransformerConfig {
  const { layers, dim, heads, hiddenDim, window } = config;
  for (
    const [field, value] of Object.entries({
      layers,
      dim,
      heads,
      hiddenDim,
      window,
    })
  ) {
    const integer = Number.isInteger(value) ||
      field === "window" && value === Infinity;
    if (!integer || value < (field === "layers" ? 0 : 1)) {
      throw new RangeError(
        `Cannot build a model: ${name}.${field} must be a whole number >= 1, got ${value}`,
      );
    }
  }
  checkField(`${name}.ropeTheta`, config.ropeTheta, { above: 0 });
  if (dim % (2 * heads) !== 0) {
    throw new RangeError(
      `Cannot build a model: ${name}.dim must be a multiple of 2 ${name}.heads, got ${dim} and ${heads}`,
    );
  }
  return config;
}
