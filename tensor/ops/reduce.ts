import {
  maxGradKernel,
  maxKernel,
  maxNextKernel,
  stageWidths,
} from "../../kernels/mod.ts";
import { ShapeError } from "../errors.ts";
import { defineOp, type Op } from "../op.ts";
import { noGrad } from "../recording.ts";
import { aroundAxis, axisOf } from "../shape.ts";
import { type Shape, Tensor } from "../tensor.ts";
import { sumOp } from "./broadcast.ts";
import { add, clamp, exp, log, mul, sub } from "./elementwise.ts";

/** Largest f32. */
const MOST = 3.4028234663852886e38;

/** Options of reductions. */
export interface ReduceOptions {
  /** Axis to reduce, from the back when negative; all when left out. */
  readonly axis?: number;
  /** Keep reduced axes with size 1; default false. */
  readonly keepDims?: boolean;
}

/** A reduction: what it works on, and what comes out. */
interface Reduction {
  /** Shape with size 1 where it was reduced. */
  readonly kept: Shape;
  /** Shape of the result. */
  readonly shape: Shape;
  /** Sizes around the reduced axis; all axes count as one. */
  readonly outer: number;
  readonly axis: number;
  readonly inner: number;
}

function reductionOf(
  op: string,
  { shape, size }: Tensor,
  { axis, keepDims = false }: ReduceOptions,
): Reduction {
  if (axis === undefined) {
    const kept = shape.map(() => 1);
    const around = { outer: 1, axis: size, inner: 1 };
    return { kept, shape: keepDims ? kept : [], ...around };
  }
  const at = axisOf(op, shape, axis);
  const kept = shape.with(at, 1);
  return {
    kept,
    shape: keepDims ? kept : shape.toSpliced(at, 1),
    ...aroundAxis(shape, at),
  };
}

/**
 * Sum along an axis, or of all: [B, T] -> [B] with axis 1, [] without. The
 * order of the additions is fixed. Throws a `ShapeError` without such an axis.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, sum, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
 * using y = sum(x, { axis: 1 });
 * assertEquals([...await y.data()], [3, 7]);
 * ```
 */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return sumOp([x], reductionOf("sum", x, options));
}

/**
 * Mean along an axis, or of all; NaN over no elements. Throws a `ShapeError`
 * without such an axis.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mean, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
 * assertEquals([...await mean(x).data()], [2.5]);
 * ```
 */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const { axis } = reductionOf("mean", x, options);
  return mul(sum(x, options), 1 / axis);
}

/** Fills `value` and `place` by stages. */
function launchMax(
  value: Tensor,
  place: Tensor,
  x: Tensor,
  { outer, axis, inner }: Reduction,
): void {
  const { device } = x;
  let length = axis * inner;
  let from: { value: Tensor; place: Tensor } | undefined;
  const widths = stageWidths(outer, axis, inner);
  for (const [stage, width] of widths.entries()) {
    const last = stage === widths.length - 1;
    const to = last ? { value, place } : {
      value: Tensor.empty(device, [outer * width]),
      place: Tensor.empty(device, [outer * width], "u32"),
    };
    const out = { value: to.value.storage, place: to.place.storage };
    if (from) {
      const buffers = { x: from.value.storage, places: from.place.storage };
      const sizes = { outer, length, width };
      device.launch(maxNextKernel, { ...buffers, ...out }, sizes);
      from.value.dispose();
      from.place.dispose();
    } else {
      const sizes = { outer, length, width, inner };
      device.launch(maxKernel, { x: x.storage, ...out }, sizes);
    }
    from = to;
    length = width;
  }
}

function maxShape(op: string, x: Shape, { axis, shape }: Reduction): Shape {
  if (axis === 0) throw new ShapeError(op, [x], "no element to choose from");
  return shape;
}

const maxOp: Op<readonly [Tensor], Reduction> = defineOp<
  readonly [Tensor],
  Reduction,
  Tensor
>({
  name: "max",
  shape: ([x], reduction) => maxShape("max", x, reduction),
  forward: (out, [x], reduction) => {
    const place = Tensor.empty(x.device, out.shape, "u32");
    launchMax(out, place, x, reduction);
    return place;
  },
  vjp: ({ g, inputs: [x], attributes: { outer, axis, inner }, saved }) => {
    const dx = Tensor.empty(x.device, x.shape);
    const buffers = { g: g.storage, place: saved.storage, dx: dx.storage };
    x.device.launch(maxGradKernel, buffers, { outer, axis, inner });
    return [dx];
  },
});

/**
 * Largest element along an axis, or of all; the first NaN, if there is one. In a
 * tie the gradient goes to the first. Throws a `ShapeError` without such an axis or without elements.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { max, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [2, 2], [1, 2, 4, 3]);
 * assertEquals([...await max(x, { axis: 1 }).data()], [2, 4]);
 * ```
 */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return maxOp([x], reductionOf("max", x, options));
}

const argmaxOp: Op<readonly [Tensor], Reduction> = defineOp({
  name: "argmax",
  result: "u32",
  shape: ([x], reduction) => maxShape("argmax", x, reduction),
  forward: (out, [x], reduction) => {
    const value = Tensor.empty(x.device, out.shape);
    launchMax(value, out, x, reduction);
    value.dispose();
  },
});

/**
 * Place (u32) of the largest element along an axis, or among all in row-major
 * order; the first in a tie, the first NaN if there is one. Throws a `ShapeError` without such an axis or
 * without elements.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { argmax, openDevice, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [2, 2], [1, 2, 4, 3]);
 * using places = argmax(x, { axis: 1 });
 * assertEquals([...await places.indices()], [1, 0]);
 * ```
 */
export function argmax(x: Tensor, options: ReduceOptions = {}): Tensor {
  return argmaxOp([x], reductionOf("argmax", x, options));
}

/**
 * ln of the sum of eˣ along an axis, or of all, without overflow; -Infinity if
 * all are that, Infinity if one is and none is NaN. Throws a
 * `ShapeError` without such an axis or without elements.
 *
 * @example Usage
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { logSumExp, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [2], [100, 100]);
 * const [y = NaN] = await logSumExp(x).data();
 * assertAlmostEquals(y, 100 + Math.log(2), 1e-5);
 * ```
 */
export function logSumExp(x: Tensor, options: ReduceOptions = {}): Tensor {
  const { kept, shape } = reductionOf("logSumExp", x, options);
  // As a constant: the gradient through the maximum cancels.
  // Infinity minus itself would be NaN, so only finite numbers are taken away.
  const largest = noGrad(() =>
    clamp(max(x, { ...options, keepDims: true }), -MOST, MOST)
  );
  const total = sumOp([exp(sub(x, largest))], { kept, shape });
  return add(log(total), largest.view(shape));
}
