import { assertEquals, assertInstanceOf } from "@std/assert";
import { DisposedError, DTypeError, ShapeError } from "../../tensor/mod.ts";

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
