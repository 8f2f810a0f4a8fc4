import type { RngState } from "../tensor/mod.ts";
import { writeSafetensors } from "../nn/mod.ts";
import {
  choice,
  type Field,
  list,
  mismatch,
  object,
  optional,
  whole,
} from "./fields.ts";
import { NonFiniteError, type Phase, type RunPlace } from "./errors.ts";
import { matching, readTensors, RUN_FILES } from "./run.ts";
import type { RunStore } from "./store.ts";
import { allFinite, type Trainer } from "./trainer.ts";

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
 * with a `NonFiniteError` rather than to replace what is good by what no further
 * step could mend.
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
  if (!await trainer.isSound()) {
    throw new NonFiniteError({ phase, step: step + 1 }, saved);
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

/** A state of random numbers, as `Rng.restore` takes it. */
const RNG_FIELD: Field<RngState> = object<RngState>({
  key: {
    read: (value, path) => {
      const words = list(whole(0, 2 ** 32 - 1), 2).read(value, path);
      const [first, second] = words;
      if (first !== undefined && second !== undefined) return [first, second];
      throw mismatch(path, "two words", value);
    },
  },
  counter: whole(0, Number.MAX_SAFE_INTEGER),
});

const PROGRESS_FIELD: Field<Progress> = object<Progress>({
  phase: choice<Phase>(["entropy model", "model"]),
  step: whole(0, 2 ** 31 - 1),
  batches: RNG_FIELD,
  unsettled: optional(choice([true])),
});

/** Most characters of a progress that an error shows. */
const SHOWN = 200;
function parseProgress(text = ""): Progress {
  try {
    return PROGRESS_FIELD.read(JSON.parse(text), "");
  } catch (cause) {
    throw new SyntaxError(
      `Cannot open the run: expected how far it got in ${RUN_FILES.state}, got ${
        text === "" ? "nothing" : text.slice(0, SHOWN)
      }`,
      { cause },
    );
  }
}
