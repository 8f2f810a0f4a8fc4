import { checkNumber } from "../tensor/mod.ts";

/** How the learning rate moves over a training run: a warm-up, then a shape. */
export type Schedule =
  & {
    /** Learning rate at the end of the warm-up; >= 0. */
    readonly peak: number;
    /** Steps of the linear warm-up; 0 for none. */
    readonly warmupSteps: number;
  }
  & (
    | {
      /** The peak for ever. */
      readonly kind: "constant";
    }
    | {
      /**
       * Half a cosine from the peak down to a share of it (Loshchilov and
       * Hutter, 2017, arXiv:1608.03983, equation 5, without restarts).
       */
      readonly kind: "cosine";
      /** Steps until the end of the cosine, warm-up included. */
      readonly totalSteps: number;
      /** Share of the peak from `totalSteps` on; in [0, 1]. */
      readonly finalFraction: number;
    }
    | {
      /**
       * The peak, then a linear cool-down to 0 (Hägele et al., 2024,
       * arXiv:2405.18392).
       */
      readonly kind: "trapezoid";
      /** Steps until the learning rate is 0, warm-up included. */
      readonly totalSteps: number;
      /** Steps of the cool-down; >= 1. */
      readonly cooldownSteps: number;
    }
  );

/**
 * Learning rate of the update after `step` updates, so of the first at step 0,
 * as `last_epoch` counts in PyTorch. Update i of the warm-up, i = 1, 2, ..., has
 * i / warmupSteps of the peak: none is lost to a rate of 0. Throws a
 * `RangeError` when the step is not a count or the schedule is impossible.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const schedule = { kind: "constant", peak: 0.4, warmupSteps: 4 } as const;
 * assertEquals([0, 1, 3, 9].map((step) => learningRate(schedule, step)), [
 *   0.1,
 *   0.2,
 *   0.4,
 *   0.4,
 * ]);
 * ```
 */
export function learningRate(schedule: Schedule, step: number): number {
  const { peak, warmupSteps } = schedule;
  checkNumber("schedule step", step, { whole: true, least: 0 });
  checkNumber("schedule peak", peak, { least: 0 });
  checkNumber("schedule warmupSteps", warmupSteps, { whole: true, least: 0 });
  const rest = shape(schedule, step);
  return peak * (step < warmupSteps ? (step + 1) / warmupSteps : rest);
}

/** Share of the peak that a step after the warm-up has. */
function shape(schedule: Schedule, step: number): number {
  switch (schedule.kind) {
    case "constant":
      return 1;
    case "cosine": {
      const { warmupSteps, totalSteps, finalFraction } = schedule;
      const steps = totalSteps - warmupSteps;
      check("totalSteps", steps >= 1, "more than warmupSteps", totalSteps);
      const share = { least: 0, most: 1 };
      checkNumber("schedule finalFraction", finalFraction, share);
      const progress = Math.min(1, (step - warmupSteps) / steps);
      const fall = (1 + Math.cos(Math.PI * progress)) / 2;
      return finalFraction + (1 - finalFraction) * fall;
    }
    case "trapezoid": {
      const { warmupSteps, totalSteps, cooldownSteps } = schedule;
      const count = { whole: true, least: 1 };
      checkNumber("schedule cooldownSteps", cooldownSteps, count);
      const steps = totalSteps - warmupSteps - cooldownSteps;
      check("totalSteps", steps >= 0, "both ramps at least", totalSteps);
      return Math.min(1, Math.max(0, (totalSteps - step) / cooldownSteps));
    }
  }
}

/** Checks `ok`, and that a count of steps is one. */
function check(name: string, ok: boolean, range: string, found: number): void {
  checkNumber(`schedule ${name}`, found, { whole: true });
  if (!ok) {
    throw new RangeError(
      `Cannot schedule ${name}: expected ${range}, got ${found}`,
    );
  }
}
