import { type Progress, writeCheckpoint } from "./checkpoint.ts";
import { NonFiniteError, type Phase, type RunPlace } from "./errors.ts";
import type { Journal } from "./journal.ts";
import type { TrainPlan } from "./options.ts";
import { RUN_FILES, writeWeights } from "./run.ts";
import type { RunStore } from "./store.ts";
import type { StepMetrics, Trainer } from "./trainer.ts";
import { nextTurn } from "./turns.ts";

/** How a training run ended. */
export interface TrainOutcome {
  /** False when it was stopped by the signal. */
  readonly finished: boolean;
  /** Steps of the phase that it was in. */
  readonly step: number;
}

/** One model of a run, and how it is trained. */
export interface PhaseOptions {
  /** Which model. */
  readonly phase: Phase;
  /** The model in training, at where the run had got. */
  readonly trainer: Trainer;
  /** Steps in all. */
  readonly steps: number;
  /** The plan of the run. */
  readonly plan: TrainPlan;
  /** Keeps the files of the run. */
  readonly store: RunStore;
  /** Stops the phase after the present step. */
  readonly signal: AbortSignal | undefined;
  /** Hears what happens. */
  readonly journal: Journal;
  /** Where the last checkpoint was made. */
  readonly saved: RunPlace | undefined;
  /** How far the phase had got, where the run is resumed in it. */
  readonly reached: Progress | undefined;
  /** Called between steps when the metrics were read; false when stopped. */
  readonly after?: (step: number) => Promise<boolean>;
}

/** Steps between two looks at the metrics. */
const METRICS_EVERY = 10;

/** Batches of settling between two looks at the signal: a stop undoes them. */
const SETTLED_AT_ONCE = 4;

/** Trains one model up to its last step, with a checkpoint now and then. */
export async function trainPhase(options: PhaseOptions): Promise<TrainOutcome> {
  return await new PhaseRun(options).run();
}

/** One call of `trainPhase`. */
class PhaseRun {
  readonly #options: PhaseOptions;
  #saved: RunPlace | undefined;

  constructor(options: PhaseOptions) {
    this.#options = options;
    this.#saved = options.saved;
  }

  async run(): Promise<TrainOutcome> {
    const { trainer, steps, plan, signal, after } = this.#options;
    const { saveEvery, evalEvery, batch, context } = plan;
    let since = performance.now();
    let counted = trainer.optimizer.steps;
    while (trainer.optimizer.steps < steps) {
      const { lr } = trainer;
      trainer.step();
      await nextTurn();
      const step = trainer.optimizer.steps;
      const stopped = signal?.aborted === true;
      const saves = stopped || step % saveEvery === 0;
      const looks = step === steps || step % METRICS_EVERY === 0 ||
        step % evalEvery === 0;
      if (!saves && !looks) continue;

      const metrics = await trainer.metrics();
      this.#checkFinite(metrics);
      const ms = (performance.now() - since) / (step - counted);
      await this.#logStep(metrics.at(-1)!, {
        steps,
        lr,
        bytesPerSecond: 1000 * batch * context / ms,
        secondsLeft: (steps - step) * ms / 1000,
      });
      if (step === steps) break;
      if (saves) await this.#save();
      if (stopped) return { finished: false, step };
      if (after && !await after(step)) {
        if (!saves) await this.#save();
        return { finished: false, step };
      }
      since = performance.now();
      counted = step;
    }
    return await this.#end();
  }

  /** Settles thresholds and saves, unless that was done before. */
  async #end(): Promise<TrainOutcome> {
    const { trainer, steps, signal, reached } = this.#options;
    const before = reached?.step === steps;
    if (!before || reached.unsettled) {
      if (trainer.hasThresholds && !before) await this.#write(true);
      if (!await this.#settle()) {
        this.#options.journal.tell({ kind: "saved", step: steps });
        return { finished: false, step: steps };
      }
      await this.#save();
    }
    return { finished: signal?.aborted !== true, step: steps };
  }

  /** False when the signal stopped it: what is saved is from before. */
  async #settle(): Promise<boolean> {
    const { trainer, signal } = this.#options;
    let batches = 0;
    for (const _ of trainer.settling()) {
      await nextTurn();
      if (++batches % SETTLED_AT_ONCE === 0 && signal?.aborted) return false;
    }
    return true;
  }

  async #save(): Promise<void> {
    const { phase, trainer, store, journal } = this.#options;
    const { steps: step } = trainer.optimizer;
    await this.#write(false);
    if (phase === "model") {
      await writeWeights(store, RUN_FILES.weights, trainer.weights);
    }
    journal.tell({ kind: "saved", step });
    for (const text of await trainer.warnings()) {
      await journal.log({ kind: "warning", text });
    }
  }

  async #write(unsettled: boolean): Promise<void> {
    const { phase, trainer, store } = this.#options;
    await writeCheckpoint(store, phase, trainer, {
      saved: this.#saved,
      unsettled,
    });
    this.#saved = { phase, step: trainer.optimizer.steps };
  }

  #checkFinite(metrics: readonly StepMetrics[]): void {
    const { phase } = this.#options;
    const bad = metrics.find(({ loss, gradientNorm }) =>
      !Number.isFinite(loss) || !Number.isFinite(gradientNorm)
    );
    if (bad) throw new NonFiniteError({ phase, step: bad.step }, this.#saved);
  }

  async #logStep(
    { step, loss, gradientNorm, meanPatchBytes, more }: StepMetrics,
    speed: {
      readonly steps: number;
      readonly lr: number;
      readonly bytesPerSecond: number;
      readonly secondsLeft: number;
    },
  ): Promise<void> {
    const { phase, plan, journal } = this.#options;
    const patched = phase === "model" && plan.model !== "bytes";
    await journal.log({
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
}
