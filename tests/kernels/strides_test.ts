import { assertEquals } from "@std/assert";
import { collapse, forEachRun, stridesOf } from "../../kernels/strides.ts";

Deno.test("collapse() joins axes that all operands walk in one go", () => {
  const dims = [2, 1, 3, 4];
  assertEquals(collapse({ dims, strides: [stridesOf(dims)] }), {
    dims: [24],
    strides: [[1]],
  });
  assertEquals(
    collapse({ dims, strides: [stridesOf(dims), [0, 0, 4, 1]] }),
    { dims: [2, 12], strides: [[12, 1], [0, 1]] },
  );
  assertEquals(collapse({ dims: [1, 1], strides: [[1, 1]] }), {
    dims: [],
    strides: [[]],
  });
});

Deno.test("forEachRun() visits a range in runs of the innermost axis", () => {
  const runs: number[][] = [];
  forEachRun([2, 3], [10, 2], 1, 4, (...run) => runs.push(run));
  assertEquals(runs, [[0, 2, 2], [2, 10, 2]]);
});

Deno.test("stridesOf() is row-major", () => {
  assertEquals(stridesOf([2, 3, 4]), [12, 4, 1]);
  assertEquals(stridesOf([]), []);
});
