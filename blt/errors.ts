/** What is being trained. */
export type Phase = "entropy model" | "model";

/** A place in a training run. */
export interface RunPlace {
  /** What is being trained. */
  readonly phase: Phase;
  /** Steps of the phase that are done. */
  readonly step: number;
}

/** What stopped being finite. */
export type Diverged = "loss or gradient" | "weights";

/** The loss, the gradient or a weight stopped being a finite number. */
export class NonFiniteError extends Error {
  /** The name of the class. */
  override readonly name = "NonFiniteError";
  /** Step at which it happened. */
  readonly step: number;
  /** What is no finite number. */
  readonly diverged: Diverged;
  /** The option that a lower value of may cure it. */
  readonly cure: "lr" | "entropyLr";

  /** `saved`: where the last checkpoint was made. */
  constructor(
    at: RunPlace,
    saved: RunPlace | undefined,
    diverged: Diverged = "loss or gradient",
  ) {
    const cure = at.phase === "model" ? "lr" : "entropyLr";
    super(
      `Cannot go on training: the ${diverged} of ${placeText(at)} ${
        diverged === "weights" ? "are" : "is"
      } not finite; ${
        saved
          ? `the checkpoint of ${placeText(saved)} is kept`
          : "no checkpoint was made yet"
      }; go on with a lower ${cure}`,
    );
    this.step = at.step;
    this.diverged = diverged;
    this.cure = cure;
  }
}

function placeText({ phase, step }: RunPlace): string {
  return `step ${step} of the ${phase}`;
}
