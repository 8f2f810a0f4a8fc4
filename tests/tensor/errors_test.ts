import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  DisposedError,
  DTypeError,
  listOf,
  ShapeError,
} from "../../tensor/mod.ts";

Deno.test("ShapeError says which operation, which shapes and which rule", () => {
  const error = new ShapeError("linear", [[1, 4], [2, 3]], "axes differ");
  assertInstanceOf(error, TypeError);
  assertEquals(error.name, "ShapeError");
  assertEquals(
    error.message,
    "Cannot apply linear to [1, 4] and [2, 3]: axes differ",
  );
  assertEquals(error.shapes, [[1, 4], [2, 3]]);
});

Deno.test("DTypeError says which operation, which types and which rule", () => {
  const error = new DTypeError("add", ["f32", "u32"], "input 1 must be f32");
  assertInstanceOf(error, TypeError);
  assertEquals(error.name, "DTypeError");
  assertEquals(
    error.message,
    "Cannot apply add to f32 and u32: input 1 must be f32",
  );
  assertEquals(error.dtypes, ["f32", "u32"]);
});

Deno.test("DisposedError says how to keep a tensor", () => {
  const error = new DisposedError([2, 3]);
  assertInstanceOf(error, ReferenceError);
  assertEquals(
    error.message,
    "Cannot use a tensor of shape [2, 3]: its memory was freed; keep it with scope.keep(tensor) or make it outside the scope, and do not close the run or weights that it belongs to",
  );
});

Deno.test("messages about many parts stay short", () => {
  const many = Array.from({ length: 100_000 }, (_, i) => i);
  const letters = "x".repeat(100_000);
  for (
    const error of [
      new ShapeError("concat", many.map((i) => [i, i]), "rule"),
      new ShapeError("sum", [many], "rule"),
      new ShapeError("sum", Array(99).fill(many), "rule"),
      new DTypeError("concat", many.map(String), "rule"),
      new DTypeError("concat", [letters, letters], "rule"),
      new DisposedError(many),
    ]
  ) {
    assert(error.message.length < 1500, error.message);
  }
  assertEquals(
    listOf(many.map(String), ", "),
    "0, 1, 2, 3, 4, 5, 6, 7 and 99992 more",
  );
  assertEquals(listOf([letters]), `${"x".repeat(100)}…`);
  assertEquals(
    new ShapeError("concat", many.slice(0, 9).map((i) => [i]), "rule").message,
    "Cannot apply concat to [0] and [1] and [2] and [3] and [4] and [5] and [6] and [7] and 1 more: rule",
  );
});
