import {
  EndToEndBlt,
  type EndToEndConfig,
  endToEndPreset,
  type GroupingConfig,
  type LevelConfig,
  type Objective,
  type PatcherConfig,
  StackedBlt,
  type StackedConfig,
  stackedPreset,
  type Uncertainty,
} from "../../blt/mod.ts";
import type { TransformerConfig } from "../../nn/mod.ts";
import { Rng } from "../../tensor/mod.ts";

/** Sizes that take milliseconds. */
const TINY: TransformerConfig = {
  layers: 1,
  dim: 16,
  heads: 2,
  hiddenDim: 24,
  window: 7,
  ropeTheta: 10_000,
};

const WIDE: TransformerConfig = { ...TINY, dim: 24, window: 6 };

const GROUPING: GroupingConfig = { target: 2, most: 4, rule: "above" };

/** A tiny end-to-end BLT with random weights. */
export function tinyEndToEnd(
  objective: Objective,
  options: Partial<EndToEndConfig> = {},
): EndToEndBlt {
  const preset = endToEndPreset("nano", { patchBytes: 3, objective });
  const model = new EndToEndBlt({
    ...preset,
    blt: {
      ...preset.blt,
      ngrams: { sizes: [3, 4], functions: 1, rows: 31 },
      encoder: TINY,
      decoder: TINY,
      latent: WIDE,
    },
    tiny: TINY,
    grouping: GROUPING,
    ...options,
  }, new Rng(5));
  // What starts at zero would hide what it lets through.
  new Rng(6).fillNormal(model.mix.weight.initial, 0.3);
  return model;
}

/** A tiny stacked BLT with random weights. */
export function tinyStacked(
  levels: number,
  patcher: PatcherConfig,
  uncertainty: Uncertainty,
  grouping: Partial<GroupingConfig> = {},
): StackedBlt {
  // Room for as many patches as there may be bytes.
  const preset = stackedPreset("nano", patcher, { levels, patchBytes: 1 });
  const level: LevelConfig = {
    slots: 2,
    residual: 1,
    uncertainty,
    grouping: { ...GROUPING, ...grouping },
    trunk: WIDE,
    reader: WIDE,
  };
  const config: StackedConfig = {
    ...preset,
    blt: {
      ...preset.blt,
      ngrams: { sizes: [3, 4], functions: 1, rows: 31 },
      encoder: TINY,
      decoder: TINY,
      latent: WIDE,
    },
    levels: preset.levels.map(() => level),
  };
  const model = new StackedBlt(config, new Rng(7));
  const rng = new Rng(8);
  for (const { reader } of model.levels) {
    for (const { out } of reader.cross) {
      rng.fillNormal(out.weight.initial, 0.3);
    }
    for (const { attention, feedForward } of reader.transformer.blocks) {
      rng.fillNormal(attention.out.weight.initial, 0.3);
      rng.fillNormal(feedForward.down.weight.initial, 0.3);
    }
  }
  return model;
}
