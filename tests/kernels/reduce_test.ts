import { assert, assertEquals } from "@std/assert";
import {
  maxGradKernel,
  maxKernel,
  maxNextKernel,
  stageWidths,
  sumKernel,
} from "../../kernels/reduce.ts";

Deno.test("stageWidths() adds up at most 1024 elements at a time", () => {
  assertEquals(stageWidths(3, 5, 4), [4]);
  assertEquals(stageWidths(1, 0, 4), [4]);
  assertEquals(stageWidths(1, 1_000_000, 1), [1000, 32, 1]);
  for (const axis of [1, 64, 65, 1025, 100_003, 5_000_000]) {
    for (const [outer, inner] of [[1, 1], [3, 7], [5000, 1]] as const) {
      let length = axis * inner;
      for (const width of stageWidths(outer, axis, inner)) {
        assert(length / width <= 1024, `${axis}: ${length} to ${width}`);
        assertEquals(width % inner, 0);
        length = width;
      }
      assertEquals(length, inner);
    }
  }
});

Deno.test("sumKernel adds elements that are its width apart", () => {
  const x = Float64Array.from({ length: 14 }, (_, i) => 2 ** i);
  const out = new Float64Array(6);
  sumKernel.define({ x, out }, { outer: 2, length: 7, width: 3 });
  assertEquals([...out], [73, 18, 36, 73 * 128, 18 * 128, 36 * 128]);
  sumKernel.define({ x, out }, { outer: 2, length: 7, width: 1 });
  assertEquals([...out.subarray(0, 2)], [127, 127 * 128]);
});

Deno.test("maxKernel and maxNextKernel find the first largest", () => {
  const x = Float64Array.of(1, 5, 5, 2, 5, 0);
  const value = new Float64Array(2);
  const places = new Uint32Array(2);
  const sizes = { outer: 1, length: 6, width: 2 };
  maxKernel.define({ x, value, place: places }, { ...sizes, inner: 1 });
  assertEquals([...value], [5, 5]);
  assertEquals([...places], [2, 1]);

  const best = new Float64Array(1);
  const place = new Uint32Array(1);
  maxNextKernel.define(
    { x: value, places, value: best, place },
    { outer: 1, length: 2, width: 1 },
  );
  assertEquals([best[0], place[0]], [5, 1]);
});

Deno.test("maxGradKernel passes the gradient to one element", () => {
  const dx = new Float64Array(12).fill(NaN);
  maxGradKernel.define(
    { g: Float64Array.of(1, 2, 3, 4), place: Uint32Array.of(0, 2, 1, 1), dx },
    { outer: 2, axis: 3, inner: 2 },
  );
  assertEquals([...dx], [1, 0, 0, 0, 0, 2, 0, 0, 3, 4, 0, 0]);
});
