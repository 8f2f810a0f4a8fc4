import { rmsNorm, softmax } from "../../../tensor/mod.ts";
import { sumOf } from "../../support/close.ts";
import { numbers, rowsOf, type Sample } from "../sample.ts";

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function softmaxOf(row: readonly number[]): number[] {
  const powers = row.map(Math.exp);
  return powers.map((power) => power / sum(powers));
}

/** Rows that fit one workgroup, many blocks, four lanes or none of these. */
const SHAPES = [[1, 1], [3, 7], [2, 3, 8], [37, 4], [2, 261]] as const;

export const rowSamples: readonly Sample[] = SHAPES.flatMap(
  (shape): Sample[] => {
    const cols = shape.at(-1)!;
    return [
      {
        op: "softmax",
        note: `of [${shape}]`,
        inputs: [numbers(shape)],
        run: (x) => softmax(x!),
        reference: (x) => rowsOf(x!, cols).flatMap(softmaxOf),
      },
      {
        op: "rmsNorm",
        note: `of [${shape}]`,
        inputs: [numbers(shape), numbers([cols])],
        run: (x, gain) => rmsNorm(x!, gain!, { eps: 0.01 }),
        reference: (x, gain) =>
          rowsOf(x!, cols).flatMap((row) => {
            const square = sum(row.map((v) => v * v)) / cols;
            const scale = 1 / Math.sqrt(square + 0.01);
            return row.map((v, c) => v * scale * gain![c]!);
          }),
        tolerance: sumOf(cols),
      },
    ];
  },
);
