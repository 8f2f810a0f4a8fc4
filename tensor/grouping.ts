import {
  checkNumber,
  groupBoundsKernel,
  groupSequenceKernel,
  groupUnitsKernel,
  invertIntervalsKernel,
  markUnitsKernel,
  MAX_SEGMENT,
} from "../kernels/mod.ts";
import { ShapeError, textOf } from "./errors.ts";
import { Intervals, type IntervalSizes } from "./intervals.ts";
import { checkOperands } from "./operands.ts";
import { Segments } from "./segments.ts";
import { Tensor } from "./tensor.ts";

/**
 * Units of one level, such as bytes or patches: those of sequence b are the
 * rows from firsts[b] on, counts[b] of them; padding fills up to firsts[b + 1].
 */
export interface UnitRows {
  /** First row of each sequence, from 0 on, then the end of all, R. [B + 1] */
  readonly firsts: readonly number[];
  /** Units in each sequence. u32 [B] */
  readonly counts: Tensor;
  /**
   * First unit of each unit's document; a sequence begins with one, and padding
   * is its own. u32 [R]
   */
  readonly documents: Tensor;
}

/** When groups start. */
export interface StartRule {
  /** Whether the score, or its rise in the document, exceeds the threshold. */
  readonly rule: "above" | "rise";
  /**
   * Whether a score above the threshold makes the unit itself start a group,
   * and not the one after it.
   */
  readonly lookback: boolean;
  /** Most units in a group; may be infinite. */
  readonly most: number;
  /**
   * Units in each group but the first of a document, which has one; then scores
   * do not matter. Default 0: they do.
   */
  readonly every?: number;
}

/** Options of {@linkcode groupByScores}. */
export interface GroupOptions extends StartRule {
  /** What scores are compared with: element 0. f32 [1] or longer */
  readonly threshold: Tensor;
  /**
   * Groups that there is room for in each sequence, G, at least 2. Empty groups
   * count. It must allow for the starts of all documents.
   */
  readonly capacity: number;
  /** Slots that units read of a group, k. */
  readonly slots: number;
  /** Groups that a group sees, itself included; infinite for all. */
  readonly window: number;
}

/**
 * Groups of units. Those of sequence b are the rows from b G on, of P = B G;
 * rows behind the ones in use are empty groups.
 */
export interface Groups {
  /** The groups as units of the next level. */
  readonly units: UnitRows;
  /** Units of each group: P segments of R rows. */
  readonly segments: Segments;
  /**
   * 1 for the empty group in front of each document, which is there with
   * `lookback` and is read while no group is closed; else 0. f32 [P]
   */
  readonly isNull: Tensor;
  /**
   * Newest group that each unit may read: it is closed, and known to be. For
   * padding the end of the sequence's groups. u32 [R]
   */
  readonly readable: Tensor;
  /** Slots of a group, rows j k and up, see its units: [P k] over [R]. */
  readonly slotsSee: Intervals;
  /** A unit sees the slots of its readable group: [R] over [P k]. */
  readonly unitsSee: Intervals;
  /** Place of each group in its document; 0 for empty ones. u32 [P] */
  readonly positions: Tensor;
  /** A group sees those up to it in its document; empty ones see nothing. [P] */
  readonly intervals: Intervals;
  /**
   * Starts of groups in each sequence that found no room: the last group took
   * the units from there on. u32 [B]
   */
  readonly overflow: Tensor;
}

/**
 * Groups units by their scores on the device; it never waits and has no
 * gradient. The tensors belong to the scope in which it is called.
 *
 * The first two units of a document start groups, and so does one that would
 * be in a group of more than `most`. Of the others, one starts a group when the
 * score of the unit before it (or its own, with `lookback`) is above the
 * threshold: scores: f32 [R]. Whether the last unit of a sequence closes its
 * group is decided as if the document went on.
 *
 * Throws a `ShapeError` when the scores are not R numbers, and a `RangeError`
 * when there is room for less than 2 groups, another count is none, or a
 * sequence has more than 65,535 rows.
 */
