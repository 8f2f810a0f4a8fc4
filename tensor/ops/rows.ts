import { ShapeError } from "../errors.ts";
import { type Shape, sizeOf, type Tensor } from "../tensor.ts";

/** The matrix behind a tensor whose last axis holds the columns. */
export interface Rows {
  /** Product of all axes but the last. */
  readonly rows: number;
  /** Size of the last axis. */
  readonly cols: number;
}

/** Sizes of `x` as a matrix; its rank must be at least 1. */
export function rowsOf({ shape }: Tensor): Rows {
  return { rows: sizeOf(shape.slice(0, -1)), cols: shape.at(-1)! };
}

/** `shape` without its last axis. Throws a `ShapeError` when it has none. */
export function outerShape(op: string, shape: Shape): Shape {
  if (shape.length === 0) {
    throw new ShapeError(op, [shape], "rank must be >= 1");
  }
  return shape.slice(0, -1);
}

/** Throws a `ShapeError` unless `vector` is as long as the last axis of `x`. */
export function checkColumns(op: string, x: Shape, vector: Shape): void {
  outerShape(op, x);
  if (vector.length !== 1 || vector[0] !== x.at(-1)) {
    throw new ShapeError(
      op,
      [x, vector],
      "expected one number for each element of the last axis",
    );
  }
}

/** ln of the sum of the exponentials of each row, as two summands. */
export interface RowNorm {
  /** Largest of the row; would swallow the rest where it is large. */
  readonly top: Tensor;
  /** ln of the sum of the exponentials relative to it. */
  readonly rest: Tensor;
}
