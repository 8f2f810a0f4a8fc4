import {
  Batches,
  type Document,
  type LanguageModel,
  splitCorpus,
  tokenStream,
  Trainer,
  type TrainPlan,
} from "../../blt/mod.ts";
import { type Device, Rng } from "../../tensor/mod.ts";

/** A corpus as ids. */
export interface Corpus {
  /** What models learn from. [T] */
  readonly training: Uint32Array;
  /** What they are measured on. [T] */
  readonly heldOut: Uint32Array;
}

/** Splits documents as training runs do. */
export function corpusOf(documents: readonly Document[]): Corpus {
  const { training, heldOut } = splitCorpus(documents);
  return { training: tokenStream(training), heldOut: tokenStream(heldOut) };
}

/** Where models are trained and measured. */
export interface Place {
  /** Computes. */
  readonly device: Device;
  /** The text. */
  readonly corpus: Corpus;
  /** Hears now and then of a step and its cost in bits per byte. */
  progress(step: number, bitsPerByte: number): void;
}

/** Steps between two looks at the metrics; they are timed together. */
const LOOK_EVERY = 10;

/**
 * A trainer with the schedule of training runs; all models of a seed get the
 * same batches. entropies: [T], of the training text, where patches need them.
 */
export function trainerOf(
  model: LanguageModel,
  { device, corpus }: Place,
  { batch, context, seed, steps, lr }: TrainPlan,
  entropies?: Float32Array,
): Trainer {
  const shape = { rows: batch, context };
  return new Trainer(model, device, {
    batches: new Batches(
      corpus.training,
      shape,
      new Rng(seed).split("batches"),
    ),
    shape,
    entropies,
    schedule: {
      kind: "cosine",
      peak: lr,
      totalSteps: steps,
      warmupSteps: Math.min(50, Math.floor(steps / 10)),
      finalFraction: 0.1,
    },
  });
}

/**
 * Trains up to `steps` and lets thresholds settle. Resolves to the median time of a step, in milliseconds.
 * Rejects with an `Error` when training diverges.
 */
export async function finish(
  trainer: Trainer,
  steps: number,
  { progress }: Pick<Place, "progress">,
): Promise<number> {
  const times: number[] = [];
  while (trainer.optimizer.steps < steps) {
    const since = performance.now();
    const before = trainer.optimizer.steps;
    const end = Math.min(steps, before + LOOK_EVERY);
    while (trainer.optimizer.steps < end) trainer.step();
    const { loss } = (await trainer.metrics()).at(-1)!;
    times.push((performance.now() - since) / (end - before));
    if (!Number.isFinite(loss)) {
      throw new Error(
        `Cannot go on with training: the loss of step ${end} is ${loss}`,
      );
    }
    progress(end, loss / Math.LN2);
    // Lets signals through.
    await new Promise((resolve) => setTimeout(resolve));
  }
  trainer.settle();
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}
