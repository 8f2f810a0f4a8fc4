import { Rng, type RngState } from "../tensor/mod.ts";
import { writeSafetensors } from "../nn/mod.ts";
import { NonFiniteError, type Phase, type RunPlace } from "./errors.ts";
import { matching, readTensors, RUN_FILES } from "./run.ts";
import type { RunStore } from "./store.ts";
import type { Trainer } from "./trainer.ts";

/** How far a run has got. */
export interface Progress extends RunPlace {
  /** State of the random numbers that pick batches. */
  readonly batches: RngState;
  /** All steps are done, but thresholds were not settled behind them. */
  readonly unsettled?: true;
}

/** What else decides about a checkpoint. */
export interface CheckpointOptions {
  /** Where the last one was made, for the error. */
  readonly saved?: RunPlace | undefined;
  /** See {@linkcode Progress}; default false. */
  readonly unsettled?: boolean;
}

/** Planes of the arena that resuming needs. */
const PLANES = ["values", "m", "v"];

/** Key of the progress in the file's metadata. */
const PROGRESS = "progress";

/**
 * Stores all that resuming needs, in one file, wholly or not at all. Rejects
 * with a `NonFiniteError` rather than to replace what is good.
 */
export async function writeCheckpoint(
  store: RunStore,
  phase: Phase,
  trainer: Trainer,
  { saved, unsettled = false }: CheckpointOptions = {},
): Promise<void> {
  const { steps: step } = trainer.optimizer;
  const { arena } = trainer.weights;
  const tensors = new Map<
    string,
    { shape: readonly number[]; data: Float32Array }
  >();
  for (const plane of PLANES) {
    for (const [name, data] of await arena.read(plane)) {
      if (!allFinite(data)) {
        throw new NonFiniteError({ phase, step }, saved, "weights");
      }
      const { shape } = arena.values.get(name)!;
      tensors.set(`${plane}/${name}`, { shape, data });
    }
  }
  const progress: Progress = {
    phase,
    step,
    batches: trainer.batches.state,
    ...unsettled ? { unsettled } : {},
  };
  const metadata = new Map([[PROGRESS, JSON.stringify(progress)]]);
  await store.write(RUN_FILES.state, writeSafetensors(tensors, metadata));
}

/** A checkpoint that was read. */
export interface Checkpoint {
  /** How far the run had got. */
  readonly progress: Progress;
  /** Brings a trainer of the same model to where the run had got. */
  restore(trainer: Trainer): void;
}

/**
 * Reads a checkpoint. Rejects with a `SyntaxError` when it is missing or
 * damaged; `restore` throws one when it is of another model.
 */
export async function readCheckpoint(store: RunStore): Promise<Checkpoint> {
  const file = RUN_FILES.state;
  const { metadata, tensors } = await readTensors(store, file);
  const progress = parseProgress(metadata.get(PROGRESS));
  return {
    progress,
    restore: (trainer) => {
      for (const plane of PLANES) {
        const data = matching(file, tensors, trainer.model, `${plane}/`);
        trainer.weights.arena.write(plane, data);
      }
      trainer.optimizer.steps = progress.step;
    },
  };
}

function allFinite(data: Float32Array): boolean {
  let zero = 0;
  for (const value of data) zero += value * 0; // NaN for what is not finite
  return zero === 0;
}

function parseProgress(text = ""): Progress {
  try {
    const progress: Progress = JSON.parse(text);
    Rng.restore(progress.batches); // throws on a bad state
    if (Number.isInteger(progress.step)) return progress;
  } catch {
    // The same error as for a step that is no number.
  }
  throw new SyntaxError(
    `Cannot open the run: expected how far it got in ${RUN_FILES.state}, got ${
      text === "" ? "nothing" : text
    }`,
  );
}
