import type { HostStartRule, HostUnitRows } from "../../blt/mod.ts";
import type { Draw } from "../support/for_all.ts";

/** Units with scores, and how to group them. */
export interface GroupingCase {
  readonly rows: HostUnitRows;
  /** [R], some alike. */
  readonly scores: Float32Array;
  readonly rule: HostStartRule;
}

/** Up to four sequences of up to 40 rows, with documents and padding. */
export function drawRows(draw: Draw): HostUnitRows {
  const firsts = [0];
  const counts: number[] = [];
  const documents: number[] = [];
  for (let left = draw.integer(1, 5); left > 0; left--) {
    const width = draw.integer(1, 41);
    const count = draw.uniform() < 0.5 ? width : draw.integer(0, width + 1);
    const first = documents.length;
    for (let unit = first; unit < first + width; unit++) {
      const starts = unit === first || unit >= first + count ||
        draw.uniform() < 0.1;
      documents.push(starts ? unit : documents[unit - 1]!);
    }
    firsts.push(first + width);
    counts.push(count);
  }
  return {
    firsts,
    counts: Uint32Array.from(counts),
    documents: Uint32Array.from(documents),
  };
}

/** `count` scores between -2 and 2, a quarter of them alike. */
export function drawScores(draw: Draw, count: number): Float32Array {
  return Float32Array.from(
    { length: count },
    () => draw.uniform() < 0.25 ? 0.5 : 4 * draw.uniform() - 2,
  );
}

/** Every kind of rule. */
export function drawRule(draw: Draw): HostStartRule {
  return {
    rule: draw.uniform() < 0.5 ? "above" : "rise",
    lookback: draw.uniform() < 0.5,
    most: draw.uniform() < 0.3 ? Infinity : draw.integer(1, 8),
    every: draw.uniform() < 0.8 ? 0 : draw.integer(1, 5),
    threshold: draw.uniform() < 0.2 ? 0.5 : 2 * draw.uniform() - 0.5,
  };
}

/** Rows, scores and a rule. */
export function drawGrouping(draw: Draw): GroupingCase {
  const rows = drawRows(draw);
  return {
    rows,
    scores: drawScores(draw, rows.documents.length),
    rule: drawRule(draw),
  };
}
