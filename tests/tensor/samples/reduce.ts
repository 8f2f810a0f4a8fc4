import { broadcastTo, sumTo } from "../../../tensor/ops/broadcast.ts";
import {
  argmax,
  logSumExp,
  max,
  mean,
  type ReduceOptions,
  sum,
} from "../../../tensor/ops/reduce.ts";
import { cumulativeSum } from "../../../tensor/ops/scan.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { sumOf } from "../../support/close.ts";
import { indices, numbers, rowsOf, type Sample } from "../sample.ts";

type Reduce = (values: readonly number[]) => number;

const total: Reduce = (values) => values.reduce((a, b) => a + b, 0);
const argmaxOf: Reduce = (values) => {
  const largest = Math.max(...values);
  return values.findIndex((value) => Object.is(value + 0, largest + 0));
};
/** The largest is taken out, but for infinities, which differ by NaN. */
const logSumExpOf: Reduce = (values) => {
  const largest = Math.max(...values);
  if (!Number.isFinite(largest)) return largest;
  return largest +
    Math.log(total(values.map((value) => Math.exp(value - largest))));
};

const REDUCTIONS: readonly [
  op: string,
  run: (x: Tensor, options: ReduceOptions) => Tensor,
  reduce: Reduce,
][] = [
  ["sum", sum, total],
  ["mean", mean, (values) => total(values) / values.length],
  ["max", max, (values) => Math.max(...values)],
  ["argmax", argmax, argmaxOf],
  ["logSumExp", logSumExp, logSumExpOf],
];

/** Reduces the middle of [outer, axis, inner]. */
function along(
  [outer, axis, inner]: readonly [number, number, number],
  reduce: Reduce,
): (x: number[]) => number[] {
  return (x) =>
    Array.from({ length: outer * inner }, (_, id) => {
      const first = Math.floor(id / inner) * axis * inner + id % inner;
      return reduce(
        Array.from({ length: axis }, (_, i) => x[first + i * inner]!),
      );
    });
}

/** All reductions along one axis of a shape. */
function reductions(
  shape: readonly [number, number, number],
  options: ReduceOptions,
  around: readonly [number, number, number],
): Sample[] {
  return REDUCTIONS.map(([op, run, reduce]) => ({
    op,
    note: `of [${shape}] with ${JSON.stringify(options)}`,
    inputs: [numbers(shape)],
    run: (x) => run(x!, options),
    reference: (x) => along(around, reduce)(x!),
    differentiable: op !== "argmax",
    tolerance: sumOf(around[1]),
    ...(op === "mean" ? { most: 2 ** 100 } : {}),
  }));
}

/** Rows of reductions, prefix sums, and sums that undo broadcasting. */
export const reduceSamples: readonly Sample[] = [
  ...reductions([3, 5, 4], {}, [1, 60, 1]),
  ...reductions([3, 5, 4], { axis: 0 }, [1, 3, 20]),
  ...reductions([3, 5, 4], { axis: 1, keepDims: true }, [3, 5, 4]),
  ...reductions([3, 5, 4], { axis: -1 }, [15, 4, 1]),
  ...reductions([2, 131, 3], { axis: 1 }, [2, 131, 3]),
  {
    op: "sumTo",
    note: "along every other axis",
    inputs: [numbers([2, 3, 2, 3])],
    run: (x) => sumTo(x!, [3, 1, 3]),
    reference: (x) =>
      Array.from({ length: 9 }, (_, id) => {
        const first = Math.floor(id / 3) * 6 + id % 3;
        return total([0, 3, 18, 21].map((by) => x![first + by]!));
      }),
  },
  {
    op: "sumTo",
    note: "of nothing to sum",
    inputs: [numbers([2, 3])],
    run: (x) => sumTo(x!, [2, 3]),
    reference: (x) => x!,
  },
  ...[[0], [0, 3], [3, 0]].map((shape): Sample => ({
    op: "sum",
    note: `of [${shape}], which is nothing`,
    inputs: [numbers(shape)],
    run: (x) => sum(x!),
    reference: () => [0],
  })),
  {
    op: "sumTo",
    note: "of nothing to something",
    inputs: [numbers([0, 3])],
    run: (x) => sumTo(x!, [1, 3]),
    reference: () => [0, 0, 0],
  },
  {
    op: "broadcastTo",
    note: "of something to nothing",
    inputs: [numbers([1, 3])],
    run: (x) => broadcastTo(x!, [2, 0, 3]),
    reference: () => [],
  },
  {
    op: "broadcastTo",
    inputs: [numbers([2, 1, 2])],
    run: (x) => broadcastTo(x!, [2, 2, 3, 2]),
    reference: (x) =>
      [...rowsOf(x!, 2), ...rowsOf(x!, 2)].flatMap((row) =>
        [row, row, row].flat()
      ),
  },
  {
    op: "broadcastTo",
    note: "of indices",
    inputs: [indices([7, 2 ** 31])],
    run: (x) => broadcastTo(x!, [2, 2]),
    reference: (x) => [...x!, ...x!],
    differentiable: false,
  },
  ...[[1, 1], [3, 5], [2, 300], [0, 4], [3, 0]].map((
    [rows = 0, length = 0],
  ): Sample => ({
    op: "cumulativeSum",
    note: `of [${rows}, ${length}]`,
    inputs: [numbers([rows, length])],
    run: (x) => cumulativeSum(x!),
    reference: (x) =>
      rowsOf(x!, length).flatMap((row) =>
        row.map((_, i) => total(row.slice(0, i + 1)))
      ),
    tolerance: sumOf(length),
  })),
  {
    op: "cumulativeSum",
    note: "of indices",
    inputs: [indices([1, 0, 5, 2, 0, 3], [2, 3])],
    run: (x) => cumulativeSum(x!),
    reference: () => [1, 1, 6, 2, 2, 5],
    differentiable: false,
  },
];
