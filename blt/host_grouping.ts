import type { StartRule } from "../tensor/mod.ts";

/** What decides where groups start, with the threshold on the host. */
export interface HostStartRule extends StartRule {
  /** What scores are compared with, as f32. */
  readonly threshold: number;
}

/** `UnitRows` on the host. */
export interface HostUnitRows {
  /** First row of each sequence, from 0 on, then the end of all, R. [B + 1] */
  readonly firsts: readonly number[];
  /** Units in each sequence. [B] */
  readonly counts: Uint32Array;
  /** First unit of each unit's document; padding is its own. [R] */
  readonly documents: Uint32Array;
}

/** `Groups` on the host, without what follows from these. */
export interface HostGroups {
  /** The groups as units of the next level. */
  readonly units: HostUnitRows;
  /** First unit of each group. [P] */
  readonly starts: Uint32Array;
  /** End of each group, not included. [P] */
  readonly ends: Uint32Array;
  /** Group of each unit, P for padding. [R] */
  readonly ids: Uint32Array;
  /** 1 for the empty group in front of a document, else 0. [P] */
  readonly isNull: Float32Array;
  /** Newest group that each unit may read. [R] */
  readonly readable: Uint32Array;
  /** Starts that found no room in each sequence. [B] */
  readonly overflow: Uint32Array;
}

/**
 * Groups units by scores [R] as `groupByScores` does, with room for `capacity`
 * groups in each sequence.
 */
export function groupOnHost(
  { firsts, counts, documents }: HostUnitRows,
  scores: Float32Array,
  rule: HostStartRule & { readonly capacity: number },
): HostGroups {
  const { lookback, capacity } = rule;
  const groups = counts.length * capacity;
  const starts = new Uint32Array(groups);
  const ends = new Uint32Array(groups);
  const groupDocuments = Uint32Array.from(starts, (_, group) => group);
  const isNull = new Float32Array(groups);
  const ids = new Uint32Array(documents.length).fill(groups);
  const readable = new Uint32Array(documents.length);
  const groupCounts = new Uint32Array(counts.length);
  const overflow = new Uint32Array(counts.length);
  counts.forEach((count, sequence) => {
    const base = sequence * capacity;
    const first = firsts[sequence]!;
    const end = first + count;
    readable.fill(base + capacity, end, firsts[sequence + 1]);
    starts.fill(end, base, base + capacity);
    ends.fill(end, base, base + capacity);
    let next = base; // group that starts next
    let document = base;
    let start = first;
    for (let unit = first; unit <= end; unit++) {
      const head = documents[Math.min(unit, end - 1)]!;
      const wanted = unit < end && head === unit ||
        startsAt(unit, { start, head, scores, rule });
      const nulls = head === unit && lookback ? 1 : 0;
      const fits = overflow[sequence] === 0 &&
        next + nulls < base + capacity;
      const closed = wanted && fits ? next - 1 : next - 2;
      if (!lookback && unit > first) readable[unit - 1] = closed;
      if (unit === end) break;
      if (wanted) start = unit;
      if (wanted && fits) {
        if (next > base) ends[next - 1] = unit;
        if (head === unit) document = next;
        starts.fill(unit, next, next + nulls + 1);
        ends.fill(unit, next, next + nulls);
        isNull.fill(1, next, next + nulls);
        groupDocuments.fill(document, next, next + nulls + 1);
        next += nulls + 1;
      } else if (wanted) {
        overflow[sequence]! += 1;
      }
      ids[unit] = next - 1;
      if (lookback) readable[unit] = next - 2;
    }
    groupCounts[sequence] = next - base;
  });
  return {
    units: {
      firsts: firsts.map((_, sequence) => sequence * capacity),
      counts: groupCounts,
      documents: groupDocuments,
    },
    starts,
    ends,
    ids,
    isNull,
    readable,
    overflow,
  };
}

/** A place where a group may start. */
interface Place {
  /** Where the group before it started. */
  readonly start: number;
  /** First unit of the document. */
  readonly head: number;
  readonly scores: Float32Array;
  readonly rule: HostStartRule;
}

/** Whether a unit that is not the first of its document starts a group. */
function startsAt(unit: number, { start, head, scores, rule }: Place): boolean {
  const { threshold, most, lookback, every = 0 } = rule;
  if (unit === head + 1 || unit - start >= most) return true;
  if (every > 0) return (unit - head - 1) % every === 0;
  const decides = lookback ? unit : unit - 1;
  const rises = rule.rule === "rise";
  if (rises && decides < head + 2) return false;
  const before = rises ? scores[decides - 1]! : 0;
  return Math.fround(scores[decides]! - before) > Math.fround(threshold);
}

/** Decides where groups start, one unit at a time, as `groupByScores` does. */
export class UnitGrouper {
  readonly #rule: HostStartRule;
  /** Of the last unit, in its document. */
  #position = -1;
  /** Units of the open group. */
  #open = 0;
  /** Whether the unit that comes next starts a group. */
  #nextStarts = true;
  #previousScore = 0;

  /** Before the first unit of a document. */
  constructor(rule: HostStartRule) {
    this.#rule = rule;
  }

  /**
   * Takes the score of the next unit. Says whether that unit starts a group,
   * with `lookback`; otherwise, whether the unit after it does, as long as that
   * does not start a document.
   */
  push(score: number, startsDocument = false): boolean {
    const { lookback, most } = this.#rule;
    this.#position = startsDocument ? 0 : this.#position + 1;
    const marked = this.#marks(Math.fround(score));
    this.#previousScore = Math.fround(score);
    const starts = lookback ? marked || this.#open >= most : this.#nextStarts;
    this.#open = starts ? 1 : this.#open + 1;
    this.#nextStarts = marked || this.#open >= most;
    return lookback ? starts : this.#nextStarts;
  }

  #marks(score: number): boolean {
    const { rule, lookback, threshold, every = 0 } = this.#rule;
    const behind = this.#position - Number(lookback);
    if (behind <= 0) return true;
    if (every > 0) return behind % every === 0;
    if (rule === "above") return score > Math.fround(threshold);
    const rise = Math.fround(score - this.#previousScore);
    return this.#position > 1 && rise > Math.fround(threshold);
  }
}
