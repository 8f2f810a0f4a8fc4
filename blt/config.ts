import { hiddenDimOf, type TransformerConfig } from "../nn/mod.ts";
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
 * tells by its byte heads where patches start (S. Müller, 2024, "End-to-end
 * BLT").
 */
export interface EndToEndConfig {
  /** Tag of the union of models. */
  readonly kind: "end-to-end";
  /** The BLT behind it; its patcher makes the patches of the first steps. */
  readonly blt: BltConfig;
  /** Blocks that see bytes first. */
  readonly tiny: TransformerConfig;
  /** What the byte heads predict, and whose entropy makes patches. */
  readonly objective: Objective;
  /** Whether the encoder also gets the byte embeddings themselves. */
  readonly skip: boolean;
  /** Factor of the heads' loss. */
  readonly auxiliaryWeight: number;
  /** When patches start. */
  readonly grouping: GroupingConfig;
  /** Steps with patches of the BLT's own patcher, while the heads learn. */
  readonly warmupSteps: number;
}

/** What the byte heads of an end-to-end BLT predict. */
export type Objective =
  | {
    /**
     * The byte itself and those before it; the entropy of the one before marks
     * a byte that starts a patch.
     */
    readonly kind: "previous";
    /** How many bytes before it. */
    readonly bytes: number;
  }
  | {
    /** The next byte; the entropy marks that it starts a patch. */
    readonly kind: "next";
    /**
     * What its gradient reaches: everything, only a block of its own behind
     * the tiny transformer, or only the head.
     */
    readonly reaches: "all" | "branch" | "head";
  };

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
  /** Level 2 and up. */
  readonly levels: readonly LevelConfig[];
}

/** Any model of the family. */
export type ModelConfig = ByteTransformerConfig | BltConfig;

/** Names of the sizes that come ready-made. */
export type Preset = "nano" | "micro" | "mini" | "stories";

/** What a preset fixes. */
interface PresetSizes {
  readonly local: { readonly dim: number; readonly heads: number };
  readonly latent: {
    readonly dim: number;
    readonly heads: number;
    readonly layers: number;
  };
  readonly decoderLayers: number;
  readonly slots: number;
  readonly ngramRows: number;
}

const PRESETS: Readonly<Record<Preset, PresetSizes>> = {
  nano: {
    local: { dim: 64, heads: 2 },
    latent: { dim: 128, heads: 4, layers: 3 },
    decoderLayers: 2,
    slots: 2,
    ngramRows: 2048,
  },
  micro: {
    local: { dim: 128, heads: 4 },
    latent: { dim: 256, heads: 4, layers: 6 },
    decoderLayers: 3,
    slots: 2,
    ngramRows: 8192,
  },
  mini: {
    local: { dim: 192, heads: 6 },
    latent: { dim: 512, heads: 8, layers: 8 },
    decoderLayers: 4,
    slots: 2,
    ngramRows: 16384,
  },
  stories: {
    local: { dim: 256, heads: 4 },
    latent: { dim: 768, heads: 12, layers: 6 },
    decoderLayers: 4,
    slots: 3,
    ngramRows: 50002,
  },
};

/** Bytes that the local models see. */
const LOCAL_WINDOW = 128;

/** Patches that the latent transformer sees. */
const LATENT_WINDOW = 512;

const ROPE_THETA = 500_000;

/** Names of all presets, smallest first. */
export const PRESET_NAMES: readonly Preset[] = [
  "nano",
  "micro",
  "mini",
  "stories",
];

function local(
  { dim, heads }: PresetSizes["local"],
  layers: number,
): TransformerConfig {
  return {
    layers,
    dim,
    heads,
    hiddenDim: hiddenDimOf(dim),
    window: LOCAL_WINDOW,
    ropeTheta: ROPE_THETA,
  };
}

/** BLT of a ready-made size. */
export function bltPreset(preset: Preset, patcher: PatcherConfig): BltConfig {
  const sizes = PRESETS[preset];
  return checkBlt({
    kind: "blt",
    patcher,
    ngrams: { sizes: [3, 4, 5, 6, 7, 8], functions: 1, rows: sizes.ngramRows },
    encoder: local(sizes.local, 1),
    latent: {
      ...sizes.latent,
      hiddenDim: hiddenDimOf(sizes.latent.dim),
      window: LATENT_WINDOW,
      ropeTheta: ROPE_THETA,
    },
    decoder: local(sizes.local, sizes.decoderLayers),
    slots: sizes.slots,
    residual: 2,
  });
}

/**
 * Plain byte transformer of the same blocks as a preset's latent transformer:
 * as many layers and as wide, but run at every byte.
 */
export function bytesPreset(preset: Preset): ByteTransformerConfig {
  const { latent } = PRESETS[preset];
  return {
    kind: "bytes",
    transformer: {
      ...latent,
      hiddenDim: hiddenDimOf(latent.dim),
      window: LATENT_WINDOW,
      ropeTheta: ROPE_THETA,
    },
  };
}

/** Small byte transformer whose entropies place the patches of a preset. */
export function entropyModelPreset(preset: Preset): ByteTransformerConfig {
  const dim = Math.min(192, PRESETS[preset].local.dim);
  return {
    kind: "bytes",
    transformer: {
      layers: preset === "nano" ? 1 : 2,
      dim,
      heads: dim / 32,
      hiddenDim: hiddenDimOf(dim),
      window: LOCAL_WINDOW,
      ropeTheta: 10_000,
    },
  };
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
    const integer = Number.isInteger(value) || value === Infinity;
    if (!integer || value < (field === "layers" ? 0 : 1)) {
      throw new RangeError(
        `Cannot build a model: ${name}.${field} must be a whole number >= 1, got ${value}`,
      );
    }
  }
  if (dim % (2 * heads) !== 0) {
    throw new RangeError(
      `Cannot build a model: ${name}.dim must be a multiple of 2 ${name}.heads, got ${dim} and ${heads}`,
    );
  }
  return config;
}
