import { Segments, smooth } from "../../../tensor/mod.ts";
import { sumOf } from "../../support/close.ts";
import { numbers, rowsOf, type Sample } from "../sample.ts";

/**
 * Group of each unit, groups in each sequence, and groups: empty ones in front,
 * between and at the end, and units outside of all.
 */
const CASES: readonly [
  ids: readonly number[],
  length: number,
  count: number,
  cols: number,
][] = [
  [[0], 1, 1, 1],
  [[0, 1, 1, 2], 3, 3, 5],
  [[1, 1, 2, 10, 4, 4, 6, 7, 7, 10], 5, 10, 4],
  [[], 1, 0, 3],
  [[], 2, 2, 3],
  [[0, 1], 2, 2, 0],
];

export const smoothSamples: readonly Sample[] = CASES.map(
  ([ids, length, count, cols]): Sample => ({
    op: "smooth",
    note: `of ${count} groups in sequences of ${length}`,
    inputs: [numbers([count, cols]), numbers([ids.length], [0, 1])],
    run: (x, gates) => {
      const segments = Segments.fromIds(
        x!.device,
        Uint32Array.from(ids),
        count,
      );
      return smooth(x!, gates!, { segments, length });
    },
    reference: (x, gates) => {
      let y = Array<number>(cols).fill(0);
      return rowsOf(x!, cols).flatMap((row, group) => {
        if (group % length === 0) y = y.map(() => 0);
        const share = gates![ids.indexOf(group)] ?? 0;
        y = row.map((value, c) => share * value + (1 - share) * y[c]!);
        return y;
      });
    },
    tolerance: sumOf(count),
    most: 2 ** 20,
  }),
);
