import {
  ByteTransformer,
  calibrate,
  entropyModelPreset,
  evaluateStream,
  flopsPerByte,
  modelsOf,
  patcherOf,
  streamEntropies,
  type TrainPlan,
} from "../../blt/mod.ts";
import { Rng } from "../../tensor/mod.ts";
import type { Result } from "./table.ts";
import { finish, type Place, trainerOf } from "./training.ts";

/** Most ids that the threshold is calibrated on. */
const CALIBRATION_IDS = 400_000;

/** An entropy model and what it says of the corpus. */
export interface Entropies extends Disposable {
  /** The model. */
  readonly model: ByteTransformer;
  /** Entropy of the next id at each position of the training text. [T] */
  readonly training: Float32Array;
  /** The same of the held-out text. [T] */
  readonly heldOut: Float32Array;
  /** Gives patches of the wanted mean length, in nats. */
  readonly threshold: number;
  /** What it costs, and is worth. */
  readonly cost: NonNullable<Result["entropyModel"]>;
}

/** Trains the entropy model that contestants share. */
export async function trainEntropies(
  plan: TrainPlan,
  place: Place,
): Promise<Entropies> {
  const since = performance.now();
  const { device, corpus } = place;
  const { preset, seed, context, patchBytes, entropySteps, entropyLr } = plan;
  const config = entropyModelPreset(preset);
  const model = new ByteTransformer(config, new Rng(seed).split("entropies"));
  const schedule = { steps: entropySteps, lr: entropyLr };
  const trainer = trainerOf(model, place, { ...plan, ...schedule });
  await finish(trainer, schedule.steps, place);
  const training = await streamEntropies(model, device, corpus.training);
  const { maxBytes } = patcherOf(modelsOf(plan).model) ?? {};
  const { threshold } = calibrate({
    ids: corpus.training.subarray(0, CALIBRATION_IDS),
    entropies: training.subarray(0, CALIBRATION_IDS),
  }, { kind: "entropy", target: patchBytes, ...maxBytes && { maxBytes } });
  const heldOut = await streamEntropies(model, device, corpus.heldOut);
  const { bitsPerByte } = await evaluateStream(
    { model, entropyModel: undefined, device },
    corpus.heldOut,
    context,
  );
  return {
    model,
    training,
    heldOut,
    threshold,
    cost: {
      bitsPerByte,
      flopsPerByte: flopsPerByte(config, { context, meanPatchBytes: 1 }),
      seconds: (performance.now() - since) / 1000,
    },
    [Symbol.dispose]: () => trainer[Symbol.dispose](),
  };
}
