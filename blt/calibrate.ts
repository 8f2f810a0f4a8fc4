import { patchLengths } from "./patching.ts";
import { type PatcherRow, patchStarts } from "./patchers.ts";

/** What a threshold is to reach. */
export interface CalibrationOptions {
  /** The rule that the threshold is for. */
  readonly kind: "entropy" | "relative";
  /** Mean patch wanted, in bytes, specials included; at least 1. */
  readonly target: number;
  /** Longest patch, in bytes. Absent: no limit. */
  readonly maxBytes?: number;
}

/** A threshold and what it does to the text it was found on. */
export interface Calibration {
  /** In nats. */
  readonly threshold: number;
  /** Mean patch wanted, in bytes. */
  readonly target: number;
  /** Mean patch reached, in bytes. */
  readonly measured: number;
  /** Number of patches by length in bytes, from 0 to the longest. */
  readonly histogram: readonly number[];
}

/**
 * Finds the threshold that gives patches of a wanted mean length.
 *
 * Candidates are the row's own scores, so that the threshold is a quantile of
 * them; which one is found by bisection on the measured mean, because forced
 * starts and cuts at `maxBytes` add to the starts that the quantile counts.
 *
 * With distinct scores the number of patches is within one of the wanted number.
 * Throws a `RangeError` for an empty row, a target below 1, or one that is off
 * by more than a patch and 2 %, and says which means can be reached.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encode } from "./bytes.ts";
 *
 * const row = {
 *   ids: encode("abcde"),
 *   entropies: Float32Array.of(3, 1, 2.5, 0.5, 2, 1.5, 0),
 * };
 * const { threshold } = calibrate(row, { kind: "entropy", target: 1.75 });
 * assertEquals(threshold, 1.5);
 * ```
 */
export function calibrate(
  row: PatcherRow,
  { target, ...rule }: CalibrationOptions,
): Calibration {
  const { ids, entropies = new Float32Array(0) } = row;
  if (ids.length === 0) {
    throw new RangeError("Cannot calibrate a threshold: the row is empty");
  }
  if (!(target >= 1)) {
    throw new RangeError(
      `Cannot calibrate a threshold: the target must be >= 1 byte per patch, got ${target}`,
    );
  }
  const lengthsAt = (threshold: number): Uint32Array =>
    patchLengths(patchStarts(row, { ...rule, threshold }));
  const meanAt = (threshold: number): number =>
    ids.length / lengthsAt(threshold).length;

  const scores = rule.kind === "entropy" ? entropies.slice() : entropies.map(
    (entropy, i) => entropy - (entropies[i - 1] ?? 0),
  );
  scores.sort();
  // A start needs a score above the threshold: below the lowest, all start.
  const thresholds = [(scores[0] ?? 0) - 1, ...scores];

  let low = 0;
  let high = thresholds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (meanAt(thresholds[middle]!) < target) low = middle + 1;
    else high = middle;
  }
  const above = thresholds[low]!;
  const below = thresholds[low - 1] ?? above;
  const threshold =
    Math.abs(meanAt(above) - target) <= Math.abs(meanAt(below) - target)
      ? above
      : below;

  const lengths = lengthsAt(threshold);
  const measured = ids.length / lengths.length;
  const wanted = ids.length / target;
  if (Math.abs(lengths.length - wanted) > Math.max(1, 0.02 * wanted)) {
    const means = [thresholds[0]!, below, above, thresholds.at(-1)!].map(
      (at) => meanAt(at).toFixed(2),
    );
    throw new RangeError(
      `Cannot calibrate a threshold: the mean patch can be ${means[0]} to ${
        means[3]
      } bytes, with ${means[1]} and ${
        means[2]
      } next to the target, got ${target}`,
    );
  }
  const histogram = new Array<number>(
    lengths.reduce((a, b) => Math.max(a, b)) + 1,
  ).fill(0);
  for (const length of lengths) histogram[length]!++;
  return { threshold, target, measured, histogram };
}
