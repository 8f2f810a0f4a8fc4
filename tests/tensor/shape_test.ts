import { assert, assertEquals, assertThrows } from "@std/assert";
import { ShapeError } from "../../tensor/errors.ts";
import {
  aroundAxis,
  axisOf,
  broadcastShapes,
  broadcastStrides,
  sameShape,
} from "../../tensor/shape.ts";

Deno.test("broadcastShapes() follows NumPy's rule", () => {
  assertEquals(broadcastShapes("add", [[3, 1], [4]]), [3, 4]);
  assertEquals(broadcastShapes("add", [[], [2, 3], [1, 1]]), [2, 3]);
  assertEquals(broadcastShapes("add", [[0, 3], [1, 3]]), [0, 3]);
  assertThrows(
    () => broadcastShapes("add", [[2, 3], [2]]),
    ShapeError,
    "Cannot apply add to [2, 3] and [2]: aligned at the last axis",
  );
  assertThrows(() => broadcastShapes("add", [[0], [2]]), ShapeError);
});

Deno.test("broadcastStrides() is 0 along repeated axes", () => {
  assertEquals(broadcastStrides([3, 1, 4], [2, 3, 5, 4]), [0, 4, 0, 1]);
  assertEquals(broadcastStrides([], [2]), [0]);
});

Deno.test("axisOf() counts negative axes from the back", () => {
  assertEquals(axisOf("sum", [2, 3], -1), 1);
  for (const axis of [2, -3, 0.5]) {
    assertThrows(
      () => axisOf("sum", [2, 3], axis),
      ShapeError,
      "the axis must be a whole number from -2 to 1",
    );
  }
});

Deno.test("aroundAxis() multiplies what is before and behind", () => {
  assertEquals(aroundAxis([2, 3, 4, 5], 2), { outer: 6, axis: 4, inner: 5 });
});

Deno.test("sameShape() compares rank and sizes", () => {
  assert(sameShape([2, 3], [2, 3]));
  assert(!sameShape([2, 3], [2, 3, 1]));
  assert(!sameShape([2, 3], [2, 4]));
});
