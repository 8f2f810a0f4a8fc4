import { type Device, requireHalves, Rng } from "../tensor/mod.ts";
import { calibrate, isReached } from "./calibrate.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import {
  Batches,
  byteCount,
  type Document,
  fingerprint,
  splitCorpus,
  tokenStream,
} from "./corpus.ts";
import { ByteTransformer } from "./byte_transformer.ts";
import {
  describeModel,
  type ModelConfig,
  patcherOf,
  withThreshold,
} from "./config.ts";
import { countParameters, flopsPerByte } from "./cost.ts";
import { keptEntropies } from "./entropy_file.ts";
import type { Phase, RunPlace } from "./errors.ts";
import { evaluateStream, type Trained } from "./evaluate.ts";
import { generate } from "./generate.ts";
import { Journal } from "./journal.ts";
import { buildModel, emptyModel, needsEntropyModel } from "./model.ts";
import {
  planOf,
  resumedPlan,
  type TrainOptions,
  type TrainPlan,
} from "./options.ts";
import { type PhaseOptions, type TrainOutcome, trainPhase } from "./phase.ts";
import {
  newRunConfig,
  openEntropyModel,
  readRunConfig,
  RUN_FILES,
  type RunConfig,
  writeRunConfig,
  writeWeights,
} from "./run.ts";
import type { RunStore } from "./store.ts";
import type { TrainEvent } from "./train_event.ts";
import { Trainer } from "./trainer.ts";
import { unlessStopped } from "./turns.ts";

/** Where a training run happens. */
export interface TrainEnvironment {
  /** Computes. */
  readonly device: Device;
  /** Keeps the files of the run. */
  readonly store: RunStore;
  /** Hears what happens. */
  report(event: TrainEvent): void;
  /**
   * Stops the run after the present step, or within other work, with all that
   * resuming needs.
   */
  readonly signal?: AbortSignal;
  /**
   * Whether to go on with the run in the store, as soon as that has a
   * `config.json`. Options must be those that it was started with, but for
   * learning rates, and for `patchBytes` until the model itself is trained.
   */
  readonly resume?: boolean;
}

/** Of more, which f32 does not hold, training diverges in the same way. */
const MAX_LR = 2 ** 127;

/** Share of the peak that is left of the learning rate at the end. */
const FINAL_LR = 0.1;

/** Most ids that a threshold is calibrated on. */
const CALIBRATION_IDS = 400_000;

/** Bytes of the sample that a run ends with. */
const SAMPLE_BYTES = 300;

/**
 * Trains a model on documents: first its entropy model, if it needs one, then
 * a threshold for the wanted mean patch, then the model itself.
 *
 * A run that was stopped and resumed gives the same bits as one that was not,
 * on the same device and with the same options: other learning rates count from
 * where it is resumed. Rejects with a `RangeError` for options or data that do
 * not fit, a `SyntaxError` for a damaged run, a `NonFiniteError` when training
 * diverges.
 */
export async function train(
  options: TrainOptions,
  documents: readonly Document[],
  environment: TrainEnvironment,
): Promise<TrainOutcome> {
  const { store, report, resume = false } = environment;
  const before = resume ? await readRunConfig(store) : undefined;
  const checkpoint = before ? await lastCheckpoint(store) : undefined;
  const modelBegun = checkpoint?.progress.phase === "model";
  const plan = before
    ? resumedPlan(before.plan, options, { modelBegun })
    : planOf(options);
  const run = new TrainingRun(plan, documents, environment, {
    checkpoint,
    journal: await Journal.open(store, report),
  });
  return await run.run(before);
}

/** The last checkpoint; `undefined` in a run that was stopped before the first. */
async function lastCheckpoint(
  store: RunStore,
): Promise<Checkpoint | undefined> {
  const { state, weights, entropyWeights } = RUN_FILES;
  for (const name of [state, weights, entropyWeights]) {
    // Weights without a state are of a run that cannot go on.
    if (await store.read(name)) return await readCheckpoint(store);
  }
  return undefined;
}

/** One call of `train`. */
class TrainingRun {
  readonly #plan: TrainPlan;
  readonly #environment: TrainEnvironment;
  readonly #checkpoint: Checkpoint | undefined;
  readonly #journal: Journal;
  readonly #rng: Rng;
  readonly #stream: Uint32Array;
  readonly #heldOut: Uint32Array;
  #saved: RunPlace | undefined;

