import {
  adamwKernel,
  checkNumber,
  type Device,
  gradNormKernel,
  sgdKernel,
  squareSums,
  squareSumsKernel,
} from "../kernels/mod.ts";
import type { Arena } from "./arena.ts";
import { checkOperands } from "./operands.ts";
import { Tensor } from "./tensor.ts";

/** Norm of all gradients, and what an update makes of it; all on the device. */
export class GradNorm implements Disposable {
  /** Largest norm that is not scaled down: []. */
  readonly limit: Tensor;
  /** Euclidean norm of all gradients, however large or small: []. */
  readonly norm: Tensor;
  /** Factor for the gradients: min(1, limit / norm), or 0 to skip: []. */
  readonly scale: Tensor;
  /** Steps skipped so far because a gradient was not finite: []. */
  readonly skipped: Tensor;

  /**
   * For gradients on `device`, to be clipped to norm `limit`, which may be
   * infinite. Throws a `RangeError` unless it is above 0.
   */
  constructor(device: Device, limit: number) {
    checkNumber("clip gradients to norm", limit, { above: 0, most: Infinity });
    this.limit = Tensor.from(device, [], [limit]);
    this.norm = Tensor.from(device, [], [0]);
    this.scale = Tensor.from(device, [], [1]);
    this.skipped = Tensor.from(device, [], [0]);
  }

  /** Measures the gradients of `arena`. */
  measure(arena: Arena): void {
    checkDevice("measure", arena, [this.limit]);
    const { device, chunks } = arena;
    const counts = chunks.map(({ length }) => squareSums(length));
    const count = counts.reduce((a, b) => a + b, 0);
    using sums = Tensor.empty(device, [count]);
    using scaled = Tensor.empty(device, [count]);
    const gradients = arena.plane("gradients");
    let start = 0;
    for (const [i, { length }] of chunks.entries()) {
      const buffers = {
        g: gradients[i]!,
        sums: sums.storage,
        scaled: scaled.storage,
      };
      const sizes = { length, count: counts[i]!, start };
      device.launch(squareSumsKernel, buffers, sizes);
      start += counts[i]!;
    }
    device.launch(gradNormKernel, {
      sums: sums.storage,
      scaled: scaled.storage,
      limit: this.limit.storage,
      norm: this.norm.storage,
      scale: this.scale.storage,
      skipped: this.skipped.storage,
    }, { count });
  }

  /** Frees the tensors. */
  [Symbol.dispose](): void {
    this.limit.dispose();
    this.norm.dispose();
    this.scale.dispose();
    this.skipped.dispose();
  }
}

/** Throws unless `tensors` are numbers on the device of `arena`. */
function checkDevice(
  name: string,
  { values }: Arena,
  tensors: readonly Tensor[],
): void {
  const [some] = values.values();
  checkOperands(name, [some, ...tensors]);
}

/** Settings of {@linkcode adamwUpdate} for one step. */
export interface AdamwSettings {
  /** Learning rate. */
  readonly lr: number;
  /** Decay of the averages of gradients and of their squares. */
  readonly betas: readonly [number, number];
  /** Added to the root of the average square. */
  readonly eps: number;
  /** Share of lr by which decaying parameters shrink. */
  readonly weightDecay: number;
  /** Number of this step, from 1. */
  readonly step: number;
}

/** The tensor of settings that {@linkcode adamwUpdate} reads, as numbers. */
export function adamwNumbers(
  { lr, betas: [beta1, beta2], eps, weightDecay, step }: AdamwSettings,
): Float32Array {
  return Float32Array.of(
    lr,
    // Subtracted here, since f32 loses digits of 1 - 0.999.
    1 - beta1,
    1 - beta2,
    eps,
    weightDecay,
    1 - beta1 ** step,
    1 - beta2 ** step,
  );
}

/**
 * One step of AdamW on the values of `arena`, with planes "m" and "v".
 *
 * settings: [7], from {@linkcode adamwNumbers}; scale: [], the factor of the
 * gradients, where 0 skips the step.
 */
export function adamwUpdate(
  arena: Arena,
  settings: Tensor,
  scale: Tensor,
): void {
  checkDevice("adamwUpdate", arena, [settings, scale]);
  for (const [i, { length, blocks }] of arena.chunks.entries()) {
    arena.device.launch(adamwKernel, {
      g: arena.plane("gradients")[i]!,
      blocks,
      settings: settings.storage,
      scale: scale.storage,
      x: arena.plane("values")[i]!,
      m: arena.plane("m")[i]!,
      v: arena.plane("v")[i]!,
    }, { length });
  }
  arena.refreshCopies();
}

/**
 * One step of gradient descent on the values of `arena`, with plane "m".
 *
 * settings: [3], learning rate, momentum and weight decay; scale: [], the
 * factor of the gradients, where 0 skips the step.
 */
export function sgdUpdate(
  arena: Arena,
  settings: Tensor,
  scale: Tensor,
): void {
  checkDevice("sgdUpdate", arena, [settings, scale]);
  for (const [i, { length, blocks }] of arena.chunks.entries()) {
    arena.device.launch(sgdKernel, {
      g: arena.plane("gradients")[i]!,
      blocks,
      settings: settings.storage,
      scale: scale.storage,
      x: arena.plane("values")[i]!,
      m: arena.plane("m")[i]!,
    }, { length });
  }
  arena.refreshCopies();
}
