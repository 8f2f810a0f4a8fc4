import {
  type Device,
  MetricsRing,
  Replay,
  Scope,
  Tensor,
} from "../tensor/mod.ts";
import {
  AdamW,
  learningRate,
  placeWeights,
  type Schedule,
  type Weights,
  type WeightStorage,
} from "../nn/mod.ts";
import type { PatchedRows } from "./batch.ts";
import type { ModelConfig } from "./config.ts";
import type { Batches, BatchShape } from "./corpus.ts";
import type { LanguageModel, Teach } from "./lesson.ts";
import { patchRows } from "./model.ts";

/** What a {@linkcode Trainer} does with a model. */
export interface TrainerOptions {
  /** Source of rows. */
  readonly batches: Batches;
  /** Rows and ids per row of each batch. */
  readonly shape: BatchShape;
  /** Entropy of the next id at each position of the stream, where needed. */
  readonly entropies?: Float32Array | undefined;
  /** Learning rate of each step. */
  readonly schedule: Schedule;
  /** As what products read weights; default "f32". */
  readonly storage?: WeightStorage;
  /**
   * Brings the trainer to where a run had got; what it throws, the constructor
   * throws, and leaves nothing behind.
   */
  readonly restore?: (trainer: Trainer) => void;
}

/** What one training step gave. */
export interface StepMetrics {
  /** Number of the step, from 1. */
  readonly step: number;
  /** Mean cross-entropy, in nats per id. */
  readonly loss: number;
  /** L2 norm of all gradients before clipping. */
  readonly gradientNorm: number;
  /** Mean ids in a patch, BOS being one of its own; 1 without patches. */
  readonly meanPatchBytes: number;
  /** What else the model reports, by name. */
  readonly more: Readonly<Record<string, number>>;
}

/** Steps whose metrics are kept until they are read. */
const RING_SLOTS = 256;

/** Batches after training in which thresholds reach what weights ask for. */
const SETTLING_BATCHES = 40;

/** Least threshold of uncertainty that means something, in nats. */
const LEAST_THRESHOLD = 0.01;

/** Largest gradient norm that is not scaled down. */
const CLIP = 1;

/** A batch on the device. */
interface Upload {
  /** As the model takes it. */
  readonly batch: unknown;
  /** Id that follows each id. u32 [R] */
  readonly targets: Tensor;
}

/** One model in training: its weights, its optimizer, its data. */
export class Trainer implements Disposable {
  /** Weights on the device. */
  readonly weights: Weights;
  /** Changes the weights. */
  readonly optimizer: AdamW;
  /** The model. */
  readonly model: LanguageModel;
  /** Source of rows. */
  readonly batches: Batches;
  readonly #device: Device;
  readonly #options: TrainerOptions;
  readonly #teach: Teach;
  readonly #names: readonly string[];
  readonly #ring: MetricsRing;
  readonly #lessons: Replay<Upload>;
  readonly #scope: Scope;
  readonly #owned: DisposableStack;
  #patchMeans: number[] = [];
  /** Uploads the batch of the last step. */
  #last: (() => Upload) | undefined;

