import type { Device, Tensor } from "../tensor/mod.ts";
import type { PatchedRows } from "./batch.ts";
import type { BatchOptions, Feed } from "./byte_transformer.ts";
import type { ModelConfig } from "./config.ts";

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

/** Teaches a model one batch; targets: u32 [R], `step` from 0. */
export type Teach = (
  rows: PatchedRows,
  targets: Tensor,
  step: number,
) => Lesson;

/** A model that gives logits of the next id for rows of ids. */
export interface LanguageModel {
  /** Sizes. */
  readonly config: ModelConfig;
  /** Names of what its lessons report beside the loss. */
  readonly metricNames?: readonly string[];
  /** Readies uploads of rows of at most `positions` ids. */
  feed(device: Device, positions: number, options?: BatchOptions): Feed;
  /** The same for training; absent when there is only the next id to learn. */
  teach?(device: Device, positions: number): Teach;
}
