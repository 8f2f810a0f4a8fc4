/** Shapes as they are printed in messages: `[2, 3] and [4]`. */
function listOf(shapes: readonly (readonly number[])[]): string {
  return shapes.map((shape) => `[${shape.join(", ")}]`).join(" and ");
}

/** Operands whose shapes do not fit the operation. */
export class ShapeError extends TypeError {
  /** Shapes of the operands, in order. */
  readonly shapes: readonly (readonly number[])[];

  /** `rule` states what was expected, and the cure where it is known. */
  constructor(
    op: string,
    shapes: readonly (readonly number[])[],
    rule: string,
  ) {
    super(`Cannot apply ${op} to ${listOf(shapes)}: ${rule}`);
    this.name = "ShapeError";
    this.shapes = shapes;
  }
}

/** Operands of the wrong element type. */
export class DTypeError extends TypeError {
  /** Element types of the operands, in order. */
  readonly dtypes: readonly string[];

  /** `rule` states what was expected. */
  constructor(op: string, dtypes: readonly string[], rule: string) {
    super(`Cannot apply ${op} to ${dtypes.join(" and ")}: ${rule}`);
    this.name = "DTypeError";
    this.dtypes = dtypes;
  }
}

/** A tensor that was used after its memory was freed. */
export class DisposedError extends ReferenceError {
  /** `shape` is that of the tensor. */
  constructor(shape: readonly number[]) {
    super(
      `Cannot use a tensor of shape [${
        shape.join(", ")
      }]: its memory was freed; keep it with scope.keep(tensor) or make it outside the scope, and do not close the run or weights that it belongs to`,
    );
    this.name = "DisposedError";
  }
}
