import {
  layerNormBiasedKernel,
  layerNormGradAddedKernel,
  layerNormGradKernel,
  layerNormKernel,
} from "../../kernels/mod.ts";
import { sumOf } from "../support/close.ts";
import { formsTest } from "../support/forms.ts";

const SHAPES = [[1, 1], [3, 5], [33, 64], [2, 1028], [2, 261]] as const;

for (const kernel of [layerNormKernel, layerNormBiasedKernel]) {
  formsTest(
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
    sumOf(1028),
  );
}

for (const kernel of [layerNormGradKernel, layerNormGradAddedKernel]) {
  formsTest(
    kernel,
    SHAPES.map(([rows, cols]) => ({
      buffers: {
        x: rows * cols,
        gain: cols,
        stats: 2 * rows,
        g: rows * cols,
        base: rows * cols,
        dx: rows * cols,
        dgains: Math.ceil(rows / 4) * cols,
        dbiases: Math.ceil(rows / 4) * cols,
      },
      sizes: { rows, cols, block: 4 },
    })),
    sumOf(1028),
  );
}
