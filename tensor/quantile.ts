import { MOST_QUANTILE_UNITS, trackQuantileKernel } from "../kernels/mod.ts";
import { ShapeError } from "./errors.ts";
import type { StartRule } from "./grouping.ts";
import { checkOperands } from "./operands.ts";
import { Tensor } from "./tensor.ts";

/**
 * Default share of the way to the quantile of a batch that a call goes. With a
 * tenth of it a threshold lags so far behind what a model learns that groups
 * come out longer by a tenth.
 */
const RATE = 0.1;

/** Options of {@linkcode trackQuantile}. */
export interface QuantileOptions extends Pick<StartRule, "rule" | "lookback"> {
  /** First unit of each unit's document, as in `UnitRows`. u32 [R] */
  readonly documents: Tensor;
  /**
   * Groups that the present threshold made in each sequence, as in `UnitRows`;
   * absent where something else made them. u32 [B]
   */
  readonly groups?: Tensor | undefined;
  /** Share of the units that shall start no group, 0 to 1. */
  readonly quantile: number;
  /** Share of the way that the threshold moves at least; default 0.1. */
  readonly rate?: number | undefined;
}

/**
 * Moves a threshold towards a quantile of the scores that decide by `rule`
 * where groups start: the one with which the wanted share of units starts none,
 * although documents and limits of the units in a group add starts.
 *
 * state: f32 [2], the threshold and the number of calls so far, both 0 at
 * first; scores: f32 [R]. The threshold is an average of quantiles that forgets
 * fast at first, while scores fall fast, and later over about 10 calls, or as
 * many as `rate` says. It shows in what is launched afterwards; nothing waits.
 *
 * Throws a `ShapeError` when the state or the scores have other shapes, and a `RangeError`
 * when the quantile or the rate is not between 0 and 1, or there are too many
 * scores, about a million.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, Tensor, trackQuantile } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using state = Tensor.from(device, [2], [0, 0]);
 * using scores = Tensor.from(device, [6], [0, 4, 1, 3, 2, 0]);
 * using documents = Tensor.from(device, [6], new Uint32Array(6));
 * trackQuantile(state, scores, {
 *   documents,
 *   rule: "above",
 *   lookback: false,
 *   quantile: 0.5,
 * });
 * assertEquals([...await state.data()], [3, 1]);
 * ```
 */
export function trackQuantile(
  state: Tensor,
  scores: Tensor,
  { documents, groups, rule, lookback, quantile, rate = RATE }: QuantileOptions,
): void {
  checkOperands("trackQuantile", [state, scores, documents, groups], {
    dtypes: ["f32", "f32", "u32", "u32"],
  });
  if (state.size !== 2) {
    throw new ShapeError("trackQuantile", [state.shape], "the state is [2]");
  }
  const units = documents.size;
  if (scores.size !== units) {
    throw new ShapeError(
      "trackQuantile",
      [scores.shape, documents.shape],
      "expected a score and a document for each unit",
    );
  }
  if (units > MOST_QUANTILE_UNITS) {
    throw new RangeError(
      `Cannot track a quantile: expected at most ${MOST_QUANTILE_UNITS} scores, got ${units}`,
    );
  }
  for (const share of [quantile, rate]) {
    if (share >= 0 && share <= 1) continue;
    throw new RangeError(
      `Cannot track a quantile: expected a share between 0 and 1, got ${share}`,
    );
  }
  const made = groups ?? Tensor.from(state.device, [1], new Uint32Array(1));
  state.device.launch(trackQuantileKernel, {
    scores: scores.storage,
    documents: documents.storage,
    groups: made.storage,
    state: state.storage,
  }, {
    units,
    sequences: made.size,
    rise: Number(rule === "rise"),
    lookback: Number(lookback),
    quantile,
    rate,
  });
}
