import { BYTE_OFFSET, EOS } from "../../blt/mod.ts";
import { Draw } from "../support/for_all.ts";
import { drawRow, type Outcome, type Subject } from "./subject.ts";

const V = 260;

/** What a change of one id did to what stands before it. */
export interface Leaks {
  /** Changes that were tried. */
  cases: number;
  /** Changes that moved an earlier logit. */
  logits: number;
  /** Changes that moved an earlier start. */
  starts: number;
  /** Changes that moved nothing where they were made. */
  unseen: number;
  /** Changes that moved a later start: else the test would show little. */
  moved: number;
}

/** Nothing was tried. */
export const NONE: Leaks = {
  cases: 0,
  logits: 0,
  starts: 0,
  unseen: 0,
  moved: 0,
};

const KEYS = ["cases", "logits", "starts", "unseen", "moved"] as const;

/** Positions at the front of two rows whose logits have the same bits. */
export function agreeing(a: Outcome, b: Outcome): number {
  const length = Math.min(a.logits.length, b.logits.length);
  let i = 0;
  while (i < length && Object.is(a.logits[i], b.logits[i])) i++;
  return Math.floor(i / V);
}

/**
 * Changes the ids of `row` at `positions`, one at a time, and looks for changes
 * before them.
 */
export async function leaksOf(
  subject: Subject,
  row: Uint32Array,
  draw: Draw,
  positions: readonly number[] = [...row.keys()].slice(1),
): Promise<Leaks> {
  const changed = positions.map((t) => {
    // An EOS begins a patch behind it, so it is tried as well.
    const other = draw.integer(0, 8) === 0
      ? EOS
      : BYTE_OFFSET + draw.integer(0, 256);
    return row.with(t, other === row[t] ? BYTE_OFFSET : other);
  });
  const [before, ...after] = await subject([row, ...changed]);
  const leaks = { ...NONE };
  for (const [i, outcome] of after.entries()) {
    const t = positions[i]!;
    const flip = outcome.starts.findIndex((s, p) => s !== before!.starts[p]);
    leaks.cases += 1;
    const first = agreeing(before!, outcome);
    leaks.logits += Number(first < t);
    leaks.unseen += Number(first > t);
    leaks.starts += Number(flip >= 0 && flip <= t);
    leaks.moved += Number(flip > t);
  }
  return leaks;
}

/** Leaks of several random rows. */
export async function search(
  subject: Subject,
  lengths: readonly number[],
): Promise<Leaks> {
  const sum = { ...NONE };
  for (const [seed, length] of lengths.entries()) {
    const draw = new Draw(seed);
    const leaks = await leaksOf(subject, drawRow(draw, length), draw);
    for (const key of KEYS) sum[key] += leaks[key];
  }
  return sum;
}
