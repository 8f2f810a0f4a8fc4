import { type Device, requireHalves, Rng, Scope } from "../tensor/mod.ts";
import { calibrate } from "./calibrate.ts";
import {
  type Checkpoint,
  type Phase,
  readCheckpoint,
  writeCheckpoint,
} from "./checkpoint.ts";
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
import { streamEntropies } from "./entropies.ts";
import { NonFiniteError, type RunPlace } from "./errors.ts";
import { evaluateStream, type Trained } from "./evaluate.ts";
import { generate } from "./generate.ts";
import { buildModel, emptyModel, needsEntropyModel } from "./model.ts";
import { planOf, type TrainOptions, type TrainPlan } from "./options.ts";
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
import { type StepMetrics, Trainer } from "./trainer.ts";

/** Where a training run happens. */
export interface TrainEnvironment {
  /** Computes. */
  readonly device: Device;
  /** Keeps the files of the run. */
  readonly store: RunStore;
  /** Hears what happens. */
  report(event: TrainEvent): void;
  /** Stops the run after the present step, with all that resuming needs. */
  readonly signal?: AbortSignal;
  /** Whether to go on with the run in the store. */
  readonly resume?: boolean;
}

/** How a training run ended. */
export interface TrainOutcome {
  /** False when it was stopped by the signal. */
  readonly finished: boolean;
  /** Steps of the phase that it was in. */
  readonly step: number;
}

/** Steps between two looks at the metrics. */
const METRICS_EVERY = 10;

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
 * on the same device. Rejects with a `RangeError` for options or data that do
 * not fit, a `SyntaxError` for a damaged run, a `NonFiniteError` when training
 * diverges.
 */
export async function train(
  options: TrainOptions,
  documents: readonly Document[],
  environment: TrainEnvironment,
): Promise<TrainOutcome> {
  using _scope = new Scope();
  const { store, resume = false } = environment;
  const before = resume ? await readRunConfig(store) : undefined;
  const plan = before?.plan ?? planOf(options);
  const checkpoint = resume ? await readCheckpoint(store) : undefined;
  const run = new TrainingRun(plan, documents, environment, checkpoint);
  return await run.run(before);
}

/** One call of `train`. */
class TrainingRun {
  readonly #plan: TrainPlan;
  readonly #environment: TrainEnvironment;
  readonly #checkpoint: Checkpoint | undefined;
  readonly #rng: Rng;
  readonly #stream: Uint32Array;
  readonly #heldOut: Uint32Array;
  #saved: RunPlace | undefined;

  constructor(
    plan: TrainPlan,
    documents: readonly Document[],
    environment: TrainEnvironment,
    checkpoint: Checkpoint | undefined,
  ) {
    const { training, heldOut } = splitCorpus(documents);
    this.#plan = plan;
    this.#environment = environment;
    this.#checkpoint = checkpoint;
    this.#rng = new Rng(plan.seed);
    this.#stream = tokenStream(training);
    this.#heldOut = tokenStream(heldOut);
    this.#saved = checkpoint?.progress;
  }

  async run(before: RunConfig | undefined): Promise<TrainOutcome> {
    const plan = this.#plan;
    const { store, device } = this.#environment;
    const data = fingerprint(this.#stream);
    let config = before ?? newRunConfig(plan, data);
    const { model: sizes } = config;
    if (config.data !== data) {
      throw new RangeError(
        "Cannot resume the run: the texts are not those that it was started with",
      );
    }
    // Fails before anything is written.
    if (plan.storage === "f16") requireHalves(device);
    this.#batches("model");
    if (!before) await writeRunConfig(store, config);
    this.#announce(sizes);

    let entropyModel: ByteTransformer | undefined;
    let entropies: Float32Array | undefined;
    if (config.entropyModel && needsEntropyModel(sizes)) {
      const outcome = await this.#entropyPhase(config.entropyModel);
      if (!outcome.finished) return outcome;
      const open = await openEntropyModel(store, config.entropyModel, device);
      entropyModel = open.model;
      entropies = await streamEntropies(entropyModel, device, this.#stream);
      if (!config.calibration) {
        config = this.#calibrated(config, entropies);
        await writeRunConfig(store, config);
      }
    }
    return await this.#modelPhase(config.model, entropyModel, entropies);
  }

  #announce(config: ModelConfig): void {
    const { device, report } = this.#environment;
    const { patchBytes, context, batch, steps } = this.#plan;
    const meanPatchBytes = config.kind === "bytes" ? 1 : patchBytes;
    const progress = this.#checkpoint?.progress;
    report({
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
    const outcome = await this.#steps(phase, trainer, steps);
    if (outcome.finished) {
      await writeWeights(store, RUN_FILES.entropyWeights, trainer.weights);
    }
    return outcome;
  }

  #calibrated(config: RunConfig, entropies: Float32Array): RunConfig {
    const { model } = config;
    const { patcher, patchBytes } = this.#plan;
    const known = patcher === "entropy" || patcher === "relative";
    const patched = patcherOf(model);
    if (!patched || !known) return config;
    const { maxBytes } = patched;
    const { threshold, target, measured, histogram } = calibrate({
      ids: this.#stream.subarray(0, CALIBRATION_IDS),
      entropies: entropies.subarray(0, CALIBRATION_IDS),
    }, {
      kind: patcher,
      target: patchBytes,
      ...(maxBytes ? { maxBytes } : {}),
    });
    this.#tell({ kind: "patcher", threshold, target, measured });
    return {
      ...config,
      model: withThreshold(model, threshold),
      calibration: { threshold, target, measured, histogram },
    };
  }

  async #modelPhase(
    config: ModelConfig,
    entropyModel: ByteTransformer | undefined,
    entropies: Float32Array | undefined,
  ): Promise<TrainOutcome> {
    const { store, device } = this.#environment;
    const { steps, evalEvery } = this.#plan;
    const model = buildModel(config, this.#rng.split("model"));
    using trainer = this.#trainer("model", model, device, entropies);
    const trained = { model, entropyModel, device };
    const outcome = await this.#steps("model", trainer, steps, async (step) => {
      if (step % evalEvery === 0 && step < steps) {
        trainer.release();
        await this.#evaluate(trained, step);
      }
    });
    await writeWeights(store, RUN_FILES.weights, trainer.weights);
    if (outcome.finished) {
      await this.#evaluate(trained, steps);
      const bytes = await generate(trained, {
        bytes: SAMPLE_BYTES,
        temperature: 0.8,
        seed: this.#plan.seed,
      });
      this.#tell({ kind: "sample", bytes });
    }
    return outcome;
  }