  constructor(
    plan: TrainPlan,
    documents: readonly Document[],
    environment: TrainEnvironment,
    { checkpoint, journal }: {
      readonly checkpoint: Checkpoint | undefined;
      readonly journal: Journal;
    },
  ) {
    const { training, heldOut } = splitCorpus(documents);
    this.#plan = plan;
    this.#environment = environment;
    this.#checkpoint = checkpoint;
    this.#journal = journal;
    this.#rng = new Rng(plan.seed);
    this.#stream = tokenStream(training);
    this.#heldOut = tokenStream(heldOut);
    this.#saved = checkpoint?.progress;
  }

  async run(before: RunConfig | undefined): Promise<TrainOutcome> {
    const plan = this.#plan;
    const { store, device, signal } = this.#environment;
    const texts = {
      data: fingerprint(this.#stream),
      heldOut: fingerprint(this.#heldOut),
    };
    const { heldOut = texts.heldOut } = before ?? texts;
    if (before && (before.data !== texts.data || heldOut !== texts.heldOut)) {
      throw new RangeError(
        "Cannot resume the run: the texts are not those that it was started with",
      );
    }
    let config = before && before.plan.patchBytes === plan.patchBytes
      ? { ...before, plan }
      : newRunConfig(plan, texts);
    const { model: sizes } = config;
    // Fails before anything is written.
    if (plan.storage === "f16") requireHalves(device);
    this.#batches("model");
    if (plan !== before?.plan) await writeRunConfig(store, config);
    this.#announce(sizes);

    using owned = new DisposableStack();
    let entropyModel: ByteTransformer | undefined;
    let entropies: Float32Array | undefined;
    if (config.entropyModel && needsEntropyModel(sizes)) {
      const outcome = await this.#entropyPhase(config.entropyModel);
      if (!outcome.finished) return outcome;
      const open = await openEntropyModel(store, config.entropyModel, device);
      owned.use(open.weights);
      entropyModel = open.model;
      const read = await unlessStopped(signal, () =>
        keptEntropies({
          model: open.model,
          device,
          stream: this.#stream,
          store,
          signal,
          expected: this.#checkpoint?.progress.phase === "model",
          tell: (event) => this.#journal.tell(event),
        }));
      if (!read || signal?.aborted) {
        return { finished: false, step: plan.entropySteps };
      }
      entropies = read;
      if (!config.calibration) {
        config = await this.#calibrated(config, entropies);
        await writeRunConfig(store, config);
      }
    }
    return await this.#modelPhase(config.model, entropyModel, entropies);
  }

  #announce(config: ModelConfig): void {
    const { device } = this.#environment;
    const { patchBytes, context, batch, steps } = this.#plan;
    const meanPatchBytes = config.kind === "bytes" ? 1 : patchBytes;
    const progress = this.#checkpoint?.progress;
    this.#journal.tell({
      kind: "start",
      device: `${device.kind}, ${device.description}`,
      model: describeModel(config, this.#plan.preset),
      parameters: countParameters(emptyModel(config)),
      flopsPerByte: flopsPerByte(config, { context, meanPatchBytes }),
      trainBytes: byteCount(this.#stream),
      heldOutBytes: byteCount(this.#heldOut),
      steps,
      batch,
      context,
      ...(progress
        ? { resumedAt: progress.phase === "model" ? progress.step : 0 }
        : {}),
    });
  }

  /** Trains the entropy model unless that was done before. */
  async #entropyPhase(
    sizes: NonNullable<RunConfig["entropyModel"]>,
  ): Promise<TrainOutcome> {
    const { store, device } = this.#environment;
    const steps = this.#plan.entropySteps;
    if (this.#checkpoint?.progress.phase === "model") {
      return { finished: true, step: steps };
    }
    const phase = "entropy model";
    const model = new ByteTransformer(sizes, this.#rng.split("entropy model"));
    using trainer = this.#trainer(phase, model, device, undefined);
    const outcome = await trainPhase({
      ...this.#phase(phase, trainer),
      steps,
    });
    if (outcome.finished) {
      await writeWeights(store, RUN_FILES.entropyWeights, trainer.weights);
      this.#saved = { phase, step: steps };
    }
    return outcome;
  }

  async #calibrated(
    config: RunConfig,
    entropies: Float32Array,
  ): Promise<RunConfig> {
    const { model } = config;
    const { patcher, patchBytes } = this.#plan;
    const known = patcher === "entropy" || patcher === "relative";
    const patched = patcherOf(model);
    if (!patched || !known) return config;
    const { maxBytes } = patched;
    const ids = this.#stream.subarray(0, CALIBRATION_IDS);
    const calibration = calibrate({
      ids,
      entropies: entropies.subarray(0, CALIBRATION_IDS),
    }, {
      kind: patcher,
      target: patchBytes,
      ...(maxBytes ? { maxBytes } : {}),
      nearest: true,
    });
    const { threshold, target, measured } = calibration;
    this.#journal.tell({ kind: "patcher", threshold, target, measured });
    if (!isReached(calibration, ids.length)) {
      const text = `no threshold gives this text patches of ${target} bytes: ${
        measured.toFixed(2)
      } is the nearest`;
      await this.#journal.log({ kind: "warning", text });
    }
    return {
      ...config,
      model: withThreshold(model, threshold),
      calibration,
    };
  }

  async #modelPhase(
    config: ModelConfig,
    entropyModel: ByteTransformer | undefined,
    entropies: Float32Array | undefined,
  ): Promise<TrainOutcome> {
    const { store, device, signal } = this.#environment;
    const { steps, evalEvery, seed } = this.#plan;
    const model = buildModel(config, this.#rng.split("model"));
    using trainer = this.#trainer("model", model, device, entropies);
    const trained = { model, entropyModel, device };
    const evaluated = async (step: number): Promise<boolean> => {
      if (step % evalEvery !== 0 || step >= steps) return true;
      trainer.release();
      return await this.#evaluate(trained, step);
    };
    // A run may have been stopped between a checkpoint and its evaluation.
    const { steps: step } = trainer.optimizer;
    if (step > 0 && !this.#journal.evaluated(step) && !await evaluated(step)) {
      return { finished: false, step };
    }
    const outcome = await trainPhase({
      ...this.#phase("model", trainer),
      steps,
      after: evaluated,
    });
    await writeWeights(store, RUN_FILES.weights, trainer.weights);
    if (!outcome.finished) return outcome;
    const finished = await this.#evaluate(trained, steps);
    const bytes = finished &&
      await unlessStopped(signal, () =>
        generate(trained, {
          bytes: SAMPLE_BYTES,
          temperature: 0.8,
          seed,
          ...signal ? { signal } : {},
        }));
    if (!bytes) return { finished: false, step: steps };
    this.#journal.tell({ kind: "sample", bytes });
    return outcome;
  }

  /** False when it was stopped. */
  async #evaluate(trained: Trained, step: number): Promise<boolean> {
    const { signal } = this.#environment;
    const { context } = this.#plan;
    const found = await unlessStopped(
      signal,
      () => evaluateStream(trained, this.#heldOut, context, { signal }),
    );
    if (!found) return false;
    const { bitsPerByte, bytes } = found;
    const event = { kind: "evaluation", step, bitsPerByte, bytes } as const;
    // At the end of a run that had come so far before it is told once more.
    if (this.#journal.evaluated(step) && step === this.#plan.steps) {
      this.#journal.tell(event);
    } else await this.#journal.log(event);
    return true;
  }

  /** What both phases have in common. */
  #phase(phase: Phase, trainer: Trainer): Omit<PhaseOptions, "steps"> {
    const { store, signal } = this.#environment;
    const progress = this.#checkpoint?.progress;
    return {
      phase,
      trainer,
      plan: this.#plan,
      store,
      signal,
      journal: this.#journal,
      saved: this.#saved,
      reached: progress?.phase === phase ? progress : undefined,
    };
  }

