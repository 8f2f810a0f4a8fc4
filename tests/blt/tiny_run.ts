import {
  type Document,
  MemoryStore,
  type RunStore,
  train,
  type TrainEvent,
  type TrainOptions,
  type TrainOutcome,
} from "../../blt/mod.ts";
import type { Device } from "../../tensor/mod.ts";

const TEXT = "Call me Ishmael. Some years ago, never mind how long, naïve 鯨! ";

/** A text of a few hundred bytes, not all of them Latin. */
export const DOCUMENTS: readonly Document[] = [
  { name: "moby", bytes: new TextEncoder().encode(TEXT.repeat(6)) },
];

/** A run of two phases, each of three steps and saved after the second. */
export const ENTROPY_RUN: TrainOptions = {
  model: "blt",
  preset: "nano",
  patcher: "entropy",
  patchBytes: 4,
  steps: 3,
  entropySteps: 3,
  batch: 2,
  context: 32,
  saveEvery: 2,
  seed: 5,
};

/** A run of one phase. */
export const BYTES_RUN: TrainOptions = { ...ENTROPY_RUN, model: "bytes" };

/** What differs between calls of {@linkcode trainTiny}. */
export interface TinyEnvironment {
  /** Where the files go; default a new memory. */
  readonly store?: RunStore;
  /** Hears of each event and may stop the run. */
  readonly report?: (event: TrainEvent, stop: () => void) => void;
  /** Whether to go on with the run in the store. */
  readonly resume?: boolean;
}

/** Trains on {@linkcode DOCUMENTS}. */
export function trainTiny(
  device: Device,
  options: TrainOptions,
  { store = new MemoryStore(), report, resume = false }: TinyEnvironment = {},
): Promise<TrainOutcome> {
  const stopping = new AbortController();
  return train(options, DOCUMENTS, {
    device,
    store,
    resume,
    signal: stopping.signal,
    report: (event) => report?.(event, () => stopping.abort()),
  });
}