  async #evaluate(trained: Trained, step: number): Promise<void> {
    const { bitsPerByte, bytes } = await evaluateStream(
      trained,
      this.#heldOut,
      this.#plan.context,
    );
    await this.#log({ kind: "evaluation", step, bitsPerByte, bytes });
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
    const { batch, context } = plan;
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
      shape: { rows: batch, context },
      entropies,
      storage,
      schedule: {
        kind: "cosine",
        peak,
        totalSteps,
        warmupSteps: Math.min(50, Math.floor(totalSteps / 10)),
        finalFraction: FINAL_LR,
      },
      ...(progress?.phase === phase && restore ? { restore } : {}),
    });
  }

  /** Trains up to `steps`; calls `after` when the metrics were read. */
  async #steps(
    phase: Phase,
    trainer: Trainer,
    steps: number,
    after: (step: number) => Promise<void> = () => Promise.resolve(),
  ): Promise<TrainOutcome> {
    const { signal, store } = this.#environment;
    const { saveEvery, evalEvery, batch, context } = this.#plan;
    let since = performance.now();
    let counted = trainer.optimizer.steps;
    while (trainer.optimizer.steps < steps) {
      const { lr } = trainer;
      trainer.step();
      await nextTurn();
      const step = trainer.optimizer.steps;
      if (step === steps) trainer.settle();
      const aborted = signal?.aborted === true;
      const saves = aborted || step % saveEvery === 0 || step === steps;
      const looks = step % METRICS_EVERY === 0 || step % evalEvery === 0;
      if (!saves && !looks) continue;

      const metrics = await trainer.metrics();
      this.#checkFinite(phase, metrics);
      const ms = (performance.now() - since) / (step - counted);
      await this.#logStep(phase, metrics.at(-1)!, {
        steps,
        lr,
        bytesPerSecond: 1000 * batch * context / ms,
        secondsLeft: (steps - step) * ms / 1000,
      });
      if (saves) {
        await writeCheckpoint(store, phase, trainer);
        if (phase === "model") {
          await writeWeights(store, RUN_FILES.weights, trainer.weights);
        }
        this.#saved = { phase, step };
        this.#tell({ kind: "saved", step });
        for (const text of await trainer.warnings()) {
          await this.#log({ kind: "warning", text });
        }
      }
      if (aborted) return { finished: false, step };
      await after(step);
      since = performance.now();
      counted = step;
    }
    return { finished: true, step: steps };
  }

  #checkFinite(phase: Phase, metrics: readonly StepMetrics[]): void {
    const bad = metrics.find(({ loss, gradientNorm }) =>
      !Number.isFinite(loss) || !Number.isFinite(gradientNorm)
    );
    if (bad) throw new NonFiniteError({ phase, step: bad.step }, this.#saved);
  }

  async #logStep(
    phase: Phase,
    { step, loss, gradientNorm, meanPatchBytes, more }: StepMetrics,
    speed: {
      readonly steps: number;
      readonly lr: number;
      readonly bytesPerSecond: number;
      readonly secondsLeft: number;
    },
  ): Promise<void> {
    const patched = phase === "model" && this.#plan.model !== "bytes";
    await this.#log({
      kind: "step",
      phase,
      step,
      loss,
      bitsPerByte: loss / Math.LN2,
      gradientNorm,
      ...speed,
      ...(patched ? { meanPatchBytes } : {}),
      ...(Object.keys(more).length > 0 ? { more } : {}),
    });
  }

  #tell(event: TrainEvent): void {
    this.#environment.report(event);
  }

  /** Tells an event and keeps it in the metrics of the run. */
  async #log(event: TrainEvent): Promise<void> {
    this.#tell(event);
    const { store } = this.#environment;
    await store.append(RUN_FILES.metrics, `${JSON.stringify(event)}\n`);
  }
}

/** Lets timers and signals through. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
