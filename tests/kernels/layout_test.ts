import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type StridedCopy, stridedCopy } from "../../kernels/layout.ts";

function copy(work: StridedCopy, x: readonly number[], size: number): number[] {
  const { kernel, sizes } = stridedCopy(work);
  const out = new Float64Array(size);
  kernel.define({ x: Float64Array.from(x), out }, sizes);
  return [...out];
}

Deno.test("stridedCopy() gathers and scatters a part", () => {
  const part = {
    dtype: "f32",
    shape: [2, 2],
    strides: [1, 3],
    offset: 1,
  } as const;
  const x = [0, 1, 2, 3, 4, 5];
  assertEquals(copy({ ...part, direction: "gather" }, x, 4), [1, 4, 2, 5]);
  const back = copy({ ...part, direction: "scatter" }, [1, 4, 2, 5], 6);
  assertEquals(back, [0, 1, 2, 0, 4, 5]);
});

Deno.test("stridedCopy() shares kernels between sizes", () => {
  const work = { direction: "gather", dtype: "u32" } as const;
  const { kernel } = stridedCopy({ ...work, shape: [2, 3], strides: [1, 2] });
  assertStrictEquals(
    stridedCopy({ ...work, shape: [4, 5, 1], strides: [1, 9, 7] }).kernel,
    kernel,
  );
});

Deno.test("stridedCopy() names what is too much for it", () => {
  const shape = [2, 2, 2, 2, 2, 2];
  const strides = [1, 2, 4, 8, 16, 32];
  assertThrows(
    () => stridedCopy({ direction: "gather", dtype: "f32", shape, strides }),
    RangeError,
    "expected at most 5 axes that are not walked through in one go, got 6",
  );
});