export function groupByScores(
  { firsts, counts: unitCounts, documents }: UnitRows,
  scores: Tensor,
  { threshold, rule, lookback, most, every = 0, capacity, slots, window }:
    GroupOptions,
): Groups {
  checkOperands("groupByScores", [scores, threshold, documents, unitCounts], {
    dtypes: ["f32", "f32", "u32", "u32"],
  });
  checkCounts({ most, every, capacity, slots, window });
  const { device } = documents;
  const units = documents.size;
  const sequences = unitCounts.size;
  const groups = sequences * capacity;
  const width = checkRows(firsts, { units, sequences });
  if (scores.size !== units) {
    throw new ShapeError(
      "groupByScores",
      [scores.shape, [units]],
      "expected a score for each unit",
    );
  }
  const indices = (...shape: readonly number[]): Tensor =>
    Tensor.empty(device, shape, "u32");

  using marks = indices(units);
  device.launch(markUnitsKernel, {
    scores: scores.storage,
    threshold: threshold.storage,
    documents: documents.storage,
    marks: marks.storage,
  }, {
    units,
    rise: Number(rule === "rise"),
    lookback: Number(lookback),
    every,
  });

  using rows = Tensor.from(device, [firsts.length], Uint32Array.from(firsts));
  const [ids, readable, unitsSee] = [
    indices(units),
    indices(units),
    indices(units, 2),
  ];
  const [counts, overflow] = [indices(sequences), indices(sequences)];
  device.launch(groupUnitsKernel, {
    marks: marks.storage,
    firsts: rows.storage,
    unitCounts: unitCounts.storage,
    ids: ids.storage,
    readable: readable.storage,
    unitsSee: unitsSee.storage,
    counts: counts.storage,
    overflow: overflow.storage,
  }, {
    sequences,
    units,
    lookback: Number(lookback),
    most: Math.min(most, width),
    capacity,
    slots,
  });

  const [starts, ends, groupDocuments] = [
    indices(groups),
    indices(groups),
    indices(groups),
  ];
  const isNull = Tensor.empty(device, [groups]);
  device.launch(groupBoundsKernel, {
    ids: ids.storage,
    documents: documents.storage,
    firsts: rows.storage,
    unitCounts: unitCounts.storage,
    starts: starts.storage,
    ends: ends.storage,
    groupDocuments: groupDocuments.storage,
    isNull: isNull.storage,
  }, { groups, capacity, lookback: Number(lookback) });

  const positions = indices(groups);
  const sees = indices(groups, 2);
  const slotsSee = indices(groups * slots, 2);
  const seen = Math.min(window, capacity);
  device.launch(groupSequenceKernel, {
    documents: groupDocuments.storage,
    starts: starts.storage,
    ends: ends.storage,
    positions: positions.storage,
    sees: sees.storage,
    slotsSee: slotsSee.storage,
  }, { groups, lookback: Number(lookback), window: seen, slots });

  const pairs = units * slots;
  const longest = Math.max(width, slots);
  return {
    units: {
      firsts: Array.from({ length: sequences + 1 }, (_, b) => b * capacity),
      counts,
      documents: groupDocuments,
    },
    segments: new Segments({ starts, ends, ids }),
    isNull,
    readable,
    slotsSee: invert(slotsSee, units, { pairs, longest }),
    unitsSee: invert(unitsSee, groups * slots, { pairs, longest }),
    positions,
    intervals: invert(sees, groups, { pairs: groups * seen, longest: seen }),
    overflow,
  };
}

/** Intervals over `keys` keys, from what queries see. */
function invert(
  ofQueries: Tensor,
  keys: number,
  sizes: IntervalSizes,
): Intervals {
  const { device } = ofQueries;
  const ofKeys = Tensor.empty(device, [keys, 2], "u32");
  device.launch(invertIntervalsKernel, {
    ofQueries: ofQueries.storage,
    ofKeys: ofKeys.storage,
  }, { queries: ofQueries.shape[0]!, keys });
  return new Intervals(ofQueries, ofKeys, sizes);
}

function checkCounts(
  { most, every, capacity, slots, window }: Readonly<
    Record<"most" | "every" | "capacity" | "slots" | "window", number>
  >,
): void {
  if (!(capacity >= 2)) {
    throw new RangeError(
      `Cannot group units: expected room for at least 2 groups, got ${capacity}`,
    );
  }
  const whole = { whole: true, least: 1 };
  const limit = { least: 1, most: Infinity };
  checkNumber("group units with capacity", capacity, whole);
  checkNumber("group units with slots", slots, whole);
  checkNumber("group units with every", every, { ...whole, least: 0 });
  checkNumber("group units with most", most, limit);
  checkNumber("group units with window", window, { ...limit, whole: true });
}

/** Most rows of a sequence. */
function checkRows(
  firsts: readonly number[],
  { units, sequences }: Readonly<Record<"units" | "sequences", number>>,
): number {
  let width = 0;
  let last = 0;
  for (const first of firsts) {
    checkNumber("group units with firsts", first, { whole: true, least: last });
    width = Math.max(width, first - last);
    last = first;
  }
  if (firsts.length !== sequences + 1 || firsts[0] !== 0 || last !== units) {
    throw new RangeError(
      `Cannot group ${units} units of ${sequences} sequences: expected firsts from 0 to ${units}, got ${
        textOf(firsts)
      }`,
    );
  }
  if (width > MAX_SEGMENT) {
    throw new RangeError(
      `Cannot group units: expected at most ${MAX_SEGMENT} rows in a sequence, got ${width}`,
    );
  }
  return width;
}
