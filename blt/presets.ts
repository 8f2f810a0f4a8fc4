import { hiddenDimOf, type TransformerConfig } from "../nn/mod.ts";
import {
  type BltConfig,
  type ByteTransformerConfig,
  checkBlt,
  checkEndToEnd,
  checkStacked,
  type EndToEndConfig,
  type GroupingConfig,
  type LevelConfig,
  type Objective,
  type StackedConfig,
  type Uncertainty,
} from "./config.ts";
import type { PatcherConfig } from "./patcher_config.ts";

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

/** Options of {@linkcode endToEndPreset}. */
export interface EndToEndOptions {
  /** Wanted mean patch, in bytes. */
  readonly patchBytes: number;
  /** What tells where patches start; default a head for the next byte. */
  readonly objective?: Objective;
  /** Whether the encoder also gets the byte embeddings; default true. */
  readonly skip?: boolean;
  /** Steps with static patches; default 100. */
  readonly warmupSteps?: number;
}

/** End-to-end BLT of a ready-made size. */
export function endToEndPreset(
  preset: Preset,
  {
    patchBytes,
    objective = { kind: "next", reaches: "all" },
    skip = true,
    warmupSteps = 100,
  }: EndToEndOptions,
): EndToEndConfig {
  const bytes = Math.round(patchBytes);
  const { ngrams, ...blt } = bltPreset(preset, { kind: "static", bytes });
  return checkEndToEnd({
    kind: "end-to-end",
    // Without the skip connection nobody reads hashed n-grams.
    blt: skip && ngrams ? { ...blt, ngrams } : blt,
    tiny: { ...blt.encoder, hiddenDim: blt.encoder.dim, window: 32 },
    objective,
    skip,
    auxiliaryWeight: objective.kind === "routing" ? 0.03 : 0.3,
    grouping: {
      target: patchBytes,
      most: Math.max(16, 4 * bytes),
      rule: "above",
    },
    warmupSteps,
  });
}

/** Options of {@linkcode stackedPreset}. */
export interface StackedOptions {
  /** Levels in all, 1 to 3. */
  readonly levels: number;
  /** Wanted mean patch, in bytes. */
  readonly patchBytes: number;
  /** What further levels group by; default the forecast cost of the whole. */
  readonly uncertainty?: Uncertainty;
  /** Wanted mean units in a group; default 4. */
  readonly unitsPerGroup?: number;
  /** How scores become starts; default "above". */
  readonly rule?: GroupingConfig["rule"];
}

/**
 * Stacked BLT of a ready-made size: the latent layers of the preset are shared
 * out, a third each to what comes before, within and behind the next level.
 */
export function stackedPreset(
  preset: Preset,
  patcher: PatcherConfig,
  {
    levels,
    patchBytes,
    uncertainty = { kind: "cost", of: "total", weight: 0.1 },
    unitsPerGroup = 4,
    rule = "above",
  }: StackedOptions,
): StackedConfig {
  if (!Number.isInteger(levels) || levels < 1 || levels > 3) {
    throw new RangeError(
      `Cannot build a stacked BLT: levels must be 1, 2 or 3, got ${levels}`,
    );
  }
  const blt = bltPreset(preset, patcher);
  const share = (count: number): number => Math.max(1, Math.round(count));
  const { layers } = blt.latent;
  const outer = levels === 1 ? layers : share(layers / 3);
  const latent = { ...blt.latent, layers: outer };
  const level = (trunkLayers: number): LevelConfig => ({
    slots: blt.slots,
    residual: 1,
    uncertainty,
    grouping: { target: unitsPerGroup, most: 4 * unitsPerGroup, rule },
    trunk: { ...latent, layers: trunkLayers },
    reader: { ...latent, layers: share(layers / 3) },
  });
  return checkStacked({
    kind: "stacked",
    blt: { ...blt, latent },
    patchBytes,
    levels: Array.from(
      { length: levels - 1 },
      (_, i) => level(i === levels - 2 ? layers : outer),
    ),
  });
}
