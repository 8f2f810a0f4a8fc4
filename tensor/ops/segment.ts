import {
  segmentExtremeGradKernel,
  type SegmentExtremeKernel,
  segmentMaxKernel,
  segmentMinKernel,
  segmentSpreadKernel,
  segmentSumKernel,
} from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp, type Op } from "../op.ts";
import type { Segments } from "../segments.ts";
import { type Shape, Tensor } from "../tensor.ts";

interface Attributes {
  readonly segments: Segments;
}

const beside = ({ segments: { starts } }: Attributes): readonly Tensor[] => [
  starts,
];

type SegmentOp = Op<readonly [Tensor], Attributes>;

/** Shape of the result when one row is expected per row, or per segment. */
function reshaped(
  name: string,
  x: Shape,
  expected: number,
  found: number,
): Shape {
  const [rows, cols] = x;
  if (x.length !== 2 || rows !== expected) {
    throw new ShapeError(name, [x], `expected [${expected}, D]`);
  }
  return [found, cols!];
}

/** One row per segment from the rows in it, or their mean: out is written. */
function sum(
  x: Tensor,
  { starts, ends, count }: Segments,
  out: Tensor,
  mean: boolean,
): void {
  x.device.launch(segmentSumKernel, {
    x: x.storage,
    starts: starts.storage,
    ends: ends.storage,
    out: out.storage,
  }, { segments: count, cols: x.shape[1]!, mean: Number(mean) });
}

/** The adjoint of `sum`: each segment's row for every row in it. */
function unsum(
  x: Tensor,
  { starts, ends, ids, count, rows }: Segments,
  out: Tensor,
  mean: boolean,
): void {
  x.device.launch(segmentSpreadKernel, {
    x: x.storage,
    ids: ids.storage,
    starts: starts.storage,
    ends: ends.storage,
    out: out.storage,
  }, { rows, segments: count, cols: x.shape[1]!, mean: Number(mean) });
}

function summing(name: string, mean: boolean): SegmentOp {
  return defineOp<readonly [Tensor], Attributes>({
    name,
    beside,
    shape: ([x], { segments }) =>
      reshaped(name, x, segments.rows, segments.count),
    forward: (out, [x], { segments }) => sum(x, segments, out, mean),
    vjp: ({ g, inputs: [x], attributes: { segments } }) => {
      const dx = Tensor.empty(g.device, x.shape);
      unsum(g, segments, dx, mean);
      return [dx];
    },
  });
}

function choosing(name: string, kernel: SegmentExtremeKernel): SegmentOp {
  return defineOp<readonly [Tensor], Attributes, Tensor>({
    name,
    beside,
    shape: ([x], { segments }) =>
      reshaped(name, x, segments.rows, segments.count),
    forward: (out, [x], { segments: { starts, ends, count } }) => {
      const chosen = Tensor.empty(out.device, out.shape, "u32");
      x.device.launch(kernel, {
        x: x.storage,
        starts: starts.storage,
        ends: ends.storage,
        out: out.storage,
        chosen: chosen.storage,
      }, { segments: count, cols: x.shape[1]! });
      return chosen;
    },
    vjp: ({ g, inputs: [x], attributes: { segments }, saved: chosen }) => {
      const { ids, rows, count } = segments;
      const dx = Tensor.empty(g.device, x.shape);
      g.device.launch(segmentExtremeGradKernel, {
        g: g.storage,
        chosen: chosen.storage,
        ids: ids.storage,
        dx: dx.storage,
      }, { rows, segments: count, cols: x.shape[1]! });
      return [dx];
    },
  });
}

const applyMax = choosing("segmentMax", segmentMaxKernel);
const applyMin = choosing("segmentMin", segmentMinKernel);
const applySum = summing("segmentSum", false);
const applyMean = summing("segmentMean", true);

const applySpread = defineOp<readonly [Tensor], Attributes>({
  name: "spread",
  beside,
  shape: ([x], { segments }) =>
    reshaped("spread", x, segments.count, segments.rows),
  forward: (out, [x], { segments }) => unsum(x, segments, out, false),
  vjp: ({ g, inputs: [x], attributes: { segments } }) => {
    const dx = Tensor.empty(g.device, x.shape);
    sum(g, segments, dx, false);
    return [dx];
  },
});

/**
 * Largest element of each segment per column, the first NaN if there is one; 0
 * for an empty segment. Among equals the first row gets the gradient. x: [R, D] -> [P, D]
 *
 * Throws a `ShapeError` unless x has as many rows as `segments`.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   openDevice,
 *   Scope,
 *   segmentMax,
 *   Segments,
 *   Tensor,
 * } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [3, 1], [1, 3, 2]);
 * const segments = Segments.fromIds(device, Uint32Array.of(0, 0, 1), 2);
 * assertEquals([...await segmentMax(x, segments).data()], [3, 2]);
 * ```
 */
export function segmentMax(x: Tensor, segments: Segments): Tensor {
  return applyMax([x], { segments });
}

/** Smallest element of each segment, otherwise like {@linkcode segmentMax}. */
export function segmentMin(x: Tensor, segments: Segments): Tensor {
  return applyMin([x], { segments });
}

/** Sum of the rows of each segment, otherwise like {@linkcode segmentMax}. */
export function segmentSum(x: Tensor, segments: Segments): Tensor {
  return applySum([x], { segments });
}

/** Mean of the rows of each segment, otherwise like {@linkcode segmentMax}. */
export function segmentMean(x: Tensor, segments: Segments): Tensor {
  return applyMean([x], { segments });
}

/**
 * Copies each segment's row to all rows in it; rows outside of all segments
 * become 0. The adjoint of {@linkcode segmentSum}. x: [P, D] -> [R, D]
 *
 * Throws a `ShapeError` unless x has one row per segment.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   openDevice,
 *   Scope,
 *   Segments,
 *   spread,
 *   Tensor,
 * } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [2, 1], [7, 8]);
 * const segments = Segments.fromIds(device, Uint32Array.of(2, 0, 0, 1), 2);
 * assertEquals([...await spread(x, segments).data()], [0, 7, 7, 8]);
 * ```
 */
export function spread(x: Tensor, segments: Segments): Tensor {
  return applySpread([x], { segments });
}
