import { entropy, layerNorm, rmsNorm, softmax } from "../../../tensor/mod.ts";
import { sumOf } from "../../support/close.ts";
import { numbers, rowsOf, type Sample } from "../sample.ts";

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function softmaxOf(row: readonly number[]): number[] {
  const largest = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - largest));
  return powers.map((power) => power / sum(powers));
}

function normalized(row: readonly number[], eps: number): number[] {
  const mean = sum(row) / row.length;
  const variance = sum(row.map((v) => (v - mean) ** 2)) / row.length;
  return row.map((v) => (v - mean) / Math.sqrt(variance + eps));
}

/** Rows that fit one workgroup, many blocks, four lanes or none of these. */
const SHAPES = [[1, 1], [3, 7], [2, 3, 8], [37, 4], [2, 261], [9], [
  0,
  5,
]] as const;

const samples = SHAPES.flatMap(
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
        op: "entropy",
        note: `of [${shape}]`,
        inputs: [numbers(shape)],
        run: (x) => entropy(x!),
        reference: (x) =>
          rowsOf(x!, cols).map((row) =>
            -sum(softmaxOf(row).map((p) => p === 0 ? 0 : p * Math.log(p)))
          ),
        tolerance: sumOf(cols),
      },
      ...[true, false].map((biased): Sample => ({
        op: "layerNorm",
        note: `of [${shape}]${biased ? " with bias" : ""}`,
        inputs: [
          numbers(shape),
          numbers([cols]),
          ...(biased ? [numbers([cols])] : []),
        ],
        run: (x, gain, bias) => layerNorm(x!, gain!, bias, { eps: 0.1 }),
        reference: (x, gain, bias) =>
          rowsOf(x!, cols).flatMap((row) =>
            normalized(row, 0.1).map((v, c) => v * gain![c]! + (bias?.[c] ?? 0))
          ),
        tolerance: sumOf(cols),
        most: 2 ** 50,
      })),
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
        most: 2 ** 50,
      },
    ];
  },
);

export const rowSamples: readonly Sample[] = [
  ...samples,
  ...(["softmax", "rmsNorm", "layerNorm"] as const).map((op): Sample => ({
    op,
    note: "of rows of nothing",
    inputs: [numbers([3, 0]), ...(op === "softmax" ? [] : [numbers([0])])],
    run: (x, gain) =>
      op === "softmax"
        ? softmax(x!)
        : op === "rmsNorm"
        ? rmsNorm(x!, gain!)
        : layerNorm(x!, gain!),
    reference: () => [],
  })),
];
