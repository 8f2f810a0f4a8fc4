import { layerNormBiasedKernel, layerNormKernel } from "../../kernels/mod.ts";
import {
  layerNormGradAddedKernel,
  layerNormGradKernel,
  normGradBlock,
  rmsNormGradAddedKernel,
  rmsNormGradKernel,
  rmsNormKernel,
} from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { simdTest } from "../support/simd.ts";

const SHAPES = [[1, 1], [2, 3], [3, 4], [7, 5], [5, 61], [37, 128]] as const;

simdTest(
  rmsNormKernel,
  SHAPES.map(([rows, cols]) => ({
    buffers: { x: rows * cols, gain: cols, out: rows * cols, rstd: rows },
    sizes: { rows, cols, eps: 0.125 },
  })),
  sumOf(128),
);

for (const kernel of [rmsNormGradKernel, rmsNormGradAddedKernel]) {
  simdTest(
    kernel,
    SHAPES.map(([rows, cols]) => {
      const block = normGradBlock(cols);
      const all = rows * cols;
      const sums = Math.ceil(rows / block) * cols;
      return {
        buffers: {
          x: all,
          gain: cols,
          rstd: rows,
          g: all,
          base: all,
          dx: all,
          dgains: sums,
        },
        sizes: { rows, cols, block },
      };
    }),
    sumOf(128),
  );
}

for (const kernel of [layerNormKernel, layerNormBiasedKernel]) {
  simdTest(
    kernel,
    SHAPES.map(([rows, cols]) => ({
      buffers: {
        x: rows * cols,
        gain: cols,
        bias: cols,
        out: rows * cols,
        stats: 2 * rows,
      },
      sizes: { rows, cols, eps: 0.125 },
    })),
    sumOf(128),
  );
}

for (const kernel of [layerNormGradKernel, layerNormGradAddedKernel]) {
  simdTest(
    kernel,
    SHAPES.map(([rows, cols]) => {
      const block = normGradBlock(cols);
      const all = rows * cols;
      const sums = Math.ceil(rows / block) * cols;
      return {
        buffers: {
          x: all,
          gain: cols,
          stats: 2 * rows,
          g: all,
          base: all,
          dx: all,
          dgains: sums,
          dbiases: sums,
        },
        sizes: { rows, cols, block },
      };
    }),
    sumOf(128),
  );
}
