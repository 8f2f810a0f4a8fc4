import {
  bytesPreset,
  type ByteTransformerConfig,
  entropyModelPreset,
  flopsPerByte,
  type Lengths,
  type ModelConfig,
  modelsOf,
  type TrainOptions,
  type TrainPlan,
} from "../../blt/mod.ts";
import { hiddenDimOf } from "../../nn/mod.ts";

/** What is trained, by name: what differs from a BLT with entropy patches. */
export const CONTESTANTS: Readonly<Record<string, Partial<TrainOptions>>> = {
  "bytes": { model: "bytes" },
  "bytes-equal": { model: "bytes" },
  "static": { patcher: "static" },
  "space": { patcher: "space" },
  "entropy": {},
  "previous": { model: "end-to-end", objective: "previous" },
  "previous-no-skip": {
    model: "end-to-end",
    objective: "previous",
    skip: false,
  },
  "next": { model: "end-to-end", objective: "next" },
  "next-no-skip": { model: "end-to-end", objective: "next", skip: false },
  "routing": { model: "end-to-end", objective: "routing" },
  "stacked-2": { model: "stacked", levels: 2 },
  "stacked-2-rate": { model: "stacked", levels: 2, uncertainty: "rate" },
  "stacked-2-seam": { model: "stacked", levels: 2, uncertainty: "seam" },
  "stacked-2-fixed": { model: "stacked", levels: 2, uncertainty: "fixed" },
  "stacked-3": { model: "stacked", levels: 3 },
};

/** Sizes of a contestant, without thresholds. */
export function configOf(name: string, plan: TrainPlan): ModelConfig {
  return name === "bytes-equal" ? equalBytes(plan) : modelsOf(plan).model;
}

/**
 * Byte transformer that takes as many FLOPs per byte as the BLT of the plan
 * with its entropy model, as near as whole layers and heads allow.
 */
export function equalBytes(plan: TrainPlan): ByteTransformerConfig {
  const { preset, context, patchBytes } = plan;
  const lengths: Lengths = { context, meanPatchBytes: patchBytes };
  const { model } = modelsOf({ ...plan, model: "blt", patcher: "entropy" });
  const goal = flopsPerByte(model, lengths) +
    flopsPerByte(entropyModelPreset(preset), lengths);
  const { transformer } = bytesPreset(preset);
  const headWidth = transformer.dim / transformer.heads;
  const candidates = Array.from(
    { length: transformer.layers },
    (_, i) => i + 1,
  ).flatMap((layers) =>
    Array.from({ length: 2 * transformer.heads }, (_, i) => {
      const heads = i + 1;
      const dim = heads * headWidth;
      const hiddenDim = hiddenDimOf(dim);
      const sizes = { ...transformer, layers, dim, heads, hiddenDim };
      return { kind: "bytes", transformer: sizes } as const;
    })
  );
  const distance = (config: ModelConfig): number =>
    Math.abs(flopsPerByte(config, lengths) - goal);
  return candidates.reduce((best, next) =>
    distance(next) < distance(best) ? next : best
  );
}
