import type { Progress } from "./checkpoint.ts";

/** A place in a training run. */
export type RunPlace = Pick<Progress, "phase" | "step">;

/** The loss or the gradient stopped being a number. */
export class NonFiniteError extends Error {
  /** Step at which it happened. */
  readonly step: number;

  /** `saved`: where the last checkpoint was made. */
  constructor(at: RunPlace, saved: RunPlace | undefined) {
    super(
      `Cannot go on training: the loss or gradient of ${
        placeText(at)
      } is not finite; ${
        saved
          ? `the checkpoint of ${placeText(saved)} is kept`
          : "no checkpoint was made yet"
      }; train with a lower --lr`,
    );
    this.name = "NonFiniteError";
    this.step = at.step;
  }
}

function placeText({ phase, step }: RunPlace): string {
  return `step ${step} of the ${phase}`;
}
