/** Items of a list that a message names, and letters of each. */
const NAMED = { items: 8, letters: 100 };

/**
 * `items` in a message of readable length: the first ones, shortened, and how
 * many more there are.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { listOf } from "@club/club/tensor";
 *
 * assertEquals(listOf(["a", "b"]), "a and b");
 * const many = Array.from({ length: 1000 }, (_, i) => `${i}`);
 * assertEquals(listOf(many, ", "), "0, 1, 2, 3, 4, 5, 6, 7 and 992 more");
 * ```
 */
export function listOf(items: readonly string[], joint = " and "): string {
  const some = items.slice(0, NAMED.items).map((item) =>
    item.length > NAMED.letters ? `${item.slice(0, NAMED.letters)}…` : item
  );
  const more = items.length - some.length;
  return `${some.join(joint)}${more > 0 ? ` and ${more} more` : ""}`;
}

/** A shape, or the like, as it is printed in messages: `[2, 3]`. */
export function textOf(numbers: readonly number[]): string {
  return `[${listOf(numbers.map(String), ", ")}]`;
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
    super(`Cannot apply ${op} to ${listOf(shapes.map(textOf))}: ${rule}`);
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
    super(`Cannot apply ${op} to ${listOf(dtypes)}: ${rule}`);
    this.name = "DTypeError";
    this.dtypes = dtypes;
  }
}

/** A tensor that was used after its memory was freed. */
export class DisposedError extends ReferenceError {
  /** `shape` is that of the tensor. */
  constructor(shape: readonly number[]) {
    super(
      `Cannot use a tensor of shape ${
        textOf(shape)
      }: its memory was freed; keep it with scope.keep(tensor) or make it outside the scope, and do not close the run or weights that it belongs to`,
    );
    this.name = "DisposedError";
  }
}
