import { stageWidths, sumKernel } from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp, type Op } from "../op.ts";
import {
  aroundAxis,
  broadcastShapes,
  broadcastStrides,
  sameShape,
} from "../shape.ts";
import { type Shape, Tensor } from "../tensor.ts";
import { gather } from "./strided.ts";

/**
 * Repeats `x` along axes that it lacks or where its size is 1, by NumPy's
 * rule: [1, D] -> [B, T, D]. Throws a `ShapeError` when it does not fit.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { broadcastTo, openDevice, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [2, 1], [1, 2]);
 * using y = broadcastTo(x, [2, 2]);
 * assertEquals([...await y.data()], [1, 1, 2, 2]);
 * ```
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return defineOp<readonly [Tensor]>({
    name: "broadcastTo",
    dtypes: [x.dtype],
    result: x.dtype,
    shape: ([from]) => {
      checkBroadcast("broadcastTo", from, shape);
      return shape;
    },
    forward: (out, [x]) =>
      gather(out, x, { strides: broadcastStrides(x.shape, shape) }),
    vjp: ({ g, inputs: [x] }) => [sumTo(g, x.shape)],
  })([x], undefined);
}

/**
 * Sums `x` down to a shape that broadcasts to its own: [B, T, D] -> [1, D].
 * The order of the additions is fixed. Throws a `ShapeError` when the shape
 * does not broadcast to that of `x`.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, sumTo, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
 * using y = sumTo(x, [2]);
 * assertEquals([...await y.data()], [4, 6]);
 * ```
 */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  return sumOp([x], { kept: shape, shape });
}

/**
 * Sum as an operation: `kept` is the shape that broadcasts to that of `x`,
 * `shape` that of the result, of the same size.
 */
export const sumOp: Op<
  readonly [Tensor],
  { readonly kept: Shape; readonly shape: Shape }
> = defineOp({
  name: "sum",
  shape: ([x], { kept, shape }) => {
    checkBroadcast("sumTo", kept, x);
    return shape;
  },
  forward: (out, [x], { kept }) => sumInto(out, x, kept),
  vjp: ({ g, inputs: [x], attributes: { kept } }) => {
    using view = g.view(kept);
    return [broadcastTo(view, x.shape)];
  },
});

function checkBroadcast(op: string, from: Shape, to: Shape): void {
  if (!sameShape(broadcastShapes(op, [from, to]), to)) {
    throw new ShapeError(
      op,
      [from, to],
      "the first must broadcast to the second",
    );
  }
}

/** Sums one run of neighbouring axes after the other, the outermost first. */
function sumInto(out: Tensor, x: Tensor, kept: Shape): void {
  const runs = runsOf(x.shape, kept);
  let from = x;
  let shape: Shape = runs.map(({ size }) => size);
  const summed = [...runs.keys()].filter((axis) => runs[axis]!.summed);
  for (const axis of summed) {
    const { outer, axis: size, inner } = aroundAxis(shape, axis);
    let length = size * inner;
    const widths = stageWidths(outer, size, inner);
    for (const [stage, width] of widths.entries()) {
      const last = axis === summed.at(-1) && stage === widths.length - 1;
      const to = last ? out : Tensor.empty(x.device, [outer * width]);
      const buffers = { x: from.storage, out: to.storage };
      x.device.launch(sumKernel, buffers, { outer, length, width });
      if (from !== x) from.dispose();
      from = to;
      length = width;
    }
    shape = shape.with(axis, 1);
  }
}

/** Axes joined to runs that are summed or not; at least one is summed. */
function runsOf(
  shape: Shape,
  kept: Shape,
): { size: number; summed: boolean }[] {
  const runs: { size: number; summed: boolean }[] = [];
  const missing = shape.length - kept.length;
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue;
    const summed = axis < missing || kept[axis - missing] === 1;
    const last = runs.at(-1);
    if (last?.summed === summed) last.size *= size;
    else runs.push({ size, summed });
  }
  // Without one, the sum is a copy: over an axis of one element.
  if (!runs.some(({ summed }) => summed)) runs.push({ size: 1, summed: true });
  return runs;
}
