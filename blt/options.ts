import type { Preset } from "./presets.ts";

/** What a user decides about a training run. */
export interface TrainOptions {
  /** With patches, or a plain transformer over bytes. */
  readonly model: "blt" | "bytes";
  /** Size. */
  readonly preset: Preset;
  /** What decides where patches start. */
  readonly patcher: "entropy" | "relative" | "space" | "static" | "byte";
  /** Wanted mean patch, in bytes; at least 1. */
  readonly patchBytes: number;
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
  /** Same seed, same device: same bits. */
  readonly seed: number;
  /** Steps between evaluations; default only at the end. */
  readonly evalEvery?: number;
  /** Steps between checkpoints; default a tenth of the steps. */
  readonly saveEvery?: number;
}

/** Options with every default filled in. */
export interface TrainPlan extends Required<TrainOptions> {
  /** Highest learning rate of the entropy model. */
  readonly entropyLr: number;
}

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

/** Fills in what the user left open. Throws a `RangeError` on a bad number. */
export function planOf(options: TrainOptions): TrainPlan {
  const sizes = { ...SIZES[options.preset], ...options };
  const { steps, patchBytes, lr } = sizes;
  const plan = {
    evalEvery: steps,
    saveEvery: Math.max(1, Math.ceil(steps / 10)),
    ...sizes,
  };
  const { entropySteps, batch, context, seed, evalEvery, saveEvery } = plan;
  const counts = {
    steps,
    entropySteps,
    batch,
    context,
    evalEvery,
    saveEvery,
  };
  for (const [name, value] of Object.entries(counts)) {
    check(name, Number.isInteger(value) && value >= 1, "whole and >= 1", value);
  }
  const patched = patchBytes >= 1 && patchBytes < Infinity;
  check("patchBytes", patched, "a number >= 1", patchBytes);
  check("lr", lr > 0 && lr < Infinity, "a number > 0", lr);
  check("seed", Number.isSafeInteger(seed), "a whole number", seed);
  return plan;
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