  #batches(phase: Phase): Batches {
    const { batch, context } = this.#plan;
    const { progress } = this.#checkpoint ?? {};
    const rng = progress?.phase === phase
      ? Rng.restore(progress.batches)
      : this.#rng.split(`batches of the ${phase}`);
    return new Batches(this.#stream, { rows: batch, context }, rng);
  }

  #trainer(
    phase: Phase,
    model: Trainer["model"],
    device: Device,
    entropies: Float32Array | undefined,
  ): Trainer {
    const plan = this.#plan;
    const { lr: peak, steps: totalSteps, storage } = phase === "model"
      ? plan
      : {
        lr: plan.entropyLr,
        steps: plan.entropySteps,
        storage: "f32" as const, // rounding must not move patches
      };
    const { progress, restore } = this.#checkpoint ?? {};
    return new Trainer(model, device, {
      batches: this.#batches(phase),
      shape: { rows: plan.batch, context: plan.context },
      entropies,
      storage,
      schedule: {
        kind: "cosine",
        peak: Math.min(peak, MAX_LR),
        totalSteps,
        warmupSteps: Math.min(50, Math.floor(totalSteps / 10)),
        finalFraction: FINAL_LR,
      },
      ...(progress?.phase === phase && restore ? { restore } : {}),
    });
  }
}