  /** Moves `model` to `device`; owns all memory until `dispose`. */
  constructor(model: LanguageModel, device: Device, options: TrainerOptions) {
    using owned = new DisposableStack();
    const scope = owned.use(new Scope({ open: false }));
    this.model = model;
    this.batches = options.batches;
    this.#device = device;
    this.#options = options;
    // A threshold is not learned but tracked: its gradient is 0.
    this.weights = scope.run(() =>
      placeWeights(model, device, {
        decays: (name) => !isThreshold(name),
        storage: options.storage ?? "f32",
      })
    );
    this.optimizer = owned.use(
      scope.run(() => new AdamW(this.weights, { clip: CLIP })),
    );
    this.#names = model.metricNames ?? [];
    this.#ring = scope.run(() =>
      new MetricsRing(device, {
        slots: RING_SLOTS,
        fields: 2 + this.#names.length,
      })
    );
    this.#teach = scope.run(() => model.teach(device, options.shape.context));
    this.#lessons = owned.use(
      new Replay(device, (batch) => this.#learn(batch)),
    );
    this.#scope = scope;
    options.restore?.(this);
    this.#owned = owned.move();
  }

  /** Learning rate of the next step. */
  get lr(): number {
    return learningRate(this.#options.schedule, this.optimizer.steps);
  }

  /**
   * One step on the next batch; never waits for the device. While batches are
   * alike but for their numbers, its launches are those of the step before.
   */
  step(): void {
    const { rows, upload } = this.#next();
    this.#last = upload;
    this.#scope.run(() => {
      const [nats, ...metrics] = this.#lessons.run(() => {
        const batch = upload();
        this.optimizer.prepare(this.lr);
        return batch;
      });
      this.#ring.record([nats!, this.optimizer.gradNorm.norm, ...metrics]);
    });
    this.#device.submit();
    this.#patchMeans.push(meanPatch(rows.ids.length, rows.starts));
  }

  /** Changes the weights; gives what the lesson is measured by. */
  #learn({ batch, targets }: Upload): readonly Tensor[] {
    const lesson = this.#teach.learn(batch, targets);
    const { nats, loss, metrics = [], finish } = lesson;
    this.weights.backward(loss);
    this.optimizer.update();
    finish?.();
    return [nats, ...metrics];
  }

  /**
   * Tracks thresholds on further batches while the weights stay, since units
   * come out longer or shorter than wanted where a threshold runs behind what a
   * model learns. Never waits for the device.
   */
  settle(batches?: number): void {
    for (const _ of this.settling(batches));
  }

  /** The same batch by batch, for whoever has to stop in between. */
  *settling(
    batches: number = Math.min(SETTLING_BATCHES, this.optimizer.steps),
  ): Generator<void, void, void> {
    this.release();
    if (!this.hasThresholds) return;
    for (let i = 0; i < batches; i++) {
      if (!this.#settle(1 / (i + 1))) return; // the mean of all
      yield;
    }
  }

  /** Whether the model has thresholds, which {@linkcode settle} is for. */
  get hasThresholds(): boolean {
    return [...this.weights.arena.values.keys()].some(isThreshold);
  }

  /** Gives the next batch its share; false where thresholds are not tracked. */
  #settle(share: number): boolean {
    using _batch = new Scope({ records: false });
    const { batch, targets } = this.#next().upload();
    const { finish } = this.#teach.learn(batch, targets);
    finish?.(share);
    if (finish) this.#device.submit();
    return finish !== undefined;
  }

  /**
   * Whether the last batch has a finite loss and gradient, with the weights as
   * they are now: else no rate of learning makes anything of them. Waits for the
   * device.
   */
  async isSound(): Promise<boolean> {
    const upload = this.#last;
    if (!upload) return true;
    const loss = await this.#scope.run(() => {
      using _batch = new Scope();
      const { batch, targets } = upload();
      const lesson = this.#teach.learn(batch, targets);
      this.weights.backward(lesson.loss);
      return lesson.loss.data();
    });
    if (!allFinite(loss)) return false;
    const gradients = await this.weights.arena.read("gradients");
    return [...gradients.values()].every(allFinite);
  }

  /** Frees the memory that the next step would use again. */
  release(): void {
    this.#lessons.clear();
  }

  /** The next batch. */
  #next(): { readonly rows: PatchedRows; readonly upload: () => Upload } {
    const { shape, entropies } = this.#options;
    const { ids, targets, offsets } = this.batches.next();
    const lengths = Array.from(offsets, () => shape.context);
    const rows = patchRows({
      ids,
      lengths,
      entropies: entropies && cut(entropies, offsets, shape.context),
    }, this.model.config);
    const upload = (): Upload => ({
      batch: this.#teach.upload(rows, this.optimizer.steps),
      targets: Tensor.from(this.#device, [targets.length], targets),
    });
    return { rows, upload };
  }

  /** Metrics of the steps since the last call; waits for the device once. */
  async metrics(): Promise<StepMetrics[]> {
    const { rows } = await this.#ring.read();
    const first = this.optimizer.steps - rows.length + 1;
    const means = this.#patchMeans.splice(0).slice(-rows.length);
    const { shape } = this.#options;
    return rows.map(([loss = NaN, gradientNorm = NaN, ...numbers], i) => {
      const more = Object.fromEntries(
        this.#names.map((name, k) => [name, numbers[k]!]),
      );
      const patches = more["patches"];
      return {
        step: first + i,
        loss,
        gradientNorm,
        meanPatchBytes: patches
          ? shape.rows * shape.context / patches
          : means[i]!,
        more,
      };
    });
  }

  /**
   * What is wrong with thresholds that fell to where rounding decides, and not
   * what a model knows; waits for the device.
   */
  async warnings(): Promise<string[]> {
    const texts: string[] = [];
    if (comparesRises(this.model.config)) return texts; // many are small
    for (const [name, state] of this.weights.arena.values) {
      if (!isThreshold(name)) continue;
      const [threshold = 0, steps = 0] = await state.data();
      if (steps === 0 || threshold >= LEAST_THRESHOLD) continue;
      const nats = threshold.toPrecision(2);
      texts.push(`${name} fell to ${nats} nats: units start at random`);
    }
    return texts;
  }

  /** Frees weights, optimizer and tables. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** Whether no number is infinite or NaN. */
export function allFinite(numbers: Float32Array): boolean {
  let zero = 0;
  for (const value of numbers) zero += value * 0; // NaN for what is not finite
  return zero === 0;
}

function comparesRises(config: ModelConfig): boolean {
  if (config.kind === "end-to-end") return config.grouping.rule === "rise";
  return config.kind === "stacked" &&
    config.levels.some(({ grouping }) => grouping.rule === "rise");
}

function isThreshold(name: string): boolean {
  return name.endsWith("threshold");
}

/** What was computed for each position of a stream, for the rows cut from it. */
function cut(
  ofStream: Float32Array,
  offsets: Uint32Array,
  context: number,
): Float32Array {
  const rows = new Float32Array(offsets.length * context);
  offsets.forEach((offset, row) =>
    rows.set(
      ofStream.subarray(offset - 1, offset - 1 + context),
      row * context,
    )
  );
  return rows;
}

function meanPatch(ids: number, starts: readonly Uint8Array[]): number {
  let patches = 0;
  for (const flags of starts) {
    for (let p = 0; p < flags.length - 1; p++) patches += flags[p]!;
  }
  return patches === 0 ? 1 : ids / patches;
}
