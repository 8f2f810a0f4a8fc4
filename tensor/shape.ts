import { ShapeError } from "./errors.ts";

/** Sizes of the axes, outermost first. */
export type Shape = readonly number[];

/** Whether both have the same axes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * Shape that all of `shapes` broadcast to, by NumPy's rule: aligned at the
 * last axis, sizes are equal or 1. Throws a `ShapeError` that names `op`.
 */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  const rank = shapes.reduce((most, { length }) => Math.max(most, length), 0);
  return Array.from({ length: rank }, (_, axis) => {
    let common = 1;
    for (const shape of shapes) {
      const size = shape[axis - rank + shape.length] ?? 1;
      if (size === 1 || size === common) continue;
      if (common !== 1) {
        throw new ShapeError(
          op,
          shapes,
          "aligned at the last axis, sizes must be equal or 1",
        );
      }
      common = size;
    }
    return common;
  });
}

/**
 * Strides with which a dense tensor of shape `from` is read along the axes of
 * `to`, which it broadcasts to: 0 where it does.
 */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = new Array<number>(to.length).fill(0);
  const missing = to.length - from.length;
  let step = 1;
  for (let axis = from.length - 1; axis >= 0; axis--) {
    if (from[axis] !== 1) strides[axis + missing] = step;
    step *= from[axis]!;
  }
  return strides;
}

/**
 * Number of an axis counted from the front; negative ones count from the back.
 * Throws a `ShapeError` that names `op` when there is no such axis.
 */
export function axisOf(op: string, shape: Shape, axis: number): number {
  const found = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || found < 0 || found >= shape.length) {
    throw new ShapeError(
      op,
      [shape],
      `the axis must be a whole number from ${-shape.length} to ${
        shape.length - 1
      }, got ${axis}`,
    );
  }
  return found;
}

/** A shape around one axis: sizes before it, its own, and behind it. */
export interface AxisView {
  /** Product of the sizes before the axis. */
  readonly outer: number;
  /** Size of the axis. */
  readonly axis: number;
  /** Product of the sizes behind the axis. */
  readonly inner: number;
}

/** `shape` as [outer, axis, inner] around axis number `at`. */
export function aroundAxis(shape: Shape, at: number): AxisView {
  const product = (sizes: Shape): number => sizes.reduce((a, b) => a * b, 1);
  return {
    outer: product(shape.slice(0, at)),
    axis: shape[at]!,
    inner: product(shape.slice(at + 1)),
  };
}
