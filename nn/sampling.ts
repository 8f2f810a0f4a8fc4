import { checkNumber } from "../tensor/mod.ts";

/** How `sample` chooses among logits. */
export interface SamplingOptions {
  /** Divides the logits; >= 0, where 0 takes the largest. Default 1. */
  readonly temperature?: number;
  /** Keeps this many of the largest logits; >= 1. Default all. */
  readonly topK?: number;
  /**
   * Keeps the smallest set of the likeliest indices that has at least this
   * share of the probability; in (0, 1] (nucleus sampling, Holtzman et al.,
   * 2020, arXiv:1904.09751). Default 1.
   */
  readonly topP?: number;
  /** Indices that are never chosen. */
  readonly forbid?: readonly number[];
}

/**
 * Draws an index from softmax(logits / temperature). logits: [V]
 *
 * `forbid`, `temperature`, `topK` and `topP` apply in this order, each to what
 * the one before left; of equal logits the lowest index comes first. Takes one
 * number in [0, 1) from `rng`, or none at temperature 0. Throws a `RangeError`
 * for an option outside its range, for a logit that is NaN or Infinity, and
 * when no index is left.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Rng } from "../tensor/mod.ts";
 *
 * const logits = Float32Array.of(0, 3, 2);
 * assertEquals(sample(logits, new Rng(1), { topK: 1, forbid: [1] }), 2);
 * ```
 */
export function sample(
  logits: Float32Array,
  rng: { uniform(): number },
  options: SamplingOptions = {},
): number {
  const { temperature = 1, topK = Infinity, topP = 1, forbid = [] } = options;
  checkNumber("sample with temperature", temperature, { least: 0 });
  if (topK !== Infinity) {
    checkNumber("sample with topK", topK, { whole: true, least: 1 });
  }
  checkNumber("sample with topP", topP, { above: 0, most: 1 });
  for (const i of forbid) {
    const inside = { whole: true, least: 0 };
    checkNumber("sample and forbid", i, inside);
  }
  const bad = logits.findIndex((logit) => !(logit < Infinity));
  if (bad >= 0) {
    throw new RangeError(
      `Cannot sample with logit ${bad}: expected less than Infinity, got ${
        logits[bad]
      }`,
    );
  }

  const allowed = logits.slice();
  for (const i of forbid) allowed[i] = -Infinity;
  // Without a comparison of ours, sorting is ten times as fast.
  const order = allowed.toSorted().reverse();
  const best = order[0] ?? -Infinity;
  if (best === -Infinity) {
    throw new RangeError(
      `Cannot sample from ${logits.length} logits: expected one that is ` +
        `neither forbidden nor -Infinity`,
    );
  }
  if (temperature === 0) return allowed.indexOf(best);

  const cumulative = new Float64Array(Math.min(topK, order.length));
  let total = 0;
  for (let i = 0; i < cumulative.length; i++) {
    total += Math.exp((order[i]! - best) / temperature);
    cumulative[i] = total;
  }
  const last = cumulative.findIndex((mass) => mass >= topP * total);
  const target = rng.uniform() * cumulative[last]!;
  const rank = cumulative.findIndex((mass) => mass > target);
  const logit = order[rank]!;
  let index = allowed.indexOf(logit);
  for (let i = order.indexOf(logit); i < rank; i++) {
    index = allowed.indexOf(logit, index + 1);
  }
  return index;
}
