import {
  adamwNumbers,
  adamwUpdate,
  checkNumber,
  GradNorm,
  sgdUpdate,
  Tensor,
} from "../tensor/mod.ts";
import type { Weights } from "./weights.ts";

/** Changes weights by the gradients that `weights.backward` left behind. */
export interface Optimizer extends Disposable {
  /** Norm of the gradients, factor they were scaled by, steps skipped. */
  readonly gradNorm: GradNorm;
  /** Names of the planes of the arena that hold its averages. */
  readonly planes: readonly string[];
  /** Updates done so far; set it when training is resumed. */
  steps: number;
  /**
   * One update with learning rate `lr`; never waits. Throws a `RangeError` for a
   * rate below 0 or none.
   */
  step(lr: number): void;
  /** What `step` does before it launches: counts, and uploads its numbers. */
  prepare(lr: number): void;
  /** What `step` launches, which a capture can repeat. */
  update(): void;
}

/** Options of {@linkcode AdamW}. */
export interface AdamWOptions {
  /** Decay of the averages of gradients and squares; default [0.9, 0.95]. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the average square; default 1e-8. */
  readonly eps?: number;
  /** Share of the learning rate by which weights shrink; default 0.1. */
  readonly weightDecay?: number;
  /** Gradients of a larger norm are scaled down to it; default none. */
  readonly clip?: number;
}

/** Norms that gradients may be scaled down to. */
const CLIP = { above: 0, most: Infinity };
/** Smallest eps that every device keeps apart from 0. */
const LEAST_EPS = 2 ** -126;

function checkStep(name: string, lr: number, steps: number): void {
  checkNumber(`step ${name} with lr`, lr, { least: 0 });
  checkNumber(`step ${name} after steps`, steps, { whole: true, least: 0 });
}

/** Norm of gradients whose squares, and their averages, are sure to fit f32. */
const LARGEST_NORM = 2 ** 60;

/**
 * AdamW (Loshchilov and Hutter, 2017, arXiv:1711.05101). A step whose gradient
 * is not finite changes nothing and is counted in `gradNorm.skipped`. Gradients
 * of a norm above 2^60 are scaled down to it also without `clip`: their squares
 * would be infinite, and weights never move again.
 */
export class AdamW implements Optimizer {
  readonly gradNorm: GradNorm;
  readonly planes = ["m", "v"] as const;
  steps = 0;
  readonly #weights: Weights;
  readonly #settings: Tensor;
  readonly #options: Required<Omit<AdamWOptions, "clip">>;

  /** For all of `weights`. Throws a `RangeError` for an option that is none. */
  constructor(
    weights: Weights,
    { betas = [0.9, 0.95], eps = 1e-8, weightDecay = 0.1, clip = Infinity }:
      AdamWOptions = {},
  ) {
    checkNumber("make AdamW with a count of betas", betas.length, {
      whole: true,
      least: 2,
      most: 2,
    });
    for (const beta of betas) {
      checkNumber("make AdamW with betas", beta, { least: 0, below: 1 });
    }
    // With 0, weights without a gradient become NaN.
    checkNumber("make AdamW with eps", eps, { least: LEAST_EPS });
    checkNumber("make AdamW with weightDecay", weightDecay, { least: 0 });
    checkNumber("make AdamW with clip", clip, CLIP);
    const { device } = weights.arena;
    this.#weights = weights;
    this.#options = { betas, eps, weightDecay };
    this.#settings = Tensor.from(device, [7], new Float32Array(7));
    this.gradNorm = new GradNorm(device, Math.min(clip, LARGEST_NORM));
  }

  step(lr: number): void {
    this.prepare(lr);
    this.update();
  }

  prepare(lr: number): void {
    checkStep("AdamW", lr, this.steps);
    this.steps += 1;
    const settings = { ...this.#options, lr, step: this.steps };
    this.#settings.write(adamwNumbers(settings));
    this.#weights.arena.outdate();
  }

  update(): void {
    const { arena } = this.#weights;
    this.gradNorm.measure(arena);
    adamwUpdate(arena, this.#settings, this.gradNorm.scale);
  }

  /** Frees the settings and the norm. */
  [Symbol.dispose](): void {
    this.#settings.dispose();
    this.gradNorm[Symbol.dispose]();
  }
}

/** Options of {@linkcode SGD}. */
export interface SGDOptions {
  /** Share of the last update's direction that is kept; default 0. */
  readonly momentum?: number;
  /** Added to the gradient, as a share of the weight; default 0. */
  readonly weightDecay?: number;
  /** Gradients of a larger norm are scaled down to it; default none. */
  readonly clip?: number;
}

/** Gradient descent with momentum, as in PyTorch. */
export class SGD implements Optimizer {
  readonly gradNorm: GradNorm;
  readonly planes = ["m"] as const;
  steps = 0;
  readonly #weights: Weights;
  readonly #settings: Tensor;
  readonly #options: { momentum: number; weightDecay: number };

  /** For all of `weights`. Throws a `RangeError` for an option that is none. */
  constructor(
    weights: Weights,
    { momentum = 0, weightDecay = 0, clip = Infinity }: SGDOptions = {},
  ) {
    checkNumber("make SGD with momentum", momentum, { least: 0 });
    checkNumber("make SGD with weightDecay", weightDecay, { least: 0 });
    checkNumber("make SGD with clip", clip, CLIP);
    const { device } = weights.arena;
    this.#weights = weights;
    this.#options = { momentum, weightDecay };
    this.#settings = Tensor.from(device, [3], new Float32Array(3));
    this.gradNorm = new GradNorm(device, clip);
  }

  step(lr: number): void {
    this.prepare(lr);
    this.update();
  }

  prepare(lr: number): void {
    checkStep("SGD", lr, this.steps);
    const { momentum, weightDecay } = this.#options;
    this.steps += 1;
    this.#settings.write(Float32Array.of(lr, momentum, weightDecay));
    this.#weights.arena.outdate();
  }

  update(): void {
    const { arena } = this.#weights;
    this.gradNorm.measure(arena);
    sgdUpdate(arena, this.#settings, this.gradNorm.scale);
  }

  /** Frees the settings and the norm. */
  [Symbol.dispose](): void {
    this.#settings.dispose();
    this.gradNorm[Symbol.dispose]();
  }
}
