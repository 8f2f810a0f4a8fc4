import { swigluGradKernel, swigluKernel } from "../../kernels/mod.ts";
import { ELEMENTWISE } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

const SHAPES = [[1, 1], [2, 3], [3, 4], [5, 13], [7, 68]] as const;

for (const kernel of [swigluKernel, swigluGradKernel]) {
  simdTest(
    kernel,
    SHAPES.map(([rows, width]) => ({
      buffers: {
        g: rows * width,
        x: 2 * rows * width,
        out: rows * width,
        dx: 2 * rows * width,
      },
      sizes: { rows, width },
    })),
    ELEMENTWISE,
  );
}
