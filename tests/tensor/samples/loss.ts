import { crossEntropy, tokenNats } from "../../../tensor/mod.ts";
import { sumOf } from "../../support/close.ts";
import { indices, numbers, rowsOf, type Sample } from "../sample.ts";

function natsOf(row: readonly number[], target: number): number {
  const largest = Math.max(...row);
  const sum = row.reduce((sum, v) => sum + Math.exp(v - largest), 0);
  return largest - row[target]! + Math.log(sum);
}

function nats(logits: number[], targets: number[], classes: number): number[] {
  return rowsOf(logits, classes).map((row, r) =>
    targets[r]! < classes ? natsOf(row, targets[r]!) : 0
  );
}

const MASKED = 0xffffffff;
const CASES: readonly [classes: number, targets: readonly number[]][] = [
  [1, [0]],
  [7, [2, MASKED, 0, 6, 7]],
  [260, [0, 259, 260, 4]],
  [3, [3, 3]],
  [3, []],
  // More rows than one block of the mean.
  [2, Array.from({ length: 300 }, (_, r) => r % 3)],
];

export const lossSamples: readonly Sample[] = CASES.flatMap(
  ([classes, targets]): Sample[] => {
    const inputs = [numbers([targets.length, classes]), indices(targets)];
    const note = `of ${targets.length} targets among ${classes}`;
    return [
      {
        op: "tokenNats",
        note,
        inputs,
        run: (x, t) => tokenNats(x!, t!),
        reference: (x, t) => nats(x!, t!, classes),
        tolerance: sumOf(classes),
      },
      {
        op: "crossEntropy",
        note,
        inputs,
        run: (x, t) => crossEntropy(x!, t!),
        reference: (x, t) => {
          const all = nats(x!, t!, classes);
          const count = t!.filter((target) => target < classes).length;
          return [all.reduce((a, b) => a + b, 0) / Math.max(count, 1)];
        },
        tolerance: sumOf(classes),
      },
    ];
  },
);
