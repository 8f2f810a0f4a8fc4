import { concat, permute, slice } from "../../../tensor/ops/layout.ts";
import { EXACT } from "../../support/close.ts";
import { indices, numbers, type Sample } from "../sample.ts";

/** Rows of an array of `axes.length` axes, permuted element by element. */
function permuted(shape: readonly number[], axes: readonly number[]): Sample {
  const size = shape.reduce((a, b) => a * b, 1);
  return {
    op: "permute",
    note: `of [${shape}] by [${axes}]`,
    inputs: [numbers(shape)],
    run: (x) => permute(x!, axes),
    reference: (x) =>
      Array.from({ length: size }, (_, id) => {
        const at = new Array<number>(shape.length);
        let rest = id;
        for (const axis of axes.toReversed()) {
          at[axis] = rest % shape[axis]!;
          rest = Math.floor(rest / shape[axis]!);
        }
        return x![at.reduce((sum, c, axis) => sum * shape[axis]! + c, 0)]!;
      }),
    tolerance: EXACT,
  };
}

/** Rows of operations that only move elements. */
export const layoutSamples: readonly Sample[] = [
  permuted([3, 4], [1, 0]),
  permuted([2, 3, 4, 5], [0, 2, 1, 3]),
  permuted([2, 3, 1, 2, 3], [4, 2, 0, 3, 1]),
  permuted([2, 3, 2, 2, 3], [4, 3, 2, 1, 0]),
  permuted([6], [0]),
  {
    op: "permute",
    note: "of indices",
    inputs: [indices([1, 2, 3, 4, 5, 6], [2, 3])],
    run: (x) => permute(x!, [1, 0]),
    reference: ([a, b, c, d, e, f] = []) => [a!, d!, b!, e!, c!, f!],
    differentiable: false,
    tolerance: EXACT,
  },
  {
    op: "slice",
    inputs: [numbers([3, 4, 2])],
    run: (x) => slice(x!, [[1, 3], [1, 3]]),
    reference: (x) => [10, 11, 12, 13, 18, 19, 20, 21].map((i) => x![i]!),
    tolerance: EXACT,
  },
  {
    op: "slice",
    note: "of nothing",
    inputs: [numbers([3, 2])],
    run: (x) => slice(x!, [[2, 2]]),
    reference: () => [],
    tolerance: EXACT,
  },
  {
    op: "concat",
    note: "along the first axis",
    inputs: [numbers([2, 3]), numbers([0, 3]), numbers([1, 3])],
    run: (x, y, z) => concat([x!, y!, z!], 0),
    reference: (x, y, z) => [...x!, ...y!, ...z!],
    tolerance: EXACT,
  },
  {
    op: "concat",
    note: "along the last axis",
    inputs: [numbers([2, 1, 2]), numbers([2, 1, 3])],
    run: (x, y) => concat([x!, y!], -1),
    reference: (x, y) => [
      ...x!.slice(0, 2),
      ...y!.slice(0, 3),
      ...x!.slice(2),
      ...y!.slice(3),
    ],
    tolerance: EXACT,
  },
  {
    op: "concat",
    note: "of one shape",
    inputs: [numbers([2, 2]), numbers([2, 2]), numbers([2, 2])],
    run: (x, y, z) => concat([x!, y!, z!], 1),
    reference: (x, y, z) =>
      [0, 2].flatMap((i) => [x!, y!, z!].flatMap((v) => v.slice(i, i + 2))),
    tolerance: EXACT,
  },
  {
    op: "concat",
    note: "of indices",
    inputs: [indices([1, 2]), indices([3])],
    run: (x, y) => concat([x!, y!], 0),
    reference: () => [1, 2, 3],
    differentiable: false,
    tolerance: EXACT,
  },
];
