import { crossEntropy, type Device, type Tensor } from "../tensor/mod.ts";
import type { PatchedRows } from "./batch.ts";
import type { ModelConfig } from "./config.ts";

/** Uploads rows of ids and runs a model on them: logits [R, V]. */
export type Feed = (rows: PatchedRows) => Tensor;

/** Options of a batch. */
export interface BatchOptions {
  /** Whether gradients will be asked for; default true. */
  readonly gradient?: boolean;
}

/** What a model makes of one batch while it learns. */
export interface Lesson {
  /** Mean cost of an id, in nats. [] */
  readonly nats: Tensor;
  /** What is to become small. [] */
  readonly loss: Tensor;
  /** Numbers to report, in the order of the model's `metricNames`. [] each */
  readonly metrics?: readonly Tensor[];
  /**
   * Lets thresholds follow, once the weights are updated; `rate` as in
   * `trackQuantile`.
   */
  readonly finish?: (rate?: number) => void;
}

/** Teaches a model batches; uploads are apart, so that lessons can be replayed. */
export interface Teach {
  /** Uploads what the lesson of a step, from 0, depends on; launches nothing. */
  upload(rows: PatchedRows, step: number): unknown;
  /** Launches the lesson on what `upload` gave. targets: u32 [R] */
  learn(batch: unknown, targets: Tensor): Lesson;
}

/** A lesson in the next id alone. logits: [R, V]; targets: u32 [R] */
export function nextId(logits: Tensor, targets: Tensor): Lesson {
  const nats = crossEntropy(logits, targets);
  return { nats, loss: nats };
}

/** A model that gives logits of the next id for rows of ids. */
export interface LanguageModel {
  /** Sizes. */
  readonly config: ModelConfig;
  /** Names of what its lessons report beside the loss. */
  readonly metricNames?: readonly string[];
  /** Readies uploads of rows of at most `positions` ids. */
  feed(device: Device, positions: number, options?: BatchOptions): Feed;
  /** The same for training. */
  teach(device: Device, positions: number): Teach;
}
