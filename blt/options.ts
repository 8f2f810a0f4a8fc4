import type { WeightStorage } from "../nn/mod.ts";
import type {
  ByteTransformerConfig,
  ModelConfig,
  Objective,
  Uncertainty,
} from "./config.ts";
import type { PatcherConfig } from "./patcher_config.ts";
import {
  bltPreset,
  bytesPreset,
  endToEndPreset,
  entropyModelPreset,
  type Preset,
  PRESET_NAMES,
  stackedPreset,
} from "./presets.ts";

/** Most steps with static patches in front of an end-to-end model's own. */
const MOST_WARMUP = 500;

/** Most ids in a batch: features of more would fit no device. */
const MOST_IDS = 2 ** 24;

const OBJECTIVES: Readonly<Record<Objective["kind"], Objective>> = {
  previous: { kind: "previous", bytes: 3 },
  next: { kind: "next", reaches: "all" },
  routing: { kind: "routing" },
};

/** Factor of the loss of forecast costs. */
const COST_WEIGHT = 0.1;

/** What a user decides about a training run. */
export interface TrainOptions {
  /**
   * With patches; a plain transformer over bytes; with patches of its own
   * making; with groups of patches.
   */
  readonly model: "blt" | "bytes" | "end-to-end" | "stacked";
  /** Size. */
  readonly preset: Preset;
  /** What decides where patches start. */
  readonly patcher: "entropy" | "relative" | "space" | "static" | "byte";
  /** Wanted mean patch, in bytes; at least 1. */
  readonly patchBytes: number;
  /** What tells an end-to-end model where patches start; default "next". */
  readonly objective?: Objective["kind"];
  /** Whether its encoder gets the byte embeddings, too; default true. */
  readonly skip?: boolean;
  /** Levels of a stacked model, 1 to 3; default 2. */
  readonly levels?: number;
  /** What further levels group by; default "total", the forecast cost. */
  readonly uncertainty?: "total" | "rate" | "seam" | "fixed";
  /** Wanted mean units in a group of a further level; default 4. */
  readonly unitsPerGroup?: number;
  /** How uncertainty starts a group: its height or its rise; default "above". */
  readonly rule?: "above" | "rise";
  /** Training steps; default by preset. */
  readonly steps?: number;
  /** Training steps of the entropy model; default by preset. */
  readonly entropySteps?: number;
  /** Rows in a batch; default by preset. */
  readonly batch?: number;
  /** Ids in a row; default by preset. */
  readonly context?: number;
  /** Highest learning rate; default by preset. */
  readonly lr?: number;
  /** Highest learning rate of the entropy model; default by preset. */
  readonly entropyLr?: number;
  /** As what products read weights; default "f32". */
  readonly storage?: WeightStorage;
  /** Same seed, same device: same bits. */
  readonly seed: number;
  /** Steps between evaluations; default only at the end. */
  readonly evalEvery?: number;
  /** Steps between checkpoints; default a tenth of the steps. */
  readonly saveEvery?: number;
}

/** What must be one of a few words before anything else is known. */
const CHOICES: Readonly<
  Record<"model" | "preset" | "patcher", readonly string[]>
> = {
  model: ["blt", "bytes", "end-to-end", "stacked"],
  preset: PRESET_NAMES,
  patcher: ["entropy", "relative", "space", "static", "byte"],
};

/** Options with every default filled in. */
export type TrainPlan = Required<TrainOptions>;

type Sizes = Pick<
  TrainPlan,
  "steps" | "batch" | "context" | "lr" | "entropySteps" | "entropyLr"
>;

const SIZES: Readonly<Record<Preset, Sizes>> = {
  nano: {
    steps: 800,
    batch: 8,
    context: 512,
    lr: 4e-3,
    entropySteps: 300,
    entropyLr: 6e-3,
  },
  micro: {
    steps: 2000,
    batch: 8,
    context: 512,
    lr: 2e-3,
    entropySteps: 600,
    entropyLr: 4e-3,
  },
  mini: {
    steps: 10_000,
    batch: 16,
    context: 1024,
    lr: 1e-3,
    entropySteps: 2000,
    entropyLr: 2e-3,
  },
  stories: {
    steps: 20_000,
    batch: 24,
    context: 1024,
    lr: 5e-4,
    entropySteps: 5000,
    entropyLr: 2e-3,
  },
};

/**
 * Fills in what the user left open. Throws a `RangeError` on a bad number, and
 * for a model, preset or patcher that there is not.
 */
