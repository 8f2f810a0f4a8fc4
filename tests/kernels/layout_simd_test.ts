import { stridedCopy } from "../../kernels/layout.ts";
import { EXACT } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

/** Shapes of the dense array, and where the strided one has its elements. */
const CASES = [
  { shape: [0], strides: [1] },
  { shape: [7], strides: [1], offset: 3 },
  { shape: [5], strides: [3], offset: 2 },
  { shape: [3, 5], strides: [9, 1], offset: 4 },
  { shape: [7, 3], strides: [1, 7] },
  { shape: [2, 3, 4], strides: [4, 8, 1] },
  { shape: [2, 3, 2, 2], strides: [1, 2, 12, 6] },
  { shape: [2, 2, 2, 2, 2], strides: [1, 4, 2, 16, 8] },
];

for (const direction of ["gather", "scatter"] as const) {
  for (const dtype of ["f32", "u32"] as const) {
    for (const { shape, strides, offset = 0 } of CASES) {
      const { kernel, sizes } = stridedCopy({
        direction,
        dtype,
        shape,
        strides,
        offset,
      });
      const length = shape.reduce((a, b) => a * b);
      const numbers = Array.from({ length: 64 }, (_, i) => 1000 + i);
      const dense = numbers.slice(0, length);
      const [x, out] = direction === "gather"
        ? [numbers, dense]
        : [dense, numbers];
      simdTest(kernel, [{ buffers: { x, out }, sizes }], EXACT);
    }
  }
}
