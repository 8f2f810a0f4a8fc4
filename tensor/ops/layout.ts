import { fillKernel, stridesOf } from "../../kernels/mod.ts";
import { listOf, ShapeError, textOf } from "../errors.ts";
import { defineOp, type Inputs } from "../op.ts";
import { axisOf, sameShape } from "../shape.ts";
import { type Shape, Tensor } from "../tensor.ts";
import { gather, scatter } from "./strided.ts";

/**
 * Reorders the axes: axis i of the result is axis `axes[i]` of `x`.
 * [B, T, H, E] -> [B, H, T, E] with axes [0, 2, 1, 3]. Throws a `ShapeError`
 * unless `axes` names every axis once.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, permute, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [2, 2], [1, 2, 3, 4]);
 * using y = permute(x, [1, 0]);
 * assertEquals([...await y.data()], [1, 3, 2, 4]);
 * ```
 */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  return defineOp<readonly [Tensor]>({
    name: "permute",
    dtypes: [x.dtype],
    result: x.dtype,
    shape: ([shape]) => {
      if (!sameShape(axes.toSorted((a, b) => a - b), [...shape.keys()])) {
        throw new ShapeError(
          "permute",
          [shape],
          `the axes must be all of 0 to ${shape.length - 1}, got ${
            textOf(axes)
          }`,
        );
      }
      return axes.map((axis) => shape[axis]!);
    },
    forward: (out, [x]) => {
      const strides = stridesOf(x.shape);
      gather(out, x, { strides: axes.map((axis) => strides[axis]!) });
    },
    vjp: ({ g }) => [permute(g, axes.map((_, axis) => axes.indexOf(axis)))],
  })([x], undefined);
}

/**
 * Part of `x`: elements `start` to `end` - 1 of each axis, in order; axes
 * without a range stay whole. Throws a
 * `ShapeError` when a range is not inside its axis.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDevice, slice, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using x = Tensor.from(device, [2, 3], [1, 2, 3, 4, 5, 6]);
 * using y = slice(x, [[0, 2], [1, 3]]);
 * assertEquals([...await y.data()], [2, 3, 5, 6]);
 * ```
 */
export function slice(
  x: Tensor,
  ranges: readonly (readonly [start: number, end: number])[],
): Tensor {
  const strides = stridesOf(x.shape);
  let offset = 0;
  for (const [axis, [start]] of ranges.entries()) {
    offset += start * (strides[axis] ?? 0);
  }
  return defineOp<readonly [Tensor]>({
    name: "slice",
    dtypes: [x.dtype],
    result: x.dtype,
    shape: ([shape]) => slicedShape(shape, ranges),
    forward: (out, [x]) => gather(out, x, { strides, offset }),
    vjp: ({ g, inputs: [x] }) => {
      const dx = Tensor.empty(x.device, x.shape);
      const sizes = { length: dx.size, value: 0 };
      x.device.launch(fillKernel, { out: dx.storage }, sizes);
      scatter(dx, g, { strides, offset });
      return [dx];
    },
  })([x], undefined);
}

function slicedShape(
  shape: Shape,
  ranges: readonly (readonly [start: number, end: number])[],
): Shape {
  const inside = ranges.every(([start, end], axis) =>
    Number.isInteger(start) && Number.isInteger(end) &&
    0 <= start && start <= end && end <= (shape[axis] ?? -1)
  );
  if (!inside) {
    throw new ShapeError(
      "slice",
      [shape],
      `ranges must lie inside the axes, got [${
        listOf(ranges.map((range) => `[${range}]`), ",")
      }]`,
    );
  }
  return shape.map((size, axis) => {
    const [start, end] = ranges[axis] ?? [0, size];
    return end - start;
  });
}

/**
 * Joins tensors along an axis, from the back when negative:
 * [T, D] and [U, D] -> [T + U, D]. Throws a `ShapeError` when other axes
 * differ, and a `TypeError` without tensors.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { concat, openDevice, Scope, Tensor } from "@club/club/tensor";
 *
 * using device = await openDevice("cpu");
 * using _scope = new Scope();
 * const x = Tensor.from(device, [2, 1], [1, 2]);
 * const y = Tensor.from(device, [2, 2], [3, 4, 5, 6]);
 * assertEquals([...await concat([x, y], 1).data()], [1, 3, 4, 2, 5, 6]);
 * ```
 */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors;
  if (!first) throw new TypeError("Cannot concat: expected tensors, got none");
  const { dtype } = first;
  const at = axisOf("concat", first.shape, axis);
  const starts: number[] = [];
  let size = 0;
  for (const { shape } of tensors) {
    starts.push(size);
    size += shape[at] ?? 0;
  }
  return defineOp<Inputs>({
    name: "concat",
    dtypes: tensors.map(() => dtype),
    result: dtype,
    shape: () => {
      const joined = first.shape.with(at, size);
      const shapes = tensors.map(({ shape }) => shape);
      const fits = shapes.every((shape) =>
        shape.length > at && sameShape(shape.with(at, size), joined)
      );
      if (!fits) {
        throw new ShapeError(
          "concat",
          shapes,
          `all axes but axis ${at} must be equal`,
        );
      }
      return joined;
    },
    forward: (out) => {
      const strides = stridesOf(out.shape);
      for (const [i, x] of tensors.entries()) {
        scatter(out, x, { strides, offset: starts[i]! * strides[at]! });
      }
    },
    vjp: ({ g, wants }) =>
      tensors.map(({ shape }, i) => {
        if (!wants(i)) return undefined;
        const start = starts[i]!;
        return slice(
          g,
          g.shape.map((size, axis) =>
            axis === at ? [start, start + shape[at]!] : [0, size]
          ),
        );
      }),
  })(tensors as unknown as Inputs, undefined);
}