export function planOf(options: TrainOptions): TrainPlan {
  for (const [name, choices] of Object.entries(CHOICES)) {
    const found = options[name as keyof typeof CHOICES];
    if (choices.includes(found)) continue;
    throw new RangeError(
      `Cannot train: ${name} must be one of ${choices.join(", ")}, got ${
        String(found)
      }`,
    );
  }
  const preset = SIZES[options.preset];
  const { steps = preset.steps } = options;
  // A short run is not to spend its time on the entropy model.
  const entropySteps = Math.min(preset.entropySteps, steps);
  const sizes = { ...preset, entropySteps, ...options };
  const { patchBytes, lr, entropyLr } = sizes;
  const plan: TrainPlan = {
    evalEvery: steps,
    saveEvery: Math.max(1, Math.ceil(steps / 10)),
    objective: "next",
    skip: true,
    levels: 2,
    uncertainty: "total",
    unitsPerGroup: 4,
    rule: "above",
    storage: "f32",
    ...sizes,
  };
  const { batch, context, seed, evalEvery, saveEvery } = plan;
  const counts = {
    steps,
    entropySteps: plan.entropySteps,
    batch,
    context,
    evalEvery,
    saveEvery,
  };
  for (const [name, value] of Object.entries(counts)) {
    check(name, Number.isInteger(value) && value >= 1, "whole and >= 1", value);
  }
  const ids = batch * context;
  const fits = ids <= MOST_IDS;
  check("batch x context", fits, `at most ${MOST_IDS} ids`, ids);
  const patched = patchBytes >= 1 && patchBytes < Infinity;
  check("patchBytes", patched, "a number >= 1", patchBytes);
  const { unitsPerGroup, levels } = plan;
  const grouped = unitsPerGroup >= 1 && unitsPerGroup < Infinity;
  check("unitsPerGroup", grouped, "a number >= 1", unitsPerGroup);
  check("levels", [1, 2, 3].includes(levels), "1, 2 or 3", levels);
  const { patcher } = plan;
  const entropies = patcher === "entropy" || patcher === "relative";
  if (plan.uncertainty === "seam" && !entropies) {
    throw new RangeError(
      `Cannot train: uncertainty seam needs patches from an entropy model, got patcher ${patcher}`,
    );
  }
  for (const [name, value] of Object.entries({ lr, entropyLr })) {
    check(name, value > 0 && value < Infinity, "a number > 0", value);
  }
  check("seed", Number.isSafeInteger(seed), "a whole number", seed);
  return plan;
}

/**
 * The plan of a run that goes on: the one that it was started with, but for
 * learning rates, which may be other ones, and what only the model's training
 * depends on until that has begun. Throws a `RangeError` for an option that
 * contradicts it.
 */
export function resumedPlan(
  before: TrainPlan,
  options: TrainOptions,
  { modelBegun }: { readonly modelBegun: boolean },
): TrainPlan {
  const given = Object.entries(options).filter(([name, value]) =>
    value !== undefined && value !== before[name as keyof TrainPlan]
  );
  for (const [name, value] of given) {
    const until = name === "entropyLr" || name === "patchBytes";
    if (name === "lr" || (until && !modelBegun)) continue;
    throw new RangeError(
      `Cannot resume the run: expected ${name} ${
        before[name as keyof TrainPlan]
      }, ${
        until
          ? "since the training of the model has begun with it"
          : "with which it was started"
      }, got ${value}`,
    );
  }
  if (given.length === 0) return before;
  return planOf({ ...before, ...Object.fromEntries(given) });
}

/** The models of a plan. */
export interface PlannedModels {
  /** Sizes of the model; thresholds are 0 until they are calibrated. */
  readonly model: ModelConfig;
  /** Sizes of the entropy model, where there is one. */
  readonly entropyModel?: ByteTransformerConfig;
}

/** Sizes of the models of a plan. */
export function modelsOf(plan: TrainPlan): PlannedModels {
  const { model, preset, patcher, patchBytes } = plan;
  const entropyModel = patcher === "entropy" || patcher === "relative"
    ? { entropyModel: entropyModelPreset(preset) }
    : {};
  switch (model) {
    case "bytes":
      return { model: bytesPreset(preset) };
    case "blt":
      return {
        model: bltPreset(preset, hostPatcher(plan)),
        ...entropyModel,
      };
    case "end-to-end": {
      const { skip, steps } = plan;
      const objective = OBJECTIVES[plan.objective];
      const warmupSteps = Math.min(MOST_WARMUP, Math.ceil(steps / 10));
      const options = { patchBytes, objective, skip, warmupSteps };
      return { model: endToEndPreset(preset, options) };
    }
    case "stacked": {
      const { levels, unitsPerGroup, rule } = plan;
      const options = {
        levels,
        patchBytes,
        unitsPerGroup,
        rule,
        uncertainty: uncertaintyOf(plan),
      };
      const config = stackedPreset(preset, hostPatcher(plan), options);
      return { model: config, ...entropyModel };
    }
  }
}

/** Patches found on the host; a threshold is not known yet. */
function hostPatcher({ patcher, patchBytes }: TrainPlan): PatcherConfig {
  const maxBytes = Math.max(16, Math.ceil(4 * patchBytes));
  switch (patcher) {
    case "entropy":
    case "relative":
      return { kind: patcher, threshold: 0, maxBytes };
    case "static":
      return { kind: patcher, bytes: Math.round(patchBytes) };
    case "space":
      return { kind: patcher, maxBytes };
    case "byte":
      return { kind: patcher };
  }
}

function uncertaintyOf({ uncertainty }: TrainPlan): Uncertainty {
  return uncertainty === "seam" || uncertainty === "fixed"
    ? { kind: uncertainty }
    : { kind: "cost", of: uncertainty, weight: COST_WEIGHT };
}

function check(
  name: string,
  holds: boolean,
  expected: string,
  value: number,
): void {
  if (!holds) {
    throw new RangeError(
      `Cannot train: ${name} must be ${expected}, got ${value}`,
    );
  }
}
