import {
  segmentMax,
  segmentMean,
  segmentMin,
  Segments,
  segmentSum,
  spread,
  type Tensor,
} from "../../../tensor/mod.ts";
import { sumOf } from "../../support/close.ts";
import { numbers, rowsOf, type Sample } from "../sample.ts";

type Join = (values: readonly number[]) => number;

const total: Join = (values) => values.reduce((a, b) => a + b, 0);

const JOINS: readonly [
  op: string,
  run: (x: Tensor, segments: Segments) => Tensor,
  join: Join,
][] = [
  ["segmentMax", segmentMax, (values) => Math.max(...values)],
  ["segmentMin", segmentMin, (values) => Math.min(...values)],
  ["segmentSum", segmentSum, total],
  ["segmentMean", segmentMean, (values) => total(values) / values.length],
];

/** Ids of rows: segments that are empty, long, or preceded by other rows. */
const CASES: readonly [
  ids: readonly number[],
  count: number,
  cols: number,
][] = [
  [[0], 1, 1],
  [[5, 0, 0, 0, 2, 5, 3, 3, 5, 5], 5, 3],
  [[0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3], 4, 8],
  [[], 0, 3],
  [[], 2, 3],
  [[3, 3], 0, 2],
  [[0, 1], 2, 0],
];

export const segmentSamples: readonly Sample[] = CASES.flatMap(
  ([ids, count, cols]): Sample[] => {
    const made = (x: Tensor): Segments =>
      Segments.fromIds(x.device, Uint32Array.from(ids), count);
    const note = `of ${count} among ${ids.length} rows of ${cols}`;
    return [
      ...JOINS.map(([op, run, join]): Sample => ({
        op,
        note,
        inputs: [numbers([ids.length, cols])],
        run: (x) => run(x!, made(x!)),
        reference: (x) =>
          Array.from({ length: count * cols }, (_, i) => {
            const [p, column] = [Math.floor(i / cols), i % cols];
            const values = rowsOf(x!, cols)
              .filter((_, row) => ids[row] === p)
              .map((row) => row[column]!);
            return values.length > 0 ? join(values) : 0;
          }),
        tolerance: sumOf(ids.length),
        ...(op === "segmentMean" ? { most: 2 ** 100 } : {}),
      })),
      {
        op: "spread",
        note,
        inputs: [numbers([count, cols])],
        run: (x) => spread(x!, made(x!)),
        reference: (x) =>
          ids.flatMap((id) =>
            rowsOf(x!, cols)[id] ?? Array.from({ length: cols }, () => 0)
          ),
      },
    ];
  },
);
