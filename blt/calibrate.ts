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
  /** Takes the nearest mean where the target cannot be reached. */
  readonly nearest?: boolean;
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

/** Whether a mean is off by no more than a patch or 2 % of all patches. */
export function isReached(
  { target, measured }: Pick<Calibration, "target" | "measured">,
  ids: number,
): boolean {
  const wanted = ids / target;
  return Math.abs(ids / measured - wanted) <= Math.max(1, 0.02 * wanted);
}

/**
 * Finds the threshold that gives patches of a wanted mean length.
 *
 * Candidates are the row's own scores, so that the threshold is a quantile of
 * them; which one is found by bisection on the measured mean, because forced
 * starts and cuts at `maxBytes` add to the starts that the quantile counts.
 *
 * With distinct scores the number of patches is within one of the wanted number.
 * Throws a `RangeError` for an empty row, a target below 1, or, unless `nearest`,
 * one that is off by more than a patch and 2 %, and says which means can be
 * reached.
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
  { target, nearest = false, ...rule }: CalibrationOptions,
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

  const scores = entropies.map((entropy, i) =>
    rule.kind === "entropy" ? entropy : entropy - (entropies[i - 1] ?? 0)
  ).sort();
  // A start needs a score above the threshold: below the lowest, all start.
  const thresholds = [(scores[0] ?? 0) - 1, ...scores];

  // The first threshold, not counting the lowest, whose mean is at least the target.
  let low = 1;
  let high = thresholds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (meanAt(thresholds[middle]!) < target) low = middle + 1;
    else high = middle;
  }
  const below = meanAt(thresholds[low - 1]!);
  const above = meanAt(thresholds[low]!);
  const best = Math.abs(target - below) < Math.abs(target - above)
    ? low - 1
    : low;
  const threshold = thresholds[best]!;

  const lengths = lengthsAt(threshold);
  const measured = ids.length / lengths.length;
  if (!nearest && !isReached({ target, measured }, ids.length)) {
    throw new RangeError(
      `Cannot calibrate a threshold: the nearest means that can be reached are ${
        below.toFixed(2)
      } and ${above.toFixed(2)} bytes per patch, got target ${target}`,
    );
  }
  const histogram = new Array<number>(
    lengths.reduce((a, b) => Math.max(a, b)) + 1,
  ).fill(0);
  for (const length of lengths) histogram[length]!++;
  return { threshold, target, measured, histogram };
}
