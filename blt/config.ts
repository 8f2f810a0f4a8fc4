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
